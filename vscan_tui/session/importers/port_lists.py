"""Lists of ports: Nmap's grepable output, masscan's and naabu's, and plain `host:port` lines.

Each line stands for itself: one that cannot be read is named, and the rest goes on.
"""

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from vscan_tui.events import Protocol, Service
from vscan_tui.session.importers.model import (
    BadValueError,
    Imported,
    ImportedPort,
    host_of,
    port_of,
    protocol_of,
    shown,
    state_of,
)

MOST_PORTS_PER_LINE = 65_536

_GREPABLE = re.compile(r"(?:Timestamp:\s*\d+\s+)?Host:\s*(\S+)\s*(?:\(([^)]*)\))?(.*)")
_MASSCAN_LIST = re.compile(r"(\w+)\s+(tcp|udp|sctp|icmp)\s+(\d+)\s+(\S+)(?:\s.*)?", re.IGNORECASE)
_ENDPOINT = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?"
    r"(?:\[(?P<bracketed>[^\]\s]{1,100})\]|(?P<host>[^\s:\[\]/,@]{1,255}))"
    r"(?::|\s+)(?P<ports>\d[\d,-]*)(?:/(?P<protocol>[A-Za-z]+))?/?"
)
_RUSTSCAN = re.compile(r"(\S+)\s+->\s+\[([\d,\s]*)\]")
_NOT_JSON = re.compile(r"\{?\s*finished\s*:\s*1\s*\}?")
"""How masscan ended its JSON for some years."""


def read_grepable(text: str) -> Imported:
    """Read Nmap's grepable output (-oG), or masscan's."""
    imported = Imported(kind="Nmap grepable")
    for number, line in _lines(text):
        if line.startswith("#"):
            found = re.match(r"# (\S+ \S+) scan initiated .*? as: (.*)", line)
            if found:
                imported.program, imported.arguments = found[1], found[2]
            continue
        host = _GREPABLE.fullmatch(line)
        if host is None:
            imported.fault(number, f"{shown(line)} is no line of grepable output")
            continue
        for field in host[3].split("\t"):
            name, _, value = field.strip().partition(":")
            if name == "Ports":
                _take(imported, number, _grepable_ports(number, host[1], host[2] or "", value))
    return imported


def _grepable_ports(number: int, host: str, name: str, value: str) -> Iterator[ImportedPort]:
    # A comma may stand in a version; a port begins with its number and state.
    for entry in re.split(r",\s+(?=\d+/)", value.strip()):
        parts = (entry.rstrip(",").split("/") + [""] * 7)[:7]
        port, state, protocol, _, service, _, _ = parts
        tunnel, _, plain = service.rpartition("|")
        yield ImportedPort(
            host_of(host),
            protocol_of(protocol),
            port_of(port.strip()),
            state_of(state),
            name=name,
            service=Service(plain.rstrip("?"), tunnel="ssl" if tunnel == "ssl" else ""),
            line=number,
        )


def read_masscan_list(text: str) -> Imported:
    """Read masscan's list (-oL): `open tcp 80 192.0.2.1 1700000000`."""
    imported = Imported(kind="masscan list", program="masscan")
    for number, line in _lines(text):
        if line.startswith("#"):
            continue
        found = _MASSCAN_LIST.fullmatch(line)
        if found is None:
            imported.fault(number, f"{shown(line)} is no line of a masscan list")
        elif found[1].lower() != "banner":  # its port has a line of its own
            _take(imported, number, _listed_port(number, found))
    return imported


def _listed_port(number: int, found: re.Match[str]) -> Iterator[ImportedPort]:
    yield ImportedPort(
        host_of(found[4]),
        protocol_of(found[2]),
        port_of(found[3]),
        state_of(found[1]),
        line=number,
    )


def read_json(text: str) -> Imported:
    """Read masscan's JSON, naabu's JSON lines, and JSON of that kind.

    Such are the JSON lines and the journal of vscan, too.
    """
    imported = Imported(kind="JSON")
    unread = 0
    for number, line in _lines(text):
        plain = line.strip().strip(",")
        if plain in {"", "[", "]", "{}"} or _NOT_JSON.fullmatch(plain):
            continue
        try:
            value = json.loads(plain)
        except (ValueError, RecursionError):
            unread += 1
            imported.fault(number, f"{shown(line)} is no JSON")
            continue
        _take_json(imported, number, value)
    if unread and not imported.ports:
        # Not a line for each object: one document over many lines.
        try:
            value = json.loads(re.sub(r",(\s*\])", r"\1", text))
        except (ValueError, RecursionError):
            return imported
        imported = Imported(kind="JSON")
        _take_json(imported, 1, value)
    return imported


