"""What was sent and what came back, byte by byte: cursor, selection, search."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from textual import events
from textual.actions import SkipAction
from textual.geometry import Offset
from textual.message import Message
from textual.timer import Timer

from vscan_tui.events import Span
from vscan_tui.session.conversation import Conversation, Direction, conversation
from vscan_tui.session.notation import Origin
from vscan_tui.session.store import Exchange, Port
from vscan_tui.tui.found import Found
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.rendering.dump import (
    BESIDE_WIDTH,
    MAX_SHOWN,
    WIDE_BESIDE_WIDTH,
    Arrangement,
    Dump,
    Place,
)
from vscan_tui.tui.rendering.exchange import unanswered_text
from vscan_tui.tui.rendering.hexdump import View, written
from vscan_tui.tui.rendering.layers import Layers
from vscan_tui.tui.rendering.legend import legend_line
from vscan_tui.tui.rendering.line import Layer, Line, Role, Run, heading
from vscan_tui.tui.widgets.line_view import LineView

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.search import Query

MAX_COPIED = 262_144
"""Bytes that are put on the clipboard; terminals take no more, and many take less."""
_FIRST_BUDGET, _BUDGET = 0.010, 0.012
"""Seconds of one turn of the event loop that are spent on finding lines."""
_TICK = 1 / 30
_PAUSE = 0.2
"""Seconds of rest before a response that still grows is searched again."""
_LEGEND_HEIGHT = 5
"""From this height on, there is a legend."""


class Hexdump(LineView):
    """A conversation as hexdump, text or C escapes, with what lies over its bytes.

    The cursor is on a byte; the line that it stands on follows.
    """

    BINDINGS = bindings(Scope.RESPONSE)

    class FindWanted(Message):
        """The user wants to type what to find."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin without a response."""
        super().__init__(id=id)
        self.view = View.HEX
        self.shows_sent: bool | None = None
        """Whether what was sent is shown; None: where there is ample room beside the response."""
        self.found: Found | None = None
        self.when_found: Callable[[], object] = lambda: None
        """Called when there is news of a search."""
        self._port: Port | None = None
        self._exchange: Exchange | None = None
        self._conversation: Conversation | None = None
        self._dump: Dump | None = None
        self._hide: Callable[[bytes], bytes] | None = None
        self._drawn: tuple[int, int] = (0, 0)
        """How many bytes and firings the lines were made of."""
        self._place: Place | None = None
        self._wanted: Place | None = None
        """Where the cursor goes as soon as the line of that byte is known."""
        self._anchor: Place | None = None
        """The other end of the selection."""
        self._is_selecting = False
        self._dragged_from: Place | None = None
        self._origin: Place | None = None
        """Where the cursor was when the search began."""
        self._spans: tuple[Span | None, ...] = ()
        self._laid_over: tuple[tuple[Span, Layer], ...] = ()
        self._layers: dict[Direction, Layers] | None = None
        self._advance_timer: Timer | None = None
        self._search_timer: Timer | None = None

    # What the pane says of itself

    @property
    def line_count(self) -> int:
        """How many lines are known."""
        return self._dump.line_count if self._dump is not None and self._dump.length else 0

    def line_at(self, index: int) -> Line:
        """Draw some bytes."""
        return Line() if self._dump is None else self._dump.line(index, self._over())

    def line_key(self, index: int) -> Hashable:
        """Return what is special about a line: the cursor and the selection in it."""
        selection = self.selection
        if selection is None or self._dump is None:
            return index, self._place if index == self.cursor else None
        way, (start, end) = selection
        clipped = [
            (max(start, first), min(end, last))
            for direction, (first, last) in self._dump.spans(index)
            if direction is way and first < end and last > start
        ]
        return index, self._place if index == self.cursor else None, *clipped

    def heading(self) -> Line:
        """Tell how much came back, and name the views."""
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
        if self._dump is not None and not self._dump.is_complete:
            title += "  finding lines…"
        elif self._is_selecting:
            title += "  SELECTING"
        return heading(title, self.size.width, focused=self.has_focus, right=tabs)

    def hint(self) -> str:
        """Say why there are no bytes."""
        if self._exchange is None:
            return "The response of the selected exchange is shown here."
        return unanswered_text(self._exchange)

    @property
    def has_foot(self) -> bool:
        """Whether there is a legend."""
        return self.size.height >= _LEGEND_HEIGHT and self._place is not None

    def foot(self) -> Line | None:
        """Draw the legend of the byte under the cursor."""
        if self._conversation is None or self._place is None:
            return None
        layers = self._over()[self._place.direction]
        width = self.size.width
        return legend_line(self._conversation, self._place, layers, self.found, width)

    # What is shown

    def show(self, port: Port | None, exchange: Exchange | None) -> None:
        """Show an exchange of a port, or what is new of it."""
        size = (0, 0) if exchange is None else (len(exchange.response), len(exchange.firings))
        if exchange is self._exchange and size == self._drawn:
            if not self.line_count:
                self.refresh()  # the hint tells how long it has been silent
            return
        changed = exchange is not self._exchange
        self._port, self._exchange, self._drawn = port, exchange, size
        match = exchange.match if exchange is not None else None
        self._spans = match.spans if match is not None else ()
        if changed:
            self._place = self._wanted = self._anchor = self._origin = None
            self._is_selecting = False
            self._laid_over = ()
            self.cursor = 0
        if changed or self._dump is None or self._dump.grow():
            self._arrange()
        self._redraw()
        if changed:
            self.jump_to(0)
        if self.found is not None:
            self._search_later(0.0 if changed else _PAUSE)

    def hide_with(self, hide: Callable[[bytes], bytes] | None) -> None:
        """Hide what is secret in bytes, too; None shows it again."""
        self._hide = hide
        self._arrange()
        self._redraw()

    def show_rule(
        self, spans: tuple[Span | None, ...], laid_over: tuple[tuple[Span, Layer], ...]
    ) -> None:
        """Show what a rule made of the response.

        Args:
            spans: what it captured: the whole match, then each group; empty if it failed.
            laid_over: which bytes its parts met, and where it stopped; the first of the last
                layer is gone to, unless the user moves the cursor here.
        """
        if (spans, laid_over) == (self._spans, self._laid_over):
            return
        self._spans, self._laid_over = spans, laid_over
        self._relayer()
        if laid_over and not self.has_focus:
            start = next(span[0] for span, layer in laid_over if layer is laid_over[-1][1])
            self.point_at(start)

    def show_view(self, view: View) -> None:
        """Show the same bytes another way, the cursor on the same byte."""
        self.view = view
        self._arrange()
        self._redraw()

    def emphasise(self, group: int) -> None:
        """Light up a group, and show where it begins."""
        super().emphasise(group)
        span = self._span(group)
        if span is None or span[0] == span[1] or span[0] >= MAX_SHOWN:
            return
        here = self._place
        is_inside = (
            here is not None
            and here.direction is Direction.RECEIVED
            and span[0] <= here.offset < span[1]
        )
        if not is_inside:
            self._go(Place(Direction.RECEIVED, span[0]))

    def point_at(self, offset: int) -> None:
        """Put the cursor on a byte of the response."""
        if self._dump is not None and 0 <= offset < self._dump.end_of(Direction.RECEIVED):
            self._go(Place(Direction.RECEIVED, offset))

    def reflow(self) -> None:
        """Fit the lines to the width; the cursor stays on its byte."""
        self._arrange()
        self._settle()

    @property
    def selection(self) -> tuple[Direction, Span] | None:
        """The bytes that are selected, and which way they went."""
        if self._anchor is None or self._place is None:
            return None
        first, last = sorted((self._anchor.offset, self._place.offset))
        return self._anchor.direction, (first, last + 1)

    def copied_text(self) -> str:
        """Return the selected bytes, or the selected group's, or the line's, as they are shown."""
        if self._conversation is None:
            return ""
        selection = self.selection
        if selection is not None:
            direction, span = selection
            return written(self.view, self._cut(direction, span))
        group = self._span(self.emphasis)
        if group is not None:
            return written(self.view, self._cut(Direction.RECEIVED, group))
        return super().copied_text()

    def copied_bytes(self) -> tuple[bytes, Origin, str]:
        """Return the selected bytes, or the group's, or all, where from, and how to call them."""
        if self._conversation is None or self._exchange is None or self._port is None:
            return b"", Origin(), ""
        group = self._span(self.emphasis)
        whole = (0, len(self._conversation.received))
        direction, span = self.selection or (Direction.RECEIVED, group or whole)
        name = "the whole response" if span == whole else "the selection"
        if self.selection is None and group is not None:
            name = f"group {self.emphasis}"
        protocol = self._port.endpoint.protocol
        probe = self._exchange.probe if direction is Direction.SENT else ""
        return self._cut(direction, span), Origin(span[0], probe, protocol), name

    def _cut(self, direction: Direction, span: Span) -> bytes:
        if self._conversation is None:
            return b""
        start, end = span
        if end - start > MAX_COPIED:
            text = f"Only the first {MAX_COPIED:,} bytes are copied; x exports all of them."
            self.notify(text, severity="warning", markup=False)
            end = start + MAX_COPIED
        return bytes(self._conversation.data(direction)[start:end])

    def _span(self, group: int) -> Span | None:
        return self._spans[group] if 0 < group < len(self._spans) else None

    # Arranging

    def _arrangement(self, talk: Conversation) -> Arrangement:
        width = self.text_width
        if not talk.sent or self.shows_sent is False:
            return Arrangement.RECEIVED
        if self.shows_sent is None and width < WIDE_BESIDE_WIDTH:
            return Arrangement.RECEIVED
        return Arrangement.BESIDE if width >= BESIDE_WIDTH else Arrangement.ABOVE

    def _arrange(self) -> None:
        port, exchange = self._port, self._exchange
        self._layers = None
        if port is None or exchange is None:
            self._conversation = self._dump = None
            return
        if self._conversation is None or self._conversation.exchange is not exchange:
            self._conversation = conversation(port, exchange)
        self._dump = Dump(
            self._conversation,
            self.view,
            self.text_width,
            self._arrangement(self._conversation),
            has_brackets=self.app.no_color,
            hide=self._hide,
        )

    def _redraw(self) -> None:
        self._layers = None
        self._settle()
        self.forget()
        self.fit()
        if self._place is not None and self._wanted is None and self.line_count:
            self.reveal(self.cursor)

    def _settle(self) -> None:
        """Find lines for a moment, and the line of the cursor; the rest follows bit by bit."""
        if self._dump is None:
            return
        self._find_lines(_FIRST_BUDGET)
        if self._place is None:
            self._place = self._dump.first()
        elif self._place.offset >= self._dump.end_of(self._place.direction):
            self._place, self._anchor = self._dump.first(), None
        row = None if self._place is None else self._dump.row_of(self._place)
        if row is not None:
            self.cursor = row
        else:
            self._wanted = self._place
        if not self._dump.is_complete and self._advance_timer is None:
            self._advance_timer = self.set_interval(_TICK, self._advance)

    def _find_lines(self, budget: float) -> None:
        if self._dump is not None and not self._dump.is_complete:
            end = time.perf_counter() + budget
            self._dump.advance(lambda: time.perf_counter() >= end)

    def _advance(self) -> None:
        self._find_lines(_BUDGET)
        self.fit()
        if self._wanted is not None and self._dump is not None:
            row = self._dump.row_of(self._wanted)
            if row is not None:
                self._wanted = None
                self.place_cursor(row)
                self.refresh()
        if self._dump is None or self._dump.is_complete:
            self._wanted = None
            if self._advance_timer is not None:
                self._advance_timer.stop()
                self._advance_timer = None
            self.refresh()

    # What lies over the bytes

    def _over(self) -> Mapping[Direction, Layers]:
        if self._layers is None:
            self._layers = {
                Direction.RECEIVED: self._layers_of(Direction.RECEIVED),
                Direction.SENT: self._layers_of(Direction.SENT),
            }
        return self._layers

    def _layers_of(self, direction: Direction) -> Layers:
        is_received = direction is Direction.RECEIVED
        place, selection, found = self._place, self.selection, self.found
        is_here = self.has_focus and place is not None and place.direction is direction
        current = found.number_at(place) if found is not None and place is not None else None
        return Layers(
            groups=self._spans if is_received else (),
            met=self._laid(Layer.MET) if is_received else (),
            stops=tuple(span[0] for span in self._laid(Layer.STOP)) if is_received else (),
            parts=self._laid(Layer.PART) if is_received else (),
            hits=found.hits.get(direction) if found is not None else None,
            hit=found.in_direction(direction, current) if found is not None else -1,
            selection=selection[1] if selection and selection[0] is direction else None,
            cursor=place.offset if place is not None and is_here else -1,
        )

    def _laid(self, layer: Layer) -> tuple[Span, ...]:
        return _joined([span for span, other in self._laid_over if other is layer])

    def _relayer(self) -> None:
        self._layers = None
        self.forget()

    def on_focus(self) -> None:
        """Show the cursor; `LineView` draws."""
        self._layers = None

    def on_blur(self) -> None:
        """Show no cursor; `LineView` draws."""
        self._layers = None

    # The cursor

    def _go(self, place: Place | None, *, extend: bool = False) -> None:
        """Put the cursor on a byte; with `extend`, the bytes up to there are selected."""
        dump = self._dump
        if place is None or dump is None:
            return
        selected, hit = self.selection, self.hit_number
        if extend or self._is_selecting:
            self._anchor = self._anchor or self._place or place
            if place.direction is not self._anchor.direction:
                forward = place.direction is Direction.RECEIVED
                last = dump.end_of(self._anchor.direction) - 1
                place = Place(self._anchor.direction, last if forward else 0)
        else:
            self._anchor = None
        self._place, self._layers = place, None
        row = dump.row_of(place)
        self._wanted = place if row is None else None
        if row is not None:
            if row == 1 and self.top == 1:
                self.jump_to(0)  # the heading above it
            self.place_cursor(row)
            self.refresh_index(row)
        if self.selection != selected:
            self.refresh()
        if self.hit_number != hit:
            self.forget()
        self.refresh_foot()

    @property
    def hit_number(self) -> int | None:
        """The number of the hit that the cursor is on, from 0."""
        if self.found is None or self._place is None:
            return None
        return self.found.number_at(self._place)

    def _move_to(self, index: int, *, extend: bool = False) -> None:
        dump, here = self._dump, self._place
        if dump is None or here is None or not self.line_count:
            return
        index = max(0, min(index, self.line_count - 1))
        onward = range(index, self.line_count)
        back = range(index, -1, -1)
        rows = chain(onward, back) if index >= self.cursor else chain(back, onward)
        places = (dump.place_in(row, here) for row in rows)
        self._go(next(filter(None, places), None), extend=extend)
        self.post_message(self.CursorMoved(self, self.cursor))

    def _step(self, step: int, *, extend: bool = False) -> None:
        dump, here = self._dump, self._place
        count = self._taken_count()
        if dump is None or here is None:
            raise SkipAction
        place = dump.beside(here, step)
        if count > 1:
            wanted = here.offset + step * count
            last = dump.end_of(here.direction) - 1
            place = Place(here.direction, max(0, min(wanted, last)))
        if place is None and not extend and not self._is_selecting and step < 0:
            raise SkipAction  # from the first byte, one goes back to the pane before
        self._go(place, extend=extend)

    def action_byte_left(self) -> None:
        """One byte back; from the first, to the pane before."""
        self._step(-1)

    def action_byte_right(self) -> None:
        """One byte on."""
        self._step(1)

    def action_select_left(self) -> None:
        """Select one byte back."""
        self._step(-1, extend=True)

    def action_select_right(self) -> None:
        """Select one byte on."""
        self._step(1, extend=True)

    def action_select_up(self) -> None:
        """Select one line up."""
        self._move_to(self.cursor - self._taken_count(), extend=True)

    def action_select_down(self) -> None:
        """Select one line down."""
        self._move_to(self.cursor + self._taken_count(), extend=True)

    def action_last(self) -> None:
        """To the last line, though it may not be known yet; with a count, to that line."""
        is_partial = self._dump is not None and not self._dump.is_complete
        if self._dump is not None and self._place is not None and is_partial and not self._count:
            end = self._dump.end_of(Direction.RECEIVED)
            self._go(Place(Direction.RECEIVED, max(0, end - 1)))
        else:
            super().action_last()

    def action_select(self) -> None:
        """Begin to select at the cursor, or end it."""
        if self._place is None:
            return
        self._is_selecting = not self._is_selecting
        if self._is_selecting:
            self._anchor = self._place
        self._relayer()

    def action_unselect(self) -> None:
        """Leave the selection, then the search; then what the screen does."""
        if self._anchor is not None or self._is_selecting:
            self._anchor, self._is_selecting = None, False
            self._relayer()
        elif self.found is not None:
            self.search("")
        else:
            raise SkipAction

    def action_sent(self) -> None:
        """Show what was sent too, or no longer."""
        talk = self._conversation
        if talk is None:
            return
        if not talk.sent:
            self.notify("Nothing was sent in this exchange.", timeout=2.5, markup=False)
            return
        self.shows_sent = self._arrangement(talk) is Arrangement.RECEIVED
        self._arrange()
        self._redraw()
        if self.found is not None:
            self._search_later(0.0)

    def action_read(self, step: int) -> None:
        """Go to where the next read begins, or this one or the one before."""
        here, talk = self._place, self._conversation
        if here is None or talk is None or not self._starts_of_reads(talk):
            return
        starts = self._starts_of_reads(talk)
        at = here.offset if here.direction is Direction.RECEIVED else -1
        if step > 0:
            wanted = next((start for start in starts if start > at), None)
        else:
            wanted = next((start for start in reversed(starts) if start < at), None)
        if wanted is None:
            self.notify("There is no further read.", timeout=2.5, markup=False)
        else:
            self._go(Place(Direction.RECEIVED, wanted))

    @staticmethod
    def _starts_of_reads(talk: Conversation) -> list[int]:
        return [read.offset for read in talk.reads_from(0, MAX_SHOWN)]

    # The mouse

    def _clicked(self, event: events.Click, offset: Offset) -> None:
        """The press of the button has put the cursor there already."""

    def _place_under(self, offset: Offset) -> Place | None:
        row = min(max(self.top + offset.y - 1, 0), self.line_count - 1)
        return None if self._dump is None or row < 0 else self._dump.place_at(row, offset.x)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Put the cursor on a byte; with shift, select up to it."""
        offset = event.get_content_offset(self)
        is_inside = offset is not None and 1 <= offset.y <= self.page
        if event.button != 1 or offset is None or not is_inside or not self.line_count:
            return
        place = self._place_under(offset)
        if place is not None:
            self._is_selecting = False
            self._go(place, extend=event.shift)
            self._dragged_from = place
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Select while the button is held."""
        if self._dragged_from is None:
            return
        place = self._place_under(event.get_content_offset_capture(self))
        if place is not None and place != self._place:
            self._anchor = self._anchor or self._dragged_from
            self._go(place, extend=True)

    def on_mouse_up(self) -> None:
        """End the selection."""
        if self._dragged_from is not None:
            self._dragged_from = None
            self.release_mouse()

    # The search

    def action_find(self) -> None:
        """Ask what to find."""
        self._origin = self._place
        self.post_message(self.FindWanted())

    def action_hit(self, step: int) -> None:
        """Go to the next hit or the one before; without a search, what the screen does."""
        if self.found is None:
            raise SkipAction
        number = None if self._place is None else self.found.after(self._place, step)
        if number is None:
            text = "Still searching." if self.found.is_searching else "Nothing was found."
            self.notify(text, timeout=2.5, markup=False)
        else:
            self._go(self.found.place(number))

    def search(self, text: str) -> None:
        """Find text, `hex:` bytes or a `re:` regex, in a thread; nothing ends the search."""
        self.workers.cancel_group(self, "search")
        if not text:
            self.found = None
            self._relayer()
            self.when_found()
            return
        from vscan_tui.matching.search import QueryError, parse_query  # noqa: PLC0415

        try:
            query = parse_query(text)
        except QueryError as error:
            self.found = Found(text, fault=str(error))
            self._relayer()
            self.when_found()
            return
        hits = self.found.hits if self.found is not None and self.found.text == text else {}
        self.found = Found(text, hits, is_searching=True)
        self.refresh_foot()
        self.when_found()
        self.run_worker(
            self._search(text, query), name="search", group="search", exit_on_error=False
        )

    async def _search(self, text: str, query: "Query") -> None:
        from vscan_tui.matching.search import find  # noqa: PLC0415

        talk, dump = self._conversation, self._dump
        if talk is None or dump is None:
            return
        ways = [Direction.RECEIVED]
        if dump.arrangement is not Arrangement.RECEIVED:
            ways.append(Direction.SENT)
        is_over = threading.Event()
        hits = {}
        try:
            for way in ways:
                data = bytes(talk.data(way)[: dump.end_of(way)])
                hits[way] = await asyncio.to_thread(
                    find, query, data, is_wanted=lambda: not is_over.is_set()
                )
        finally:
            is_over.set()  # a thread cannot be cancelled, but it can be asked to end
        is_new = self.found is None or not self.found.hits
        self.found = Found(text, hits)
        origin = self._origin or self._place
        if is_new and origin is not None:
            number = self.found.from_place(origin)
            if number is not None:
                self._go(self.found.place(number))
        self._relayer()
        self.when_found()

    def _search_later(self, seconds: float) -> None:
        if self._search_timer is not None:
            self._search_timer.stop()
        self._search_timer = self.set_timer(seconds or 0.001, self._search_again)

    def _search_again(self) -> None:
        if self.found is not None:
            self._origin = self._place
            self.search(self.found.text)

    def end_search(self, *, forget: bool) -> None:
        """Leave the typing; with `forget`, the hits too, and the cursor goes back."""
        if forget:
            origin = self._origin
            self.search("")
            self._go(origin)
        self._origin = None


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Ranges in order, those that overlap as one."""
    joined: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
