"""Names of ports, and which ports are the most common.

The user's own `nmap-services` is used where there is one.  Else the names come
from the system's services database and the bundled list of common ports, and
the ranks from the bundled list, which is this project's own work.
"""

import fnmatch
import functools
import os
import pathlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from vscan_tui.bundled import bundled
from vscan_tui.events import Protocol
from vscan_tui.installed_nmap import nmap_file
from vscan_tui.scanning.targets.port_table_cache import KeptTable, kept_table, packed

LAST_PORT = 65535

_UNKNOWN = "unknown"
"""What stands in nmap-services for a port that has a rank and no name.

Nmap reports it like a name, so it is one; but a real name goes before it.
"""

_LARGEST_FILE = 16 * 1024 * 1024
"""Bytes; nmap-services has 1 MB, so what is larger is something else."""

_LINE = re.compile(
    r"^([^\s#]\S*)[ \t]+(\d{1,5})/(tcp|udp)\b(?:[ \t]+(\S+))?",
    re.ASCII | re.IGNORECASE | re.MULTILINE,
)


class Entry(NamedTuple):
    """One line of a services file; a tuple, because there are 27,000 of them."""

    name: str
    protocol: Protocol
    port: int
    weight: float = 0.0
    """The larger, the more common; 0 when the file says nothing of it."""


@dataclass(frozen=True, slots=True)
class PortTable:
    """Names and ranks of ports; build it with `build_port_table`."""

    source: str
    """Where the ranks come from, for messages: a path, or words."""
    names: Mapping[Protocol, Mapping[int, str]]
    ranking: Mapping[Protocol, tuple[int, ...]] = field(repr=False)
    """Port numbers, the most common first."""

    def name(self, protocol: Protocol, port: int) -> str:
        """Return the service name of a port, or nothing."""
        return self.names[protocol].get(port, "")

    def numbers(self, protocol: Protocol) -> Iterable[int]:
        """Return all port numbers that have a name or a rank, in no order."""
        return self.names[protocol].keys() | set(self.ranking[protocol])

    def numbers_named(self, pattern: str, protocol: Protocol) -> Iterator[int]:
        """Yield the ports whose service name matches; `*` and `?` are wildcards.

        Case does not count.
        """
        # Brackets mean something else in port specifications: they are no wildcards here.
        wanted = re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.IGNORECASE)
        for port, name in self.names[protocol].items():
            if wanted.match(name):
                yield port

    def most_common(self, protocol: Protocol, count: int) -> tuple[int, ...]:
        """Return the most common ports, most common first; fewer where fewer are ranked."""
        return self.ranking[protocol][:count]


def build_port_table(
    source: str, ranked: Iterable[Entry], named: Iterable[Entry] = ()
) -> PortTable:
    """Build a table from entries.

    Args:
        source: where the ranks come from, for messages.
        ranked: give names and ranks; the first name of a port counts.
        named: give names only, to ports that have none yet.
    """
    names: dict[Protocol, dict[int, str]] = {"tcp": {}, "udp": {}}
    weights: dict[Protocol, dict[int, float]] = {"tcp": {}, "udp": {}}
    nameless = []
    for entry in ranked:
        if entry.name != _UNKNOWN:
            names[entry.protocol].setdefault(entry.port, entry.name)
        else:
            nameless.append(entry)
        if entry.weight > 0:
            weights[entry.protocol].setdefault(entry.port, entry.weight)
    for entry in (*named, *nameless):
        names[entry.protocol].setdefault(entry.port, entry.name)
    ranking: dict[Protocol, tuple[int, ...]] = {
        protocol: tuple(sorted(ports, key=lambda port: (-ports[port], port)))
        for protocol, ports in weights.items()
    }
    return PortTable(source, names, ranking)


def parse_nmap_services(text: str) -> Iterator[Entry]:
    """Yield the entries of an `nmap-services` file: `name port/protocol frequency # comment`.

    Lines of other protocols and lines that cannot be read are passed over.
    """
    for name, number, protocol, frequency in _LINE.findall(text):
        port = int(number)
        if port <= LAST_PORT:
            yield Entry(name, _protocol(protocol), port, _weight(frequency))


def parse_system_services(text: str) -> Iterator[Entry]:
    """Yield the entries of a system services database: `name port/protocol aliases # comment`.

    The format is that of services(5), the same on every system.  Lines that
    cannot be read are passed over.
    """
    for name, number, protocol, _ in _LINE.findall(text):
        port = int(number)
        if port <= LAST_PORT:
            yield Entry(name, _protocol(protocol), port)


def parse_common_ports(text: str) -> Iterator[Entry]:
    """Yield the entries of the bundled list: `name TAB port/protocol TAB rank`.

    Ranks count from 1, the most common, for each protocol.

    Raises:
        ValueError: a line is malformed; the bundled list must have no faults.
    """
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        name, port, rank = line.split("\t")
        number, _, kind = port.partition("/")
        yield Entry(name, _protocol(kind), int(number), 1 / int(rank))


@functools.cache
def load_port_table() -> PortTable:
    """Return the table for this system; the files are read once for each process."""
    path = nmap_file("nmap-services")
    if path is not None:
        text = _read(path)
        table = _kept_table(str(path), text, lambda: parse_nmap_services(text))
        if table.ranking["tcp"]:
            return table
    return bundled_port_table()


def bundled_port_table() -> PortTable:
    """Return the table of the bundled list, with the names that the system adds."""
    common = (bundled("port-table") / "common-ports.tsv").read_text(encoding="utf-8")
    system = _read(_system_services_path(os.environ, sys.platform))
    return _kept_table(
        "the bundled list of common ports",
        f"{common}\0{system}",
        lambda: parse_common_ports(common),
        lambda: parse_system_services(system),
    )


def _kept_table(
    source: str,
    text: str,
    ranked: Callable[[], Iterable[Entry]],
    named: Callable[[], Iterable[Entry]] = tuple,
) -> PortTable:
    """The table of a text, which is parsed only if it was not before."""

    def build() -> KeptTable:
        table = build_port_table(source, ranked(), named())
        names = {protocol: packed(known) for protocol, known in table.names.items()}
        return KeptTable(names, dict(table.ranking))

    kept = kept_table(text, build)
    return PortTable(source, kept.names, kept.ranking)


def _system_services_path(environment: Mapping[str, str], platform: str) -> pathlib.Path:
    if platform == "win32":
        root = environment.get("SystemRoot", r"C:\Windows")
        return pathlib.Path(root) / "System32" / "drivers" / "etc" / "services"
    return pathlib.Path("/etc/services")


def _read(path: pathlib.Path) -> str:
    """Return the text of a file, or nothing when there is none that can be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_LARGEST_FILE).decode("latin-1")
    except (OSError, ValueError):
        return ""


def _protocol(word: str) -> Protocol:
    return "udp" if word.lower() == "udp" else "tcp"


def _weight(word: str) -> float:
    try:
        weight = float(word)
    except ValueError:
        return 0.0
    return weight if 0 < weight <= 1 else 0.0
