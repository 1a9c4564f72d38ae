"""What lies over the bytes of a dump: groups, a near miss, search hits, the selection."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vscan_tui.events import Span
from vscan_tui.tui.rendering.line import Layer

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.search import Hits

_MAX_GROUP = 255


@dataclass(frozen=True, slots=True)
class Layers:
    """What lies over the bytes that went one way."""

    groups: tuple[Span | None, ...] = ()
    """The whole match, then each group."""
    met: tuple[Span, ...] = ()
    """What the nearest rule met, in order."""
    stops: tuple[int, ...] = ()
    """Where that rule stopped, in order."""
    parts: tuple[Span, ...] = ()
    """What the selected part of the regex met, in order."""
    hits: "Hits | None" = None
    hit: int = -1
    """The hit that was gone to."""
    selection: Span | None = None
    cursor: int = -1

    def owners(self, start: int, end: int) -> bytes:
        """Say for each byte of a range which group captured it; 0 for none.

        Where groups lie inside each other, it is the innermost.
        """
        owners = bytearray(end - start)
        for group, span in enumerate(self.groups[1 : _MAX_GROUP + 1], start=1):
            if span is not None and span[0] < end and span[1] > start:
                first, last = max(0, span[0] - start), min(end, span[1]) - start
                owners[first:last] = bytes([group]) * max(0, last - first)
        return bytes(owners)

    def over(self, start: int, end: int) -> list[Layer]:
        """Say for each byte of a range which layer is uppermost; the cursor is none of them."""
        found = [Layer.NONE] * (end - start)

        def paint(layer: Layer, span: Span) -> None:
            if span[0] < end and span[1] > start:
                first, last = max(start, span[0]) - start, min(end, span[1]) - start
                found[first:last] = [layer] * (last - first)

        for span in _within(self.met, start, end):
            paint(Layer.MET, span)
        for stop in _between(self.stops, start, end):
            paint(Layer.STOP, (stop, stop + 1))
        for span in _within(self.parts, start, end):
            paint(Layer.PART, span)
        if self.hits is not None:
            for number, span in self.hits.within(start, end):
                paint(Layer.CURRENT_HIT if number == self.hit else Layer.HIT, span)
        if self.selection is not None:
            paint(Layer.SELECTED, self.selection)
        return found

    def group_at(self, offset: int) -> int:
        """Return the innermost group that captured a byte; 0 for none."""
        return self.owners(offset, offset + 1)[0]

    def is_met(self, offset: int) -> bool:
        """Whether the nearest rule met a byte."""
        return any(True for _ in _within(self.met, offset, offset + 1))

    def is_part(self, offset: int) -> bool:
        """Whether the selected part of the regex met a byte."""
        return any(True for _ in _within(self.parts, offset, offset + 1))


def _within(spans: Sequence[Span], start: int, end: int) -> Iterator[Span]:
    """The ranges that have a byte in another; they are in order."""
    number = bisect_right(spans, start, key=lambda span: span[1])
    while number < len(spans) and spans[number][0] < end:
        yield spans[number]
        number += 1


def _between(places: Sequence[int], start: int, end: int) -> Sequence[int]:
    return places[bisect_left(places, start) : bisect_left(places, end)]
