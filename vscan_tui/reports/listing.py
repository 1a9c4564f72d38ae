"""Which ports of a host a report lists, and which it sums up.

Measured on Nmap 7.93: open ports are listed always; a state with more than 25
ports, both protocols together, is summed up (more than 50 with `-v`, 75 with
`-vv`); with `--open`, closed and filtered are summed up however few they are.
TCP is listed before UDP, each by number.  States are summed up with the most
ports first, and so are the reasons within one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vscan_tui.events import Endpoint, HostState, PortState, Protocol, Service, Span
from vscan_tui.reports.options import ReportOptions
from vscan_tui.session.store import Host, Port, PortGroup, Store

MANY = 25
"""So many ports of a state are listed one by one at each level of verbosity."""
LAST_PORT = 65535

_NOT_OPEN = frozenset({PortState.CLOSED, PortState.FILTERED})


@dataclass(frozen=True, slots=True)
class SummedReason:
    """Ports of one protocol, in one state for one reason, that are only counted."""

    protocol: Protocol
    reason: str
    ranges: tuple[Span, ...]
    """First and last port, both included; ascending, apart from each other."""

    @property
    def count(self) -> int:
        """How many ports they are."""
        return count_of(self.ranges)


@dataclass(frozen=True, slots=True)
class SummedState:
    """All ports of a host in a state whose ports are only counted."""

    state: PortState
    reasons: tuple[SummedReason, ...]

    @property
    def count(self) -> int:
        """How many ports they are."""
        return sum(reason.count for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Listing:
    """The ports of one host, sorted out for a report."""

    ports: tuple[Port, ...]
    summed: tuple[SummedState, ...]

    @property
    def total(self) -> int:
        """How many ports of the host were looked at."""
        return len(self.ports) + sum(state.count for state in self.summed)


def is_shown(host: Host, options: ReportOptions) -> bool:
    """Tell whether a report has anything to say of a host."""
    if host.state is HostState.DOWN:
        return options.verbosity > 0
    return not options.open_only or any(port.state not in _NOT_OPEN for port in host.ports.values())


def listing(host: Host, options: ReportOptions) -> Listing:
    """Sort the ports of a host out."""
    groups = {group: spans for group, spans in _groups(host).items() if spans}
    counts: dict[PortState, int] = {}
    for group, spans in groups.items():
        counts[group.state] = counts.get(group.state, 0) + count_of(spans)
    limit = MANY * (options.verbosity + 1)
    summed = {
        state
        for state, count in counts.items()
        if count > limit or (options.open_only and state in _NOT_OPEN)
    }
    listed = [port for port in host.ports.values() if port.state not in summed]
    for group, spans in groups.items():
        if group.state not in summed:
            listed += _unnamed_ports(host, group, spans, options)
    listed.sort(key=lambda port: (port.endpoint.protocol, port.endpoint.port))
    states = [_summed_state(state, groups) for state in summed]
    states.sort(key=lambda state: (-state.count, state.state))
    return Listing(tuple(listed), tuple(states))


def scanned_ports(store: Store, protocol: Protocol) -> tuple[Span, ...]:
    """Return all ports of a protocol that were or will be looked at on any host, as ranges.

    Journals of earlier versions do not tell what was planned.
    """
    planned: tuple[Span, ...] = ()
    if store.planned is not None:
        planned = store.planned.tcp if protocol == "tcp" else store.planned.udp
    found = (
        (port.endpoint.port, port.endpoint.port)
        for port in store.ports.values()
        if port.endpoint.protocol == protocol
    )
    # Hosts are mostly asked the same ports: a set keeps this small for many hosts.
    spans = {
        (first, last)
        for host in store.hosts.values()
        for group, ranges in host.groups.items()
        if group.protocol == protocol
        for first, last in ranges
    }
    return _merged(spans.union(found, planned))


def ranges_text(ranges: Iterable[Span]) -> str:
    """Return ranges of ports as Nmap writes them: `1-30,443`."""
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def count_of(ranges: Iterable[Span]) -> int:
    """Return how many ports there are in ranges that do not overlap."""
    return sum(last - first + 1 for first, last in ranges)


def _groups(host: Host) -> dict[PortGroup, tuple[Span, ...]]:
    """All ports of a host that may be summed up, each port once."""
    single: dict[Protocol, set[int]] = {"tcp": set(), "udp": set()}
    spans: dict[PortGroup, list[Span]] = {}
    for port in host.ports.values():
        number = port.endpoint.port
        single[port.endpoint.protocol].add(number)
        if port.state is not PortState.OPEN:
            group = PortGroup(port.endpoint.protocol, port.state, port.reason)
            spans.setdefault(group, []).append((number, number))
    for group, ranges in host.groups.items():
        rest = _without(_merged(ranges), single[group.protocol])
        spans.setdefault(group, []).extend(rest)
    return {group: _merged(ranges) for group, ranges in spans.items()}


def _summed_state(state: PortState, groups: dict[PortGroup, tuple[Span, ...]]) -> SummedState:
    reasons = [
        SummedReason(group.protocol, group.reason, spans)
        for group, spans in groups.items()
        if group.state is state
    ]
    # At equal counts Nmap has UDP first, here alone.
    reasons.sort(key=lambda reason: (reason.count, reason.protocol, reason.reason), reverse=True)
    return SummedState(state, tuple(reasons))


def _unnamed_ports(
    host: Host, group: PortGroup, spans: Iterable[Span], options: ReportOptions
) -> Iterator[Port]:
    for first, last in spans:
        for number in range(first, last + 1):
            endpoint = Endpoint(host.address, group.protocol, number)
            if endpoint not in host.ports:
                service = Service(options.table_name(group.protocol, number))
                yield Port(endpoint, group.state, group.reason, service=service)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Sort ranges, join those that touch, and cut off what no port can have."""
    merged: list[Span] = []
    for first, last in sorted((max(first, 0), min(last, LAST_PORT)) for first, last in spans):
        if first > last:
            continue
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def _without(spans: Iterable[Span], numbers: set[int]) -> Iterator[Span]:
    """Cut single ports out of sorted ranges."""
    holes = sorted(numbers)
    for first, last in spans:
        begin = first
        for hole in holes[bisect_left(holes, first) : bisect_right(holes, last)]:
            if begin < hole:
                yield begin, hole - 1
            begin = hole + 1
        if begin <= last:
            yield begin, last
