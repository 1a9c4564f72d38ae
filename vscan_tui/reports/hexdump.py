"""Bytes as lines of text for people: offset, hexadecimal, printable ASCII."""

from collections.abc import Iterator

BYTES_PER_LINE = 16


def hexdump_lines(data: bytes) -> Iterator[str]:
    """Yield `00000000  48 54 54 50 …  HTTP…`, without line ends."""
    half = BYTES_PER_LINE // 2
    for offset in range(0, len(data), BYTES_PER_LINE):
        chunk = data[offset : offset + BYTES_PER_LINE]
        left, right = chunk[:half].hex(" "), chunk[half:].hex(" ")
        shown = "".join(chr(byte) if 0x20 <= byte <= 0x7E else "." for byte in chunk)
        yield f"{offset:08x}  {left:<23}  {right:<23}  {shown}"
