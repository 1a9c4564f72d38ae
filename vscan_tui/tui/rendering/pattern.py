"""The regex of a rule, with each capturing group marked."""

from functools import lru_cache

from vscan_tui.events import Match
from vscan_tui.matching.syntax import group_spans
from vscan_tui.tui.rendering.hexdump import byte_groups
from vscan_tui.tui.rendering.line import Role, Run, merged, superscript

_DELIMITERS = "|=%@~!,;#"


def pattern_text(pattern: bytes) -> str:
    r"""Write a pattern in printable ASCII; other bytes as `\xHH`, which means the same."""
    return "".join(_shown(byte) for byte in pattern)


def rule_text(match: Match) -> str:
    """Return the regex as a rule has it, `m|...|is`."""
    return _rule_text(match.pattern, match.flags)


def _rule_text(pattern: bytes, flags: str) -> str:
    text = pattern_text(pattern)
    delimiter = next((mark for mark in _DELIMITERS if mark not in text), "|")
    return f"m{delimiter}{text}{delimiter}{flags}"


def pattern_runs(match: Match) -> tuple[Run, ...]:
    """Return the regex as runs; a raised number stands before each capturing group."""
    return _runs(match.pattern, match.flags)


@lru_cache(maxsize=256)
def _runs(pattern: bytes, flags: str) -> tuple[Run, ...]:
    groups = group_spans(pattern)
    owners = byte_groups(len(pattern), (None, *groups))
    starts = {span[0]: number for number, span in enumerate(groups, start=1)}
    text = _rule_text(pattern, flags)
    runs = [Run(text[:2], Role.DIM)]
    for offset, byte in enumerate(pattern):
        number = starts.get(offset)
        if number is not None:
            runs.append(Run(superscript(number), Role.PLAIN, number))
        runs.append(Run(_shown(byte), Role.PLAIN, owners[offset]))
    runs.append(Run(text[1] + flags, Role.DIM))
    return merged(runs)


def _shown(byte: int) -> str:
    return chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02x}"
