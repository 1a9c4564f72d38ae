"""A recorded scan as a source of events again: at once, or in time."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from vscan_tui.events import Event
from vscan_tui.session.source import Emit

BATCH = 500
"""So many events are emitted at once before the event loop gets a turn."""


class Replay:
    """Emits recorded events: an `EventSource`.

    Events that are yet to be read from a file are read in a thread, a batch at
    a time, so that the first are shown while the last are still on the disk.
    """

    is_recording = True

    def __init__(
        self,
        events: Iterable[Event],
        *,
        speed: float | None = None,
        longest_gap: float = 0.5,
        afterwards: Callable[[], Iterable[Event]] = tuple,
    ) -> None:
        """Be ready to replay.

        Args:
            events: what happened, in order.
            speed: 2.0 for twice as fast as it happened; None for all at once.
            longest_gap: no wait between two events is longer, in seconds.
            afterwards: called at the end; returns what is to be said of the reading.
        """
        self._events = events
        self._speed = speed
        self._longest_gap = longest_gap
        self._afterwards = afterwards
        self._go = asyncio.Event()
        self._go.set()

    def pause(self) -> None:
        """Hold the replay; the recording itself is not changed by it."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    async def run(self, emit: Emit) -> None:
        """Emit all events."""
        events = iter(self._events)
        is_at_hand = not isinstance(self._events, Iterator)
        previous: float | None = None
        while batch := (
            list(islice(events, BATCH))
            if is_at_hand
            else await asyncio.to_thread(lambda: list(islice(events, BATCH)))
        ):
            if self._speed is None:
                await asyncio.sleep(0)
            for event in batch:
                if self._speed is not None and previous is not None and event.time > previous:
                    gap = (event.time - previous) / self._speed
                    await asyncio.sleep(min(gap, self._longest_gap))
                previous = event.time
                if not self._go.is_set():
                    await self._go.wait()
                emit(event)
        for event in self._afterwards():
            emit(event)
