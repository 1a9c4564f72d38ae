"""Where the seconds of a port went: its connections, and the waits and answers on them."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from vscan_tui.session.store import Connection, Exchange, Port


class Activity(Enum):
    """What went on in a stretch of time; where several did, the first of these counts."""

    ANSWERING = "the answer came in"
    CONNECTING = "connecting"
    AWAITED = "waiting, and an answer came"
    LISTENING = "listening on after an answer"
    SILENCE = "waiting, and no answer came"
    IDLE = "connected, nothing asked"
    NOTHING = "not connected"


_LATEST = 253_402_300_799
"""The last second of the year 9999; what is later comes from a damaged journal."""
_RANK = {activity: number for number, activity in enumerate(Activity)}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time, in seconds since the port was begun with."""

    activity: Activity
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Lane:
    """A connection, or an exchange on it, in time."""

    connection: int
    exchange: int
    """0 for the connection itself."""
    name: str
    """The probe; for a connection, why it was closed."""
    stretches: tuple[Stretch, ...]

    @property
    def seconds(self) -> float:
        """From its beginning to its end."""
        if not self.stretches:
            return 0.0
        return self.stretches[-1].end - self.stretches[0].start


@dataclass(frozen=True, slots=True)
class Timeline:
    """All lanes of a port, and what its seconds went for."""

    seconds: float
    """From the beginning of the port to its end, or so far."""
    lanes: tuple[Lane, ...]
    """Each connection, followed by its exchanges."""
    totals: dict[Activity, float] = field(default_factory=dict)
    """Seconds for each activity that took any; together, they are all the seconds."""


def timeline(port: Port, now: float) -> Timeline:
    """Lay out the time of a port; what was sent by hand is not part of it.

    Args:
        port: whose exchanges and connections have times.
        now: the time of the last event, for a port that is still under way.
    """
    exchanges = [exchange for exchange in port.exchanges if not exchange.by_hand]
    by_hand = {exchange.connection for exchange in port.exchanges if exchange.by_hand}
    by_hand -= {exchange.connection for exchange in exchanges}
    connections = {
        number: connection
        for number, connection in port.connections.items()
        if number not in by_hand
    }
    moments = [exchange.started for exchange in exchanges]
    moments += [connection.opened for connection in connections.values()]
    moments += [] if port.started is None else [port.started]
    begin = min(map(_possible, moments), default=_possible(now))
    end = max(begin, _possible(now if port.finished is None else port.finished))
    lanes = tuple(_lanes(exchanges, connections, begin, end))
    seconds = max([end - begin, *(s.end for lane in lanes for s in lane.stretches)])
    stretches = [stretch for lane in lanes for stretch in lane.stretches]
    return Timeline(seconds, lanes, _totals(stretches, seconds))


def _possible(moment: float) -> float:
    return min(max(moment, 0.0), _LATEST) if math.isfinite(moment) else 0.0


def _lanes(
    exchanges: Sequence[Exchange], connections: Mapping[int, Connection], begin: float, end: float
) -> Iterator[Lane]:
    on: defaultdict[int, list[Exchange]] = defaultdict(list)
    for exchange in exchanges:
        on[exchange.connection].append(exchange)
    first = {number: members[0].started for number, members in on.items()}
    first |= {number: connection.opened for number, connection in connections.items()}
    for number in sorted(first, key=lambda number: (first[number], number)):
        connection = connections.get(number)
        if connection is not None:
            yield _of_connection(connection, begin, end)
        for exchange in on[number]:
            stretches = tuple(_of_exchange(exchange, begin, end))
            yield Lane(number, exchange.number, exchange.probe, stretches)


def _of_connection(connection: Connection, begin: float, end: float) -> Lane:
    opened = _possible(connection.opened) - begin
    ready = opened + _possible(connection.seconds)
    closed = (end if connection.closed is None else _possible(connection.closed)) - begin
    stretches = _joined(
        (Activity.CONNECTING, opened, ready), (Activity.IDLE, ready, max(ready, closed))
    )
    return Lane(connection.number, 0, connection.reason, tuple(stretches))


def _of_exchange(exchange: Exchange, begin: float, end: float) -> Iterator[Stretch]:
    start = _possible(exchange.started) - begin
    ended = end if exchange.ended is None else _possible(exchange.ended)
    stop = max(start, ended - begin)
    if not exchange.chunks:
        yield Stretch(Activity.SILENCE, start, stop)
        return
    first = min(stop, max(start, _possible(exchange.chunks[0].time) - begin))
    last = min(stop, max(first, _possible(exchange.chunks[-1].time) - begin))
    yield from _joined((Activity.AWAITED, start, first))
    yield Stretch(Activity.ANSWERING, first, last)
    yield from _joined((Activity.LISTENING, last, stop))


def _joined(*stretches: tuple[Activity, float, float]) -> Iterator[Stretch]:
    for activity, start, end in stretches:
        if end > start:
            yield Stretch(activity, max(0.0, start), end)


def _totals(stretches: Iterable[Stretch], seconds: float) -> dict[Activity, float]:
    """Give every moment to the first of the activities that went on then."""
    changes: list[tuple[float, int, Activity]] = []
    for stretch in stretches:
        changes += [(stretch.start, 1, stretch.activity), (stretch.end, -1, stretch.activity)]
    changes.sort(key=lambda change: change[0])
    active: Counter[Activity] = Counter()
    totals: defaultdict[Activity, float] = defaultdict(float)
    before = 0.0
    for moment, step, activity in [*changes, (seconds, 0, Activity.NOTHING)]:
        if moment > before:
            going_on = (other for other, count in active.items() if count > 0)
            totals[min(going_on, key=_RANK.__getitem__, default=Activity.NOTHING)] += (
                moment - before
            )
            before = moment
        active[activity] += step
    return {activity: totals[activity] for activity in Activity if totals[activity] > 0}


def cells(lane: Lane, seconds: float, width: int) -> Sequence[Activity | None]:
    """Say for each of so many cells, from the beginning to `seconds`, what is seen in it.

    However short an answer is, it has a cell.
    """
    found: list[Activity | None] = [None] * width
    if not width or seconds <= 0:
        return found
    for stretch in lane.stretches:
        first = min(width - 1, int(stretch.start / seconds * width))
        last = min(width - 1, int(stretch.end / seconds * width))
        for cell in range(first, last + 1):
            shown = found[cell]
            if shown is None or _RANK[stretch.activity] < _RANK[shown]:
                found[cell] = stretch.activity
    return found
