"""Discovery that goes on where another stopped: what is known, then what is left."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from vscan_tui.events import (
    DiscoveryProgressed,
    Event,
    HostFound,
    PortFound,
    ScanPlanned,
)

Emit = Callable[[Event], None]


class Discovering(Protocol):
    """Finds ports, like `vscan_tui.scanning.discovery.Discovery`."""

    async def run(self, emit: Emit) -> None:
        """Emit what is found."""
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
    ) -> None:
        """Be ready to run once.

        Args:
            hosts: what was known of each host; told again when it comes up, so
                that nothing better known is forgotten.
            ports: found before, and to be asked.
            others: what looks for the rest.
            total: how many ports the whole scan looks for; 0 if that was not known.
        """
        self._hosts = hosts
        self._ports = ports
        self._others = others
        self._total = total
        self._current: Discovering | None = None
        self._is_paused = False

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

    async def run(self, emit: Emit) -> None:
        """Emit the known ports, then what the others find."""
        for address in dict.fromkeys(port.endpoint.address for port in self._ports):
            if address in self._hosts:
                emit(self._hosts[address])
        for port in self._ports:
            emit(port)
        for other in self._others:
            self._current = other
            if self._is_paused:
                other.pause()
            await other.run(lambda event: self._pass_on(event, emit))
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
