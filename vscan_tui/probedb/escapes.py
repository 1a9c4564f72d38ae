r"""Bytes written as in the payload of a probe line: `\\ \0 \n \r \t \xHH`, and no others.

Source: nmap-behaviour.md, "The probe database".
"""

import re

_SIMPLE = {"\\": 0x5C, "0": 0x00, "n": 0x0A, "r": 0x0D, "t": 0x09}
_NAMES = {byte: f"\\{name}" for name, byte in _SIMPLE.items()}
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
        if following in _SIMPLE and following:
            out.append(_SIMPLE[following])
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
