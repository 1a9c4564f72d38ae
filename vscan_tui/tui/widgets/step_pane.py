"""Where a port is stepped: its next action before it happens, and the words for it."""

from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from vscan_tui.session.store import Port
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.rendering.line import Line, heading
from vscan_tui.tui.rendering.step import step_lines, step_title
from vscan_tui.tui.widgets.line_view import LinesView


class StepPane(LinesView):
    """Seen while the selected port is held, or steps on."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.STEP)
    DEFAULT_CSS = """
    StepPane { height: 7; display: none; }
    """

    class Said(Message):
        """The user has a word for the port."""

        def __init__(self, word: str) -> None:
            """Name the word: step, over, run, skip, choose, again, stop."""
            super().__init__()
            self.word = word

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a port."""
        super().__init__(id=id)
        self._port: Port | None = None

    def heading(self) -> Line:
        """Name the port, and why it is held."""
        title = "step" if self._port is None else step_title(self._port)
        return heading(title, self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """Say how a port comes here."""
        return "s holds the selected port."

    def show(self, port: Port | None) -> None:
        """Show a port, if it is under the user's hand."""
        self._port = port if port is not None and port.is_stepped else None
        self.cursor = 0
        self.reflow()
        self.refresh_heading()

    def reflow(self) -> None:
        """Fit the lines to the width."""
        self.show_lines([] if self._port is None else step_lines(self._port, self.text_width))

    def action_say(self, word: str) -> None:
        """Pass on what the user says."""
        self.post_message(self.Said(word))
