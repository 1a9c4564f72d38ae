"""How few bytes of a response would have to be others for a regex to match it, and which.

The regex becomes an automaton whose states are the places of the regex that
take a byte (Glushkov's construction).  Sets of states are integers, a bit for
each, so that one step over a byte of the response is a handful of operations
(Wu and Manber's approximate search, for substitutions only).  Conditions
without width, but for `^` and `$`, count as met; what is not understood takes
any bytes.  So the number of changes is never too high by more than that.
"""

import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from vscan_tui.events import Span
from vscan_tui.matching import syntax
from vscan_tui.matching.syntax import ALL_BYTES, Anchor, ByteSet, Group, Literal, Node, Repeat

MAX_CHANGES = 3
_MAX_STATES = 1200
_MAX_COPIES = 300


@dataclass(frozen=True, slots=True)
class Change:
    """A byte that stopped a regex, and what it wanted there."""

    offset: int
    """In the response; its length if the response ends too early."""
    part: Span
    """The place in the regex."""


_OF_ONE_LETTER = 2


@dataclass(frozen=True, slots=True)
class Alignment:
    """A regex laid against a response as well as it goes."""

    changes: tuple[Change, ...]
    """Where it does not fit."""
    is_complete: bool
    """Whether it would match if these bytes were others; else this is how far it got."""
    steps: tuple[tuple[Span, int], ...]
    """What fits, byte by byte: (place in the regex, offset in the response), in order."""
    bits: float = 0.0
    """How much is said by what fits: 8 for a byte that could be no other, 0 for one of any."""
    literals: int = 0
    """How many bytes fit that could be no others, but for upper and lower case."""

    @property
    def met(self) -> tuple[tuple[Span, Span], ...]:
        """What fits: (place in the regex, place in the response), in order; neighbours as one."""
        return _merged(self.steps)


@dataclass(slots=True)
class _Fragment:
    """A part of the automaton: sets of states as integers."""

    first: int = 0
    last: int = 0
    nullable: bool = True


class _TooLargeError(Exception):
    pass


@dataclass(slots=True)
class _Automaton:
    anchored: bool = False
    at_end: bool = False
    first: int = 0
    last: int = 0
    follow: list[int] = field(default_factory=list)
    members: list[frozenset[int]] = field(default_factory=list)
    parts: list[Span] = field(default_factory=list)

    def state(self, members: frozenset[int], part: Span) -> _Fragment:
        if len(self.follow) >= _MAX_STATES:
            raise _TooLargeError
        bit = 1 << len(self.follow)
        self.follow.append(0)
        self.members.append(members)
        self.parts.append(part)
        return _Fragment(bit, bit, nullable=False)

    def link(self, sources: int, targets: int) -> None:
        while sources:
            bit = sources & -sources
            self.follow[bit.bit_length() - 1] |= targets
            sources ^= bit

    def sequence(self, nodes: syntax.Sequence) -> _Fragment:
        whole = _Fragment()
        for node in nodes:
            whole = self.joined(whole, self.node(node))
        return whole

    def joined(self, left: _Fragment, right: _Fragment) -> _Fragment:
        self.link(left.last, right.first)
        return _Fragment(
            left.first | (right.first if left.nullable else 0),
            right.last | (left.last if right.nullable else 0),
            left.nullable and right.nullable,
        )

    def node(self, node: Node) -> _Fragment:
        match node:
            case Literal(byte=byte, caseless=caseless):
                both = {byte, ord(chr(byte).swapcase())} if caseless else {byte}
                return self.state(frozenset(both), node.span)
            case ByteSet():
                return self.state(node.members, node.span)
            case Group() if node.consumes:
                return self.either([self.sequence(branch) for branch in node.branches])
            case Repeat():
                return self.repeat(node)
            case Anchor() | Group():
                return _Fragment()
            case _:
                return self.loop(self.state(ALL_BYTES, node.span), nullable=True)

    def either(self, branches: list[_Fragment]) -> _Fragment:
        whole = _Fragment(nullable=False)
        for branch in branches:
            whole.first |= branch.first
            whole.last |= branch.last
            whole.nullable = whole.nullable or branch.nullable
        return whole

    def loop(self, item: _Fragment, *, nullable: bool) -> _Fragment:
        self.link(item.last, item.first)
        return _Fragment(item.first, item.last, nullable or item.nullable)

    def repeat(self, node: Repeat) -> _Fragment:
        whole = _Fragment()
        least = min(node.least, _MAX_COPIES)
        for copy in range(least):
            item = self.node(node.item)
            if node.most is None and copy == least - 1:
                item = self.loop(item, nullable=False)
            whole = self.joined(whole, item)
        if node.most is None:
            if not least:
                whole = self.loop(self.node(node.item), nullable=True)
        elif node.most - least > _MAX_COPIES // 10:  # nearly without limit
            whole = self.joined(whole, self.loop(self.node(node.item), nullable=True))
        else:
            for _ in range(node.most - least):
                item = self.node(node.item)
                item.nullable = True
                whole = self.joined(whole, item)
        return whole


