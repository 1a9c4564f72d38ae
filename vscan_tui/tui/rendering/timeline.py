"""The time of a port as bars."""

from itertools import groupby

from vscan_tui.session.store import Port
from vscan_tui.session.timeline import Activity, Lane, Timeline, cells
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.exchange import count_text, seconds_text
from vscan_tui.tui.rendering.line import Line, Role, Run, column, cut_line, wrapped_words

_LOOKS = {
    Activity.ANSWERING: ("█", Role.HARD),
    Activity.CONNECTING: ("≈", Role.SOFT),
    Activity.AWAITED: ("▓", Role.HARD),
    Activity.LISTENING: ("▒", Role.DIM),
    Activity.SILENCE: ("░", Role.UNKNOWN),
    Activity.IDLE: ("─", Role.DIM),
    Activity.NOTHING: ("·", Role.DIM),
}
"""A mark of its own for each, so that they are told apart without colour."""
_NAME_WIDTH, _WIDE_NAME_WIDTH = 17, 24
_TIME_WIDTH = 8
_SHARE_WIDTH, _WIDE_SHARE_WIDTH = 12, 24


def timeline_lines(port: Port, shown: Timeline, width: int) -> list[Line]:
    """Draw what the seconds went for, then every connection with its exchanges."""
    lines = _summary(port, shown, width)
    name_width = _WIDE_NAME_WIDTH if width >= 100 else _NAME_WIDTH
    room = max(8, width - name_width - _TIME_WIDTH - 3)
    axis = f"0{seconds_text(shown.seconds):>{room - 1}}"
    lines += [Line(), Line((Run(" " * (name_width + _TIME_WIDTH + 3)), Run(axis, Role.LABEL)))]
    lines += [_lane_line(lane, shown.seconds, name_width, room) for lane in shown.lanes]
    return [cut_line(line, width) for line in lines]


def _summary(port: Port, shown: Timeline, width: int) -> list[Line]:
    connections = count_text(len(port.connections), "connection")
    probes = count_text(len(port.exchanges), "exchange")
    text = f"{seconds_text(shown.seconds)} in all, {connections}, {probes}"
    lines = [Line((Run(piece, Role.STRONG),)) for piece in wrapped_words(text, width)]
    most = _WIDE_SHARE_WIDTH if width >= 90 else _SHARE_WIDTH
    ranked = sorted(shown.totals.items(), key=lambda total: -total[1])
    for activity, seconds in ranked:
        mark, role = _LOOKS[activity]
        share = seconds / shown.seconds if shown.seconds else 0.0
        bar = mark * max(1, round(share * most))
        words = f"{seconds_text(seconds):>{_TIME_WIDTH}} {share:>4.0%}  "
        runs = (Run(words), Run(bar.ljust(most + 1), role), Run(activity.value))
        lines.append(Line(runs))
    return lines


def _lane_line(lane: Lane, seconds: float, name_width: int, room: int) -> Line:
    is_connection = not lane.exchange
    name = f"connection {lane.connection}" if is_connection else f"  {printable(lane.name)}"
    role = Role.DIM if is_connection else Role.PLAIN
    took = next(iter(lane.stretches), None)
    time = lane.seconds
    if is_connection and took is not None and took.activity is Activity.CONNECTING:
        time = took.end - took.start
    runs = [
        Run(column(name, name_width), role),
        Run(f" {seconds_text(time):>{_TIME_WIDTH}}  ", Role.DIM),
    ]
    for activity, group in groupby(cells(lane, seconds, room)):
        length = len(list(group))
        mark, look = (" ", Role.PLAIN) if activity is None else _LOOKS[activity]
        runs.append(Run(mark * length, look))
    return Line(tuple(runs))
