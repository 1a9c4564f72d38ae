"""Why a response was identified as it was: the fate of every rule, and which rules it almost met.

Near misses are ranked in two steps.  How many of a rule's literal fragments
stand in the response, weighted by how rare each is among the rules, finds the
best dozens of thousands; then these are laid against the response, and the
fewest bytes that would have to be others decide (`alignment`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache, partial
from itertools import chain
from typing import overload

from vscan_tui.events import Span
from vscan_tui.matching.alignment import Alignment, align
from vscan_tui.matching.entry import Entry
from vscan_tui.matching.fragments import ChainFragments, FiledFragments, Score
from vscan_tui.matching.matcher import Matcher, Outcome
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.model import Probe, ProbeDatabase, Rule
from vscan_tui.probedb.templates import FIELD_NAMES, fill, fill_cpe, pieces

MIN_ALIGNED, MAX_ALIGNED = 32, 96
"""So many of the best candidates are laid against the response (more against a short one), and
half as many of those that have little to show but most of it."""
_ALIGNED_WORK = 20_000
"""Candidates times bytes of the response."""
ALIGNED_BYTES = 4096
"""Of the response, so many bytes are laid against a rule."""
_CHANGE_BITS = 20
"""What a changed byte costs: to say which it is, and what it is."""
NEAR = 4
"""A rule comes near a response of which so many bytes fit that could be no others."""


class Fate(StrEnum):
    """What became of a rule."""

    FIRED = "fired"
    SHADOWED = "shadowed"
    FAILED = "failed"
    LIMIT = "hit a limit"


@dataclass(frozen=True, slots=True)
class FilledField:
    """How a version field came to its value."""

    name: str
    template: str
    value: str
    groups: tuple[int, ...]
    """The groups that it is made of."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a rule came to its end."""

    offset: int
    """In the response; its length if it ends too early."""
    found: int | None
    """The byte there; None at the end."""
    wanted: str
    """The part of the regex that wanted something else, as written; or the literal, if that is
    all that was looked for."""
    part: Span | None = None
    """The place of that part in the regex; None if only literals were looked for."""


@dataclass(frozen=True, slots=True)
class RuleFate:
    """What became of one rule."""

    database: str
    probe: str
    rule: Rule
    fate: Fate
    spans: tuple[Span | None, ...] = ()
    """Of the whole match and of each group, if the rule matches."""
    fields: tuple[FilledField, ...] = ()
    met: tuple[Span, ...] = ()
    """Where in the response the rule's literals stand, in order, as far as they do."""
    stop: Stop | None = None
    """Why it failed.  By its literals only; `explain_rule` tells it to the byte."""
    rank: int | None = None
    """Of those that do not match, how near it is: 1 for the nearest; None if it has nothing in
    common with the response."""


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A rule that this response almost meets."""

    database: str
    probe: str
    rule: Rule
    score: float
    """From 0 (nothing in common) to 1 (it would match)."""
    changes: int | None
    """How many bytes would have to be others; None if too many."""
    met: tuple[tuple[Span, Span], ...]
    """What fits: (place in the regex, place in the response), in order."""
    stops: tuple[Stop, ...]
    """What does not."""
    literals: int = 0
    """How many bytes fit that could be no others."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a response was identified as it was, or was not."""

    fates: tuple[RuleFate, ...]
    """Of every rule, in the order in which they are tried."""
    nearest: tuple[NearMiss, ...]
    """The best first, none of which matches."""


def explain(
    databases: ProbeDatabases, probe: CombinedProbe, response: bytes, *, nearest: int = 5
) -> Explanation:
    """Tell the fate of every rule on a response to a probe.

    The first call for some databases and probe takes longer than the next: with
    9,000 rules about a second.  Calls must come from one thread at a time.
    """
    return _explainer(databases, probe).explain(response, nearest)


def nearest_rules(
    databases: ProbeDatabases, probe: CombinedProbe, response: bytes, count: int
) -> tuple[NearMiss, ...]:
    """Only the near misses of `explain`, which takes less time."""
    return _explainer(databases, probe).nearest(response, count)