# Some 15 KB each; responses of one kind come near the same rules again and again.
@lru_cache(maxsize=1024)
def _tables(pattern: bytes, flags: str) -> tuple["_Tables", ...]:
    """Those of one automaton for each branch, but for branches that are too large."""
    found = []
    for branch in syntax.parse(pattern, flags).branches:
        with suppress(_TooLargeError):
            found.append(_Tables(_automaton(branch)))
    return tuple(found)


def _automaton(branch: syntax.Sequence) -> _Automaton:
    automaton = _Automaton()
    automaton.anchored = bool(branch) and _is_anchor(branch[0], {"^", "\\A"})
    automaton.at_end = bool(branch) and _is_anchor(branch[-1], {"$", "\\Z", "\\z"})
    whole = automaton.sequence(branch)
    automaton.first, automaton.last = whole.first, whole.last
    return automaton


def _is_anchor(node: Node, kinds: set[str]) -> bool:
    return isinstance(node, Anchor) and node.kind in kinds


def align(pattern: bytes, flags: str, response: bytes) -> Alignment:
    """Lay a regex against a response with as few changed bytes as possible, at most `MAX_CHANGES`.

    Work grows with the length of the response times that of the regex; pass no
    more of the response than matters.
    """
    best: Alignment | None = None
    for tables in _tables(pattern, flags):
        found = _Search(tables, response).best()
        if best is None or _rank(found) < _rank(best):
            best = found
    return best or Alignment((), is_complete=False, steps=())


def _rank(alignment: Alignment) -> tuple[bool, int, int]:
    reached = alignment.steps[-1][1] + 1 if alignment.steps else 0
    return not alignment.is_complete, len(alignment.changes), -reached


class _Tables:
    """An automaton made ready for responses: which states follow which, and take which byte."""

    __slots__ = ("_jumps", "_looping", "_straight", "accepting", "automaton")

    def __init__(self, automaton: _Automaton) -> None:
        self.automaton = automaton
        self.accepting = [0] * 256
        places: dict[frozenset[int], int] = {}
        for state, members in enumerate(automaton.members):
            places[members] = places.get(members, 0) | 1 << state
        for members, states in places.items():
            for byte in members:
                self.accepting[byte] |= states
        self._straight = self._looping = 0
        jumps: dict[int, int] = {}
        for state, follow in enumerate(automaton.follow):
            bit = 1 << state
            if follow & ~(bit | bit << 1):
                jumps[follow] = jumps.get(follow, 0) | bit
            else:
                self._straight |= bit if follow & bit << 1 else 0
                self._looping |= bit if follow & bit else 0
        self._jumps = [(sources, targets) for targets, sources in jumps.items()]

    def next(self, states: int) -> int:
        """The states that may follow any of some."""
        targets = (states & self._straight) << 1 | states & self._looping
        for sources, jump in self._jumps:
            if states & sources:
                targets |= jump
        return targets


