"""The breakpoints: those there are, and those that suggest themselves."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from vscan_tui.scanning.by_hand.breakpoints import (
    Breakpoint,
    BreakpointError,
    Breakpoints,
    parse_breakpoint,
)
from vscan_tui.session.wording import printable
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.rendering.exchange import count_text
from vscan_tui.tui.rendering.line import Line, Role, Run, cut_line, heading
from vscan_tui.tui.widgets.bar import Bar
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_input import PromptInput
from vscan_tui.tui.widgets.line_view import LinesView


class BreakpointLines(LinesView):
    """What holds ports, and what could."""

    def heading(self) -> Line:
        """Name the list."""
        return heading("breakpoints: hold a port on", self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """Never seen: something can always be suggested."""
        return ""


class BreakpointsScreen(Overlay[None]):
    """A list to add to, remove from, enable and disable."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.BREAKPOINTS)
    DEFAULT_CSS = """
    BreakpointsScreen { align: center middle; }
    #breakpoints-box {
        width: 76; max-width: 96%; height: 20; max-height: 90%; background: $background;
        border: round $accent; padding: 0 1;
    }
    #breakpoint-lines { height: 1fr; }
    #breakpoint-words { background: $panel; }
    """

    def __init__(self, breakpoints: Breakpoints, suggested: Sequence[Breakpoint]) -> None:
        """Show what there is, and what suggests itself for the selected port."""
        super().__init__()
        self._breakpoints = breakpoints
        self._suggested = suggested

    def compose(self) -> ComposeResult:
        """The list, a line to write one, what is wrong with it, keys."""
        with Vertical(id="breakpoints-box"):
            yield BreakpointLines(id="breakpoint-lines")
            yield Bar(id="breakpoint-fault")
            yield PromptInput(
                placeholder="write one: service http, line 8871, port 443/tcp",
                id="breakpoint-words",
            )
            yield KeyBar(id="breakpoint-keys")

    def on_mount(self) -> None:
        """Begin in the list."""
        self.query_one(BreakpointLines).focus()
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Fit to the width."""
        self.call_after_refresh(self._show)

    @property
    def _offered(self) -> list[Breakpoint]:
        names = {str(each) for each in self._breakpoints.all()}
        return [each for each in self._suggested if str(each) not in names]

    def _show(self) -> None:
        lines = self.query_one(BreakpointLines)
        width = lines.text_width
        known = [_known_line(each, count) for each, count in self._breakpoints.hits.items()]
        offered = [_offered_line(each) for each in self._offered]
        lines.show_lines([cut_line(line, width) for line in (*known, *offered)])

    def _complain(self, text: str) -> None:
        bar = self.query_one("#breakpoint-fault", Bar)
        bar.show(cut_line(Line((Run(text, Role.ALERT),)), bar.size.width))

    def action_switch(self) -> None:
        """Add what is suggested; enable or disable what is there."""
        index = self.query_one(BreakpointLines).cursor
        known = self._breakpoints.all()
        if index < len(known):
            self._breakpoints.toggle(known[index])
        elif index - len(known) < len(self._offered):
            self._breakpoints.add(self._offered[index - len(known)])
        self._show()

    def action_remove(self) -> None:
        """Forget the one that the cursor is on."""
        index = self.query_one(BreakpointLines).cursor
        known = self._breakpoints.all()
        if index < len(known):
            self._breakpoints.remove(known[index])
        self._show()

    def action_write(self) -> None:
        """Write one."""
        self.query_one(Input).focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self._breakpoints.add(parse_breakpoint(event.value))
        except BreakpointError as error:
            self._complain(printable(str(error)))
            return
        self._complain("")
        event.input.value = ""
        self.query_one(BreakpointLines).focus()
        self._show()


def _known_line(each: Breakpoint, count: int) -> Line:
    mark = Run("● ", Role.ALERT) if each.enabled else Run("○ ", Role.DIM)
    role = Role.STRONG if each.enabled else Role.DIM
    hits = f"   hit {count_text(count, 'time')}" if count else ""
    state = "" if each.enabled else "   disabled"
    return Line((mark, Run(printable(str(each)), role), Run(hits + state, Role.DIM)))


def _offered_line(each: Breakpoint) -> Line:
    return Line((Run("+ ", Role.DIM), Run(printable(str(each)), Role.DIM)))
