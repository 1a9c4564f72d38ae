"""Every piece of evidence tried on a database: what fires, and what else would have."""

from collections.abc import Sequence
from dataclasses import dataclass

from vscan_tui.authoring.evidence import Expected, Piece, difference, said
from vscan_tui.events import Match
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.model import Rule

Place = tuple[str, int]
"""File and line of a rule."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one piece."""

    piece: Piece
    match: Match | None
    matching: tuple[Rule, ...]
    """All rules that match the response, in the order in which they are tried."""
    problem: str
    """What is not as expected, in a sentence; empty if nothing."""

    @property
    def said(self) -> Expected | None:
        """What the rule that fired says."""
        return None if self.match is None else said(self.match)


def place(rule: Rule) -> Place:
    """Where a rule stands."""
    return rule.file, rule.line


class Trials:
    """Tries evidence on a database."""

    def __init__(self, databases: ProbeDatabases) -> None:
        """Try it on these."""
        self._databases = databases
        self._matcher = Matcher(databases)
        self._orders: dict[CombinedProbe, tuple[Rule, ...]] = {}

    def of(self, pieces: Sequence[Piece]) -> list[Trial]:
        """Try each piece."""
        return [self._trial(piece) for piece in pieces]

    def _trial(self, piece: Piece) -> Trial:
        evidence = piece.evidence
        probe = self._databases.find(evidence.probe, evidence.protocol)
        if probe is None:
            return Trial(piece, None, (), f"the database has no probe {evidence.probe}")
        match = self._matcher.match(probe, evidence.response).match
        order = self._order(probe)
        outcomes = self._matcher.outcomes(probe, evidence.response)
        matching = tuple(
            order[number] for number in sorted(outcomes) if outcomes[number] is not None
        )
        problem = difference(evidence.expect, None if match is None else said(match))
        return Trial(piece, match, matching, problem)

    def _order(self, probe: CombinedProbe) -> tuple[Rule, ...]:
        """Return the rules in the order in which they are tried on an answer to a probe."""
        if probe not in self._orders:
            self._orders[probe] = tuple(
                rule for _, member, _ in self._matcher.filed(probe) for rule in member.rules
            )
        return self._orders[probe]
