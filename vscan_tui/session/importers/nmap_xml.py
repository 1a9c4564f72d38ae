"""Nmap's XML, and that of programs that write it too (masscan).

Read with expat as it comes, never as a tree.  A document that declares
entities is refused: they serve attacks only (CWE-776, CWE-611).
"""

from contextlib import suppress
from dataclasses import dataclass, field
from xml.parsers import expat

from vscan_tui.events import TABLE_CONFIDENCE, Fields, Method, Service
from vscan_tui.session.importers.model import (
    BadValueError,
    Imported,
    ImportedPort,
    host_of,
    port_of,
    protocol_of,
    state_of,
)

MAX_DEPTH = 64
_CHUNK = 1 << 16
_MOST_CPES = 20


class _RefusedError(Exception):
    """The document holds what is not read for safety's sake."""


@dataclass(slots=True)
class _Port:
    line: int
    protocol: str
    number: str
    state: str = ""
    reason: str = ""
    service: dict[str, str] = field(default_factory=dict)
    cpes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Host:
    addresses: dict[str, str] = field(default_factory=dict)
    """By type: ipv4, ipv6, mac."""
    names: list[str] = field(default_factory=list)
    ports: list[_Port] = field(default_factory=list)


def read_nmap_xml(data: bytes) -> Imported:
    """Read a document; what was read before a fault in it is kept."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.EntityDeclHandler = _refuse
    parser.UnparsedEntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.StartElementHandler = lambda name, attributes: reader.start(
        name, attributes, parser.CurrentLineNumber
    )
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        for start in range(0, len(data), _CHUNK):
            parser.Parse(data[start : start + _CHUNK], False)  # noqa: FBT003 - expat has no keyword
        parser.Parse(b"", True)  # noqa: FBT003
    except expat.ExpatError as error:
        what = expat.errors.messages.get(error.code, "no XML")
        reader.end_of_damage()
        reader.imported.fault(error.lineno, f"the XML is damaged here ({what}); the rest is lost")
    except _RefusedError as error:
        reader.imported.fault(parser.CurrentLineNumber, str(error))
    except (ValueError, LookupError) as error:  # an encoding that nobody knows
        reader.imported.fault(parser.CurrentLineNumber, f"this is no XML: {error}")
    return reader.imported


def _refuse(*_: object) -> int:
    raise _RefusedError("it declares entities, which reports never do: nothing more is read")


class _Reader:
    """Takes elements, and keeps what they say of ports."""

    def __init__(self) -> None:
        self.imported = Imported(kind="Nmap XML")
        self._host: _Host | None = None
        self._port: _Port | None = None
        self._cpe: list[str] | None = None
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str], line: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _RefusedError(f"its elements lie deeper than {MAX_DEPTH} levels")
        match name:
            case "nmaprun":
                scanner, version = attributes.get("scanner", ""), attributes.get("version", "")
                self.imported.program = f"{scanner} {version}".strip()[:200]
                self.imported.arguments = attributes.get("args", "")[:10_000]
                self.imported.began = _seconds(attributes.get("start", ""))
            case "finished":
                self.imported.ended = _seconds(attributes.get("time", ""))
            case "host":
                self._host = _Host()
            case _ if self._host is not None:
                self._start_in_host(self._host, name, attributes, line)
            case _:
                pass

    def _start_in_host(self, host: _Host, name: str, attributes: dict[str, str], line: int) -> None:
        match name:
            case "address":
                kind = attributes.get("addrtype", "ipv4")
                host.addresses.setdefault(kind, attributes.get("addr", ""))
            case "hostname":
                host.names.append(attributes.get("name", "")[:255])
            case "port":
                self._port = _Port(
                    line, attributes.get("protocol", ""), attributes.get("portid", "")
                )
                host.ports.append(self._port)
            case "state" if self._port is not None:
                self._port.state = attributes.get("state", "")
                self._port.reason = attributes.get("reason", "")[:100]
            case "service" if self._port is not None:
                self._port.service = attributes
            case "cpe" if self._port is not None:
                self._cpe = []
            case _:
                pass

    def text(self, text: str) -> None:
        if self._cpe is not None:
            self._cpe.append(text)

    def end(self, name: str) -> None:
        self._depth -= 1
        match name:
            case "cpe" if self._cpe is not None and self._port is not None:
                if len(self._port.cpes) < _MOST_CPES:
                    self._port.cpes.append("".join(self._cpe)[:1000])
                self._cpe = None
            case "port":
                self._port = None
            case "host" if self._host is not None:
                self._keep(self._host)
                self._host = None
            case _:
                pass

    def end_of_damage(self) -> None:
        """Keep what is known of a host that the document does not tell to its end."""
        if self._host is not None:
            self._keep(self._host)
            self._host = None

    def _keep(self, host: _Host) -> None:
        address = host.addresses.get("ipv4") or host.addresses.get("ipv6") or ""
        with suppress(BadValueError):
            name = next((name for name in host.names if name), "")
            self.imported.hosts.setdefault(host_of(address), name)
        for port in host.ports:
            try:
                self.imported.ports.append(
                    ImportedPort(
                        host_of(address),
                        protocol_of(port.protocol),
                        port_of(port.number),
                        state_of(port.state),
                        port.reason,
                        next((name for name in host.names if name), ""),
                        _service(port),
                        port.service.get("servicefp", ""),
                        port.line,
                    )
                )
            except BadValueError as error:
                self.imported.fault(port.line, f"a port is left out: {error}")


def _service(port: _Port) -> Service:
    told = port.service
    fields = Fields(
        product=told.get("product", ""),
        version=told.get("version", ""),
        info=told.get("extrainfo", ""),
        hostname=told.get("hostname", ""),
        ostype=told.get("ostype", ""),
        devicetype=told.get("devicetype", ""),
        cpes=tuple(port.cpes),
    )
    confidence = told.get("conf", "")
    return Service(
        name=told.get("name", ""),
        fields=fields,
        tunnel="ssl" if told.get("tunnel") == "ssl" else "",
        method=Method.PROBED if told.get("method") == "probed" else Method.TABLE,
        confidence=int(confidence) if confidence in set(map(str, range(11))) else TABLE_CONFIDENCE,
    )


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 11 else 0.0
