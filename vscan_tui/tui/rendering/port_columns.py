"""The columns that the port table can have."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from vscan_tui.events import Mark
from vscan_tui.session.wording import port_text, printable, service_text
from vscan_tui.tui.rendering.exchange import seconds_text
from vscan_tui.tui.rendering.port_entry import Entry, Value, note_text, version_text
from vscan_tui.tui.rendering.standing import MARKS, NEW_RULE, NOTED, STANDINGS

_LAST = "\U0010ffff"
_MINIMUM = 8
_DIGITS = re.compile(r"(\d+)")
_ORDER_OF_MARKS = {Mark.TO_DO: 0, Mark.DONE: 1, Mark.NONE: 2}
_ORDER_OF_STANDINGS = {standing: order for order, standing in enumerate(STANDINGS)}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it shows, and what it is sorted by."""

    id: str
    title: str
    help: str
    text: Callable[[Entry], str]
    value: Callable[[Entry], Value]
    width: int = 0
    """Cells; 0 for a share of what the others leave."""


@lru_cache(maxsize=65536)
def _natural(text: str) -> tuple[object, ...]:
    """Sort 1.9 before 1.10, and what is empty last."""
    if not text:
        return (_LAST,)
    parts: list[object] = list(_DIGITS.split(text.lower()))
    parts[1::2] = [int(str(part)[:300]) for part in parts[1::2]]
    return tuple(parts)


def _texts(id_: str, title: str, help_: str, text: Callable[[Entry], str], width: int) -> Column:
    return Column(id_, title, help_, text, lambda entry: _natural(text(entry)), width)


def _seconds(id_: str, title: str, help_: str, seconds: Callable[[Entry], float | None]) -> Column:
    def text(entry: Entry) -> str:
        known = seconds(entry)
        return "" if known is None else seconds_text(known)

    def value(entry: Entry) -> float:
        known = seconds(entry)
        return float("inf") if known is None else known

    return Column(id_, title, help_, text, value, 8)


def _count(id_: str, title: str, help_: str, count: Callable[[Entry], int]) -> Column:
    return Column(id_, title, help_, lambda entry: f"{count(entry):,}", count, 9)


def _marks(entry: Entry) -> str:
    port = entry.port
    noted = NOTED[0] if port.note else " "
    return f"{MARKS[port.mark][0]}{noted}{NEW_RULE[0] if port.by_new_rule else ' '}"


def _duration(entry: Entry) -> float | None:
    port = entry.port
    if port.started is None or port.finished is None:
        return None
    return port.finished - port.started


def _host_name(entry: Entry) -> str:
    host = entry.host
    return printable(host.name or host.reverse_name) if host is not None else ""


def _rule(entry: Entry) -> str:
    deciding = entry.port.deciding
    match = deciding.match if deciding is not None else None
    return f"{match.probe}:{match.line}" if match is not None else ""


def _probe(entry: Entry) -> str:
    deciding = entry.port.deciding
    return printable(deciding.probe) if deciding is not None else ""


def _received(entry: Entry) -> int:
    return sum(len(exchange.response) - exchange.carried for exchange in entry.port.exchanges)


COLUMNS = (
    Column(
        "host", "HOST", "address of the host, if there is more than one",
        lambda entry: printable(entry.port.endpoint.address), lambda _: 0, 22,
    ),
    Column(
        "port", "PORT", "port number and protocol", lambda entry: port_text(entry.port),
        lambda entry: entry.port.endpoint.port, 9,
    ),
    Column(
        "mark", "MK", "your mark, a note, a verdict of a new rule", _marks,
        lambda entry: (
            _ORDER_OF_MARKS[entry.port.mark], not entry.port.note, not entry.port.by_new_rule,
        ), 3,
    ),
    Column(
        "state", "STATE", "symbol of how it stands, and state of the port",
        lambda entry: str(entry.port.state),
        lambda entry: (_ORDER_OF_STANDINGS[entry.standing], entry.port.state), 6,
    ),
    _texts("service", "SERVICE", "name of the service", lambda entry: service_text(entry.port), 16),
    _texts("version", "VERSION", "product, version and more", version_text, 0),
    _texts("note", "NOTE", "your note", note_text, 0),
    _texts("name", "NAME", "name of the host", _host_name, 20),
    _texts(
        "os", "OS", "operating system that the service told",
        lambda entry: printable(entry.port.service.fields.ostype), 10,
    ),
    _texts(
        "cpe", "CPE", "CPEs", lambda entry: printable(" ".join(entry.port.service.fields.cpes)), 0
    ),
    _texts("probe", "PROBE", "the probe that decided", _probe, 14),
    _texts("rule", "RULE", "the rule that decided: its probe and line", _rule, 18),
    _count("exchanges", "EXCHANGES", "exchanges", lambda entry: len(entry.port.exchanges)),
    _count("bytes", "BYTES", "bytes received", _received),
    _seconds("latency", "LATENCY", "round trip when the port was found",
             lambda entry: entry.port.latency),
    _seconds("time", "TIME", "from the first question to the verdict", _duration),
    _texts("reason", "REASON", "why the port has its state",
           lambda entry: printable(entry.port.reason), 12),
)  # fmt: skip
"""All columns, in the order in which they are shown."""

BY_ID = {column.id: column for column in COLUMNS}
DEFAULT = frozenset({"host", "port", "mark", "state", "service", "version"})
ALWAYS = frozenset({"port"})
"""Columns that cannot be taken away."""

Layout = tuple[tuple[Column, int], ...]
"""The columns that are shown, each with its width."""


@lru_cache(maxsize=64)
def layout(width: int, chosen: frozenset[str], *, with_host: bool) -> Layout:
    """Share a width among columns; those at the end go first when there is no room.

    Widths follow from the width of the pane, never from what it holds.

    Args:
        width: of the pane, in cells.
        chosen: ids of columns.
        with_host: whether there is more than one host.
    """
    columns = [
        column for column in COLUMNS if column.id in chosen and (with_host or column.id != "host")
    ]
    narrow = width < (61 if with_host else 47)
    widths = {
        "host": min(22, max(11, width // 5)),
        "state": 1 if narrow else 6,
        "service": 16 if width >= 79 else 11,
    }
    while True:
        fixed = {
            column.id: widths.get(column.id, column.width) for column in columns if column.width
        }
        flexible = [column for column in columns if not column.width]
        room = width - sum(fixed.values()) - (len(columns) - 1)
        if room >= _MINIMUM * len(flexible) or len(columns) <= 2:
            break
        columns.pop()
    shares = _shares(max(0, room), len(flexible))
    for column, share in zip(flexible, shares, strict=True):
        fixed[column.id] = max(1, share)
    return tuple((column, fixed[column.id]) for column in columns)


def _shares(room: int, count: int) -> list[int]:
    return [room // count + (number < room % count) for number in range(count)] if count else []
