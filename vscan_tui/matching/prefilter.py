"""Which rules may match a response at all, found by their literals.

Thousands of rules share one pass over the response: an Aho-Corasick automaton
tells which literals stand in it.  A rule is a candidate only if its rarest
literal does, if the response begins with its literal prefix, and if all its
literals stand in the response in order.  Rules without a literal are filed by
the first bytes that they allow; and where few rules allow the first bytes of a
response, as when a web server answers a probe that knows banners, those are
looked at one by one.
"""

import math
from collections import Counter
from collections.abc import Sequence

from ahocorasick_rs import BytesAhoCorasick, Implementation

from vscan_tui.matching.entry import Entry
from vscan_tui.matching.literals import MIN_LITERAL, Condition, conditions
from vscan_tui.matching.start import ANY_START, LOOK, start
from vscan_tui.probedb.model import Rule

_COMMON = 200
"""A literal that so many rules need is no better a key than the first bytes."""
_BEGIN = 4
"""Entries are found by the first so many bytes of their prefix."""
_FEW = 24
"""So many rules are sooner looked at one by one than found with an automaton."""
_KEY_BYTES = 6
_KEY_STEP = 3
"""Every third part of a literal is looked at, from its end."""
_SHORTNESS = 4
"""A shorter key is worth as much as a full one that so many times as many rules have."""
_PAYS = 200
"""To make an automaton fast to use takes as long as it then saves on so many bytes of text for
each byte of its keys."""
_LARGE = 98_304
"""For keys of more bytes together it would take too much memory."""
_MAX_REMEMBERED = 4096


def entries(rules: Sequence[Rule]) -> list[Entry]:
    """How to file the rules of one probe; 5,000 of them take some tenths of a second."""
    filed = [
        (index, condition, _keys(condition))
        for index, rule in enumerate(rules)
        for condition in conditions(rule.pattern, rule.flags)
    ]
    usage = Counter(key for _, _, keys in filed for key in set(keys))
    return [
        _entry(index, rules[index], condition, _best_key(keys, usage), usage)
        for index, condition, keys in filed
    ]


def _keys(condition: Condition) -> list[bytes]:
    """What an entry may be filed under: parts of its literals."""
    found = []
    for run in condition.runs:
        size = len(run)
        if size > _KEY_BYTES:
            found += [
                run[end - _KEY_BYTES : end] for end in range(size, _KEY_BYTES - 1, -_KEY_STEP)
            ]
        elif size >= MIN_LITERAL:
            found.append(run)
    return found


def _best_key(keys: list[bytes], usage: Counter[bytes]) -> bytes:
    """The rarest key; empty when there is none."""
    best, lowest = b"", math.inf
    for key in keys:
        score = usage[key] if len(key) == _KEY_BYTES else usage[key] * _SHORTNESS
        # A response of nothing but one byte would hold a key of that byte at every place.
        if score < lowest and key.count(key[:1]) < len(key):
            best, lowest = key, score
            if score == 1:
                break
    return best


def _entry(
    index: int, rule: Rule, condition: Condition, key: bytes, usage: Counter[bytes]
) -> Entry:
    runs = tuple([run for run in condition.runs if len(run) > 1])
    is_rare = bool(key) and usage[key] < _COMMON
    if is_rare and condition.prefix:
        return Entry(index, key, condition.prefix, runs, ANY_START)
    begin = start(rule.pattern, rule.flags)
    if is_rare or (key and len(begin.allowed) < LOOK):
        return Entry(index, key, condition.prefix, runs, begin)
    return Entry(index, b"", condition.prefix, runs, begin)


_Single = tuple[int, int, float, bytes, tuple[bytes, ...]]
"""A rule with the least and the most bytes it may match, the longest of its literals, and all of
them if there are more."""


