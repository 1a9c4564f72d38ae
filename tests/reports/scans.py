"""Scans written by hand: events in, a store out."""

from collections.abc import Iterable, Iterator

from vscan_tui.events import (
    BytesReceived,
    DatabaseIdentity,
    Ending,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    Fields,
    HostFound,
    HostNamed,
    HostState,
    InterrogationStarted,
    Match,
    Method,
    Outcome,
    PortFinished,
    PortFound,
    PortsScanned,
    PortState,
    Protocol,
    RuleFired,
    ScanEnding,
    ScanFinished,
    ScanStarted,
    Service,
    Span,
)
from vscan_tui.session.store import Port, Store

START = 1_795_388_160.25
ADDRESS = "127.0.0.1"
NOTHING_TOLD = Fields()


def store_of(*parts: Event | Iterable[Event]) -> Store:
    store = Store()
    for part in parts:
        for event in [part] if isinstance(part, Event) else part:
            store.apply(event)
    return store


def begin(*arguments: str, intensity: int = 7) -> ScanStarted:
    return ScanStarted(
        time=START,
        program="vscan 0.1.0",
        arguments=arguments or ("-p", "22,80", ADDRESS),
        pace="polite",
        intensity=intensity,
        databases=(DatabaseIdentity("bundled", "service-probes", 412, 61, "ab" * 32),),
    )


def end(ending: ScanEnding = ScanEnding.DONE, reason: str = "") -> ScanFinished:
    return ScanFinished(time=START + 1.234, ending=ending, reason=reason)


def up(
    address: str = ADDRESS,
    name: str = "",
    latency: float | None = 0.00026,
    others: tuple[str, ...] = (),
) -> HostFound:
    return HostFound(
        time=START,
        address=address,
        state=HostState.UP,
        reason="syn-ack",
        name=name,
        other_addresses=others,
        latency=latency,
    )


def down(address: str) -> HostFound:
    return HostFound(time=START, address=address, state=HostState.DOWN, reason="no-response")


def named(name: str, address: str = ADDRESS) -> HostNamed:
    return HostNamed(time=START, address=address, name=name)


def others(
    *ranges: Span,
    state: PortState = PortState.CLOSED,
    reason: str = "conn-refused",
    protocol: Protocol = "tcp",
    address: str = ADDRESS,
) -> PortsScanned:
    return PortsScanned(
        time=START, address=address, protocol=protocol, state=state, reason=reason, ports=ranges
    )


def found(
    port: int,
    table_name: str = "",
    protocol: Protocol = "tcp",
    state: PortState = PortState.OPEN,
    address: str = ADDRESS,
    reason: str = "syn-ack",
) -> PortFound:
    return PortFound(
        time=START,
        endpoint=Endpoint(address, protocol, port),
        state=state,
        reason=reason,
        table_name=table_name,
    )


def finished(
    port: int,
    outcome: Outcome,
    service: Service,
    protocol: Protocol = "tcp",
    address: str = ADDRESS,
) -> PortFinished:
    endpoint = Endpoint(address, protocol, port)
    return PortFinished(time=START + 1, endpoint=endpoint, outcome=outcome, service=service)


def identified(
    port: int,
    name: str,
    fields: Fields = NOTHING_TOLD,
    *,
    tunnel: bool = False,
    protocol: Protocol = "tcp",
    outcome: Outcome = Outcome.HARD_MATCH,
) -> Iterator[Event]:
    """A port whose service a rule told."""
    yield found(port, protocol=protocol)
    service = Service(name, fields, "ssl" if tunnel else "", Method.PROBED, 10)
    yield finished(port, outcome, service, protocol)


def answered(
    port: int,
    *exchanges: tuple[str, bytes],
    outcome: Outcome = Outcome.NO_MATCH,
    tunnel: bool = False,
    table_name: str = "",
    protocol: Protocol = "tcp",
) -> Iterator[Event]:
    """A port that gave these responses to these probes, and was not identified."""
    endpoint = Endpoint(ADDRESS, protocol, port)
    yield found(port, table_name, protocol)
    yield InterrogationStarted(time=START, endpoint=endpoint)
    for number, (probe, response) in enumerate(exchanges, start=1):
        yield from exchange(endpoint, number, probe, response, tunnel=tunnel)
    yield finished(port, outcome, Service(table_name, tunnel="ssl" if tunnel else ""), protocol)


def exchange(
    endpoint: Endpoint,
    number: int,
    probe: str,
    response: bytes,
    *,
    tunnel: bool = False,
    match: Match | None = None,
    continues: int = 0,
) -> Iterator[Event]:
    yield ExchangeStarted(
        time=START + number,
        endpoint=endpoint,
        exchange=number,
        connection=number,
        probe=probe,
        payload=b"" if probe == "NULL" else b"\r\n",
        reason="written by hand",
        tunnel="ssl" if tunnel else "",
        continues=continues,
    )
    if response:
        yield BytesReceived(
            time=START + number + 0.25, endpoint=endpoint, exchange=number, data=response
        )
    if match is not None:
        yield RuleFired(
            time=START + number + 0.25,
            endpoint=endpoint,
            exchange=number,
            match=match,
            length=len(response),
        )
    yield ExchangeEnded(
        time=START + number + 0.5,
        endpoint=endpoint,
        exchange=number,
        ending=Ending.TIMED_OUT if match is None else Ending.MATCHED,
    )


def only_port(store: Store) -> Port:
    [port] = store.ports.values()
    return port
