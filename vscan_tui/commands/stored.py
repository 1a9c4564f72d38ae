"""Sessions from files: journals, packed or not, and reports of other programs."""

from collections.abc import Iterator
from pathlib import Path

from vscan_tui.commands.present import say
from vscan_tui.events import Event
from vscan_tui.session.importers.model import ImportFileError
from vscan_tui.session.importers.recognise import read_bytes, read_ports
from vscan_tui.session.importers.recording import events_of
from vscan_tui.session.importers.report import recording_of
from vscan_tui.session.journal import JournalError, JournalFault, check_journal, read_events
from vscan_tui.session.store import Store

FAULTS_TOLD = 5


def session_events(path: Path) -> Iterator[Event]:
    """Yield the events of a session; what in the file cannot be read is told at the end.

    Raises:
        JournalError: the file can be read neither as a journal nor as a report.
    """
    try:
        check_journal(path)
    except JournalError as error:
        yield from _reported_events(path, error)
        return
    faults: list[JournalFault] = []
    yield from read_events(path, faults)
    _tell(path, [(fault.line, fault.message) for fault in faults])


def session_store(path: Path) -> Store:
    """Return what a file tells, folded; see `session_events`."""
    store = Store()
    for event in session_events(path):
        store.apply(event)
    return store


def _reported_events(path: Path, error: JournalError) -> Iterator[Event]:
    try:
        imported = read_ports(read_bytes(path))
    except ImportFileError as problem:
        raise JournalError(str(problem)) from problem
    if not imported.ports and not imported.hosts:
        raise JournalError(f"{error}, and no report that is known here: it names no port")
    _tell(path, [(fault.line, fault.message) for fault in imported.faults])
    yield from events_of(recording_of(imported, lambda *_: None, ()))


def _tell(path: Path, faults: list[tuple[int, str]]) -> None:
    for line, message in faults[:FAULTS_TOLD]:
        say(f"vscan: {path}:{line}: left out: {message}")
    if len(faults) > FAULTS_TOLD:
        say(f"vscan: {path}: … and {len(faults) - FAULTS_TOLD} more left out")
