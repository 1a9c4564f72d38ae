"""What one process does for `vscan rematch`: a batch of records, or a whole journal."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from pathlib import Path

from vscan_tui.commands.match_lines import match_answer
from vscan_tui.matching.recorded import RecordedMatcher
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import DEFAULT_INTENSITY
from vscan_tui.session.importers.records import RecordError, read_record
from vscan_tui.session.journal import JournalError, JournalFault, read_events
from vscan_tui.session.new_verdicts import Rematched, rematched
from vscan_tui.session.store import Store
from vscan_tui.session.wording import printable, version_text

_NO_MATCH = "no match"


@dataclass(frozen=True, slots=True)
class Batch:
    """Something to do."""

    file: str
    first_line: int
    """0 for a whole journal."""
    lines: tuple[bytes, ...]
    """Of a whole journal its content, if whoever answers may not see the file, or none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One port or record with what it was taken for, and what it is taken for now."""

    file: str
    line: int
    """0 for a port of a journal."""
    where: str
    probe: str
    before: str
    after: str
    is_changed: bool
    match: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What became of a batch."""

    rows: tuple[Row, ...]
    faults: tuple[tuple[int, str], ...]
    total: int
    changed: int
    identified: int


def killed(batch: Batch) -> Results:
    """What is said of a batch that ended whoever tried to answer it."""
    fault = (batch.first_line, "each process that tried to match it was ended by something")
    return Results((), (fault,), 0, 0, 0)


class Rematcher:
    """Matches batches."""

    def __init__(self, databases: ProbeDatabases) -> None:
        """Match with these databases."""
        self._databases = databases
        self._matcher = RecordedMatcher(databases)

    def __reduce__(self) -> "tuple[type[Rematcher], tuple[ProbeDatabases]]":
        """Taken to another process, it compiles its rules anew."""
        return type(self), (self._databases,)

    def answer(self, batch: Batch) -> Results:
        """Do what is to be done."""
        faults: list[tuple[int, str]] = []
        made = self._records(batch, faults) if batch.first_line else self._journal(batch, faults)
        rows = tuple(made)
        return Results(
            rows,
            tuple(faults),
            len(rows),
            sum(row.is_changed for row in rows),
            sum(row.match is not None for row in rows),
        )

    def _records(self, batch: Batch, faults: list[tuple[int, str]]) -> Iterator[Row]:
        for number, line in enumerate(batch.lines, start=batch.first_line):
            if not line.strip():
                continue
            try:
                for record in read_record(line):
                    match = self._matcher.match(record.probe, record.protocol, record.response)
                    text = _NO_MATCH
                    if match is not None:
                        text = f"{match.service} {version_text(match.fields)}".strip()
                        text += " (soft match)" if match.soft else ""
                    yield Row(
                        batch.file,
                        number,
                        printable(record.where),
                        printable(record.probe),
                        "",
                        printable(text),
                        match is not None,
                        match_answer(match),
                    )
            except RecordError as error:
                faults.append((number, printable(str(error))))

    def _journal(self, batch: Batch, faults: list[tuple[int, str]]) -> Iterator[Row]:
        store, unread = Store(), list[JournalFault]()
        try:
            path = Path(batch.file)
            content = BufferedReader(BytesIO(batch.lines[0])) if batch.lines else None
            for event in read_events(path, unread, content):
                store.apply(event)
        except JournalError as error:
            faults.append((0, str(error)))
        faults += [(fault.line, fault.message) for fault in unread]
        intensity = store.scan.intensity if store.scan else DEFAULT_INTENSITY
        for port in store.ports.values():
            found = rematched(port, self._matcher, intensity)
            if found is not None:
                yield _row(batch.file, found)


def _row(file: str, found: Rematched) -> Row:
    before, after = found.before.text, found.after.text
    if found.is_changed and before == after:
        after += f" ({_what_differs(found)})"
    hard = [firing.match for firing in found.firings.values() if not firing.match.soft]
    matches = hard or [firing.match for firing in found.firings.values()]
    return Row(
        file,
        0,
        printable(str(found.endpoint)),
        "",
        before,
        after,
        found.is_changed,
        match_answer(matches[0] if matches else None),
    )


def _what_differs(found: Rematched) -> str:
    """Name what the text of a verdict does not show."""
    old, new = found.before.service.fields, found.after.service.fields
    names = [name for name in old.__struct_fields__ if getattr(old, name) != getattr(new, name)]
    return ", ".join(names) + " differ" if names else "another outcome"
