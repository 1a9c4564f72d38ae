"""The rule workbench in words: what is wrong with a rule, and what it would change."""

from collections import Counter
from collections.abc import Sequence

from vscan_tui.matching.rule_syntax import Completion
from vscan_tui.matching.trial import Effect, Finding, LineFault
from vscan_tui.probedb.model import Rule
from vscan_tui.session.wording import printable, version_text
from vscan_tui.tui.rendering.exchange import count_text
from vscan_tui.tui.rendering.line import (
    Line,
    Role,
    Run,
    column,
    cut_line,
    wrapped_words,
)

_ORDER = (
    Effect.STEALS,
    Effect.LIMIT,
    Effect.NEW,
    Effect.BETTER,
    Effect.SAME,
    Effect.BEHIND,
    Effect.ELSEWHERE,
    Effect.MISSES,
)
_LOOKS = {
    Effect.NEW: ("+", "hits", Role.HARD),
    Effect.BETTER: ("+", "better", Role.HARD),
    Effect.SAME: ("=", "as before", Role.SOFT),
    Effect.STEALS: ("!", "steals", Role.ALERT),
    Effect.BEHIND: ("~", "behind", Role.DIM),
    Effect.LIMIT: ("!", "limit", Role.ALERT),
    Effect.ELSEWHERE: ("~", "elsewhere", Role.DIM),
    Effect.MISSES: ("·", "misses", Role.DIM),
}
_NOT_HERE = {
    Effect.ELSEWHERE: "would match the response below, which answers another probe",
    Effect.LIMIT: "PCRE2 gives up on the response below: a part repeats what repeats",
}
HELP = {
    Effect.NEW: "nothing fired on it before",
    Effect.BETTER: "only a soft match fired on it before",
    Effect.SAME: "it was that already",
    Effect.STEALS: "another rule fires on it now",
    Effect.BEHIND: "a hard match of another rule comes first",
    Effect.LIMIT: "PCRE2 gives up on it",
    Effect.ELSEWHERE: "it answers another probe, on which this rule is not tried",
    Effect.MISSES: "the rule does not match it",
}


def in_order(findings: Sequence[Finding]) -> list[int]:
    """The places of findings: what needs a look first, what the rule misses last."""
    return sorted(range(len(findings)), key=lambda place: _ORDER.index(findings[place].effect))


def finding_row(finding: Finding, width: int) -> Line:
    """Draw what a rule would do to one response."""
    symbol, word, role = _LOOKS[finding.effect]
    subject = finding.subject
    now = subject.match
    before = "unknown" if now is None else printable(f"{now.service} {version_text(now.fields)}")
    runs = [
        Run(f"{symbol} {column(word, 9)} ", role),
        Run(f"{column(printable(subject.name), 28)} ", Role.STRONG),
        Run(f"{len(subject.response):>7,} B  ", Role.DIM),
        Run(before.strip()),
    ]
    if finding.spans and finding.effect is not Effect.SAME:
        told = printable(version_text(finding.fields)) or "this rule"
        runs.append(Run(f" → {told}", role))
    return cut_line(Line(tuple(runs)), width)


def summary_runs(findings: Sequence[Finding]) -> tuple[Run, ...]:
    """Count what a rule would do."""
    counts = Counter(finding.effect for finding in findings)
    hits = counts[Effect.NEW] + counts[Effect.BETTER] + counts[Effect.SAME]
    runs = [Run(f"hits {hits}", Role.HARD if hits else Role.DIM)]
    stolen = counts[Effect.STEALS]
    runs.append(Run(f"  steals {stolen}", Role.ALERT if stolen else Role.DIM))
    runs.append(Run(f"  misses {counts[Effect.MISSES]}", Role.DIM))
    others = counts[Effect.ELSEWHERE] + counts[Effect.BEHIND]
    if others:
        runs.append(Run(f"  would match {others} it is not tried on", Role.DIM))
    if counts[Effect.LIMIT]:
        runs.append(Run(f"  limit {counts[Effect.LIMIT]}", Role.ALERT))
    return tuple(runs)


def verdict_lines(
    checked: Rule | LineFault | None,
    trouble: str,
    finding: Finding | None,
    width: int,
) -> list[Line]:
    """Say what is wrong with the rule, or what it says of the response that is looked at.

    Args:
        checked: the rule, or its fault; None until it is known.
        trouble: why it could not be tried; may be empty.
        finding: what it does to the response that is looked at.
        width: of the lines, in cells.
    """
    if checked is None:
        return [Line((Run("  checking …", Role.DIM),))]
    if isinstance(checked, LineFault):
        text = f"column {checked.column}: {printable(checked.message)}"
        return _told("✘ ", text, Role.ALERT, width)
    if trouble:
        return _told("! ", trouble, Role.ALERT, width)
    kind = "soft match" if checked.soft else "hard match"
    runs = [
        Run("✓ ", Role.HARD),
        Run(f"{kind} ", Role.HARD),
        Run(printable(checked.service), Role.STRONG),
    ]
    if finding is None or not finding.spans:
        effect = Effect.MISSES if finding is None else finding.effect
        runs.append(
            Run(f"  {_NOT_HERE.get(effect, 'does not match the response below')}", Role.DIM)
        )
        return [cut_line(Line(tuple(runs)), width)]
    fields = finding.fields
    for name in ("product", "version", "info", "hostname", "ostype", "devicetype"):
        value = getattr(fields, name)
        if value:
            runs += [Run(f"  {name} ", Role.LABEL), Run(printable(value))]
    for cpe in fields.cpes:
        runs.append(Run(f"  {printable(cpe)}", Role.DIM))
    return [cut_line(Line(tuple(runs)), width)]


def completion_line(completion: Completion, width: int) -> Line:
    """Show what may be typed next; the first is what tab takes."""
    runs: list[Run] = []
    for number, option in enumerate(completion.options):
        head = Run("  tab ", Role.LABEL) if not number else Run("   ")
        runs += [head, Run(option.text.strip(), Role.CHOSEN if not number else Role.STRONG)]
        if option.help:
            runs.append(Run(f" {printable(option.help)}", Role.DIM))
    return cut_line(Line(tuple(runs)), width)


def saved_text(path: str, line: int, changed: Sequence[str]) -> str:
    """Say where a rule was saved, and which ports it changed."""
    where = f"scans use it from now on: line {line} of {path}"
    if not changed:
        return f"Saved; no port of this session changes by it: {where}"
    ports = ", ".join(changed[:3]) + (" …" if len(changed) > 3 else "")
    return f"Saved; {count_text(len(changed), 'port')} changed: {ports}; {where}"


def _told(symbol: str, text: str, role: Role, width: int) -> list[Line]:
    first, *rest = wrapped_words(text, width - len(symbol))
    blank = Run(" " * len(symbol))
    return [
        Line((Run(symbol, role), Run(first, role))),
        *(Line((blank, Run(line, role))) for line in rest),
    ]
