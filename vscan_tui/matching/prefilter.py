"""Which rules may match a response at all, found by their literals.

Thousands of rules share one pass over the response: an Aho-Corasick automaton
tells which literals stand in it.  A rule is a candidate only if its rarest
literal does, and if the response begins with its literal prefix.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ahocorasick_rs import BytesAhoCorasick, Implementation

from vscan_tui.matching.literals import Condition, Run, conditions
from vscan_tui.probedb.model import Rule

MIN_LITERAL = 3
"""Shorter literals stand in nearly every response, and say nothing."""
_MAX_FURTHER_RUNS = 3


@dataclass(frozen=True, slots=True)
class _Entry:
    """One alternative of one rule, filed under a literal or under its prefix."""

    rule: int
    prefix: bytes
    further: tuple[bytes, ...]
    """Other literals that must stand in the response."""


class Prefilter:
    """The rules of one probe, filed so that few of them need a regex search."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """File rules; 12,000 of them take about a second."""
        all_conditions = [conditions(rule.pattern, rule.flags) for rule in rules]
        usage = Counter(
            run
            for branches in all_conditions
            for condition in branches
            for run in set(condition.runs)
        )
        self._by_literal: tuple[dict[bytes, list[_Entry]], dict[bytes, list[_Entry]]] = ({}, {})
        self._by_prefix: dict[bytes, list[_Entry]] = {}
        self._always: list[int] = []
        for index, branches in enumerate(all_conditions):
            for condition in branches:
                self._file(index, condition, usage)
        self._prefix_lengths = sorted({len(prefix) for prefix in self._by_prefix})
        self._exact, self._caseless = (_Literals(filed) for filed in self._by_literal)

    def _file(self, index: int, condition: Condition, usage: Counter[Run]) -> None:
        useful = [run for run in condition.runs if len(run.text) >= MIN_LITERAL]
        if not useful:
            if condition.prefix:
                entry = _Entry(index, condition.prefix, ())
                self._by_prefix.setdefault(condition.prefix, []).append(entry)
            else:
                self._always.append(index)
            return
        key = min(useful, key=lambda run: (usage[run], run.caseless, -len(run.text)))
        further = sorted(
            {run.text for run in useful if run is not key and not run.caseless},
            key=len,
            reverse=True,
        )
        entry = _Entry(index, condition.prefix, tuple(further[:_MAX_FURTHER_RUNS]))
        self._by_literal[key.caseless].setdefault(key.text, []).append(entry)

    def candidates(self, response: bytes) -> list[int]:
        """The indexes of the rules that may match, in order."""
        found = set(self._always)
        for entries in self._filed_under(response):
            for entry in entries:
                if (
                    entry.rule not in found
                    and response.startswith(entry.prefix)
                    and all(text in response for text in entry.further)
                ):
                    found.add(entry.rule)
        return sorted(found)

    def _filed_under(self, response: bytes) -> Iterator[Iterable[_Entry]]:
        for length in self._prefix_lengths:
            yield self._by_prefix.get(response[:length], ())
        yield from self._exact.found_in(response)
        if self._caseless:
            yield from self._caseless.found_in(response.lower())


class _Literals:
    """Literals to look for, and the entries that are filed under each."""

    def __init__(self, filed: dict[bytes, list[_Entry]]) -> None:
        self._entries = list(filed.values())
        self._automaton = (
            BytesAhoCorasick(list(filed), implementation=Implementation.ContiguousNFA)
            if filed
            else None
        )

    def __bool__(self) -> bool:
        return self._automaton is not None

    def found_in(self, response: bytes) -> Iterator[list[_Entry]]:
        if self._automaton is None:
            return
        matches = self._automaton.find_matches_as_indexes(response, overlapping=True)
        for literal in {literal for literal, _, _ in matches}:
            yield self._entries[literal]
