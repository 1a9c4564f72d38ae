"""The exchanges of the selected port."""

from vscan_tui.session.store import Exchange, Port, Stage
from vscan_tui.tui.rendering.exchange import exchange_line, port_counts, port_title
from vscan_tui.tui.rendering.line import Line, Role, Run, heading
from vscan_tui.tui.widgets.line_view import LinesView


class ExchangeList(LinesView):
    """One line for each probe sent to the port, and what became of it."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a port."""
        super().__init__(id=id)
        self._port: Port | None = None
        self._chosen: Exchange | None = None

    def heading(self) -> Line:
        """Name the port."""
        if self._port is None:
            return heading("exchanges", self.size.width, focused=self.has_focus)
        counts = port_counts(self._port)
        title = port_title(self._port)
        fits = len(title) + len(counts) + 9 <= self.size.width
        right = (Run(counts, Role.DIM),) if fits else ()
        return heading(title, self.size.width, focused=self.has_focus, right=right)

    def hint(self) -> str:
        """Say why there is no exchange."""
        if self._port is None:
            return "Select a port to see what was sent to it, and what came back."
        if self._port.stage is Stage.WAITING:
            return "This port waits for its turn."
        if self._port.stage is Stage.PROBING:
            is_held = self._port.held is not None
            return "Nothing was sent yet." if is_held else "Connecting…"
        return "Nothing was sent to this port."

    def show(self, port: Port | None, chosen: Exchange | None) -> None:
        """Show the exchanges of a port; one of them is the chosen one."""
        changed = self._port is not port
        self._port, self._chosen = port, chosen
        self.reflow()
        if changed:
            self.jump_to(0)
            self.refresh()
        else:
            self.refresh_heading()
        if chosen is not None:
            self.place_cursor(chosen.number - 1)

    def reflow(self) -> None:
        """Fit the lines to the width."""
        exchanges = self._port.exchanges if self._port is not None else []
        self.show_lines(
            [
                exchange_line(exchange, self.text_width, chosen=exchange is self._chosen)
                for exchange in exchanges
            ]
        )
