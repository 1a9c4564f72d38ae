"""A small window to write a note in."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from vscan_tui.session.wording import readable
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_input import PromptInput

MAX_NOTE = 2000


class NoteScreen(Overlay[str | None]):
    """Asks for a note on a port; returns None if it is to stay as it was."""

    DEFAULT_CSS = """
    NoteScreen { align: center middle; }
    #note-box {
        width: 72; max-width: 96%; height: auto; background: $background;
        border: round $accent; padding: 0 1;
    }
    #note-text { background: $panel; }
    """

    def __init__(self, subject: str, note: str) -> None:
        """Ask for a note.

        Args:
            subject: what the note is on.
            note: as it is now.
        """
        super().__init__()
        self._subject = subject
        self._note = note

    def compose(self) -> ComposeResult:
        """What it is on, the note, what to do."""
        with Vertical(id="note-box"):
            yield Static(f"Note on {readable(self._subject)}", markup=False)
            yield PromptInput(
                readable(self._note), max_length=MAX_NOTE, id="note-text",
                placeholder="what you know, or want to find out",
            )  # fmt: skip
            yield KeyBar(id="note-keys")

    def on_mount(self) -> None:
        """Begin to type at the end."""
        self.query_one(PromptInput).focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(readable(event.value.strip()))
