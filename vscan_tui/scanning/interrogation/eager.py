"""Pace `eager` for one port: a state machine with no clock, socket or task.

Nearly all of Nmap's time is spent waiting for services that will not speak
first.  Here, while the NULL connection listens, the next probes of `polite` go
out on connections of their own.  What their answers mean is settled in polite
order (`vscan_tui.scanning.interrogation.settlement`), and a verdict counts once everything
before it has been quiet for a wait that adapts (`vscan_tui.scanning.interrogation.waits`).

* The first exchange of a port, outside and inside a tunnel, has a head start:
  services that speak first are not asked anything.  Its time counts from when its
  connection was opened, be it by port discovery (`Opened.age_ms`).
* Where a banner came that names nothing, the next probe goes out on that same
  connection, as in `polite`: its rules see the banner and the answer in one.
* An exchange that stays quiet gives its connection up.  On a port that never
  said a word, the NULL probe and the likeliest of the others stay to the end of
  the database's `totalwaitms`, so that slow services are not lost; a verdict is
  reported meanwhile, and reported again if a late answer changes it.  Only a port
  that itself ended the exchange with most probes is not waited for.
* A port that says nothing to the first wave may take one connection at a time:
  everything is closed and the likeliest probe sent alone.  If that is answered,
  or where a second connection is refused, the port is asked one thing at a time
  from then on.
* A port that hangs up on the NULL probe while other connections are open may do so
  because of them: the NULL probe is sent alone before the port counts as wrapped.
* A port that answers promptly is waited for less; one that refuses its only
  connection is tried once more.
"""

from collections.abc import Callable, Iterator
from enum import IntEnum

import msgspec

from vscan_tui.events import Ending, Match, Outcome, Protocol, Service
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.scanning.interrogation import polite
from vscan_tui.scanning.interrogation.polite import CONNECT_TIMEOUT_MS, TLS_CONNECT_TIMEOUT_MS
from vscan_tui.scanning.interrogation.settlement import (
    MAX_LOOK_AHEAD,
    Key,
    Settlement,
    Settler,
    Transcript,
    Unmatched,
    Wanted,
)
from vscan_tui.scanning.interrogation.unfinished import is_unfinished
from vscan_tui.scanning.interrogation.waits import Waits

MAX_CONNECTIONS = 4
"""At a time to one port, the listening one included."""
REFUSAL_PAUSE_MS = 2_000.0
"""A port that refuses its only connection is tried again after so long, once.

It was open a moment ago.  Some that take one client at a time close their door
when it leaves, and open it again a second later.
"""
SLOW_ANSWER_FACTOR = 1.5
"""Probes that were given up before so many times a slow answer's time are sent again, once."""
_TLS_HELLO = b"\x16\x03"
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")
_DECISIVE = frozenset(
    {Outcome.HARD_MATCH, Outcome.TCPWRAPPED, Outcome.EXCLUDED, Outcome.INCOMPLETE}
)


# What to do


class Open(msgspec.Struct, frozen=True):
    """Open a connection of this number; answer with `Opened` or `NotOpened`."""

    connection: int
    tunnel: bool
    timeout_ms: float
    reason: str
    after_ms: float = 0.0
    """Not before so long."""


class Send(msgspec.Struct, frozen=True):
    """Begin an exchange on a connection; what comes there is told as it comes."""

    connection: int
    exchange: int
    probe: CombinedProbe
    tunnel: bool
    continues: bool
    reason: str


class Wait(msgspec.Struct, frozen=True):
    """Answer with `WaitOver` after this time; replaces the connection's wait before."""

    connection: int
    ms: float
    reason: str


class MatchResponse(msgspec.Struct, frozen=True):
    """Match a response; answer with `Matched`."""

    exchange: int
    probe: CombinedProbe
    response: bytes
    reason: str


class EndExchange(msgspec.Struct, frozen=True):
    """Nothing more is awaited from the exchange on this connection; no answer."""

    connection: int
    ending: Ending
    reason: str


class Disconnect(msgspec.Struct, frozen=True):
    """Close a connection, or give up opening it; nothing more is told of it."""

    connection: int
    reason: str


