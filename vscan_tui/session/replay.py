"""A recorded scan as a source of events again: at once, or in time."""

import asyncio
from collections.abc import Sequence

from vscan_tui.events import Event
from vscan_tui.session.source import Emit

BATCH = 500
"""So many events are emitted at once before the event loop gets a turn."""


class Replay:
    """Emits recorded events: an `EventSource`."""

    is_recording = True

    def __init__(
        self, events: Sequence[Event], *, speed: float | None = None, longest_gap: float = 0.5
    ) -> None:
        """Be ready to replay.

        Args:
            events: what happened, in order.
            speed: 2.0 for twice as fast as it happened; None for all at once.
            longest_gap: no wait between two events is longer, in seconds.
        """
        self._events = events
        self._speed = speed
        self._longest_gap = longest_gap
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
        previous: float | None = None
        for number, event in enumerate(self._events):
            if self._speed is None:
                if number % BATCH == 0:
                    await asyncio.sleep(0)
            elif previous is not None and event.time > previous:
                gap = (event.time - previous) / self._speed
                await asyncio.sleep(min(gap, self._longest_gap))
            previous = event.time
            if not self._go.is_set():
                await self._go.wait()
            emit(event)
