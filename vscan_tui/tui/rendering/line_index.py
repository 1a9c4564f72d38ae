"""Where the lines of a text begin, found piece by piece.

A hexdump needs no index: its lines follow from their number.  Text breaks
where the bytes say so, and 8 MiB of it take a while to look through; so it is
done a piece at a time, and what is known already can be shown.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

from vscan_tui.events import Span

Widths = Callable[[bytes, int | None], bytearray]
"""Bytes, and the byte that follows them, to the cells that each of them takes."""

_BLOCK = 16_384
LEAST_WIDTH = 8
_NEWLINE = b"\n"


class LineIndex:
    """The lines of a range of bytes for one width."""

    def __init__(
        self,
        data: bytes | bytearray,
        span: Span,
        width: int,
        widths: Widths,
        marked: Callable[[int, int], Iterable[int]],
        *,
        widest: int,
    ) -> None:
        """Begin with nothing known.

        Args:
            data: may grow at its end.
            span: the range that is broken into lines.
            width: of a line in cells; at least `LEAST_WIDTH`.
            widths: how wide bytes are; at least 1 cell, but before or at the end of a line.
            marked: tells which bytes of a range have a mark of one cell before them.
            widest: the most cells that a byte takes.
        """
        self._data = data
        self.begin, self.end = span
        self._width = max(LEAST_WIDTH, width)
        self._widths = widths
        self._marked = marked
        self._widest = widest
        self._starts = array("q", [self.begin] if self.end > self.begin else [])
        self._done = self.begin

    @property
    def is_complete(self) -> bool:
        """Whether every line is known."""
        return self._done >= self.end

    @property
    def known(self) -> int:
        """Up to which byte all lines are known."""
        return self.end if self.is_complete else self._starts[-1]

    def __len__(self) -> int:
        return len(self._starts) if self.is_complete else len(self._starts) - 1

    def __getitem__(self, number: int) -> Span:
        last = number + 1 == len(self._starts)
        return self._starts[number], self.end if last else self._starts[number + 1]

    def line_of(self, offset: int) -> int | None:
        """Return the line on which a byte stands; None if it is not known yet."""
        if not self.begin <= offset < self.known:
            return None
        return bisect_right(self._starts, offset) - 1

    def grow(self, end: int) -> None:
        """Take more bytes in; the last line may go on with them."""
        if not self._starts and end > self.begin:
            self._starts.append(self.begin)
        self.end = max(self.end, end)

    def advance(self, is_time_up: Callable[[], bool]) -> None:
        """Find lines until all are known, or the time is up; always some."""
        while not self.is_complete:
            begin = self._starts[-1]
            block = bytes(self._data[begin : min(begin + _BLOCK, self.end)])
            is_last = begin + len(block) == self.end
            for end in self._ends(block, begin, is_last=is_last):
                if begin + end < self.end:
                    self._starts.append(begin + end)
            if is_last:
                self._done = self.end
            if is_time_up():
                break

    def _ends(self, block: bytes, begin: int, *, is_last: bool) -> Iterator[int]:
        """Yield where the lines of a block end that cannot go on behind it."""
        after = begin + len(block)
        marked = set(self._marked(begin, after))
        used: list[int] = []
        start = 0
        while start < len(block):
            newline = block.find(_NEWLINE, start)
            length = (newline if newline >= 0 else len(block)) - start
            if length * self._widest < self._width and not marked:
                end = newline + 1 if newline >= 0 else len(block)
            else:
                used = used or self._used(block, begin, marked)
                room = self._width + (used[start - 1] if start else 0)
                end = bisect_right(used, room, start)
                newline = block.find(_NEWLINE, start, end)
                if newline >= 0:
                    end = newline + 1
            if end == len(block) and newline < 0 and not is_last:
                return
            yield end
            start = end

    def _used(self, block: bytes, begin: int, marked: Iterable[int]) -> list[int]:
        """Return for each byte of a block how many cells it and all before it take."""
        after = begin + len(block)
        following = self._data[after] if after < len(self._data) else None
        widths = self._widths(block, following)
        for offset in marked:
            widths[offset - begin] += 1
        return list(accumulate(widths))
