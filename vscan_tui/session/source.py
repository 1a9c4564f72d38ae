"""Where events come from: a live scan, a replayed journal, a test."""

from collections.abc import Callable
from typing import Protocol

from vscan_tui.events import Event

Emit = Callable[[Event], None]


class EventSource(Protocol):
    """A stream of events that can be held.

    `run` is awaited once, as a task; cancelling that task stops the source,
    which then still emits the events that end it.
    """

    is_recording: bool
    """True when what is shown happened earlier, and nothing is sent now."""

    async def run(self, emit: Emit) -> None:
        """Emit every event, in order, to the end of the scan."""
        ...

    def pause(self) -> None:
        """Begin nothing new until `resume`; `ScanPaused` is emitted."""
        ...

    def resume(self) -> None:
        """Go on; `ScanResumed` is emitted."""
        ...
