r"""A regex in its parts, and the bytes of a response that each part matched.

A regex that matches is searched once more with a group around each part, so
that PCRE2 itself says where the parts stand.  One that does not match is laid
against the response as well as it goes (`alignment`): its parts stand where
they fit, and the first that does not fit is where the rule failed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from vscan_tui.events import Span
from vscan_tui.matching import syntax
from vscan_tui.matching.explain import Stop, explain_rule
from vscan_tui.matching.matcher import MAX_RESPONSE_BYTES
from vscan_tui.matching.pattern import LimitError, Pattern
from vscan_tui.matching.syntax import (
    Anchor,
    ByteSet,
    Group,
    Literal,
    Node,
    Opaque,
    Reference,
    Repeat,
)
from vscan_tui.probedb.model import Rule

MAX_PARTS = 500
"""A regex with more is one part."""


class PartKind(StrEnum):
    """What a part of a regex is."""

    LITERAL = "literal"
    CLASS = "class"
    REPEATED = "repeated group"
    ANCHOR = "anchor"
    CONDITION = "condition"
    REFERENCE = "reference"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a regex that is looked at as one."""

    span: Span
    """Its place in the regex."""
    kind: PartKind
    group: int = 0
    """The innermost captured group that it is in; 0 for none."""


@dataclass(frozen=True, slots=True)
class Dissection:
    """A regex and a response, part by part."""

    parts: tuple[Part, ...]
    places: tuple[Span | None, ...]
    """For each part, where it stands in the response; None if it does not."""
    spans: tuple[Span | None, ...]
    """Of the whole match and of each group; empty if the regex does not match."""
    stops: tuple[Stop, ...] = ()
    """What does not fit, if the regex does not match."""
    hit_limit: bool = False
    """Whether PCRE2 gave up."""

    @property
    def matches(self) -> bool:
        """Whether the regex matches."""
        return bool(self.spans)

    @property
    def failed(self) -> tuple[int, ...]:
        """Which parts did not fit, by their place among the parts."""
        wanted = [stop.part for stop in self.stops if stop.part is not None]
        return tuple(
            number
            for number, part in enumerate(self.parts)
            if any(_holds(part.span, place) for place in wanted)
        )

    @property
    def held(self) -> int:
        """How many parts met bytes and fit."""
        failed = set(self.failed)
        return sum(
            place is not None and number not in failed for number, place in enumerate(self.places)
        )


