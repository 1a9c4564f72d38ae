"""A report in parts, so that it can grow: a beginning, a part for each host, an end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vscan_tui.reports.options import ReportOptions
from vscan_tui.session.store import Host, Store

Render = Callable[[Store, ReportOptions], Iterator[str]]
"""Yields lines, each with its line end."""
RenderHost = Callable[[Store, Host, ReportOptions], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What renders each part."""

    head: Render
    """What can be told as soon as the scan is planned."""
    host: RenderHost
    """What is told of a host that is finished; nothing if it is not to be shown."""
    tail: Render
    """What is told once the scan has ended."""

    def whole(self, store: Store, options: ReportOptions) -> Iterator[str]:
        """Yield all lines of a report."""
        yield from self.head(store, options)
        for host in store.hosts.values():
            yield from self.host(store, host, options)
        yield from self.tail(store, options)
