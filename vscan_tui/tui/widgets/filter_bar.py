"""Where the words of a filter are typed."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from vscan_tui.tui.rendering.exchange import count_text

Leave = Callable[[bool], None]
"""Told whether the words are to be forgotten."""


class FilterInput(Input):
    """An input that can be left again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave(True)", "clear", id="filter.clear"),
        Binding("enter,down,tab", "leave(False)", "ports", id="filter.done"),
    ]

    def __init__(self, leave: Leave) -> None:
        """Begin empty; `leave` is called when the user has typed enough."""
        super().__init__(compact=True, placeholder="words, such as: ssl nginx", id="filter-words")
        self._leave = leave

    def on_mount(self) -> None:
        """Keep the cursor still: nothing on the screen moves without a reason."""
        self.cursor_blink = False

    def action_leave(self, clear: bool) -> None:  # noqa: FBT001 - an action has no keywords
        """Go back to the ports: at once, since the next key may be typed already."""
        self._leave(clear)


class FilterBar(Horizontal):
    """A line with the words, and how many ports they leave."""

    DEFAULT_CSS = """
    FilterBar { height: 1; display: none; background: $panel; }
    FilterBar > #filter-label { width: auto; color: $accent; text-style: bold; padding: 0 1; }
    FilterBar > FilterInput { width: 1fr; background: $panel; }
    FilterBar > #filter-count { width: auto; padding: 0 1; }
    """

    def __init__(self, leave: Leave, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin out of sight; `leave` is called when the user has typed enough."""
        super().__init__(id=id)
        self.is_open = False
        self._leave = leave

    def compose(self) -> ComposeResult:
        """Label, words, count."""
        yield Static("filter", id="filter-label", markup=False)
        yield FilterInput(self._leave)
        yield Static("", id="filter-count", markup=False)

    @property
    def words(self) -> str:
        """What has been typed."""
        return self.query_one(FilterInput).value

    def open(self) -> None:
        """Show the line, ready to type."""
        self.is_open = True
        self.display = True  # at once, unlike a class: what is not displayed cannot be typed into
        self.screen.set_focus(self.query_one(FilterInput))

    def close(self, *, clear: bool) -> None:
        """Leave the line; without words it vanishes."""
        if clear:
            self.query_one(FilterInput).value = ""
        self.is_open = bool(self.words.strip())
        self.display = self.is_open

    def show_count(self, shown: int, total: int) -> None:
        """Tell how many ports are left."""
        text = f"{shown:,} of {count_text(total, 'port')} shown"
        label = self.query_one("#filter-count", Static)
        if str(label.content) != text:
            label.update(text)