class Prefilter:
    """The rules of one probe, filed so that few of them need a regex search."""

    def __init__(self, filed: Sequence[Entry]) -> None:
        """Be ready to sift responses for these entries."""
        self.filed = tuple(filed)
        by_begin: dict[bytes, list[Entry]] = {}
        for entry in filed:
            by_begin.setdefault(entry.prefix[:_BEGIN], []).append(entry)
        self._buckets = {begin: _Bucket(entries) for begin, entries in by_begin.items()}
        self._together: dict[tuple[bytes, ...], _Bucket] = {}
        self._remembered: dict[bytes, tuple[list[_Single], _Bucket | None]] = {}

    def candidates(self, response: bytes, lower: bytes | None = None) -> list[int]:
        """The indexes of the rules that may match, in order.

        Args:
            response: any bytes.
            lower: the response in lower case, if that is known already.
        """
        text = response.lower() if lower is None else lower
        begin = response[:LOOK]
        singles, bucket = self._remembered.get(begin) or self._remember(begin)
        length = len(text)
        found = [
            rule
            for rule, least, most, longest, runs in singles
            if least <= length <= most
            and longest in text
            and (not runs or _runs_in_order(runs, text))
        ]
        if bucket is not None:
            found += [
                entry.rule
                for entry in bucket.holding(text)
                if text.startswith(entry.prefix)
                and (not entry.start.allowed or entry.start.admits(begin))
                and _runs_in_order(entry.runs, text)
            ]
        return sorted(set(found)) if len(found) > 1 else found

    def _remember(self, begin: bytes) -> tuple[list[_Single], "_Bucket | None"]:
        """Find what to look at for a response that begins so: single entries, and a bucket."""
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        lower = begin.lower()
        begins = [lower[:size] for size in range(min(_BEGIN, len(lower)) + 1)]
        singles = [
            _single(entry)
            for bucket in (self._buckets[each] for each in begins if each in self._buckets)
            for entry in bucket.singles
            if lower.startswith(entry.prefix[:LOOK]) and entry.start.admits(begin)
        ]
        large = tuple(
            each for each in begins if each in self._buckets and self._buckets[each].is_large
        )
        self._remembered[begin] = singles, self._joined(large)
        return self._remembered[begin]

    def _joined(self, begins: tuple[bytes, ...]) -> "_Bucket | None":
        """Several buckets as one: one pass over the response instead of one for each."""
        if len(begins) < 2:
            return self._buckets[begins[0]] if begins else None
        joined = self._together.get(begins)
        if joined is None:
            keyed = [entry for begin in begins for entry in self._buckets[begin].keyed]
            joined = self._together[begins] = _Bucket(keyed)
        return joined


class _Bucket:
    """Entries whose prefix begins alike."""

    def __init__(self, entries: list[Entry]) -> None:
        self.is_large = len(entries) > _FEW
        self.keyed = [entry for entry in entries if entry.key] if self.is_large else []
        self.singles = [entry for entry in entries if not (self.is_large and entry.key)]
        by_key: dict[bytes, list[Entry]] = {}
        for entry in self.keyed:
            by_key.setdefault(entry.key, []).append(entry)
        self._keys = list(by_key)
        self._entries = [tuple(each) for each in by_key.values()]
        self._automaton: BytesAhoCorasick | None = None
        size = sum(map(len, self._keys))
        self._pays_after = size * _PAYS if size <= _LARGE else math.inf
        self._searched = 0

    def holding(self, text: bytes) -> Sequence[Entry]:
        """The entries whose key stands in a text."""
        self._searched += len(text)
        if self._automaton is None:
            self._automaton = BytesAhoCorasick(
                self._keys, implementation=Implementation.ContiguousNFA
            )
        elif self._searched > self._pays_after:
            self._automaton = BytesAhoCorasick(self._keys, implementation=Implementation.DFA)
            self._pays_after = math.inf
        hits = self._automaton.find_matches_as_indexes(text, overlapping=True)
        if not hits:
            return []
        if len(hits) == 1:
            return self._entries[hits[0][0]]
        return [entry for key in {hit[0] for hit in hits} for entry in self._entries[key]]


def _single(entry: Entry) -> _Single:
    begin, runs = entry.start, entry.runs
    most = math.inf if begin.most is None else begin.most
    longest = max(runs, key=len, default=b"")
    return entry.rule, begin.least, most, longest, runs if len(runs) > 1 else ()


def _runs_in_order(runs: tuple[bytes, ...], text: bytes) -> bool:
    position = 0
    for run in runs:
        position = text.find(run, position)
        if position < 0:
            return False
        position += len(run)
    return True
