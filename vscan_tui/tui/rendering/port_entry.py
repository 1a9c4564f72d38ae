"""A port as the table holds it: its texts are made when they are asked for."""

from vscan_tui.events import Outcome
from vscan_tui.session.store import Host, Port
from vscan_tui.session.wording import (
    port_text,
    port_version_text,
    printable,
    readable,
    service_text,
)
from vscan_tui.tui.rendering.line import in_cells
from vscan_tui.tui.rendering.standing import Standing, standing

Value = str | int | float | tuple[object, ...]
SortKey = tuple[int, int, Value, int]
"""Host, rank (its heading is 0 or 2, its ports are 1), what is sorted by, place of the port."""
UNPLACED: SortKey = (0, 0, 0, 0)
"""The key of a port that is not in the table yet."""


class Entry:
    """One port in the table."""

    __slots__ = (
        "_text", "changes", "counted", "counted_in", "host", "key", "passes", "place", "port",
        "standing",
    )  # fmt: skip

    def __init__(self, port: Port, host: Host | None, place: int) -> None:
        """Take in a port.

        Args:
            port: of the store, which changes it.
            host: its host.
            place: among all ports, by host, protocol and number.
        """
        self.port = port
        self.host = host
        self.place = place
        self.key: SortKey = UNPLACED
        self.passes = True
        """Whether the filter lets it through."""
        self.standing = standing(port)
        self.counted = self.standing
        """The standing with which it is counted among the ports of its host."""
        self.counted_in: object = None
        self.changes = 0
        """How often it has changed: what was drawn of it before is outdated."""
        self._text: str | None = None

    def touch(self, port: Port, host: Host | None) -> None:
        """Take note that the port has changed."""
        self.port = port
        self.host = host
        self.standing = standing(self.port)
        self.changes += 1
        self._text = None

    @property
    def is_prepared(self) -> bool:
        """Whether the text is there already."""
        return self._text is not None

    @property
    def text(self) -> str:
        """What plain words of a filter are looked for in: the line in lower case."""
        if self._text is None:
            port, host = self.port, self.host
            names = f"{host.name} {host.reverse_name}" if host is not None else ""
            self._text = (
                f"{port.endpoint.address} {port_text(port)} {port.state} {service_text(port)} "
                f"{version_text(self)} {self.standing.name} {names} {port.note}"
            ).lower()
        return self._text


def version_text(entry: Entry) -> str:
    """Say what stands under VERSION: without a version, why there is none."""
    port = entry.port
    if port.held is not None:
        held = port.held
        return printable(f"held before: {held.action}" if held.action else f"held: {held.cause}")
    text = port_version_text(port)
    if text:
        how = " [by hand]" if port.by_hand else " [new rule]" if port.by_new_rule else ""
        return f"{text}{how}" if port.identified else text
    match entry.standing:
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


def note_text(entry: Entry) -> str:
    """Return the note in one line."""
    return in_cells(" ".join(readable(entry.port.note).split()))
