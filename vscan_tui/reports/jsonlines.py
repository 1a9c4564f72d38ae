r"""JSON lines (`-oJ`): all that is known, one JSON object on each line, for programs.

The lines come in this order: `scan`; for each host its `host` line and then
its `port` lines; `done`.  All times are seconds since the Unix epoch, all
durations seconds.  Bytes are base64 (RFC 4648, section 4).  Text that came
from the network is Latin-1, one character a byte.  Whatever is not printable
ASCII is written as `\uXXXX`, so the file can be shown on any terminal.  A key
may be null or missing where nothing is known; new keys may appear.

What each key means is told by the JSON Schema in `data/schema/report.schema.json`
(see `vscan_tui.reports.schema`).
"""

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from vscan_tui.events import (
    DatabaseIdentity,
    Ending,
    HostState,
    Mark,
    Method,
    Outcome,
    PortState,
    Protocol,
    ScanEnding,
    Span,
    TlsDetails,
    TlsFindings,
)
from vscan_tui.reports import scan
from vscan_tui.reports.cpe import formatted_string
from vscan_tui.reports.fingerprint import fingerprint
from vscan_tui.reports.listing import is_shown, listing
from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.reports.parts import Parts
from vscan_tui.session.store import Exchange, Firing, Host, Port, Stage, Store

FORMAT = 1
VerdictFrom = Literal["hard match", "soft match", "tcpwrapped", "port table", "nothing"]

_ENCODER = msgspec.json.Encoder()
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")


class ScanLine(msgspec.Struct, frozen=True, tag="scan", tag_field="type"):
    """The first line."""

    format: int
    program: str
    arguments: tuple[str, ...]
    started: float
    pace: str
    intensity: int
    databases: tuple[DatabaseIdentity, ...]


class SummedPorts(msgspec.Struct, frozen=True):
    """Ports that have no line of their own."""

    protocol: Protocol
    state: PortState
    reason: str
    count: int
    ranges: tuple[Span, ...]


class HostLine(msgspec.Struct, frozen=True, tag="host", tag_field="type"):
    """One host."""

    address: str
    name: str
    reverse_name: str
    state: HostState
    reason: str
    latency: float | None
    other_addresses: tuple[str, ...]
    first: float
    last: float
    ports: int
    summed: tuple[SummedPorts, ...]


class Evidence(msgspec.Struct, frozen=True):
    """The rule that explains a verdict."""

    probe: str
    exchange: int
    rule_probe: str
    database: str
    file: str
    line: int
    service: str
    soft: bool
    pattern: bytes
    flags: str
    spans: tuple[Span | None, ...]
    captured: tuple[bytes | None, ...]
    length: int
    tried: int


class ExchangeRecord(msgspec.Struct, frozen=True):
    """One probe and its response."""

    number: int
    connection: int
    probe: str
    tunnel: str
    reason: str
    payload: bytes
    response: bytes
    carried: int
    started: float
    seconds: float | None
    first_byte: float | None
    ending: Ending | None
    tried: int
    by_hand: bool


class PortLine(msgspec.Struct, frozen=True, tag="port", tag_field="type"):
    """One port."""

    address: str
    protocol: Protocol
    port: int
    state: PortState
    reason: str
    latency: float | None
    stage: Stage
    outcome: Outcome | None
    verdict_from: VerdictFrom
    service: str
    product: str
    version: str
    info: str
    hostname: str
    ostype: str
    devicetype: str
    tunnel: Literal["", "ssl"]
    method: Method
    confidence: int
    cpes: tuple[str, ...]
    cpe23: tuple[str | None, ...]
    fingerprint: str
    started: float | None
    finished: float | None
    warnings: list[str]
    mark: Mark
    note: str
    tls: TlsDetails | None
    tls_findings: TlsFindings | None
    evidence: Evidence | None
    exchanges: tuple[ExchangeRecord, ...]


class WarningRecord(msgspec.Struct, frozen=True):
    """One warning."""

    time: float
    message: str
    endpoint: str | None


class DoneLine(msgspec.Struct, frozen=True, tag="done", tag_field="type"):
    """The last line."""

    ending: ScanEnding | None
    reason: str
    ended: float
    elapsed: float
    hosts_up: int
    hosts_total: int
    ports: int
    outcomes: dict[Outcome, int]
    warnings: tuple[WarningRecord, ...]


Line = ScanLine | HostLine | PortLine | DoneLine


