"""What others recorded as events: so the screen and the reports show it like a scan of ours.

Times that are not known are those of the recording as a whole.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vscan_tui.events import (
    BytesReceived,
    DatabaseIdentity,
    Ending,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    HostFound,
    HostState,
    InterrogationStarted,
    Match,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    RuleFired,
    ScanEnding,
    ScanFinished,
    ScanPlanned,
    ScanStarted,
    Service,
    Warned,
)


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What a service answered to a probe."""

    probe: str
    payload: bytes
    """Empty if it is not known."""
    data: bytes
    match: Match | None = None
    missing: int = 0
    """Bytes of the response that were not recorded."""


@dataclass(frozen=True, slots=True)
class RecordedPort:
    """What is known of one port."""

    endpoint: Endpoint
    state: PortState = PortState.OPEN
    reason: str = ""
    service: Service = field(default_factory=Service)
    outcome: Outcome | None = None
    """None if the port was not asked."""
    answers: tuple[RecordedAnswer, ...] = ()
    problems: tuple[str, ...] = ()
    time: float | None = None
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class RecordedHost:
    """What is known of one host."""

    address: str
    name: str = ""
    state: HostState = HostState.UP
    reason: str = ""
    ports: tuple[RecordedPort, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file of another program tells, put in order."""

    program: str
    hosts: tuple[RecordedHost, ...]
    arguments: tuple[str, ...] = ()
    intensity: int = 7
    databases: tuple[DatabaseIdentity, ...] = ()
    """Those with which the responses were matched."""
    began: float = 0.0
    ended: float | None = None
    """Seconds since the epoch."""
    warnings: tuple[str, ...] = ()


def events_of(recording: Recording) -> Iterator[Event]:
    """Yield the events that a scan would have brought about that found just this."""
    began = recording.began
    ended = began if recording.ended is None else recording.ended
    yield ScanStarted(
        time=began,
        program=recording.program,
        arguments=recording.arguments,
        pace="",
        intensity=recording.intensity,
        databases=recording.databases,
    )
    ports = sum(len(host.ports) for host in recording.hosts)
    yield ScanPlanned(time=began, hosts=len(recording.hosts), ports=ports)
    for warning in recording.warnings:
        yield Warned(time=began, message=warning)
    for host in recording.hosts:
        yield HostFound(
            time=began, address=host.address, state=host.state, reason=host.reason, name=host.name
        )
        yield from _events_of_ports(host.ports, began)
    yield ScanFinished(time=ended, ending=ScanEnding.DONE)


def _events_of_ports(ports: Iterable[RecordedPort], began: float) -> Iterator[Event]:
    for port in ports:
        endpoint, time = port.endpoint, began if port.time is None else port.time
        yield PortFound(
            time=time,
            endpoint=endpoint,
            state=port.state,
            reason=port.reason,
            table_name=port.service.name,
        )
        for problem in port.problems:
            yield Warned(time=time, message=problem, endpoint=endpoint)
        if port.outcome is None:
            continue
        yield InterrogationStarted(time=time, endpoint=endpoint)
        for number, answer in enumerate(port.answers, start=1):
            yield from _events_of_answer(port, number, answer, time)
        yield PortFinished(time=time, endpoint=endpoint, outcome=port.outcome, service=port.service)


def _events_of_answer(
    port: RecordedPort, number: int, answer: RecordedAnswer, time: float
) -> Iterator[Event]:
    endpoint = port.endpoint
    missing = f"; {answer.missing} more bytes are not there" if answer.missing else ""
    yield ExchangeStarted(
        time=time,
        endpoint=endpoint,
        exchange=number,
        connection=number,
        probe=answer.probe,
        payload=answer.payload,
        reason=f"it was recorded{missing}",
        tunnel=port.service.tunnel,
    )
    yield BytesReceived(time=time, endpoint=endpoint, exchange=number, data=answer.data)
    if answer.match is not None:
        yield RuleFired(
            time=time,
            endpoint=endpoint,
            exchange=number,
            match=answer.match,
            length=len(answer.data),
        )
    ending = Ending.TIMED_OUT if answer.match is None or answer.match.soft else Ending.MATCHED
    yield ExchangeEnded(time=time, endpoint=endpoint, exchange=number, ending=ending)
