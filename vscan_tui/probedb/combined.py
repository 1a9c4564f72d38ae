"""Several databases that act as one.

Probes of several with the same protocol and payload are sent once.  Each database's
rules are tried in turn, and a soft match in an earlier one never hides a hard match
in a later one, nor a bare name a product (`vscan_tui.matching.matcher`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import NamedTuple, get_args

from vscan_tui.events import DatabaseIdentity, Fields, Protocol, Span
from vscan_tui.probedb.model import Probe, ProbeDatabase, in_ranges


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A probe of one database that is sent together with its like in others."""

    database: ProbeDatabase
    probe: Probe


@dataclass(frozen=True, eq=False)
class CombinedProbe:
    """What is sent once, and the probes of each database that it stands for."""

    members: tuple[Member, ...]

    @cached_property
    def name(self) -> str:
        """The name that the first database gives it."""
        return self.members[0].probe.name

    @property
    def protocol(self) -> Protocol:
        """The protocol it is sent over."""
        return self.members[0].probe.protocol

    @cached_property
    def payload(self) -> bytes:
        """What is sent; empty for the NULL probe."""
        return self.members[0].probe.payload

    @cached_property
    def is_null(self) -> bool:
        """Whether this is the probe that sends nothing and listens."""
        return self.members[0].probe.is_null

    @cached_property
    def totalwaitms(self) -> int:
        """How long to listen for an answer, in milliseconds: the most patient database's."""
        return max(member.probe.totalwaitms for member in self.members)

    @cached_property
    def tcpwrappedms(self) -> int:
        """Within how many milliseconds a close means `tcpwrapped`."""
        return max(member.probe.tcpwrappedms for member in self.members)

    @cached_property
    def rarity(self) -> int:
        """From 1 (send it nearly always) to 9."""
        return min(member.probe.rarity for member in self.members)

    @cached_property
    def services(self) -> frozenset[str]:
        """The service names that the probes' own rules know."""
        return frozenset(rule.service for member in self.members for rule in member.probe.rules)

    def lists(self, port: int, *, tunnel: bool) -> bool:
        """Whether `ports` (inside a tunnel `sslports`) has this port."""
        return any(in_ranges(port, ranges) for ranges in self._ranges(tunnel=tunnel))

    def spans(self, *, tunnel: bool) -> Iterator[Span]:
        """The ranges of ports that `ports` (inside a tunnel `sslports`) has, of all databases."""
        return chain.from_iterable(self._ranges(tunnel=tunnel))

    def _ranges(self, *, tunnel: bool) -> list[tuple[Span, ...]]:
        return [member.probe.sslports if tunnel else member.probe.ports for member in self.members]


@dataclass(frozen=True, eq=False)
class ProbeDatabases:
    """All databases in use, in order of precedence."""

    databases: tuple[ProbeDatabase, ...]
    probes: tuple[CombinedProbe, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "probes", _combined(self.databases))

    @property
    def identities(self) -> tuple[DatabaseIdentity, ...]:
        """Which databases these are."""
        return tuple(database.identity for database in self.databases)

    def of_protocol(self, protocol: Protocol) -> tuple[CombinedProbe, ...]:
        """The probes of one protocol in the order in which they would be sent."""
        return self._by_protocol[protocol]

    @cached_property
    def _by_protocol(self) -> dict[Protocol, tuple[CombinedProbe, ...]]:
        protocols: tuple[Protocol, ...] = get_args(Protocol)
        return {
            protocol: tuple(probe for probe in self.probes if probe.protocol == protocol)
            for protocol in protocols
        }

    def listing(self, protocol: Protocol, port: int, *, tunnel: bool) -> tuple[CombinedProbe, ...]:
        """The probes of one protocol that list a port, in order; see `CombinedProbe.lists`."""
        near, wide = self._listings[protocol, tunnel]
        known = near.get(port, ())
        far = [probe for probe in wide if probe.lists(port, tunnel=tunnel)]
        if not far:
            return known
        listed = {*known, *far}
        return tuple(probe for probe in self.of_protocol(protocol) if probe in listed)

    @cached_property
    def _listings(self) -> dict[tuple[Protocol, bool], "_Listing"]:
        return {
            (protocol, tunnel): _listing(probes, tunnel=tunnel)
            for protocol, probes in self._by_protocol.items()
            for tunnel in (False, True)
        }

    def find(self, name: str, protocol: Protocol) -> CombinedProbe | None:
        """The probe that any database calls by that name; the first if several do."""
        return next(
            (
                probe
                for probe in self.probes
                if probe.protocol == protocol
                and any(member.probe.name == name for member in probe.members)
            ),
            None,
        )

    def excludes(self, protocol: Protocol, port: int) -> bool:
        """Whether any database says not to probe this port."""
        return any(database.exclusions.covers(protocol, port) for database in self.databases)


def tells_more(later: Fields, earlier: Fields) -> bool:
    """Whether a later database's hard match on a response takes the place of an earlier one's.

    Both name the same service.  It does if it names the product where the earlier one
    has nothing but the service's name, or the version of the same product.
    """
    if earlier == Fields():
        return bool(later.product)
    same_product = bool(later.product) and later.product.lower() == earlier.product.lower()
    return same_product and bool(later.version) and not earlier.version


class _Listing(NamedTuple):
    """Which probes list which ports, to be found without asking each."""

    near: Mapping[int, tuple[CombinedProbe, ...]]
    """By port, the probes that list it in a range that is no longer than `_WIDE`."""
    wide: tuple[CombinedProbe, ...]
    """The probes with longer ranges."""


_WIDE = 256


def _listing(probes: Sequence[CombinedProbe], *, tunnel: bool) -> _Listing:
    near: dict[int, dict[CombinedProbe, None]] = {}
    wide: dict[CombinedProbe, None] = {}
    for probe in probes:
        for first, last in probe.spans(tunnel=tunnel):
            if last - first >= _WIDE:
                wide[probe] = None
                continue
            for port in range(first, last + 1):
                near.setdefault(port, {})[probe] = None
    return _Listing({port: tuple(known) for port, known in near.items()}, tuple(wide))


def _combined(databases: Sequence[ProbeDatabase]) -> tuple[CombinedProbe, ...]:
    """The first of a database with a payload goes with the first of the others, and so on."""
    members: dict[tuple[Protocol, bytes, int], list[Member]] = {}
    for database in databases:
        before: Counter[tuple[Protocol, bytes]] = Counter()
        for probe in database.probes:
            sent = probe.protocol, probe.payload
            members.setdefault((*sent, before[sent]), []).append(Member(database, probe))
            before[sent] += 1
    return tuple(CombinedProbe(tuple(group)) for group in members.values())
