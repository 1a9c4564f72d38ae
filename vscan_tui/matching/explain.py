"""Why a response was identified as it was: the fate of every rule, and which rules it almost met.

Near misses are ranked in two steps.  How many of a rule's literal fragments
stand in the response, weighted by how rare each is among the rules, finds the
best dozens of thousands; then these are laid against the response, and the
fewest bytes that would have to be others decide (`alignment`).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial
from typing import overload

from ahocorasick_rs import BytesAhoCorasick, Implementation

from vscan_tui.events import Span
from vscan_tui.matching.alignment import Alignment, align
from vscan_tui.matching.entry import Entry
from vscan_tui.matching.matcher import Matcher, Outcome
from vscan_tui.matching.start import LOOK
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
_FRAGMENT_BYTES = 5
_CHANGE_BITS = 20
"""What a changed byte costs: to say which it is, and what it is."""
NEAR = 4
"""A rule comes near a response of which so many bytes fit that could be no others."""
_MISSING = 0.5
"""How much a missing fragment counts against a rule."""


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


@lru_cache(maxsize=2)
def _matcher(databases: ProbeDatabases) -> Matcher:
    """One of its own: the scan's serves another thread."""
    return Matcher(databases)


# Some 8 MB each with Nmap's database; lines of mixed probes would make them again and again.
@lru_cache(maxsize=24)
def _explainer(databases: ProbeDatabases, probe: CombinedProbe) -> "_Explainer":
    return _Explainer(databases, probe)


@dataclass(frozen=True, slots=True)
class _Place:
    """A rule with where it comes from."""

    database: ProbeDatabase
    probe: Probe
    rule: Rule
    entries: tuple[Entry, ...]


class _Explainer:
    def __init__(self, databases: ProbeDatabases, probe: CombinedProbe) -> None:
        self._probe = probe
        self._matcher = _matcher(databases)
        self._places = [
            _Place(database, member, rule, filed)
            for database, member, entries in self._matcher.filed(probe)
            for rule, filed in zip(member.rules, _by_rule(entries, len(member.rules)), strict=True)
        ]
        self._texts = [_searched_text(place) for place in self._places]
        self._fragments = _Fragments([place.entries for place in self._places])

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
        return RuleList(self._places, self._texts, response, outcomes, fired, ranked)

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

    def _laid(self, place: _Place, response: bytes, score: "_Score") -> NearMiss:
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
        texts: Sequence[bytes],
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
        self._texts = texts
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
        """The place of a rule that is known from elsewhere; None if it is not among these."""
        return next(
            (
                number
                for number, place in enumerate(self._places)
                if place.rule.line == line
                and place.rule.pattern == pattern
                and place.rule.file == file
            ),
            None,
        )

    def found(self, words: Sequence[bytes]) -> tuple[int, ...]:
        """The places of the rules in which every one of these lower-case words is."""
        return tuple(
            number for number, text in enumerate(self._texts) if all(word in text for word in words)
        )


def _searched_text(place: _Place) -> bytes:
    """What words are looked for in: service, place, probe, version fields, regex."""
    rule = place.rule
    templates = " ".join(text for _, text in rule.templates)
    text = f"{rule.service} {rule.file}:{rule.line} {place.probe.name} {templates} "
    return (text.encode() + rule.pattern).lower()


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


def _unlaid(place: _Place, score: "_Score") -> NearMiss:
    value = _between(score.found, 0, 0.25)
    return NearMiss(place.database.identity.name, place.probe.name, place.rule, value, None, (), ())


def _between(value: float, low: float, high: float) -> float:
    """Any number as one between two, in the same order."""
    return low + (high - low) * (0.5 + value / (1 + abs(value)) / 2)


def _by_rule(entries: Sequence[Entry], rules: int) -> list[tuple[Entry, ...]]:
    filed: list[list[Entry]] = [[] for _ in range(rules)]
    for entry in entries:
        filed[entry.rule].append(entry)
    return [tuple(found) for found in filed]


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


