"""What pace `polite` would have said, had it had the same exchanges.

Without clock or socket.  The state machine of `polite` is played from its beginning against what
was exchanged so far, in whatever order and on however many connections that
happened.  Where it asks for something that is not known yet, the most common
answer is assumed, none, and the assumption is noted.  So order, soft matches
that narrow, tunnels and tcpwrapped ports are settled by the same code in both
paces, and the notes say what the verdict still hangs on.
"""

from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from vscan_tui.events import Ending, Match, Outcome
from vscan_tui.probedb.combined import CombinedProbe
from vscan_tui.scanning.interrogation.polite import (
    Action,
    Closed,
    Connect,
    Connected,
    ConnectFailed,
    EndExchange,
    Failed,
    Finish,
    Happening,
    Interrogation,
    Listen,
    Matched,
    MatchResponse,
    Received,
    Send,
    TimedOut,
    Warn,
)

MAX_LOOK_AHEAD = 1_000
"""More probes than any port is sent."""


class Transcript(msgspec.Struct, eq=False):
    """One exchange as it went so far."""

    probe: CombinedProbe
    tunnel: bool
    exchange: int
    connection: int
    continues: bool = False
    """On the NULL probe's connection, after bytes came there."""
    chunks: list[bytes] = msgspec.field(default_factory=list)
    end: TimedOut | Closed | Failed | ConnectFailed | None = None
    """How it ended; None while an answer may still come."""
    is_quiet: bool = False
    """Whether nothing came for so long that later answers may count."""


class Key(msgspec.Struct, frozen=True):
    """What tells the exchanges of one port apart."""

    tunnel: bool
    probe: CombinedProbe
    continues: bool


Transcripts = Mapping[Key, Transcript]
Matches = Mapping[tuple[CombinedProbe, bytes], Match | None]
"""The rule that fires on a response to a probe, for every response that was matched."""


class Wanted(msgspec.Struct, frozen=True):
    """A probe that `polite` would send, and that was not sent yet."""

    key: Key
    reason: str


class Unmatched(msgspec.Struct, frozen=True):
    """A response that must be matched before anything else can be said."""

    transcript: Transcript
    probe: CombinedProbe
    response: bytes


class Over(msgspec.Struct, frozen=True):
    """An exchange from which nothing more is awaited, whatever the others bring."""

    transcript: Transcript
    ending: Ending
    reason: str


class Settlement(msgspec.Struct, frozen=True):
    """What follows from the exchanges so far."""

    finish: Finish | None
    """The verdict if nothing more came anywhere; None if a response is not matched yet.

    Also None where more probes are wanted than were to be named.
    """
    unmatched: Unmatched | None
    wanted: tuple[Wanted, ...]
    """In polite order; the verdict is open while there are any."""
    awaited: tuple[Transcript, ...]
    """Could still change the verdict, and had too little time yet."""
    listening: tuple[Transcript, ...]
    """Could still change the verdict, but have been quiet for long enough."""
    over: tuple[Over, ...]
    reached: frozenset[Transcript]
    """The exchanges that `polite` would have had."""
    outside: tuple[Transcript, ...]
    """Those of `awaited` and `listening` that came before the tunnel, if there is one."""
    warnings: tuple[str, ...]

    @property
    def stands(self) -> bool:
        """Whether the verdict may be reported: all before it have been quiet for long enough."""
        return self.finish is not None and not self.wanted and not self.awaited


