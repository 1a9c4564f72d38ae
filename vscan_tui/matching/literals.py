"""Which literal bytes a response must hold for a rule to match it.

All that is claimed here is necessary for a match, never sufficient: a rule
that fails these conditions cannot match; one that meets them is then tried.
Everything is in lower case, to be compared with a response in lower case.

Regexes are read here in one pass over their tokens, ten times as fast as
taking them apart into a tree: a first start has 12,000 of them to read.  What
is not plain goes through the tree after all (`syntax`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from vscan_tui.matching import syntax
from vscan_tui.matching.syntax import Anchor, ByteSet, Group, Literal, Node, Repeat

MIN_LITERAL = 3
"""Shorter literals stand in nearly every response, and say nothing."""
_MAX_COPIES = 64
_MAX_STEPS = 4096
"""Bounds the work on repeats within repeats, which would multiply."""
_QUANTIFIER = rb"(?:[*+?]|\{\d{1,5}(?:,\d{0,5})?\})[+?]?"
_BYTE = rb"[^\\^$.\[|()?*+{]|\\(?:[^a-zA-Z0-9]|x[0-9A-Fa-f]{2}|[nrtfae]|0(?![0-7]))|\[[^\\\]^]\]"
_SET = (
    rb"\.|\\[dDwWsShHvVN]|\\[1-9](?![0-9])"
    rb"|\[(?!\[:[<>]:\])\^?\]?(?:\[:\^?[a-z]+:\]|\\[^QE]|[^\]\\])*\]"
)
_PLACE = rb"[\^$]|\\[bBAzZ]"
_NO_QUANTIFIER = rb"(?![*+?]|\{[ \d,]*\})"
_TOKEN = re.compile(
    rb"(?P<plain>(?:(?:[^\\^$.\[|()?*+{]|\\(?:[^\\a-zA-Z0-9]|[rnt]))(?![*+?{]))+)"
    rb"|(?P<atom>(?P<byte>" + _BYTE + rb")|(?P<set>" + _SET + rb")|(?P<close>\)))"
    rb"(?P<quantifier>" + _QUANTIFIER + rb")?" + _NO_QUANTIFIER + rb"|(?P<place>" + _PLACE + rb")"
    rb"|(?P<open>\((?:\?(?:[:>=!]|<[=!]|P?<\w+>|'\w+')|(?![?*])))"
    rb"|(?P<bar>\|)",
    re.DOTALL,
)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"f": b"\f", b"a": b"\a", b"e": b"\x1b"}
_WITHOUT_WIDTH = (b"(?=", b"(?!", b"(?<=", b"(?<!")


class Condition(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one alternative of a regex needs."""

    prefix: bytes
    """The response must begin with this; empty when the regex is not anchored."""
    runs: tuple[bytes, ...]
    """These must stand in the response, in this order and not overlapping."""


def conditions(pattern: bytes, flags: str) -> tuple[Condition, ...]:
    """What a response must hold for a regex to match: any one of these conditions.

    Args:
        pattern: the regex, as between the delimiters of a rule.
        flags: any of "i" and "s".
    """
    found = _scanned(pattern)
    if found and all(_is_telling(condition.runs) for condition in found):
        return found
    return _from_tree(pattern, flags)


def _is_telling(runs: Sequence[bytes]) -> bool:
    return any(len(run) >= MIN_LITERAL for run in runs)


@dataclass(slots=True)
class _OpenGroup:
    runs: int
    text: bytes
    has_width: bool
    has_branches: bool = False


@dataclass(slots=True)
class _Branch:
    """An alternative of the whole regex while it is read."""

    runs: list[bytes] = field(default_factory=list)
    text: bytearray = field(default_factory=bytearray)
    """The run that is still growing."""
    anchored: bool = False
    prefix: bytes | None = None

    def end_prefix(self) -> None:
        if self.prefix is None:
            self.prefix = bytes(self.text).lower() if self.anchored else b""

    def close(self) -> None:
        self.end_prefix()
        if self.text:
            self.runs.append(bytes(self.text).lower())
            self.text = bytearray()

    def condition(self) -> Condition:
        self.close()
        return Condition(self.prefix or b"", tuple(self.runs))


def _scanned(pattern: bytes) -> tuple[Condition, ...]:
    """Read a regex token by token; empty when something in it is not plain."""
    done: list[Condition] = []
    branch = _Branch()
    groups: list[_OpenGroup] = []
    position = branch_start = 0
    match_token = _TOKEN.match
    while position < len(pattern):
        token = match_token(pattern, position)
        if token is None:
            return ()
        position = token.end()
        kind = token.lastgroup
        if kind == "plain":
            branch.text += _plain(token[0])
        elif kind == "bar" and not groups:
            done.append(branch.condition())
            branch = _Branch()
            branch_start = position
        elif kind == "place":
            if token.start() == branch_start and token[0] in {b"^", b"\\A"}:
                branch.anchored = True
        elif not _take(token, branch, groups):
            return ()
    if groups:
        return ()
    done.append(branch.condition())
    return tuple(done)


