"""A response to the first rule, in order, that matches it.

Source: nmap-behaviour.md, "Matching one response".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vscan_tui.events import Match, Protocol, Span
from vscan_tui.matching.pattern import LimitError, Pattern
from vscan_tui.matching.prefilter import Entry
from vscan_tui.matching.prefilter_cache import stored_prefilter
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.model import Probe, ProbeDatabase, Rule
from vscan_tui.probedb.templates import fill_all

MAX_RESPONSE_BYTES = 32 * 1024
"""Only the first so many bytes of a response are matched.

Nmap reads on only while it has less than 4096.  The bound keeps hostile
responses from stalling the program, because a search is not interrupted and
holds the interpreter: of some thousand responses of this size, built from the
rules' own literals and from what their repeats like to take, the worst took
about 30 ms with all rules together (`tests/benchmarks/matching.py`).
"""


Outcome = tuple[Span | None, ...] | None
"""The spans of a match and its groups; None for a rule that ran into a limit."""


@dataclass(frozen=True, slots=True)
class MatchResult:
    """What matching a response came to."""

    match: Match | None
    tried: int
    """How many rules were tried: those before the one that fired, or all."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """The probes of one database whose rules are tried, in order."""

    database: ProbeDatabase
    probes: tuple[Probe, ...]
    rules: int
    """Of all these probes together."""


class _Sieve:
    """The rules of one probe with what is made of them on first use."""

    def __init__(self, database: ProbeDatabase, probe: Probe) -> None:
        self.prefilter = stored_prefilter(database, probe)
        self._rules = probe.rules
        self._patterns: dict[int, Pattern | None] = {}

    def search(self, index: int, response: bytes) -> tuple[Span | None, ...] | None:
        if index not in self._patterns:
            rule = self._rules[index]
            try:
                self._patterns[index] = Pattern(rule.pattern, rule.flags)
            except ValueError:  # reported when the database was read
                self._patterns[index] = None
        pattern = self._patterns[index]
        return None if pattern is None else pattern.search(response)


class Matcher:
    """Matches responses against all rules of some databases.

    Regexes are compiled, and literals filed, on first use.  An instance may
    serve one thread at a time.
    """

    def __init__(self, databases: ProbeDatabases) -> None:
        """Match with these databases, in this order."""
        self._databases = databases
        self._chains: dict[CombinedProbe, tuple[_Chain, ...]] = {}
        self._sieves: dict[int, _Sieve] = {}

    def match(self, probe: CombinedProbe, response: bytes) -> MatchResult:
        """Find the rule that fires on the response to a probe.

        The databases are tried in turn; the first hard match ends it, and
        without one the first soft match counts.
        """
        return self._match(self._chain(probe), response)

    def match_any(self, protocol: Protocol, response: bytes) -> MatchResult:
        """Find the first rule of any probe that fires; a hard match if there is one.

        For a response of which it is not known what it answers.
        """
        chains = [
            _chain_of(database, [probe])
            for database in self._databases.databases
            for probe in database.probes
            if probe.protocol == protocol
        ]
        return self._match(chains, response)

    def filed(
        self, probe: CombinedProbe
    ) -> Iterator[tuple[ProbeDatabase, Probe, tuple[Entry, ...]]]:
        """The probes whose rules are tried on a response, in order, with how these are filed."""
        for chain in self._chain(probe):
            for member in chain.probes:
                yield chain.database, member, self._sieve(chain.database, member).prefilter.filed

    def outcomes(self, probe: CombinedProbe, response: bytes) -> dict[int, Outcome]:
        """All rules that match, by their place in the order in which rules are tried.

        With those that ran into a limit, which have no spans.
        """
        response = response[:MAX_RESPONSE_BYTES]
        found: dict[int, Outcome] = {}
        tried = 0
        for chain in self._chain(probe):
            for member in chain.probes:
                sieve = self._sieve(chain.database, member)
                for index in sieve.prefilter.candidates(response):
                    try:
                        spans = sieve.search(index, response)
                    except LimitError:
                        found[tried + index] = None
                        continue
                    if spans is not None:
                        found[tried + index] = spans
                tried += len(member.rules)
        return found

    def _match(self, chains: Iterable[_Chain], response: bytes) -> MatchResult:
        response = response[:MAX_RESPONSE_BYTES]
        soft: Match | None = None
        tried = 0
        for chain in chains:
            match, tried = self._first_match(chain, response, tried)
            if match is not None:
                if not match.soft:
                    return MatchResult(match, match.tried)
                soft = soft or match
        return MatchResult(soft, soft.tried if soft else tried)

    def _chain(self, probe: CombinedProbe) -> tuple[_Chain, ...]:
        chains = self._chains.get(probe)
        if chains is None:
            chains = self._chains[probe] = tuple(
                _chain_in(database, probe) for database in self._databases.databases
            )
        return chains

    def _first_match(
        self, chain: _Chain, response: bytes, tried_before: int
    ) -> tuple[Match | None, int]:
        """Return the first rule of a chain that fires, and how many were tried in all."""
        tried = tried_before
        lower = response.lower()
        for probe in chain.probes:
            sieve = self._sieve(chain.database, probe)
            for index in sieve.prefilter.candidates(response, lower):
                try:
                    spans = sieve.search(index, response)
                except LimitError:
                    continue
                if spans is not None:
                    rule = probe.rules[index]
                    match = _match(chain.database, probe, rule, response, spans, tried + index)
                    return match, tried_before + chain.rules
            tried += len(probe.rules)
        return None, tried

    def _sieve(self, database: ProbeDatabase, probe: Probe) -> _Sieve:
        sieve = self._sieves.get(id(probe))
        if sieve is None:
            sieve = self._sieves[id(probe)] = _Sieve(database, probe)
        return sieve


def _chain_in(database: ProbeDatabase, probe: CombinedProbe) -> _Chain:
    for member in probe.members:
        if member.database is database:
            return _chain_of(database, database.chain(member.probe))
    # A database that lacks the probe still knows banners, which may come late.
    banners = database.probes if probe.protocol == "tcp" else ()
    return _chain_of(database, (other for other in banners if other.is_null))


def _chain_of(database: ProbeDatabase, probes: Iterable[Probe]) -> _Chain:
    members = tuple(probes)
    return _Chain(database, members, sum(len(probe.rules) for probe in members))


def _match(
    database: ProbeDatabase,
    probe: Probe,
    rule: Rule,
    response: bytes,
    spans: tuple[Span | None, ...],
    tried: int,
) -> Match:
    groups = [None if span is None else response[slice(*span)] for span in spans]
    return Match(
        database=database.identity.name,
        file=rule.file,
        line=rule.line,
        probe=probe.name,
        service=rule.service,
        soft=rule.soft,
        pattern=rule.pattern,
        flags=rule.flags,
        templates=rule.templates,
        spans=spans,
        tried=tried,
        fields=fill_all(rule.templates, groups),
    )
