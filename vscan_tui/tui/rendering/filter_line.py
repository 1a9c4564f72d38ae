"""What stands under a filter that is being typed: what is wrong with it, or how to go on."""

from collections.abc import Sequence

from vscan_tui.session.filter_completion import Completion
from vscan_tui.session.filter_syntax import FilterError, Part
from vscan_tui.session.wording import readable
from vscan_tui.tui.rendering.line import Line, Role, Run, cut, cut_line

PART_ROLES = {
    Part.NEGATION: Role.ALERT,
    Part.FIELD: Role.CHOSEN,
    Part.VALUE: Role.STRONG,
    Part.REGEX: Role.HARD,
    Part.WORD: Role.PLAIN,
}
_EXAMPLE = "words, or state:open service:http version~1\\.2 !identified port:8000-9000 mark:todo"


def error_line(text: str, error: FilterError, width: int) -> Line:
    """Say what is wrong, and where; the last filter that was right is still used."""
    place = readable(text[error.start : error.end])
    where = f"“{cut(place, 24)}”: " if place else ""
    return cut_line(
        Line((Run(" ! ", Role.ALERT), Run(where, Role.STRONG), Run(error.message, Role.ALERT))),
        width,
    )


def completions_line(found: Sequence[Completion], chosen: int, width: int) -> Line:
    """Draw the ways to go on, of which tab takes one; without any, an example.

    Args:
        found: what may come next.
        chosen: the one that tab took; -1 for none.
        width: in cells.
    """
    if not found:
        return cut_line(Line((Run(f" {_EXAMPLE}", Role.DIM),)), width)
    runs = [Run(" tab ", Role.CHOSEN)]
    first = max(0, chosen - 2)
    for number, completion in enumerate(found[first:], start=first):
        role = Role.FOCUSED_HEADING if number == max(0, chosen) else Role.PLAIN
        runs.append(Run(f" {completion.replacement}", role))
        if completion.help:
            runs.append(Run(f" {completion.help} ", Role.DIM))
    return cut_line(Line(tuple(runs)), width)
