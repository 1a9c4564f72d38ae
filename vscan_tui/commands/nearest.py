"""Which rules a response almost meets, for the screen; found only when someone looks."""

import threading
from collections.abc import Callable

from vscan_tui.events import Protocol
from vscan_tui.matching.explain import NearMiss, nearest_rules
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError

NEAREST = 3
_NULL_PROBE = "NULL"


class NearestRules:
    """Finds near misses; may be called from any thread, and takes up to some seconds."""

    def __init__(self, load: Callable[[], ProbeDatabases]) -> None:
        """Use the databases that `load` returns; it is called once, on first use."""
        self._load = load
        self._lock = threading.Lock()
        self._databases: ProbeDatabases | None = None

    def __call__(self, probe: str, protocol: Protocol, response: bytes) -> tuple[NearMiss, ...]:
        """The rules nearest to a response to a probe, the best first; none if nothing is known."""
        with self._lock:
            if self._databases is None:
                try:
                    self._databases = self._load()
                except DatabaseError:  # the screen goes without
                    self._databases = ProbeDatabases(())
            known = self._databases.find(probe, protocol) or self._databases.find(
                _NULL_PROBE, protocol
            )
            if known is None:
                return ()
            return nearest_rules(self._databases, known, response, NEAREST)
