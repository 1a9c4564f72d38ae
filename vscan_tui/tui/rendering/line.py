"""Lines of text that know what they mean; a theme decides how that looks.

A line is made of runs.  Every run has a role, and, if it shows bytes that a
group captured, the number of that group, so that one group looks the same in
the regex, in the hexdump and in the version fields.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from unicodedata import normalize

from rich.cells import get_character_cell_size

ELLIPSIS = "…"
FILLER = "\ue000"
"""Stands for the second cell of a wide character."""
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Role(Enum):
    """What a run of text is."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    LABEL = "label"
    HEADING = "heading"
    FOCUSED_HEADING = "focused heading"
    RULE = "rule"
    FOCUSED_RULE = "focused rule"
    CHOSEN = "chosen"
    TAG = "tag"
    HARD = "hard"
    SOFT = "soft"
    UNKNOWN = "unknown"
    BUSY = "busy"
    ALERT = "alert"
    BAR_DONE = "bar done"
    BAR_LEFT = "bar left"
    REGEX_CLASS = "regex class"
    REGEX_QUANTIFIER = "regex quantifier"
    REGEX_GROUP = "regex group"
    REGEX_ESCAPE = "regex escape"
    REGEX_ANCHOR = "regex anchor"

    # Members are unique, and the hash that enumerations have takes ten times as long.
    __hash__ = object.__hash__


class Layer(Enum):
    """What lies over bytes besides the group that captured them; the uppermost is shown."""

    NONE = "none"
    MET = "met by the nearest rule"
    STOP = "where that rule stopped"
    PART = "met by the selected part of the regex"
    HIT = "found"
    CURRENT_HIT = "found, and gone to"
    SELECTED = "selected"
    CURSOR = "under the cursor"

    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Run:
    """Text of one role."""

    text: str
    role: Role = Role.PLAIN
    group: int = 0
    """The captured group that this text comes from; 0 for none."""
    view: str = ""
    """The view that a click on this text opens, or the key it stands for; empty for none."""
    layer: Layer = Layer.NONE


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a pane."""

    runs: tuple[Run, ...] = ()
    copied: str = ""
    """What is put on the clipboard for this line; empty: its text."""

    @property
    def text(self) -> str:
        """The text of all runs."""
        return "".join(run.text for run in self.runs)

    @property
    def width(self) -> int:
        """Cells; every character that is ever shown is one cell wide."""
        return sum(len(run.text) for run in self.runs)


def line(*runs: Run | str, copied: str = "") -> Line:
    """Make a line; a bare string is a plain run."""
    return Line(
        tuple(run if isinstance(run, Run) else Run(run) for run in runs),
        copied,
    )


def in_cells(text: str) -> str:
    """Give every character of a text in any script as many characters as it takes cells.

    A wide one is followed by `FILLER`, which is not drawn; what takes no cell is left out.
    """
    if text.isascii():
        return text
    sizes = ((letter, get_character_cell_size(letter)) for letter in normalize("NFC", text))
    return "".join(letter + FILLER * (size - 1) for letter, size in sizes if size > 0)


def cut(text: str, width: int) -> str:
    """Shorten a text to a width; an ellipsis says that something is missing."""
    if len(text) <= width:
        return text
    return text[: width - 1] + ELLIPSIS if width > 0 else ""


def column(text: str, width: int) -> str:
    """Shorten or pad a text to exactly a width."""
    return cut(text, width).ljust(width)


def cut_line(whole: Line, width: int) -> Line:
    """Shorten a line to a width; an ellipsis says that something is missing."""
    if whole.width <= width:
        return whole
    runs: list[Run] = []
    left = width
    for run in whole.runs:
        if len(run.text) >= left:
            text = cut(run.text + " ", left)
            runs.append(replace(run, text=text))
            break
        runs.append(run)
        left -= len(run.text)
    return Line(tuple(runs), whole.copied or whole.text)


def wrapped(runs: Iterable[Run], width: int, indent: int) -> list[Line]:
    """Break runs into lines of a width; every line begins with so many blanks.

    It breaks anywhere: what is wrapped are regexes and bytes, not prose.
    """
    room = max(1, width - indent)
    lines: list[list[Run]] = [[]]
    left = room
    for run in runs:
        text = run.text
        while text:
            if left == 0:
                lines.append([])
                left = room
            piece, text = text[:left], text[left:]
            lines[-1].append(replace(run, text=piece))
            left -= len(piece)
    blank = Run(" " * indent)
    return [Line((blank, *found)) for found in lines]


def wrapped_words(text: str, width: int) -> list[str]:
    """Break prose into lines of a width, between words where possible."""
    width = max(1, width)
    lines: list[str] = []
    current = ""
    for word in text.split():
        rest = word
        if current and len(current) + 1 + len(rest) <= width:
            current += " " + rest
            continue
        if current:
            lines.append(current)
        while len(rest) > width:
            lines.append(rest[:width])
            rest = rest[width:]
        current = rest
    return [*lines, current] if current or not lines else lines


def merged(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Join neighbouring runs that differ in nothing but their text."""
    out: list[Run] = []
    for run in runs:
        if not run.text:
            continue
        last = out[-1] if out else None
        if last and (last.role, last.group, last.view, last.layer) == (
            run.role, run.group, run.view, run.layer
        ):  # fmt: skip
            out[-1] = replace(last, text=last.text + run.text)
        else:
            out.append(run)
    return tuple(out)


def heading(title: str, width: int, *, focused: bool, right: Sequence[Run] = ()) -> Line:
    """Draw the first line of a pane: its title on a rule, and more at the right end."""
    stroke = "━" if focused else "─"
    rule = Role.FOCUSED_RULE if focused else Role.RULE
    name = Role.FOCUSED_HEADING if focused else Role.HEADING
    tail = sum(len(run.text) for run in right)
    ends = [Run(" "), *right, Run(f" {stroke}", rule)] if right else []
    taken = tail + 3 if right else 0
    if width - taken < 12:
        ends, taken = [], 0
    title = cut(title, max(0, width - taken - 4))
    fill = max(0, width - taken - len(title) - 3)
    return Line(
        (Run(f"{stroke} ", rule), Run(title, name), Run(" " + stroke * fill, rule), *ends),
    )


def superscript(number: int) -> str:
    """Write a number in raised digits, which need no room of their own in a hexdump."""
    return str(number).translate(_SUPERSCRIPTS)
