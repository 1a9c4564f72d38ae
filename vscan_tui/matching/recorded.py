"""The verdict on a port from responses that were recorded: nothing is sent.

The same answers as an interrogation gives that receives these responses in
this order.  Source: nmap-behaviour.md, "Sequencing for one port".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from vscan_tui.events import (
    MATCH_CONFIDENCE,
    TUNNEL_PREFIX,
    Match,
    Method,
    Outcome,
    Protocol,
    Service,
)
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.templates import merged

_NOT_NARROWED = 9
"""The intensity at which a soft match does not narrow the probes down."""
_MOST_READS = 64


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a port is, as far as its recorded responses tell."""

    outcome: Outcome
    service: Service | None
    """None if no rule fired."""
    deciding: int | None
    """Which of the responses decided, counted from 0."""


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """What came in answer to a probe."""

    probe: str
    """Its name."""
    payload: bytes
    """What was sent; it tells better than the name which probe it was."""
    data: bytes
    lengths: tuple[int, ...] = ()
    """How many bytes had come after each read; rules are tried after each."""
    tunnel: bool = False


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that fires, and on how many bytes of the response."""

    match: Match
    length: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is made of all responses of a port."""

    firings: tuple[Firing | None, ...]
    """For each response the rule that fires on it."""
    judgement: Judgement


class RecordedMatcher:
    """Matches responses that were recorded, with databases that may be others than then."""

    def __init__(self, databases: ProbeDatabases) -> None:
        """Match with these databases."""
        self.databases = databases
        self._matcher = Matcher(databases)
        self._named: dict[tuple[str, Protocol], CombinedProbe | None] = {}
        self._sending = {(probe.protocol, probe.payload): probe for probe in databases.probes}
        self._places = {id(probe): number for number, probe in enumerate(databases.probes)}

    def probe(self, name: str, protocol: Protocol) -> CombinedProbe | None:
        """Return the probe of that name, or None if no database has one."""
        key = (name, protocol)
        if key not in self._named:
            self._named[key] = self.databases.find(name, protocol)
        return self._named[key]

    def match(self, name: str, protocol: Protocol, response: bytes) -> Match | None:
        """Return the rule that fires on the response to a probe.

        The response to a TCP probe that no database knows is still matched with
        the rules for what services say unasked, which hold for any response.
        """
        probe = self.probe(name, protocol) or self._null(protocol)
        return None if probe is None else self._matcher.match(probe, response).match

    def settle(
        self, protocol: Protocol, port: int, responses: Sequence[RecordedResponse], intensity: int
    ) -> Settlement:
        """Say what a port is, as an interrogation would that got these responses.

        Where some came inside a TLS tunnel, only these count.
        """
        inside = any(response.tunnel for response in responses)
        chosen = [
            (self._place(probe, port, tunnel=inside), number, probe)
            for number, response in enumerate(responses)
            if response.tunnel is inside and response.data
            for probe in [self._answered(response, protocol)]
        ]
        chosen.sort(key=lambda each: each[:2])
        firings: list[Firing | None] = [None] * len(responses)
        soft = ""
        order = []
        for _, number, probe in chosen:
            if soft and intensity < _NOT_NARROWED and (probe is None or soft not in probe.services):
                continue  # it would not have been sent
            known = probe or self._null(protocol)
            firing = None if known is None else self._first(known, responses[number])
            firings[number] = firing
            order.append(number)
            if firing is not None and not firing.match.soft:
                break
            if firing is not None:
                soft = soft or firing.match.service
        matches = [firing.match if (firing := firings[number]) else None for number in order]
        judgement = judge(matches, tunnel=inside, protocol=protocol)
        deciding = None if judgement.deciding is None else order[judgement.deciding]
        return Settlement(tuple(firings), Judgement(judgement.outcome, judgement.service, deciding))

    def _first(self, probe: CombinedProbe, response: RecordedResponse) -> Firing | None:
        """Match after each read, as it was then: a hard match ends it."""
        soft: Firing | None = None
        lengths = [length for length in response.lengths if 0 < length < len(response.data)]
        for length in [*lengths[:_MOST_READS], len(response.data)]:
            match = self._matcher.match(probe, response.data[:length]).match
            if match is not None:
                firing = Firing(match, length)
                if not match.soft:
                    return firing
                soft = soft or firing
        return soft

    def _answered(self, response: RecordedResponse, protocol: Protocol) -> CombinedProbe | None:
        """Which probe a response answers: the one that sends the same, or that has the name."""
        sending = self._sending.get((protocol, response.payload))
        if response.payload and sending is not None:
            return sending
        return self.probe(response.probe, protocol)

    def _place(self, probe: CombinedProbe | None, port: int, *, tunnel: bool) -> tuple[int, int]:
        """When an interrogation sends a probe; one that no database knows comes last."""
        if probe is None:
            return (3, 0)
        if probe.is_null:
            return (0, 0)
        return (1 if probe.lists(port, tunnel=tunnel) else 2, self._places[id(probe)])

    def _null(self, protocol: Protocol) -> CombinedProbe | None:
        if protocol == "udp":
            return None
        return next((each for each in self.databases.of_protocol("tcp") if each.is_null), None)


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
        name = match.service.removeprefix(TUNNEL_PREFIX)
        through = tunnel or (name != match.service and protocol == "tcp")
        found = _service(match, name, tunnel=through)
        if soft is not None:
            found = replace(found, fields=merged(soft[1].fields, found.fields))
        return Judgement(Outcome.HARD_MATCH, found, number)
    if soft is not None:
        return Judgement(Outcome.SOFT_MATCH, soft[1], soft[0])
    return Judgement(Outcome.NO_MATCH, None, None)


def _service(match: Match, name: str, *, tunnel: bool) -> Service:
    return Service(name, match.fields, "ssl" if tunnel else "", Method.PROBED, MATCH_CONFIDENCE)
