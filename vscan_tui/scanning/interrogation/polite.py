"""What to do next on one port: a state machine with no clock, socket or task.

It is told what happened and answers with the actions to carry out, in order,
each with its reason.  The engine carries them out; the screen shows them before
they happen; tests play scripts against them with no time passing.

Source: nmap-behaviour.md, "Sequencing for one port".
"""

import errno
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import ClassVar

import msgspec

from vscan_tui.events import (
    MATCH_CONFIDENCE,
    TCPWRAPPED_CONFIDENCE,
    TUNNEL_PREFIX,
    Ending,
    Match,
    Method,
    Outcome,
    Protocol,
    Service,
)
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.templates import merged
from vscan_tui.scanning.interrogation.plan import PlannedProbe, ProbePlan

CONNECT_TIMEOUT_MS = 5_000
TLS_CONNECT_TIMEOUT_MS = 8_000
"""For the connection and the handshake together."""
FULL_RESPONSE_BYTES = 4_096
"""A response of this size is not read on, even though nothing matched."""
TUNNEL_SERVICE = "ssl"
TCPWRAPPED = "tcpwrapped"

_PACKET_ERRORS = frozenset(
    getattr(errno, name, -1)
    for name in ("EIO", "EPIPE", "EPROTO", "EMSGSIZE", "EOPNOTSUPP", "ENOPROTOOPT")
)
"""Concern what was sent, not the port: the next probe may fare better."""


# What to do


class Connect(msgspec.Struct, frozen=True):
    """Open a connection (for UDP: a socket); answer with `Connected` or `ConnectFailed`."""

    tunnel: bool
    timeout_ms: int
    reason: str


class Send(msgspec.Struct, frozen=True):
    """Begin an exchange by sending the payload (nothing, for NULL); no answer unless it fails."""

    probe: CombinedProbe
    reason: str
    continues: bool = False
    """On the connection of the probe before, whose response counts as the beginning of this one."""
    by_hand: bool = False
    """Whether the user chose this probe."""


class Listen(msgspec.Struct, frozen=True):
    """Wait for bytes, at most until `timeout_ms` after the last `Send`.

    Answer with `Received`, `TimedOut`, `Closed` or `Failed`.
    """

    timeout_ms: int
    reason: str


class MatchResponse(msgspec.Struct, frozen=True):
    """Match the response so far; answer with `Matched`."""

    probe: CombinedProbe
    response: bytes
    reason: str


class EndExchange(msgspec.Struct, frozen=True):
    """Nothing more is awaited from the exchange; no answer."""

    ending: Ending
    reason: str


class Disconnect(msgspec.Struct, frozen=True):
    """Close the connection; no answer."""

    reason: str


class Warn(msgspec.Struct, frozen=True):
    """Tell the user; no answer."""

    reason: str


class Finish(msgspec.Struct, frozen=True):
    """The verdict; the machine does nothing more."""

    outcome: Outcome
    service: Service
    reason: str


Action = Connect | Send | Listen | MatchResponse | EndExchange | Disconnect | Warn | Finish


# What happened


class Connected(msgspec.Struct, frozen=True):
    """The connection is open, and inside a tunnel the handshake is done."""


class ConnectFailed(msgspec.Struct, frozen=True):
    """The connection could not be opened within its time."""

    reason: str
    was_ours: bool = False
    """Whether this system is at fault, and the other side was not even asked."""
    was_unanswered: bool = False
    """Whether nothing came back."""


class Received(msgspec.Struct, frozen=True):
    """One read, or one datagram."""

    data: bytes


class TimedOut(msgspec.Struct, frozen=True):
    """The time to listen is up."""


class Closed(msgspec.Struct, frozen=True):
    """The other side ended the connection, politely or by a reset."""

    elapsed_ms: float
    """Since the exchange began."""
    was_reset: bool = False


class Failed(msgspec.Struct, frozen=True):
    """Sending or receiving failed for another reason."""

    error: int
    """An errno value; 0 if there is none."""
    reason: str


class Matched(msgspec.Struct, frozen=True):
    """The first rule that fires on the response so far, if one does."""

    match: Match | None