def _take(token: re.Match[bytes], branch: _Branch, groups: list[_OpenGroup]) -> bool:
    """Take in an atom or a parenthesis; False when it has no place here."""
    if token["open"] is not None:
        branch.end_prefix()
        has_width = token[0] not in _WITHOUT_WIDTH
        groups.append(_OpenGroup(len(branch.runs), bytes(branch.text), has_width))
    elif token["bar"] is not None:
        groups[-1].has_branches = True
        branch.close()
    elif token["byte"] is not None:
        _repeat_byte(branch, _byte(token["byte"]), token["quantifier"])
    elif token["set"] is not None:
        branch.close()
    elif groups:
        _close_group(branch, groups.pop(), token["quantifier"])
    else:
        return False
    return True


def _plain(text: bytes) -> bytes:
    if b"\\" not in text:
        return text
    text = text.replace(b"\\r", b"\r").replace(b"\\n", b"\n").replace(b"\\t", b"\t")
    return text.replace(b"\\", b"")  # an escaped backslash is never in a plain text


def _byte(text: bytes) -> bytes:
    if text[:1] == b"[":
        return text[1:2]
    if text[:1] != b"\\":
        return text
    if text[1:2] == b"x":
        return bytes.fromhex(text[2:].decode())
    if text[1:2] == b"0":
        return b"\0"
    return _ESCAPED.get(text[1:], text[1:])


def _least(quantifier: bytes) -> int:
    if quantifier[:1] == b"{":
        return int(quantifier[1:].partition(b"}")[0].partition(b",")[0])
    return int(quantifier[:1] == b"+")


def _repeat_byte(branch: _Branch, byte: bytes, quantifier: bytes | None) -> None:
    if quantifier is None:
        branch.text += byte
        return
    branch.text += byte * min(_least(quantifier), _MAX_COPIES)
    branch.close()


def _close_group(branch: _Branch, group: _OpenGroup, quantifier: bytes | None) -> None:
    if group.has_branches or not group.has_width or (quantifier and not _least(quantifier)):
        del branch.runs[group.runs :]
        branch.text = bytearray(group.text)
        if not group.has_width and quantifier is None:
            return  # what is before and after it is still in a row
        branch.close()
    elif quantifier is not None:
        branch.close()


# Through the tree --------------------------------------------------------------------------------


def _from_tree(pattern: bytes, flags: str) -> tuple[Condition, ...]:
    found = []
    for nodes in syntax.parse(pattern, flags).branches:
        branch = _Branch()
        if nodes and isinstance(nodes[0], Anchor) and nodes[0].kind in {"^", "\\A"}:
            branch.anchored = True
        _TreeWalk(branch).sequence(nodes)
        condition = branch.condition()
        if _is_telling(condition.runs):
            found.append(condition)
        else:
            found.extend(_by_inner_branch(nodes, condition))
    return tuple(found)


def _by_inner_branch(nodes: syntax.Sequence, condition: Condition) -> list[Condition]:
    """One condition for each branch of an inner group, if they tell more than the whole does."""
    for group in _required_groups(nodes):
        alternatives = []
        for inner in group.branches:
            branch = _Branch()
            _TreeWalk(branch).sequence(inner)
            branch.close()
            alternatives.append(tuple(branch.runs))
        if all(_is_telling(runs) for runs in alternatives):
            return [Condition(condition.prefix, runs) for runs in alternatives]
    return [condition]


def _required_groups(nodes: syntax.Sequence) -> Iterator[Group]:
    """The groups of several branches that every match goes through."""
    for node in nodes:
        item = node.item if isinstance(node, Repeat) and node.least else node
        if not isinstance(item, Group) or not item.consumes:
            continue
        if len(item.branches) > 1:
            yield item
        else:
            yield from _required_groups(item.branches[0])


class _TreeWalk:
    """Gathers the runs of one branch."""

    def __init__(self, branch: _Branch) -> None:
        self._branch = branch
        self._steps = 0

    def sequence(self, nodes: syntax.Sequence) -> None:
        for node in nodes:
            self._steps += 1
            if self._steps > _MAX_STEPS:  # what was found until here is true all the same
                self._branch.close()
                return
            self._node(node)

    def _node(self, node: Node) -> None:
        branch = self._branch
        match node:
            case Literal():
                branch.text.append(node.byte)
            case ByteSet() if len(node.members) == 1:
                branch.text.extend(node.members)
            case Anchor():
                pass  # has no width: what is before and after it is still in a row
            case Group() if not node.consumes:
                pass  # the same
            case Group() if len(node.branches) == 1:
                self.sequence(node.branches[0])
            case Repeat() if node.least >= 1:
                for _ in range(min(node.least, _MAX_COPIES)):
                    self.sequence((node.item,))
                if node.most != node.least or node.least > _MAX_COPIES:
                    branch.close()
            case _:
                branch.close()
