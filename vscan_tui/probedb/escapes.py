r"""Bytes written as in the payload of a probe line.

`\0 \a \b \f \n \r \t \v \xHH`, and before what is neither letter nor digit a backslash that
stands for nothing, as in `\\`; no others.  Source: what Nmap 7.93 sends.
"""

import re

_SIMPLE = {"0": 0x00, "n": 0x0A, "r": 0x0D, "t": 0x09}
_NAMES = {0x5C: "\\\\", **{byte: f"\\{name}" for name, byte in _SIMPLE.items()}}
"""What is written so; the others are only read."""
_KNOWN = {**_SIMPLE, "a": 0x07, "b": 0x08, "f": 0x0C, "v": 0x0B}
_HEX = re.compile(r"x[0-9A-Fa-f]{2}")
_BYTE = 0x100


class EscapeError(ValueError):
    """A text stands for no bytes; where (counted from 0) and why."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


def unescape(text: str) -> bytes:
    """Return the bytes that a text stands for; each character is one byte, as in Latin-1.

    Raises:
        EscapeError: an escape is not known, or a character is no byte.
    """
    out = bytearray()
    position = 0
    while position < len(text):
        character = text[position]
        if character != "\\":
            if ord(character) >= _BYTE:
                utf8 = "".join(f"\\x{byte:02x}" for byte in character.encode(errors="replace"))
                raise EscapeError(position, f"this character is no single byte; in UTF-8: {utf8}")
            out.append(ord(character))
            position += 1
            continue
        following = text[position + 1 : position + 2]
        if following in _KNOWN:
            out.append(_KNOWN[following])
            position += 2
        elif following.isascii() and following and not following.isalnum():
            out.append(ord(following))
            position += 2
        elif _HEX.match(text, position + 1):
            out.append(int(text[position + 2 : position + 4], 16))
            position += 4
        else:
            raise EscapeError(position, f"unknown escape \\{following} in the payload")
    return bytes(out)


def escape(data: bytes) -> str:
    """Write bytes so that `unescape` reads them again; all of it is printable ASCII."""
    return "".join(
        _NAMES.get(byte) or (chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02x}")
        for byte in data
    )
