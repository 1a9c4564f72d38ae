"""What a search found in a conversation, and which place of it is the current one."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vscan_tui.session.conversation import Direction
from vscan_tui.tui.rendering.dump import Place

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.search import Hits

_ORDER = (Direction.SENT, Direction.RECEIVED)


@dataclass(frozen=True, slots=True)
class Found:
    """All hits of a search: first those in what was sent, then those in the response."""

    text: str
    """What was typed."""
    hits: "Mapping[Direction, Hits]" = field(default_factory=dict)
    fault: str = ""
    """Why there was no search; empty if there was one."""
    is_searching: bool = False

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(len(hits) for hits in self.hits.values())

    @property
    def note(self) -> str:
        """Why there may be more; empty if these are all."""
        return next((hits.note for hits in self.hits.values() if hits.note), "")

    def place(self, number: int) -> Place:
        """Return where a hit begins; they count from 0."""
        for direction in _ORDER:
            hits = self.hits.get(direction)
            if hits is None:
                continue
            if number < len(hits):
                return Place(direction, hits[number][0])
            number -= len(hits)
        raise IndexError(number)

    def number_at(self, place: Place) -> int | None:
        """Return the number of the hit that a byte is part of, from 0."""
        hits = self.hits.get(place.direction)
        if hits is None:
            return None
        number = next((n for n, _ in hits.within(place.offset, place.offset + 1)), None)
        return None if number is None else self._before(place.direction) + number

    def after(self, place: Place, step: int) -> int | None:
        """Return the number of the next hit after a byte, or of the last before it; round."""
        if not self.count:
            return None
        hits = self.hits.get(place.direction)
        number = self._before(place.direction)
        if hits is not None:
            side = bisect_right if step > 0 else bisect_left
            number += side(hits.starts, place.offset)
        return (number if step > 0 else number - 1) % self.count

    def from_place(self, place: Place) -> int | None:
        """Return the number of the hit at a byte or of the next after it; round."""
        if not self.count:
            return None
        hits = self.hits.get(place.direction)
        number = self._before(place.direction)
        if hits is not None:
            number += bisect_right(hits.ends, place.offset)
        return number % self.count

    def in_direction(self, direction: Direction, number: int | None) -> int:
        """Return the number that a hit has among those of a direction; -1 if it is none."""
        if number is None:
            return -1
        own = number - self._before(direction)
        hits = self.hits.get(direction)
        return own if hits is not None and 0 <= own < len(hits) else -1

    def _before(self, direction: Direction) -> int:
        earlier = _ORDER[: _ORDER.index(direction)]
        return sum(len(self.hits[way]) for way in earlier if way in self.hits)
