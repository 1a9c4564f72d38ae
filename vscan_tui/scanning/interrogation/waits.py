"""How long pace `eager` waits: as long as the host's own pace suggests, within bounds.

Nmap waits 5 or 6 seconds for every answer.  A host that takes 2 ms to answer
need not be waited for so long, and one at the end of a slow line must be.  So
round trips and answer times are measured for each host (the latter smoothed as
RFC 6298, section 2, smooths round trips), and every wait follows from them.  All
times are in milliseconds.
"""

from collections import deque

import msgspec

from vscan_tui.probedb.combined import CombinedProbe

HEAD_START_MS = 50.0
"""The first exchange of a port has so long to itself: most services that speak first do by then."""
MAX_HEAD_START_MS = 500.0
NULL_QUIET_MS = 200.0
"""A service that speaks first is not thought to be silent before so long has passed."""
PROBE_QUIET_MS = 150.0
"""The same for the answer to a probe."""
PROMPT_QUIET_MS = 100.0
"""The same for both, on a port that has answered another probe promptly: it is awake and not busy.

What a service does first on every connection, such as looking up who is there, it
has done within that time then, and a banner would have come.
"""
PROMPT_ANSWER_MS = 5.0
"""Prompt is an answer that takes so much longer than a round trip, at most."""
UNFINISHED_MS = 2_000.0
"""An answer that is cut off is waited for at least so long."""
PATIENCE_MS = 400.0
"""On a port that never said a word, a probe keeps its connection at least so long."""
_ROUND_TRIPS = 4.0
"""A wait covers so many round trips: there and back, and again after a loss, with some to spare."""
_RECENT = 16
_HANDSHAKE_ANSWERS = 3.0
"""A connection with a TLS handshake is so many answers: TCP's, and two of TLS (RFC 5246, 7.3)."""
_ANSWER_TIMES = 3.0
"""A wait covers so many times what others took to answer the same probe."""


class WaitLimits(msgspec.Struct, frozen=True):
    """What the user allows."""

    at_least: float = 0.0
    at_most: float = float("inf")


class Waits:
    """The waits for one host, which its ports share and refine together."""

    def __init__(self, limits: WaitLimits | None = None) -> None:
        """Begin with nothing measured."""
        self._limits = limits or WaitLimits()
        self._round_trips: deque[float] = deque(maxlen=_RECENT)
        self._answers: dict[CombinedProbe, float] = {}
        """The smoothed time that answers to a probe took."""

    def connected(self, elapsed: float) -> None:
        """A connection took so long to open: a round trip."""
        self._round_trips.append(elapsed)

    def answered(self, probe: CombinedProbe, elapsed: float) -> None:
        """The first bytes of an answer came so long after the probe."""
        known = self._answers.get(probe, elapsed)
        self._answers[probe] = known + (elapsed - known) / 8

    @property
    def round_trip(self) -> float:
        """The shortest of the last round trips: the others held up something of ours, or a loss."""
        return min(self._round_trips, default=0.0)

    def head_start(self, probe: CombinedProbe) -> float:
        """How long the first exchange of a port has to itself."""
        wanted = max(HEAD_START_MS, 2 * self.round_trip)
        return self._bounded(min(wanted, MAX_HEAD_START_MS), probe, at_least=0.0)

    def is_prompt(self, elapsed: float) -> bool:
        """Whether an answer that took so long came promptly."""
        return elapsed - self.round_trip <= PROMPT_ANSWER_MS

    def quiet(
        self, probe: CombinedProbe, *, is_prompt: bool = False, is_unfinished: bool = False
    ) -> float:
        """How long without bytes until later answers may count.

        Args:
            probe: what was sent.
            is_prompt: whether the port answers promptly.
            is_unfinished: whether what came so far is cut off.
        """
        floor = NULL_QUIET_MS if probe.is_null else PROBE_QUIET_MS
        if is_prompt:
            floor = PROMPT_QUIET_MS
        if is_unfinished:
            floor = UNFINISHED_MS
        wanted = floor + _ROUND_TRIPS * self.round_trip
        wanted = max(wanted, _ANSWER_TIMES * self._answers.get(probe, 0.0))
        return self._bounded(wanted, probe, at_least=self._limits.at_least)

    def patience(self, probe: CombinedProbe) -> float:
        """How long a probe keeps its connection on a port that never said a word."""
        wanted = max(PATIENCE_MS, self.quiet(probe))
        return self._bounded(wanted, probe, at_least=self._limits.at_least)

    def total(self, probe: CombinedProbe) -> float:
        """The longest that is waited for any answer: the database's `totalwaitms`."""
        return min(float(probe.totalwaitms), self._limits.at_most)

    def handshake(self, at_most: float) -> float:
        """How long a connection and its TLS handshake may take; never more than `at_most`."""
        return min(at_most, _HANDSHAKE_ANSWERS * self._limits.at_most)

    def _bounded(self, wanted: float, probe: CombinedProbe, *, at_least: float) -> float:
        return min(max(wanted, at_least), self.total(probe))
