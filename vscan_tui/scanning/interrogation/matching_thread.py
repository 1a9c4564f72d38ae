"""A thread of its own for matching, so that the event loop never waits for a regex."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from vscan_tui.events import Protocol
from vscan_tui.matching.matcher import Matcher, MatchResult
from vscan_tui.probedb.combined import CombinedProbe

_LONG = 0.002
"""Seconds of work after which others have their turn."""
_REST = 3
"""So many times as long as it worked the thread rests."""
_LONGEST_REST = 0.05


class GivesWay:
    """Called when a search has worked for a while, or ended; then the thread may have to rest.

    A search holds the interpreter until it ends, and each time that the event
    loop lets go of it for a moment, as it does with every read and write, the next
    search would begin: one turn of the loop would wait for as many searches.
    """

    def __init__(
        self,
        used: Callable[[], float] = time.thread_time,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Begin rested.

        Args:
            used: seconds of processor time that the thread has taken.
            clock: seconds from any beginning.
            sleep: waits for seconds, without the interpreter.
        """
        self._used, self._clock, self._sleep = used, clock, sleep
        self._before = 0.0
        self._since = clock()

    def __call__(self) -> None:
        """Rest longer than it worked, unless that was little, or others had their time."""
        worked = self._used() - self._before
        if worked < _LONG:
            return
        rested = self._clock() - self._since - worked
        if rested < _REST * worked:
            self._sleep(min(_REST * worked - rested, _LONGEST_REST))
        self._before, self._since = self._used(), self._clock()


class MatchingThread:
    """Matches one response after the other; the thread begins with the first."""

    def __init__(self, matcher: Matcher) -> None:
        """Match with a matcher that nobody else uses."""
        self._matcher = matcher
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="matching")

    def match(self, probe: CombinedProbe, response: bytes) -> asyncio.Future[MatchResult]:
        """See `Matcher.match`."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._executor, self._matcher.match, probe, response)

    def match_any(self, protocol: Protocol, response: bytes) -> asyncio.Future[MatchResult]:
        """See `Matcher.match_any`."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._executor, self._matcher.match_any, protocol, response)

    def end(self) -> None:
        """End the thread when it has done what it was given; nothing more can be matched."""
        self._executor.shutdown(wait=False)
