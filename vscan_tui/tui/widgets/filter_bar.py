"""Where a filter is typed: coloured, completed, and checked at every key."""

from collections.abc import Callable
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from vscan_tui.session.filter import EVERYTHING, Filter, compiled
from vscan_tui.session.filter_completion import Completion, Values, completions
from vscan_tui.session.filter_syntax import MAX_LENGTH, FilterError, parts
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.rendering.exchange import count_text
from vscan_tui.tui.rendering.filter_line import PART_ROLES, completions_line, error_line
from vscan_tui.tui.rendering.line import Run
from vscan_tui.tui.themes import palette
from vscan_tui.tui.widgets.bar import Bar
from vscan_tui.tui.widgets.line_input import LineInput

Leave = Callable[[bool], None]
"""Told whether the filter is to be forgotten."""


class FilterInput(LineInput):
    """An input that completes with tab, and can be left again."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.FILTER)

    def __init__(self, leave: Leave, complete: Callable[[int], bool]) -> None:
        """Begin empty.

        Args:
            leave: called when the user has typed enough.
            complete: takes the next or previous completion; returns whether there is one.
        """
        super().__init__(
            placeholder="words, such as: ssl nginx",
            max_length=MAX_LENGTH,
            id="filter-words",
        )
        self._leave = leave
        self._complete = complete

    def action_leave(self, clear: bool) -> None:  # noqa: FBT001 - an action has no keywords
        """Go back to the ports: at once, since the next key may be typed already."""
        self._leave(clear)

    def action_complete(self, step: int) -> None:
        """Go on with what fits; with nothing to go on with, go to the ports."""
        if not self._complete(step):
            self._leave(False)  # noqa: FBT003 - the shape of a callback


class _Colours(Highlighter):
    """Colours the parts of a filter, and underlines what is wrong."""

    def __init__(
        self, style: Callable[[Run], Style], error: Callable[[], FilterError | None]
    ) -> None:
        self._style = style
        self._error = error

    def highlight(self, text: Text) -> None:
        for start, end, part in parts(text.plain):
            style = self._style(Run("", PART_ROLES[part]))
            text.stylize(Style(color=style.color, bold=style.bold), start, end)
        error = self._error()
        if error is not None:
            text.stylize(Style(underline=True, reverse=True), error.start, error.end)


class FilterBar(Vertical):
    """A line with the filter and how many ports it leaves; while it is typed, another below."""

    DEFAULT_CSS = """
    FilterBar { height: auto; display: none; background: $panel; }
    FilterBar > Horizontal { height: 1; }
    FilterBar #filter-label { width: auto; color: $accent; text-style: bold; padding: 0 1; }
    FilterBar FilterInput { width: 1fr; background: $panel; }
    FilterBar #filter-count { width: auto; padding: 0 1; }
    """

    class Chosen(Message):
        """The user has typed a filter."""

        def __init__(self, chosen: Filter) -> None:
            """Name it."""
            super().__init__()
            self.filter = chosen

    def __init__(self, leave: Leave, values: Values, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin out of sight.

        Args:
            leave: called when the user has typed enough.
            values: what the ports have in a field.
            id: of the widget.
        """
        super().__init__(id=id)
        self.is_open = False
        self.filter = EVERYTHING
        """The last one that was right."""
        self.error: FilterError | None = None
        self._leave = leave
        self._values = values
        self._typed = ("", 0)
        """What was typed before tab, and where the cursor was."""
        self._found: list[Completion] = []
        self._taken = -1
        self._hint = Bar(id="filter-hint")

    def compose(self) -> ComposeResult:
        """Label, filter, count; the hint."""
        with Horizontal():
            yield Static("filter", id="filter-label", markup=False)
            field = FilterInput(self._leave, self._complete)
            field.highlighter = _Colours(
                lambda run: palette(self.app.current_theme).style(run), lambda: self.error
            )
            yield field
            yield Static("", id="filter-count", markup=False)
        yield self._hint

    @property
    def words(self) -> str:
        """What has been typed."""
        return self.query_one(FilterInput).value

    def open(self) -> None:
        """Show the line, ready to type."""
        self.is_open = True
        self._hint.display = True
        self.display = True  # at once, unlike a class: what is not displayed cannot be typed into
        self.screen.set_focus(self.query_one(FilterInput))
        self._find()

    def close(self, *, clear: bool) -> None:
        """Leave the line; without a filter it vanishes."""
        if clear:
            self.query_one(FilterInput).value = ""
        self._hint.display = False
        self.is_open = bool(self.words.strip())
        self.display = self.is_open

    def show_count(self, shown: int, total: int, *, is_final: bool) -> None:
        """Tell how many ports are left."""
        more = "" if is_final else "…"
        text = f"{shown:,}{more} of {count_text(total, 'port')} shown"
        label = self.query_one("#filter-count", Static)
        before = str(label.content)
        if not is_final:  # another width lays out the whole screen, again and again while it counts
            text = text.rjust(len(before))
        if before != text:
            label.update(text, layout=len(before) != len(text))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        try:
            chosen = compiled(event.value)
        except FilterError as error:
            self.error = error
        else:
            self.error = None
            self.filter = chosen
            self.post_message(self.Chosen(chosen))
        event.input.refresh()  # what is wrong is marked in it
        self._find()

    def _find(self) -> None:
        """Look for ways to go on, unless they are being tried."""
        field = self.query_one(FilterInput)
        if self._is_trying():
            self._show_hint()
            return
        self._typed = field.value, field.cursor_position
        self._found = completions(*self._typed, self._values)
        self._taken = -1
        self._show_hint()

    def _is_trying(self) -> bool:
        """Whether what stands there came from tab, and the next tab tries another."""
        if self._taken < 0 or self._found[self._taken].replacement.endswith(":"):
            return False
        return self.words == self._found[self._taken].applied(self._typed[0])[0]

    def _complete(self, step: int) -> bool:
        if not self._is_trying():
            self._find()
        if not self._found:
            return False
        first = 0 if step > 0 else len(self._found) - 1
        self._taken = (self._taken + step) % len(self._found) if self._taken >= 0 else first
        text, cursor = self._found[self._taken].applied(self._typed[0])
        field = self.query_one(FilterInput)
        field.value = text
        field.cursor_position = cursor
        return True

    def _show_hint(self) -> None:
        width = self.app.size.width
        if self.error is not None:
            self._hint.show(error_line(self.words, self.error, width))
        else:
            self._hint.show(completions_line(self._found, self._taken, width))
