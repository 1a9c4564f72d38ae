"""Journals packed with gzip (RFC 1952), such that a program that is killed loses nothing.

What is written is flushed to a whole byte each time; a file may consist of
several members, one for each time it was continued; and what follows damage is
still read from the next member on.
"""

import os
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

PACKED_SUFFIX = ".gz"
_MAGIC = b"\x1f\x8b\x08"
_GZIP_WINDOW = 31
"""zlib's word for gzip's header and the largest window."""
_TRAILER = 8
"""Bytes of checksum and length that end a member."""
_CHUNK = 1 << 16
_LARGEST_PART = 1 << 20
"""Bytes that are unpacked at a time, however well they were packed."""
_LEVEL = 6


class Packer:
    """Packs bytes into one member of a gzip file."""

    def __init__(self) -> None:
        """Begin a member."""
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def pack(self, data: bytes) -> bytes:
        """Return bytes from which all that was given so far can be unpacked."""
        return self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    def compressed(self, data: bytes) -> bytes:
        """Pack without a flush: smaller, and only to be unpacked once the end is there."""
        return self._packer.compress(data)

    def end(self) -> bytes:
        """Return the end of the member."""
        return self._packer.flush(zlib.Z_FINISH)


def is_packed(beginning: bytes) -> bool:
    """Whether a file that begins so is packed."""
    return beginning.startswith(_MAGIC[:2])


def is_packed_name(path: Path) -> bool:
    """Whether a file of that name is to be packed."""
    return path.suffix == PACKED_SUFFIX


def unpacked(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a packed file holds, in parts.

    A member that is damaged or was cut off gives what comes before the damage;
    reading goes on with the next member that can be found.
    """
    for part, _ in _parts(file):
        if part:
            yield part


def is_cut_off(path: Path) -> bool:
    """Whether the last member has no end: something ended the program that wrote it.

    Raises:
        OSError: the file cannot be read.
    """
    is_whole = False
    with path.open("rb") as file:
        for _, has_ended in _parts(file):
            is_whole = has_ended
    return not is_whole


def mend(path: Path) -> None:
    """Pack anew what can be read of a file that was cut off, so that more can be appended.

    Raises:
        OSError: the file cannot be read, or not be written anew; then it is as it was.
    """
    unfinished = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    packer = Packer()
    try:
        with path.open("rb") as old, unfinished.open("xb") as new:
            os.chmod(unfinished, 0o600)  # noqa: PTH101 - as the journal itself
            last = b"\n"
            for part in unpacked(old):
                new.write(packer.compressed(part))
                last = part[-1:]
            new.write(packer.compressed(b"" if last == b"\n" else b"\n") + packer.end())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _parts(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Yield parts, and with each whether a member has just come to its end."""
    buffer, is_damaged = b"", False
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    begins_here = True
    while chunk := file.read(_CHUNK):
        buffer += chunk
        while buffer:
            if is_damaged:
                start = buffer.find(_MAGIC)
                if start < 0:
                    buffer = buffer[-len(_MAGIC) + 1 :]  # it may lie across two chunks
                    break
                buffer, is_damaged, begins_here = buffer[start:], False, True
                unpacker = zlib.decompressobj(_GZIP_WINDOW)
            before = unpacker.copy()
            try:
                part = unpacker.decompress(buffer, _LARGEST_PART)
            except zlib.error:
                part, read = _up_to_damage(before, buffer)
                yield part + b"\n", False  # what was cut off is a line of its own
                # The beginning of the next member may have been taken for the end of this one.
                buffer = buffer[max(read - _TRAILER, int(begins_here)) :]
                is_damaged = True
                continue
            yield part, unpacker.eof
            if unpacker.eof:
                buffer = unpacker.unused_data.lstrip(b"\x00")  # some pad with zeros
                unpacker, begins_here = zlib.decompressobj(_GZIP_WINDOW), True
            else:
                buffer, begins_here = unpacker.unconsumed_tail, False


def _up_to_damage(unpacker: "zlib._Decompress", data: bytes) -> tuple[bytes, int]:
    """Unpack byte by byte; returns what came out, and how many bytes were read."""
    out = bytearray()
    for index in range(len(data)):
        try:
            out += unpacker.decompress(data[index : index + 1], _LARGEST_PART)
        except zlib.error:
            return bytes(out), index
    return bytes(out), len(data)
