"""Which literal bytes a response must hold for a rule to match it.

All that is claimed here is necessary for a match, never sufficient: a rule
that fails these conditions cannot match; one that meets them is then tried.
"""

from dataclasses import dataclass

from vscan_tui.matching import syntax
from vscan_tui.matching.syntax import Anchor, ByteSet, Group, Literal, Node, Repeat

_MAX_COPIES = 64


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes that must stand in a row; in lower case if either case will do."""

    text: bytes
    caseless: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What one alternative of a regex needs."""

    prefix: bytes
    """The response must begin with this; empty when the regex is not anchored."""
    runs: tuple[Run, ...]
    """Each must stand somewhere in the response."""


def conditions(pattern: bytes, flags: str) -> tuple[Condition, ...]:
    """What a response must hold for a regex to match: any one of these conditions."""
    regex = syntax.parse(pattern, flags)
    return tuple(Condition(_prefix(branch), tuple(_runs(branch))) for branch in regex.branches)


def _prefix(branch: syntax.Sequence) -> bytes:
    if not branch or not isinstance(branch[0], Anchor) or branch[0].kind not in {"^", "\\A"}:
        return b""
    out = bytearray()
    _extend_prefix(branch[1:], out)
    return bytes(out)


def _extend_prefix(nodes: syntax.Sequence, out: bytearray) -> bool:
    """Append the bytes that must come first; return whether what follows them does too."""
    for node in nodes:
        if isinstance(node, Literal) and not node.caseless:
            out.append(node.byte)
        elif isinstance(node, Group) and node.consumes and len(node.branches) == 1:
            if not _extend_prefix(node.branches[0], out):
                return False
        else:
            return False
    return True


class _RunCollector:
    """Gathers runs while a sequence is walked."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self._open = bytearray()
        self._caseless = False

    def add(self, byte: int, *, caseless: bool) -> None:
        if self._open and caseless and not self._caseless and self._has_letters():
            self.close()  # an exact run is worth more than a longer caseless one
        self._caseless = self._caseless or caseless
        self._open.append(byte)

    def _has_letters(self) -> bool:
        return any(chr(byte).isalpha() for byte in self._open)

    def close(self) -> None:
        if self._open:
            text = bytes(self._open)
            self.runs.append(Run(text.lower() if self._caseless else text, self._caseless))
        self._open = bytearray()
        self._caseless = False


def _runs(branch: syntax.Sequence) -> list[Run]:
    collector = _RunCollector()
    _collect(branch, collector)
    collector.close()
    return collector.runs


def _collect(nodes: syntax.Sequence, collector: _RunCollector) -> None:
    for node in nodes:
        _collect_node(node, collector)


def _collect_node(node: Node, collector: _RunCollector) -> None:
    match node:
        case Literal():
            collector.add(node.byte, caseless=node.caseless)
        case ByteSet() if len(node.members) == 1:
            collector.add(next(iter(node.members)), caseless=False)
        case Anchor():
            pass  # has no width: what is before and after it is still in a row
        case Group() if not node.consumes:
            pass  # the same
        case Group() if len(node.branches) == 1:
            _collect(node.branches[0], collector)
        case Repeat() if node.least >= 1:
            for _ in range(min(node.least, _MAX_COPIES)):
                _collect_node(node.item, collector)
            if node.most != node.least or node.least > _MAX_COPIES:
                collector.close()
        case _:
            collector.close()
