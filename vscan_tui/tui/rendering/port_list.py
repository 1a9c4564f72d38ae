"""The lines of the port table in order: sorted, filtered, grouped, and found again.

Whatever takes longer than a moment with 65,535 ports (a filter, another order)
is done by `work` in slices, while the table can be used.
"""

import heapq
import ipaddress
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from vscan_tui.events import Endpoint
from vscan_tui.session.filter import EVERYTHING, Filter
from vscan_tui.session.store import Host, Port
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.port_columns import BY_ID
from vscan_tui.tui.rendering.port_entry import UNPLACED, Entry, SortKey
from vscan_tui.tui.rendering.standing import Standing

_MANY = 64
"""From here on, sorting once is cheaper than putting lines in one by one."""
_STEP = 128
"""Ports between two chances to stop; a costly filter stops after each."""
_RUN = 4096
"""Ports that are sorted at once."""
_HEADING, _MEMBER, _HEADING_REVERSED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Order:
    """How the lines are sorted."""

    column: str = "host"
    """The id of a column; `host` stands for host, protocol and number."""
    reverse: bool = False
    by_host: bool = False
    """Whether the ports of each host are kept together, under a heading."""


class Group:
    """The heading of a host's ports."""

    __slots__ = ("address", "changes", "host", "is_folded", "key", "passing", "standings",
                 "total")  # fmt: skip

    def __init__(self, address: str, host: Host | None, key: SortKey) -> None:
        """Begin without ports."""
        self.address = address
        self.host = host
        self.key = key
        self.is_folded = False
        self.total = 0
        self.passing = 0
        self.standings: Counter[Standing] = Counter()
        self.changes = 0

    @property
    def label(self) -> str:
        """The host as Nmap names it."""
        return printable(self.host.label if self.host is not None else self.address)


Item = Entry | Group
_Sorted = TypeVar("_Sorted", bound=Item)


