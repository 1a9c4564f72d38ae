"""Loads the probe databases that the options ask for, and says what is wrong with them."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vscan_tui.matching import pattern
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import (
    OWN_NAME,
    DatabaseError,
    chosen_sources,
    fault_lines,
    load,
)

FAULTS_TOLD = 20
_OFTEN = (700, 5, 4)


def load_databases(
    files: Sequence[str],
    *,
    strict: bool,
    tell: Callable[[str], None],
    with_overlays: bool = False,
) -> ProbeDatabases:
    """Load the databases; their faults are told, and end it if `strict`.

    Args:
        files: the databases to use; none for those of the user and the bundled one.
        strict: whether a fault ends it; then all are told.
        tell: takes a line for the user.
        with_overlays: whether the user's own rules come before `files` too.

    Raises:
        DatabaseError: one cannot be used, or has faults and `strict` is set.
    """
    sources = chosen_sources([Path(file) for file in files], with_overlays=with_overlays)
    databases = []
    for source in sources:
        try:
            with _without_collection():
                databases.append(load(source, check_pattern=pattern.check))
        except DatabaseError as error:
            if source.name != OWN_NAME or strict:
                raise
            tell(f"vscan: your own rules are left out: {error}")
    faults = [fault for database in databases for fault in database.faults]
    for line in fault_lines(faults, limit=len(faults) if strict else FAULTS_TOLD):
        tell(f"vscan: {line}")
    if faults and strict:
        raise DatabaseError(
            f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'} in the probe database; "
            "without --strict the faulty lines are left out"
        )
    return ProbeDatabases(tuple(databases))


@contextmanager
def _without_collection() -> Iterator[None]:
    """What is made meanwhile stays to the end: there is no garbage in it to look for, ever.

    What comes after is little, so that it can be looked through often.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
        gc.set_threshold(*_OFTEN)
    finally:
        gc.enable()


def load_quietly(files: Sequence[str] = (), *, with_overlays: bool = False) -> ProbeDatabases:
    """Load the databases that a scan would use; their faults are told by scans.

    Raises:
        DatabaseError: one cannot be used.
    """
    return load_databases(files, strict=False, tell=lambda _: None, with_overlays=with_overlays)
