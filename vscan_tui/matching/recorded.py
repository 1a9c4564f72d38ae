"""The verdict on a port from responses that were recorded: nothing is sent.

The same answers as an interrogation gives that receives these responses in
this order.  Source: nmap-behaviour.md, "Sequencing for one port".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from vscan_tui.events import Match, Method, Outcome, Protocol, Service
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.templates import merged

_MATCH_CONFIDENCE = 10
_TUNNEL_SERVICE = "ssl"
_TUNNEL_PREFIX = "ssl/"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a port is, as far as its recorded responses tell."""

    outcome: Outcome
    service: Service | None
    """None if no rule fired."""
    deciding: int | None
    """Which of the responses decided, counted from 0."""


class RecordedMatcher:
    """Matches responses to probes that are known by name only."""

    def __init__(self, databases: ProbeDatabases) -> None:
        """Match with these databases."""
        self.databases = databases
        self._matcher = Matcher(databases)
        self._probes: dict[tuple[str, Protocol], CombinedProbe | None] = {}

    def probe(self, name: str, protocol: Protocol) -> CombinedProbe | None:
        """Return the probe of that name, or None if no database has one."""
        key = (name, protocol)
        if key not in self._probes:
            self._probes[key] = self.databases.find(name, protocol)
        return self._probes[key]

    def match(self, name: str, protocol: Protocol, response: bytes) -> Match | None:
        """Return the rule that fires on the response to a probe.

        The response to a TCP probe that no database knows is still matched with
        the rules for what services say unasked, which hold for any response.
        """
        probe = self.probe(name, protocol)
        if probe is None and protocol == "tcp":
            probe = next((each for each in self.databases.of_protocol("tcp") if each.is_null), None)
        return None if probe is None else self._matcher.match(probe, response).match


def judge(
    matches: Sequence[Match | None], *, tunnel: bool, protocol: Protocol = "tcp"
) -> Judgement:
    """Settle what a port is from the rules that fired, in the order of the probes.

    Args:
        matches: for each response the rule that fired on it.
        tunnel: whether the responses came inside a TLS tunnel.
        protocol: of the port; only TCP ports are asked again inside a tunnel.
    """
    soft: tuple[int, Service] | None = None
    for number, match in enumerate(matches):
        if match is None:
            continue
        if match.soft:
            soft = soft or (number, _service(match, match.service, tunnel=tunnel))
            continue
        name = match.service.removeprefix(_TUNNEL_PREFIX)
        through = tunnel or (name != match.service and protocol == "tcp")
        found = _service(match, name, tunnel=through)
        if soft is not None:
            found = replace(found, fields=merged(soft[1].fields, found.fields))
        return Judgement(Outcome.HARD_MATCH, found, number)
    if soft is not None:
        return Judgement(Outcome.SOFT_MATCH, soft[1], soft[0])
    return Judgement(Outcome.NO_MATCH, None, None)


def is_only_tunnel(matches: Iterable[Match | None]) -> bool:
    """Whether all that is known is that the port speaks TLS."""
    hard = next((match for match in matches if match is not None and not match.soft), None)
    return hard is not None and hard.service == _TUNNEL_SERVICE


def _service(match: Match, name: str, *, tunnel: bool) -> Service:
    return Service(name, match.fields, "ssl" if tunnel else "", Method.PROBED, _MATCH_CONFIDENCE)
