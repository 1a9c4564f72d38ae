"""At most so many connections a second, for port discovery and interrogation together."""

import asyncio
import threading
import time

_LAG = 0.05
"""Seconds: who comes late may catch up so far, because timers are not exact."""


class RateLimit:
    """Gives out turns at an even rate; may be asked from any thread."""

    def __init__(self, per_second: float | None) -> None:
        """Give out at most `per_second` turns a second, more than 0; None for no limit."""
        self.per_second = per_second
        self._interval = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = threading.Lock()
        self._queue = asyncio.Lock()

    def __reduce__(self) -> "tuple[type[RateLimit], tuple[float | None]]":
        """Taken to another process, it begins anew."""
        return type(self), (self.per_second,)

    def delay(self, now: float) -> float:
        """How many seconds it is until there is a turn; 0 if there is one now.

        Args:
            now: on the clock of `time.perf_counter`.
        """
        return max(0.0, self._next - now) if self._interval else 0.0

    def take(self, now: float) -> bool:
        """Take a turn, if there is one now."""
        if not self._interval:
            return True
        with self._lock:
            if self._next > now:
                return False
            self._next = max(self._next, now - _LAG) + self._interval
            return True

    async def turn(self) -> None:
        """Wait for a turn and take it."""
        if not self._interval:
            return
        async with self._queue:
            # Another thread may be quicker, and it tells nobody.
            while not self.take(now := time.perf_counter()):  # noqa: ASYNC110
                await asyncio.sleep(self.delay(now))
