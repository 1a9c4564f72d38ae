r"""Lines of a dump: bytes as a hexdump, as text, or as C escapes.

Which group captured a byte is shown by its colour, by an underline, and by a
raised number before the group's first byte, so that it is seen without colour.
Where groups lie inside each other, the innermost is shown.  What else lies
over the bytes is told by `layers`; without colour, it stands in brackets.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from vscan_tui.events import Span
from vscan_tui.session.conversation import Read
from vscan_tui.tui.rendering.layers import Layers
from vscan_tui.tui.rendering.line import Layer, Line, Role, Run, superscript
from vscan_tui.tui.rendering.line_index import LEAST_WIDTH, LineIndex

_COLUMNS = (32, 16, 8)
_EIGHT = 8
_NEIGHBOURS = 64
"""Bytes before and after a line that are looked at to know what is to be hidden in it."""
_DIGITS_OF_OFFSET = 4
_ONE_DIGIT = 9
_BEYOND = "⁺"
"""Stands for the number of a group that has no room in a hexdump."""
READ_BORDER = "╎"
_STOP_MARK = "✗"
_BRACKETS = {
    Layer.MET: "()", Layer.PART: "{}", Layer.HIT: "<>", Layer.CURRENT_HIT: "«»",
    Layer.SELECTED: "[]",
}  # fmt: skip
_ESCAPES = {0: r"\0", 7: r"\a", 9: r"\t", 10: r"\n", 13: r"\r", 34: r"\"", 92: r"\\"}
_DIGITS = frozenset(b"0123456789")


class View(StrEnum):
    """How the bytes of a response are shown."""

    HEX = "hex"
    TEXT = "text"
    ESCAPES = "escapes"

    def following(self) -> "View":
        """Return the view that comes after this one, round and round."""
        views = list(View)
        return views[(views.index(self) + 1) % len(views)]


def byte_groups(length: int, spans: Sequence[Span | None]) -> bytes:
    """Say for every byte of a response which group captured it; 0 for none.

    `spans` holds the whole match first, then each group.  A group whose
    number does not fit in a byte is not shown.
    """
    owners = bytearray(length)
    for group, span in enumerate(spans[1:256], start=1):
        if span is not None:
            start, end = max(0, span[0]), min(length, span[1])
            owners[start:end] = bytes([group]) * max(0, end - start)
    return bytes(owners)


def escaped(data: bytes) -> str:
    """Write bytes as the inside of a C string, in printable ASCII."""
    return "".join(
        _escape(byte, data[index + 1] if index + 1 < len(data) else None)
        for index, byte in enumerate(data)
    )


def _escape(byte: int, following: int | None) -> str:
    if byte == 0 and following in _DIGITS:
        return r"\x00"  # \0 and a digit would be read as an octal number
    known = _ESCAPES.get(byte)
    if known is not None:
        return known
    return chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02x}"


def _shown(byte: int) -> str:
    return chr(byte) if 0x20 <= byte <= 0x7E else "."


_TEXT_WIDTHS = bytes(0 if byte == 0x0A else 1 for byte in range(256))
_ESCAPE_WIDTHS = bytes(len(_escape(byte, None)) for byte in range(256))
_ESCAPED = tuple(_escape(byte, None) for byte in range(256))
_SHOWN = tuple(_shown(byte) for byte in range(256))
_DOTTED = bytes(byte if 0x20 <= byte <= 0x7E else 0x2E for byte in range(256))
_ROLES = tuple(Role.PLAIN if 0x20 <= byte <= 0x7E else Role.DIM for byte in range(256))


def _text_widths(block: bytes, following: int | None) -> bytearray:
    widths = bytearray(block.translate(_TEXT_WIDTHS))
    place = block.find(b"\r\n")
    while place >= 0:
        widths[place] = 0
        place = block.find(b"\r\n", place + 2)
    if following == 0x0A and block.endswith(b"\r"):
        widths[-1] = 0
    return widths


def _escape_widths(block: bytes, following: int | None) -> bytearray:
    widths = bytearray(block.translate(_ESCAPE_WIDTHS))
    place = block.find(0)
    while place >= 0:
        after = block[place + 1] if place + 1 < len(block) else following
        widths[place] = len(_escape(0, after))
        place = block.find(0, place + 1)
    return widths


@dataclass(frozen=True, slots=True)
class Frame:
    """How the bytes that went one way are shown."""

    view: View
    width: int
    """Cells of a line."""
    digits: int
    """Digits of an offset."""
    columns: int
    """Bytes to a line of the hexdump."""
    has_brackets: bool = False
    """Whether layers stand in brackets, for a screen without colours."""

    @property
    def indent(self) -> int:
        """Cells before the first byte of a line."""
        return self.digits + 2


def frame(view: View, length: int, width: int, *, has_brackets: bool = False) -> Frame:
    """Return how so many bytes are shown in so many cells."""
    digits = max(_DIGITS_OF_OFFSET, len(f"{max(0, length - 1):x}"))
    return Frame(view, width, digits, hex_columns(width, digits), has_brackets)


def hex_columns(width: int, digits: int = _DIGITS_OF_OFFSET) -> int:
    """Return how many bytes a line of the hexdump has room for: 32, 16 or 8."""
    return next(
        (columns for columns in _COLUMNS if hex_width(columns, digits) <= width), _COLUMNS[-1]
    )


def hex_width(columns: int, digits: int = _DIGITS_OF_OFFSET) -> int:
    """Return how many cells a line of the hexdump takes."""
    return digits + columns * 3 + columns // _EIGHT + 2 + columns


ReadsIn = Callable[[int, int], Iterable[Read]]
"""The reads that begin in a range of bytes."""


class Part:
    """A range of bytes as lines, made when they are asked for."""

    def __init__(self, data: bytes | bytearray, span: Span, shape: Frame, reads: ReadsIn) -> None:
        """Show bytes.

        Args:
            data: may grow at its end.
            span: the range that is shown.
            shape: how they are shown.
            reads: tells where each read began.
        """
        self.data = data
        self.hide: Callable[[bytes], bytes] | None = None
        """Makes bytes of the same length in which nothing secret can be read."""
        self.begin, self.end = span
        self.frame = shape
        self._reads = reads

    @property
    def line_count(self) -> int:
        """How many lines are known."""
        raise NotImplementedError

    @property
    def is_complete(self) -> bool:
        """Whether all lines are known."""
        return True

    def grow(self, end: int) -> None:
        """Show more bytes."""
        self.end = end

    def advance(self, is_time_up: Callable[[], bool]) -> None:
        """Find lines until all are known, or the time is up."""

    def span(self, number: int) -> Span:
        """Return which bytes stand on a line."""
        raise NotImplementedError

    def line_of(self, offset: int) -> int | None:
        """Return the line on which a byte stands; None if it is not known yet."""
        raise NotImplementedError

    def runs(self, number: int, layers: Layers) -> list[Run]:
        """Draw a line, and at its end the reads that begin on it, if there is room."""
        start, end = self.span(number)
        reads = [read for read in self._reads(start, end) if read.offset >= start]
        runs = self._bytes(start, end, layers, {read.offset for read in reads if read.offset})
        room = self.frame.width - sum(len(run.text) for run in runs)
        note = _reads_note(reads, room - 1)
        if note:
            runs += [Run(" " * (room - len(note))), Run(note, Role.DIM)]
        return runs

    def _bytes(self, start: int, end: int, layers: Layers, borders: set[int]) -> list[Run]:
        raise NotImplementedError

    def offset_at(self, number: int, cell: int) -> int:
        """Return the byte that is drawn at a cell of a line, or the nearest to it."""
        raise NotImplementedError

    def text(self, start: int, end: int) -> str:
        """Write bytes the way this view shows them, for the clipboard."""
        return written(self.frame.view, bytes(self.data[start:end]))

    def shown_bytes(self, start: int, end: int) -> bytes:
        """Return the bytes of a line; what is hidden of them depends on their neighbours."""
        if self.hide is None:
            return bytes(self.data[start:end])
        before = max(0, start - _NEIGHBOURS)
        hidden = self.hide(bytes(self.data[before : end + _NEIGHBOURS]))
        return hidden[start - before : end - before]


def written(view: View, data: bytes) -> str:
    """Write bytes the way a view shows them, in one line of printable ASCII."""
    if view is View.HEX:
        return data.hex(" ")
    if view is View.ESCAPES:
        return escaped(data)
    # A line break that is pasted into a shell would run what stands before it.
    text = data.replace(b"\r\n", b" ").replace(b"\n", b" ")
    return "".join(_SHOWN[byte] for byte in text).strip()


def _reads_note(reads: Sequence[Read], room: int) -> str:
    if not reads:
        return ""
    first, last = reads[0], reads[-1]
    time = f"+{duration_text(first.seconds)}"
    numbers = f"{first.number}" if first is last else f"{first.number}-{last.number}"
    noun = "read" if first is last else "reads"
    texts = (f"{noun} {numbers} {time}", f"{numbers} {time}", time, time.replace(" ", ""))
    return next((text for text in texts if len(text) <= room), "")


def duration_text(seconds: float) -> str:
    """Write a short time in milliseconds, a long one in seconds."""
    if abs(seconds) < 9.9995:
        return f"{seconds * 1000:.{1 if abs(seconds) < 0.09995 else 0}f} ms"
    return f"{seconds:.1f} s"


class _Runs:
    """Joins what looks alike while a line is drawn."""

    __slots__ = ("_group", "_layer", "_role", "_text", "found")

    def __init__(self, *first: Run) -> None:
        self.found: list[Run] = list(first)
        self._text = ""
        self._role, self._group, self._layer = Role.PLAIN, 0, Layer.NONE

    def add(self, text: str, role: Role, group: int = 0, layer: Layer = Layer.NONE) -> None:
        if role is self._role and group == self._group and layer is self._layer:
            self._text += text
            return
        self.flush()
        self._text, self._role, self._group, self._layer = text, role, group, layer

    def flush(self) -> None:
        if self._text:
            self.found.append(Run(self._text, self._role, self._group, "", self._layer))
        self._text = ""

    def done(self) -> list[Run]:
        self.flush()
        return self.found


class HexPart(Part):
    """Bytes as offset, hexadecimal digits and characters."""

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        return -(-(self.end - self.begin) // self.frame.columns)

    def span(self, number: int) -> Span:
        """Return which bytes stand on a line."""
        start = self.begin + number * self.frame.columns
        return start, min(start + self.frame.columns, self.end)

    def line_of(self, offset: int) -> int | None:
        """Return the line on which a byte stands."""
        if not self.begin <= offset < self.end:
            return None
        return (offset - self.begin) // self.frame.columns

    def offset_at(self, number: int, cell: int) -> int:
        """Return the byte that is drawn at a cell of a line, or the nearest to it."""
        start, end = self.span(number)
        columns = self.frame.columns
        characters = hex_width(columns, self.frame.digits) - columns
        if cell >= characters - 1:
            column = max(0, cell - characters)
        else:
            eights, rest = divmod(max(0, cell - self.frame.digits), _EIGHT * 3 + 1)
            column = eights * _EIGHT + min(_EIGHT - 1, max(0, rest - 1) // 3)
        return min(start + column, end - 1)

    def _bytes(self, start: int, end: int, layers: Layers, borders: set[int]) -> list[Run]:
        shape = self.frame
        data = self.shown_bytes(start, end)
        before = min(start, 1)
        owners = layers.owners(start - before, end + 1)
        over = layers.over(start - before, end + 1)
        if not before:
            owners, over = b"\0" + owners, [Layer.NONE, *over]
        # owners[0] and over[0] are those of the byte before the line's first
        runs = _Runs(Run(f"{start:0{shape.digits}x}", Role.LABEL))
        cursor = layers.cursor - start
        whole = list(_alike(data, owners, over, cursor, frozenset()))
        inside = {at - start for at in borders}
        for first, last in _alike(data, owners, over, cursor, inside) if inside else whole:
            group, layer, role = owners[first + 1], over[first + 1], _ROLES[data[first]]
            shown = Layer.CURSOR if first == cursor else layer
            self._gap(runs, first, owners, over, is_border=start + first in borders)
            runs.add(_spaced(data, first, last), role, group, shown)
        rest = shape.columns - len(data)
        closing = _closing(over[len(data)], over[len(data) + 1]) if shape.has_brackets else " "
        if rest:
            blank = rest * 3 + (shape.columns // _EIGHT - -(-len(data) // _EIGHT))
            runs.add(closing + " " * (blank + 1), Role.PLAIN)
        else:
            runs.add(f"{closing} ", Role.PLAIN)
        for first, last in whole:
            shown = Layer.CURSOR if first == cursor else over[first + 1]
            text = data[first:last].translate(_DOTTED).decode("ascii")
            runs.add(text, _ROLES[data[first]], owners[first + 1], shown)
        return runs.done()

    def _gap(
        self, runs: "_Runs", column: int, owners: bytes, over: Sequence[Layer], *, is_border: bool
    ) -> None:
        """Draw what stands before a byte."""
        wide = column % _EIGHT == 0
        has_brackets = self.frame.has_brackets
        group, layer = owners[column + 1], over[column + 1]
        is_new = group and owners[column] != group
        if is_new or layer is Layer.STOP or is_border or has_brackets:
            closing = _closing(over[column], layer) if has_brackets and column else " "
            opening = _opening(over[column], layer) if has_brackets else " "
            _add_gap(
                runs,
                wide=wide,
                border=is_border,
                group=group if is_new else 0,
                marks=(closing, _STOP_MARK if layer is Layer.STOP else opening),
            )
            return
        goes_on = bool(column) and owners[column] == group
        runs.add(
            "  " if wide else " ",
            Role.PLAIN,
            group if goes_on else 0,
            layer if goes_on and over[column] is layer else Layer.NONE,
        )


def _alike(
    data: bytes, owners: bytes, over: Sequence[Layer], cursor: int, borders: Collection[int]
) -> Iterator[Span]:
    """Yield the stretches of a line that look alike; `owners` and `over` begin a byte before it."""
    first = 0
    roles = [_ROLES[byte] for byte in data]
    for column in range(1, len(data)):
        if (
            owners[column + 1] != owners[column]
            or over[column + 1] is not over[column]
            or roles[column] is not roles[column - 1]
            or over[column] is Layer.STOP
            or column == cursor
            or column - 1 == cursor
            or column in borders
        ):
            yield first, column
            first = column
    if data:
        yield first, len(data)


def _spaced(data: bytes, first: int, last: int) -> str:
    """Write bytes of a line in hexadecimal, with a wider gap after each eight columns."""
    if first // _EIGHT == (last - 1) // _EIGHT:
        return data[first:last].hex(" ")
    edges = [first, *range(first + _EIGHT - first % _EIGHT, last, _EIGHT), last]
    return "  ".join(data[start:end].hex(" ") for start, end in pairwise(edges))


def _closing(before: Layer, after: Layer) -> str:
    return _BRACKETS[before][1] if before is not after and before in _BRACKETS else " "


def _opening(before: Layer, after: Layer) -> str:
    return _BRACKETS[after][0] if before is not after and after in _BRACKETS else " "


def layer_sample(layer: Layer) -> str:
    """Write a byte as it stands under a layer where there are no colours."""
    if layer is Layer.STOP:
        return f"{_STOP_MARK}53"
    brackets = _BRACKETS.get(layer, "")
    return f"{brackets[:1]}53{brackets[1:]}"


def _add_gap(runs: _Runs, *, wide: bool, border: bool, group: int, marks: tuple[str, str]) -> None:
    """Draw what stands between two bytes: what ends, a border of reads, and what begins.

    Where there is one cell for it, a group's number comes first, then what
    begins or ends there, then the border, which is told in the legend too.
    """
    closing, begins = marks
    if group:
        begins = superscript(group) if group <= _ONE_DIGIT else _BEYOND
    if border and begins == " " and (wide or closing == " "):
        begins = READ_BORDER
    elif border and wide and closing == " ":
        closing = READ_BORDER
    ends_selection = closing == _BRACKETS[Layer.SELECTED][1] and not group
    if not wide:
        begins = closing if begins == " " or ends_selection else begins
    for mark in (closing, begins) if wide else (begins,):
        if mark == READ_BORDER:
            runs.add(mark, Role.RULE)
        elif mark == _STOP_MARK:
            runs.add(mark, Role.ALERT)
        else:
            runs.add(mark, Role.PLAIN, group if mark == begins else 0)


class TextPart(Part):
    """Bytes as text, or as C escapes, that break at newlines and at the edge."""

    def __init__(self, data: bytes | bytearray, span: Span, shape: Frame, reads: ReadsIn) -> None:
        """Show bytes; see `Part`."""
        super().__init__(data, span, shape, reads)
        is_text = shape.view is View.TEXT
        widths, widest = (_text_widths, 1) if is_text else (_escape_widths, 4)
        room = max(LEAST_WIDTH, shape.width - shape.indent - 1)  # the cursor on a line end
        self._index = LineIndex(data, span, room, widths, self._borders, widest=widest)

    def _borders(self, start: int, end: int) -> Iterable[int]:
        return [read.offset for read in self._reads(start, end) if read.offset]

    @property
    def line_count(self) -> int:
        """How many lines are known."""
        return len(self._index)

    @property
    def is_complete(self) -> bool:
        """Whether all lines are known."""
        return self._index.is_complete

    def grow(self, end: int) -> None:
        """Show more bytes."""
        super().grow(end)
        self._index.grow(end)

    def advance(self, is_time_up: Callable[[], bool]) -> None:
        """Find lines until all are known, or the time is up."""
        self._index.advance(is_time_up)

    def span(self, number: int) -> Span:
        """Return which bytes stand on a line."""
        return self._index[number]

    def line_of(self, offset: int) -> int | None:
        """Return the line on which a byte stands; None if it is not known yet."""
        return self._index.line_of(offset)

    def offset_at(self, number: int, cell: int) -> int:
        """Return the byte that is drawn at a cell of a line, or the nearest to it."""
        start, end = self.span(number)
        borders = set(self._borders(start, end))
        used = self.frame.indent
        for offset in range(start, end):
            used += len(self._character(offset)) + (offset in borders)
            if cell < used:
                return offset
        return end - 1

    def _bytes(self, start: int, end: int, layers: Layers, borders: set[int]) -> list[Run]:
        owners, over = layers.owners(start, end), layers.over(start, end)
        offset_text = f"{start:0{self.frame.digits}x}  "
        runs = _Runs(Run(offset_text, Role.LABEL))
        data = self.shown_bytes(start, end)
        is_text = self.frame.view is View.TEXT
        cursor = layers.cursor - start
        columns = {at - start for at in borders}
        for first, last in _alike(data, b"\0" + owners, [Layer.NONE, *over], cursor, columns):
            if first in columns:
                runs.add(READ_BORDER, Role.RULE)
            if is_text:
                following = self.data[start + last] if start + last < len(self.data) else 0
                text = _line_text(data[first:last], following)
            else:
                text = "".join(self._character(start + at) for at in range(first, last))
            if first == cursor:
                runs.add(text or "·", _ROLES[data[first]], owners[first], Layer.CURSOR)
            else:
                runs.add(text, _ROLES[data[first]], owners[first], over[first])
        return runs.done()

    def _character(self, offset: int) -> str:
        byte = self.data[offset]
        following = self.data[offset + 1] if offset + 1 < len(self.data) else None
        if self.frame.view is View.ESCAPES:
            return _escape(byte, following) if byte == 0 else _ESCAPED[byte]
        if byte == 0x0A or (byte == 0x0D and following == 0x0A):
            return ""
        return _SHOWN[byte]


def _line_text(data: bytes, following: int) -> str:
    """Write bytes as text without the end of a line."""
    if data.endswith(b"\n"):
        data = data.removesuffix(b"\n").removesuffix(b"\r")
    elif following == 0x0A:
        data = data.removesuffix(b"\r")
    return data.translate(_DOTTED).decode("ascii")


def part(
    data: bytes | bytearray, span: Span, shape: Frame, reads: ReadsIn = lambda _start, _end: ()
) -> Part:
    """Show a range of bytes."""
    made = HexPart if shape.view is View.HEX else TextPart
    return made(data, span, shape, reads)


def lines_of(shown: Part) -> list[Line]:
    """Draw all lines of a few bytes."""
    shown.advance(lambda: False)
    return [Line(tuple(shown.runs(number, Layers()))) for number in range(shown.line_count)]
