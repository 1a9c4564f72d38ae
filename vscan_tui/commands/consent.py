"""Asks before so many hosts are scanned that it may be a slip of the pen."""

import sys

from vscan_tui.commands.present import say
from vscan_tui.commands.status import ExitStatus
from vscan_tui.options.model import MANY_HOSTS

_YES = frozenset({"y", "yes"})


def refused(hosts: int, *, may_be_many: bool) -> ExitStatus | None:
    """Ask, if there is somebody to ask; returns None if the scan may begin.

    Args:
        hosts: how many there are to scan.
        may_be_many: the user has said already that this is meant (`--yes`).
    """
    if hosts <= MANY_HOSTS or may_be_many:
        return None
    many = f"{hosts:,} hosts are to be scanned"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        say(f"vscan: {many}, more than {MANY_HOSTS:,}: say --yes if that is meant.")
        return ExitStatus.USAGE
    print(  # noqa: T201
        f"{many}; scan only what you may scan. Go on? [y/N] ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    if sys.stdin.readline().strip().lower() in _YES:
        return None
    say("vscan: nothing is sent.")
    return ExitStatus.FAILED
