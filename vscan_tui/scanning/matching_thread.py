"""A thread of its own for matching, so that the event loop never waits for a regex."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from vscan_tui.events import Protocol
from vscan_tui.matching.matcher import Matcher, MatchResult
from vscan_tui.probedb.combined import CombinedProbe


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
