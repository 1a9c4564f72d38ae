"""The regex of a rule: coloured, each capturing group marked, some of it lit up."""

from functools import lru_cache

from vscan_tui.events import Span
from vscan_tui.matching.colouring import Kind, coloured
from vscan_tui.matching.syntax import group_spans
from vscan_tui.probedb.writing import WrittenRule, delimiter_for, pattern_text
from vscan_tui.tui.rendering.hexdump import byte_groups
from vscan_tui.tui.rendering.line import Layer, Role, Run, merged, superscript

ROLES = {
    Kind.LITERAL: Role.PLAIN,
    Kind.ESCAPE: Role.REGEX_ESCAPE,
    Kind.CLASS: Role.REGEX_CLASS,
    Kind.GROUP: Role.REGEX_GROUP,
    Kind.QUANTIFIER: Role.REGEX_QUANTIFIER,
    Kind.ANCHOR: Role.REGEX_ANCHOR,
    Kind.REFERENCE: Role.REGEX_ESCAPE,
}


def pattern_runs(
    rule: WrittenRule, *, lit: Span | None = None, failed: tuple[Span, ...] = ()
) -> tuple[Run, ...]:
    """Return the regex as runs; a raised number stands before each capturing group.

    Args:
        rule: the rule.
        lit: the part of the regex that is selected.
        failed: the parts that did not fit.
    """
    return _runs(rule.pattern, rule.flags, delimiter_for(pattern_text(rule.pattern)), lit, failed)


@lru_cache(maxsize=256)
def _runs(
    pattern: bytes, flags: str, delimiter: str, lit: Span | None, failed: tuple[Span, ...]
) -> tuple[Run, ...]:
    groups = group_spans(pattern)
    owners = byte_groups(len(pattern), (None, *groups))
    starts = {span[0]: number for number, span in enumerate(groups, start=1)}
    roles = [
        role for (start, end), kind in coloured(pattern) for role in [ROLES[kind]] * (end - start)
    ]
    layers = [Layer.NONE] * len(pattern)
    for start, end in failed:
        layers[start:end] = [Layer.STOP] * (end - start)
    if lit is not None:
        layers[slice(*lit)] = [Layer.PART] * (lit[1] - lit[0])
    runs = [Run(f"m{delimiter}", Role.DIM)]
    for offset, byte in enumerate(pattern):
        number = starts.get(offset)
        if number is not None:
            runs.append(Run(superscript(number), Role.PLAIN, number))
        runs.append(Run(_shown(byte), roles[offset], owners[offset], layer=layers[offset]))
    runs.append(Run(delimiter + flags, Role.DIM))
    return merged(runs)


def _shown(byte: int) -> str:
    return chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02x}"
