"""One port under the user's hand: which action comes next, and whether it is carried out.

Pure, as the interrogation is: no clock, no socket, no task.  Whoever carries
the actions out takes them one at a time, tells what happened, and waits while
the port is held; commands may come at any moment.
"""

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto

import msgspec

from vscan_tui.events import Ending, Outcome, Prospect
from vscan_tui.probedb.combined import CombinedProbe
from vscan_tui.scanning.interrogation.announcement import describe
from vscan_tui.scanning.interrogation.polite import (
    Action,
    Closed,
    Connect,
    Connected,
    ConnectFailed,
    Disconnect,
    EndExchange,
    Finish,
    Happening,
    Interrogation,
    Listen,
    Send,
    TimedOut,
)

BY_HAND = "by hand"
MAX_NAMED = 4
"""So many of the probes to come are named in an outlook."""


# What the user can say


class Hold(msgspec.Struct, frozen=True):
    """Hold the port before its next action."""

    cause: str = BY_HAND
    by_breakpoint: bool = False


class Step(msgspec.Struct, frozen=True):
    """Carry out the next action, and hold again."""


class StepOver(msgspec.Struct, frozen=True):
    """Carry out all that belongs to the probe under way, and hold before the next."""


class Run(msgspec.Struct, frozen=True):
    """Let the port go on by itself."""


class Skip(msgspec.Struct, frozen=True):
    """Give up the probe under way; after the verdict: go on with those that are left."""


class Choose(msgspec.Struct, frozen=True):
    """Send this probe next."""

    probe: CombinedProbe


class SendAgain(msgspec.Struct, frozen=True):
    """Send the last probe once more."""


class Stop(msgspec.Struct, frozen=True):
    """Ask the port nothing more."""


Command = Hold | Step | StepOver | Run | Skip | Choose | SendAgain | Stop
CHANGING = (Skip, Choose, SendAgain, Stop)
"""Commands that change what comes next, so that nothing is waited for any more."""


class NotPossibleError(Exception):
    """A command makes no sense now; the message says why, in a sentence."""


class _Mode(Enum):
    RUNNING = auto()
    HELD = auto()
    STEPPING = auto()
    STEPPING_OVER = auto()


