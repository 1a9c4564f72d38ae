"""How fast: the timing templates -T0 to -T5, and durations in Nmap's syntax.

Version detection's parallelism follows nmap-behaviour.md, "Parallelism".  The
round-trip bounds and delays of the templates are the documented ones of Nmap's
reference guide, "Timing and Performance"; the numbers of connections at a time
are this project's own.
"""

import re
from collections.abc import Mapping

import msgspec

TEMPLATE_NAMES = ("paranoid", "sneaky", "polite", "normal", "aggressive", "insane")
"""The names of -T0 to -T5."""

DEFAULT_TEMPLATE = 3

_UNITS: Mapping[str, float] = {"ms": 0.001, "": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_RATE = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h)?", re.ASCII | re.IGNORECASE)


class Timing(msgspec.Struct, frozen=True):
    """How many at a time, and how long to wait; all times are in seconds."""

    template: int
    """0 to 5, as in -T."""
    parallel_interrogations: int
    """Ports that are asked what they are at a time."""
    parallel_connects: int
    """Connections of port discovery that are under way at a time, at most."""
    parallel_hosts: int
    """Hosts that are looked at at a time."""
    initial_timeout: float
    """How long port discovery waits before a round trip has been measured."""
    min_timeout: float
    max_timeout: float
    retries: int
    """How often port discovery asks again, at most, when there is no answer."""
    scan_delay: float
    """Pause between two attempts at the same host."""


TEMPLATES: tuple[Timing, ...] = (
    Timing(0, 1, 1, 1, 300.0, 0.1, 300.0, 10, 300.0),
    Timing(1, 1, 1, 1, 15.0, 0.1, 15.0, 10, 15.0),
    Timing(2, 1, 1, 1, 1.0, 0.1, 10.0, 10, 0.4),
    Timing(3, 20, 400, 16, 1.0, 0.1, 10.0, 10, 0.0),
    Timing(4, 30, 800, 32, 0.5, 0.1, 1.25, 6, 0.0),
    Timing(5, 40, 1500, 64, 0.25, 0.05, 0.3, 2, 0.0),
)


def timing(
    template: int = DEFAULT_TEMPLATE,
    *,
    min_parallelism: int | None = None,
    max_parallelism: int | None = None,
) -> Timing:
    """Return a template, its parallelism kept within the bounds that the user set.

    Raises:
        ValueError: the bounds contradict each other, or there is no such template.
    """
    if not 0 <= template < len(TEMPLATES):
        raise ValueError(f"There is no timing template {template}; they go from 0 to 5.")
    return with_parallelism(TEMPLATES[template], min_parallelism, max_parallelism)


def with_parallelism(base: Timing, low: int | None, high: int | None) -> Timing:
    """Keep parallelism within bounds, which hold for interrogation and port discovery alike.

    Raises:
        ValueError: the bounds contradict each other.
    """
    least = low or 1
    if high is not None and least > high:
        raise ValueError(f"--min-parallelism {least} is more than --max-parallelism {high}.")

    def bounded(number: int) -> int:
        number = max(number, least)
        return number if high is None else min(number, high)

    return msgspec.structs.replace(
        base,
        parallel_interrogations=bounded(base.parallel_interrogations),
        parallel_connects=bounded(base.parallel_connects),
    )


def with_timeouts(
    base: Timing,
    initial: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Timing:
    """Set how long port discovery waits for an answer, in seconds; None leaves it to the others.

    Raises:
        ValueError: the bounds contradict each other.
    """
    if low is not None and high is not None and low > high:
        raise ValueError("--min-rtt-timeout is more than --max-rtt-timeout.")
    most = max(base.max_timeout, low or 0.0) if high is None else high
    least = min(base.min_timeout, most) if low is None else low
    first = base.initial_timeout if initial is None else initial
    return msgspec.structs.replace(
        base,
        initial_timeout=min(max(first, least), most),
        min_timeout=least,
        max_timeout=most,
    )


def parse_template(text: str) -> int:
    """Return the number of a timing template, given as 0 to 5 or by name.

    Raises:
        ValueError: there is no such template.
    """
    if text in {"0", "1", "2", "3", "4", "5"}:
        return int(text)
    try:
        return TEMPLATE_NAMES.index(text.lower())
    except ValueError:
        names = ", ".join(TEMPLATE_NAMES)
        raise ValueError(
            f'"{text}" is no timing template; write 0 to 5 or one of {names}.'
        ) from None


def parse_rate(text: str) -> float:
    """Return how many a second, from a number such as `100` or `0.5`.

    Raises:
        ValueError: it is no number, or 0.
    """
    matched = _RATE.fullmatch(text.strip())
    if matched is None or not float(text):
        raise ValueError(f'"{text}" is no rate; write how many a second, such as 100 or 0.5.')
    return float(text)


def parse_duration(text: str) -> float:
    """Return seconds from a duration such as `500ms`, `30s`, `5m`, `2h` or `90`.

    Raises:
        ValueError: it is no duration.
    """
    matched = _DURATION.fullmatch(text.strip())
    if matched is None:
        raise ValueError(
            f'"{text}" is no duration; write a number of seconds, or 500ms, 30s, 5m or 2h.'
        )
    return float(matched[1]) * _UNITS[(matched[2] or "").lower()]