class Settler:
    """Settles the exchanges of one port, again and again as more is known.

    What cannot change any more is not played again.
    """

    def __init__(
        self, new_machine: Callable[[], Interrogation], transcripts: Transcripts, matches: Matches
    ) -> None:
        """Settle what is, or will be, in these.

        Args:
            new_machine: makes the state machine of `polite`, not begun.
            transcripts: the exchanges so far.
            matches: what their responses matched, as far as known.
        """
        self._new_machine = new_machine
        self._transcripts = transcripts
        self._matches = matches
        self._certain = self._from_the_beginning()

    def settle(self, *, look_ahead: int = MAX_LOOK_AHEAD) -> Settlement:
        """Return what follows now.

        Args:
            look_ahead: how many of the wanted probes to name, once nothing else is to be said.
        """
        if not self._certain.holds():
            self._certain = self._from_the_beginning()
        self._certain.run(only_certain=True)
        ahead = self._certain.fork()
        ahead.run(look_ahead=look_ahead)
        return ahead.result()

    def stopped(self, reason: str) -> Finish | None:
        """Return the verdict of a port that is left as it stands, for this reason."""
        replay = self._from_the_beginning()
        replay.run(stop_reason=reason)
        return replay.result().finish

    def _from_the_beginning(self) -> "_Replay":
        return _Replay(self._new_machine(), self._transcripts, self._matches)


