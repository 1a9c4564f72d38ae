"""The ports that files of other programs name (`--from`), read and told about."""

import sys
from dataclasses import dataclass
from pathlib import Path

from vscan_tui.commands.present import say
from vscan_tui.options.model import STANDARD_STREAM, ScanOptions
from vscan_tui.scanning.discovery.known_ports import KnownPort
from vscan_tui.scanning.targets.portspec import PortSelection
from vscan_tui.session.importers.model import Imported
from vscan_tui.session.importers.recognise import MAX_BYTES, read_bytes, read_ports, unpacked

FAULTS_TOLD = 20


@dataclass(frozen=True, slots=True)
class FoundPorts:
    """What the files named."""

    ports: tuple[KnownPort, ...]
    faults: int
    """So many lines could not be read."""


def known_ports(options: ScanOptions, selection: PortSelection) -> FoundPorts:
    """Read the files, and tell what in them cannot be read.

    Args:
        options: names the files.
        selection: the ports that may be asked.

    Raises:
        ImportFileError: a file cannot be read at all.
    """
    found: list[KnownPort] = []
    faults = 0
    allowed = {protocol: set(selection.numbers(protocol)) for protocol in options.protocols}
    for file in options.port_files:
        name, imported = _read(file)
        _tell(name, imported)
        faults += len(imported.faults) + imported.faults_left_out
        found += [
            KnownPort(port.host, port.protocol, port.port, port.state, port.reason, port.name)
            for port in imported.ports
            if port.may_be_open and port.port in allowed.get(port.protocol, ())
        ]
    return FoundPorts(tuple(found), faults)


def _read(file: str) -> tuple[str, Imported]:
    if file == STANDARD_STREAM:
        name = "standard input"
        return name, read_ports(unpacked(sys.stdin.buffer.read(MAX_BYTES + 1), name))
    return file, read_ports(read_bytes(Path(file)))


def _tell(name: str, imported: Imported) -> None:
    for fault in imported.faults[:FAULTS_TOLD]:
        say(f"vscan: {name}:{fault.line}: {fault.message}")
    more = len(imported.faults) + imported.faults_left_out - FAULTS_TOLD
    if more > 0:
        say(f"vscan: {name}: … and {more} more lines cannot be read")
    if not imported.ports:
        say(f"vscan: {name}: taken for {imported.kind}, it names no port")
