"""Which hosts are up and which of their ports are open, by ordinary connections and datagrams.

All sockets belong to one thread (`vscan_tui.scanning.discovery.prober`), which tells the
event loop what it finds: a scan of all ports of a fast host is nothing but system
calls, and would leave the event loop no time.
"""

import asyncio
import itertools
import socket
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from vscan_tui.events import (
    Endpoint,
    Event,
    HostFinished,
    HostFound,
    HostNamed,
    HostState,
    Protocol,
    ScanPlanned,
    Warned,
)
from vscan_tui.scanning.discovery.prober import (
    Answer,
    HostDone,
    OnOpen,
    Payloads,
    Plan,
    Prober,
    close_it,
)
from vscan_tui.scanning.discovery.timing import Timing
from vscan_tui.scanning.gate import Gate, open_gate
from vscan_tui.scanning.targets.expressions import TargetError
from vscan_tui.scanning.targets.hosts import Targets
from vscan_tui.scanning.targets.names import ReverseResolver
from vscan_tui.scanning.targets.port_table import PortTable
from vscan_tui.scanning.targets.portspec import PortSelection
from vscan_tui.scanning.transport.rate import RateLimit

OnAnswer = Callable[[Endpoint, bytes, bytes], None]
"""Told of a UDP port's answer: endpoint, payload sent, datagram received."""

_LARGEST_BATCH = 500
"""How many events are handed to the event loop in one go."""
_COUNTABLE = 2**63 - 1
"""The largest number that every reader of a journal can read."""
_MOST_NAMELESS = 1000
"""While so many names are being looked up, no more hosts are begun."""