class _Replay:
    """The state machine of `polite`, played against the exchanges up to some point."""

    def __init__(self, machine: Interrogation, transcripts: Transcripts, matches: Matches) -> None:
        self._machine = machine
        self._transcripts = transcripts
        self._matches = matches
        self._pending = deque(machine.begin())
        self._tunnel = False
        self._current: Transcript | None = None
        self._played = 0
        self._is_assumed = False
        self._has_banner = False
        self._finish: Finish | None = None
        self._unmatched: Unmatched | None = None
        self._wanted: list[Wanted] = []
        self._reached: dict[Key, Transcript] = {}
        self._assumed: list[tuple[Transcript, int]] = []
        """Exchanges that were taken to be over, and how many chunks they had."""
        self._outside = 0
        """How many of them came before the tunnel."""
        self._over: list[Over] = []
        self._warnings: list[str] = []

    def fork(self) -> "_Replay":
        """Return another that is as far, and goes on by itself."""
        twin = object.__new__(_Replay)  # what copy() does, in a fifth of the time
        twin.__dict__.update(self.__dict__)
        twin._machine = self._machine.fork()
        twin._pending = self._pending.copy()
        twin._wanted = self._wanted.copy()
        twin._reached = self._reached.copy()
        twin._assumed = self._assumed.copy()
        twin._over = self._over.copy()
        twin._warnings = self._warnings.copy()
        return twin

    def holds(self) -> bool:
        """Whether the exchanges that were played are still what they were then."""
        return all(
            self._transcripts.get(key) is transcript for key, transcript in self._reached.items()
        ) and all(
            len(transcript.chunks) == chunks
            and (transcript.end is None or isinstance(transcript.end, TimedOut))
            for transcript, chunks in self._assumed
        )

    def run(
        self,
        *,
        only_certain: bool = False,
        look_ahead: int = MAX_LOOK_AHEAD,
        stop_reason: str = "",
    ) -> None:
        """Play on.

        Args:
            only_certain: up to the first exchange that is not over and not quiet.
            look_ahead: up to so many wanted probes, if no exchange comes after them.
            stop_reason: if not empty, up to the first exchange that was not had, for this reason.
        """
        self._unmatched = None
        while self._pending and self._unmatched is None:
            action = self._pending.popleft()
            if only_certain and not self._is_certain(action):
                self._pending.appendleft(action)
                return
            happening = self._carry_out(action, is_stopped=bool(stop_reason))
            if happening is not None:
                self._pending.extend(self._machine.handle(happening))
            if self._wanted and stop_reason:
                self._wanted.clear()
                self._pending = deque(self._machine.stop(Outcome.STOPPED, stop_reason))
            elif len(self._wanted) >= look_ahead and self._is_all_played():
                return

    def result(self) -> Settlement:
        """Return what follows."""
        undecided = [each for each, _ in self._assumed if each.end is None]
        timed_out = (
            Over(each, Ending.TIMED_OUT, "no more bytes came" if each.chunks else "no answer")
            for each, _ in self._assumed
            if each.end is not None
        )
        return Settlement(
            self._finish,
            self._unmatched,
            tuple(self._wanted),
            awaited=tuple(each for each in undecided if not each.is_quiet),
            listening=tuple(each for each in undecided if each.is_quiet),
            over=(*self._over, *timed_out),
            reached=frozenset(self._reached.values()),
            outside=tuple(each for each, _ in self._assumed[: self._outside] if each.end is None),
            warnings=tuple(self._warnings),
        )

    def _is_all_played(self) -> bool:
        """Whether what comes next is a probe that was not sent, and so is all after it."""
        return self._current is None and len(self._reached) >= len(self._transcripts)

    def _is_certain(self, action: Action) -> bool:
        match action:
            case Connect():
                probe = self._machine.planned
                transcript = self._fresh(action.tunnel, probe) if probe else None
            case Send():
                transcript = self._transcript(action)
            case _:
                return True
        return transcript is not None and (transcript.end is not None or transcript.is_quiet)

    def _carry_out(self, action: Action, *, is_stopped: bool) -> Happening | None:
        match action:
            case Connect():
                return self._connect(action)
            case Send():
                self._send(action)
            case Listen():
                return self._listen()
            case MatchResponse():
                return self._match(action, is_stopped=is_stopped)
            case EndExchange():
                if self._current is not None and not self._is_assumed:
                    self._over.append(Over(self._current, action.ending, action.reason))
            case Warn():
                self._warnings.append(action.reason)
            case Finish():
                self._finish = action
            case _:
                pass
        return None

    def _connect(self, action: Connect) -> Happening:
        if action.tunnel and not self._tunnel:
            self._outside = len(self._assumed)
            self._has_banner = False
        self._tunnel = action.tunnel
        probe = self._machine.planned
        transcript = self._fresh(action.tunnel, probe) if probe else None
        if transcript is not None and isinstance(transcript.end, ConnectFailed):
            self._reach(transcript)
            return transcript.end
        return Connected()

    def _send(self, action: Send) -> None:
        self._current = self._transcript(action)
        self._played = 0
        self._is_assumed = False
        if self._current is None:
            key = Key(self._tunnel, action.probe, action.continues and self._has_banner)
            self._wanted.append(Wanted(key, action.reason))
            return
        self._reach(self._current)
        if action.probe.is_null:
            self._has_banner = bool(self._current.chunks)

    def _reach(self, transcript: Transcript) -> None:
        key = Key(transcript.tunnel, transcript.probe, transcript.continues)
        self._reached[key] = transcript

    def _transcript(self, action: Send) -> Transcript | None:
        """The exchange that has what `polite` would have got.

        An answer to the first probe on the NULL probe's connection begins with
        the banner.  Where there was none, any connection will do.
        """
        if action.continues and self._has_banner:
            return self._transcripts.get(Key(self._tunnel, action.probe, continues=True))
        return self._fresh(self._tunnel, action.probe)

    def _fresh(self, tunnel: bool, probe: CombinedProbe) -> Transcript | None:  # noqa: FBT001
        own = self._transcripts.get(Key(tunnel, probe, continues=False))
        return own or self._transcripts.get(Key(tunnel, probe, continues=True))

    def _listen(self) -> Happening:
        transcript = self._current
        if transcript is None:
            self._is_assumed = True
            return TimedOut()
        if self._played < len(transcript.chunks):
            self._played += 1
            return Received(transcript.chunks[self._played - 1])
        if transcript.end is not None:
            return transcript.end
        self._assumed.append((transcript, len(transcript.chunks)))
        self._is_assumed = True
        return TimedOut()

    def _match(self, action: MatchResponse, *, is_stopped: bool) -> Happening | None:
        found = self._matches.get((action.probe, action.response), ...)
        if found is not ...:
            return Matched(found)
        if is_stopped or self._current is None:
            return Matched(None)
        self._unmatched = Unmatched(self._current, action.probe, action.response)
        self._pending.appendleft(action)
        return None
