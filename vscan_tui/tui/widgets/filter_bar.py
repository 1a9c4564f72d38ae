"""Where the words of a filter are typed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from vscan_tui.tui.rendering.exchange import count_text


class FilterInput(Input):
    """An input that can be left again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave(True)", "clear", id="filter.clear"),
        Binding("enter,down,tab", "leave(False)", "ports", id="filter.done"),
    ]

    def on_mount(self) -> None:
        """Keep the cursor still: nothing on the screen moves without a reason."""
        self.cursor_blink = False

    class Left(Message):
        """The user has typed enough."""

        def __init__(self, *, clear: bool) -> None:
            """Say whether the words are to be forgotten."""
            super().__init__()
            self.clear = clear

    def action_leave(self, clear: bool) -> None:  # noqa: FBT001 - an action has no keywords
        """Go back to the ports."""
        self.post_message(self.Left(clear=clear))


class FilterBar(Horizontal):
    """A line with the words, and how many ports they leave."""

    DEFAULT_CSS = """
    FilterBar { height: 1; display: none; background: $panel; }
    FilterBar.-shown { display: block; }
    FilterBar > #filter-label { width: auto; color: $accent; text-style: bold; padding: 0 1; }
    FilterBar > FilterInput { width: 1fr; background: $panel; }
    FilterBar > #filter-count { width: auto; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        """Label, words, count."""
        yield Static("filter", id="filter-label", markup=False)
        yield FilterInput(compact=True, placeholder="words, such as: ssl nginx", id="filter-words")
        yield Static("", id="filter-count", markup=False)

    @property
    def words(self) -> str:
        """What has been typed."""
        return self.query_one(FilterInput).value

    def open(self) -> None:
        """Show the line, ready to type."""
        self.add_class("-shown")
        self.screen.set_focus(self.query_one(FilterInput))

    def close(self, *, clear: bool) -> None:
        """Leave the line; without words it vanishes."""
        if clear:
            self.query_one(FilterInput).value = ""
        self.set_class(bool(self.words.strip()), "-shown")

    def show_count(self, shown: int, total: int) -> None:
        """Tell how many ports are left."""
        text = f"{shown:,} of {count_text(total, 'port')} shown"
        label = self.query_one("#filter-count", Static)
        if str(label.content) != text:
            label.update(text)
