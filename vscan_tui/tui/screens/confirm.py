"""A question that is answered with yes or no."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Static

from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.widgets.key_bar import KeyBar


class ConfirmScreen(Overlay[bool]):
    """Asks before something is done that cannot be undone."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.CONFIRM)
    DEFAULT_CSS = """
    ConfirmScreen { align: center middle; }
    #confirm-box {
        width: 64; max-width: 96%; height: auto; background: $background;
        border: round $accent; padding: 0 1;
    }
    #confirm-box Static { width: 1fr; height: auto; }
    #confirm-keys { margin: 1 0 0 0; }
    """

    def __init__(self, question: str) -> None:
        """Ask a question, in printable text."""
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        """The question, and the keys that answer it."""
        with Vertical(id="confirm-box"):
            yield Static(self._question, markup=False)
            yield KeyBar(id="confirm-keys")
