"""A small window to choose the columns of the port table in."""

from collections.abc import Callable, Collection, Hashable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.rendering.line import Line, Role, Run, heading
from vscan_tui.tui.rendering.port_columns import ALWAYS, COLUMNS
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_view import LineView


class ColumnList(LineView):
    """All columns, each with whether it is shown."""

    def __init__(self, chosen: Collection[str], show: Callable[[Collection[str]], None]) -> None:
        """List them; `show` is called with the ids of those chosen at each change."""
        super().__init__(id="columns-list")
        self._chosen = set(chosen)
        self._show = show

    @property
    def line_count(self) -> int:
        """How many columns there are."""
        return len(COLUMNS)

    def line_at(self, index: int) -> Line:
        """Draw a column."""
        column = COLUMNS[index]
        box = "[x] " if column.id in self._chosen else "[ ] "
        runs = (
            Run(box, Role.CHOSEN),
            Run(column.title.ljust(11), Role.STRONG),
            Run(column.help, Role.DIM),
        )
        return Line(runs)

    def line_key(self, index: int) -> Hashable:
        """Return the column, and whether it is shown."""
        return index, COLUMNS[index].id in self._chosen

    def heading(self) -> Line:
        """Name the list."""
        return heading("columns", self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """There is always a column."""
        return ""

    def toggle(self) -> None:
        """Show or hide a column; the port stays."""
        self._chosen ^= {COLUMNS[self.cursor].id} - ALWAYS
        self.refresh_index(self.cursor)
        self._show(self._chosen)


class ColumnsScreen(Overlay[None]):
    """Shows the effect in the table behind it at once."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.COLUMNS)
    DEFAULT_CSS = """
    ColumnsScreen { align: right middle; background: $background 0%; }
    #columns-box {
        width: 66; max-width: 96%; height: 22; max-height: 96%; background: $background;
        border: round $accent; padding: 0 1;
    }
    """

    def __init__(self, chosen: Collection[str], show: Callable[[Collection[str]], None]) -> None:
        """See `ColumnList`."""
        super().__init__()
        self._list = ColumnList(chosen, show)

    def compose(self) -> ComposeResult:
        """The list in a box."""
        with Vertical(id="columns-box"):
            yield self._list
            yield KeyBar(id="columns-keys")

    @on(LineView.Opened)
    def action_choose(self) -> None:
        """Show or hide the column that the cursor is on."""
        self._list.toggle()
