"""The port table: one row for each port, of all hosts."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from textual import events, on
from textual.message import Message

from vscan_tui.events import Endpoint, Event, Mark, PortMarked, PortNoted
from vscan_tui.session.filter import Filter, field_text
from vscan_tui.session.store import Host, Port
from vscan_tui.tui.rendering.attention import KINDS, Attention
from vscan_tui.tui.rendering.line import Line
from vscan_tui.tui.rendering.port_columns import ALWAYS, BY_ID, DEFAULT, Layout, layout
from vscan_tui.tui.rendering.port_entry import Entry
from vscan_tui.tui.rendering.port_list import Group, Item, Order, PortList
from vscan_tui.tui.rendering.port_row import group_line, heading_line, row_line
from vscan_tui.tui.rendering.standing import Standing
from vscan_tui.tui.widgets.line_view import LineView

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FINDINGS = frozenset({Standing.HARD, Standing.SOFT, Standing.UNKNOWN})
_SLICE = 0.006
"""Seconds of work on filters and orders before keys get their turn."""
_BREATH = 0.001
_SAMPLE = 4096
"""So many ports are looked at to complete a value."""
_NEXT_MARK = {Mark.NONE: Mark.TO_DO, Mark.TO_DO: Mark.DONE, Mark.DONE: Mark.NONE}


class PortTable(LineView):
    """All ports: filtered, sorted, grouped and marked as the user likes."""

    DEFAULT_CSS = """
    PortTable { height: 1fr; }
    """

    class Settled(Message):
        """Lines have moved: another port may be under the cursor, another number be shown."""

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - Textual's name
        record: Callable[[Sequence[Event]], None],
        clock: Callable[[], float],
    ) -> None:
        """Begin without ports.

        Args:
            id: of the widget.
            record: makes what the user does part of the session.
            clock: seconds since the Unix epoch.
        """
        super().__init__(id=id)
        self.ports = PortList()
        self.with_host = False
        self.columns: frozenset[str] = DEFAULT
        self.waiting_hint = "Waiting for the first open port…"
        self.attention: Attention = KINDS[0]
        self.is_following = False
        self.missed = 0
        """How many findings there were since the user let go of following them."""
        self._has_let_go = False
        self._record = record
        self._clock = clock
        self._anchor: Item | None = None
        """What the cursor is on, wherever that goes."""
        self._above = 0
        self._touched = False
        self._frame = -1

    # What the pane says of itself

    @property
    def line_count(self) -> int:
        """How many lines the filter shows."""
        return len(self.ports)

    @property
    def entry(self) -> Entry | None:
        """The port that the cursor is on; on the heading of a host, its first port."""
        item = self._current()
        return self.ports.first_of(item) if isinstance(item, Group) else item

    @property
    def endpoint(self) -> Endpoint | None:
        """The port that the cursor is on."""
        entry = self.entry
        return None if entry is None else entry.port.endpoint

    def _current(self) -> Item | None:
        if self.ports.is_working and self._anchor is not None:
            return self._anchor
        return self.ports.item(self.cursor) if len(self.ports) else None

    def line_at(self, index: int) -> Line:
        """Draw a port, or the heading of a host."""
        item = self.ports.item(index)
        if isinstance(item, Group):
            return group_line(item, self.text_width)
        return row_line(item, self._layout(), self._symbol(item))

    def line_key(self, index: int) -> Hashable:
        """Return which state of which line it is."""
        item = self.ports.item(index)
        if isinstance(item, Group):
            return item.address, item.label, item.changes
        return item.place, item.changes, self._symbol(item)

    def heading(self) -> Line:
        """Draw the names of the columns."""
        return heading_line(self._layout(), self.ports.order, focused=self.has_focus)

    def hint(self) -> str:
        """Say why there is no port."""
        if self.ports.is_working:
            return "Looking…"
        if self.ports.filter and self.ports.total:
            return f"No port matches “{self.ports.filter.source}”. Esc clears the filter."
        return self.waiting_hint

    def _layout(self) -> Layout:
        # On the headings of groups, the host is named already.
        with_host = self.with_host and not self.ports.order.by_host
        return layout(self.text_width, self.columns, with_host=with_host)

    def _symbol(self, entry: Entry) -> str:
        if self._frame < 0 or entry.standing is not Standing.PROBING:
            return ""
        return _FRAMES[self._frame % len(_FRAMES)]

    # What happens

    def put(self, ports: Iterable[tuple[Port, Host | None]]) -> None:
        """Add ports, or show that they have changed; the cursor stays on its port."""
        ports = list(ports)
        before = [self.ports.entry(port.endpoint) for port, _ in ports]
        standings = [None if entry is None else entry.standing for entry in before]
        self._hold()
        if self.ports.put(ports):
            self._settle()
        elif self.ports.is_working:
            self._go_on_soon()
        else:
            self._refresh_changed({port.endpoint for port, _ in ports})
        self._follow([port.endpoint for port, _ in ports], standings)

    def _refresh_changed(self, endpoints: Collection[Endpoint]) -> None:
        for index in range(self.top, min(self.top + self.page, len(self.ports))):
            item = self.ports.item(index)
            if isinstance(item, Group) or item.port.endpoint in endpoints:
                self.refresh_index(index)

    def _hold(self) -> None:
        """Remember what the cursor is on, and where on the screen that is."""
        if not self.ports.is_working:
            self._anchor = self.ports.item(self.cursor) if len(self.ports) else None
            self._above = self.cursor - self.top

    def _settle(self) -> None:
        """Find what the cursor was on again, and keep it at its place on the screen."""
        self.fit()
        self.refresh()
        if self.ports.is_working or not len(self.ports):
            return
        if self._anchor is not None:
            self.cursor = self.ports.nearest(self._anchor) if self._touched else 0
            if self.top > 0 or self.cursor >= self.page:
                self.jump_to(self.cursor - self._above)
            self.reveal(self.cursor)

    def _begin(self, *, page: int) -> None:
        """Find so many lines; what else takes long, when these are on the screen."""
        end = time.perf_counter() + _SLICE
        if page:
            self.ports.work(lambda: len(self.ports) > page or time.perf_counter() >= end)
        if self.ports.is_working:
            self.fit()
            self.refresh()
            self.call_after_refresh(self._go_on)
        else:
            self._finish()

    def _finish(self) -> None:
        self._settle()
        self.post_message(self.Settled())

    def _go_on_soon(self) -> None:
        self.set_timer(_BREATH, self._go_on)

    def _go_on(self) -> None:
        """Do a slice of what takes long, and the next one when keys have had their turn."""
        if not self.ports.is_working:
            return
        end = time.perf_counter() + _SLICE
        before = self._seen()
        self.ports.work(lambda: time.perf_counter() >= end)
        if self.ports.is_working:
            self.fit()
            if self._seen() != before:  # which they mostly are not: a picture costs more than this
                self.refresh()
            self._go_on_soon()
        else:
            self._finish()

    def _seen(self) -> list[Item]:
        """The ports and headings in the lines that are seen."""
        last = min(self.top + self.page, len(self.ports))
        return [self.ports.item(index) for index in range(self.top, last)]

    def rest(self, seconds: float) -> bool:
        """Use a moment in which nothing happens to prepare the next filter; True if it is."""
        end = time.perf_counter() + seconds
        return self.ports.prepare(lambda: time.perf_counter() >= end)

    def set_with_host(self, *, with_host: bool) -> None:
        """Show or hide the column HOST."""
        if with_host != self.with_host:
            self.with_host = with_host
            self.forget()

    def animate_probing(self) -> None:
        """Show the next frame for the ports that are being asked."""
        self._frame += 1
        for index in range(self.top, min(self.top + self.page, len(self.ports))):
            item = self.ports.item(index)
            if isinstance(item, Entry) and item.standing is Standing.PROBING:
                self.refresh_index(index)

    # The cursor

    def select(self, endpoint: Endpoint) -> None:
        """Put the cursor on a port, if it is shown."""
        index = self.ports.index_of(endpoint)
        if index is not None:
            self._touched = True
            self.place_cursor(index)

    def bring(self, endpoint: Endpoint) -> None:
        """Put the cursor on a port, whatever hides it."""
        self._let_go()
        if self.ports.index_of(endpoint) is None:
            self.ports.reveal(endpoint)
            self._settle()
        self.select(endpoint)

    def _move_to(self, index: int) -> None:
        self._touched = True
        self._let_go()
        super()._move_to(index)

    def on_mouse_scroll_down(self, _: events.MouseScrollDown) -> None:
        """Let go of what is followed."""
        self._let_go()

    def on_mouse_scroll_up(self, _: events.MouseScrollUp) -> None:
        """Let go of what is followed."""
        self._let_go()

    # Following

    def _follow(self, endpoints: list[Endpoint], standings: list[Standing | None]) -> None:
        if not (self.is_following or self._has_let_go):
            return
        found = [
            endpoint
            for endpoint, before in zip(endpoints, standings, strict=True)
            if (entry := self.ports.entry(endpoint)) is not None
            and entry.standing in _FINDINGS
            and entry.standing is not before
        ]
        if self._has_let_go:
            self.missed += len(found)
        elif found:
            self.select(found[-1])

    def _let_go(self) -> None:
        if self.is_following:
            self.is_following = False
            self._has_let_go = True
            self.missed = 0

    @property
    def following_tag(self) -> str:
        """What the title says of following; nothing when nobody ever followed."""
        if self.is_following:
            return "FOLLOWING"
        return f"{self.missed:,} NEW" if self._has_let_go and self.missed else ""

    def action_follow(self) -> None:
        """Let the cursor go to each new finding, or no longer."""
        self.is_following = not self.is_following
        self._has_let_go = False
        self.missed = 0
        self._say(
            "Following the newest finding; moving the cursor or scrolling lets go."
            if self.is_following
            else "No longer following."
        )

    # What the user asks for

    def set_filter(self, chosen: Filter) -> None:
        """Show only the ports that a filter lets through."""
        self._hold()
        self._touched = self._touched or bool(chosen)
        self.ports.set_filter(chosen)
        self._begin(page=self.page)

    def values(self, field: str) -> Iterable[tuple[str, int]]:
        """Count what a sample of the ports has in a field of the filter language."""
        return Counter(map(field_text(field), self.ports.sample(_SAMPLE))).items()

    def restore_view(self, columns: Collection[str], order: Order) -> None:
        """Begin with the columns and the order of an earlier run, as far as they are known.

        Args:
            columns: ids; none: the default.
            order: of the ports, of which there are none yet.
        """
        known = BY_ID.keys() & set(columns)
        if known:
            self.columns = frozenset(known | ALWAYS)
        if order.column in BY_ID:
            self.ports.set_order(order)

    def show_columns(self, columns: Collection[str]) -> None:
        """Show these columns."""
        self.columns = frozenset(columns)
        self.forget()

    def toggle_group(self) -> bool:
        """Fold or unfold the host whose heading the cursor is on; return whether it is on one."""
        item = self._current()
        if not isinstance(item, Group) or self.ports.is_working:
            return False
        self._hold()
        self.ports.fold(item)
        self._settle()
        return True

    def _reorder(self, **changes: object) -> None:
        self._hold()
        self._touched = True
        self.ports.set_order(replace(self.ports.order, **changes))  # type: ignore[arg-type]
        self._strips.clear()
        if self.ports.is_working:
            self._begin(page=0)  # before all are sorted, there is nothing to see
        else:
            self._settle()

    def action_sort(self) -> None:
        """Sort by the next column that is shown."""
        shown = [column.id for column, _ in self._layout()]
        order = shown if "host" in shown else ["host", *shown]
        current = self.ports.order.column
        following = order.index(current) + 1 if current in order else 0
        self._sort_by(order[following % len(order)])

    def _sort_by(self, column: str) -> None:
        self._reorder(column=column, reverse=False)
        what = "host and port" if column == "host" else BY_ID[column].title
        self._say(f"Sorted by {what}; O reverses.")

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self._reorder(reverse=not self.ports.order.reverse)

    @on(LineView.ViewChosen)
    def _heading_clicked(self, event: LineView.ViewChosen) -> None:
        event.stop()
        if event.view == self.ports.order.column:
            self.action_reverse()
        else:
            self._sort_by(event.view)

    def action_by_host(self) -> None:
        """Keep the ports of each host together under a heading, or no longer."""
        self._reorder(by_host=not self.ports.order.by_host)
        if self.ports.order.by_host:
            self._say("Grouped by host; enter on a host folds and unfolds it.")

    # Marks and notes

    def action_mark(self) -> None:
        """Mark the port: to do, done, not at all."""
        entry = self._marked()
        if entry is not None:
            port = entry.port
            mark = _NEXT_MARK[port.mark]
            self._record([PortMarked(time=self._clock(), endpoint=port.endpoint, mark=mark)])

    def action_note(self) -> None:
        """Write a note on the port."""
        # Few write notes, and everybody waits for the first paint.
        from vscan_tui.tui.screens.note import NoteScreen  # noqa: PLC0415

        entry = self._marked()
        if entry is not None:
            endpoint = entry.port.endpoint
            screen = NoteScreen(str(endpoint), entry.port.note)
            self.app.push_screen(screen, partial(self._noted, endpoint))

    def _noted(self, endpoint: Endpoint, note: str | None) -> None:
        if note is not None:
            self._record([PortNoted(time=self._clock(), endpoint=endpoint, note=note)])

    def _marked(self) -> Entry | None:
        item = self._current()
        if isinstance(item, Entry):
            return item
        self._say("There is no port under the cursor." if item is None else "This is a host.")
        return None

    # Attention

    def action_attention(self, step: int) -> None:
        """Go to the next or previous port that wants attention."""
        wants = self.attention.wants
        index = self.ports.search(self.cursor, step, wants)
        if index is None:
            kind = self.attention.meaning
            self._say(f"Among those shown there are no {kind}. Another kind: a")
            return
        self._move_to(index)

    def action_attention_kind(self, number: int) -> None:
        """Choose what the keys for the next and previous port look for; -1 for the next kind."""
        if number < 0:
            number = (KINDS.index(self.attention) + 1) % len(KINDS)
        self.attention = KINDS[number]
        count = self.ports.count(self.attention.wants)
        self._say(f"n and N go to {self.attention.meaning}: {count:,}")

    def action_columns(self) -> None:
        """Choose the columns."""
        from vscan_tui.tui.screens.columns import ColumnsScreen  # noqa: PLC0415 - as above

        self.app.push_screen(ColumnsScreen(self.columns, self.show_columns))

    def _say(self, text: str) -> None:
        self.notify(text, timeout=2.5, markup=False)


def words_of(text: str) -> list[str]:
    """Split what was typed into lower-case words."""
    return list(chain.from_iterable(part.split() for part in text.lower().splitlines()))
