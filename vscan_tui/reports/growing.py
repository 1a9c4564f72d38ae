"""Reports that grow as a scan goes on: host by host, in a thread of their own.

Hosts stand in the order in which they were found.  One that takes long holds the
others up until `HELD_BACK` of them are finished; then they go before it.  Whatever
ends the program, the hosts that were finished by then are in the reports.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from vscan_tui.events import Event, HostFinished, HostFound
from vscan_tui.reports.options import ReportOptions
from vscan_tui.reports.parts import Parts
from vscan_tui.session.store import Host, Store

HELD_BACK = 256
"""So many finished hosts wait for one that was found before them."""
FLUSH_SECONDS = 0.25
"""A host that is finished is in the reports not much later."""
_BATCH = 64
"""Hosts that are written at once."""


class Sink(Protocol):
    """Where a report goes; its methods may block, and are called in one thread at a time."""

    def open(self) -> None:
        """Be ready to write, and leave what is there; raises OSError."""
        ...

    def write(self, lines: Iterable[str]) -> None:
        """Write lines where others can read them at once; raises OSError."""
        ...

    def close(self) -> None:
        """Write no more; raises OSError."""
        ...


@dataclass(slots=True)
class GrowingReport:
    """One report, and where it goes."""

    name: str
    """The file, for messages."""
    parts: Parts
    sink: Sink
    error: str = ""
    """Why it could not be written, after which nothing more of it is; empty if it could."""


class ReportWriter:
    """Writes reports while a scan is folded into a store."""

    def __init__(
        self,
        store: Store,
        reports: Sequence[GrowingReport],
        options: ReportOptions,
        *,
        tell: Callable[[GrowingReport], None],
        lets_go: bool,
    ) -> None:
        """Be ready to write.

        Args:
            store: what is reported.
            reports: each is written until it fails.
            options: hold for all of them.
            tell: told once of each report that cannot be written.
            lets_go: whether the store needs a host no more once it is written.
        """
        self._store = store
        self._reports = reports
        self._options = options
        self._tell = tell
        self._lets_go = lets_go
        self._found: OrderedDict[str, None] = OrderedDict()
        """Hosts that are not written, in the order in which they were found."""
        self._finished: set[str] = set()
        self._written: set[str] = set()
        """Those that the store still has."""
        self._has_begun = False
        self._stop = asyncio.Event()

    def observe(self, event: Event) -> None:
        """Take note of an event that was folded into the store."""
        match event:
            case HostFound(address=address) if address not in self._written:
                self._found.setdefault(address)
            case HostFinished(address=address) if address in self._found:
                self._finished.add(address)
            case _:
                pass

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write as long as the context lasts; when it is left, the reports are whole."""
        writing = asyncio.create_task(self._write(), name="reports")
        try:
            yield
        finally:
            self._stop.set()
            await asyncio.shield(writing)

    async def _write(self) -> None:
        await self._each(lambda report: report.sink.open())
        while not self._stop.is_set():
            while ready := self._ready():
                await self._write_hosts(ready)
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._stop.wait()
        while rest := self._rest():
            await self._write_hosts(rest)
        await self._begin()
        await self._each(self._end)

    def _ready(self) -> list[str]:
        """The next hosts to write."""
        ready: list[str] = []
        is_in_order = True
        for address in self._found:
            waiting = len(self._finished) - len(ready)
            if len(ready) == _BATCH or not (is_in_order or waiting > HELD_BACK):
                break
            if address in self._finished:
                ready.append(address)
            else:
                is_in_order = False
        return ready

    def _rest(self) -> list[str]:
        """Once the scan has ended: what is finished and what is not, a batch of it."""
        unwritten = (address for address in self._store.hosts if address not in self._written)
        return [address for address, _ in zip(unwritten, range(_BATCH), strict=False)]

    async def _write_hosts(self, addresses: list[str]) -> None:
        await self._begin()
        store, options = self._store, self._options
        hosts = [store.hosts[address] for address in addresses if address in store.hosts]

        def write(report: GrowingReport) -> None:
            report.sink.write(_lines(report.parts, store, hosts, options))

        await self._each(write)
        for address in addresses:
            self._found.pop(address, None)
            self._finished.discard(address)
            if self._lets_go:
                store.let_go(address)
            else:
                self._written.add(address)

    async def _begin(self) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        # Not in the thread: it goes through all that is known, while more becomes known.
        heads = {
            report.name: list(report.parts.head(self._store, self._options))
            for report in self._reports
        }
        await self._each(lambda report: report.sink.write(heads[report.name]))

    def _end(self, report: GrowingReport) -> None:
        report.sink.write(report.parts.tail(self._store, self._options))
        report.sink.close()

    async def _each(self, write: Callable[[GrowingReport], None]) -> None:
        """Do something with each report in a thread; tell of those that it fails with."""
        for report in await asyncio.to_thread(self._failing, write):
            self._tell(report)

    def _failing(self, write: Callable[[GrowingReport], None]) -> list[GrowingReport]:
        failed = []
        for report in self._reports:
            if report.error:
                continue
            try:
                write(report)
            except OSError as error:
                report.error = error.strerror or str(error)
                failed.append(report)
                with suppress(OSError):
                    report.sink.close()
        return failed


def _lines(
    parts: Parts, store: Store, hosts: Iterable[Host], options: ReportOptions
) -> Iterable[str]:
    for host in hosts:
        yield from parts.host(store, host, options)
