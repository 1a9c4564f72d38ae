"""Which probe comes next on a port, and why.

Pure: given what is known, the order follows from the databases alone.
Source: nmap-behaviour.md, "Sequencing for one port".
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from functools import lru_cache

from vscan_tui.events import Protocol
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases

MAX_INTENSITY = 9


@dataclass(frozen=True, slots=True)
class PlannedProbe:
    """A probe to send, and the reason for it."""

    probe: CombinedProbe
    reason: str


class ProbePlan:
    """The probes for one port, outside or inside a tunnel, in order.

    Iterating gives the NULL probe first (TCP only), then the probes that list
    this port whatever their rarity, then the others that are common enough.
    A soft match, told through `narrow`, holds from the next probe on.
    """

    def __init__(
        self,
        databases: ProbeDatabases,
        protocol: Protocol,
        port: int,
        *,
        intensity: int,
        tunnel: bool,
    ) -> None:
        """Plan for one port; `intensity` is from 0 to 9."""
        self._intensity = intensity
        self._port = port
        self._tunnel = tunnel
        self._soft_service = ""
        self._put_back: PlannedProbe | None = None
        self._left_out: frozenset[CombinedProbe] = frozenset()
        self._probes, self._listing = _arranged(databases, protocol, port, tunnel=tunnel)
        self._next = 0

    def narrow(self, service: str) -> None:
        """From now on only probes with a rule for this soft-matched service.

        With intensity 9 nothing is narrowed.
        """
        if self._intensity < MAX_INTENSITY:
            self._soft_service = service

    def __iter__(self) -> Iterator[PlannedProbe]:
        return self

    def put_back(self, planned: PlannedProbe) -> None:
        """Give this one next, as if it had not been given yet."""
        self._put_back = planned

    def leave_out(self, probe: CombinedProbe) -> None:
        """Do not give this probe any more."""
        self._left_out |= {probe}
        if self._put_back is not None and self._put_back.probe is probe:
            self._put_back = None

    def __next__(self) -> PlannedProbe:
        planned, self._put_back = self._put_back, None
        if planned is not None:
            return planned
        while self._next < len(self._probes):
            probe = self._probes[self._next]
            self._next += 1
            if probe in self._left_out:
                continue
            reason = self._reason(probe)
            if reason:
                return PlannedProbe(probe, reason)
        raise StopIteration

    def fork(self) -> "ProbePlan":
        """Return another that is as far, and goes on by itself."""
        return copy(self)

    def _reason(self, probe: CombinedProbe) -> str:
        """Return why a probe is sent; nothing if it is not."""
        if probe.is_null:
            return "services that speak first say who they are"
        if self._soft_service and self._soft_service not in probe.services:
            return ""
        if probe in self._listing:
            directive = "sslports" if self._tunnel else "ports"
            lists = f"its {directive} list has port {self._port}"
            return f"{lists}, {self._knows}" if self._soft_service else lists
        if self._soft_service:
            return self._knows
        if probe.rarity <= self._intensity:
            return f"rarity {probe.rarity} is within intensity {self._intensity}"
        return ""

    @property
    def _knows(self) -> str:
        return f"soft match {self._soft_service}: it has rules for that"


@lru_cache(maxsize=256)  # pace `eager` plans anew whenever something comes
def _arranged(
    databases: ProbeDatabases, protocol: Protocol, port: int, *, tunnel: bool
) -> tuple[tuple[CombinedProbe, ...], frozenset[CombinedProbe]]:
    """Return all probes in the order of a port, and which of them list it."""
    probes = databases.of_protocol(protocol)
    null = [probe for probe in probes if probe.is_null][:1]
    others = [probe for probe in probes if not probe.is_null]
    listing = [probe for probe in others if probe.lists(port, tunnel=tunnel)]
    known = frozenset(listing)
    rest = [probe for probe in others if probe not in known]
    return (*null, *listing, *rest), known
