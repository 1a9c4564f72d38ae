"""The title: what runs, on what, how far it is."""

from dataclasses import dataclass

from vscan_tui.events import Outcome, ScanEnding
from vscan_tui.session.store import Stage, Store
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.exchange import clock_text, count_text
from vscan_tui.tui.rendering.line import Line, Role, Run, cut

_SHARE_OF_DISCOVERY = 0.3
"""How much of the progress bar belongs to finding ports; the rest to asking them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is."""

    found: int
    finished: int
    identified: int
    fraction: float


def progress(store: Store) -> Progress:
    """Count what is done."""
    found = len(store.ports)
    finished = store.stages[Stage.FINISHED]
    outcomes = store.outcomes
    if store.ended is not None and store.ended.ending is ScanEnding.DONE:
        fraction = 1.0
    else:
        looked = store.discovered / store.to_discover if store.to_discover else float(found > 0)
        asked = finished / found if found else 0.0
        share = _SHARE_OF_DISCOVERY if store.to_discover else 0.0
        fraction = min(1.0, looked) * (share + (1 - share) * asked)
    return Progress(
        found,
        finished,
        outcomes[Outcome.HARD_MATCH] + outcomes[Outcome.SOFT_MATCH],
        fraction,
    )


def target_text(store: Store) -> str:
    """Name the host, or count the hosts."""
    if not store.hosts:
        return ""
    if len(store.hosts) > 1:
        return count_text(len(store.hosts), "host")
    return printable(next(iter(store.hosts.values())).label)


def title_line(
    store: Store,
    *,
    unknown: int,
    seconds: float,
    tags: tuple[str, ...],
    fraction: float,
    width: int,
) -> Line:
    """Draw the title; on a narrow terminal the least important parts go first.

    Args:
        store: the scan.
        unknown: ports that answered without a rule that matched.
        seconds: how long the scan has run.
        tags: words in front of the bar, such as PAUSED.
        fraction: of the progress bar, 0 to 1.
        width: in cells.
    """
    now = progress(store)
    program = printable(store.scan.program) if store.scan else "vscan"
    name = program.split(" ")[0]
    ports = f"{now.finished:,}/{now.found:,} ports"
    pace = printable(store.scan.pace) if store.scan else ""
    target = target_text(store)
    counts = (f"{now.identified:,} identified", f"{unknown:,} unknown")
    clock = clock_text(seconds)
    candidates = (
        ((program, target, pace, ports, *counts, clock), 20),
        ((name, target, pace, ports, *counts, clock), 12),
        ((name, target, ports, *counts, clock), 6),
        ((name, cut(target, 16), ports, *counts, clock), 0),
        ((name, cut(target, 16), ports, *counts), 0),
        ((name, ports, *counts, clock), 0),
        ((name, ports, clock), 0),
        ((name, ports), 0),
    )
    marks = [Run(f" {tag} ", Role.TAG) for tag in tags]
    for parts, bar in candidates:
        text = " · ".join(part for part in parts if part)
        tail = [*_spaced(marks), *_bar(fraction, bar)]
        room = width - 2 - len(text) - sum(len(run.text) for run in tail)
        if room >= 1:
            break
    else:
        text, tail, room = cut(name, width - 2), [], max(0, width - 2 - len(name))
    head, _, rest = text.partition(" · ")
    return Line(
        (
            Run(" "),
            Run(head, Role.FOCUSED_HEADING),
            Run(f" · {rest}" if rest else ""),
            Run(" " * room),
            *tail,
            Run(" "),
        )
    )


def _spaced(marks: list[Run]) -> list[Run]:
    return [run for mark in marks for run in (mark, Run(" "))]


def _bar(fraction: float, width: int) -> list[Run]:
    percent = Run(f" {int(fraction * 100):>3}%", Role.STRONG)
    if width == 0:
        return [percent]
    done = round(fraction * width)
    return [
        Run("█" * done, Role.BAR_DONE),
        Run("░" * (width - done), Role.BAR_LEFT),
        percent,
    ]
