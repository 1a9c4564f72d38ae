"""One of many, found as one types: a probe, an earlier payload."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.rendering.line import Line, Role, Run, cut_line, heading, wrapped
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_input import LineInput
from vscan_tui.tui.widgets.line_view import LinesView, LineView
from vscan_tui.tui.widgets.port_table import words_of

T = TypeVar("T")
_PREVIEW_LINES = 4


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """One thing to choose."""

    value: T
    line: Callable[[int], Line]
    """Draws it for a width."""
    words: str
    """What the filter looks for words in, in lower case."""
    preview: str
    """More of it, in printable text."""


def found_choices(choices: Sequence[Choice[T]], text: str) -> list[Choice[T]]:
    """Return those that have all words of a text, first those that begin with it."""
    words = words_of(text)
    found = [each for each in choices if all(word in each.words for word in words)]
    return sorted(found, key=lambda each: not each.words.startswith(" ".join(words)))


class PickLines(LinesView):
    """What the words leave to choose from."""

    title = ""

    def heading(self) -> Line:
        """Say what is chosen."""
        return heading(self.title, self.size.width, focused=True)

    def hint(self) -> str:
        """Say that nothing was found."""
        return "Nothing has these words in it."


class PickInput(LineInput):
    """Words are typed while the cursor moves in the list below."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.PICK)


class PickScreen(Overlay[T | None]):
    """Shows choices, filtered as one types; returns the one chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.PICK)
    DEFAULT_CSS = """
    PickScreen { align: center middle; }
    #pick-box {
        width: 92; max-width: 96%; height: 90%; background: $background;
        border: round $accent; padding: 0 1;
    }
    #pick-words { background: $panel; }
    #pick-lines { height: 1fr; }
    #pick-preview { height: 5; }
    """

    def __init__(self, title: str, choices: Sequence[Choice[T]], placeholder: str) -> None:
        """Offer these choices."""
        super().__init__()
        self._title = title
        self._choices = choices
        self._shown = list(choices)
        self._typed = ""
        self._placeholder = placeholder

    def compose(self) -> ComposeResult:
        """Words, what they leave, and more of what the cursor is on."""
        with Vertical(id="pick-box"):
            yield PickInput(placeholder=self._placeholder, id="pick-words")
            lines = PickLines(id="pick-lines")
            lines.title = self._title
            lines.can_focus = False
            yield lines
            yield Preview(id="pick-preview")
            yield KeyBar(id="pick-keys")

    def on_mount(self) -> None:
        """Begin with everything."""
        self.query_one(PickInput).focus()
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Fit to the width."""
        self.call_after_refresh(self._show)

    @on(Input.Changed, "#pick-words")
    def _words_changed(self) -> None:
        self._show()

    @on(LineView.CursorMoved)
    def _moved(self) -> None:
        self._preview()

    @on(LineView.Opened)
    def action_choose(self) -> None:
        """Choose what the cursor is on."""
        self._catch_up()
        if self._shown:
            self.dismiss(self._shown[self.query_one(PickLines).cursor].value)

    def action_move(self, step: int) -> None:
        """Move the cursor while words are typed."""
        self._catch_up()
        lines = self.query_one(PickLines)
        if self._shown:
            lines.place_cursor(lines.cursor + step)
            self._preview()

    def _catch_up(self) -> None:
        """Filter by what was typed just now: keys are faster than the news of a change."""
        if self.query_one(PickInput).value != self._typed:
            self._show()

    def _show(self) -> None:
        self._typed = self.query_one(PickInput).value
        self._shown = found_choices(self._choices, self._typed)
        lines = self.query_one(PickLines)
        lines.cursor = 0
        width = lines.text_width
        lines.show_lines([cut_line(each.line(width), width) for each in self._shown])
        lines.jump_to(0)
        lines.refresh()
        self._preview()

    def _preview(self) -> None:
        lines = self.query_one(PickLines)
        text = self._shown[lines.cursor].preview if self._shown else ""
        self.query_one(Preview).show(text)


class Preview(LinesView):
    """More of what the cursor is on."""

    can_focus = False
    text = ""

    def heading(self) -> Line:
        """Name it."""
        return heading("payload", self.size.width, focused=False)

    def hint(self) -> str:
        """Say that there is nothing to see."""
        return "Nothing is sent: it only listens."

    def show(self, text: str) -> None:
        """Show a text."""
        self.text = text
        self.reflow()
        self.refresh()

    def reflow(self) -> None:
        """Fit the text to the width."""
        lines = wrapped([Run(self.text, Role.PLAIN)], self.text_width, 0) if self.text else []
        self.show_lines(lines[:_PREVIEW_LINES])
