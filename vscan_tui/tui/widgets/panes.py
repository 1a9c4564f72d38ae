"""The body of the triage screen: its panes, arranged for the size of the terminal.

Narrow terminals have the details below the ports, and only some of them; from
100 columns on they stand beside the ports; from 180 on the debugger stands
beside the response.  What the user changed by key or mouse is kept.
"""

from collections.abc import Mapping
from math import isfinite

from textual import events
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.widget import Widget

from vscan_tui.tui.proportions import LARGEST, Proportions
from vscan_tui.tui.widgets.line_view import LineView

_TWO_COLUMNS = 100
"""From this width on, the details stand beside the ports, not below them."""
_THREE_COLUMNS = 180
"""From this width on, the debugger stands beside the response, not below it."""
_FEWEST_PORT_LINES = 3
_BOTH = 20
"""From this height on, ports and details are seen together in one column."""


class Details(Container):
    """What is beside or below the ports; its border can be dragged."""

    class Dragged(Message):
        """The border between ports and details is to be at another place."""

        def __init__(self, x: int) -> None:
            """Name the column of the screen."""
            super().__init__()
            self.x = x

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag the border."""
        if self.styles.border_left[0] and event.screen_x == self.region.x:
            self.capture_mouse()
            event.stop()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the border."""
        if self.app.mouse_captured is self:
            self.post_message(self.Dragged(event.screen_x))

    def on_mouse_up(self) -> None:
        """Let the border go."""
        self.release_mouse()


