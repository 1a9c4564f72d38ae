"""Points in time as Nmap writes them: in local time, whatever the locale.

Times come from events, and so perhaps from a damaged journal: one that no
calendar has is shown as the epoch.
"""

import math
import time

LATEST = 253_402_300_799
"""The last second of the year 9999."""


def whole_seconds(moment: float) -> int:
    """Return seconds since the epoch without their fraction; 0 for what makes no sense."""
    return int(moment) if math.isfinite(moment) and 0 < moment <= LATEST else 0


def local(moment: float) -> time.struct_time:
    """Return the local calendar time of seconds since the epoch."""
    try:
        return time.localtime(whole_seconds(moment))
    except (OverflowError, OSError, ValueError):
        return time.gmtime(0)


def long_date(moment: float) -> str:
    """Return a date such as `Sun Nov 22 23:12:25 2026`."""
    return time.asctime(local(moment))


def short_date(moment: float) -> str:
    """Return a date such as `2026-11-22 23:12 UTC`."""
    return _with_zone("%Y-%m-%d %H:%M", local(moment))


def exact_date(moment: float) -> str:
    """Return a date such as `2026-11-22 23:12:25 UTC`."""
    return _with_zone("%Y-%m-%d %H:%M:%S", local(moment))


def _with_zone(form: str, calendar: time.struct_time) -> str:
    # The name of the zone comes from the system, in any encoding it likes.
    zone = "".join(letter for letter in calendar.tm_zone or "" if letter.isprintable())
    return f"{time.strftime(form, calendar)} {zone}".rstrip()
