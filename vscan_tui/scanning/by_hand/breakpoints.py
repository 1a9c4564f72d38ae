"""What brings a port to a halt: breakpoints, hit by events.

Pure: told every event of a scan or of a recording, in order, it says which
breakpoint an event hits.
"""

from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum

import msgspec

from vscan_tui.events import (
    BytesReceived,
    Ending,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    InterrogationStarted,
    Match,
    RuleFired,
)


class Occasion(StrEnum):
    """What a breakpoint waits for."""

    SERVICE = "service"
    RULE = "line"
    SOFT_MATCH = "soft match"
    NO_ANSWER = "no answer"
    PORT = "port"


_VALUES = {
    Occasion.SERVICE: "a service name, as in: service http",
    Occasion.RULE: "a line, with the file's name if there are several, as in: line 8871",
    Occasion.PORT: "a port, as in: port 443, or port 53/udp",
}
"""What an occasion needs to be told; the others need nothing."""


class BreakpointError(ValueError):
    """A text is no breakpoint; the message says what is missing."""


class Breakpoint(msgspec.Struct, frozen=True):
    """Hold a port when this happens on it."""

    occasion: Occasion
    value: str = ""
    """The service name, [FILE:]LINE, or PORT[/PROTOCOL]; empty for the other occasions."""
    enabled: bool = True

    def __str__(self) -> str:
        return f"{self.occasion} {self.value}".rstrip()


def parse_breakpoint(text: str) -> Breakpoint:
    """Read a breakpoint as a person writes it, such as `service http` or `no answer`.

    Raises:
        BreakpointError: it is none; the message says what would be.
    """
    words = " ".join(text.split())
    for occasion in Occasion:
        if words.lower() == occasion or words.lower().startswith(f"{occasion} "):
            value = words[len(occasion) :].strip()
            return Breakpoint(occasion, _checked(occasion, value))
    known = ", ".join(Occasion)
    raise BreakpointError(f"Begin with one of: {known}.")


def _checked(occasion: Occasion, value: str) -> str:
    needed = _VALUES.get(occasion)
    if needed is None:
        if value:
            raise BreakpointError(f'Nothing can follow "{occasion}".')
        return ""
    if not value:
        raise BreakpointError(f'"{occasion}" needs {needed}.')
    number = value.rpartition(":")[2] if occasion is Occasion.RULE else value.partition("/")[0]
    is_number = number.isascii() and number.isdigit()
    if occasion is not Occasion.SERVICE and not is_number:
        raise BreakpointError(f'"{number}" is no number; "{occasion}" needs {needed}.')
    protocol = value.partition("/")[2]
    if occasion is Occasion.PORT and "/" in value and protocol not in {"tcp", "udp"}:
        raise BreakpointError(f'"{protocol}" is no protocol: tcp or udp.')
    return value


class Breakpoints:
    """The breakpoints in use, in the order in which they were added, each with its hits."""

    def __init__(self) -> None:
        """Begin with none."""
        self.hits: dict[Breakpoint, int] = {}
        """All of them, and how often each was hit."""
        self._unanswered: set[tuple[Endpoint, int]] = set()
        self._ports_held: set[tuple[str, Endpoint]] = set()
        """Values of breakpoints on ports, and the ports that they held: each but once a time."""

    def __len__(self) -> int:
        return len(self.hits)

    def all(self) -> list[Breakpoint]:
        """Return them in order."""
        return list(self.hits)

    def add(self, breakpoint_: Breakpoint) -> bool:
        """Add one; returns False if it was there already, which then is enabled."""
        twin = msgspec.structs.replace(breakpoint_, enabled=not breakpoint_.enabled)
        if twin in self.hits:
            self.toggle(twin)
            return False
        is_new = breakpoint_ not in self.hits
        self.hits.setdefault(breakpoint_, 0)
        return is_new

    def remember(self, texts: Iterable[str]) -> None:
        """Add those of an earlier run, disabled: nothing is held that nobody asked for now.

        Args:
            texts: as `str` writes them; what is no breakpoint is left out.
        """
        for text in texts:
            with suppress(BreakpointError):
                found = parse_breakpoint(text)
                if found not in self.hits:
                    self.hits.setdefault(msgspec.structs.replace(found, enabled=False), 0)

    def remove(self, breakpoint_: Breakpoint) -> None:
        """Forget one."""
        self.hits.pop(breakpoint_, None)
        self._forget_held(breakpoint_)

    def toggle(self, breakpoint_: Breakpoint) -> None:
        """Enable one that is not, or the other way round; it keeps its place."""
        self._forget_held(breakpoint_)
        self.hits = {
            msgspec.structs.replace(each, enabled=not each.enabled)
            if each == breakpoint_
            else each: count
            for each, count in self.hits.items()
        }

    def _forget_held(self, breakpoint_: Breakpoint) -> None:
        """Let a breakpoint on a port that is set anew take effect anew."""
        if breakpoint_.occasion is Occasion.PORT:
            self._ports_held = {
                (value, endpoint)
                for value, endpoint in self._ports_held
                if value != breakpoint_.value
            }

    def hit_by(self, event: Event) -> Breakpoint | None:
        """Return the first breakpoint that an event hits, and count it."""
        match event:
            case ExchangeStarted():
                if event.payload:
                    self._unanswered.add((event.endpoint, event.exchange))
            case BytesReceived():
                self._unanswered.discard((event.endpoint, event.exchange))
                return None
            case RuleFired() | ExchangeEnded() | InterrogationStarted():
                pass
            case _:
                return None
        is_unanswered = False
        if isinstance(event, ExchangeEnded):
            key = event.endpoint, event.exchange
            is_unanswered = key in self._unanswered and event.ending is not Ending.STOPPED
            self._unanswered.discard(key)
        for each in self.hits:
            if each.enabled and _is_hit(each, event, is_unanswered=is_unanswered):
                if each.occasion is Occasion.PORT:
                    held = each.value, event.endpoint
                    if isinstance(event, ExchangeStarted) and held in self._ports_held:
                        continue
                    self._ports_held.add(held)
                self.hits[each] += 1
                return each
        return None


def _is_hit(
    each: Breakpoint,
    event: RuleFired | ExchangeStarted | ExchangeEnded | InterrogationStarted,
    *,
    is_unanswered: bool,
) -> bool:
    match each.occasion, event:
        case Occasion.SERVICE, RuleFired():
            return event.match.service == each.value
        case Occasion.RULE, RuleFired():
            return _is_at(event.match, each.value)
        case Occasion.SOFT_MATCH, RuleFired():
            return event.match.soft
        case Occasion.NO_ANSWER, ExchangeEnded():
            return is_unanswered
        # one that was set while its port was asked takes effect at the next probe
        case Occasion.PORT, InterrogationStarted() | ExchangeStarted():
            number, _, protocol = each.value.partition("/")
            endpoint = event.endpoint
            return endpoint.port == int(number) and protocol in {"", endpoint.protocol}
        case _:
            return False


def _is_at(match: Match, place: str) -> bool:
    file, _, line = place.rpartition(":")
    return match.line == int(line) and (not file or match.file.endswith(file))
