"""What is left to do of a scan that stopped."""

from collections.abc import Iterable
from dataclasses import dataclass

from vscan_tui.events import HostState, Protocol, Span
from vscan_tui.session.store import Host, Port, Store

_MAY_BE_OPEN = frozenset({"open", "open|filtered"})


@dataclass(frozen=True, slots=True)
class PartialHost:
    """A host of which some ports were looked at, and others not."""

    host: Host
    covered: frozenset[tuple[Protocol, int]]
    """The ports that were looked at."""


def unfinished_ports(store: Store) -> list[Port]:
    """The ports that were found, and not asked to the end."""
    return [
        port for port in store.ports.values() if port.state in _MAY_BE_OPEN and port.is_unfinished
    ]


def partial_hosts(store: Store, wanted: Iterable[tuple[Protocol, Span]]) -> list[PartialHost]:
    """The hosts of which not all wanted ports were looked at, though they are up."""
    ranges = list(wanted)
    total = sum(last - first + 1 for _, (first, last) in ranges)
    found = []
    for host in store.hosts.values():
        if host.state is HostState.DOWN:
            continue
        covered = _covered(host)
        count = sum(
            first <= port <= last
            for protocol, port in covered
            for its_protocol, (first, last) in ranges
            if protocol == its_protocol
        )
        if count < total:
            found.append(PartialHost(host, covered))
    return found


def _covered(host: Host) -> frozenset[tuple[Protocol, int]]:
    single = {(endpoint.protocol, endpoint.port) for endpoint in host.ports}
    for group, spans in host.groups.items():
        for first, last in spans:
            single.update(
                (group.protocol, port) for port in range(max(first, 0), min(last, 65535) + 1)
            )
    return frozenset(single)