class PortList:
    """All ports in order, of which a filter and folded groups show some."""

    def __init__(self) -> None:
        self.filter: Filter = EVERYTHING
        self.order = Order()
        self.standings: Counter[Standing] = Counter()
        """How many ports, shown or not, stand how."""
        self.passing = 0
        """How many ports the filter lets through."""
        self._entries: dict[Endpoint, Entry] = {}
        self._all: list[Entry] = []
        self._shown: list[Item] = []
        self._groups: dict[str, Group] = {}
        self._folded: set[str] = set()
        self._hosts: dict[str, int] = {}
        self._value = BY_ID[self.order.column].value
        self._is_sorted = True
        self._work: Iterator[None] | None = None
        self._late: dict[Endpoint, Entry] = {}
        """Ports that came or changed while something was done that takes a while."""
        self._unprepared: dict[Endpoint, Entry] = {}

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def total(self) -> int:
        """How many ports there are, shown or not."""
        return len(self._entries)

    @property
    def is_working(self) -> bool:
        """Whether `work` has something to do before all lines are right."""
        return self._work is not None

    # Lines

    def item(self, index: int) -> Item:
        """Return the port, or the heading of a host, of a line."""
        shown = self._shown
        return shown[len(shown) - 1 - index if self.order.reverse else index]

    def index_of(self, endpoint: Endpoint) -> int | None:
        """Return the line of a port; None if it is not shown."""
        entry = self._entries.get(endpoint)
        return None if entry is None else self.index_of_item(entry)

    def index_of_item(self, item: Item) -> int | None:
        """Return the line of a port or heading; None if it is not shown."""
        position = _position(self._shown, item)
        return None if position is None else self._turned(position)

    def nearest(self, item: Item) -> int:
        """Return the line of an item, or that of the next one."""
        position = bisect_left(self._shown, item.key, key=_key)
        return max(0, self._turned(min(position, len(self._shown) - 1)))

    def _turned(self, position: int) -> int:
        return len(self._shown) - 1 - position if self.order.reverse else position

    def entry(self, endpoint: Endpoint) -> Entry | None:
        """Return a port, shown or not."""
        return self._entries.get(endpoint)

    def first_of(self, group: Group) -> Entry | None:
        """Return the first port of a host that the filter lets through."""
        return next((entry for entry in self._members(group) if entry.passes), None)

    def search(self, index: int, step: int, wanted: Callable[[Entry], bool]) -> int | None:
        """Return the next line with a wanted port, round and round.

        Args:
            index: the line to begin after.
            step: 1 for the next, -1 for the previous.
            wanted: says which.
        """
        count = len(self._shown)
        for distance in range(1, count + 1):
            candidate = (index + step * distance) % count
            item = self.item(candidate)
            if isinstance(item, Entry) and wanted(item):
                return candidate
        return None

    def count(self, wanted: Callable[[Entry], bool]) -> int:
        """Count the wanted ports among those shown."""
        return sum(isinstance(item, Entry) and wanted(item) for item in self._shown)

    def sample(self, size: int) -> Iterable[Entry]:
        """Return some of the ports, shown or not."""
        return islice(self._entries.values(), size)

    # Ports that come and change

    def put(self, ports: Iterable[tuple[Port, Host | None]]) -> bool:
        """Add ports, or take note that they have changed; return whether lines moved."""
        entries: list[Entry] = []
        for port, host in ports:
            endpoint = port.endpoint
            entry = self._entries.get(endpoint)
            if entry is None:
                entry = self._entries[endpoint] = Entry(port, host, self._place(endpoint))
            else:
                self.standings[entry.standing] -= 1
                entry.touch(port, host)
            self.standings[entry.standing] += 1
            self._unprepared[endpoint] = entry
            entries.append(entry)
        if self._work is not None:
            self._late.update((entry.port.endpoint, entry) for entry in entries)
            return False
        return self._settle(entries)

    def _settle(self, entries: Iterable[Entry]) -> bool:
        new: list[Entry] = []
        changed: list[Entry] = []
        for entry in entries:
            (new if entry.key is UNPLACED else changed).append(entry)
        moved = self._add(new)
        return self._renew(changed) or moved

    def _place(self, endpoint: Endpoint) -> int:
        """Order by host as a number, then TCP before UDP, then port number."""
        protocol = 0 if endpoint.protocol == "tcp" else 1
        return (self._host_place(endpoint.address) << 33) + (protocol << 32) + endpoint.port

    def _host_place(self, address: str) -> int:
        place = self._hosts.get(address)
        if place is None:
            try:
                parsed = ipaddress.ip_address(address)
            except ValueError:  # a damaged journal: after all real addresses
                place = (9 << 128) + len(self._hosts)
            else:
                place = (parsed.version << 128) + int(parsed)
            self._hosts[address] = place
        return place

    def _key_of(self, entry: Entry) -> SortKey:
        group = entry.place >> 33 if self.order.by_host else 0
        return group, _MEMBER, self._value(entry), entry.place

    def _add(self, entries: list[Entry]) -> bool:
        for entry in entries:
            entry.key = self._key_of(entry)
            entry.passes = self.filter.matches(entry)
            if self.order.by_host:
                _count(self._group(self._groups, entry), entry)
        _insert(self._all, entries)
        return self._show([entry for entry in entries if entry.passes])

    def _renew(self, entries: list[Entry]) -> bool:
        """Put ports that have changed where they belong now."""
        if self.order.by_host:
            for entry in entries:
                _count(self._group(self._groups, entry), entry)
        keys = [self._key_of(entry) for entry in entries]
        moving = sum(entry.key != key for entry, key in zip(entries, keys, strict=True))
        if moving > _MANY:
            self._sort()
            return False
        appearing: list[Entry] = []
        has_changed = False
        for entry, key in zip(entries, keys, strict=True):
            passes = self.filter.matches(entry)
            if key == entry.key and passes == entry.passes:
                continue
            has_changed = True
            if entry.passes:
                self._hide(entry)
            if key != entry.key:
                _remove(self._all, entry)
                entry.key = key
                insort(self._all, entry, key=_key)
            entry.passes = passes
            if passes:
                appearing.append(entry)
        self._show(appearing)
        return has_changed

    def _show(self, entries: list[Entry]) -> bool:
        """Show ports that the filter lets through now."""
        self.passing += len(entries)
        if not self.order.by_host:
            _insert(self._shown, entries)
            return bool(entries)
        visible: list[Item] = []
        for entry in entries:
            group = self._group(self._groups, entry)
            group.passing += 1
            group.changes += 1
            if group.passing == 1:
                visible.append(group)
            if not group.is_folded:
                visible.append(entry)
        _insert(self._shown, visible)
        return bool(visible)

    def _hide(self, entry: Entry) -> None:
        """Hide a port that the filter no longer lets through, or that is about to move."""
        self.passing -= 1
        _remove(self._shown, entry)
        if self.order.by_host:
            group = self._group(self._groups, entry)
            group.passing -= 1
            group.changes += 1
            if group.passing == 0:
                _remove(self._shown, group)

    def _group(self, groups: dict[str, Group], entry: Entry) -> Group:
        address = entry.port.endpoint.address
        group = groups.get(address)
        if group is None:
            rank = _HEADING_REVERSED if self.order.reverse else _HEADING
            group = Group(address, entry.host, (entry.place >> 33, rank, 0, 0))
            group.is_folded = address in self._folded
            groups[address] = group
        return group

    # What the user asks for

    def set_filter(self, chosen: Filter) -> None:
        """Show the ports that a filter lets through; `work` does it."""
        self.filter = chosen
        self._work = self._filtered() if self._is_sorted else self._resorted()

    def set_order(self, order: Order) -> None:
        """Sort in another way; `work` does it."""
        old, self.order = self.order, order
        self._value = BY_ID[order.column].value
        is_turned_only = not order.by_host and replace(old, reverse=order.reverse) == order
        if order != old and not is_turned_only:
            self._sort()

    def fold(self, group: Group) -> None:
        """Fold or unfold the ports of a host."""
        first = bisect_left(self._shown, (group.key[0], _MEMBER), key=_prefix)
        last = bisect_left(self._shown, (group.key[0], _MEMBER + 1), key=_prefix)
        if group.is_folded:
            self._folded.discard(group.address)
            self._shown[first:last] = [entry for entry in self._members(group) if entry.passes]
        else:
            self._folded.add(group.address)
            del self._shown[first:last]
        group.is_folded = not group.is_folded
        group.changes += 1

    def reveal(self, endpoint: Endpoint) -> None:
        """Take away whatever hides a port, at once: the filter, and the folding of its host."""
        self._folded.discard(endpoint.address)
        self.set_filter(EVERYTHING)
        while self.is_working:
            self.work(lambda: False)

    def _members(self, group: Group) -> list[Entry]:
        first = bisect_left(self._all, group.key[0], key=_group_key)
        last = bisect_left(self._all, group.key[0] + 1, key=_group_key)
        return self._all[first:last]

    # What takes a while

    def work(self, is_time_up: Callable[[], bool]) -> bool:
        """Go on with what takes a while; return whether lines moved."""
        if self._work is None:
            return False
        for _ in self._work:
            if is_time_up():
                return True
        return True

    def prepare(self, is_time_up: Callable[[], bool]) -> bool:
        """Make texts that a filter may look for words in, while there is nothing else to do.

        Returns:
            whether all are made.
        """
        while self._unprepared and self._work is None:
            for _ in range(min(len(self._unprepared), 16)):
                _ = self._unprepared.popitem()[1].text
            if is_time_up():
                break
        return not self._unprepared

    def _sort(self) -> None:
        self._is_sorted = False
        self._work = self._resorted()

    def _resorted(self) -> Iterator[None]:
        """Sort everything, then filter it."""
        entries = list(self._entries.values())
        runs: list[list[tuple[SortKey, Entry]]] = []
        for begin in range(0, len(entries), _RUN):
            run: list[tuple[SortKey, Entry]] = []
            for step in _steps(entries[begin : begin + _RUN], _STEP):
                run += [(self._key_of(entry), entry) for entry in step]
                yield
            run.sort(key=_first)
            runs.append(run)
            yield
        merged = heapq.merge(*runs, key=_first)
        ordered: list[tuple[SortKey, Entry]] = []
        while step_of_pairs := list(islice(merged, _STEP)):
            ordered += step_of_pairs
            yield
        self._all = [entry for _, entry in ordered]
        for key, entry in ordered:
            entry.key = key
        self._is_sorted = True
        yield from self._filtered()

    def _filtered(self) -> Iterator[None]:
        """Filter everything; the first lines are there at once, the others follow."""
        matches = self.filter.matches if self.filter else None
        self._shown, self._groups, self.passing = [], {}, 0
        last: Group | None = None
        for step in _steps(self._all, 1 if self.filter.is_costly else _STEP):
            for entry in step:
                entry.passes = matches is None or matches(entry)
            if self.order.by_host:
                last = self._append_by_host(step, last)
            else:
                passing = [entry for entry in step if entry.passes]
                self._shown += passing
                self.passing += len(passing)
            yield
        if last is not None and self.order.reverse:
            self._shown.append(last)
        self._work = None
        late, self._late = self._late, {}
        self._settle(late.values())

    def _append_by_host(self, entries: Iterable[Entry], last: Group | None) -> Group | None:
        """Append ports, which come in order, with the heading before them, or after if turned."""
        for entry in entries:
            group = self._group(self._groups, entry)
            _count(group, entry)
            if not entry.passes:
                continue
            self.passing += 1
            group.passing += 1
            if group is not last:
                heading = last if self.order.reverse else group
                if heading is not None:
                    self._shown.append(heading)
                last = group
            if not group.is_folded:
                self._shown.append(entry)
        return last


