"""`vscan open FILE` and `vscan demo`: a recorded scan, shown again."""

from pathlib import Path

from vscan_tui.bundled import bundled
from vscan_tui.commands.databases import load_quietly
from vscan_tui.commands.present import Presentation, present, say
from vscan_tui.commands.status import ExitStatus
from vscan_tui.matching.investigation import Investigation
from vscan_tui.matching.matcher import Matcher
from vscan_tui.options.model import DEFAULT_INTENSITY, DemoOptions, OpenOptions
from vscan_tui.scanning.by_hand import ByHand, Means
from vscan_tui.scanning.matching_thread import MatchingThread
from vscan_tui.scanning.transport import AsyncioTransport
from vscan_tui.session.journal import JournalError, JournalFault, read_events
from vscan_tui.session.recorder import Recorder
from vscan_tui.session.replay import Replay

DEMO = "demo/real-servers.vscan.jsonl"
DEMO_SPEED = 12.0
"""So many times as fast as it happened: the whole recording takes some ten seconds."""
DEMO_LONGEST_GAP = 0.25
DEMO_NOTE = "A recording of real servers; nothing is sent. Scan your own: vscan 127.0.0.1"


def open_journal(options: OpenOptions) -> ExitStatus:
    """Show a journal at once."""
    path = Path(options.file)
    faults: list[JournalFault] = []
    try:
        events = list(read_events(path, faults))
    except JournalError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    for fault in faults[:5]:
        say(f"vscan: {path}:{fault.line}: left out: {fault.message}")
    if len(faults) > 5:
        say(f"vscan: {path}: … and {len(faults) - 5} more lines left out")
    note = f"This is a recording, {path.name}; nothing is sent."
    investigation = Investigation(load_quietly)
    recorder = Recorder(path, continues=True)
    presentation = Presentation(
        options.output,
        note=note,
        recorder=recorder,
        investigation=investigation,
        by_hand=ByHand(_means),
    )
    status = present(Replay(events), presentation)
    return ExitStatus.FAILED if faults and status is ExitStatus.DONE else status


def demo(options: DemoOptions) -> ExitStatus:
    """Play the bundled recording at a lively speed."""
    path = bundled(DEMO)
    try:
        events = list(read_events(path))
    except JournalError as error:
        say(f"vscan: the recording is missing from this installation: {error}")
        return ExitStatus.FAILED
    source = Replay(events, speed=DEMO_SPEED, longest_gap=DEMO_LONGEST_GAP)
    investigation = Investigation(load_quietly)
    return present(
        source, Presentation(options.output, note=DEMO_NOTE, investigation=investigation)
    )


def _means() -> Means:
    """What it takes to ask a port of a recording once more."""
    databases = load_quietly()
    matching = MatchingThread(Matcher(databases))
    return Means(databases, AsyncioTransport(), matching, DEFAULT_INTENSITY)
