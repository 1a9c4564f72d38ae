"""Which probe comes next on a port, and why.

Pure: given what is known, the order follows from the databases alone.
Source: nmap-behaviour.md, "Sequencing for one port".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vscan_tui.events import Protocol
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases

MAX_INTENSITY = 9
DEFAULT_INTENSITY = 7
LIGHT_INTENSITY = 2


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
        probes = databases.of_protocol(protocol)
        self._null = next((probe for probe in probes if probe.is_null), None)
        others = [probe for probe in probes if not probe.is_null]
        self._listing = [probe for probe in others if probe.lists(port, tunnel=tunnel)]
        listing = set(self._listing)
        self._rest = [probe for probe in others if probe not in listing]
        self._steps = self._walk()

    def narrow(self, service: str) -> None:
        """From now on only probes with a rule for this soft-matched service.

        With intensity 9 nothing is narrowed.
        """
        if self._intensity < MAX_INTENSITY:
            self._soft_service = service

    def __iter__(self) -> Iterator[PlannedProbe]:
        return self

    def __next__(self) -> PlannedProbe:
        return next(self._steps)

    def _walk(self) -> Iterator[PlannedProbe]:
        if self._null is not None:
            yield PlannedProbe(self._null, "services that speak first say who they are")
        directive = "sslports" if self._tunnel else "ports"
        for probe in self._listing:
            if not self._soft_service:
                yield PlannedProbe(probe, f"its {directive} list has port {self._port}")
            elif self._soft_service in probe.services:
                yield PlannedProbe(
                    probe, f"its {directive} list has port {self._port}, {self._knows}"
                )
        for probe in self._rest:
            if self._soft_service:
                if self._soft_service in probe.services:
                    yield PlannedProbe(probe, self._knows)
            elif probe.rarity <= self._intensity:
                yield PlannedProbe(
                    probe, f"rarity {probe.rarity} is within intensity {self._intensity}"
                )

    @property
    def _knows(self) -> str:
        return f"soft match {self._soft_service}: it has rules for that"
