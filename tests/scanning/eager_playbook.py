"""Plays scripts against the machine of pace `eager`: no socket, and no time but the script's.

A script is a service: what it does on each connection, in milliseconds.  The
playbook keeps a clock of its own and lets the machine's waits and the service's
doings happen in their order.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from msgspec.structs import replace

from vscan_tui.events import Outcome, Service
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.scanning.interrogation import eager
from vscan_tui.scanning.interrogation.polite import Interrogation
from vscan_tui.scanning.interrogation.waits import WaitLimits, Waits

MAX_STEPS = 20_000


@dataclass(frozen=True)
class Say:
    """The service sends something, so long after what it reacts to."""

    data: bytes
    after: float = 1.0


@dataclass(frozen=True)
class HangUp:
    """The service ends the connection."""

    after: float = 1.0
    was_reset: bool = False


Doing = Say | HangUp


@dataclass
class Port:
    """A service by its reactions; by default it accepts everything and says nothing."""

    greets: Iterable[Doing] = ()
    """On every connection, once it is served."""
    answers: Callable[[bytes], Iterable[Doing]] = lambda payload: ()
    inside: "Port | None" = None
    """What is inside TLS."""
    max_connections: int = 1000
    """More are refused."""
    serves_at_a_time: int = 1000
    """More wait in the backlog until others are closed."""
    refuses_from: float = 0.0
    refuses_until: float = 0.0
    """Nobody listens between these, in milliseconds."""
    round_trip: float = 0.2


@dataclass
class _Connection:
    port: Port
    is_served: bool = False
    is_closed: bool = False
    began: float = 0.0
    heard: list[bytes] = field(default_factory=list)


@dataclass
class EagerPlaybook:
    """One port, asked to the end (or to `until` milliseconds) by the machine."""

    databases: ProbeDatabases
    service: Port
    port: int = 4000
    protocol: str = "tcp"
    intensity: int = 7
    max_connections: int = eager.MAX_CONNECTIONS
    limits: WaitLimits = field(default_factory=WaitLimits)
    until: float = float("inf")
    late: float = 0.0
    """The end of later waits on the first connection is told so much too late."""
    kept_for: float = 0.0
    """So long the first connection was open before the machine was told of it."""

    def __post_init__(self) -> None:
        self.now = 0.0
        self.sent: list[str] = []
        self.log: list[str] = []
        self.reports: list[tuple[float, eager.Report]] = []
        self.most_open = 0
        self.opened = 0
        self.machine = eager.EagerInterrogation(
            lambda: Interrogation(
                self.databases, self.protocol, self.port, intensity=self.intensity
            ),
            self.databases,
            self.protocol,
            self.port,
            Waits(self.limits),
            max_connections=self.max_connections,
        )
        self._matcher = Matcher(self.databases)
        self._connections: dict[int, _Connection] = {}
        self._waits: dict[int, int] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._carry_out(self.machine.begin())
        for _ in range(MAX_STEPS):
            if not self._queue or self._queue[0][0] > self.until:
                break
            self.now, _, happen = heapq.heappop(self._queue)
            happen()
        else:
            raise AssertionError("it never ends")

    @property
    def outcome(self) -> Outcome:
        return self.reports[-1][1].outcome

    @property
    def found(self) -> Service:
        return self.reports[-1][1].service

    @property
    def finished(self) -> float:
        """When the final verdict came."""
        assert self.reports[-1][1].is_final, self.log
        return self.reports[-1][0]

    @property
    def reported(self) -> float:
        """When the first verdict came."""
        return self.reports[0][0]

    def stop(self) -> "EagerPlaybook":
        self._carry_out(self.machine.stop("stopped by the test"))
        return self

    def _at(self, after: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + after, next(self._order), happen))

    def _tell(self, happening: eager.Happening) -> None:
        self._carry_out(self.machine.handle(happening))

    def _carry_out(self, actions: list[eager.Action]) -> None:
        for action in actions:
            self._log(action)
            match action:
                case eager.Open(number):
                    after = action.after_ms + self.service.round_trip
                    self._at(after, lambda a=action: self._open(a))
                    self._connections[number] = _Connection(self.service)
                    self.most_open = max(self.most_open, len(self._connections))
                    self.opened += 1
                case eager.Send(number, _, probe):
                    self.sent.append(probe.name)
                    self._heard(number, probe.payload)
                case eager.Wait(number, ms):
                    self._wait(number, ms)
                case eager.MatchResponse(_, probe, response):
                    match = self._matcher.match(probe, response).match
                    self._at(
                        0.0, lambda p=probe, r=response, m=match: self._tell(eager.Matched(p, r, m))
                    )
                case eager.Disconnect(number):
                    del self._connections[number]
                    self._serve()
                case eager.Report():
                    self.reports.append((self.now, action))
                    assert not action.is_final or not self._connections, self.log

    def _log(self, action: eager.Action) -> None:
        known = {key: getattr(action, key) for key in action.__struct_fields__}
        if "probe" in known:
            known["probe"] = known["probe"].name
        self.log.append(f"{self.now:8.1f} {type(action).__name__} {known}")

    def _open(self, action: eager.Open) -> None:
        connection = self._connections.get(action.connection)
        if connection is None:
            return
        if self.service.refuses_from <= self.now < self.service.refuses_until:
            del self._connections[action.connection]
            self._tell(eager.NotOpened(action.connection, "refused", was_refused=True))
            return
        if len(self._connections) > self.service.max_connections:
            del self._connections[action.connection]
            self._tell(eager.NotOpened(action.connection, "refused"))
            return
        inside = self.service.inside
        if action.tunnel and inside is None:
            del self._connections[action.connection]
            self._tell(eager.NotOpened(action.connection, "no TLS"))
            return
        if action.tunnel and inside is not None:
            connection.port = inside
        self._serve()
        self._tell(self._opened(action))

    def _opened(self, action: eager.Open) -> eager.Opened:
        opened = eager.Opened(action.connection, self.service.round_trip)
        if self.opened > 1 or not self.kept_for:
            return opened
        has_spoken = any(doing.after <= self.kept_for for doing in self.service.greets)
        return replace(opened, age_ms=self.kept_for, has_spoken=has_spoken)

    def _serve(self) -> None:
        for number, connection in self._connections.items():
            served = sum(each.is_served for each in self._connections.values())
            if connection.is_served or served >= self.service.serves_at_a_time:
                continue
            connection.is_served = True
            kept_for = self.kept_for if number == 1 else 0.0
            self._do(number, connection.port.greets, so_long_ago=kept_for)
            for payload in connection.heard:
                self._do(number, connection.port.answers(payload))

    def _heard(self, number: int, payload: bytes) -> None:
        connection = self._connections[number]
        is_first = not connection.began
        connection.began = self.now - (self.kept_for if number == 1 and is_first else 0.0)
        if payload and connection.is_served:
            self._do(number, connection.port.answers(payload))
        elif payload:
            connection.heard.append(payload)

    def _do(self, number: int, doings: Iterable[Doing], *, so_long_ago: float = 0.0) -> None:
        for doing in doings:
            after = max(0.0, doing.after - so_long_ago)
            self._at(after, lambda d=doing: self._done(number, d))

    def _done(self, number: int, doing: Doing) -> None:
        connection = self._connections.get(number)
        if connection is None or connection.is_closed:
            return
        connection.is_closed = isinstance(doing, HangUp)
        elapsed = self.now - connection.began
        if isinstance(doing, Say):
            self._tell(eager.Received(number, doing.data, elapsed))
        else:
            self._tell(eager.Closed(number, elapsed, doing.was_reset))

    def _wait(self, number: int, ms: float) -> None:
        wait = self._waits[number] = self._waits.get(number, 0) + 1

        def over() -> None:
            if number in self._connections and self._waits[number] == wait:
                self._tell(eager.WaitOver(number))

        self._at(ms + (self.late if number == 1 and wait > 1 else 0.0), over)
