"""A response to the first rule, in order, that matches it.

Source: nmap-behaviour.md, "Matching one response".
"""

from dataclasses import dataclass

from vscan_tui.events import Match, Span
from vscan_tui.matching.pattern import LimitError, Pattern
from vscan_tui.matching.prefilter import Prefilter
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.model import Probe, ProbeDatabase, Rule
from vscan_tui.probedb.templates import fill_all

MAX_RESPONSE_BYTES = 256 * 1024
"""A regex never sees more than the first so many bytes of a response."""


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


class Matcher:
    """Matches responses against all rules of some databases.

    Regexes are compiled, and literals filed, on first use.  An instance may
    serve one thread at a time.
    """

    def __init__(self, databases: ProbeDatabases) -> None:
        """Match with these databases, in this order."""
        self._databases = databases
        self._chains: dict[CombinedProbe, tuple[_Chain, ...]] = {}
        self._prefilters: dict[int, Prefilter] = {}
        self._patterns: dict[int, Pattern | None] = {}

    def match(self, probe: CombinedProbe, response: bytes) -> MatchResult:
        """Find the rule that fires on the response to a probe.

        The databases are tried in turn; the first hard match ends it, and
        without one the first soft match counts.
        """
        response = response[:MAX_RESPONSE_BYTES]
        soft: Match | None = None
        tried = 0
        for chain in self._chain(probe):
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
        for probe in chain.probes:
            for index in self._prefilter(probe).candidates(response):
                rule = probe.rules[index]
                spans = self._search(rule, response)
                if spans is not None:
                    match = _match(chain.database, probe, rule, response, spans, tried + index)
                    return match, tried + _rules_in(chain)
            tried += len(probe.rules)
        return None, tried

    def _prefilter(self, probe: Probe) -> Prefilter:
        prefilter = self._prefilters.get(id(probe))
        if prefilter is None:
            prefilter = self._prefilters[id(probe)] = Prefilter(probe.rules)
        return prefilter

    def _search(self, rule: Rule, response: bytes) -> tuple[Span | None, ...] | None:
        key = id(rule)
        if key not in self._patterns:
            try:
                self._patterns[key] = Pattern(rule.pattern, rule.flags)
            except ValueError:  # reported when the database was read
                self._patterns[key] = None
        pattern = self._patterns[key]
        if pattern is None:
            return None
        try:
            return pattern.search(response)
        except LimitError:
            return None


def _rules_in(chain: _Chain) -> int:
    return sum(len(probe.rules) for probe in chain.probes)


def _chain_in(database: ProbeDatabase, probe: CombinedProbe) -> _Chain:
    for member in probe.members:
        if member.database is database:
            return _Chain(database, tuple(database.chain(member.probe)))
    # A database that lacks the probe still knows banners, which may come late.
    banners = database.probes if probe.protocol == "tcp" else ()
    return _Chain(database, tuple(other for other in banners if other.is_null))


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
