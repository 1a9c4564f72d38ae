"""`vscan [options] TARGET...`: a scan, recorded and shown."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vscan_tui.commands.consent import refused
from vscan_tui.commands.databases import load_quietly
from vscan_tui.commands.live_scan import discovery_of, discovery_of_known, live_scan
from vscan_tui.commands.present import WITHOUT_DASK, Presentation, present, say, wants_screen
from vscan_tui.commands.status import ExitStatus
from vscan_tui.commands.task import Task, prepared
from vscan_tui.options.model import ScanOptions
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.scanning.engine import PortDiscovery
from vscan_tui.scanning.targets.expressions import TargetError
from vscan_tui.session.journal import journal_folder, journal_path
from vscan_tui.session.recorder import RecordedSource, Recorder
from vscan_tui.session.source import EventSource

if TYPE_CHECKING:
    from vscan_tui.matching.investigation import Investigation
    from vscan_tui.scanning.by_hand.requests import ByHand


def scan(options: ScanOptions, words: tuple[str, ...]) -> ExitStatus:
    """Scan; `words` is the command line, for the record."""
    task = prepared(options)
    if isinstance(task, ExitStatus):
        return task
    if (refusal := refused(_hosts(task), may_be_many=options.may_be_many)) is not None:
        return refusal
    if task.known is not None and not task.known.ports:
        say("vscan: no port is left to be asked; nothing is sent.")
        return ExitStatus.FAILED
    if options.scheduler is not None:
        return _scan_with_workers(task, words, options.scheduler)
    discovery: PortDiscovery
    if task.known is None:
        discovery = discovery_of(task, task.target_list(), task.ports)
    else:
        discovery = discovery_of_known(task, task.known.ports)
    live = live_scan(task, words, discovery)
    source, recorder = _recorded(live, options)
    return shown(task, source, recorder, lambda: live.by_hand)


def _scan_with_workers(task: Task, words: tuple[str, ...], scheduler: str) -> ExitStatus:
    try:
        # The library is an extra, and takes its time.
        from vscan_tui.commands.cluster import ClusterError, connected  # noqa: PLC0415
        from vscan_tui.commands.sharded_scan import ShardedScan  # noqa: PLC0415
    except ImportError:
        say(f"vscan: {WITHOUT_DASK}")
        return ExitStatus.FAILED
    try:
        with connected(scheduler):
            pass  # what is wrong with it is said before anything begins
    except ClusterError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    source, recorder = _recorded(ShardedScan(task, words, scheduler), task.options)
    return shown(task, source, recorder, None)


def _hosts(task: Task) -> int:
    """How many hosts there are; names count as one each, and 0 if that cannot be told yet."""
    if task.known is not None:
        return len({port.host for port in task.known.ports})
    try:
        return asyncio.run(task.target_list().count())
    except TargetError:  # an exclusion that is unknown, which the scan tells of
        return 0


def shown(
    task: Task,
    source: EventSource,
    recorder: Recorder | None,
    by_hand: "Callable[[], ByHand] | None",
) -> ExitStatus:
    """Show a scan to its end, and report it."""
    options = task.options
    status = present(
        source,
        Presentation(
            options.output,
            recorder=recorder,
            trace=options.version_trace,
            investigation=_investigation(options, task.databases),
            by_hand=by_hand,
        ),
    )
    is_partial = task.known is not None and task.known.faults > 0
    return ExitStatus.FAILED if is_partial and status is ExitStatus.DONE else status


def _investigation(options: ScanOptions, databases: ProbeDatabases) -> "Investigation | None":
    if not wants_screen(options.output):
        return None
    from vscan_tui.matching.investigation import Investigation  # noqa: PLC0415 - takes its time

    reload = partial(load_quietly, options.databases, with_overlays=True)
    return Investigation(lambda: databases, reload)


def _recorded(live: EventSource, options: ScanOptions) -> tuple[EventSource, Recorder | None]:
    if not options.journal:
        return live, None
    folder = Path(options.journal_folder) if options.journal_folder else journal_folder()
    files = (*options.target_files, *options.port_files)
    subject = "-".join([*options.targets, *(Path(file).name for file in files)])
    path = journal_path(folder, subject, time.time(), packed=options.journal_compressed)
    recorder = Recorder(path)
    return RecordedSource(live, recorder), recorder
