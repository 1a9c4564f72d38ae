"""The help overlay: every key, found by words."""

from collections.abc import Collection, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from vscan_tui.tui.keymap import Need
from vscan_tui.tui.rendering.help import help_lines
from vscan_tui.tui.rendering.line import Line, heading
from vscan_tui.tui.widgets.line_view import LinesView
from vscan_tui.tui.widgets.port_table import words_of


class HelpLines(LinesView):
    """The list of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "screen.dismiss", "close", show=False, id="help.close_again"),
    ]

    def __init__(self, keymap: Mapping[str, str], met: Collection[Need]) -> None:
        """Show everything; see `help_lines` for the arguments."""
        super().__init__(id="help-lines")
        self.words: tuple[str, ...] = ()
        self._keymap = keymap
        self._met = met

    def heading(self) -> Line:
        """Say how to leave."""
        return heading("help - esc closes", self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """Say that nothing was found."""
        return f"No command has “{' '.join(self.words)}” in it."

    def reflow(self) -> None:
        """Fit the lines to the width."""
        self.show_lines(help_lines(self.words, self.text_width, self._keymap, self._met))

    def find(self, words: tuple[str, ...]) -> None:
        """Show the commands in which every word is found."""
        self.words = words
        self.cursor = 0
        self.reflow()
        self.jump_to(0)
        self.refresh()


class HelpScreen(ModalScreen[None]):
    """All keys, filtered as one types."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1", "dismiss", "close", id="help.close"),
        Binding("down", "app.focus_next", "down", show=False, id="help.down"),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    #help-box {
        width: 84; max-width: 96%; height: 90%; background: $background;
        border: round $accent; padding: 0 1;
    }
    #help-words { margin: 0 0 1 0; background: $panel; }
    #help-lines { height: 1fr; }
    """

    def __init__(self, keymap: Mapping[str, str], met: Collection[Need]) -> None:
        """Show all commands; see `help_lines` for the arguments."""
        super().__init__()
        self._lines = HelpLines(keymap, met)

    def compose(self) -> ComposeResult:
        """Words, and what is found with them."""
        with Vertical(id="help-box"):
            yield Input(
                compact=True, placeholder="type to find a key or a command", id="help-words"
            )
            yield self._lines

    def on_mount(self) -> None:
        """Begin with everything."""
        self._lines.reflow()
        words = self.query_one(Input)
        words.cursor_blink = False
        words.focus()

    @on(Input.Changed)
    def _words_changed(self, event: Input.Changed) -> None:
        self._lines.find(tuple(words_of(event.value)))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self._lines.focus()