def rule_list(databases: ProbeDatabases, probe: CombinedProbe, response: bytes) -> "RuleList":
    """The fate of every rule on a response to a probe, each told when it is asked for."""
    return _explainer(databases, probe).rules(response)


def explain_rule(rule: Rule, response: bytes) -> tuple[Alignment, tuple[Stop, ...]]:
    """Lay one rule against a response: what fits, and to the byte what does not."""
    alignment = align(rule.pattern, rule.flags, response[:ALIGNED_BYTES])
    return alignment, tuple(_stop(rule, change.offset, change.part, response)
                            for change in alignment.changes)  # fmt: skip


def filled_fields(
    templates: Sequence[tuple[str, str]], groups: Sequence[bytes | None]
) -> tuple[FilledField, ...]:
    """How each version field of a rule came to its value."""
    return tuple(
        FilledField(
            FIELD_NAMES.get(key, "cpe"),
            template,
            fill_cpe(template, groups) if key == "cpe" else fill(template, groups),
            tuple(piece.group for piece in pieces(template) if piece.group),
        )
        for key, template in templates
    )


def _stop(rule: Rule, offset: int, part: Span, response: bytes) -> Stop:
    found = response[offset] if offset < len(response) else None
    return Stop(offset, found, rule.pattern[slice(*part)].decode("latin-1"), part)


@dataclass(frozen=True)
class _Place:
    """A rule with where it comes from."""

    database: ProbeDatabase
    probe: Probe
    rule: Rule
    entries: tuple[Entry, ...]

    @cached_property
    def text(self) -> bytes:
        """What words are looked for in: service, place, probe, version fields, regex."""
        rule = self.rule
        templates = " ".join(text for _, text in rule.templates)
        text = f"{rule.service} {rule.file}:{rule.line} {self.probe.name} {templates} "
        return (text.encode() + rule.pattern).lower()


class _ProbeRules:
    """The rules of one probe, made ready once for all chains that it is part of."""

    def __init__(self, database: ProbeDatabase, probe: Probe, entries: Sequence[Entry]) -> None:
        filed: list[list[Entry]] = [[] for _ in probe.rules]
        for entry in entries:
            filed[entry.rule].append(entry)
        self.places = [
            _Place(database, probe, rule, tuple(found))
            for rule, found in zip(probe.rules, filed, strict=True)
        ]
        self.fragments = FiledFragments(entries)


class _Shelf:
    """What is made ready of some databases."""

    def __init__(self, databases: ProbeDatabases) -> None:
        self.matcher = Matcher(databases)
        """One of its own: the scan's serves another thread."""
        self._rules: dict[int, _ProbeRules] = {}

    def chain(self, probe: CombinedProbe) -> list[_ProbeRules]:
        """The rules that are tried on a response to a probe, in order."""
        found = []
        for database, member, entries in self.matcher.filed(probe):
            rules = self._rules.get(id(member))  # the databases, kept by the matcher, keep it
            if rules is None:
                rules = self._rules[id(member)] = _ProbeRules(database, member, entries)
            found.append(rules)
        return found


@lru_cache(maxsize=2)
def _shelf(databases: ProbeDatabases) -> _Shelf:
    return _Shelf(databases)


@lru_cache(maxsize=64)
def _explainer(databases: ProbeDatabases, probe: CombinedProbe) -> "_Explainer":
    return _Explainer(_shelf(databases), probe)