class Warn(msgspec.Struct, frozen=True):
    """Tell the user; no answer."""

    reason: str


class Report(msgspec.Struct, frozen=True):
    """The verdict; if it is not final, a late answer may change it."""

    outcome: Outcome
    service: Service
    is_final: bool
    reason: str


Action = Open | Send | Wait | MatchResponse | EndExchange | Disconnect | Warn | Report


# What happened


class Opened(msgspec.Struct, frozen=True):
    """The connection is ready for use."""

    connection: int
    elapsed_ms: float
    age_ms: float = 0.0
    """How long it has been open; the time of its first exchange counts from then."""
    has_spoken: bool = False
    """Whether bytes came meanwhile, and will be told."""


class NotOpened(msgspec.Struct, frozen=True):
    """The connection could not be opened."""

    connection: int
    reason: str
    was_ours: bool = False
    """Whether this system is at fault, and the other side was not even asked."""
    was_unanswered: bool = False
    """Whether nothing came back."""
    was_refused: bool = False
    """Whether nobody listens."""


class Received(msgspec.Struct, frozen=True):
    """Bytes came; the time is since the exchange began."""

    connection: int
    data: bytes
    elapsed_ms: float


class Closed(msgspec.Struct, frozen=True):
    """The other side ended the connection."""

    connection: int
    elapsed_ms: float
    was_reset: bool = False


class Failed(msgspec.Struct, frozen=True):
    """Sending or receiving failed for another reason."""

    connection: int
    error: int
    reason: str


class WaitOver(msgspec.Struct, frozen=True):
    """The wait on this connection is over."""

    connection: int


class Matched(msgspec.Struct, frozen=True):
    """The first rule that fires on a response, if one does."""

    probe: CombinedProbe
    response: bytes
    match: Match | None


Happening = Opened | NotOpened | Received | Closed | Failed | WaitOver | Matched


# The machine


class _Phase(IntEnum):
    """How long an exchange has been without bytes."""

    HEAD_START = 0
    LISTENING = 1
    QUIET = 2
    SPENT = 3


class _Line(msgspec.Struct, eq=False):
    """One connection with what it is for."""

    number: int
    wanted: Wanted
    is_alone: bool
    """Whether no other was open, or being opened, when it was begun."""
    transcript: Transcript | None = None
    phase: _Phase = _Phase.LISTENING
    is_exchange_open: bool = False
    has_waited: bool = False
    """Whether the first bytes to come were there before they could be read."""


class _Stage:
    """A port outside its tunnel, or inside."""

    def __init__(self) -> None:
        self.is_mute = True
        """Whether not a byte came."""
        self.is_prompt: bool | None = None
        """Whether every answer to a probe came promptly; None while there is none."""
        self.is_checked = False
        """Whether it is known that the port takes more than one connection, or that it does not."""
        self.leader: Transcript | None = None
        """The first exchange: for TCP, the NULL probe's."""
        self.keeper: Transcript | None = None
        """The likeliest probe, which keeps its connection while the port is mute."""
        self.check: Key | None = None
        """What is sent alone, to see whether the port takes more than one connection."""
        self.alone_ms: float | None = None
        """How long the NULL probe is alone, where its connection ended while others were open."""
        self.listens_again = False
        """Whether the NULL probe's connection was closed for that check, and is opened again."""