def _take_json(imported: Imported, number: int, value: object) -> None:
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict):
            _take(imported, number, _json_ports(number, entry))
        else:
            imported.fault(number, f"{shown(str(entry))} tells of no port")


def _json_ports(number: int, entry: dict[str, object]) -> Iterator[ImportedPort]:
    if entry.get("rec_type", "status") == "banner" or "journal" in entry:
        return
    if entry.get("type", "port") != "port" or entry.get("event", "port found") != "port found":
        return  # another line of a report or a journal of vscan
    inner = entry.get("endpoint")
    entry = {**entry, **inner} if isinstance(inner, dict) else entry
    host = next((entry[key] for key in ("ip", "address", "host") if entry.get(key)), None)
    if not isinstance(host, str):
        raise BadValueError("it names no host (ip, address or host)")
    name = entry.get("host")
    ports = entry.get("ports")
    for port in ports if isinstance(ports, list) else [entry]:
        if not isinstance(port, dict):
            raise BadValueError("its ports are no objects")
        if isinstance(port.get("service"), dict) and "status" not in port:
            continue  # masscan: the banner of a port that has an object of its own
        yield _json_port(number, host, name if isinstance(name, str) else "", port)


def _json_port(number: int, host: str, name: str, port: dict[str, object]) -> ImportedPort:
    told = port.get("port")
    if isinstance(told, dict):  # naabu before 2.1
        port = {"protocol": "udp" if told.get("Protocol") == 1 else "tcp"}
        told = told.get("Port")
    if isinstance(told, bool) or not isinstance(told, int | str):
        raise BadValueError("it names no port")
    protocol = port.get("proto", port.get("protocol", "tcp"))
    data = port.get("data")
    state = port.get("status", port.get("state", "open"))
    if isinstance(data, dict):
        state = data.get("status", state)
    reason = port.get("reason", "")
    return ImportedPort(
        host_of(host),
        protocol_of(str(protocol)),
        port_of(told),
        state_of(str(state)),
        reason if isinstance(reason, str) else "",
        "" if name == host else name,
        line=number,
    )


def read_endpoints(text: str) -> Imported:
    """Read `host:port` lines: names, IPv4, IPv6 in brackets, several ports, `/udp`."""
    imported = Imported(kind="host:port lines")
    for number, line in _lines(text):
        plain = line.partition("#")[0].strip()
        if plain:
            _take(imported, number, _endpoints(number, plain))
    return imported


def _endpoints(number: int, line: str) -> Iterator[ImportedPort]:
    rustscan = _RUSTSCAN.fullmatch(line)
    if rustscan:
        host = host_of(rustscan[1])
        for port in rustscan[2].replace(" ", "").split(","):
            yield ImportedPort(host, "tcp", port_of(port), line=number)
        return
    found = _ENDPOINT.fullmatch(line)
    if found is None:
        yield from _url(number, line)
        return
    host = host_of(found["bracketed"] or found["host"])
    scheme = found["scheme"] or ""
    protocol: Protocol = "udp" if scheme == "udp" else "tcp"
    if found["protocol"]:
        protocol = protocol_of(found["protocol"])
    count = 0
    for part in found["ports"].strip(",").split(","):
        first, dash, last = part.partition("-")
        low = port_of(first)
        high = port_of(last) if dash else low
        if low > high:
            raise BadValueError(f"{shown(part)} is backwards; write {high}-{low}")
        count += high - low + 1
        if count > MOST_PORTS_PER_LINE:
            raise BadValueError("it names more ports than there are")
        for port in range(low, high + 1):
            yield ImportedPort(host, protocol, port, line=number)


_WEB_PORTS = {"http": 80, "https": 443}


def _url(number: int, line: str) -> Iterator[ImportedPort]:
    try:
        parts = urlsplit(line)
        host, port = parts.hostname or "", parts.port or _WEB_PORTS.get(parts.scheme)
    except ValueError:
        host, port = "", None
    if not host or port is None or "://" not in line:
        raise BadValueError(
            f"{shown(line)} names no port; write host:port: 192.0.2.1:22 or [2001:db8::1]:22"
        )
    yield ImportedPort(host_of(host), "tcp", port, line=number)


def _take(imported: Imported, number: int, ports: Iterable[ImportedPort]) -> None:
    try:
        for port in ports:
            imported.ports.append(port)
    except BadValueError as error:
        imported.fault(number, f"{error}")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if line.strip():
            yield number, line.strip()
