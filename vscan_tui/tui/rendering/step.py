"""A port under the user's hand: its next action, and what would follow from it."""

from vscan_tui.events import PortHeld
from vscan_tui.probedb.escapes import escape
from vscan_tui.session.store import Port
from vscan_tui.session.wording import port_text, printable
from vscan_tui.tui.rendering.exchange import count_text
from vscan_tui.tui.rendering.line import Line, Role, Run, column, cut_line

_LABEL = 16
_WRITTEN = 256
"""Bytes of a payload that are written out."""


def step_title(port: Port) -> str:
    """Name the port, and why it is held."""
    name = f"step {port_text(port)}"
    if port.held is None:
        return f"{name}  under way"
    return f"{name}  held, {printable(port.held.cause)}"


def step_lines(port: Port, width: int) -> list[Line]:
    """Draw the next action with its reason, and what would follow from each happening.

    Args:
        port: that is held, or steps on.
        width: in cells.
    """
    held = port.held
    if held is None:
        return [cut_line(_under_way(port), width)]
    lines = [_next(held)]
    if held.payload:
        written = escape(held.payload[:_WRITTEN])
        lines.append(_labelled(count_text(len(held.payload), "byte"), Run(written)))
    lines += [
        _labelled(printable(each.happening), Run(printable(each.consequence)))
        for each in held.outlook
    ]
    return [cut_line(line, width) for line in lines]


def _next(held: PortHeld) -> Line:
    action = printable(held.action)
    if not action:
        return Line((Run("‖ ", Role.CHOSEN), Run(printable(held.reason))))
    return Line(
        (
            Run("▶ ", Role.CHOSEN),
            Run(action[:1].upper() + action[1:], Role.STRONG),
            Run(": ", Role.DIM),
            Run(printable(held.reason)),
        )
    )


def _under_way(port: Port) -> Line:
    last = port.decisions[-1] if port.decisions else None
    what = f"{printable(last.action)}: {printable(last.reason)}" if last else "beginning"
    return Line((Run("… ", Role.BUSY), Run(what, Role.BUSY)))


def _labelled(label: str, run: Run) -> Line:
    return Line((Run("  "), Run(column(label, _LABEL) + " ", Role.LABEL), run), run.text)
