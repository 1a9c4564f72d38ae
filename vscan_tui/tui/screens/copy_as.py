"""Copy as…: the notations in which bytes can be copied, each with how it begins."""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from vscan_tui.session.notation import NOTATIONS, Notation, Origin
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.rendering.line import Line, Role, Run, cut, cut_line, heading
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_view import LinesView, LineView

_PREVIEWED = 64
"""Bytes of which a notation is shown."""
_NAME_WIDTH = 14


class NotationList(LinesView):
    """One line for each notation."""

    def __init__(self, data: bytes, origin: Origin, name: str) -> None:
        """Offer to copy bytes.

        Args:
            data: what is copied.
            origin: where it comes from.
            name: how to call it, such as "the selection".
        """
        super().__init__(id="notations")
        self._data, self._origin, self._name = data, origin, name

    def heading(self) -> Line:
        """Tell what is copied."""
        title = f"copy {len(self._data):,} B, {self._name}, as"
        return heading(title, self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """Never shown: there are always notations."""
        return ""

    def reflow(self) -> None:
        """Fit the lines to the width."""
        self.show_lines([self._line(notation) for notation in NOTATIONS])

    def _line(self, notation: Notation) -> Line:
        text = notation.write(self._data[:_PREVIEWED], self._origin).split("\n")[0]
        runs = (
            Run(f" {notation.key} ", Role.CHOSEN),
            Run(f" {notation.name}".ljust(_NAME_WIDTH + 1), Role.STRONG),
            Run(f" {text}", Role.DIM),
        )
        return cut_line(Line(runs), self.text_width)

    def choose(self) -> None:
        """Copy as the line says that the cursor is on."""
        self.copy_as(NOTATIONS[self.cursor])

    def on_key(self, event: events.Key) -> None:
        """Copy as the letter says."""
        notation = next((each for each in NOTATIONS if each.key == event.character), None)
        if notation is not None:
            event.stop()
            event.prevent_default()
            self.copy_as(notation)

    def copy_as(self, notation: Notation) -> None:
        """Put the bytes on the clipboard, and leave."""
        text = notation.write(self._data, self._origin)
        self.app.copy_to_clipboard(text)
        shown = cut(" ".join(text.split()), 60)
        self.notify(f"Copied as {notation.name}: {shown}", timeout=2.5, markup=False)
        self.screen.dismiss()


class CopyAsScreen(Overlay[None]):
    """A choice of notations: a letter, or the cursor and enter, or the mouse."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.COPY_AS)
    DEFAULT_CSS = f"""
    CopyAsScreen {{ align: center middle; }}
    #copy-box {{
        width: 84; max-width: 96%; height: {len(NOTATIONS) + 4}; max-height: 90%;
        background: $background; border: round $accent; padding: 0 1;
    }}
    #notations {{ height: 1fr; }}
    """

    def __init__(self, data: bytes, origin: Origin, name: str) -> None:
        """Offer to copy bytes; see `NotationList`."""
        super().__init__()
        self._list = NotationList(data, origin, name)

    def compose(self) -> ComposeResult:
        """The list, in a box."""
        with Vertical(id="copy-box"):
            yield self._list
            yield KeyBar(id="copy-keys")

    def on_mount(self) -> None:
        """Begin on the first."""
        self._list.reflow()
        self._list.focus()

    @on(LineView.Opened)
    def action_choose(self) -> None:
        """Copy as the line says that the cursor is on."""
        self._list.choose()