Happening = Connected | ConnectFailed | Received | TimedOut | Closed | Failed | Matched


class State(Enum):
    """What the machine waits for."""

    IDLE = auto()
    CONNECTING = auto()
    LISTENING = auto()
    MATCHING = auto()
    FINISHED = auto()


class ProtocolError(Exception):
    """The machine was told something that cannot happen in its state."""


class Interrogation:
    """The state machine of one port in pace `polite`."""

    def __init__(
        self,
        databases: ProbeDatabases,
        protocol: Protocol,
        port: int,
        *,
        intensity: int,
        table_name: str = "",
        probe_excluded: bool = False,
        was_seen: bool = True,
    ) -> None:
        """Ask one port.

        Args:
            databases: what to send and to expect.
            protocol: "tcp" or "udp".
            port: its number.
            intensity: from 0 to 9.
            table_name: the name to fall back to when nothing is learnt.
            probe_excluded: probe the port even if a database's `Exclude` has it.
            was_seen: whether the port was seen to be open; one that was not, and refuses
                a first connection, is not wrapped but closed.
        """
        self.state = State.IDLE
        self._databases = databases
        self._protocol: Protocol = protocol
        self._port = port
        self._intensity = intensity
        self._probe_excluded = probe_excluded
        self._table_name = table_name
        self._is_connected = False
        self._is_chosen = False
        """Whether the user chose the probe under way."""
        self._plan: ProbePlan
        self._planned: PlannedProbe | None
        self._may_be_wrapped = True
        """Whether nothing was received yet, and no silence either: it only ever hung up."""
        self._was_seen = was_seen
        self._was_met = False
        """Whether a connection was open since."""
        self._forget(tunnel=False)

    @property
    def tunnel(self) -> bool:
        """Whether the port is asked inside TLS."""
        return self._tunnel

    @property
    def planned(self) -> CombinedProbe | None:
        """The probe under way, or for which a connection is being opened."""
        return self._planned.probe if self._planned else None

    @property
    def planned_reason(self) -> str:
        """Why that probe; empty if there is none."""
        return self._planned.reason if self._planned else ""

    def upcoming(self) -> list[PlannedProbe]:
        """Return the probes that would follow the one under way, if nothing is learnt from it."""
        return list(self._plan.fork())

    @property
    def service(self) -> Service:
        """What is known so far."""
        if self._learnt is not None:
            return self._learnt
        return Service(self._table_name, tunnel="ssl" if self._tunnel else "")

    def fork(self) -> "Interrogation":
        """Return another that knows the same, and goes on by itself."""
        twin = object.__new__(Interrogation)  # what copy() does, in a fifth of the time
        twin.__dict__.update(self.__dict__)
        twin._plan = self._plan.fork()
        return twin

    def begin(self) -> list[Action]:
        """Return the first actions."""
        if self._databases.excludes(self._protocol, self._port) and not self._probe_excluded:
            return self._finish(Outcome.EXCLUDED, "the database's Exclude list has this port")
        return self._next_probe(reuse=False)

    def handle(self, happening: Happening) -> list[Action]:
        """Return what to do after something happened, in order.

        Raises:
            ProtocolError: it cannot happen now; the engine is at fault.
        """
        state, handler = self._HANDLERS[type(happening)]
        if self.state is not state:
            raise ProtocolError(f"{type(happening).__name__} in state {self.state.name}")
        return handler(self, happening)

    def stop(self, outcome: Outcome, reason: str) -> list[Action]:
        """End early and keep what was found."""
        if self.state is State.FINISHED:
            return []
        return self._finish(outcome, reason)

    def skip(self, *, was_sent: bool) -> list[Action]:
        """Go on with the next probe, whatever becomes of the one under way.

        After the verdict too, which then is only what is known so far.  The
        caller ends the exchange, if one is open.

        Args:
            was_sent: whether the probe under way was sent already.
        """
        self._may_be_wrapped = False  # what the port would have done is not known
        return self._next_probe(reuse=was_sent)

    def ask(self, probe: CombinedProbe, reason: str, *, was_sent: bool) -> list[Action]:
        """Send this probe next, because the user wants it; the plan goes on after it.

        A probe under way that was not sent yet comes after it; the one asked
        for is not planned any more.  After the verdict too; see `skip`.

        Args:
            probe: what to send.
            reason: told with it.
            was_sent: whether the probe under way was sent already.
        """
        if self._planned is not None and not was_sent and self.state is not State.FINISHED:
            self._plan.put_back(self._planned)
        self._plan.leave_out(probe)
        self._planned = PlannedProbe(probe, reason)
        self._is_chosen = True
        return self._send_freshly()

    def _forget(self, *, tunnel: bool) -> None:
        """Start the port over, outside or inside a tunnel."""
        self._tunnel = tunnel
        self._plan = ProbePlan(
            self._databases, self._protocol, self._port, intensity=self._intensity, tunnel=tunnel
        )
        self._planned = None
        self._response = b""
        self._learnt: Service | None = None

    # Handlers

    def _connected(self, _: Connected) -> list[Action]:
        self._is_connected = self._was_seen = self._was_met = True
        return self._send(continues=False)

    def _connect_failed(self, happening: ConnectFailed) -> list[Action]:
        # That nothing comes back says something of the port only if it did take connections.
        is_told = not happening.was_ours and not (happening.was_unanswered and not self._was_met)
        if self._may_be_wrapped and self._was_seen and is_told and self._protocol == "tcp":
            return self._finish(Outcome.TCPWRAPPED, f"not a word so far, and {happening.reason}")
        return self._finish(Outcome.INCOMPLETE, happening.reason)

    def _received(self, happening: Received) -> list[Action]:
        self._response += happening.data
        self._may_be_wrapped = False
        self.state = State.MATCHING
        return [MatchResponse(self._current, self._response, "bytes arrived")]

    def _matched(self, happening: Matched) -> list[Action]:
        actions: list[Action] = []
        match = happening.match
        if match is not None:
            if not match.soft:
                return self._hard_match(match)
            actions += self._soft_match(match)
        if len(self._response) >= FULL_RESPONSE_BYTES:
            reason = f"{len(self._response)} bytes are enough"
            return [*actions, EndExchange(Ending.FULL, reason), *self._next_probe(reuse=True)]
        reason = "a soft match: more may come" if match else "no rule matches yet: more may come"
        return [*actions, self._listen(reason)]

    def _soft_match(self, match: Match) -> list[Action]:
        if self._learnt is None:
            self._learnt = _service_of(match, match.service, tunnel=self._tunnel)
            self._plan.narrow(match.service)
        elif self._learnt.name != match.service:
            return [
                Warn(
                    f"soft match {match.service} (line {match.line}) is ignored: "
                    f"the port already soft-matched {self._learnt.name}"
                )
            ]
        return []

    def _hard_match(self, match: Match) -> list[Action]:
        reason = f"hard match {match.service}, line {match.line}"
        ended = EndExchange(Ending.MATCHED, reason)
        if match.service == TUNNEL_SERVICE and not self._tunnel and self._protocol == "tcp":
            self._forget(tunnel=True)
            return [ended, *self._disconnect("the port speaks TLS"), *self._next_probe(reuse=False)]
        name = match.service.removeprefix(TUNNEL_PREFIX)
        found = _service_of(match, name, tunnel=self._tunnel or name != match.service)
        self._learnt = found if self._learnt is None else _later(self._learnt, found)
        return [ended, *self._finish(Outcome.HARD_MATCH, reason)]

    def _timed_out(self, _: TimedOut) -> list[Action]:
        self._may_be_wrapped = False
        reason = "no more bytes came" if self._response else "no answer"
        return [EndExchange(Ending.TIMED_OUT, reason), *self._next_probe(reuse=True)]

    def _closed(self, happening: Closed) -> list[Action]:
        ending = Ending.RESET if happening.was_reset else Ending.CLOSED
        ended = EndExchange(ending, f"the other side {ending} the connection")
        probe = self._current
        if (
            probe.is_null
            and self._may_be_wrapped
            and not self._response
            and happening.elapsed_ms < probe.tcpwrappedms
        ):
            return [ended, *self._finish(Outcome.TCPWRAPPED, "closed at once, without a word")]
        return [ended, *self._next_probe(reuse=False)]

    def _failed(self, happening: Failed) -> list[Action]:
        ended = EndExchange(Ending.FAILED, happening.reason)
        if happening.error in _PACKET_ERRORS:
            return [ended, *self._next_probe(reuse=False)]
        return [ended, *self._finish(Outcome.INCOMPLETE, happening.reason)]

    # Steps

    @property
    def _current(self) -> CombinedProbe:
        if self._planned is None:
            raise ProtocolError("no probe is under way")
        return self._planned.probe

    def _listen(self, reason: str) -> Action:
        self.state = State.LISTENING
        return Listen(self._current.totalwaitms, reason)

    def _send(self, *, continues: bool) -> list[Action]:
        if self._planned is None:
            raise ProtocolError("no probe is under way")
        probe, reason = self._planned.probe, self._planned.reason
        if not continues:
            self._response = b""
        waiting = f"{probe.name} is answered within {probe.totalwaitms} ms"
        return [Send(probe, reason, continues, self._is_chosen), self._listen(waiting)]

    def _next_probe(self, *, reuse: bool) -> list[Action]:
        """Go on with the next probe.

        Over UDP all probes share one socket, so an answer that comes late is
        the next probe's; over TCP the NULL probe's connection may be reused.
        """
        previous = self._planned
        self._planned = next(self._plan, None)
        self._is_chosen = False
        if self._planned is None:
            if self._may_be_wrapped and previous is not None and self._protocol == "tcp":
                return self._finish(Outcome.TCPWRAPPED, "it hung up on every probe, without a word")
            outcome = Outcome.NO_MATCH if self._learnt is None else Outcome.SOFT_MATCH
            return self._finish(outcome, "no probe is left")
        if reuse and self._is_connected and previous is not None and previous.probe.is_null:
            return self._send(continues=True)
        return self._send_freshly()

    def _send_freshly(self) -> list[Action]:
        """Send the planned probe on a connection of its own; over UDP on the one there is."""
        if self._is_connected and self._protocol == "udp":
            return self._send(continues=False)
        self.state = State.CONNECTING
        timeout = TLS_CONNECT_TIMEOUT_MS if self._tunnel else CONNECT_TIMEOUT_MS
        return [
            *self._disconnect("each probe gets a fresh connection"),
            Connect(self._tunnel, timeout, f"for {self._current.name}"),
        ]

    def _disconnect(self, reason: str) -> list[Action]:
        was_connected, self._is_connected = self._is_connected, False
        return [Disconnect(reason)] if was_connected else []

    def _finish(self, outcome: Outcome, reason: str) -> list[Action]:
        self.state = State.FINISHED
        service = self.service
        if outcome is Outcome.TCPWRAPPED:
            service = Service(
                TCPWRAPPED,
                tunnel=service.tunnel,
                method=Method.PROBED,
                confidence=TCPWRAPPED_CONFIDENCE,
            )
        elif outcome is Outcome.INCOMPLETE and self._learnt is not None:
            outcome = Outcome.SOFT_MATCH
        return [*self._disconnect("the port is done"), Finish(outcome, service, reason)]

    _HANDLERS: ClassVar[Mapping[type[Happening], tuple[State, Callable[..., list[Action]]]]] = {
        Connected: (State.CONNECTING, _connected),
        ConnectFailed: (State.CONNECTING, _connect_failed),
        Received: (State.LISTENING, _received),
        TimedOut: (State.LISTENING, _timed_out),
        Closed: (State.LISTENING, _closed),
        Failed: (State.LISTENING, _failed),
        Matched: (State.MATCHING, _matched),
    }
    """In which state a thing can happen, and what becomes of it."""


def _service_of(match: Match, name: str, *, tunnel: bool) -> Service:
    """What a rule that fired says."""
    return Service(name, match.fields, "ssl" if tunnel else "", Method.PROBED, MATCH_CONFIDENCE)


def _later(earlier: Service, later: Service) -> Service:
    """A later match replaces the fields it has; those it lacks stay."""
    return Service(
        later.name,
        merged(earlier.fields, later.fields),
        later.tunnel,
        later.method,
        later.confidence,
    )
