"""Loads the probe databases that the options ask for, and says what is wrong with them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from vscan_tui.matching import pattern
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError, chosen_sources, fault_lines, load

FAULTS_TOLD = 20


def load_databases(
    files: Sequence[str], *, strict: bool, tell: Callable[[str], None]
) -> ProbeDatabases:
    """Load the databases; their faults are told, and end it if `strict`.

    Args:
        files: the databases to use; none for those of the user and the bundled one.
        strict: whether a fault ends it; then all are told.
        tell: takes a line for the user.

    Raises:
        DatabaseError: one cannot be used, or has faults and `strict` is set.
    """
    sources = chosen_sources([Path(file) for file in files])
    databases = [load(source, check_pattern=pattern.check) for source in sources]
    faults = [fault for database in databases for fault in database.faults]
    for line in fault_lines(faults, limit=len(faults) if strict else FAULTS_TOLD):
        tell(f"vscan: {line}")
    if faults and strict:
        raise DatabaseError(
            f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'} in the probe database; "
            "without --strict the faulty lines are left out"
        )
    return ProbeDatabases(tuple(databases))
