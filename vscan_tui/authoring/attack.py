"""Responses made to let a regex run away: all that precedes a repeat, and then more of it.

A backtracking regex is slow on what almost matches: the beginning is met, a
repeat takes a great deal, and what follows the repeat never comes.
"""

from collections.abc import Iterator

from vscan_tui.matching import syntax
from vscan_tui.matching.pattern import LimitError, Pattern
from vscan_tui.matching.syntax import ByteSet, Group, Literal, Node, Repeat

ATTACK_BYTES = 1024
"""A regex whose work grows with the length of a response alone is far from the limits here; one
whose work grows with its square exceeds them."""
_MOST_ATTACKS = 8
_LIKED = b" 0aA.\"'<,;:-_/\r\n"
"""Bytes that the repeats of one regex are likely to share."""
_MOST_AFTER = 64
_END = b"\x00\xff!"


def runs_away(pattern: bytes, flags: str) -> bytes | None:
    """Find a response on which a regex exceeds PCRE2's limits.

    Returns:
        The response, of at most `ATTACK_BYTES` bytes and a few; None if none was found.
    """
    try:
        compiled = Pattern(pattern, flags)
    except ValueError:
        return None  # a fault of its own
    for response in attacks(pattern, flags):
        try:
            compiled.search(response)
        except LimitError:
            return response
    return None


def attacks(pattern: bytes, flags: str) -> Iterator[bytes]:
    """Make responses that meet a regex up to one of its unbounded repeats."""
    count = 0
    for branch in syntax.parse(pattern, flags).branches:
        before = b""
        for number, node in enumerate(branch):
            rest = branch[number:]
            for repeated in _repeated(node, rest):
                copies = max(1, (ATTACK_BYTES - len(before)) // max(1, len(repeated)))
                # PCRE2 looks ahead for a byte that must come, and gives up early without it.
                after = b"".join(sample(later) for later in rest[1:])[:_MOST_AFTER]
                yield before + repeated * copies + _END + after
                count += 1
                if count >= _MOST_ATTACKS:
                    return
            before += sample(node)


def _repeated(node: Node, rest: tuple[Node, ...]) -> Iterator[bytes]:
    """What the unbounded repeats within a node take, over and over."""
    if isinstance(node, Repeat):
        if node.most is None or node.most > 100:
            yield _shared(node.item, rest) or sample(node.item)
        yield from _repeated(node.item, rest)
    elif isinstance(node, Group) and node.consumes:
        for branch in node.branches:
            for inner in branch:
                yield from _repeated(inner, rest)


def _shared(item: Node, rest: tuple[Node, ...]) -> bytes:
    """A byte that the next repeats take too, so that each can give it to the other."""
    sets = [_taken(node.item) for node in rest if isinstance(node, Repeat)]
    common = _taken(item)
    for members in sets:
        if common & members:
            common &= members
    return _liked(common)


def _taken(item: Node) -> frozenset[int]:
    if isinstance(item, ByteSet):
        return item.members
    if isinstance(item, Literal):
        return frozenset((item.byte,))
    if isinstance(item, Group) and len(item.branches) == 1 and len(item.branches[0]) == 1:
        inner = item.branches[0][0]
        return _taken(inner.item if isinstance(inner, Repeat) else inner)
    return frozenset()


def sample(node: Node) -> bytes:
    """Make bytes that a part of a regex is met by, if its conditions allow."""
    match node:
        case Literal():
            return bytes((node.byte,))
        case ByteSet():
            return _liked(node.members)
        case Group() if node.consumes and node.branches:
            return b"".join(sample(inner) for inner in node.branches[0])
        case Repeat():
            return sample(node.item) * min(node.least or 1, ATTACK_BYTES)
        case _:
            return b""


def _liked(members: frozenset[int]) -> bytes:
    for byte in _LIKED:
        if byte in members:
            return bytes((byte,))
    return bytes((min(members),)) if members else b""