@dataclass(frozen=True, slots=True)
class _Score:
    """What a rule has in common with a response."""

    found: float
    """Weight of the fragments that stand in the response, less a part of the missing."""
    share: float
    """Of the weight of all its fragments, from 0 to 1."""


class _Fragments:
    """The literal fragments of many rules, and how rare each is."""

    def __init__(self, filed: Sequence[tuple[Entry, ...]]) -> None:
        having: defaultdict[bytes, list[int]] = defaultdict(list)
        pieces_of = [
            (rule, Counter(piece for run in entry.runs for piece in _pieces(run)))
            for rule, entries in enumerate(filed)
            for entry in entries
        ]
        for number, (_, found) in enumerate(pieces_of):
            for piece in found:
                having[piece].append(number)
        total = max(1, len(pieces_of))
        self._pieces = list(having)
        self._having = list(having.values())
        self._weights = [math.log1p(total / len(numbers)) for numbers in self._having]
        weight_of = dict(zip(self._pieces, self._weights, strict=True))
        self._begins = _Begins([entry for entries in filed for entry in entries])
        self._alternatives = [
            (rule, whole + sum(weight_of[piece] for piece in found))
            for (rule, found), whole in zip(pieces_of, self._begins.whole, strict=True)
        ]
        self._automaton = (
            BytesAhoCorasick(self._pieces, implementation=Implementation.ContiguousNFA)
            if self._pieces
            else None
        )

    def scores(self, response: bytes) -> dict[int, _Score]:
        """For each rule with anything in common with a response: how much, and of how much."""
        weights = self._begins.weights(response)
        if self._automaton is not None:
            hits = self._automaton.find_matches_as_indexes(response.lower(), overlapping=True)
            for piece in {hit[0] for hit in hits}:
                weight = self._weights[piece]
                for number in self._having[piece]:
                    weights[number] += weight
        scores: dict[int, _Score] = {}
        for number, weight in weights.items():
            rule, whole = self._alternatives[number]
            score = _Score(weight - _MISSING * (whole - weight), weight / max(whole, 1))
            if rule not in scores or score.found > scores[rule].found:
                scores[rule] = score
        return scores


class _Begins:
    """How the alternatives of rules begin; those that begin alike share the work."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        begins: defaultdict[tuple[bytes, ...], list[int]] = defaultdict(list)
        for number, entry in enumerate(entries):
            allowed = entry.start.allowed or tuple(
                bytes({byte, *bytes([byte]).upper()}) for byte in entry.prefix[:LOOK]
            )
            if allowed:
                begins[allowed].append(number)
        self._begins = [
            ([(members, 1 - math.log2(len(members)) / 8) for members in allowed], numbers)
            for allowed, numbers in begins.items()
        ]
        self.whole = [0.0] * len(entries)
        for allowed_weights, numbers in self._begins:
            weight = sum(weight for _, weight in allowed_weights)
            for number in numbers:
                self.whole[number] = weight

    def weights(self, response: bytes) -> defaultdict[int, float]:
        """For each alternative, the weight of what it allows of the first bytes."""
        found: defaultdict[int, float] = defaultdict(float)
        begin = response[:LOOK]
        for allowed, numbers in self._begins:
            weight = sum(
                weight
                for byte, (members, weight) in zip(begin, allowed, strict=False)
                if byte in members
            )
            if weight >= 1:
                for number in numbers:
                    found[number] = weight
        return found


def _pieces(run: bytes) -> Iterator[bytes]:
    if len(run) <= _FRAGMENT_BYTES:
        yield run
        return
    for place in range(0, len(run) - _FRAGMENT_BYTES + 1, _FRAGMENT_BYTES):
        yield run[place : place + _FRAGMENT_BYTES]
    if len(run) % _FRAGMENT_BYTES:
        yield run[-_FRAGMENT_BYTES:]
