"""What rules have in common with a response: literal fragments, weighted by how rare they are.

The fragments of a probe's rules are filed once for all chains that the probe
is part of.  How rare one is depends on the chain: on all rules that are tried.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick, Implementation

from vscan_tui.matching.entry import Entry
from vscan_tui.matching.start import LOOK

_FRAGMENT_BYTES = 5
_MISSING = 0.5
"""How much a missing fragment counts against a rule."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a rule has in common with a response."""

    found: float
    """Weight of the fragments that stand in the response, less a part of the missing."""
    share: float
    """Of the weight of all its fragments, from 0 to 1."""


class FiledFragments:
    """The literal fragments of the rules of one probe."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        """File them; an entry is an alternative of a rule."""
        self.rules = [entry.rule for entry in entries]
        """Whose alternatives these are."""
        self.fragments = [
            tuple(dict.fromkeys(piece for run in entry.runs for piece in _pieces(run)))
            for entry in entries
        ]
        """Of each alternative."""
        self.having: defaultdict[bytes, list[int]] = defaultdict(list)
        """For each fragment, the alternatives that have it."""
        for number, fragments in enumerate(self.fragments):
            for fragment in fragments:
                self.having[fragment].append(number)
        self.begins = _Begins(entries)
        self._all = list(self.having)
        self._automaton = (
            BytesAhoCorasick(self._all, implementation=Implementation.ContiguousNFA)
            if self._all
            else None
        )

    def standing_in(self, lower: bytes) -> Iterator[bytes]:
        """The fragments that stand in a response in lower case."""
        if self._automaton is None:
            return
        hits = self._automaton.find_matches_as_indexes(lower, overlapping=True)
        for number in {hit[0] for hit in hits}:
            yield self._all[number]


class ChainFragments:
    """The fragments of all rules that are tried on a response."""

    def __init__(self, filed: Sequence[FiledFragments], rules: Sequence[int]) -> None:
        """Of the probes of a chain, in order, with how many rules each has."""
        self._filed = filed
        self._firsts = [sum(rules[:place]) for place in range(len(rules))]
        self._total = max(1, sum(len(each.rules) for each in filed))
        self._weights: dict[bytes, float] = {}
        self._wholes: list[dict[int, float]] = [{} for _ in filed]

    def scores(self, response: bytes) -> dict[int, Score]:
        """For each rule with anything in common with a response: how much, and of how much."""
        lower = response.lower()
        scores: dict[int, Score] = {}
        for filed, first, wholes in zip(self._filed, self._firsts, self._wholes, strict=True):
            weights = filed.begins.weights(response)
            for fragment in filed.standing_in(lower):
                weight = self._weight(fragment)
                for number in filed.having[fragment]:
                    weights[number] += weight
            for number, weight in weights.items():
                whole = wholes.get(number)
                if whole is None:
                    fragments = filed.fragments[number]
                    whole = filed.begins.whole[number] + sum(map(self._weight, fragments))
                    wholes[number] = whole
                rule = first + filed.rules[number]
                found = weight - _MISSING * (whole - weight)
                if rule not in scores or found > scores[rule].found:
                    scores[rule] = Score(found, weight / max(whole, 1))
        return scores

    def _weight(self, fragment: bytes) -> float:
        weight = self._weights.get(fragment)
        if weight is None:
            having = sum(len(each.having.get(fragment, ())) for each in self._filed)
            weight = self._weights[fragment] = math.log1p(self._total / having)
        return weight


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
