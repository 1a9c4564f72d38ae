"""How much a database knows: services, rules and evidence, family by family."""

from collections.abc import Sequence
from pathlib import PurePath

import msgspec

from vscan_tui.authoring.trials import Trial
from vscan_tui.probedb.model import ProbeDatabase


class Family(msgspec.Struct, frozen=True):
    """What one file of a database holds."""

    name: str
    services: tuple[str, ...]
    probes: int
    rules: int
    rules_with_evidence: int
    recorded: int
    specified: int


class Coverage(msgspec.Struct, frozen=True):
    """The whole, and its parts."""

    families: tuple[Family, ...]
    services: tuple[str, ...]
    """Every name once, however many families know it."""
    probes: int
    rules: int
    rules_with_evidence: int
    recorded: int
    specified: int


def coverage(database: ProbeDatabase, trials: Sequence[Trial]) -> Coverage:
    """Count."""
    rules = [rule for probe in database.probes for rule in probe.rules]
    files = sorted({rule.file for rule in rules} | {probe.file for probe in database.probes})
    proved = {(trial.match.file, trial.match.line) for trial in trials if trial.match is not None}
    families = []
    for file in files:
        own = [rule for rule in rules if rule.file == file]
        origins = [
            trial.piece.evidence.origin
            for trial in trials
            if trial.match is not None and trial.match.file == file
        ]
        families.append(
            Family(
                PurePath(file).stem,
                tuple(sorted({rule.service for rule in own})),
                sum(probe.file == file for probe in database.probes),
                len(own),
                sum((rule.file, rule.line) in proved for rule in own),
                origins.count("recorded"),
                origins.count("specified"),
            )
        )
    return Coverage(
        tuple(families),
        tuple(sorted({rule.service for rule in rules})),
        len(database.probes),
        len(rules),
        sum(family.rules_with_evidence for family in families),
        sum(family.recorded for family in families),
        sum(family.specified for family in families),
    )
