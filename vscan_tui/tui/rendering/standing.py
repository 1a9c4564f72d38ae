"""How a port stands, as one symbol."""

from enum import Enum

from vscan_tui.events import Mark, Outcome
from vscan_tui.session.store import Port, Stage
from vscan_tui.tui.rendering.line import Role


class Standing(Enum):
    """How a port stands: a symbol, what it means, and its role."""

    HARD = ("✓", "hard match: a rule named the service", Role.HARD)
    SOFT = ("~", "soft match: the service is known, its version is not", Role.SOFT)
    UNKNOWN = ("?", "unknown: it answered, and no rule matched", Role.UNKNOWN)
    SILENT = ("○", "no answer to any probe", Role.UNKNOWN)
    WRAPPED = ("□", "tcpwrapped: it closed the connection without a word", Role.SOFT)
    INCOMPLETE = ("!", "incomplete: the connection failed or the scan was stopped", Role.ALERT)
    EXCLUDED = ("-", "excluded: the probe database says not to probe this port", Role.DIM)
    PROBING = ("…", "being asked now", Role.BUSY)
    HELD = ("‖", "held: it waits for your word; s steps, c lets it go on", Role.CHOSEN)
    WAITING = ("·", "waiting for its turn", Role.DIM)

    def __init__(self, symbol: str, meaning: str, role: Role) -> None:
        self.symbol = symbol
        self.meaning = meaning
        self.role = role


STANDINGS = tuple(Standing)
MARKS = {
    Mark.TO_DO: ("◆", "you marked it: to do"),
    Mark.DONE: ("◇", "you marked it: done"),
    Mark.NONE: (" ", ""),
}
"""The symbol of each mark, and what it means."""
NOTED = ("≡", "you wrote a note on it")
NEW_RULE = ("↻", "a rule that was saved after it had been asked changed its verdict")

_WAITING, _PROBING = Stage.WAITING, Stage.PROBING
_BY_OUTCOME = {
    Outcome.HARD_MATCH: Standing.HARD,
    Outcome.SOFT_MATCH: Standing.SOFT,
    Outcome.TCPWRAPPED: Standing.WRAPPED,
    Outcome.INCOMPLETE: Standing.INCOMPLETE,
    Outcome.STOPPED: Standing.INCOMPLETE,
    Outcome.EXCLUDED: Standing.EXCLUDED,
}


def standing(port: Port) -> Standing:
    """Say how a port stands."""
    if port.held is not None:
        return Standing.HELD
    stage = port.stage
    if stage is _WAITING:
        return Standing.WAITING
    if stage is _PROBING:
        return Standing.PROBING
    outcome = port.outcome
    found = _BY_OUTCOME.get(outcome) if outcome is not None else None
    if found is not None:
        return found
    return Standing.UNKNOWN if port.answered else Standing.SILENT
