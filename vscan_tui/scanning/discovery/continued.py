"""Discovery that goes on where another stopped: what is known, then what is left."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from vscan_tui.events import (
    DiscoveryProgressed,
    Event,
    HostFinished,
    HostFound,
    PortFound,
    ScanPlanned,
)
from vscan_tui.scanning.gate import Gate, open_gate

Emit = Callable[[Event], None]


class Discovering(Protocol):
    """Finds ports, like `vscan_tui.scanning.discovery.discovery.Discovery`."""

    async def run(self, emit: Emit, may_begin: Gate) -> None:
        """Emit what is found; `may_begin` is awaited before each host."""
        ...

    def pause(self) -> None:
        """Begin nothing new."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...


class ContinuedDiscovery:
    """Hands over ports that were found before, then runs other discoveries one after another."""

    def __init__(
        self,
        hosts: Mapping[str, HostFound],
        ports: Sequence[PortFound],
        others: Sequence[Discovering],
        total: int,
        unfinished: Collection[str] = (),
    ) -> None:
        """Be ready to run once.

        Args:
            hosts: what was known of each host; told again when it comes up, so
                that nothing better known is forgotten.
            ports: found before, and to be asked.
            others: what looks for the rest.
            total: how many ports the whole scan looks for; 0 if that was not known.
            unfinished: the hosts that the others look at again.
        """
        self._unfinished = unfinished
        self._hosts = hosts
        self._ports = ports
        self._others = others
        self._total = total
        self._current: Discovering | None = None
        self._is_paused = False

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that were known and are gone on with."""
        return frozenset(self._unfinished).union(port.endpoint.address for port in self._ports)

    def pause(self) -> None:
        """Begin nothing new until `resume`."""
        self._is_paused = True
        if self._current is not None:
            self._current.pause()

    def resume(self) -> None:
        """Go on."""
        self._is_paused = False
        if self._current is not None:
            self._current.resume()

    async def run(self, emit: Emit, may_begin: Gate = open_gate) -> None:
        """Emit the known ports, then what the others find."""
        by_host: dict[str, list[PortFound]] = {}
        for port in self._ports:
            by_host.setdefault(port.endpoint.address, []).append(port)
        for address, ports in by_host.items():
            await may_begin()
            if address in self._hosts:
                emit(self._hosts[address])
            for port in ports:
                emit(port)
            if address not in self._unfinished:
                emit(HostFinished(time=time.time(), address=address))
        for other in self._others:
            self._current = other
            if self._is_paused:
                other.pause()
            await other.run(lambda event: self._pass_on(event, emit), may_begin)
        if self._total:
            now = time.time()
            emit(DiscoveryProgressed(time=now, done=self._total, total=self._total))

    def _pass_on(self, event: Event, emit: Emit) -> None:
        match event:
            case ScanPlanned():
                pass  # the plan is that of the whole scan
            case HostFound(address=address) if address in self._hosts:
                emit(self._hosts[address])
            case DiscoveryProgressed():
                left = event.total - event.done
                if self._total >= left:
                    done = self._total - left
                    emit(DiscoveryProgressed(time=event.time, done=done, total=self._total))
            case _:
                emit(event)