class _Explainer:
    def __init__(self, shelf: _Shelf, probe: CombinedProbe) -> None:
        self._probe = probe
        self._matcher = shelf.matcher
        rules = shelf.chain(probe)
        self._places = list(chain.from_iterable(each.places for each in rules))
        self._fragments = ChainFragments(
            [each.fragments for each in rules], [len(each.places) for each in rules]
        )

    def explain(self, response: bytes, nearest: int) -> Explanation:
        outcomes, ranked = self._judged(response)
        return Explanation(tuple(self._list(response, outcomes, ranked)), _best(ranked, nearest))

    def rules(self, response: bytes) -> "RuleList":
        outcomes, ranked = self._judged(response)
        return self._list(response, outcomes, ranked)

    def nearest(self, response: bytes, count: int) -> tuple[NearMiss, ...]:
        return _best(self._judged(response)[1], count)

    def _judged(self, response: bytes) -> "tuple[dict[int, Outcome], list[tuple[int, _Miss]]]":
        outcomes = self._matcher.outcomes(self._probe, response)
        matching = {number for number, spans in outcomes.items() if spans is not None}
        return outcomes, self._ranked(response, matching)

    def _list(
        self,
        response: bytes,
        outcomes: dict[int, Outcome],
        ranked: "Sequence[tuple[int, _Miss]]",
    ) -> "RuleList":
        result = self._matcher.match(self._probe, response)
        fired = result.match.tried if result.match else None
        return RuleList(self._places, response, outcomes, fired, ranked)

    def _ranked(self, response: bytes, matching: set[int]) -> "list[tuple[int, _Miss]]":
        """All rules that have something in common with a response, the nearest first."""
        scores = {
            number: score
            for number, score in self._fragments.scores(response).items()
            if number not in matching
        }
        best = sorted(scores, key=lambda number: (-scores[number].found, number))
        short = sorted(scores, key=lambda number: (-scores[number].share, number))
        size = min(max(MIN_ALIGNED, _ALIGNED_WORK // (len(response) + 1)), MAX_ALIGNED)
        aligned = dict.fromkeys([*best[:size], *short[: size // 2]])
        laid = {
            number: self._laid(self._places[number], response, scores[number]) for number in aligned
        }
        return [
            *sorted(laid.items(), key=lambda found: -found[1].score),
            *(
                (number, partial(_unlaid, self._places[number], scores[number]))
                for number in best
                if number not in laid
            ),
        ]

    def _laid(self, place: _Place, response: bytes, score: Score) -> NearMiss:
        alignment, stops = explain_rule(place.rule, response)
        changes = len(alignment.changes) if alignment.is_complete else None
        if changes is None:
            value = _between(score.found, 0.25, 0.5)
        else:
            value = _between((alignment.bits - _CHANGE_BITS * max(1, changes)) / 100, 0.5, 1)
        return NearMiss(
            place.database.identity.name,
            place.probe.name,
            place.rule,
            value,
            changes,
            alignment.met,
            stops,
            alignment.literals,
        )


class RuleList(Sequence[RuleFate]):
    """The fate of every rule, in the order in which they are tried; told when it is asked for."""

    def __init__(
        self,
        places: Sequence[_Place],
        response: bytes,
        outcomes: dict[int, Outcome],
        fired: int | None,
        ranked: "Sequence[tuple[int, _Miss]]",
    ) -> None:
        """Know what is dear to find out: which rules match, and how near the others are."""
        self.fired = fired
        """The place of the rule that fired."""
        self.nearest = tuple(number for number, _ in ranked)
        """The places of the rules that do not match, the nearest first."""
        self.shadowed = tuple(
            number
            for number, spans in sorted(outcomes.items())
            if spans is not None and number != fired
        )
        """The places of the rules that match too."""
        self._places = places
        self._response = response
        self._lower = response.lower()
        self._outcomes = outcomes
        self._ranks = {number: rank for rank, number in enumerate(self.nearest, start=1)}
        self._misses = dict(ranked)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> RuleFate: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RuleFate]: ...

    def __getitem__(self, index: int | slice) -> RuleFate | Sequence[RuleFate]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        place = self._places[number]
        spans = self._outcomes.get(number)
        if spans is not None:
            return _matched(place, spans, self._response, is_winner=number == self.fired)
        return _failed(
            place,
            self._lower,
            self._response,
            hit_limit=number in self._outcomes,
            rank=self._ranks.get(number),
        )

    def rule(self, index: int) -> Rule:
        """The rule at a place, which costs nothing."""
        return self._places[index].rule

    def fate(self, index: int) -> Fate:
        """What became of the rule at a place, which costs nothing."""
        if index not in self._outcomes:
            return Fate.FAILED
        if self._outcomes[index] is None:
            return Fate.LIMIT
        return Fate.FIRED if index == self.fired else Fate.SHADOWED

    def rank(self, index: int) -> int | None:
        """How near the rule at a place is; None if it matches, or has nothing in common."""
        return self._ranks.get(index)

    def miss(self, index: int) -> NearMiss | None:
        """What it misses the response by; None if it matches, or has nothing in common."""
        miss = self._misses.get(index)
        return miss if miss is None or isinstance(miss, NearMiss) else miss()

    def near(self, count: int) -> tuple[int, ...]:
        """Of so many of the nearest rules, the places of those that come near at all."""
        misses = ((place, self._misses[place]) for place in self.nearest[:count])
        return tuple(
            place for place, miss in misses if isinstance(miss, NearMiss) and miss.literals >= NEAR
        )

    def place_of(self, pattern: bytes, file: str, line: int) -> int | None:
        """The place of a rule that is known from elsewhere; None if it is not among these.

        In a recording it may stand on another line than today.
        """
        distances = (
            (abs(place.rule.line - line), number)
            for number, place in enumerate(self._places)
            if place.rule.pattern == pattern and place.rule.file == file
        )
        return min(distances, default=(0, None))[1]

    def found(self, words: Sequence[bytes]) -> tuple[int, ...]:
        """The places of the rules in which every one of these lower-case words is."""
        return tuple(
            number
            for number, place in enumerate(self._places)
            if all(word in place.text for word in words)
        )


def _matched(
    place: _Place, spans: tuple[Span | None, ...], response: bytes, *, is_winner: bool
) -> RuleFate:
    groups = [None if span is None else response[slice(*span)] for span in spans]
    return RuleFate(
        place.database.identity.name,
        place.probe.name,
        place.rule,
        Fate.FIRED if is_winner else Fate.SHADOWED,
        spans,
        filled_fields(place.rule.templates, groups),
    )


_Miss = NearMiss | Callable[[], NearMiss]


def _best(ranked: Sequence[tuple[int, _Miss]], count: int) -> tuple[NearMiss, ...]:
    return tuple(miss if isinstance(miss, NearMiss) else miss() for _, miss in ranked[:count])


def _unlaid(place: _Place, score: Score) -> NearMiss:
    value = _between(score.found, 0, 0.25)
    return NearMiss(place.database.identity.name, place.probe.name, place.rule, value, None, (), ())


def _between(value: float, low: float, high: float) -> float:
    """Any number as one between two, in the same order."""
    return low + (high - low) * (0.5 + value / (1 + abs(value)) / 2)


def _failed(
    place: _Place, lower: bytes, response: bytes, *, hit_limit: bool, rank: int | None
) -> RuleFate:
    """How far the literals of a rule go: of the alternative that gets furthest."""
    best: tuple[tuple[Span, ...], Stop | None] = ((), None)
    for entry in place.entries:
        found = _literals_met(entry, lower, response)
        if best[1] is None or len(found[0]) > len(best[0]):
            best = found
    return RuleFate(
        place.database.identity.name,
        place.probe.name,
        place.rule,
        Fate.LIMIT if hit_limit else Fate.FAILED,
        met=best[0],
        stop=best[1],
        rank=rank,
    )


def _literals_met(
    entry: Entry, lower: bytes, response: bytes
) -> tuple[tuple[Span, ...], Stop | None]:
    if not lower.startswith(entry.prefix):
        pairs = enumerate(zip(lower, entry.prefix, strict=False))
        shorter = min(len(lower), len(entry.prefix))
        same = next((place for place, (byte, wanted) in pairs if byte != wanted), shorter)
        found = response[same] if same < len(response) else None
        met: tuple[Span, ...] = ((0, same),) if same else ()
        return met, Stop(same, found, entry.prefix[same:].decode("latin-1"))
    places: list[Span] = []
    position = 0
    for run in entry.runs:
        place = lower.find(run, position)
        if place < 0:
            found = response[position] if position < len(response) else None
            return tuple(places), Stop(position, found, run.decode("latin-1"))
        position = place + len(run)
        places.append((place, position))
    return tuple(places), None
