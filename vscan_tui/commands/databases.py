"""Loads the probe databases that the options ask for, and says what is wrong with them."""

from collections.abc import Sequence
from pathlib import Path

from vscan_tui.commands.present import say
from vscan_tui.matching import pattern
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError, chosen_sources, fault_lines, load


def load_databases(files: Sequence[str], *, strict: bool) -> ProbeDatabases:
    """Load the databases; their faults are reported, and end it if `strict`.

    Raises:
        DatabaseError: one cannot be used, or has faults and `strict` is set.
    """
    databases = []
    for source in chosen_sources([Path(file) for file in files]):
        database = load(source, check_pattern=pattern.check)
        for line in fault_lines(database.faults):
            say(f"vscan: {line}")
        if database.faults and strict:
            number = len(database.faults)
            raise DatabaseError(
                f"{source.path}: {number} {'fault' if number == 1 else 'faults'}; "
                "--strict allows none"
            )
        databases.append(database)
    return ProbeDatabases(tuple(databases))
