"""`vscan open FILE` and `vscan demo`: what was recorded, shown again."""

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vscan_tui.bundled import bundled
from vscan_tui.commands.present import Presentation, present, say
from vscan_tui.commands.status import ExitStatus
from vscan_tui.events import Warned
from vscan_tui.matching.investigation import Investigation
from vscan_tui.options.model import (
    DemoOptions,
    FingerprintOptions,
    OpenOptions,
    OutputOptions,
)
from vscan_tui.session.journal import JournalError, JournalFault, check_journal, read_events
from vscan_tui.session.replay import Replay

if TYPE_CHECKING:  # what is not needed for the first picture is imported when it is used
    from vscan_tui.probedb.combined import ProbeDatabases
    from vscan_tui.scanning.by_hand.requests import ByHand

_FAULTS_TOLD = 5
DEMO = "demo/real-servers.vscan.jsonl"
DEMO_SPEED = 12.0
"""So many times as fast as it happened: the whole recording takes some ten seconds."""
DEMO_LONGEST_GAP = 0.25
DEMO_NOTE = "A recording of real servers; nothing is sent. Scan your own: vscan 127.0.0.1"


def open_file(options: OpenOptions) -> int:
    """Show a journal; or what another program says of ports, or its fingerprints."""
    path = Path(options.file)
    try:
        check_journal(path)
    except JournalError as error:
        return _open_other(path, options, error)
    return show_journal(path, options.output, speed=options.speed)


def show_journal(path: Path, output: OutputOptions, *, speed: float | None = None) -> ExitStatus:
    """Show a journal, at once or in time, while it is being read.

    Args:
        path: a journal.
        output: how to show it.
        speed: so many times as fast as it happened; None for all at once.
    """
    from vscan_tui.session.recorder import Recorder  # noqa: PLC0415 - the demo records nothing

    faults: list[JournalFault] = []
    source = Replay(
        read_events(path, faults),
        speed=speed,
        longest_gap=math.inf,
        afterwards=lambda: _warnings(faults),
    )
    note = f"A recording; nothing is sent unless you say so: {path.name}"
    presentation = Presentation(
        output,
        note=note,
        recorder=Recorder(path, continues=True),
        investigation=Investigation(_databases),
        by_hand=_by_hand,
    )
    status = present(source, presentation)
    for fault in faults[:_FAULTS_TOLD]:
        say(f"vscan: {path}:{fault.line}: left out: {fault.message}")
    if len(faults) > _FAULTS_TOLD:
        say(f"vscan: {path}: … and {len(faults) - _FAULTS_TOLD} more lines left out")
    return status


def _databases() -> "ProbeDatabases":
    from vscan_tui.commands.databases import load_quietly  # noqa: PLC0415

    return load_quietly()


def _by_hand() -> "ByHand":
    from vscan_tui.commands.asking import by_hand  # noqa: PLC0415

    return by_hand()


def _warnings(faults: list[JournalFault]) -> Iterator[Warned]:
    if faults:
        what = "1 line" if len(faults) == 1 else f"{len(faults)} lines"
        first = faults[0]
        message = (
            f"{what} of the recording cannot be read; the first is {first.line}: {first.message}"
        )
        yield Warned(time=time.time(), message=message, partial=True)


def _open_other(path: Path, options: OpenOptions, error: JournalError) -> int:
    # A journal needs none of these, and everybody waits for the first paint.
    from vscan_tui.matching.recorded import RecordedMatcher  # noqa: PLC0415
    from vscan_tui.session.importers.model import ImportFileError  # noqa: PLC0415
    from vscan_tui.session.importers.pasted import decode_text, find_fingerprints  # noqa: PLC0415
    from vscan_tui.session.importers.recognise import read_bytes, read_ports  # noqa: PLC0415
    from vscan_tui.session.importers.recording import events_of  # noqa: PLC0415
    from vscan_tui.session.importers.report import recording_of  # noqa: PLC0415

    try:
        data = read_bytes(path)
    except ImportFileError:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    imported = read_ports(data)
    if not imported.ports:
        if next(find_fingerprints(decode_text(data)), None) is not None:
            from vscan_tui.commands.fingerprint import run_fingerprint  # noqa: PLC0415

            chosen = FingerprintOptions(files=(options.file,), output=options.output)
            return run_fingerprint(chosen, sys.stdin.buffer)
        say(f"vscan: {error}, and nothing else that is known here: it names no port")
        return ExitStatus.FAILED
    for fault in imported.faults[:_FAULTS_TOLD]:
        say(f"vscan: {path}:{fault.line}: {fault.message}")
    more = len(imported.faults) + imported.faults_left_out - _FAULTS_TOLD
    if more > 0:
        say(f"vscan: {path}: … and {more} more faults")
    databases = _databases()
    recording = recording_of(imported, RecordedMatcher(databases).match, databases.identities)
    note = f"This is what {path.name} says ({imported.kind}); nothing is sent."
    status = present(
        Replay(list(events_of(recording))),
        Presentation(
            options.output, note=note, investigation=Investigation(lambda: databases, _databases)
        ),
    )
    return ExitStatus.FAILED if imported.faults and status is ExitStatus.DONE else status


def demo(options: DemoOptions) -> ExitStatus:
    """Play the bundled recording at a lively speed."""
    path = bundled(DEMO)
    try:
        check_journal(path)
    except JournalError as error:
        say(f"vscan: the recording is missing from this installation: {error}")
        return ExitStatus.FAILED
    source = Replay(read_events(path), speed=DEMO_SPEED, longest_gap=DEMO_LONGEST_GAP)
    investigation = Investigation(_databases)
    return present(
        source, Presentation(options.output, note=DEMO_NOTE, investigation=investigation)
    )
