"""The rows of the port table: sorted, filtered, and found again."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable

from vscan_tui.events import Endpoint
from vscan_tui.tui.rendering.port_row import PortRow, SortKey, Standing, sort_key

_MANY = 64
"""From here on, sorting once is cheaper than putting rows in one by one."""


class PortList:
    """All rows, in order, of which a filter shows some."""

    def __init__(self) -> None:
        self.words: tuple[str, ...] = ()
        """What is filtered for, in lower case."""
        self.standings: Counter[Standing] = Counter()
        """How many rows, shown or not, stand how."""
        self._rows: dict[SortKey, PortRow] = {}
        self._all: list[SortKey] = []
        self._shown: list[SortKey] = []

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def total(self) -> int:
        """How many rows there are, shown or not."""
        return len(self._all)

    def row(self, index: int) -> PortRow:
        """Return a shown row."""
        return self._rows[self._shown[index]]

    def index_of(self, endpoint: Endpoint) -> int | None:
        """Return where a port is shown; None if it is not."""
        key = sort_key(endpoint)
        index = bisect_left(self._shown, key)
        return index if index < len(self._shown) and self._shown[index] == key else None

    def nearest(self, endpoint: Endpoint) -> int:
        """Return where a port is shown, or would be, within the rows that are."""
        index = bisect_left(self._shown, sort_key(endpoint))
        return max(0, min(index, len(self._shown) - 1))

    def put(self, rows: Iterable[PortRow]) -> bool:
        """Add or replace rows; return whether others moved because of it."""
        added: list[SortKey] = []
        appearing: list[SortKey] = []
        moved = False
        for row in rows:
            key = sort_key(row.endpoint)
            old = self._rows.get(key)
            self._rows[key] = row
            self.standings[row.standing] += 1
            if old is not None:
                self.standings[old.standing] -= 1
            if old is None:
                added.append(key)
            if not self.words:
                continue
            was, now = old is not None and old.matches(self.words), row.matches(self.words)
            if now and not was:
                appearing.append(key)
            elif was and not now:
                del self._shown[bisect_left(self._shown, key)]
                moved = True
        _insert(self._all, added)
        if self.words:
            _insert(self._shown, appearing)
            return moved or bool(appearing)
        self._shown = self._all
        return bool(added)

    def filter(self, words: tuple[str, ...]) -> None:
        """Show the rows in which each of these words is found."""
        self.words = tuple(word.lower() for word in words)
        if self.words:
            rows = self._rows
            wanted = self.words
            self._shown = [key for key in self._all if rows[key].matches(wanted)]
        else:
            self._shown = self._all

    def unknown(self, index: int, step: int) -> int | None:
        """Return the next unknown port from a row on, round and round.

        Args:
            index: the row to begin after.
            step: 1 for the next, -1 for the previous.
        """
        count = len(self._shown)
        for distance in range(1, count + 1):
            candidate = (index + step * distance) % count
            if self.row(candidate).is_unknown:
                return candidate
        return None


def _insert(keys: list[SortKey], new: list[SortKey]) -> None:
    if len(new) > _MANY:
        keys.extend(new)
        keys.sort()
    else:
        for key in new:
            insort(keys, key)
