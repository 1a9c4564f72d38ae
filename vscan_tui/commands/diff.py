"""`vscan diff EARLIER LATER`: services that are new, gone, or changed."""

import json
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path

import msgspec

from vscan_tui.commands.present import say
from vscan_tui.commands.standard_output import print_lines
from vscan_tui.commands.stored import session_store
from vscan_tui.options.model import DiffOptions
from vscan_tui.session.comparison import Change, Difference, Seen, differences
from vscan_tui.session.journal import JournalError
from vscan_tui.session.wording import printable

_SIGNS = {Change.NEW: "+", Change.GONE: "-", Change.CHANGED: "~", Change.NOT_LOOKED_AT: "?"}


class DiffStatus(IntEnum):
    """What the exit status says, as of diff(1) and ndiff."""

    SAME = 0
    DIFFERENT = 1
    TROUBLE = 2
    """A file cannot be read."""


def diff(options: DiffOptions) -> DiffStatus:
    """Tell what is different between two sessions."""
    try:
        earlier, later = (session_store(Path(file)) for file in (options.earlier, options.later))
    except JournalError as error:
        say(f"vscan: {error}")
        return DiffStatus.TROUBLE
    found = list(differences(earlier, later))
    print_lines(map(_json_line, found) if options.json else _text_lines(found))
    is_different = any(each.change is not Change.NOT_LOOKED_AT for each in found)
    return DiffStatus.DIFFERENT if is_different else DiffStatus.SAME


def _text_lines(found: list[Difference]) -> Iterator[str]:
    for each in found:
        where = printable(str(each.endpoint))
        yield f"{_SIGNS[each.change]} {where}  {_what(each)}\n"
    counts = [
        f"{count} {change}"
        for change in Change
        if (count := sum(each.change is change for each in found))
    ]
    yield f"{', '.join(counts) or 'no difference'}\n"


def _what(each: Difference) -> str:
    before = each.before.text if each.before is not None else ""
    after = each.after.text if each.after is not None else ""
    if each.change is Change.CHANGED:
        return f"{before} -> {after}"
    if each.change is Change.NOT_LOOKED_AT:
        return f"{before} (the later scan did not look at it)"
    return before or after


def _json_line(each: Difference) -> str:
    endpoint = each.endpoint
    line = {
        "change": each.change,
        "address": endpoint.address,
        "protocol": endpoint.protocol,
        "port": endpoint.port,
        "before": _seen(each.before),
        "after": _seen(each.after),
    }
    return json.dumps(line) + "\n"


def _seen(seen: Seen | None) -> dict[str, object] | None:
    if seen is None:
        return None
    service: dict[str, object] = msgspec.to_builtins(seen.service)
    return {"state": seen.state, "text": seen.text, **service}
