r"""How bytes are written down for use elsewhere: in C, in Python, in a probe database, ...

Everything that leaves here is printable ASCII, with line breaks only where a
notation has lines.
"""

import base64
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BYTES_PER_LINE = 16
_LINE_CHARACTERS = 76
"""As MIME breaks base64 (RFC 2045, section 6.8)."""
_NAMED_IN_C = {7: r"\a", 9: r"\t", 10: r"\n", 13: r"\r", 34: r"\"", 92: r"\\"}
_NAMED_IN_PROBES = {0: r"\0", 9: r"\t", 10: r"\n", 13: r"\r", 92: r"\\", 124: r"\x7c"}
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*\Z")
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")


def hex_text(data: bytes) -> str:
    """Write each byte as two hexadecimal digits, with spaces between."""
    return data.hex(" ")


def plain_text(data: bytes) -> str:
    """Write printable ASCII and line breaks as they are, any other byte as a dot."""
    return "\n".join(
        "".join(chr(byte) if 0x20 <= byte <= 0x7E else "." for byte in line)
        for line in _LINE_ENDS.split(data)
    )


def c_string(data: bytes) -> str:
    r"""Write a string literal of C.

    A literal ends and begins again where a digit would be read as part of the
    escape before it, and `??` never stands before another character, which
    old compilers would read as a trigraph (C17, 5.2.1.1 and 6.4.4.4).
    """
    parts: list[str] = ['"']
    after_hex = False
    for index, byte in enumerate(data):
        if after_hex and byte in _HEX_DIGITS:
            parts.append('" "')
        named = _NAMED_IN_C.get(byte)
        after_hex = named is None and not 0x20 <= byte <= 0x7E
        if named is not None:
            parts.append(named)
        elif after_hex:
            parts.append(f"\\x{byte:02x}")
        elif byte == 0x3F and index and data[index - 1] == 0x3F:
            parts.append(r"\?")
        else:
            parts.append(chr(byte))
    return "".join([*parts, '"'])


def python_bytes(data: bytes) -> str:
    """Write a bytes literal of Python."""
    return repr(data)


def probe_line(data: bytes, name: str = "", protocol: str = "tcp") -> str:
    r"""Write the line of a probe database that sends these bytes.

    Source: nmap-behaviour.md, "The probe database": the escapes are `\\`,
    `\0`, `\n`, `\r`, `\t` and `\xHH`, and no others.

    Args:
        data: the payload.
        name: of the probe; what is no name is replaced by one.
        protocol: tcp or udp.
    """
    payload = "".join(
        _NAMED_IN_PROBES.get(byte) or (chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02x}")
        for byte in data
    )
    return f"Probe {protocol.upper()} {name if _TOKEN.match(name) else 'Copied'} q|{payload}|"


def base64_text(data: bytes) -> str:
    """Write base64, in lines (RFC 4648, and RFC 2045 for the lines)."""
    text = base64.b64encode(data).decode("ascii")
    return "\n".join(textwrap.wrap(text, _LINE_CHARACTERS)) if text else ""


def hexdump_lines(data: bytes, first_offset: int = 0) -> Iterator[str]:
    """Write offset, bytes and characters, sixteen bytes to a line.

    Args:
        data: what to write.
        first_offset: of the first byte.
    """
    for start in range(0, len(data), BYTES_PER_LINE):
        line = data[start : start + BYTES_PER_LINE]
        halves = f"{line[:8].hex(' '):23}  {line[8:].hex(' '):23}"
        shown = "".join(chr(byte) if 0x20 <= byte <= 0x7E else "." for byte in line)
        yield f"{first_offset + start:08x}  {halves}  {shown}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where bytes that are written down come from."""

    offset: int = 0
    """Of the first byte in what it was cut from."""
    probe: str = ""
    """The probe that sent them, if they were sent."""
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Notation:
    """One way to write bytes."""

    key: str
    """The letter that chooses it."""
    name: str
    write: Callable[[bytes, Origin], str]


NOTATIONS = (
    Notation("h", "hex", lambda data, _: hex_text(data)),
    Notation("t", "text", lambda data, _: plain_text(data)),
    Notation("c", "C string", lambda data, _: c_string(data)),
    Notation("p", "Python bytes", lambda data, _: python_bytes(data)),
    Notation("l", "probe line", lambda data, at: probe_line(data, at.probe, at.protocol)),
    Notation("b", "base64", lambda data, _: base64_text(data)),
    Notation("d", "hexdump", lambda data, at: "\n".join(hexdump_lines(data, at.offset))),
)
"""All of them, in the order in which they are offered."""