def _holds(outer: Span, inner: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def parts_of(pattern: bytes, flags: str) -> tuple[Part, ...]:
    """Take a regex apart; never fails, and the parts do not overlap."""
    whole = (Part((0, len(pattern)), PartKind.OTHER),)
    if rb"\Q" in pattern:  # a group cannot be put around a part of what is quoted
        return whole
    regex = syntax.parse(pattern, flags)
    found: list[Part] = []
    for branch in regex.branches:
        for part in _parts(branch, 0):
            last = found[-1] if found else None
            if (
                last is not None
                and last.kind is part.kind is PartKind.LITERAL
                and last.span[1] == part.span[0]
                and last.group == part.group
            ):
                found[-1] = Part((last.span[0], part.span[1]), part.kind, part.group)
            else:
                found.append(part)
            if len(found) > MAX_PARTS:
                return whole
    return tuple(found)


_SIMPLE = {
    Literal: PartKind.LITERAL,
    ByteSet: PartKind.CLASS,
    Anchor: PartKind.ANCHOR,
    Reference: PartKind.REFERENCE,
    Opaque: PartKind.OTHER,
}


def _parts(nodes: Iterable[Node], group: int) -> Iterator[Part]:
    for node in nodes:
        match node:
            case Group() if not node.consumes:
                yield Part(node.span, PartKind.CONDITION, group)
            case Group() if node.kind == "atomic":
                yield Part(node.span, PartKind.OTHER, group)
            case Group():
                for branch in node.branches:
                    yield from _parts(branch, node.number or group)
            case Repeat(item=Group() as item) if node.most == 1 and item.consumes:
                yield from _parts((item,), group)
            case Repeat(item=Group()):
                yield Part(node.span, PartKind.REPEATED, group)
            case Repeat(item=Literal()):
                yield Part(node.span, PartKind.CLASS, group)
            case Repeat():
                yield Part(node.span, _SIMPLE.get(type(node.item), PartKind.OTHER), group)
            case _:
                yield Part(node.span, _SIMPLE.get(type(node), PartKind.OTHER), group)


def dissect(rule: Rule, response: bytes) -> Dissection:
    """Lay a rule against a response, part by part.

    Work is bounded as that of matching one rule is, and of `explain_rule`.
    """
    response = response[:MAX_RESPONSE_BYTES]
    parts = parts_of(rule.pattern, rule.flags)
    hit_limit = False
    spans: tuple[Span | None, ...] | None = None
    try:
        spans = Pattern(rule.pattern, rule.flags).search(response)
    except LimitError:
        hit_limit = True
    except ValueError:
        pass  # PCRE2 refuses it, so that it matches nothing
    if spans is not None:
        return Dissection(parts, _places(rule, parts, response), spans)
    alignment, stops = explain_rule(rule, response)
    places: list[Span | None] = [None] * len(parts)
    for span, offset in alignment.steps:
        number = next((n for n, part in enumerate(parts) if _holds(part.span, span)), None)
        if number is not None:
            known = places[number]
            places[number] = (
                (offset, offset + 1)
                if known is None
                else (min(known[0], offset), max(known[1], offset + 1))
            )
    return Dissection(parts, tuple(places), (), stops, hit_limit)


def _places(rule: Rule, parts: tuple[Part, ...], response: bytes) -> tuple[Span | None, ...]:
    """Where each part stands, as PCRE2 has it."""
    nothing = (None,) * len(parts)
    marked = _marked(rule.pattern, rule.flags, parts)
    if marked is None:
        return nothing
    pattern, numbers = marked
    try:
        spans = Pattern(pattern, rule.flags).search(response)
    except (LimitError, ValueError):
        return nothing
    return nothing if spans is None else tuple(spans[number] for number in numbers)


def _marked(
    pattern: bytes, flags: str, parts: tuple[Part, ...]
) -> tuple[bytes, tuple[int, ...]] | None:
    """The regex with a group around each part, and the numbers of these groups."""
    nodes = list(syntax.parse(pattern, flags).walk())
    if any(isinstance(node, Opaque) and _refers(pattern, node.span) for node in nodes):
        return None
    groups = {
        node.span[0]: node.number
        for node in nodes
        if isinstance(node, Group) and node.number is not None
    }
    openings = sorted(
        [(part.span[0], 0, index) for index, part in enumerate(parts)]
        + [(start, 1, number) for start, number in groups.items()]
    )
    numbers = [0] * len(parts)
    renumbered: dict[int, int] = {}
    for count, (_, is_group, which) in enumerate(openings, start=1):
        if is_group:
            renumbered[which] = count
        else:
            numbers[which] = count
    begins = {part.span[0] for part in parts}
    ends = {part.span[1] for part in parts}
    references = {node.span[0]: node for node in nodes if isinstance(node, Reference)}
    out = bytearray()
    place = 0
    while place <= len(pattern):
        if place in ends:
            out += b")"
        if place in begins:
            out += b"("
        reference = references.get(place)
        if reference is not None and reference.group in renumbered:
            out += b"\\g{%d}" % renumbered[reference.group]
            place = reference.span[1]
            continue
        out += pattern[place : place + 1]
        place += 1
    return bytes(out), tuple(numbers)


def _refers(pattern: bytes, span: Span) -> bool:
    text = pattern[slice(*span)]
    return text[1:2] in {b"g", b"k"} or text[1:2].isdigit() or span == (0, len(pattern))