def render(store: Store, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines of a report, each with its line end."""
    return PARTS.whole(store, options)


def _head(store: Store, _options: ReportOptions) -> Iterator[str]:
    yield encoded(_scan_line(store))


def _host(store: Store, host: Host, options: ReportOptions) -> Iterator[str]:
    if is_shown(host, options):
        ports, host_line = _host_line(host, options)
        yield encoded(host_line)
        for port in ports:
            yield encoded(_port_line(port, scan.intensity(store)))


def _tail(store: Store, _options: ReportOptions) -> Iterator[str]:
    yield encoded(_done_line(store))


def encoded(line: Line) -> str:
    """Return one object as a line of printable ASCII with its line end."""
    try:
        text = _ENCODER.encode(line).decode()
    except UnicodeEncodeError:
        # Words of a command line that are not UTF-8 come as unpaired surrogates (PEP 383).
        replaced = _without_surrogates(msgspec.to_builtins(line))
        text = _ENCODER.encode(replaced).decode()
    return f"{_NOT_PLAIN.sub(_escape, text)}\n"


def _escape(character: re.Match[str]) -> str:
    units = character[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[index : index + 4]}" for index in range(0, len(units), 4))


def _without_surrogates(value: object) -> object:
    match value:
        case str():
            return _SURROGATES.sub("\ufffd", value)
        case dict():
            return {key: _without_surrogates(item) for key, item in value.items()}
        case list() | tuple():
            return [_without_surrogates(item) for item in value]
        case _:
            return value


def _scan_line(store: Store) -> ScanLine:
    started = store.scan
    return ScanLine(
        format=FORMAT,
        program=scan.program(store),
        arguments=started.arguments if started else (),
        started=scan.begin_time(store),
        pace=started.pace if started else "",
        intensity=scan.intensity(store),
        databases=started.databases if started else (),
    )


def _host_line(host: Host, options: ReportOptions) -> tuple[tuple[Port, ...], HostLine]:
    listed = listing(host, options)
    summed = tuple(
        SummedPorts(reason.protocol, state.state, reason.reason, reason.count, reason.ranges)
        for state in listed.summed
        for reason in state.reasons
    )
    line = HostLine(
        address=host.address,
        name=host.name,
        reverse_name=host.reverse_name,
        state=host.state,
        reason=host.reason,
        latency=host.latency,
        other_addresses=host.other_addresses,
        first=host.first,
        last=host.last,
        ports=len(listed.ports),
        summed=summed,
    )
    return listed.ports, line


def _port_line(port: Port, intensity: int) -> PortLine:
    endpoint, service, fields = port.endpoint, port.service, port.service.fields
    handshakes = [connection.tls for connection in port.connections.values() if connection.tls]
    return PortLine(
        address=endpoint.address,
        protocol=endpoint.protocol,
        port=endpoint.port,
        state=port.state,
        reason=port.reason,
        latency=port.latency,
        stage=port.stage,
        outcome=port.outcome,
        verdict_from=_verdict_from(port),
        service=service.name,
        product=fields.product,
        version=fields.version,
        info=fields.info,
        hostname=fields.hostname,
        ostype=fields.ostype,
        devicetype=fields.devicetype,
        tunnel=service.tunnel,
        method=service.method,
        confidence=service.confidence,
        cpes=fields.cpes,
        cpe23=tuple(map(formatted_string, fields.cpes)),
        fingerprint=fingerprint(port, intensity),
        started=port.started,
        finished=port.finished,
        warnings=port.warnings,
        mark=port.mark,
        note=port.note,
        tls=handshakes[0] if handshakes else None,
        tls_findings=port.service.tls,
        evidence=_evidence(port),
        exchanges=tuple(map(_exchange_record, port.exchanges)),
    )


def _verdict_from(port: Port) -> VerdictFrom:
    match port.outcome:
        case Outcome.HARD_MATCH:
            return "hard match"
        case Outcome.SOFT_MATCH:
            return "soft match"
        case Outcome.TCPWRAPPED:
            return "tcpwrapped"
        case _:
            return "port table" if port.service.name else "nothing"


def _evidence(port: Port) -> Evidence | None:
    exchange = port.deciding
    if not port.identified or exchange is None or not exchange.firings:
        return None
    firing = exchange.firings[-1]
    match = firing.match
    return Evidence(
        probe=exchange.probe,
        exchange=exchange.number,
        rule_probe=match.probe,
        database=match.database,
        file=match.file,
        line=match.line,
        service=match.service,
        soft=match.soft,
        pattern=match.pattern,
        flags=match.flags,
        spans=match.spans,
        captured=_captured(exchange, firing),
        length=firing.length,
        tried=match.tried,
    )


def _captured(exchange: Exchange, firing: Firing) -> tuple[bytes | None, ...]:
    response = exchange.response
    return tuple(
        None if span is None else bytes(response[max(span[0], 0) : max(span[1], 0)])
        for span in firing.match.spans
    )


def _exchange_record(exchange: Exchange) -> ExchangeRecord:
    return ExchangeRecord(
        number=exchange.number,
        connection=exchange.connection,
        probe=exchange.probe,
        tunnel=exchange.tunnel,
        reason=exchange.reason,
        payload=exchange.payload,
        response=bytes(exchange.response),
        carried=exchange.carried,
        started=exchange.started,
        seconds=exchange.seconds,
        first_byte=exchange.first_byte_seconds,
        ending=exchange.ending,
        tried=exchange.tried,
        by_hand=exchange.by_hand,
    )


def _done_line(store: Store) -> DoneLine:
    ended = store.ended
    return DoneLine(
        ending=ended.ending if ended else None,
        reason=ended.reason if ended else "",
        ended=scan.end_time(store),
        elapsed=scan.elapsed(store),
        hosts_up=scan.hosts_up(store),
        hosts_total=scan.hosts_total(store),
        ports=scan.ports_total(store),
        outcomes={outcome: count for outcome, count in store.outcomes.items() if count},
        warnings=tuple(
            WarningRecord(
                notice.time, notice.message, str(notice.endpoint) if notice.endpoint else None
            )
            for notice in store.warnings
        ),
    )


PARTS = Parts(_head, _host, _tail)
