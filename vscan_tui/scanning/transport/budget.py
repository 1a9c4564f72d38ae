"""Who may connect next: a number of connections in all, shared fairly.

The most is gained where least is needed.  So a port's first connection comes
first, which is all that most services that speak first need; then the others of
ports that answer; last those of ports that said nothing so far, which are mostly
waited for.  Ports are begun in turn from host to host.
"""

import asyncio
import heapq
from collections import OrderedDict, deque
from enum import IntEnum
from itertools import count
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Need(IntEnum):
    """What a connection is for; the lower goes first."""

    FIRST = 0
    MORE = 1
    SLOW = 2


class ConnectionBudget:
    """At most so many connections at a time, over all ports."""

    def __init__(self, limit: int) -> None:
        """Allow `limit` connections, at least 1."""
        self._free = limit
        self._waiting: list[tuple[Need, int, asyncio.Future[None]]] = []
        self._order = count()

    async def acquire(self, need: Need) -> None:
        """Wait for a connection; whoever got one gives it back with `release`."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (need, next(self._order), turn))
        self._give_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()
            turn.cancel()
            raise

    def release(self) -> None:
        """Give a connection back."""
        self._free += 1
        self._give_out()

    def _give_out(self) -> None:
        while self._free > 0 and self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._free -= 1
                turn.set_result(None)


class FairQueue(Generic[Item]):
    """A queue that gives out one item of each host in turn."""

    def __init__(self) -> None:
        """Begin empty and open."""
        self._items: OrderedDict[str, deque[Item]] = OrderedDict()
        self._waiting = asyncio.Semaphore(0)

    def put(self, host: str, item: Item) -> None:
        """Add an item of a host."""
        self._items.setdefault(host, deque()).append(item)
        self._waiting.release()

    def close(self) -> None:
        """Nothing more will be added."""
        self._waiting.release()

    async def get(self) -> Item | None:
        """Wait for the next item; None once the queue is closed and empty."""
        # There is one turn for each item, and one more when nothing follows.
        await self._waiting.acquire()
        if not self._items:
            self._waiting.release()  # for the others that wait
            return None
        host, items = self._items.popitem(last=False)
        item = items.popleft()
        if items:
            self._items[host] = items
        return item
