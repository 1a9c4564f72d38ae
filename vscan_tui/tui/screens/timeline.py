"""The timeline of a port, over the panes."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from vscan_tui.session.store import Port
from vscan_tui.session.timeline import timeline
from vscan_tui.session.wording import port_text, printable, service_text
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.rendering.line import Line, heading
from vscan_tui.tui.rendering.timeline import timeline_lines
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_view import LinesView

_AGAIN = 0.5
"""Seconds until the picture of a port that is under way is drawn again."""


class TimelineLines(LinesView):
    """What the seconds went for, and the bars."""

    def __init__(self, port: Port, now: Callable[[], float], *, id: str) -> None:  # noqa: A002
        """Show a port; `now` tells the time of the last event."""
        super().__init__(id=id)
        self._port, self._now = port, now

    def heading(self) -> Line:
        """Name the port."""
        name = f"{port_text(self._port)} {printable(service_text(self._port))}"
        title = f"time of {name}"
        return heading(title, self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """Say why there is nothing."""
        return "This port was not asked anything yet."

    def reflow(self) -> None:
        """Lay out what is known now."""
        shown = timeline(self._port, self._now())
        is_empty = not shown.lanes
        self.show_lines(() if is_empty else timeline_lines(self._port, shown, self.text_width))


class TimelineScreen(Overlay[None]):
    """A box with the timeline; while the port is under way, it goes on."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.TIMELINE)
    DEFAULT_CSS = """
    TimelineScreen { align: center middle; }
    #timeline-box {
        width: 96%; height: 90%; background: $background;
        border: round $accent; padding: 0 1;
    }
    #timeline { height: 1fr; }
    """

    def __init__(self, port: Port, now: Callable[[], float]) -> None:
        """Show a port; `now` tells the time of the last event."""
        super().__init__()
        self._port = port
        self._lines = TimelineLines(port, now, id="timeline")

    def compose(self) -> ComposeResult:
        """The lines, in a box."""
        with Vertical(id="timeline-box"):
            yield self._lines
            yield KeyBar(id="timeline-keys")

    def on_mount(self) -> None:
        """Go on drawing, after what is drawn when the width is known."""
        self._lines.focus()
        self.set_interval(_AGAIN, self._again)

    def _again(self) -> None:
        if self._port.finished is None:
            self._lines.reflow()
