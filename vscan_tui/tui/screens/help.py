"""The help overlay: every key, found by words."""

from collections.abc import Collection, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from vscan_tui.tui.keymap import Need, Scope, bindings
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.rendering.help import help_lines
from vscan_tui.tui.rendering.line import Line, heading
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_input import LineInput
from vscan_tui.tui.widgets.line_view import LinesView


class HelpLines(LinesView):
    """The list of keys."""

    def __init__(
        self, keymap: Mapping[str, str], met: Collection[Need], here: Collection[Scope]
    ) -> None:
        """Show everything; see `help_lines` for the arguments."""
        super().__init__(id="help-lines")
        self.words = ""
        self._here = here
        self._keymap = keymap
        self._met = met

    def heading(self) -> Line:
        """Name the list."""
        return heading("help", self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """Say that nothing was found."""
        return f"No command has “{self.words}” in it."

    def reflow(self) -> None:
        """Fit the lines to the width."""
        self.show_lines(
            help_lines(self.words, self.text_width, self._keymap, self._met, self._here)
        )

    def find(self, words: str) -> None:
        """Show the commands of a key, or in which every word is found."""
        self.words = words
        self.cursor = 0
        self.reflow()
        self.jump_to(0)
        self.refresh()


class HelpInput(LineInput):
    """Words are typed here."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.HELP)


class HelpScreen(Overlay[None]):
    """All keys, filtered as one types."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.HELP)
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    #help-box {
        width: 84; max-width: 96%; height: 90%; background: $background;
        border: round $accent; padding: 0 1;
    }
    #help-words { margin: 0 0 1 0; background: $panel; }
    #help-lines { height: 1fr; }
    """

    def __init__(
        self, keymap: Mapping[str, str], met: Collection[Need], here: Collection[Scope]
    ) -> None:
        """Show all commands; see `help_lines` for the arguments."""
        super().__init__()
        self._lines = HelpLines(keymap, met, here)

    def compose(self) -> ComposeResult:
        """Words, and what is found with them."""
        with Vertical(id="help-box"):
            yield HelpInput(placeholder="type to find a key or a command", id="help-words")
            yield self._lines
            yield KeyBar(id="help-keys")

    def on_mount(self) -> None:
        """Begin with the words; the list is laid out when it has its width."""
        self.query_one(HelpInput).focus()

    @on(Input.Changed)
    def _words_changed(self, event: Input.Changed) -> None:
        self._lines.find(event.value)

    def action_to_list(self) -> None:
        """Go to the list of keys."""
        self._lines.focus()
