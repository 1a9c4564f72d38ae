"""What a person may ask about responses and rules while a session is on the screen.

Every question may be asked from any thread; one is answered at a time.  None
may be asked from an event loop: each takes from milliseconds to seconds.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vscan_tui.events import Match, Protocol

if TYPE_CHECKING:  # imported with the first question, so that nobody waits for it before
    from vscan_tui.matching.explain import RuleList
    from vscan_tui.matching.matcher import Matcher
    from vscan_tui.matching.parts import Dissection
    from vscan_tui.matching.reads import Read
    from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
    from vscan_tui.probedb.model import Rule

_NULL_PROBE = "NULL"


@dataclass(frozen=True, slots=True)
class Study:
    """What is found out about one response."""

    rules: "RuleList"
    reads: "tuple[Read, ...]"
    """What had come after each read, and what would have been made of it."""


class Investigation:
    """Answers questions with the probe databases of a session, read when first asked."""

    def __init__(
        self,
        load: "Callable[[], ProbeDatabases]",
        reload: "Callable[[], ProbeDatabases] | None" = None,
    ) -> None:
        """Use the databases that `load` returns; once they are read, they are kept.

        Args:
            load: returns the databases; called once, on first use.
            reload: reads them anew, after the user changed one; by default, `load`.
        """
        self._load = load
        self._reload = reload or load
        self._lock = threading.Lock()
        self._databases: ProbeDatabases | None = None
        self._matcher: Matcher | None = None

    def databases(self) -> "ProbeDatabases":
        """The databases; none if they cannot be read."""
        with self._lock:
            return self._known()

    def read_again(self) -> None:
        """Read the databases anew, because one has changed."""
        with self._lock:
            self._databases = _read(self._reload)
            self._matcher = None

    def study(
        self, probe: str, protocol: Protocol, response: bytes, lengths: Sequence[int] = ()
    ) -> Study | None:
        """The fate of every rule on a response, and what each read would have given.

        Args:
            probe: the name of the probe that was sent.
            protocol: over which it was sent.
            response: as far as it came.
            lengths: for each read, how many bytes of the response had come by then.

        Returns:
            None if no database knows any rule for it.
        """
        from vscan_tui.matching.explain import rule_list  # noqa: PLC0415
        from vscan_tui.matching.reads import after_each_read  # noqa: PLC0415

        with self._lock:
            known = self._probe(probe, protocol)
            if known is None:
                return None
            rules = rule_list(self._known(), known, response)
            return Study(rules, after_each_read(self._own_matcher(), known, response, lengths))

    def dissect(self, rule: "Rule", response: bytes) -> "Dissection":
        """One rule against a response, part by part."""
        from vscan_tui.matching.parts import dissect  # noqa: PLC0415

        return dissect(rule, response)

    def match(self, probe: str, protocol: Protocol, response: bytes) -> Match | None:
        """The rule that fires on a response to a probe."""
        with self._lock:
            known = self._probe(probe, protocol)
            return None if known is None else self._own_matcher().match(known, response).match

    def _known(self) -> "ProbeDatabases":
        if self._databases is None:
            self._databases = _read(self._load)
        return self._databases

    def _own_matcher(self) -> "Matcher":
        from vscan_tui.matching.matcher import Matcher  # noqa: PLC0415

        if self._matcher is None:
            self._matcher = Matcher(self._known())
        return self._matcher

    def _probe(self, name: str, protocol: Protocol) -> "CombinedProbe | None":
        """The probe of that name; for one of no database, that of banners."""
        databases = self._known()
        return databases.find(name, protocol) or databases.find(_NULL_PROBE, protocol)


def _read(load: "Callable[[], ProbeDatabases]") -> "ProbeDatabases":
    from vscan_tui.probedb.combined import ProbeDatabases  # noqa: PLC0415
    from vscan_tui.probedb.sources import DatabaseError  # noqa: PLC0415

    try:
        return load()
    except DatabaseError:  # the screen goes without
        return ProbeDatabases(())
