"""A conversation as lines: the response alone, or with what was sent before it or beside it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from vscan_tui.events import Span
from vscan_tui.session.conversation import Conversation, Direction, Turn
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.exchange import unanswered_text
from vscan_tui.tui.rendering.hexdump import (
    Part,
    View,
    duration_text,
    frame,
    hex_width,
    part,
    written,
)
from vscan_tui.tui.rendering.layers import Layers
from vscan_tui.tui.rendering.line import Line, Role, Run, cut, cut_line

MAX_SHOWN = 8 * 1024 * 1024
"""Bytes of a response that are shown."""
_BETWEEN = " │ "
_RECEIVED, _SENT = Direction.RECEIVED, Direction.SENT
BESIDE_WIDTH = 2 * hex_width(8) + len(_BETWEEN)
"""From this width on, what was sent stands beside what came back."""
WIDE_BESIDE_WIDTH = hex_width(8) + len(_BETWEEN) + hex_width(16)
"""From this width on, the response loses nothing by it."""


class Arrangement(Enum):
    """What is shown of a conversation, and how."""

    RECEIVED = "the response alone"
    ABOVE = "what was sent above what came back"
    BESIDE = "what was sent beside what came back"


@dataclass(frozen=True, slots=True)
class Place:
    """A byte of a conversation."""

    direction: Direction
    offset: int


@dataclass(frozen=True, slots=True)
class _Band:
    """Parts that stand beside each other, under a heading of one line, if it has one."""

    parts: tuple[tuple[Direction, Part], ...]
    turn: Turn | None = None
    """The turn that the heading names; None for no heading."""

    @property
    def heading(self) -> int:
        return 0 if self.turn is None else 1

    @property
    def line_count(self) -> int:
        return self.heading + max(shown.line_count for _, shown in self.parts)


class Dump:
    """The lines of a conversation for one view and one width."""

    def __init__(
        self,
        conversation: Conversation,
        view: View,
        width: int,
        arrangement: Arrangement,
        *,
        has_brackets: bool = False,
        hide: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """Arrange a conversation.

        Args:
            conversation: its response may still grow; `grow` then takes that in.
            view: how bytes are shown.
            width: in cells.
            arrangement: what is shown.
            has_brackets: whether layers stand in brackets, for a screen without colours.
            hide: makes bytes of the same length in which nothing secret can be read.
        """
        self.conversation = conversation
        self.arrangement = arrangement
        self.view = view
        self._width = width
        self._has_brackets = has_brackets
        self._hide = hide
        self._bands = tuple(self._arranged())

    def _arranged(self) -> Iterator[_Band]:
        talk = self.conversation
        if self.arrangement is Arrangement.RECEIVED:
            yield _Band(((_RECEIVED, self._part(_RECEIVED, (0, self._end(None)), self._width)),))
            return
        left, right = self._widths()
        for turn in talk.turns:
            sent = (_SENT, self._part(_SENT, turn.sent, left))
            received = (_RECEIVED, self._part(_RECEIVED, (turn.begin, self._end(turn)), right))
            if self.arrangement is Arrangement.BESIDE:
                yield _Band((sent, received), turn)
            else:
                yield _Band((sent,), turn)
                yield _Band((received,), turn)

    def _widths(self) -> tuple[int, int]:
        """What was sent gets no more than it needs; it is mostly short."""
        if self.arrangement is not Arrangement.BESIDE:
            return self._width, self._width
        room = self._width - len(_BETWEEN)
        if self.view is not View.HEX:
            return room // 2, room - room // 2
        left = hex_width(8)
        if room >= 2 * hex_width(16):
            left = hex_width(16)
        return left, room - left

    def _part(self, direction: Direction, span: Span, width: int) -> Part:
        data = self.conversation.data(direction)
        shape = frame(self.view, len(data), width, has_brackets=self._has_brackets)
        if direction is _SENT:
            made = part(data, span, shape)
        else:
            made = part(data, span, shape, self.conversation.reads_from)
        made.hide = self._hide
        return made

    def _end(self, turn: Turn | None) -> int:
        talk = self.conversation
        return min(len(talk.received) if turn is None else talk.end(turn), MAX_SHOWN)

    # Lines

    @property
    def line_count(self) -> int:
        """How many lines are known."""
        return sum(band.line_count for band in self._bands)

    @property
    def is_complete(self) -> bool:
        """Whether all lines are known."""
        return all(shown.is_complete for _, shown in self._parts())

    @property
    def length(self) -> int:
        """How many bytes there are to show."""
        return sum(shown.end - shown.begin for _, shown in self._parts())

    def grow(self) -> bool:
        """Take in what came since; returns whether the lines must be arranged anew instead."""
        last = self._bands[-1].parts[-1][1]
        last.grow(self._end(None))
        return len(f"{max(0, last.end - 1):x}") > last.frame.digits

    def advance(self, is_time_up: Callable[[], bool]) -> None:
        """Find lines until all are known, or the time is up."""
        for _, shown in self._parts():
            if not shown.is_complete:
                shown.advance(is_time_up)
                if is_time_up():
                    return

    def line(self, row: int, layers: Mapping[Direction, Layers]) -> Line:
        """Draw a line."""
        band, number = self._band_at(row)
        if number < 0 and band.turn is not None:
            return self._heading(band, band.turn)
        runs: list[Run] = []
        for index, (direction, shown) in enumerate(band.parts):
            if index:
                runs.append(Run(_BETWEEN, Role.RULE))
            drawn = shown.runs(number, layers[direction]) if number < shown.line_count else []
            runs += drawn
            if index + 1 < len(band.parts):
                used = sum(len(run.text) for run in drawn)
                runs.append(Run(" " * (shown.frame.width - used)))
        return Line(tuple(runs), self.copied(row))

    def copied(self, row: int) -> str:
        """Write the bytes of a line the way they are shown."""
        spans = self.spans(row)
        if not spans:
            return ""
        direction, (start, end) = spans[-1]
        return written(self.view, bytes(self.conversation.data(direction)[start:end]))

    def spans(self, row: int) -> list[tuple[Direction, Span]]:
        """Return which bytes stand on a line."""
        band, number = self._band_at(row)
        return [
            (direction, shown.span(number))
            for direction, shown in band.parts
            if 0 <= number < shown.line_count
        ]

    def _heading(self, band: _Band, turn: Turn) -> Line:
        runs: list[Run] = []
        for index, (direction, shown) in enumerate(band.parts):
            text = _sent_text if direction is _SENT else _received_text
            if index:
                runs.append(Run(_BETWEEN, Role.RULE))
            width = shown.frame.width
            words = cut(text(turn, shown.end - shown.begin), width)
            runs.append(Run(words + " ", Role.LABEL))
            if len(words) < width:
                runs.append(Run("╌" * (width - len(words) - 1), Role.RULE))
        return cut_line(Line(tuple(runs)), self._width)

    # Places

    def row_of(self, place: Place) -> int | None:
        """Return the line on which a byte stands; None if it is not known yet, or not shown."""
        top = 0
        for band in self._bands:
            for direction, shown in band.parts:
                if direction is place.direction:
                    number = shown.line_of(place.offset)
                    if number is not None:
                        return top + band.heading + number
            top += band.line_count
        return None

    def place_in(self, row: int, wanted: Place) -> Place | None:
        """Return the byte of a line that stands below or above another, or nearest to it.

        None if the line has no bytes.
        """
        spans = self.spans(row)
        if not spans:
            return None
        column = self._column(wanted)
        same = [span for span in spans if span[0] is wanted.direction]
        direction, (start, end) = (same or spans)[0]
        return Place(direction, min(start + column, end - 1))

    def _column(self, place: Place) -> int:
        row = self.row_of(place)
        if row is None:
            return 0
        start = next(
            (span[0] for direction, span in self.spans(row) if direction is place.direction), 0
        )
        return place.offset - start

    def place_at(self, row: int, cell: int) -> Place | None:
        """Return the byte that is drawn at a cell, or the nearest of its line; None for none."""
        band, number = self._band_at(row)
        left = 0
        for index, (direction, shown) in enumerate(band.parts):
            right = left + shown.frame.width + len(_BETWEEN)
            if cell < right or index + 1 == len(band.parts):
                if not 0 <= number < shown.line_count:
                    return None
                return Place(direction, shown.offset_at(number, cell - left))
            left = right
        return None

    def beside(self, place: Place, step: int) -> Place | None:
        """Return the byte after or before one, in the order of the conversation; None at an end."""
        shown = [(direction, part) for direction, part in self._parts() if part.end > part.begin]
        for (way, this), (other_way, other) in pairwise(shown if step > 0 else shown[::-1]):
            edge = this.end - 1 if step > 0 else this.begin
            if way is place.direction and place.offset == edge:
                return Place(other_way, other.begin if step > 0 else other.end - 1)
        for direction, this in shown:
            inside = this.begin <= place.offset + step < this.end
            if direction is place.direction and inside:
                return Place(direction, place.offset + step)
        return None

    def end_of(self, direction: Direction) -> int:
        """Return how many bytes are shown of those that went one way."""
        ends = [shown.end for way, shown in self._parts() if way is direction]
        return max(ends, default=0)

    def first(self) -> Place | None:
        """Return the first byte of the response; what was sent if there is none."""
        for wanted in (_RECEIVED, _SENT):
            for direction, shown in self._parts():
                if direction is wanted and shown.end > shown.begin:
                    return Place(direction, shown.begin)
        return None

    def _parts(self) -> Iterator[tuple[Direction, Part]]:
        for band in self._bands:
            yield from band.parts

    def _band_at(self, row: int) -> tuple[_Band, int]:
        """The band of a line, and the number of the line in its parts; -1 for the heading."""
        for band in self._bands:
            if row < band.line_count:
                return band, row - band.heading
            row -= band.line_count
        raise IndexError(row)


def _sent_text(turn: Turn, length: int) -> str:
    probe = printable(turn.exchange.probe)
    return f"→ sent {length:,} B  {probe}" if length else f"→ sent nothing  {probe}"


def _received_text(turn: Turn, length: int) -> str:
    reads = len(turn.exchange.chunks)
    if not length or not reads:
        return f"← {unanswered_text(turn.exchange)}"
    first = duration_text(turn.exchange.chunks[0].time - turn.exchange.started)
    count = "1 read" if reads == 1 else f"{reads:,} reads"
    return f"← received {length:,} B  {count}, first +{first}"
