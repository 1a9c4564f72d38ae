"""On which read of a response a rule fired, and what the other reads would have given.

A rule that fires on half an answer ends the wait for the rest, so that a rule
that tells more never sees it: a trap that only the reads one by one show.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vscan_tui.events import Match
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.combined import CombinedProbe

MAX_READS = 16
"""So many reads are looked at: the first ones, and the last."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was known after a read."""

    number: int
    """From 1."""
    length: int
    """Bytes of the response that had come by then."""
    match: Match | None
    """The rule that fires on these bytes."""


def after_each_read(
    matcher: Matcher, probe: CombinedProbe, response: bytes, lengths: Sequence[int]
) -> tuple[Read, ...]:
    """Match what had come after each read; equal lengths count once.

    Args:
        matcher: of the databases; from one thread at a time.
        probe: that was sent.
        response: as far as it came.
        lengths: for each read, how many bytes of the response had come by then.
    """
    numbered = list(enumerate(lengths, start=1))
    if len(numbered) > MAX_READS:
        numbered = [*numbered[: MAX_READS - 1], numbered[-1]]
    return tuple(
        Read(number, length, matcher.match(probe, response[:length]).match)
        for number, length in numbered
    )