class Steps:
    """The actions of one interrogation, taken one at a time."""

    def __init__(self, interrogation: Interrogation, *, held: bool = False) -> None:
        """Be ready to begin; if `held`, before the first action."""
        self.cause = BY_HAND
        """Why the port is held, or was last."""
        self.by_breakpoint = False
        self._machine = interrogation
        self._mode = _Mode.HELD if held else _Mode.RUNNING
        self._to_step = 0
        """How many actions the user has asked for, and that were not carried out yet."""
        self._pending: deque[Action] = deque()
        self._is_open = False
        """Whether an exchange is under way."""
        self._last: Send | None = None
        self._left: tuple[bool, CombinedProbe | None] | None = None
        """The probe that is stepped over, with whether it is inside a tunnel."""

    # For whoever carries the actions out

    def begin(self) -> None:
        """Begin the interrogation."""
        self._pending.extend(self._machine.begin())

    @property
    def next(self) -> Action | None:
        """The next action; None at the end, or until it is told what happened."""
        return self._pending[0] if self._pending else None

    @property
    def is_held(self) -> bool:
        """Whether the next action waits for a word of the user."""
        action = self.next
        if not isinstance(action, Connect | Send | Listen | Finish):
            return False
        if self._mode is _Mode.STEPPING_OVER:
            is_other = (self._machine.tunnel, self._machine.planned) != self._left
            return isinstance(action, Finish) or (is_other and not isinstance(action, Listen))
        return self._mode is _Mode.HELD

    @property
    def is_by_hand(self) -> bool:
        """Whether the user says when each action is carried out."""
        return self._mode is not _Mode.RUNNING

    @property
    def is_last_by_hand(self) -> bool:
        """Whether the user chose the probe that was sent last."""
        return self._last is not None and self._last.by_hand

    def take(self) -> Action:
        """Return the next action, which is now carried out."""
        action = self._pending.popleft()
        match action:
            case Send():
                self._is_open, self._last = True, action
            case EndExchange():
                self._is_open = False
            case _:
                pass
        if self._mode is _Mode.STEPPING and isinstance(action, Connect | Send | Listen | Finish):
            self._to_step -= 1
            if not self._to_step:
                self.hold()
        return action

    def tell(self, happening: Happening) -> None:
        """Tell what came of an action."""
        self._pending.extend(self._machine.handle(happening))

    # For the user

    def obey(self, command: Command) -> None:
        """Do what the user says.

        Raises:
            NotPossibleError: it makes no sense now.
        """
        match command:
            case Hold():
                self.hold(command.cause, by_breakpoint=command.by_breakpoint)
            case Step():
                self._step()
            case StepOver():
                self._step_over()
            case Run():
                self._run()
            case Skip():
                self._replace(self._machine.skip(was_sent=self._is_open), "skipped by hand")
            case Choose():
                self._ask(command.probe, "chosen by hand")
            case SendAgain():
                if self._last is None:
                    raise NotPossibleError("Nothing was sent yet that could be sent again.")
                self._ask(self._last.probe, "sent again by hand")
            case Stop():
                self._replace(self._machine.stop(Outcome.STOPPED, "stopped by hand"), "stopped")
                self._run()

    def hold(self, cause: str = BY_HAND, *, by_breakpoint: bool = False) -> None:
        """Hold before the next action."""
        self._mode, self._to_step = _Mode.HELD, 0
        self.cause, self.by_breakpoint = cause, by_breakpoint

    def outlook(self) -> tuple[Prospect, ...]:
        """Say what would follow from the next action, as far as it can be known."""
        action = self.next
        return () if action is None else outlook(self._machine, action)

    def _step(self) -> None:
        self._mode = _Mode.STEPPING
        self._to_step += 1

    def _run(self) -> None:
        self._mode, self._to_step = _Mode.RUNNING, 0

    def _step_over(self) -> None:
        if isinstance(self.next, Finish):
            self._step()
            return
        self._left = self._machine.tunnel, self._machine.planned
        self._mode = _Mode.STEPPING_OVER
        self.cause, self.by_breakpoint = BY_HAND, False

    def _ask(self, probe: CombinedProbe, reason: str) -> None:
        self._replace(self._machine.ask(probe, reason, was_sent=self._is_open), reason)

    def _replace(self, actions: Sequence[Action], reason: str) -> None:
        """Do these instead of what was to come; connections are closed all the same."""
        if not actions:  # the verdict was out already
            return
        kept = [action for action in self._pending if isinstance(action, Disconnect)]
        closing = [EndExchange(Ending.STOPPED, reason)] if self._is_open else []
        self._pending = deque([*closing, *kept, *actions])


# What would follow


def outlook(machine: Interrogation, action: Action) -> tuple[Prospect, ...]:
    """Say what may come of an action that a machine has decided on, and what would follow."""
    match action:
        case Connect():
            cases: tuple[tuple[str, Happening], ...] = (
                ("once connected", Connected()),
                ("if refused", ConnectFailed("it was refused")),
            )
        case Send() | Listen():
            cases = (
                ("no answer", TimedOut()),
                ("closed at once", Closed(elapsed_ms=0)),
            )
        case _:
            return ()
    found = [Prospect(name, _consequence(machine, happening)) for name, happening in cases]
    if isinstance(action, Send | Listen):
        found.insert(0, Prospect("an answer", _answer_text(machine)))
    upcoming = machine.upcoming()
    if upcoming:
        names = ", ".join(planned.probe.name for planned in upcoming[:MAX_NAMED])
        more = len(upcoming) - MAX_NAMED
        found.append(Prospect("then", f"{names} and {more} more" if more > 0 else names))
    return tuple(found)


def _answer_text(machine: Interrogation) -> str:
    probe = machine.planned
    name = probe.name if probe is not None else "the probe"
    return f"the rules of {name} are tried; a hard match names the service"


def _consequence(machine: Interrogation, happening: Happening) -> str:
    """What a machine would do next if this happened."""
    twin = machine.fork()
    for action in twin.handle(happening):
        match action:
            case Connect():
                where = " inside TLS" if action.tunnel else ""
                return f"connect{where} and {_send_text(twin)}"
            case Send():
                where = " on the same connection" if action.continues else ""
                return f"{describe(action)}{where}: {action.reason}"
            case Finish():
                return f"{describe(action)}, {action.reason}"
            case _:
                pass
    return "wait"


def _send_text(machine: Interrogation) -> str:
    probe = machine.planned
    if probe is None:
        return "listen"
    what = f"send {probe.name}" if probe.payload else "send nothing"
    return f"{what}: {machine.planned_reason}"
