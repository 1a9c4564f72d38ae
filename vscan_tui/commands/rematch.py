"""`vscan rematch`: recorded responses through other databases, on all cores; nothing is sent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vscan_tui.commands.databases import load_databases, load_quietly
from vscan_tui.commands.match_workers import answer_on_all_cores
from vscan_tui.commands.present import (
    WITHOUT_DASK,
    Presentation,
    present,
    say,
    wants_screen,
)
from vscan_tui.commands.rematch_work import Batch, Rematcher, Results, Row, killed
from vscan_tui.commands.standard_output import print_lines
from vscan_tui.commands.status import ExitStatus
from vscan_tui.commands.stored import session_events, session_store
from vscan_tui.matching.investigation import Investigation
from vscan_tui.matching.recorded import RecordedMatcher
from vscan_tui.options.model import RematchOptions
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError
from vscan_tui.session.journal import JournalError, check_journal, lines_of
from vscan_tui.session.new_verdicts import rematched, rematched_events
from vscan_tui.session.replay import Replay

LINES_IN_A_BATCH = 2000
BYTES_IN_A_BATCH = 1 << 20
FAULTS_TOLD = 20
_WHERE, _VERDICT = 26, 44
"""Columns of the table, in characters."""


def rematch(options: RematchOptions) -> ExitStatus:
    """Match everything recorded in some files anew, and tell what changes."""
    try:
        databases = load_databases(options.databases, strict=options.strict, tell=say)
    except DatabaseError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    is_one = len(options.files) == 1 and Path(options.files[0]).is_file()
    is_local = options.scheduler is None
    wants_events = options.output.reports or (
        is_local and not options.jsonl and wants_screen(options.output)
    )
    if is_one and wants_events and _is_session(Path(options.files[0])):
        return _shown(Path(options.files[0]), options, databases)
    return _told(options, databases)


def _is_session(path: Path) -> bool:
    try:
        check_journal(path)
    except JournalError:
        return False
    return True


def _shown(path: Path, options: RematchOptions, databases: ProbeDatabases) -> ExitStatus:
    """Show one session with its new verdicts, as if it were a recording of them."""
    matcher = RecordedMatcher(databases)
    try:
        store = session_store(path)
    except JournalError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    intensity = store.scan.intensity if store.scan else 7
    found = (rematched(port, matcher, intensity) for port in store.ports.values())
    ports = {each.endpoint: each for each in found if each is not None}
    changed = sum(each.is_changed for each in ports.values())
    events = rematched_events(session_events(path), ports, databases.identities)
    note = f"{path.name} matched anew: {changed} of {len(ports)} verdicts change; nothing is sent."
    reload = partial(load_quietly, options.databases, with_overlays=True)
    investigation = Investigation(lambda: databases, reload)
    presentation = Presentation(options.output, note=note, investigation=investigation)
    return present(Replay(list(events)), presentation)


def _told(options: RematchOptions, databases: ProbeDatabases) -> ExitStatus:
    teller = _Teller(options)
    batches = teller.batches([Path(file) for file in options.files])
    if options.scheduler is None:
        answer_on_all_cores(Rematcher(databases), batches, teller.tell, jobs=options.jobs)
        return teller.end()
    try:
        # The library is an extra, and takes its time.
        from vscan_tui.commands.cluster import ClusterError, answer_on_cluster  # noqa: PLC0415
    except ImportError:
        say(f"vscan: {WITHOUT_DASK}")
        return ExitStatus.FAILED
    rematcher = Rematcher(databases)
    try:
        answer_on_cluster(options.scheduler, rematcher, batches, teller.tell, killed)
    except ClusterError as error:
        say(f"vscan: {error}")
        teller.end()
        return ExitStatus.FAILED
    return teller.end()


@dataclass
class _Teller:
    """Reads files in batches, and tells the results in their order."""

    options: RematchOptions
    total: int = 0
    changed: int = 0
    identified: int = 0
    faults: int = 0
    has_heading: bool = False

    def batches(self, paths: list[Path]) -> Iterator[Batch]:
        for path in paths:
            if not path.is_dir():
                yield from self._file(path)
                continue
            files = sorted(each for each in path.rglob("*") if each.is_file())
            if not files:
                self._fault(path, 0, "there is no file in it")
            for file in files:
                yield from self._file(file)

    def _file(self, path: Path) -> Iterator[Batch]:
        try:
            if _is_session(path):
                content = (path.read_bytes(),) if self.options.scheduler is not None else ()
                yield Batch(str(path), 0, content)
                return
            with path.open("rb") as file:
                yield from _line_batches(path, lines_of(file))
        except OSError as error:
            self._fault(path, 0, f"cannot read it: {error.strerror or error}")

    def tell(self, results: Results, batch: Batch) -> None:
        """Print the results of one batch."""
        self.total += results.total
        self.changed += results.changed
        self.identified += results.identified
        for line, message in results.faults:
            self._fault(Path(batch.file), line, message)
        chosen = [row for row in results.rows if self.options.unchanged or row.is_changed]
        print_lines(self._json(row) if self.options.jsonl else self._text(row) for row in chosen)

    def end(self) -> ExitStatus:
        if self.faults > FAULTS_TOLD:
            say(f"vscan: … and {self.faults - FAULTS_TOLD} more records cannot be read")
        say(
            f"{self.total} matched anew: {self.changed} changed, {self.identified} identified, "
            f"{self.faults} unreadable"
        )
        return ExitStatus.FAILED if self.faults else ExitStatus.DONE

    def _fault(self, path: Path, line: int, message: str) -> None:
        self.faults += 1
        if self.faults <= FAULTS_TOLD:
            say(f"vscan: {path}{f':{line}' if line else ''}: {message}")

    def _text(self, row: Row) -> str:
        heading = ""
        if not self.has_heading:
            self.has_heading = True
            heading = f"{'PORT':<{_WHERE}} {'OLD VERDICT':<{_VERDICT}} NEW VERDICT\n"
        where = row.where or f"line {row.line}"
        return f"{heading}{where:<{_WHERE}} {row.before or '-':<{_VERDICT}} {row.after}\n"

    def _json(self, row: Row) -> str:
        return (
            json.dumps(
                {
                    "file": row.file,
                    "line": row.line or None,
                    "where": row.where,
                    "probe": row.probe or None,
                    "changed": row.is_changed,
                    "old": row.before or None,
                    "new": row.after,
                    "match": row.match,
                }
            )
            + "\n"
        )


def _line_batches(path: Path, lines: Iterator[bytes]) -> Iterator[Batch]:
    batch: list[bytes] = []
    first, size = 1, 0
    for number, line in enumerate(lines, start=1):
        batch.append(line)
        size += len(line)
        if len(batch) >= LINES_IN_A_BATCH or size >= BYTES_IN_A_BATCH:
            yield Batch(str(path), first, tuple(batch))
            batch, first, size = [], number + 1, 0
    if batch:
        yield Batch(str(path), first, tuple(batch))
