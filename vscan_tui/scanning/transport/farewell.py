"""Connections that we have ended, until the other side has ended them too.

A server that writes to a connection whose other end is gone is told so by a
signal, which ends programs that do not expect it.  So a connection is not simply
closed while something may still be coming: we say that we send nothing more, read
what comes to its end without looking at it, and close then, or after a moment.

A server that serves one client at a time may not have met a connection at all, as
long as another of ours is open: the moment begins when none is.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

FAREWELL_SECONDS = 1.0
"""The other side has so long to end a connection that we have ended."""
MAX_FAREWELL_SECONDS = 60.0
"""And so long at most while we have others open to the same port."""
MAX_FAREWELL_BYTES = 1024 * 1024
"""Whoever still has more to say than that is not listened to."""
MAX_FAREWELLS = 512
"""At a time; the oldest is closed for the next."""


class Discarding(Protocol):
    """What takes a connection's bytes, and can drop them from now on."""

    is_ended: bool
    """Whether the other side has ended the connection."""

    def discard(self, at_most: int, over: Callable[[], None]) -> None:
        """Drop all that comes; call `over` at the end, or once it was more than `at_most`."""
        ...


class Farewells:
    """All connections that are being ended; knows those that are not, too."""

    def __init__(self) -> None:
        """Begin with none."""
        self._open: Counter[object] = Counter()
        """How many connections are not being ended, by the other side's address."""
        self._under_way: dict[asyncio.Transport, asyncio.TimerHandle] = {}
        self._behind: dict[object, list[asyncio.Transport]] = {}
        """Those that began while another was open, by the other side's address."""
        self._none_left = asyncio.Event()
        self._none_left.set()

    def opened(self, transport: asyncio.Transport) -> None:
        """Know of a connection; `begin` is called once when it is to be ended."""
        self._open[_other_side(transport)] += 1

    def begin(self, transport: asyncio.Transport, inbox: Discarding) -> None:
        """End a connection; never raises."""
        port = _other_side(transport)
        self._open[port] -= 1
        if not self._open[port]:
            del self._open[port]
            for other in self._behind.pop(port, ()):
                self._give_time(other, FAREWELL_SECONDS)
        if inbox.is_ended or transport.is_closing() or not transport.can_write_eof():
            transport.close()
            return
        while len(self._under_way) >= MAX_FAREWELLS:
            self._end(next(iter(self._under_way)))
        seconds = FAREWELL_SECONDS
        if port in self._open:
            seconds = MAX_FAREWELL_SECONDS
            self._behind.setdefault(port, []).append(transport)
        loop = asyncio.get_running_loop()
        self._under_way[transport] = loop.call_later(seconds, self._end, transport)
        self._none_left.clear()
        with suppress(OSError):
            transport.write_eof()
        inbox.discard(MAX_FAREWELL_BYTES, lambda: self._end(transport))

    def end_all(self) -> None:
        """Close all at once."""
        for transport in list(self._under_way):
            self._end(transport)

    async def ended(self) -> None:
        """Wait until the last one is closed, but never longer than `FAREWELL_SECONDS`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._none_left.wait()
        self.end_all()

    def _give_time(self, transport: asyncio.Transport, seconds: float) -> None:
        """Let a farewell that is still under way take so long from now."""
        timer = self._under_way.get(transport)
        if timer is not None:
            timer.cancel()
            loop = asyncio.get_running_loop()
            self._under_way[transport] = loop.call_later(seconds, self._end, transport)

    def _end(self, transport: asyncio.Transport) -> None:
        timer = self._under_way.pop(transport, None)
        if timer is not None:
            timer.cancel()
            transport.close()
        if not self._under_way:
            self._none_left.set()


def _other_side(transport: asyncio.Transport) -> object:
    """By what connections to the same port are known."""
    return transport.get_extra_info("peername")
