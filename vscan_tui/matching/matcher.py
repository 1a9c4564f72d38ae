"""A response to the first rule, in order, that matches it.

Source: nmap-behaviour.md, "Matching one response".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from vscan_tui.events import Fields, Match, Protocol, Span
from vscan_tui.matching.entry import Entry
from vscan_tui.matching.pattern import SEARCH_SECONDS, Found, LimitError, OverrunError, Pattern
from vscan_tui.matching.prefilter import Prefilter
from vscan_tui.matching.prefilter_cache import stored_prefilter
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases, tells_more
from vscan_tui.probedb.model import Probe, ProbeDatabase, Rule
from vscan_tui.probedb.sources import OWN_NAME
from vscan_tui.probedb.templates import Filler

MAX_RESPONSE_BYTES = 32 * 1024
"""Only the first so many bytes of a response are matched.

Nmap reads on only while it has less than 4096.  The bound keeps hostile
responses from stalling the program, because a search is not interrupted and
holds the interpreter: of some thousand responses of this size, built from the
rules' own literals and from what their repeats like to take, the worst took
about 30 ms with all rules together (`tests/benchmarks/matching.py`).
"""
MAX_OVERRUNS = 3
"""A rule that took too long on so many responses is not tried any more."""


Outcome = tuple[Span | None, ...] | None
"""The spans of a match and its groups; None for a rule that ran into a limit."""


@dataclass(frozen=True, slots=True)
class MatchResult:
    """What matching a response came to."""

    match: Match | None
    tried: int
    """How many rules were tried: those before the one that fired, or all."""


def overrun_notice(rule: Rule) -> str:
    """What a user is told of a rule that took too long."""
    return (
        f"{rule.file}:{rule.line}: this regex of {rule.service} took longer than "
        f"{SEARCH_SECONDS:g} s on a response, which counts as no match; after {MAX_OVERRUNS} such "
        "responses it is not tried any more. Anchor it with ^, or make its repeats tell apart"
    )


class Fired:
    """A rule that fired, with as much as was needed to know that; the rest is made when asked."""

    __slots__ = ("_found", "_reached", "_response", "_sieve", "tried")

    def __init__(
        self, sieve: "_Sieve", reached: "_Reached", found: Found, response: bytes, tried: int
    ) -> None:
        """Of a rule that was reached, where it matches, and how many were tried before."""
        self._sieve = sieve
        self._reached = reached
        self._found = found
        self._response = response
        self.tried = tried

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self._reached.rule

    @property
    def probe(self) -> Probe:
        """The probe that holds the rule."""
        return self._sieve.probe

    @property
    def is_final(self) -> bool:
        """Whether no later database can tell more: it is the user's own, or tells all."""
        return self._reached.tells_all or self._sieve.database.identity.name == OWN_NAME

    def fields(self) -> Fields:
        """The version fields, filled from the response."""
        filler = self._reached.filler
        return filler.fill(self._found.captured(filler.groups) if filler.groups else ())

    def match(self) -> Match:
        """All that there is to say of it."""
        rule = self._reached.rule
        return Match(
            database=self._sieve.database.identity.name,
            file=rule.file,
            line=rule.line,
            probe=self._sieve.probe.name,
            service=rule.service,
            soft=rule.soft,
            pattern=rule.pattern,
            flags=rule.flags,
            templates=rule.templates,
            spans=self._found.spans(),
            tried=self.tried,
            fields=self.fields(),
        )


class _Reached:
    """What is made of a rule when a response first reaches it."""

    __slots__ = ("filler", "find", "overruns", "rule", "tells_all")

    def __init__(self, rule: Rule, worked: Callable[[], None]) -> None:
        self.rule = rule
        self.overruns = 0
        self.filler = Filler(rule.templates)
        self.tells_all = {"p", "v"} <= {field for field, _ in rule.templates}
        self.find: Callable[[bytes], Found | None]
        try:
            self.find = Pattern(rule.pattern, rule.flags, worked=worked).find
        except ValueError:  # told when the database was read
            self.find = _nothing


def _nothing(_response: bytes) -> None:
    return None


class _Sieve:
    """The rules of one probe with what is made of them on first use."""

    def __init__(
        self,
        database: ProbeDatabase,
        probe: Probe,
        overran: Callable[[Rule], None],
        worked: Callable[[], None],
    ) -> None:
        self.database = database
        self.probe = probe
        self._overran = overran
        self._worked = worked
        self.rules = len(probe.rules)
        self._reached: dict[int, _Reached] = {}

    @cached_property
    def prefilter(self) -> Prefilter:
        return stored_prefilter(self.database, self.probe)

    def reached(self, index: int) -> _Reached:
        reached = self._reached.get(index)
        if reached is None:
            reached = self._reached[index] = _Reached(self.probe.rules[index], self._worked)
        return reached

    def first(self, response: bytes, lower: bytes, tried: int) -> Fired | None:
        """Find the first of these rules that fires; `tried` counts those before them."""
        for index in self.prefilter.candidates(response, lower):
            reached = self.reached(index)
            try:
                found = reached.find(response)
            except OverrunError:
                self._note_overrun(reached)
                continue
            except LimitError:
                continue
            finally:
                self._worked()
            if found is not None:
                return Fired(self, reached, found, response, tried + index)
        return None

    def _note_overrun(self, reached: _Reached) -> None:
        reached.overruns += 1
        if reached.overruns == 1:
            self._overran(reached.rule)
        if reached.overruns == MAX_OVERRUNS:
            reached.find = _nothing


