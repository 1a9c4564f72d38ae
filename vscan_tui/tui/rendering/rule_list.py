"""The rules in the order in which they are tried, a line each."""

from typing import TYPE_CHECKING

from vscan_tui.probedb.writing import rule_line
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.debugger import ordinal, place_text
from vscan_tui.tui.rendering.line import Line, Role, Run, column, cut_line
from vscan_tui.tui.rendering.pattern import pattern_runs

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.explain import RuleList

_SYMBOLS = {
    "fired": ("✓", "fired", Role.HARD),
    "shadowed": ("◦", "shadowed", Role.SOFT),
    "failed": ("·", "", Role.DIM),
    "hit a limit": ("!", "limit", Role.ALERT),
}
_NARROW = 72
_NEAR = 10
"""So many of the nearest stand out."""


def rule_row(rules: "RuleList", index: int, width: int) -> Line:
    """Draw one rule: its number, what became of it, how near it is, where it stands, its regex."""
    rule = rules.rule(index)
    symbol, word, role = _SYMBOLS[rules.fate(index)]
    rank = rules.rank(index)
    if rank is not None and word != "limit":
        word = ordinal(rank)
        role = Role.UNKNOWN if rank <= _NEAR else Role.DIM
        symbol = "✘" if rank <= _NEAR else symbol
    digits = len(f"{len(rules):,}")
    names = (10, 14) if width < _NARROW else (14, 26)
    service = printable(rule.service) + (" ~" if rule.soft else "")
    runs = (
        Run(f"{index + 1:>{digits},} ", Role.LABEL),
        Run(f"{symbol} {column(word, 8)} ", role),
        Run(f"{column(service, names[0])} ", Role.STRONG),
        Run(f"{column(place_text(rule), names[1])} ", Role.DIM),
        *pattern_runs(rule),
    )
    return Line(cut_line(Line(runs), width).runs, rule_line(rule))
