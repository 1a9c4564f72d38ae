"""Why: the rule that fired on the selected exchange, and the decisions on its port."""

from typing import TYPE_CHECKING

from vscan_tui.session.store import Exchange, Port
from vscan_tui.tui.rendering.debugger import debugger_lines
from vscan_tui.tui.rendering.line import Line, heading
from vscan_tui.tui.widgets.line_view import LinesView

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.explain import NearMiss


class MatchDebugger(LinesView):
    """The rule with its groups, its version fields, and the reasons."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without an exchange."""
        super().__init__(id=id)
        self._port: Port | None = None
        self._exchange: Exchange | None = None
        self._nearest: tuple[NearMiss, ...] | None = None

    def heading(self) -> Line:
        """Name the pane."""
        return heading("match debugger", self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """Say what will be explained here."""
        if self._port is None:
            return "Which rule named a service, and why, is shown here."
        return "Nothing has been decided about this port yet."

    def show(
        self,
        port: Port | None,
        exchange: Exchange | None,
        nearest: "tuple[NearMiss, ...] | None" = None,
    ) -> None:
        """Explain an exchange of a port, with the rules it almost met once they are known."""
        self._nearest = nearest
        changed = port is not self._port or exchange is not self._exchange
        self._port, self._exchange = port, exchange
        if changed:
            self.cursor = 0
        self.reflow()
        if changed:
            self.jump_to(0)
            self.refresh()

    def reflow(self) -> None:
        """Fit the lines to the width."""
        if self._port is None:
            self.show_lines(())
        else:
            self.show_lines(
                debugger_lines(self._port, self._exchange, self.text_width, self._nearest or ())
            )
