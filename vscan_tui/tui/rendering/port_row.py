"""One port as a row of the table."""

import ipaddress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from vscan_tui.events import Endpoint, Outcome
from vscan_tui.session.store import Port, Stage
from vscan_tui.session.wording import (
    port_text,
    port_version_text,
    printable,
    service_text,
)
from vscan_tui.tui.rendering.line import Line, Role, Run, column, cut, line

SortKey = tuple[int, int, str, str, int]


class Standing(Enum):
    """How a port stands: a symbol, what it means, and its role."""

    HARD = ("✓", "hard match: a rule named the service", Role.HARD)
    SOFT = ("~", "soft match: the service is known, its version is not", Role.SOFT)
    UNKNOWN = ("?", "unknown: it answered, and no rule matched", Role.UNKNOWN)
    SILENT = ("○", "no answer to any probe", Role.UNKNOWN)
    WRAPPED = ("□", "tcpwrapped: it closed the connection without a word", Role.SOFT)
    INCOMPLETE = ("!", "incomplete: the connection failed or the scan was stopped", Role.ALERT)
    EXCLUDED = ("-", "excluded: the probe database says not to probe this port", Role.DIM)
    PROBING = ("…", "being asked now", Role.BUSY)
    HELD = ("‖", "held: it waits for your word; s steps, c lets it go on", Role.CHOSEN)
    WAITING = ("·", "waiting for its turn", Role.DIM)

    def __init__(self, symbol: str, meaning: str, role: Role) -> None:
        self.symbol = symbol
        self.meaning = meaning
        self.role = role


_BY_OUTCOME = {
    Outcome.HARD_MATCH: Standing.HARD,
    Outcome.SOFT_MATCH: Standing.SOFT,
    Outcome.TCPWRAPPED: Standing.WRAPPED,
    Outcome.INCOMPLETE: Standing.INCOMPLETE,
    Outcome.STOPPED: Standing.INCOMPLETE,
    Outcome.EXCLUDED: Standing.EXCLUDED,
}


@dataclass(frozen=True, slots=True)
class PortRow:
    """The texts of one row, all of them printable ASCII."""

    endpoint: Endpoint
    standing: Standing
    host: str
    port: str
    state: str
    service: str
    version: str
    haystack: str
    """What a filter looks for words in: all columns in lower case."""

    @property
    def is_unknown(self) -> bool:
        """Whether the port answered and nobody knows what it is."""
        return self.standing is Standing.UNKNOWN

    def matches(self, words: tuple[str, ...]) -> bool:
        """Whether every one of these lower-case words is in the row."""
        return all(word in self.haystack for word in words)


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths of the columns; they follow from the width of the pane, never from its content."""

    host: int
    port: int
    state: int
    service: int
    version: int


@lru_cache(maxsize=65536)
def _host_key(address: str) -> tuple[int, int, str]:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return 9, 0, address  # a damaged journal: after all real addresses
    return parsed.version, int(parsed), ""


def sort_key(endpoint: Endpoint) -> SortKey:
    """Order by host, then TCP before UDP, then port number."""
    return (*_host_key(endpoint.address), endpoint.protocol, endpoint.port)


def standing(port: Port) -> Standing:
    """Say how a port stands."""
    if port.held is not None:
        return Standing.HELD
    if port.stage is Stage.WAITING:
        return Standing.WAITING
    if port.stage is Stage.PROBING:
        return Standing.PROBING
    if port.outcome in _BY_OUTCOME:
        return _BY_OUTCOME[port.outcome]
    answered = any(exchange.response for exchange in port.exchanges)
    return Standing.UNKNOWN if answered else Standing.SILENT


def port_row(port: Port) -> PortRow:
    """Put a port into words."""
    found = standing(port)
    texts = (
        printable(port.endpoint.address),
        port_text(port),
        str(port.state),
        service_text(port),
        _version(port, found),
    )
    haystack = " ".join((*texts, found.name)).lower()
    return PortRow(port.endpoint, found, *texts, haystack)


def _version(port: Port, found: Standing) -> str:
    if port.held is not None:
        return f"held before: {printable(port.held.action)}"
    text = port_version_text(port)
    if text:
        return f"{text} [by hand]" if port.by_hand and port.identified else text
    match found:
        case Standing.UNKNOWN:
            answers = sum(1 for exchange in port.exchanges if exchange.response)
            return f"unknown - {answers} answer{'' if answers == 1 else 's'}"
        case Standing.SILENT:
            return "no answer"
        case Standing.SOFT:
            return f"soft match, no version{' [by hand]' if port.by_hand else ''}"
        case Standing.WRAPPED:
            return "closed without a word"
        case Standing.INCOMPLETE:
            return "stopped" if port.outcome is Outcome.STOPPED else "incomplete"
        case Standing.PROBING if port.is_provisional and not port.is_stepped:
            return f"{port.outcome} so far; late answers count"
        case Standing.PROBING if port.exchanges:
            return f"asking: {printable(port.exchanges[-1].probe)}"
        case _:
            return ""


def columns(width: int, *, with_host: bool) -> Columns:
    """Share a width among the columns."""
    host = min(22, max(11, width // 5)) if with_host else 0
    state = 6 if width >= (58 if with_host else 44) else 1
    service = 16 if width >= 76 else 11
    taken = (host + 1 if host else 0) + 10 + state + 1 + service + 1
    return Columns(host, 9, state, service, max(1, width - taken))


def heading_line(widths: Columns, *, focused: bool) -> Line:
    """Draw the names of the columns."""
    names = [("HOST", widths.host)] if widths.host else []
    names += [
        ("PORT", widths.port),
        ("STATE" if widths.state > 1 else " ", widths.state),
        ("SERVICE", widths.service),
        ("VERSION", widths.version),
    ]
    text = " ".join(column(name, width) for name, width in names)
    return line(Run(text, Role.FOCUSED_HEADING if focused else Role.HEADING))


def row_line(row: PortRow, widths: Columns, symbol: str = "") -> Line:
    """Draw one row.

    Args:
        row: the texts.
        widths: of the columns.
        symbol: replaces the symbol of the standing, for an animation.
    """
    found = row.standing
    runs = []
    if widths.host:
        runs.append(Run(column(row.host, widths.host) + " "))
    runs.append(Run(row.port.ljust(widths.port) + " ", Role.STRONG))
    runs.append(Run(symbol or found.symbol, found.role))
    if widths.state > 1:
        runs.append(Run(" " + column(_short_state(row.state), widths.state - 2)))
    runs.append(Run(" "))
    known = found in (Standing.HARD, Standing.SOFT)
    runs.append(Run(column(row.service, widths.service) + " ", found.role if known else Role.DIM))
    plain = found is Standing.HARD or found is Standing.SOFT
    role = Role.PLAIN if plain else found.role
    runs.append(Run(cut(row.version, widths.version), role))
    copied = [row.host] if widths.host else []
    copied += [row.port, row.state, row.service, row.version]
    return Line(tuple(runs), "  ".join(copied).rstrip())


def _short_state(state: str) -> str:
    return "o|f" if state == "open|filtered" else state
