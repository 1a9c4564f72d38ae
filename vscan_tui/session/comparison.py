"""What is different between two scans: services that are new, gone, or changed."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vscan_tui.events import Endpoint, HostState, PortState, Service
from vscan_tui.session.store import Port, Store
from vscan_tui.session.wording import printable, version_text


class Change(StrEnum):
    """What became of a service."""

    NEW = "new"
    GONE = "gone"
    CHANGED = "changed"
    NOT_LOOKED_AT = "not looked at"
    """The later scan left the port out; that is no difference."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A port as one scan saw it."""

    state: PortState
    service: Service

    @property
    def text(self) -> str:
        """The service in a few words: `ssl/http nginx 1.22.1`."""
        name = self.service.name or "unknown"
        prefix = "ssl/" if self.service.tunnel else ""
        state = "" if self.state is PortState.OPEN else f"[{self.state}] "
        told = f"{state}{prefix}{name} {version_text(self.service.fields)}"
        return printable(told).strip()


@dataclass(frozen=True, slots=True)
class Difference:
    """One port that is not as it was."""

    change: Change
    endpoint: Endpoint
    before: Seen | None
    after: Seen | None


def differences(earlier: Store, later: Store) -> Iterator[Difference]:
    """Yield what is different, by host and port.

    Only ports that may be open count.  A port that the later scan did not look
    at is told as such, if that scan says which ports it looked at.
    """
    endpoints = {*earlier.ports, *later.ports}
    for endpoint in sorted(endpoints, key=_place):
        before, after = _seen(earlier, endpoint), _seen(later, endpoint)
        if before is None and after is None:
            continue
        if before is None:
            yield Difference(Change.NEW, endpoint, before, after)
        elif after is None:
            is_gone = _has_looked_at(later, endpoint)
            change = Change.GONE if is_gone else Change.NOT_LOOKED_AT
            yield Difference(change, endpoint, before, after)
        elif _told(before) != _told(after):
            yield Difference(Change.CHANGED, endpoint, before, after)


def _seen(store: Store, endpoint: Endpoint) -> Seen | None:
    port: Port | None = store.ports.get(endpoint)
    if port is None or port.state not in (PortState.OPEN, PortState.OPEN_OR_FILTERED):
        return None
    return Seen(port.state, port.service)


def _told(seen: Seen) -> tuple[object, ...]:
    service = seen.service
    # A guess by number and no guess are the same: nothing was identified.
    return seen.state, service.name, service.tunnel, service.method, service.fields


def _has_looked_at(store: Store, endpoint: Endpoint) -> bool:
    if endpoint in store.ports:
        return True
    host = store.hosts.get(endpoint.address)
    if host is None:
        return False
    if host.state is HostState.DOWN or not any(each.groups for each in store.hosts.values()):
        return True  # reports of others do not say which ports were closed
    return any(
        group.protocol == endpoint.protocol
        and any(low <= endpoint.port <= high for low, high in spans)
        for group, spans in host.groups.items()
    )


def _place(endpoint: Endpoint) -> tuple[int, int, str, str, int]:
    try:
        address = ipaddress.ip_address(endpoint.address.partition("%")[0])
        version, number = int(address.version), int(address)
    except ValueError:
        version, number = 9, 0
    return (version, number, endpoint.address, endpoint.protocol, endpoint.port)
