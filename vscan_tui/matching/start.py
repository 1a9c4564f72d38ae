"""What the first bytes of a response may be, and how long it may be, for a rule to match.

For rules without a literal that tells anything, such as `^[0-9A-F]{8}$`.
Necessary conditions only, as in `literals`.
"""

import msgspec

from vscan_tui.matching import syntax
from vscan_tui.matching.syntax import Anchor, ByteSet, Group, Literal, Node, Repeat

LOOK = 8
"""How many first bytes are looked at."""

_Sets = tuple[frozenset[int], ...]


class Start(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a response must begin."""

    allowed: tuple[bytes, ...]
    """For each of the first positions, at most `LOOK`, the bytes that may stand there."""
    least: int
    """Of how many bytes the response must be at least."""
    most: int | None = None
    """Of how many it may be at most; None for no limit."""

    def admits(self, begin: bytes) -> bool:
        """Whether a response with these first `LOOK` bytes (fewer if it is shorter) may match."""
        if len(begin) < LOOK and self.most is not None and len(begin) > self.most:
            return False
        if len(begin) < min(self.least, LOOK):
            return False
        for byte, allowed in zip(begin, self.allowed, strict=False):  # noqa: SIM110 - twice as fast
            if byte not in allowed:
                return False
        return True


ANY_START = Start((), 0)


def start(pattern: bytes, flags: str) -> Start:
    """How a response must begin for a regex to match."""
    branches = syntax.parse(pattern, flags).branches
    if not all(
        nodes and isinstance(nodes[0], Anchor) and nodes[0].kind in {"^", "\\A"}
        for nodes in branches
    ):
        return ANY_START
    heads = [_sequence(nodes)[0] for nodes in branches]
    sets = _united(heads)
    return Start(
        tuple(bytes(sorted(allowed)) for allowed in sets),
        min(_least(nodes) for nodes in branches),
        _greatest([_most_of_branch(nodes) for nodes in branches]),
    )


def _united(heads: list[_Sets]) -> _Sets:
    """The sets of several branches as one, as far as the shortest goes."""
    return tuple(frozenset().union(*sets) for sets in zip(*heads, strict=False))


def _sequence(nodes: syntax.Sequence) -> tuple[_Sets, bool]:
    """Return the sets of the first positions, and whether what follows is at a known place."""
    found: list[frozenset[int]] = []
    for node in nodes:
        sets, known = _node(node, LOOK - len(found))
        found.extend(sets)
        if not known or len(found) >= LOOK:
            return tuple(found[:LOOK]), False
    return tuple(found), True


def _node(node: Node, room: int) -> tuple[_Sets, bool]:
    match node:
        case Literal() if node.caseless:
            return (frozenset({node.byte, ord(chr(node.byte).swapcase())}),), True
        case Literal():
            return (frozenset({node.byte}),), True
        case ByteSet():
            return (node.members,), True
        case Anchor():
            return (), True
        case Group() if not node.consumes:
            return (), True
        case Group():
            return _group([_sequence(branch) for branch in node.branches])
        case Repeat() if node.least:
            sets, known = _node(node.item, room)
            copies = min(node.least, room) if known else 1
            return (sets * copies)[:room], known and node.most == node.least
        case _:
            return (), False


def _group(heads: list[tuple[_Sets, bool]]) -> tuple[_Sets, bool]:
    sets = _united([head for head, _ in heads])
    same_length = len({len(head) for head, _ in heads}) == 1
    return sets, same_length and all(known for _, known in heads)


def _least(nodes: syntax.Sequence) -> int:
    return sum(_least_of_node(node) for node in nodes)


def _least_of_node(node: Node) -> int:
    match node:
        case Literal() | ByteSet():
            return 1
        case Group() if node.consumes:
            return min(_least(branch) for branch in node.branches)
        case Repeat():
            return node.least * _least_of_node(node.item)
        case _:
            return 0


def _greatest(lengths: list[int | None]) -> int | None:
    known = [length for length in lengths if length is not None]
    return max(known) if len(known) == len(lengths) else None


def _most_of_branch(nodes: syntax.Sequence) -> int | None:
    """How long the response may be; only told if the regex holds it from end to end."""
    if not (isinstance(nodes[-1], Anchor) and nodes[-1].kind in {"$", "\\Z", "\\z"}):
        return None
    length = _most(nodes)
    return None if length is None else length + 1  # a newline may follow


def _most(nodes: syntax.Sequence) -> int | None:
    lengths = [_most_of_node(node) for node in nodes]
    known = [length for length in lengths if length is not None]
    return sum(known) if len(known) == len(lengths) else None


def _most_of_node(node: Node) -> int | None:
    match node:
        case Literal() | ByteSet():
            return 1
        case Anchor():
            return 0
        case Group():
            return _greatest([_most(branch) for branch in node.branches]) if node.consumes else 0
        case Repeat():
            length = _most_of_node(node.item)
            return None if length is None or node.most is None else length * node.most
        case _:
            return None
