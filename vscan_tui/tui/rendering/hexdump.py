r"""A response as lines: hexdump, text, or C escapes.

Which group captured a byte is shown by its colour, by an underline, and by a
raised number before the group's first byte, so that it is seen without colour.
Where groups lie inside each other, the innermost is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vscan_tui.events import Span
from vscan_tui.tui.rendering.line import Layer, Line, Role, Run, merged, superscript

_WIDE = 16
_NARROW = 8
_DIGITS_OF_OFFSET = 4
_ONE_DIGIT = 9
_BEYOND = "⁺"
"""Stands for the number of a group that has no room in a hexdump."""
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


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the lines of a response begin and end, for one view and width.

    Lines are made when they are asked for, so that only what is seen costs.
    """

    view: View
    response: bytes
    owners: bytes
    columns: int
    """Bytes to a line of the hexdump."""
    digits: int
    """Digits of an offset in the hexdump."""
    ranges: tuple[Span, ...] = ()
    """The bytes of each line; empty for a hexdump, where it follows from `columns`."""
    laid_over: tuple[tuple[Span, Layer], ...] = ()
    """What a rule made of the bytes; the last is the uppermost."""

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        if self.view is View.HEX:
            return -(-len(self.response) // self.columns)
        return len(self.ranges)

    def byte_range(self, index: int) -> Span:
        """Return which bytes stand on a line."""
        if self.view is View.HEX:
            start = index * self.columns
            return start, min(start + self.columns, len(self.response))
        return self.ranges[index]

    def line_of(self, offset: int) -> int:
        """Return the line on which a byte stands."""
        if self.view is View.HEX:
            return offset // self.columns
        low, high = 0, len(self.ranges)
        while high - low > 1:
            middle = (low + high) // 2
            if self.ranges[middle][0] <= offset:
                low = middle
            else:
                high = middle
        return low

    def line(self, index: int) -> Line:
        """Draw one line."""
        start, end = self.byte_range(index)
        if self.view is View.HEX:
            return self._hex_line(start, end)
        runs = [
            Run(
                self._character(offset),
                self._role(offset),
                self.owners[offset],
                layer=self._layer(offset),
            )
            for offset in range(start, end)
        ]
        return Line(merged(runs), self.text(start, end))

    def text(self, start: int, end: int) -> str:
        """Write bytes the way this view shows them, for the clipboard."""
        data = self.response[start:end]
        if self.view is View.HEX:
            return data.hex(" ")
        if self.view is View.ESCAPES:
            return escaped(data)
        # A line break that is pasted into a shell would run what stands before it.
        text = "".join(" " if byte == 0x0A else _shown(byte) for byte in data if byte != 0x0D)
        return text.strip()

    def _role(self, offset: int) -> Role:
        printable = 0x20 <= self.response[offset] <= 0x7E
        return Role.PLAIN if printable else Role.DIM

    def _layer(self, offset: int) -> Layer:
        for (start, end), layer in reversed(self.laid_over):
            if start <= offset < end:
                return layer
        return Layer.NONE

    def _character(self, offset: int) -> str:
        if self.view is View.TEXT:
            byte = self.response[offset]
            return "" if byte in b"\r\n" else _shown(byte)
        following = self.response[offset + 1] if offset + 1 < len(self.response) else None
        return _escape(self.response[offset], following)

    def _hex_line(self, start: int, end: int) -> Line:
        owners = self.owners
        runs = [Run(f"{start:0{self.digits}x}", Role.LABEL)]
        for offset in range(start, start + self.columns):
            before = " " if offset % _NARROW else "  "
            if offset >= end:
                runs.append(Run(before + "  "))
                continue
            group = owners[offset]
            continued = offset > 0 and owners[offset - 1] == group
            if group and not continued:
                mark = superscript(group) if group <= _ONE_DIGIT else _BEYOND
                runs.append(Run(before[1:]))
                runs.append(Run(mark, Role.PLAIN, group))
            else:
                inside = group if continued and offset > start else 0
                runs.append(Run(before, Role.PLAIN, inside))
            shown = f"{self.response[offset]:02x}"
            runs.append(Run(shown, self._role(offset), group, layer=self._layer(offset)))
        runs.append(Run("  "))
        runs.extend(
            Run(
                _shown(self.response[offset]),
                self._role(offset),
                owners[offset],
                layer=self._layer(offset),
            )
            for offset in range(start, end)
        )
        return Line(merged(runs), self.text(start, end))


def hex_columns(width: int, digits: int = _DIGITS_OF_OFFSET) -> int:
    """Return how many bytes a line of the hexdump has room for: 16 or 8."""
    gap = 2
    needed = digits + _WIDE * 3 + _WIDE // _NARROW + gap + _WIDE
    return _WIDE if width >= needed else _NARROW


def layout(view: View, response: bytes, spans: Sequence[Span | None], width: int) -> Layout:
    """Lay out a response for a view and a width in cells."""
    owners = byte_groups(len(response), spans)
    digits = max(_DIGITS_OF_OFFSET, len(f"{max(0, len(response) - 1):x}"))
    columns = hex_columns(width, digits)
    if view is View.HEX:
        return Layout(view, response, owners, columns, digits)
    ranges: list[Span] = []
    start = used = 0
    width = max(4, width)
    for offset, byte in enumerate(response):
        if view is View.TEXT:
            cells = 0 if byte in b"\r\n" else 1
        else:
            following = response[offset + 1] if offset + 1 < len(response) else None
            cells = len(_escape(byte, following))
        if used + cells > width:
            ranges.append((start, offset))
            start, used = offset, 0
        used += cells
        if byte == 0x0A:
            ranges.append((start, offset + 1))
            start, used = offset + 1, 0
    if start < len(response):
        ranges.append((start, len(response)))
    return Layout(view, response, owners, columns, digits, tuple(ranges))
