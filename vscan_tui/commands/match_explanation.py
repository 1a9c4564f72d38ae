"""`vscan match --explain`: the fate of every rule, and which it nearly was, as text and for JSON.

Apart from `match`, which starts faster without it.
"""

from collections.abc import Iterator

from vscan_tui.commands.match_wording import one_line
from vscan_tui.matching.explain import Fate, RuleFate, Stop, explain, nearest_rules
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.model import Rule


def nearest(
    databases: ProbeDatabases, probe: CombinedProbe, response: bytes, count: int
) -> list[dict[str, object]]:
    """The rules that a response almost meets, the best first."""
    return [
        {
            "line": miss.rule.line,
            "service": miss.rule.service,
            "score": round(miss.score, 6),
            "stopped_at": [stop.offset for stop in miss.stops],
        }
        for miss in nearest_rules(databases, probe, response, count)
    ]


def explained_lines(
    databases: ProbeDatabases, probe: CombinedProbe, response: bytes, count: int
) -> Iterator[str]:
    """Lines for a person: every rule in order, then the nearest of those that do not match."""
    explanation = explain(databases, probe, response, nearest=count)
    yield "Every rule in the order in which it is tried:"
    for fate in explanation.fates:
        yield f"{_place(fate.rule)} {fate.fate}{_reason(fate)}"
        for name, value, origin in _origins(fate):
            yield f"    {name} = {value}{origin}"
        for number, span in enumerate(fate.spans):
            if number and span is not None:
                text = one_line(response[slice(*span)].decode("latin-1"), limit=120)
                yield f"    ${number} is {span[0]}-{span[1]}: {text}"
    yield ""
    yield "Nearest among those that do not match:" if explanation.nearest else "None is near."
    for miss in explanation.nearest:
        changes = "too many" if miss.changes is None else str(miss.changes)
        yield f"{_place(miss.rule)} score {miss.score:.2f}, bytes to change: {changes}"
        for stop in miss.stops:
            yield f"    {_stopped(stop)}"


def _place(rule: Rule) -> str:
    kind = "softmatch" if rule.soft else "match"
    return f"{one_line(rule.file)}:{rule.line} {kind} {one_line(rule.service)}"


def _reason(fate: RuleFate) -> str:
    if fate.stop is not None:
        return f": {_stopped(fate.stop)}"
    if fate.fate is Fate.FAILED:
        return ": all its literals are met, the rest is not"
    return ""


def _stopped(stop: Stop) -> str:
    found = "the response ends" if stop.found is None else f"0x{stop.found:02x} stands there"
    return f"at byte {stop.offset} {found}, wanted {one_line(stop.wanted, limit=60)!r}"


def _origins(fate: RuleFate) -> Iterator[tuple[str, str, str]]:
    for field in fate.fields:
        origin = "" if not field.groups else f" from {one_line(field.template)}"
        yield field.name, one_line(field.value) if field.value else "(left out)", origin
