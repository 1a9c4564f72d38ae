"""A recorded session with the verdicts of other databases."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from vscan_tui.events import (
    DatabaseIdentity,
    Endpoint,
    Event,
    ExchangeEnded,
    Mark,
    Outcome,
    PortFinished,
    PortMarked,
    RuleFired,
    ScanStarted,
    Service,
    Warned,
)
from vscan_tui.matching.recorded import Firing, RecordedMatcher, RecordedResponse
from vscan_tui.session.store import Port
from vscan_tui.session.wording import printable, version_text

_JUDGED = frozenset({Outcome.HARD_MATCH, Outcome.SOFT_MATCH, Outcome.NO_MATCH, Outcome.INCOMPLETE})
"""Outcomes that rest on responses."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a port was said to be."""

    outcome: Outcome
    service: Service

    @property
    def text(self) -> str:
        """In a few words: `ssl/http nginx 1.22.1`, `ftp? (no match)`."""
        service = self.service
        name = ("ssl/" if service.tunnel else "") + (service.name or "unknown")
        if self.outcome in (Outcome.HARD_MATCH, Outcome.TCPWRAPPED):
            return printable(f"{name} {version_text(service.fields)}").strip()
        return printable(f"{name} {version_text(service.fields)}").strip() + f" ({self.outcome})"


@dataclass(frozen=True, slots=True)
class Rematched:
    """A port with its old and its new verdict."""

    endpoint: Endpoint
    before: Verdict
    after: Verdict
    firings: Mapping[int, Firing]
    """Which rule fires now on the response of which exchange."""

    @property
    def is_changed(self) -> bool:
        """Whether the verdicts differ."""
        return self.before != self.after


def rematched(port: Port, matcher: RecordedMatcher, intensity: int) -> Rematched | None:
    """Settle anew what a port is; None if it has no verdict, or none that rests on responses."""
    if port.outcome not in _JUDGED or port.outcome is None:
        return None
    responses = [
        RecordedResponse(
            exchange.probe,
            exchange.payload,
            bytes(exchange.response),
            tuple(chunk.offset + chunk.length for chunk in exchange.chunks),
            bool(exchange.tunnel),
        )
        for exchange in port.exchanges
    ]
    endpoint = port.endpoint
    settled = matcher.settle(endpoint.protocol, endpoint.port, responses, intensity)
    firings = {
        port.exchanges[number].number: firing
        for number, firing in enumerate(settled.firings)
        if firing is not None
    }
    before = Verdict(port.outcome, port.service)
    judgement = settled.judgement
    deciding = None if judgement.deciding is None else settled.firings[judgement.deciding]
    after = _after(port, before, judgement.outcome, judgement.service, deciding)
    return Rematched(endpoint, before, after, firings)


def _after(
    port: Port, before: Verdict, outcome: Outcome, service: Service | None, deciding: Firing | None
) -> Verdict:
    then = port.deciding
    old = then.match if then is not None else None
    new = deciding.match if deciding is not None else None
    if old is not None and new is not None:
        # What a question more has told of the service still holds if the rule says the same.
        is_same = (old.service, old.fields, old.soft) == (new.service, new.fields, new.soft)
        if is_same and port.identified:
            return before
    if service is not None:
        return Verdict(outcome, service)
    if before.outcome in (Outcome.NO_MATCH, Outcome.INCOMPLETE):
        return before
    return Verdict(outcome, Service(tunnel=port.service.tunnel))


def rematched_events(
    events: Iterable[Event],
    ports: Mapping[Endpoint, Rematched],
    databases: Sequence[DatabaseIdentity],
) -> Iterator[Event]:
    """Yield the events of a session as if it had had these verdicts.

    Each change is told, and its port marked, so that a person finds it.
    """
    for event in events:
        match event:
            case ScanStarted():
                yield replace(event, databases=tuple(databases))
            case RuleFired(endpoint=endpoint) if endpoint in ports:
                pass
            case ExchangeEnded(endpoint=endpoint, exchange=exchange) if endpoint in ports:
                firing = ports[endpoint].firings.get(exchange)
                if firing is not None:
                    yield RuleFired(
                        time=event.time,
                        endpoint=endpoint,
                        exchange=exchange,
                        match=firing.match,
                        length=firing.length,
                    )
                yield event
            case PortFinished(endpoint=endpoint) if endpoint in ports:
                port = ports[endpoint]
                yield replace(event, outcome=port.after.outcome, service=port.after.service)
                if port.is_changed:
                    message = f"rematched: it was {port.before.text}, and is {port.after.text}"
                    yield Warned(time=event.time, message=message, endpoint=endpoint)
                    yield PortMarked(time=event.time, endpoint=endpoint, mark=Mark.TO_DO)
            case _:
                yield event