@dataclass(frozen=True, slots=True)
class _Chain:
    """The probes of one database whose rules are tried, in order."""

    sieves: tuple[_Sieve, ...]
    rules: int
    """Of all these probes together."""

    def first(self, response: bytes, lower: bytes, tried: int) -> Fired | None:
        for sieve in self.sieves:
            fired = sieve.first(response, lower, tried)
            if fired is not None:
                return fired
            tried += sieve.rules
        return None


class Matcher:
    """Matches responses against all rules of some databases.

    Regexes are compiled, and literals filed, on first use.  An instance may
    serve one thread at a time.
    """

    def __init__(
        self,
        databases: ProbeDatabases,
        overran: Callable[[Rule], None] = lambda _: None,
        worked: Callable[[], None] = lambda: None,
    ) -> None:
        """Match with these databases, in this order.

        Args:
            databases: whose rules are tried.
            overran: told of a rule when it first takes longer than
                `pattern.SEARCH_SECONDS`, in the thread that matches.
            worked: called after each search, and now and then in one that takes long, in the
                same thread, which may rest there.
        """
        self._databases = databases
        self._overran = overran
        self._worked = worked
        self._chains: dict[CombinedProbe, tuple[_Chain, ...]] = {}
        self._sieves: dict[int, _Sieve] = {}

    def match(self, probe: CombinedProbe, response: bytes) -> MatchResult:
        """Find the rule that fires on the response to a probe.

        The databases are tried in turn; the first hard match counts, but for
        one of a later database that tells more of the same (`tells_more`).
        Without a hard match the first soft match counts.
        """
        return _result(self._chain(probe), response)

    def fired(self, probe: CombinedProbe, response: bytes) -> Fired | None:
        """Find the same rule, and do no more than that."""
        return _fired(self._chain(probe), response)

    def match_any(self, protocol: Protocol, response: bytes) -> MatchResult:
        """Find the first rule of any probe that fires; a hard match if there is one.

        For a response of which it is not known what it answers.
        """
        chains = [
            self._chain_of(database, [probe])
            for database in self._databases.databases
            for probe in database.probes
            if probe.protocol == protocol
        ]
        return _result(chains, response)

    def filed(
        self, probe: CombinedProbe
    ) -> Iterator[tuple[ProbeDatabase, Probe, tuple[Entry, ...]]]:
        """The probes whose rules are tried on a response, in order, with how these are filed."""
        for chain in self._chain(probe):
            for sieve in chain.sieves:
                yield sieve.database, sieve.probe, sieve.prefilter.filed

    def outcomes(self, probe: CombinedProbe, response: bytes) -> dict[int, Outcome]:
        """All rules that match, by their place in the order in which rules are tried.

        With those that ran into a limit, which have no spans.
        """
        response = response[:MAX_RESPONSE_BYTES]
        outcomes: dict[int, Outcome] = {}
        tried = 0
        for sieve in (sieve for chain in self._chain(probe) for sieve in chain.sieves):
            for index in sieve.prefilter.candidates(response):
                try:
                    found = sieve.reached(index).find(response)
                except LimitError:
                    outcomes[tried + index] = None
                    continue
                if found is not None:
                    outcomes[tried + index] = found.spans()
            tried += sieve.rules
        return outcomes

    def _chain(self, probe: CombinedProbe) -> tuple[_Chain, ...]:
        chains = self._chains.get(probe)
        if chains is None:
            chains = self._chains[probe] = tuple(
                self._chain_of(database, _probes_in(database, probe))
                for database in self._databases.databases
            )
        return chains

    def _chain_of(self, database: ProbeDatabase, probes: Iterable[Probe]) -> _Chain:
        sieves = tuple(self._sieve(database, probe) for probe in probes)
        return _Chain(sieves, sum(sieve.rules for sieve in sieves))

    def _sieve(self, database: ProbeDatabase, probe: Probe) -> _Sieve:
        sieve = self._sieves.get(id(probe))
        if sieve is None:
            sieve = self._sieves[id(probe)] = _Sieve(database, probe, self._overran, self._worked)
        return sieve


def _probes_in(database: ProbeDatabase, probe: CombinedProbe) -> Iterable[Probe]:
    """The probes of a database whose rules are tried on a response to a probe of any."""
    for member in probe.members:
        if member.database is database:
            return database.chain(member.probe)
    # A database that lacks the probe still knows banners, which may come late.
    banners = database.probes if probe.protocol == "tcp" else ()
    return (other for other in banners if other.is_null)


def _result(chains: Sequence[_Chain], response: bytes) -> MatchResult:
    fired = _fired(chains, response)
    if fired is None:
        return MatchResult(None, sum(chain.rules for chain in chains))
    return MatchResult(fired.match(), fired.tried)


def _fired(chains: Sequence[_Chain], response: bytes) -> Fired | None:
    response = response[:MAX_RESPONSE_BYTES]
    lower = response.lower()
    soft: Fired | None = None
    hard: Fired | None = None
    tried = 0
    for chain in chains:
        fired = chain.first(response, lower, tried)
        tried += chain.rules
        if fired is None:
            continue
        if fired.rule.soft:
            soft = soft or fired
        elif hard is None:
            hard = fired
            if fired.is_final:
                break
        elif fired.rule.service == hard.rule.service and tells_more(fired.fields(), hard.fields()):
            hard = fired
            break
    return hard or soft
