"""Which probe comes next on a port, and why.

Pure: given what is known, the order follows from the databases alone.
Source: nmap-behaviour.md, "Sequencing for one port".
"""

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from vscan_tui.events import Protocol
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases

MAX_INTENSITY = 9
_NULL_REASON = "services that speak first say who they are"


class PlannedProbe(msgspec.Struct, frozen=True):
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
        self._listing = databases.listing(protocol, port, tunnel=tunnel)
        self._probes = _arranged(databases, protocol, self._listing)
        named = port if self._listing else 0  # the others' reasons are the same for every port
        self._plain = _plain(self._probes, self._listing, named, intensity, tunnel=tunnel)
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
            if not self._soft_service:
                planned = self._plain[self._next - 1]
                if planned is not None:
                    return planned
            elif reason := self._soft_reason(probe):
                return PlannedProbe(probe, reason)
        raise StopIteration

    def fork(self) -> "ProbePlan":
        """Return another that is as far, and goes on by itself."""
        twin = object.__new__(ProbePlan)
        twin.__dict__.update(self.__dict__)
        return twin

    def _soft_reason(self, probe: CombinedProbe) -> str:
        """Return why a probe is sent after a soft match; nothing if it is not."""
        if probe.is_null:
            return _NULL_REASON
        if self._soft_service not in probe.services:
            return ""
        knows = f"soft match {self._soft_service}: it has rules for that"
        if probe in self._listing:
            return f"{_listing_reason(self._port, tunnel=self._tunnel)}, {knows}"
        return knows


@lru_cache(maxsize=64)
def _arranged(
    databases: ProbeDatabases, protocol: Protocol, listing: tuple[CombinedProbe, ...]
) -> tuple[CombinedProbe, ...]:
    """Return all probes in the order of a port that these list."""
    probes = databases.of_protocol(protocol)
    null = [probe for probe in probes if probe.is_null][:1]
    first = [probe for probe in listing if not probe.is_null]
    rest = [probe for probe in probes if not probe.is_null and probe not in listing]
    return (*null, *first, *rest)


@lru_cache(maxsize=256)  # pace `eager` plans anew whenever something comes
def _plain(
    probes: tuple[CombinedProbe, ...],
    listing: tuple[CombinedProbe, ...],
    port: int,
    intensity: int,
    *,
    tunnel: bool,
) -> tuple[PlannedProbe | None, ...]:
    """Return what is sent while nothing matched; None for each probe that is not."""

    def reason(probe: CombinedProbe) -> str:
        if probe.is_null:
            return _NULL_REASON
        if probe in listing:
            return _listing_reason(port, tunnel=tunnel)
        if probe.rarity <= intensity:
            return f"rarity {probe.rarity} is within intensity {intensity}"
        return ""

    return tuple(PlannedProbe(probe, why) if (why := reason(probe)) else None for probe in probes)


def _listing_reason(port: int, *, tunnel: bool) -> str:
    return f"its {'sslports' if tunnel else 'ports'} list has port {port}"
