"""Journals for the tests of what is done with sessions."""

from collections.abc import Iterable
from pathlib import Path

from vscan_tui.events import Event
from vscan_tui.session.journal import encode, header_line


def write_journal(path: Path, *parts: Event | Iterable[Event]) -> str:
    """Write a journal; returns its name."""
    events: list[Event] = []
    for part in parts:
        events += [part] if isinstance(part, Event) else part
    path.write_bytes(header_line() + b"".join(map(encode, events)))
    return str(path)
