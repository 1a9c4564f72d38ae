"""Where one types what to find in a response."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.rendering.line import cut
from vscan_tui.tui.widgets.hexdump import Hexdump
from vscan_tui.tui.widgets.line_input import LineInput

_COUNT_WIDTH = 44


class SearchInput(LineInput):
    """An input that can be left again."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.FIND)

    def __init__(self, bar: "SearchBar") -> None:
        """Begin empty."""
        super().__init__(
            placeholder=r"text, \x0d\x0a, hex: 0d 0a, or re: regex",
            id="search-words",
        )
        self._bar = bar

    def action_leave(self, forget: bool) -> None:  # noqa: FBT001 - an action has no keywords
        """Go back to the response."""
        self._bar.close(forget=forget)


class SearchBar(Horizontal):
    """A line below a response: what to find in it, and how often it is there."""

    DEFAULT_CSS = """
    SearchBar { height: 1; display: none; background: $panel; }
    SearchBar > #search-label { width: auto; color: $accent; text-style: bold; padding: 0 1; }
    SearchBar > SearchInput { width: 1fr; background: $panel; }
    SearchBar > #search-count { width: auto; padding: 0 1; }
    """

    def __init__(self, response: Hexdump, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin out of sight."""
        super().__init__(id=id)
        self.response = response
        response.when_found = self._show_found

    def compose(self) -> ComposeResult:
        """Label, words, count."""
        yield Static("find", id="search-label", markup=False)
        yield SearchInput(self)
        yield Static("", id="search-count", markup=False)

    def open(self) -> None:
        """Show the line, ready to type."""
        self.display = True
        words = self.query_one(SearchInput)
        self.screen.set_focus(words)
        words.select_all()
        self._show_found()

    def close(self, *, forget: bool) -> None:
        """Leave the line, with or without what was found."""
        if forget:
            self.query_one(SearchInput).value = ""
        self.response.end_search(forget=forget)
        self.display = False
        self.screen.set_focus(self.response)

    @on(Input.Changed)
    def _words_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.response.search(event.value)

    def _show_found(self) -> None:
        found = self.response.found
        if found is None:
            text = ""
        elif found.fault:
            text = found.fault
        elif found.is_searching:
            text = "searching…"
        else:
            number = self.response.hit_number
            position = f"{number + 1:,}/" if number is not None else ""
            note = f", {found.note}" if found.note else ""
            text = f"{position}{found.count:,} found{note}" if found.count else f"not found{note}"
        self.query_one("#search-count", Static).update(cut(text, _COUNT_WIDTH))
