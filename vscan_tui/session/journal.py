"""A scan on disk: JSON lines, one event a line, in the order in which they happened.

The first line says what the file is and in which version of the format; every
other line is one event of `vscan_tui.events`.  `vscan_tui.session.recorder` writes it
as the scan runs; it is readable up to its last whole line at any moment.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import msgspec
import platformdirs

from vscan_tui.events import Event
from vscan_tui.session.packing import PACKED_SUFFIX, is_packed, unpacked

FORMAT_VERSION = 1
SUFFIX = ".vscan.jsonl"
MAX_LINE_BYTES = 16 * 1024 * 1024
_BLOCK_BYTES = 128 * 1024
"""So much is decoded at once, which takes half a millisecond."""
_APP_NAME = "vscan"
_MAX_NAME = 60


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    journal: str
    version: int


class JournalError(Exception):
    """A file cannot be read as a journal; the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class JournalFault:
    """A line that could not be read, counted from 1."""

    line: int
    message: str


_event_decoder = msgspec.json.Decoder(Event)
_header_decoder = msgspec.json.Decoder(Header, strict=True)


def journal_folder() -> Path:
    """Where journals are kept: a folder in the user's state directory."""
    return Path(platformdirs.user_state_dir(_APP_NAME)) / "journals"


def journal_path(folder: Path, subject: str, when: float, *, packed: bool = False) -> Path:
    """A file name that tells when and what, and nothing that a file name must not hold."""
    suffix = SUFFIX + PACKED_SUFFIX if packed else SUFFIX
    stamp = datetime.fromtimestamp(when, UTC).astimezone().strftime("%Y%m%d-%H%M%S")
    words = re.sub(r"[^A-Za-z0-9.-]+", "-", subject).strip("-.")[:_MAX_NAME] or "scan"
    path = folder / f"{stamp}-{words}{suffix}"
    number = 2
    while path.exists():
        path = folder / f"{stamp}-{words}-{number}{suffix}"
        number += 1
    return path


def encode(event: Event) -> bytes:
    """One event as one line."""
    return msgspec.json.encode(event) + b"\n"


def decode(lines: bytes) -> list[Event]:
    """The events of whole lines.

    Raises:
        ValueError: a line is no event.
    """
    return _event_decoder.decode_lines(lines)


def header_line() -> bytes:
    """Return the first line of a journal of this version."""
    return msgspec.json.encode(Header("vscan", FORMAT_VERSION)) + b"\n"


def read_events(
    path: Path, faults: list[JournalFault] | None = None, content: BinaryIO | None = None
) -> Iterator[Event]:
    """Read the events of a journal, in order; one that is packed with gzip is unpacked.

    Lines that cannot be read are left out and noted in `faults`; the last line
    may have been cut off by whatever ended the scan.

    Args:
        path: the journal.
        faults: takes what cannot be read.
        content: what is in the file, if it is at hand; else it is opened.

    Raises:
        JournalError: the file cannot be read, or is no journal that this version knows.
    """
    noted = [] if faults is None else faults
    try:
        with content or path.open("rb") as file:
            lines = lines_of(file)
            _check_header(path, next(lines, b""))
            number = 2
            for block in _blocks(lines):
                yield from _decoded(block, number, noted)
                number += len(block)
    except OSError as error:
        raise JournalError(f"{path}: cannot read it: {error.strerror or error}") from error


def check_journal(path: Path) -> None:
    """Read the first line only.

    Raises:
        JournalError: the file cannot be read, or is no journal that this version knows.
    """
    try:
        with path.open("rb") as file:
            _check_header(path, next(lines_of(file), b""))
    except OSError as error:
        raise JournalError(f"{path}: cannot read it: {error.strerror or error}") from error


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, packed or not; one that is longer than any event is cut in pieces."""
    if not is_packed(file.peek(2) if isinstance(file, BufferedReader) else b""):
        while line := file.readline(MAX_LINE_BYTES):
            yield line
        return
    rest = b""
    for part in unpacked(file):
        *lines, rest = (rest + part).split(b"\n")
        yield from lines
        if len(rest) > MAX_LINE_BYTES:
            yield rest
            rest = b""
    if rest:
        yield rest


def _blocks(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    block, size = list[bytes](), 0
    for line in lines:
        block.append(line)
        size += len(line)
        if size >= _BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _decoded(block: list[bytes], number: int, faults: list[JournalFault]) -> Iterable[Event]:
    """The events of some lines, the first of which has this number."""
    try:
        # At once: a line at a time takes twice as long.
        events = _event_decoder.decode_lines(b"\n".join(block))
    except (ValueError, RecursionError):
        pass
    else:
        if len(events) == len(block):
            return events
    return list(_decoded_singly(block, number, faults))


def _decoded_singly(block: list[bytes], number: int, faults: list[JournalFault]) -> Iterator[Event]:
    for place, line in enumerate(block, start=number):
        if not line.strip():
            continue
        try:
            yield _event_decoder.decode(line)
        except (ValueError, RecursionError) as error:
            faults.append(JournalFault(place, str(error)))


def _check_header(path: Path, line: bytes) -> None:
    if not line:
        raise JournalError(f"{path}: is empty: the program ended before anything happened")
    try:
        header = _header_decoder.decode(line)
    except (msgspec.MsgspecError, ValueError) as error:
        raise JournalError(
            f"{path}: this is no vscan journal (its first line does not say so)"
        ) from error
    if header.journal != "vscan" or header.version > FORMAT_VERSION:
        raise JournalError(
            f"{path}: a journal of format {header.journal} {header.version}; "
            f"this program reads vscan 1 to {FORMAT_VERSION}: use a newer one"
        )
