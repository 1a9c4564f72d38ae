"""The port table: one row for each port, of all hosts."""

from collections.abc import Hashable, Iterable, Sequence
from itertools import chain

from vscan_tui.events import Endpoint
from vscan_tui.tui.rendering.line import Line
from vscan_tui.tui.rendering.port_list import PortList
from vscan_tui.tui.rendering.port_row import (
    Columns,
    PortRow,
    Standing,
    columns,
    heading_line,
    row_line,
)
from vscan_tui.tui.widgets.line_view import LineView

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class PortTable(LineView):
    """All ports, sorted by host and number, filtered by words."""

    DEFAULT_CSS = """
    PortTable { height: 1fr; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without ports."""
        super().__init__(id=id)
        self.ports = PortList()
        self.with_host = False
        self.waiting_hint = "Waiting for the first open port…"
        self._touched = False
        self._frame = -1

    @property
    def line_count(self) -> int:
        """How many ports the filter shows."""
        return len(self.ports)

    @property
    def endpoint(self) -> Endpoint | None:
        """The port that the cursor is on."""
        return self.ports.row(self.cursor).endpoint if len(self.ports) else None

    def line_at(self, index: int) -> Line:
        """Draw a port."""
        return row_line(self.ports.row(index), self._columns(), self._symbol(index))

    def line_key(self, index: int) -> Hashable:
        """Return the row, and the state of its animation."""
        return self.ports.row(index), self._symbol(index), self.with_host

    def heading(self) -> Line:
        """Draw the names of the columns."""
        return heading_line(self._columns(), focused=self.has_focus)

    def hint(self) -> str:
        """Say why there is no port."""
        if self.ports.words and self.ports.total:
            return f"No port matches “{' '.join(self.ports.words)}”. Esc clears the filter."
        return self.waiting_hint

    def _columns(self) -> Columns:
        return columns(self.text_width, with_host=self.with_host)

    def _symbol(self, index: int) -> str:
        if self._frame < 0 or self.ports.row(index).standing is not Standing.PROBING:
            return ""
        return _FRAMES[self._frame % len(_FRAMES)]

    def put(self, rows: Sequence[PortRow]) -> None:
        """Add or replace ports; the cursor stays on its port."""
        at = self.endpoint
        above = self.cursor - self.top
        if self.ports.put(rows):
            self._settle(at, above)
            self.refresh()
            return
        for row in rows:
            index = self.ports.index_of(row.endpoint)
            if index is not None:
                self.refresh_index(index)

    def _settle(self, at: Endpoint | None, above: int) -> None:
        """Find the cursor's port again, and keep it at its place on the screen."""
        self.fit()
        if at is None:
            return
        self.cursor = self.ports.nearest(at) if self._touched else 0
        if self.top > 0:
            self.jump_to(self.cursor - above)
        self.reveal(self.cursor)

    def set_filter(self, words: Iterable[str]) -> None:
        """Show only the ports in which every word is found."""
        at = self.endpoint
        self.ports.filter(tuple(words))
        self.fit()
        if at is not None and len(self.ports):
            self.cursor = self.ports.nearest(at)
        self.refresh()
        if len(self.ports):
            self.reveal(self.cursor)

    def set_with_host(self, *, with_host: bool) -> None:
        """Show or hide the column HOST."""
        if with_host != self.with_host:
            self.with_host = with_host
            self.forget()

    def select(self, endpoint: Endpoint) -> None:
        """Put the cursor on a port, if it is shown."""
        index = self.ports.index_of(endpoint)
        if index is not None:
            self._touched = True
            self.place_cursor(index)

    def animate_probing(self) -> None:
        """Show the next frame for the ports that are being asked."""
        self._frame += 1
        last = min(self.top + self.page, len(self.ports))
        for index in range(self.top, last):
            if self.ports.row(index).standing is Standing.PROBING:
                self.refresh_index(index)

    def unknown(self, step: int) -> Endpoint | None:
        """Return the next unknown port after the cursor, or the one before it."""
        index = self.ports.unknown(self.cursor, step)
        return None if index is None else self.ports.row(index).endpoint

    def _move_to(self, index: int) -> None:
        self._touched = True
        super()._move_to(index)


def words_of(text: str) -> list[str]:
    """Split what was typed into lower-case words."""
    return list(chain.from_iterable(part.split() for part in text.lower().splitlines()))
