"""What the interrogation of every port of a scan shares."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from vscan_tui.matching.matcher import MatchResult
from vscan_tui.probedb.combined import CombinedProbe
from vscan_tui.scanning.gate import Gate
from vscan_tui.scanning.interrogation.conversation import Emit
from vscan_tui.scanning.postprocessing.protocol import PostProcessor

MatchFunction = Callable[[CombinedProbe, bytes], Awaitable[MatchResult]]


class Surroundings(msgspec.Struct, frozen=True):
    """How to match, whom to tell, what to wait for, whom to let ask more."""

    match: MatchFunction
    emit: Emit
    gate: Gate
    """Before each action that the other side would notice; holds while the scan is paused."""
    postprocessors: Sequence[PostProcessor] = ()
