"""Connections that we have ended, until the other side has ended them too.

A server that writes to a connection whose other end is gone is told so by a
signal, which ends programs that do not expect it.  So a connection is not simply
closed while something may still be coming: we say that we send nothing more, read
what comes to its end without looking at it, and close then, or after a moment.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

FAREWELL_SECONDS = 1.0
"""The other side has so long to end a connection that we have ended."""
MAX_FAREWELL_BYTES = 1024 * 1024
"""Whoever still has more to say than that is not listened to."""
MAX_FAREWELLS = 512
"""At a time; the oldest is closed for the next."""


class Discarding(Protocol):
    """What takes a connection's bytes, and can drop them from now on."""

    def discard(self, at_most: int, over: Callable[[], None]) -> None:
        """Drop all that comes; call `over` at the end, or once it was more than `at_most`."""
        ...


class Farewells:
    """All connections that are being ended."""

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way: dict[asyncio.Transport, asyncio.TimerHandle] = {}
        self._none_left = asyncio.Event()
        self._none_left.set()

    def begin(self, transport: asyncio.Transport, inbox: Discarding) -> None:
        """End a connection that the other side has not ended; never raises."""
        if transport.is_closing() or not transport.can_write_eof():
            transport.close()
            return
        while len(self._under_way) >= MAX_FAREWELLS:
            self._end(next(iter(self._under_way)))
        loop = asyncio.get_running_loop()
        timer = loop.call_later(FAREWELL_SECONDS, self._end, transport)
        self._under_way[transport] = timer
        self._none_left.clear()
        with suppress(OSError):
            transport.write_eof()
        inbox.discard(MAX_FAREWELL_BYTES, lambda: self._end(transport))

    def end_all(self) -> None:
        """Close all at once."""
        for transport in list(self._under_way):
            self._end(transport)

    async def ended(self) -> None:
        """Wait until the last one is closed, which is never longer than `FAREWELL_SECONDS`."""
        await self._none_left.wait()

    def _end(self, transport: asyncio.Transport) -> None:
        timer = self._under_way.pop(transport, None)
        if timer is not None:
            timer.cancel()
            transport.close()
        if not self._under_way:
            self._none_left.set()
