"""The lines of the port table: its heading, a port, a host with its ports."""

from vscan_tui.tui.rendering.exchange import count_text
from vscan_tui.tui.rendering.line import Line, Role, Run, column, cut_line
from vscan_tui.tui.rendering.port_columns import Column, Layout
from vscan_tui.tui.rendering.port_entry import Entry
from vscan_tui.tui.rendering.port_list import Group, Order
from vscan_tui.tui.rendering.standing import Standing

_MATCHED = (Standing.HARD, Standing.SOFT)


def heading_line(columns: Layout, order: Order, *, focused: bool) -> Line:
    """Draw the names of the columns; a click on one sorts by it, and an arrow says which does."""
    role = Role.FOCUSED_HEADING if focused else Role.HEADING
    runs: list[Run] = []
    for shown, width in columns:
        title = shown.title
        if shown.id == order.column:
            arrow = "▼" if order.reverse else "▲"
            title = f"{title[: max(0, width - 1)]}{arrow}" if width > 2 else arrow
        elif len(title) > width:
            title = ""
        runs += [Run(column(title, width), role, view=shown.id), Run(" ", role)]
    return Line(tuple(runs[:-1]))


def row_line(entry: Entry, columns: Layout, symbol: str = "") -> Line:
    """Draw one port.

    Args:
        entry: the port.
        columns: that are shown, with their widths.
        symbol: replaces the symbol of the standing, for an animation.
    """
    runs: list[Run] = []
    copied: list[str] = []
    for shown, width in columns:
        text = shown.text(entry)
        if text.strip() and shown.id != "mark":
            copied.append(text)
        if shown.id == "state":
            runs += _state(entry, text, width, symbol)
        else:
            runs.append(Run(column(text, width), _role(entry, shown)))
        runs.append(Run(" "))
    return Line(tuple(runs[:-1]), "  ".join(copied))


def _state(entry: Entry, text: str, width: int, symbol: str) -> list[Run]:
    found = entry.standing
    runs = [Run(symbol or found.symbol, found.role)]
    if width > 1:
        short = "o|f" if text == "open|filtered" else text
        runs.append(Run(" " + column(short, width - 2)))
    return runs


def _role(entry: Entry, shown: Column) -> Role:
    is_matched = entry.standing in _MATCHED
    match shown.id:
        case "port":
            return Role.STRONG
        case "mark":
            return Role.CHOSEN
        case "service":
            return entry.standing.role if is_matched else Role.DIM
        case "version" if not is_matched:
            return entry.standing.role
        case "host" | "version" | "note":
            return Role.PLAIN
        case _:
            return Role.DIM


def group_line(group: Group, width: int) -> Line:
    """Draw the heading of a host's ports: how many there are, and how they stand."""
    arrow = "▸" if group.is_folded else "▾"
    count = count_text(group.total, "port")
    if group.passing != group.total:
        count = f"{group.passing:,} of {count}"
    identified = group.standings[Standing.HARD] + group.standings[Standing.SOFT]
    runs = [
        Run(f"{arrow} ", Role.CHOSEN),
        Run(group.label, Role.STRONG),
        Run(f"  {count} · {identified:,} identified"),
    ]
    unknown = group.standings[Standing.UNKNOWN]
    if unknown:
        runs += [Run(" · "), Run(f"{unknown:,} unknown", Role.UNKNOWN)]
    line = Line(tuple(runs))
    return cut_line(Line(line.runs, line.text[2:]), width)
