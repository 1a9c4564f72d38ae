"""What becomes of the ports of a session when the user adds a rule."""

from collections.abc import Mapping

from vscan_tui.events import (
    Decided,
    Event,
    Match,
    Method,
    Outcome,
    PortFinished,
    RuleFired,
    Service,
)
from vscan_tui.session.store import Port, Stage

_CONFIDENT = 10


def after_new_rule(
    port: Port, matches: Mapping[int, Match], time: float, reason: str
) -> tuple[Event, ...]:
    """Say what happens to a finished port when other rules fire on its responses.

    The verdict is that of the first exchange with a hard match, else of the
    first with a soft one, as it is in a scan.

    Args:
        port: as it is known.
        matches: the rules that fire now, by the number of their exchange; those
            of other exchanges stay.
        time: of the events, in seconds since the Unix epoch.
        reason: why it was matched again.
    """
    if port.stage is not Stage.FINISHED:
        return ()
    changed = {
        number: match
        for number, match in matches.items()
        if 1 <= number <= len(port.exchanges) and port.exchange(number).match != match
    }
    if not changed:
        return ()
    events: list[Event] = [
        Decided(time=time, endpoint=port.endpoint, action="match again", reason=reason)
    ]
    for number, match in sorted(changed.items()):
        length = len(port.exchange(number).response)
        events.append(
            RuleFired(
                time=time, endpoint=port.endpoint, exchange=number, match=match, length=length
            )
        )
    verdict = _verdict(port, changed)
    if verdict is not None:
        service = Service(
            verdict.service,
            verdict.fields,
            port.service.tunnel,
            Method.PROBED,
            _CONFIDENT,
            port.service.tls,
        )
        outcome = Outcome.SOFT_MATCH if verdict.soft else Outcome.HARD_MATCH
        events.append(
            PortFinished(
                time=time,
                endpoint=port.endpoint,
                outcome=outcome,
                service=service,
                new_rule=True,
            )
        )
    return tuple(events)


def _verdict(port: Port, changed: Mapping[int, Match]) -> Match | None:
    """The match that decides: within the tunnel if the port has one."""
    inside = [
        exchange
        for exchange in port.exchanges
        if bool(exchange.tunnel) is bool(port.service.tunnel)
    ]
    matches = [changed.get(exchange.number) or exchange.match for exchange in inside]
    found = [match for match in matches if match is not None]
    return next((match for match in found if not match.soft), found[0] if found else None)