class EagerInterrogation:
    """The state machine of one port in pace `eager`."""

    def __init__(
        self,
        new_machine: Callable[[], polite.Interrogation],
        databases: ProbeDatabases,
        protocol: Protocol,
        port: int,
        waits: Waits,
        *,
        max_connections: int = MAX_CONNECTIONS,
    ) -> None:
        """Ask one port.

        Args:
            new_machine: makes the state machine of `polite` for this port, not begun.
            databases: what to send and to expect.
            protocol: "tcp" or "udp".
            port: its number.
            waits: how long to wait on this host.
            max_connections: at a time, at least 1.
        """
        self.is_done = False
        self._protocol = protocol
        self._waits = waits
        self._limit = max_connections
        self._expects_tls = bool(databases.listing(protocol, port, tunnel=True))
        self._transcripts: dict[Key, Transcript] = {}
        self._matches: dict[tuple[CombinedProbe, bytes], Match | None] = {}
        self._settler = Settler(new_machine, self._transcripts, self._matches)
        self._asked: set[tuple[CombinedProbe, bytes]] = set()
        self._lines: dict[int, _Line] = {}
        self._stages = {False: _Stage(), True: _Stage()}
        self._spent_ms: dict[Transcript, float] = {}
        """Exchanges that were given up without an answer, and after how long."""
        self._sent_again: set[Key] = set()
        self._connections = 0
        self._exchanges = 0
        self._is_tried_again = False
        """Whether the port refused its only connection, and is waited for."""
        self._refusals = 0
        """How often it did so."""
        self._slowest_ms = 0.0
        self._reported: polite.Finish | None = None
        self._warned: set[str] = set()

    @property
    def is_slow(self) -> bool:
        """Whether the port refuses, or said nothing to several probes: it is mostly waited for."""
        return self._is_tried_again or any(
            stage.is_mute and stage.is_checked for stage in self._stages.values()
        )

    def begin(self) -> list[Action]:
        """Return the first actions."""
        return self._advance()

    def handle(self, *happenings: Happening) -> list[Action]:
        """Return what to do after some things happened, in order."""
        actions: list[Action] = []
        changed = False
        for happening in happenings:
            if self.is_done:
                break
            if isinstance(happening, Matched):
                self._matches[happening.probe, happening.response] = happening.match
                changed = True
                continue
            line = self._lines.get(happening.connection)
            if line is not None:
                actions += self._told(line, happening)
                changed |= not isinstance(happening, Opened)
        return [*actions, *self._advance()] if changed else actions

    def stop(self, reason: str) -> list[Action]:
        """End early and keep what was found."""
        if self.is_done:
            return []
        finish = self._settler.stopped(reason)
        actions = self._close_all(list(self._lines.values()), reason)
        self.is_done = True
        if finish is None:
            return actions
        return [*actions, Report(finish.outcome, finish.service, is_final=True, reason=reason)]

    # What happened

    def _told(self, line: _Line, happening: Happening) -> list[Action]:
        match happening:
            case Opened():
                self._waits.connected(happening.elapsed_ms)
                self._is_tried_again = False
                return self._send(line, line.wanted, happening)
            case NotOpened():
                return self._not_opened(line, happening)
            case Received():
                return self._received(line, happening)
            case Closed():
                return self._ended(line, polite.Closed(happening.elapsed_ms, happening.was_reset))
            case Failed():
                return self._ended(line, polite.Failed(happening.error, happening.reason))
            case WaitOver():
                return list(self._wait_over(line))
            case _:
                return []

    def _not_opened(self, line: _Line, happening: NotOpened) -> list[Action]:
        key = line.wanted.key
        del self._lines[line.number]
        self._is_tried_again = False
        if happening.was_refused and line.is_alone and not key.tunnel:
            self._refusals += 1
            if self._refusals == 1:
                self._is_tried_again = True
                return self._open(line.wanted, after_ms=REFUSAL_PAUSE_MS)
        if not line.is_alone:
            self._limit = 1
        elif key not in self._transcripts:
            failure = polite.ConnectFailed(
                happening.reason, happening.was_ours, happening.was_unanswered
            )
            self._new_transcript(key, line.number).end = failure
        if self._stages[key.tunnel].check == key:
            self._stages[key.tunnel].check = None
        return []

    def _received(self, line: _Line, happening: Received) -> list[Action]:
        transcript = line.transcript
        if transcript is None:
            return []
        stage = self._stages[transcript.tunnel]
        actions: list[Action] = []
        if not transcript.chunks:
            if not line.has_waited:
                self._waits.answered(transcript.probe, happening.elapsed_ms)
            self._answered_after(happening.elapsed_ms, transcript)
            actions = self._wait_no_longer(stage, transcript, happening.elapsed_ms)
        transcript.chunks.append(happening.data)
        transcript.is_quiet = False
        stage.is_mute = False
        if stage.check is not None and self._transcripts.get(stage.check) is transcript:
            self._takes_one_at_a_time(stage, transcript)
        self._expects_tls |= transcript.chunks[0].startswith(_TLS_RECORDS)
        line.phase = _Phase.LISTENING
        left = self._waits.total(transcript.probe) - happening.elapsed_ms
        if left <= 0:
            transcript.end = polite.TimedOut()
            return actions
        ms = min(self._quiet_ms(transcript), left)
        return [*actions, Wait(line.number, ms, "more may come")]

    def _wait_no_longer(
        self, stage: _Stage, answered: Transcript, elapsed_ms: float
    ) -> list[Action]:
        """Once the port answers promptly, count the silence on its other connections sooner."""
        if answered.probe.is_null:
            return []
        is_first = stage.is_prompt is None
        stage.is_prompt = self._waits.is_prompt(elapsed_ms) and stage.is_prompt is not False
        if not (is_first and stage.is_prompt):
            return []
        return [
            Wait(line.number, self._quiet_ms(line.transcript), "the port answers promptly")
            for line in self._lines_of(tunnel=answered.tunnel)
            if line.phase is _Phase.LISTENING
            and line.transcript is not None
            and line.transcript is not answered
            and not line.transcript.chunks
            and line.transcript.end is None
        ]

    def _answered_after(self, elapsed_ms: float, answered: Transcript) -> None:
        """Learn how slow the port is; what was given up too early will be sent again."""
        self._slowest_ms = max(self._slowest_ms, elapsed_ms)
        for key, transcript in list(self._transcripts.items()):
            waited_ms = self._spent_ms.get(transcript)
            if (
                waited_ms is not None
                and waited_ms < SLOW_ANSWER_FACTOR * elapsed_ms
                and transcript.tunnel == answered.tunnel
                and key not in self._sent_again
            ):
                self._sent_again.add(key)
                del self._transcripts[key]

    def _takes_one_at_a_time(self, stage: _Stage, answered: Transcript) -> None:
        """The port answers to one connection what it did not answer to several."""
        self._limit = 1
        stage.check = None
        for key, transcript in list(self._transcripts.items()):
            if transcript.tunnel == answered.tunnel and transcript not in {answered, stage.leader}:
                del self._transcripts[key]

    def _ended(self, line: _Line, end: polite.Closed | polite.Failed) -> list[Action]:
        if line.transcript is None or line.transcript.end is not None:
            return self._close(line, "the other side ended the connection")
        transcript = line.transcript
        stage = self._stages[transcript.tunnel]
        is_silent = transcript.probe.is_null and not transcript.chunks
        if is_silent and isinstance(end, polite.Closed):
            if transcript.is_quiet and not stage.is_mute:
                # Silence was long enough, and it ended for another reason than that it was
                # silence: an X server ends all connections when its last client leaves.
                transcript.end = polite.TimedOut()
                return self._close(line, "the other side ended the connection", Ending.CLOSED)
            has_others = len(self._lines_of(tunnel=transcript.tunnel)) > 1
            if has_others and stage.is_mute and stage.alone_ms is None:
                return self._listen_alone(stage, transcript, end.elapsed_ms)
        transcript.end = end
        return []

    def _listen_alone(self, stage: _Stage, ended: Transcript, elapsed_ms: float) -> list[Action]:
        """See whether the port hangs up on silence, or had more connections than it likes."""
        wanted = SLOW_ANSWER_FACTOR * elapsed_ms + self._quiet_ms(ended)
        stage.alone_ms = min(wanted, float(ended.probe.tcpwrappedms))
        stage.leader = stage.keeper = stage.check = None
        stage.listens_again = False
        reason = "it hung up on silence: perhaps it does not when there is one connection"
        actions: list[Action] = []
        for line in self._lines_of(tunnel=ended.tunnel):
            if line.transcript is not None and line.transcript.end is None:
                self._forget(line.transcript)
            ending = Ending.CLOSED if line.transcript is ended else Ending.STOPPED
            actions += self._close(line, reason, ending)
        return actions

    def _wait_over(self, line: _Line) -> Iterator[Action]:
        transcript = line.transcript
        if transcript is None or transcript.end is not None:
            return
        probe = transcript.probe
        quiet, patience = self._quiet_ms(transcript), self._patience_ms(transcript)
        if line.phase is _Phase.HEAD_START:
            line.phase = _Phase.LISTENING
            left = quiet - self._head_start_ms(transcript)
            if left > 0:
                yield Wait(line.number, left, "until silence counts")
                return
        if line.phase is _Phase.LISTENING:
            line.phase = _Phase.QUIET
            transcript.is_quiet = True
            if patience > quiet:
                yield Wait(line.number, patience - quiet, "an answer may take longer")
                return
        if line.phase is _Phase.QUIET:
            line.phase = _Phase.SPENT
            if self._keeps_listening(transcript):
                left = self._waits.total(probe) - patience
                if left > 0:
                    yield Wait(line.number, left, "slow services take long")
                    return
        self._give_up(transcript, patience)

    def _keeps_listening(self, transcript: Transcript) -> bool:
        """Whether an exchange stays to the end of its probe's `totalwaitms`."""
        stage = self._stages[transcript.tunnel]
        if transcript.chunks:
            return False
        if transcript.probe.is_null:
            return True
        keeper = stage.keeper
        if not stage.is_mute or self._limit == 1:
            return False
        if keeper is not None:
            if _likelihood(transcript.probe) <= _likelihood(keeper.probe):
                return False
            if keeper.end is None:
                self._give_up(keeper, self._patience_ms(keeper))
        stage.keeper = transcript
        return True

    def _give_up(self, transcript: Transcript, waited_ms: float) -> None:
        transcript.end = polite.TimedOut()
        if not transcript.chunks and not transcript.probe.is_null:
            self._spent_ms[transcript] = waited_ms

    # What to do next

    def _advance(self) -> list[Action]:
        settlement = self._settler.settle(
            look_ahead=MAX_LOOK_AHEAD if self._seeks_tls() else 2 * self._limit
        )
        actions: list[Action] = self._warn(settlement)
        actions += self._end_exchanges(settlement)
        if settlement.unmatched is not None:
            return [*actions, *self._ask_to_match(settlement.unmatched)]
        if left := self._leave_outside(settlement):
            return [*actions, *left, *self._advance()]
        actions += self._end_check()
        actions += self._check_alone(settlement)
        if any(stage.check is not None for stage in self._stages.values()):
            return actions
        if settlement.stands and settlement.finish is not None:
            verdict = self._report(settlement, settlement.finish)
            if self.is_done:
                return [*actions, *verdict]
            actions += verdict
        actions += self._start_wanted(settlement)
        return actions

    def _seeks_tls(self) -> bool:
        """Whether a TLS hello is to go out before its turn, and did not yet."""
        return self._expects_tls and not any(
            key.probe.payload.startswith(_TLS_HELLO) for key in self._transcripts
        )

    def _warn(self, settlement: Settlement) -> list[Action]:
        if not settlement.stands:
            return []
        new = [text for text in settlement.warnings if text not in self._warned]
        self._warned.update(new)
        return [Warn(text) for text in new]

    def _ask_to_match(self, unmatched: Unmatched) -> list[Action]:
        question = (unmatched.probe, unmatched.response)
        if question in self._asked:
            return []
        self._asked.add(question)
        return [MatchResponse(unmatched.transcript.exchange, *question, reason="bytes arrived")]

    def _end_exchanges(self, settlement: Settlement) -> list[Action]:
        actions: list[Action] = []
        for over in settlement.over:
            line = self._lines.get(over.transcript.connection)
            if line is None or line.transcript is not over.transcript or not line.is_exchange_open:
                continue
            line.is_exchange_open = False
            actions.append(EndExchange(line.number, over.ending, over.reason))
            is_banner = over.transcript.probe.is_null and bool(over.transcript.chunks)
            if not (is_banner and over.ending in {Ending.TIMED_OUT, Ending.FULL}):
                del self._lines[line.number]
                actions.append(Disconnect(line.number, over.reason))
        return actions

    def _report(self, settlement: Settlement, finish: polite.Finish) -> list[Action]:
        open_lines = [
            line
            for line in self._lines.values()
            if line.transcript is None
            or (line.transcript in settlement.reached and line.is_exchange_open)
        ]
        is_final = finish.outcome in _DECISIVE or not open_lines or _ends_every_exchange(settlement)
        if not is_final:
            if self._reported == finish:
                return []
            self._reported = finish
            reason = f"{finish.reason}; late answers still count"
            return [Report(finish.outcome, finish.service, is_final=False, reason=reason)]
        actions = self._close_all(list(self._lines.values()), "the port is done")
        self.is_done = True
        report = Report(finish.outcome, finish.service, is_final=True, reason=finish.reason)
        return [*actions, report]

    def _leave_outside(self, settlement: Settlement) -> list[Action]:
        """Close what listened outside the tunnel once the tunnel is certain."""
        if any(not wanted.key.tunnel for wanted in settlement.wanted) or any(
            not transcript.is_quiet for transcript in settlement.outside
        ):
            return []
        actions: list[Action] = []
        for transcript in settlement.outside:
            transcript.end = polite.TimedOut()
            line = self._lines.get(transcript.connection)
            if line is not None and line.transcript is transcript:
                actions += self._close(line, "the port speaks TLS")
        return actions

    def _check_alone(self, settlement: Settlement) -> list[Action]:
        """Begin to see whether a mute port takes one connection at a time, if it is time to."""
        tunnel = any(key.tunnel for key in self._transcripts)
        stage = self._stages[tunnel]
        leader = stage.leader
        others = [
            transcript
            for transcript in self._transcripts.values()
            if transcript.tunnel == tunnel and transcript is not leader
        ]
        is_due = (
            self._protocol == "tcp"
            and not (settlement.finish and settlement.finish.outcome in _DECISIVE)
            and self._limit > 1
            and not stage.is_checked
            and stage.is_mute
            and bool(others)
            and len(others) >= self._first_wave(settlement, len(others))
            and all(transcript.end or transcript is stage.keeper for transcript in others)
            and all(transcript.is_quiet for transcript in settlement.outside)
            and all(line.transcript is not None for line in self._lines.values())
        )
        if not is_due or leader is None or not (leader.is_quiet or leader.end is not None):
            return []
        reason = "nothing was answered: perhaps it takes one connection at a time"
        stage.is_checked = True
        stage.listens_again = leader.end is None
        for transcript in [leader, *others, *settlement.outside]:
            transcript.end = transcript.end or polite.TimedOut()
        likeliest = max(others, key=lambda transcript: _likelihood(transcript.probe))
        stage.keeper = None
        stage.check = Key(tunnel, likeliest.probe, continues=False)
        actions = self._close_all(list(self._lines.values()), reason)
        return [*actions, *self._open(Wanted(stage.check, reason))]

    def _end_check(self) -> list[Action]:
        """Go on as before if the probe that was sent alone is not answered either."""
        for tunnel, stage in self._stages.items():
            leader = stage.leader
            if stage.check is not None:
                transcript = self._transcripts.get(stage.check)
                line = self._lines.get(transcript.connection) if transcript else None
                is_over = transcript is not None and transcript.end is not None
                if line is not None and line.phase is not _Phase.SPENT and not is_over:
                    continue
                if any(line.transcript is None for line in self._lines.values()):
                    continue
                stage.check = None
            if stage.listens_again and leader is not None:
                stage.listens_again = False
                if self._limit > 1:
                    key = Key(tunnel, leader.probe, continues=False)
                    return self._open(Wanted(key, "a banner may still come"))
        return []

    def _first_wave(self, settlement: Settlement, sent: int) -> int:
        return min(self._limit - 1, sent + len(settlement.wanted))

    def _start_wanted(self, settlement: Settlement) -> list[Action]:
        actions: list[Action] = []
        under_way = {line.wanted.key for line in self._lines.values() if line.transcript is None}
        for wanted in self._by_promise(settlement.wanted):
            if wanted.key in under_way or not self._may_start(wanted):
                continue
            banner = self._banner_line(wanted.key)
            if banner is not None:
                actions += self._send_on(banner, wanted)
                return [*actions, *self._advance()]
            if wanted.key.continues:  # the connection with the banner is gone
                transcript = self._new_transcript(wanted.key, 0)
                transcript.end = polite.Closed(0.0)
                return [*actions, *self._advance()]
            actions += self._make_room(settlement)
            if len(self._lines) >= self._limit:
                break
            actions += self._open(wanted)
        return actions

    def _by_promise(self, wanted: tuple[Wanted, ...]) -> list[Wanted]:
        """Polite order, but where TLS is likely its hello comes early."""
        if self._limit == 1 or not self._expects_tls:
            return list(wanted)
        return sorted(
            wanted,
            key=lambda each: (
                each.key.tunnel,
                not each.key.probe.is_null,
                not each.key.continues,
                each.key.tunnel or not each.key.probe.payload.startswith(_TLS_HELLO),
            ),
        )

    def _may_start(self, wanted: Wanted) -> bool:
        stage = self._stages[wanted.key.tunnel]
        if stage.check is not None:
            return False
        leader = stage.leader
        if leader is None:  # the first goes alone
            return not self._lines_of(tunnel=wanted.key.tunnel)
        if self._protocol == "tcp" and self._limit > 1 and stage.is_mute and not stage.is_checked:
            sent = sum(key.tunnel == wanted.key.tunnel for key in self._transcripts)
            opening = sum(
                line.transcript is None and line.wanted.key.tunnel == wanted.key.tunnel
                for line in self._lines.values()
            )
            if sent + opening >= self._limit:
                return False
        line = self._lines.get(leader.connection)
        if leader.end is not None or line is None or line.transcript is not leader:
            return True
        if self._limit == 1 or (leader.probe.is_null and leader.chunks):
            return leader.is_quiet
        return line.phase > _Phase.HEAD_START

    def _banner_line(self, key: Key) -> _Line | None:
        """The NULL probe's connection, if this probe has to go out on it."""
        leader = self._stages[key.tunnel].leader
        if leader is None or not leader.probe.is_null or key.probe.is_null:
            return None
        if not key.continues and not (self._limit == 1 and leader.end is None):
            return None
        line = self._lines.get(leader.connection)
        return line if line is not None and line.transcript is leader else None

    def _send_on(self, line: _Line, wanted: Wanted) -> list[Action]:
        actions: list[Action] = []
        if line.transcript is not None and line.transcript.end is None:
            line.transcript.end = polite.TimedOut()
        if line.is_exchange_open:
            actions.append(EndExchange(line.number, Ending.TIMED_OUT, "no more bytes came"))
        key = Key(wanted.key.tunnel, wanted.key.probe, continues=True)
        return [*actions, *self._send(line, Wanted(key, wanted.reason))]

    def _make_room(self, settlement: Settlement) -> list[Action]:
        """Close what nobody waits for, if all connections are taken."""
        actions: list[Action] = []
        for line in list(self._lines.values()):
            if len(self._lines) < self._limit:
                break
            transcript = line.transcript
            if transcript is None:
                continue
            if transcript not in settlement.reached:
                self._forget(transcript)
                actions += self._close(line, "the probe is not needed")
            elif self._limit == 1 and line.phase is _Phase.SPENT and transcript.is_quiet:
                self._give_up(transcript, self._patience_ms(transcript))
                actions += self._close(line, "no answer", Ending.TIMED_OUT)
        return actions

    def _forget(self, transcript: Transcript) -> None:
        for key, known in list(self._transcripts.items()):
            if known is transcript:
                del self._transcripts[key]

    # Steps

    def _open(self, wanted: Wanted, *, after_ms: float = 0.0) -> list[Action]:
        self._connections += 1
        is_alone = not self._lines
        line = self._lines[self._connections] = _Line(self._connections, wanted, is_alone)
        timeout_ms: float = CONNECT_TIMEOUT_MS
        if wanted.key.tunnel:
            timeout_ms = self._waits.handshake(TLS_CONNECT_TIMEOUT_MS)
        reason = f"for {wanted.key.probe.name}"
        if after_ms:
            reason += f", once more in {after_ms / 1000:g} s: it was open a moment ago"
        return [Open(line.number, wanted.key.tunnel, timeout_ms, reason, after_ms)]

    def _send(self, line: _Line, wanted: Wanted, opened: Opened | None = None) -> list[Action]:
        key = wanted.key
        transcript = self._new_transcript(key, line.number)
        line.transcript = transcript
        line.wanted = wanted
        line.is_exchange_open = True
        line.has_waited = opened is not None and opened.has_spoken
        stage = self._stages[key.tunnel]
        probe = key.probe
        send = Send(
            line.number, transcript.exchange, probe, key.tunnel, key.continues, wanted.reason
        )
        if stage.leader is None:
            stage.leader = transcript
            line.phase = _Phase.HEAD_START
            head_start = self._head_start_ms(transcript)
            if opened is not None and not opened.has_spoken:
                head_start = max(0.0, head_start - opened.age_ms)
            return [send, Wait(line.number, head_start, "services that speak first do so now")]
        if probe.is_null:  # it listens on, where it was closed for a check
            stage.leader = transcript
            line.phase = _Phase.SPENT
            transcript.is_quiet = True
            return [send, Wait(line.number, self._waits.total(probe), "slow services take long")]
        line.phase = _Phase.LISTENING
        return [send, Wait(line.number, self._quiet_ms(transcript), "until silence counts")]

    def _new_transcript(self, key: Key, connection: int) -> Transcript:
        self._exchanges += 1
        transcript = Transcript(key.probe, key.tunnel, self._exchanges, connection, key.continues)
        self._transcripts[key] = transcript
        return transcript

    def _close(self, line: _Line, reason: str, ending: Ending = Ending.STOPPED) -> list[Action]:
        del self._lines[line.number]
        actions: list[Action] = [Disconnect(line.number, reason)]
        if line.is_exchange_open:
            line.is_exchange_open = False
            actions.insert(0, EndExchange(line.number, ending, reason))
        return actions

    def _close_all(self, lines: list[_Line], reason: str) -> list[Action]:
        return [action for line in lines for action in self._close(line, reason)]

    def _lines_of(self, *, tunnel: bool) -> list[_Line]:
        return [line for line in self._lines.values() if line.wanted.key.tunnel == tunnel]

    # Waits

    def _head_start_ms(self, transcript: Transcript) -> float:
        alone_ms = self._stages[transcript.tunnel].alone_ms
        return max(self._waits.head_start(transcript.probe), alone_ms or 0.0)

    def _quiet_ms(self, transcript: Transcript) -> float:
        probe = transcript.probe
        quiet = self._waits.quiet(
            probe,
            is_prompt=self._stages[transcript.tunnel].is_prompt or False,
            is_unfinished=is_unfinished(b"".join(transcript.chunks)),
        )
        return min(max(quiet, SLOW_ANSWER_FACTOR * self._slowest_ms), self._waits.total(probe))

    def _patience_ms(self, transcript: Transcript) -> float:
        """A port that answers is as quick with the next answer; a mute one gets more time."""
        quiet = self._quiet_ms(transcript)
        if self._stages[transcript.tunnel].is_mute:
            return max(quiet, self._waits.patience(transcript.probe))
        return quiet


def _ends_every_exchange(settlement: Settlement) -> bool:
    """Whether the other side ended whatever was begun: it is awake, and has nothing to say.

    One that lets a single probe wait may be one that hangs up on who says nothing
    for a while, and that is for the NULL probe to find out.
    """
    asked = [each for each in settlement.reached if not each.probe.is_null]
    return bool(asked) and all(isinstance(each.end, polite.Closed) for each in asked)


def _likelihood(probe: CombinedProbe) -> int:
    """How likely a probe is to name a service: by the number of its rules."""
    return sum(len(member.probe.rules) for member in probe.members)
