"""What two databases say of the same responses."""

from collections.abc import Iterator, Sequence

import msgspec

from vscan_tui.authoring.evidence import Expected, Piece, said
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.combined import ProbeDatabases


class Difference(msgspec.Struct, frozen=True):
    """One response of which the databases say different things; None for nothing."""

    file: str
    line: int
    before: Expected | None
    after: Expected | None


def differences(
    before: ProbeDatabases, after: ProbeDatabases, pieces: Sequence[Piece]
) -> Iterator[Difference]:
    """Match each response with both; those of which both say the same are left out."""
    first, second = _Judge(before), _Judge(after)
    for piece in pieces:
        old, new = first.verdict(piece), second.verdict(piece)
        if old != new:
            yield Difference(piece.file, piece.line, old, new)


class _Judge:
    def __init__(self, databases: ProbeDatabases) -> None:
        self._databases = databases
        self._matcher = Matcher(databases)

    def verdict(self, piece: Piece) -> Expected | None:
        """What is said of a response; if its probe is not known here, by any probe's rules."""
        evidence = piece.evidence
        probe = self._databases.find(evidence.probe, evidence.protocol)
        if probe is None:
            match = self._matcher.match_any(evidence.protocol, evidence.response).match
        else:
            match = self._matcher.match(probe, evidence.response).match
        return None if match is None else said(match)