def _count(group: Group, entry: Entry) -> None:
    """Count a port among those of its host, with how it stands now."""
    if entry.counted_in is not group:
        entry.counted_in = group
        group.total += 1
    else:
        group.standings[entry.counted] -= 1
    entry.counted = entry.standing
    group.standings[entry.standing] += 1
    group.changes += 1


def _steps(entries: Sequence[Entry], size: int) -> Iterator[Sequence[Entry]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


def _key(item: Item) -> SortKey:
    return item.key


def _first(pair: tuple[SortKey, Entry]) -> SortKey:
    return pair[0]


def _prefix(item: Item) -> tuple[int, int]:
    return item.key[:2]


def _group_key(item: Item) -> int:
    return item.key[0]


def _position(items: Sequence[Item], item: Item) -> int | None:
    """Find an item where its key is; damaged journals may have several of one key."""
    position = bisect_left(items, item.key, key=_key)
    while position < len(items) and items[position].key == item.key:
        if items[position] is item:
            return position
        position += 1
    return None


def _remove(items: list[_Sorted], item: _Sorted) -> None:
    position = _position(items, item)
    if position is not None:
        del items[position]


def _insert(items: list[_Sorted], new: Sequence[_Sorted]) -> None:
    if len(new) > _MANY:
        # Ports are mostly found in order: what comes before the first new one stays as it is.
        start = bisect_left(items, min(map(_key, new)), key=_key)
        items[start:] = sorted([*items[start:], *new], key=_key)
    else:
        for item in new:
            insort(items, item, key=_key)