class _Search:
    """One automaton over one response."""

    def __init__(self, tables: _Tables, response: bytes) -> None:
        self._tables = tables
        self._automaton = tables.automaton
        self._accepting = tables.accepting
        self._response = response
        self._known: dict[int, int] = {}
        self._reached: list[tuple[int, ...]] = []

    def _next(self, states: int) -> int:
        """The states that may follow any of some; the same sets come again and again."""
        known = self._known.get(states)
        if known is None:
            known = self._known[states] = self._tables.next(states)
        return known

    def best(self) -> Alignment:
        automaton, response = self._automaton, self._response
        levels = [0] * (MAX_CHANGES + 1)
        found: tuple[int, int] | None = None  # (level, how many bytes were read)
        first, last = automaton.first, automaton.last
        for place, byte in enumerate(response):
            entering = first if place == 0 or not automaton.anchored else 0
            accepting = self._accepting[byte]
            changed = 0
            for level, states in enumerate(levels):
                reach = self._next(states) | entering
                levels[level] = reach & accepting | changed
                changed = reach
            self._reached.append(tuple(levels))
            if not levels[-1]:
                break
            if levels[-1] & last and (not automaton.at_end or self._ends(place + 1)):
                level = next(level for level, states in enumerate(levels) if states & last)
                found = level, place + 1
                del levels[max(1, level) :]  # only fewer changes are of interest now
                if level <= 1:  # a response that this rule does not match needs one at least
                    break
        if found is None:
            return self._furthest()
        level, length = found
        ending = self._reached[length - 1][level] & last
        return self._traced(ending, level, length, is_complete=True)

    def _ends(self, place: int) -> bool:
        rest = self._response[place:]
        return rest in {b"", b"\n"}

    def _furthest(self) -> Alignment:
        """How far the regex gets without any change."""
        length = next(
            (place + 1 for place in range(len(self._reached) - 1, -1, -1)
             if self._reached[place][0]),
            0,
        )  # fmt: skip
        if not length:
            part = self._automaton.parts[0] if self._automaton.parts else (0, 0)
            return Alignment((Change(0, part),), is_complete=False, steps=())
        states = self._reached[length - 1][0]
        traced = self._traced(1 << (states.bit_length() - 1), 0, length, is_complete=False)
        follow = self._automaton.follow[states.bit_length() - 1]
        state = (follow & -follow).bit_length() - 1 if follow else states.bit_length() - 1
        change = Change(length, self._automaton.parts[state])
        return Alignment(
            (change,),
            is_complete=False,
            steps=traced.steps,
            bits=traced.bits,
            literals=traced.literals,
        )

    def _traced(self, ending: int, level: int, length: int, *, is_complete: bool) -> Alignment:
        """Walk back from the states at the end to the first byte."""
        automaton = self._automaton
        state = ending.bit_length() - 1
        changes: list[Change] = []
        steps: list[tuple[Span, int]] = []
        place = length - 1
        bits, literals = 0.0, 0
        while True:
            bit = 1 << state
            part = automaton.parts[state]
            if self._accepting[self._response[place]] & bit and self._comes_from(bit, level, place):
                steps.append((part, place))
                bits += 8 - math.log2(len(automaton.members[state]))
                literals += len(automaton.members[state]) <= _OF_ONE_LETTER
            else:
                changes.append(Change(place, part))
                level -= 1
            before = self._sources(bit, level, place)
            if before is None:
                break
            state = before
            place -= 1
        return Alignment(
            tuple(reversed(changes)), is_complete, tuple(reversed(steps)), bits, literals
        )

    def _comes_from(self, bit: int, level: int, place: int) -> bool:
        entering = place == 0 or not self._automaton.anchored
        if entering and self._automaton.first & bit:
            return True
        return place > 0 and bool(self._next(self._reached[place - 1][level]) & bit)

    def _sources(self, bit: int, level: int, place: int) -> int | None:
        """The state before one, the nearest if there are several; None at the beginning."""
        if place > 0:
            states = self._reached[place - 1][level]
            while states:
                state = states.bit_length() - 1
                if self._automaton.follow[state] & bit:
                    return state
                states ^= 1 << state
        return None


def _merged(steps: Iterable[tuple[Span, int]]) -> tuple[tuple[Span, Span], ...]:
    """Neighbours in the regex that are neighbours in the response too, as one."""
    merged: list[tuple[Span, Span]] = []
    for part, offset in steps:
        place = offset, offset + 1
        if merged:
            (before, after), (start, end) = merged[-1]
            if end == place[0] and (part[0] == after or part == (before, after)):
                merged[-1] = (before, part[1]), (start, place[1])
                continue
        merged.append((part, place))
    return tuple(merged)