class Panes(Container):
    """Ports, exchanges, response, debugger."""

    DEFAULT_CSS = """
    Panes { height: 1fr; layout: horizontal; }
    Panes #ports { width: 9fr; }
    Panes #details { width: 11fr; border-left: solid $foreground 28%; layout: vertical; }
    Panes #details:hover { border-left: solid $foreground 45%; }
    Panes #answers { height: 8fr; layout: vertical; }
    Panes #exchanges { height: 3fr; min-height: 4; max-height: 12; }
    Panes #response { height: 5fr; }
    Panes #debugger { height: 7fr; }
    Panes.-hosts #ports { width: 1fr; }
    Panes.-hosts #details { width: 1fr; }
    Panes.-wide #details { layout: horizontal; width: 20fr; }
    Panes.-wide #answers { height: 1fr; width: 11fr; }
    Panes.-wide #debugger { height: 1fr; width: 9fr; border-left: solid $foreground 28%; }
    Panes.-column { layout: vertical; }
    Panes.-column #ports { width: 1fr; height: 8fr; }
    Panes.-column #details { width: 1fr; height: 11fr; border-left: none; }
    Panes.-column #exchanges { height: 4; }
    Panes.-column.-without-response #answers { height: 4; }
    Panes.-zoomed #exchanges { height: 1fr; max-height: 100%; }
    Panes.-zoomed #answers { height: 1fr; }
    Panes.-zoomed #details, Panes.-zoomed #debugger { border-left: none; }
    Panes.-sized #exchanges { max-height: 100%; }
    """

    def __init__(
        self,
        ports: LineView,
        exchanges: LineView,
        response: LineView,
        debugger: LineView,
        *,
        search_bar: Widget,
        id: str,  # noqa: A002 - Textual's name
    ) -> None:
        """Hold these panes; the search bar stands below the response."""
        super().__init__(id=id)
        self.all = (ports, exchanges, response, debugger)
        self.ports, self.exchanges, self.response, self.debugger = self.all
        self.search_bar = search_bar
        self.details = Details(id="details")
        self.answers = Container(id="answers")
        self.is_zoomed = False
        self.proportions = Proportions()
        self._given: dict[tuple[Widget, str], str | None] = {}
        """The sizes that were set, by pane and side."""
        self._port_lines = 0
        self._last_detail: LineView = debugger

    def compose(self) -> ComposeResult:
        """Ports, and the details beside or below them."""
        yield self.ports
        with self.details:
            with self.answers:
                yield self.exchanges
                yield self.response
                yield self.search_bar
            yield self.debugger

    def divide(self, focused: LineView) -> None:
        """Show the panes for which there is room, the one with the cursor above all.

        Args:
            focused: the pane that has the cursor.
        """
        width, height = self.app.size
        is_column = width < _TWO_COLUMNS
        self.prefer(focused)
        if self.is_zoomed:
            shown = {focused}
        elif not is_column:
            shown = set(self.all)
        elif height >= _BOTH:
            shown = {self.ports, self.exchanges, self._last_detail}
        elif focused is self.ports:
            shown = {self.ports}
        else:
            shown = {self.exchanges, self._last_detail}
        self.set_class(is_column, "-column")
        self.set_class(width >= _THREE_COLUMNS and not self.is_zoomed, "-wide")
        self.set_class(self.is_zoomed, "-zoomed")
        self.set_class(self.response not in shown, "-without-response")
        for pane in self.all:
            pane.display = pane in shown
        self.details.display = bool(shown - {self.ports})
        self.answers.display = bool(shown & {self.exchanges, self.response})
        self._apply_proportions(is_column=is_column)

    def prefer(self, pane: LineView) -> None:
        """Let this pane be seen where there is room for one of the details only."""
        if pane in (self.response, self.debugger):
            self._last_detail = pane

    def bring(self, pane: LineView) -> None:
        """Let a pane be seen, so that it can take the cursor."""
        self.prefer(pane)
        pane.display = True
        self.details.display = True
        self.answers.display = True

    # Sizes

    def fit_ports(self, lines: int) -> None:
        """Above the details, the ports take no more room than they need.

        Args:
            lines: that the ports have, without their heading.
        """
        if lines != self._port_lines:
            self._port_lines = lines
            self._limit_ports()

    def _limit_ports(self) -> None:
        is_limited = (
            self.has_class("-column")
            and self.details.display
            and not self.is_zoomed
            and self.proportions.share is None
        )
        lines = max(_FEWEST_PORT_LINES, self._port_lines)
        self._give(self.ports, "max_height", f"{lines + 1}" if is_limited else None)

    def restore(self, share: float | None, heights: Mapping[str, float]) -> None:
        """Begin with the sizes of an earlier run, as far as they can be."""
        known = {str(pane.id) for pane in (*self.all, self.answers)}
        usable = {
            id_: height for id_, height in heights.items() if id_ in known and 0 < height < LARGEST
        }
        self.proportions = Proportions(heights=usable)
        if share is not None and isfinite(share):
            self.proportions = self.proportions.with_share(share)

    def widen(self, step: float) -> None:
        """Give the ports more of the screen, or less; `step` is a share of the whole."""
        is_column = self.has_class("-column")
        whole = self.size.height if is_column else self.size.width
        now = self.ports.size.height if is_column else self.ports.size.width
        share = self.proportions.share
        if share is None:
            share = now / max(1, whole)
        self._change(self.proportions.with_share(share + step))

    def grow(self, pane: LineView, steps: int) -> None:
        """Give a pane of the details more of its column's height, or less."""
        within: LineView | Container = pane
        if pane.parent is self.answers and not self._other(pane):
            within = self.answers
        heights = self._heights(within)
        if len(heights) > 1:
            self._change(self.proportions.grown(str(within.id), heights, steps))

    def _other(self, pane: Widget) -> bool:
        return len(self._heights(pane)) > 1

    def _heights(self, pane: Widget) -> Mapping[str, float]:
        """Return the weights of the panes that share a column with this one; cells at first."""
        parent = pane.parent
        if not isinstance(parent, Container) or parent is self:
            return {}
        if parent is self.details and self.has_class("-wide"):
            return {}
        chosen = self.proportions.heights
        return {
            str(child.id): chosen.get(str(child.id), float(child.size.height))
            for child in parent.children
            if child.display and child is not self.search_bar
        }

    def _change(self, proportions: Proportions) -> None:
        self.proportions = proportions
        self._apply_proportions(is_column=self.has_class("-column"))

    def _apply_proportions(self, *, is_column: bool) -> None:
        chosen = Proportions() if self.is_zoomed else self.proportions
        self.set_class(bool(chosen.heights), "-sized")
        share = chosen.share
        shares: tuple[tuple[Widget, float | None], ...] = (
            (self.ports, share),
            (self.details, None if share is None else 1 - share),
        )
        for pane, part in shares:
            text = None if part is None else f"{part * 100:.2f}fr"
            self._give(pane, "width", None if is_column else text)
            self._give(pane, "height", text if is_column else None)
        is_wide = self.has_class("-wide")
        details: tuple[Widget, ...] = (
            self.exchanges,
            self.response,
            self.answers,
            self.debugger,
        )
        for pane in details:
            weight = chosen.heights.get(str(pane.id))
            if is_wide and pane.parent is self.details:
                weight = None
            self._give(pane, "height", None if weight is None else f"{weight:.2f}fr")
        self._limit_ports()

    def _give(self, pane: Widget, side: str, size: str | None) -> None:
        """Set a size, if it is another one: Textual lays out the whole screen for each."""
        if self._given.get((pane, side)) != size:
            self._given[pane, side] = size
            setattr(pane.styles, side, size)

    def on_details_dragged(self, event: Details.Dragged) -> None:
        """Put the border where the mouse is."""
        event.stop()
        share = (event.x - self.region.x) / max(1, self.size.width)
        self._change(self.proportions.with_share(share))

    def on_line_view_heading_dragged(self, event: LineView.HeadingDragged) -> None:
        """Put the border above a pane where the mouse is."""
        event.stop()
        below: Widget = event.view
        if below is self.ports or self.is_zoomed:
            return
        siblings = (
            [child for child in below.parent.children if child.display] if below.parent else []
        )
        index = siblings.index(below)
        if index == 0:
            return
        above = siblings[index - 1]
        heights = self._heights(below)
        if heights:
            self._change(
                self.proportions.dragged(str(above.id), str(below.id), heights, event.rows)
            )
