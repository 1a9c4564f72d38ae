"""The response of the selected exchange, byte by byte."""

from dataclasses import replace

from vscan_tui.events import Span
from vscan_tui.session.store import Exchange
from vscan_tui.tui.rendering.exchange import unanswered_text
from vscan_tui.tui.rendering.hexdump import Layout, View, layout
from vscan_tui.tui.rendering.line import Layer, Line, Role, Run, heading
from vscan_tui.tui.widgets.line_view import LineView

MAX_SHOWN = 262_144
"""Bytes of a response that are shown; more would take seconds to lay out."""
_NOTHING = layout(View.HEX, b"", (), 80)


class Hexdump(LineView):
    """A response as hexdump, text or C escapes, with what each group captured."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a response."""
        super().__init__(id=id)
        self.view = View.HEX
        self._exchange: Exchange | None = None
        self._layout: Layout = _NOTHING
        self._spans: tuple[Span | None, ...] = ()
        self._laid_over: tuple[tuple[Span, Layer], ...] = ()
        self._drawn: tuple[int, int] = (0, 0)
        """How many bytes and firings the layout was made of."""

    @property
    def line_count(self) -> int:
        """How many lines the response has."""
        return self._layout.line_count

    def line_at(self, index: int) -> Line:
        """Draw some bytes."""
        return self._layout.line(index)

    def heading(self) -> Line:
        """Name the probe that was answered, and the views."""
        tabs: list[Run] = []
        for view in View:
            if tabs:
                tabs.append(Run(" │ ", Role.RULE))
            role = Role.CHOSEN if view is self.view else Role.DIM
            tabs.append(Run(view, role, view=view))
        title = "response"
        if self._exchange is not None and self._exchange.response:
            size = len(self._exchange.response)
            title = f"response  {size:,} B"
            if size > MAX_SHOWN:
                title += f", {MAX_SHOWN:,} shown"
        return heading(title, self.size.width, focused=self.has_focus, right=tabs)

    def hint(self) -> str:
        """Say why there are no bytes."""
        if self._exchange is None:
            return "The response of the selected exchange is shown here."
        return unanswered_text(self._exchange)

    def show(self, exchange: Exchange | None) -> None:
        """Show the response of an exchange."""
        size = (0, 0) if exchange is None else (len(exchange.response), len(exchange.firings))
        if exchange is self._exchange and size == self._drawn:
            if not self.line_count:
                self.refresh()  # the hint tells how long it has been silent
            return
        changed = exchange is not self._exchange
        self._exchange, self._drawn = exchange, size
        match = exchange.match if exchange is not None else None
        self._spans = match.spans if match is not None else ()
        if changed:
            self.cursor = 0
            self._laid_over = ()
        self._redraw()
        if changed:
            self.jump_to(0)

    def show_rule(
        self, spans: tuple[Span | None, ...], laid_over: tuple[tuple[Span, Layer], ...]
    ) -> None:
        """Show what a rule made of the response.

        Args:
            spans: what it captured: the whole match, then each group; empty if it failed.
            laid_over: which bytes its parts met; the first of the last layer is scrolled to.
        """
        if (spans, laid_over) == (self._spans, self._laid_over):
            return
        self._spans, self._laid_over = spans, laid_over
        self._redraw()
        if laid_over and self.line_count:
            start = next(span[0] for span, layer in laid_over if layer is laid_over[-1][1])
            last = len(self._layout.response) - 1
            self.place_cursor(self._layout.line_of(max(0, min(start, last))))

    def show_view(self, view: View) -> None:
        """Show the same bytes another way, the cursor on the same byte."""
        offset = self._layout.byte_range(self.cursor)[0] if self.line_count else 0
        self.view = view
        self._redraw()
        if self.line_count:
            self.place_cursor(self._layout.line_of(offset))

    def emphasise(self, group: int) -> None:
        """Light up a group, and show where it begins."""
        super().emphasise(group)
        span = self._span(group)
        if span is not None and self.line_count:
            self.place_cursor(self._layout.line_of(min(span[0], MAX_SHOWN - 1)))

    def copied_text(self) -> str:
        """Return the selected group's bytes, or the line's, as they are shown."""
        span = self._span(self.emphasis)
        if span is not None:
            return self._layout.text(*span)
        return super().copied_text()

    def reflow(self) -> None:
        """Fit the lines to the width; the cursor stays on its byte."""
        offset = self._layout.byte_range(self.cursor)[0] if self.line_count else 0
        self._lay_out()
        if self.line_count:
            self.cursor = self._layout.line_of(offset)

    def _span(self, group: int) -> tuple[int, int] | None:
        return self._spans[group] if 0 < group < len(self._spans) else None

    def _lay_out(self) -> None:
        exchange = self._exchange
        if exchange is None:
            self._layout = _NOTHING
        else:
            shown = bytes(exchange.response[:MAX_SHOWN])
            whole = layout(self.view, shown, self._spans, self.text_width)
            self._layout = replace(whole, laid_over=self._laid_over)

    def _redraw(self) -> None:
        self._lay_out()
        self.forget()
        self.fit()
