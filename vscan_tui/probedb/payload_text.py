r"""Payloads as a person writes them: text with the escapes of probe lines, or hexadecimal digits.

A line with nothing but `---` stands between two payloads.  Line breaks are not
sent, so that a long payload can be laid out; a line break to be sent is `\n`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vscan_tui.probedb.escapes import EscapeError, escape, unescape

SEPARATOR = "---"
MAX_PAYLOAD_BYTES = 1024 * 1024
_DIGITS = frozenset("0123456789abcdefABCDEF")
_BETWEEN = frozenset(" \t:,")
_HEX_LINE = 16


class Form(StrEnum):
    """How payloads are written."""

    TEXT = "text"
    HEX = "hex"


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """What is wrong with a text, and where: line and column count from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class Payloads:
    """What a text stands for."""

    payloads: tuple[bytes, ...]
    fault: PayloadFault | None = None
    """The first fault; the payloads are then those before it, and the part before it."""


def read_payloads(text: str, form: Form) -> Payloads:
    """Read payloads; a text without a character is one payload of no bytes."""
    payloads: list[bytes] = []
    current = bytearray()
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() == SEPARATOR:
            payloads.append(bytes(current))
            current.clear()
            continue
        try:
            current += unescape(line) if form is Form.TEXT else _from_hex(line)
        except EscapeError as error:
            before = line[: error.offset]
            current += unescape(before) if form is Form.TEXT else _from_hex(before)
            fault = PayloadFault(number, error.offset + 1, error.message)
            return Payloads((*payloads, bytes(current)), fault)
        if len(current) > MAX_PAYLOAD_BYTES:
            fault = PayloadFault(number, 1, f"a payload has at most {MAX_PAYLOAD_BYTES:,} bytes")
            return Payloads((*payloads, bytes(current[:MAX_PAYLOAD_BYTES])), fault)
    return Payloads((*payloads, bytes(current)))


def write_payloads(payloads: Sequence[bytes], form: Form) -> str:
    """Write payloads so that `read_payloads` reads them again."""
    return f"\n{SEPARATOR}\n".join(
        _written(payload) if form is Form.TEXT else _hex(payload) for payload in payloads
    )


def _written(payload: bytes) -> str:
    """Write a payload as text; a new line begins after each line break that is sent."""
    lines = payload.split(b"\n")
    texts = [escape(line + b"\n") for line in lines[:-1]]
    texts += [escape(lines[-1])] if lines[-1] or not texts else []
    # what would be read as a separator
    return "\n".join(text.replace("-", r"\x2d") if text == SEPARATOR else text for text in texts)


def _hex(payload: bytes) -> str:
    starts = range(0, len(payload), _HEX_LINE)
    return "\n".join(payload[start : start + _HEX_LINE].hex(" ") for start in starts)


def _from_hex(line: str) -> bytes:
    out = bytearray()
    position = 0
    while position < len(line):
        if line[position] in _BETWEEN:
            position += 1
        elif line[position] not in _DIGITS:
            raise EscapeError(position, f"{line[position]!r} is no hexadecimal digit")
        elif line[position + 1 : position + 2] not in _DIGITS:
            raise EscapeError(position, "a byte has two hexadecimal digits")
        else:
            out.append(int(line[position : position + 2], 16))
            position += 2
    return bytes(out)