class Discovery:
    """Looks for hosts and open ports; run once, on an event loop.

    Args:
        targets: the hosts.
        ports: the ports to look at on each.
        timing: how many attempts at a time, and how long to wait.
        port_table: gives open ports a name, and says which are looked at first.
        in_sequence: ports in ascending order, not the common ones first (-r).
        assume_up: no host discovery (-Pn).
        payloads: what to send to UDP ports.
        on_answer: told of UDP answers, which can be matched later.
        on_open: may take over the connections that find ports open.
        reverse: finds names of hosts that are up; None for no names (-n).
        name_hosts_down: find names of hosts that are down too (-R).
        host_timeout: seconds after which what is left of a host is given up.
        rate: at most so many attempts a second; None for no limit.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        targets: Targets,
        ports: PortSelection,
        *,
        timing: Timing,
        port_table: PortTable,
        in_sequence: bool = False,
        assume_up: bool = False,
        payloads: Payloads | None = None,
        on_answer: OnAnswer | None = None,
        on_open: OnOpen = close_it,
        reverse: ReverseResolver | None = None,
        name_hosts_down: bool = False,
        host_timeout: float | None = None,
        rate: RateLimit | None = None,
    ) -> None:
        """Be ready to run; nothing is sent yet."""
        self._targets = targets
        self.on_answer = on_answer
        self.on_open = on_open
        self._reverse = reverse
        self._name_hosts_down = name_hosts_down
        self._ports = ports
        self._outbox: deque[Event | Answer | HostDone] = deque()
        self._is_announced = False
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room = asyncio.Semaphore(timing.parallel_hosts)
        self._naming: dict[str, asyncio.Task[None]] = {}
        self._unnamed: set[str] = set()
        """Hosts whose ports are all looked at, and whose names are still looked up."""
        common = None if in_sequence else port_table
        self._prober = Prober(
            Plan(
                timing=timing,
                tcp=_ordered(ports, "tcp", common),
                udp=_ordered(ports, "udp", common),
                names=port_table,
                assume_up=assume_up,
                payloads=payloads or {},
                host_timeout=host_timeout,
                rate=rate or RateLimit(None),
            ),
            self._post,
            self._hand_over,
        )

    async def run(self, emit: Callable[[Event], None], may_begin: Gate = open_gate) -> None:
        """Emit `ScanPlanned`, then what is found until all is looked at.

        If cancelled, what was found so far is still emitted.

        Args:
            emit: called on the event loop.
            may_begin: awaited before each host.

        Raises:
            TargetError: a name that is to be excluded is unknown.
        """
        self._loop = asyncio.get_running_loop()
        if self._reverse is not None:
            self._reverse.tell = lambda text: emit(Warned(time=time.time(), message=text))
        hosts = min(await self._targets.count(), _COUNTABLE)
        emit(
            ScanPlanned(
                time=time.time(),
                hosts=hosts,
                ports=len(self._ports),
                tcp=self._ports.ranges("tcp"),
                udp=self._ports.ranges("udp"),
            )
        )
        self._prober.attempts_planned = min(hosts * len(self._ports), _COUNTABLE)
        thread = threading.Thread(target=self._prober.run, name="discovery", daemon=True)
        thread.start()
        feeding = asyncio.create_task(self._feed(emit, may_begin))
        try:
            while not self._prober.is_done:
                await self._news.wait()
                await asyncio.sleep(0)
                self._news.clear()
                self._drain(emit)
            if self._prober.failure is not None:
                raise self._prober.failure
            await feeding
            if self._naming:
                await asyncio.wait(self._naming.values())
        finally:
            feeding.cancel()
            for task in self._naming.values():
                task.cancel()
            self._prober.stop()
            # It looks up every few milliseconds, and no longer sends anything.
            thread.join()
            while self._outbox:
                self._drain(emit)

    def pause(self) -> None:
        """Begin no new attempt until `resume`; those under way come to their end."""
        self._prober.pause()

    def resume(self) -> None:
        """Go on."""
        self._prober.resume()

    async def _feed(self, emit: Callable[[Event], None], may_begin: Gate) -> None:
        """Hand over the targets, as many as are looked at at a time."""

        def tell(error: TargetError) -> None:
            emit(Warned(time=time.time(), message=str(error), partial=True))

        try:
            async for target in self._targets.expand(tell):
                await may_begin()
                while len(self._naming) >= _MOST_NAMELESS:
                    await asyncio.wait(self._naming.values(), return_when=asyncio.FIRST_COMPLETED)
                await self._room.acquire()
                self._prober.add(target)
        finally:
            self._prober.add_no_more()

    def _hand_over(self, endpoint: Endpoint, handle: socket.socket, seconds: float) -> bool:
        """Called by the thread: see `OnOpen`."""
        return self.on_open(endpoint, handle, seconds)

    def _post(self, item: "Event | Answer | HostDone | None") -> None:
        """Called by the thread: keep an item, and wake the event loop up; None only wakes."""
        if item is not None:
            self._outbox.append(item)
        if not self._is_announced and self._loop is not None:
            self._is_announced = True
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._news.set)

    def _drain(self, emit: Callable[[Event], None]) -> None:
        self._is_announced = False
        for _ in range(_LARGEST_BATCH):
            if not self._outbox:
                return
            item = self._outbox.popleft()
            if isinstance(item, HostDone):
                self._room.release()
                if item.address in self._naming:
                    self._unnamed.add(item.address)
                elif item.address:
                    emit(HostFinished(time=time.time(), address=item.address))
            elif isinstance(item, Answer):
                if self.on_answer is not None:
                    self.on_answer(item.endpoint, item.payload, item.data)
            else:
                emit(item)
                if isinstance(item, HostFound):
                    self._find_name(item, emit)
        self._news.set()  # there is more, but others want their turn

    def _find_name(self, host: HostFound, emit: Callable[[Event], None]) -> None:
        if self._reverse is None or (host.state is HostState.DOWN and not self._name_hosts_down):
            return
        if host.address not in self._naming:
            name = self._name(self._reverse, host.address, emit)
            self._naming[host.address] = asyncio.create_task(name)

    async def _name(
        self, reverse: ReverseResolver, address: str, emit: Callable[[Event], None]
    ) -> None:
        name = await reverse.name(address)
        del self._naming[address]
        if name:
            emit(HostNamed(time=time.time(), address=address, name=name))
        if address in self._unnamed:
            self._unnamed.remove(address)
            emit(HostFinished(time=time.time(), address=address))


def _ordered(
    selection: PortSelection, protocol: Protocol, common_first: PortTable | None
) -> "array[int]":
    """Return the selected ports, the thousand most common first, so that they are known soon."""
    selected = array("H", selection.numbers(protocol))
    if common_first is None:
        return selected
    members = set(selected)
    common = [port for port in common_first.most_common(protocol, 1000) if port in members]
    members.difference_update(common)
    return array("H", itertools.chain(common, (port for port in selected if port in members)))
