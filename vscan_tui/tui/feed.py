"""From a source to the store, a little at a time, so that the screen never waits."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vscan_tui.events import Endpoint, Event
from vscan_tui.session.store import Store

_BATCH = 64
"""Events between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch of events changed."""

    endpoints: tuple[Endpoint, ...] = ()
    events: int = 0


class Feed:
    """A queue of events, folded into a store in slices of time."""

    def __init__(
        self, store: Store, clock: Callable[[], float], wake: Callable[[], None] = lambda: None
    ) -> None:
        """Feed a store.

        Args:
            store: where the events go.
            clock: seconds from any beginning, such as `time.monotonic`.
            wake: called when an event comes and none was waiting.
        """
        self.store = store
        self._clock = clock
        self._wake = wake
        self._events: deque[Event] = deque()

    def __len__(self) -> int:
        return len(self._events)

    def emit(self, event: Event) -> None:
        """Take an event; costs nothing."""
        if not self._events:
            self._wake()
        self._events.append(event)

    def fold(self, *events: Event) -> Changes:
        """Fold events into the store before all that wait: what the user does is seen at once."""
        return _changes(dict.fromkeys(map(self.store.apply, events)), len(events))

    def drain(self, budget: float | None = None) -> Changes:
        """Fold events into the store until none is left, or the time is up.

        Args:
            budget: seconds; None for as long as it takes.
        """
        end = None if budget is None else self._clock() + budget
        events, apply = self._events, self.store.apply
        changed: dict[Endpoint | None, None] = {}
        count = 0
        while events:
            changed[apply(events.popleft())] = None
            count += 1
            if end is not None and count % _BATCH == 0 and self._clock() >= end:
                break
        return _changes(changed, count)


def _changes(changed: Iterable[Endpoint | None], count: int) -> Changes:
    return Changes(tuple(endpoint for endpoint in changed if endpoint is not None), count)
