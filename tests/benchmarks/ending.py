"""Lets a benchmark end when it is told to, and by itself when it hangs."""

import asyncio
import contextlib
import faulthandler
import signal
import sys

LONGEST = 300.0
"""Seconds after which a benchmark has hung; it then tells where."""


def ends_when_told_to(longest: float = LONGEST) -> None:
    """Take SIGTERM as an exception, so that what was started is ended too.

    Args:
        longest: seconds after which the program ends itself, with a traceback.
    """
    with contextlib.suppress(RuntimeError):  # no event loop is running
        loop = asyncio.get_running_loop()
        for told in (signal.SIGTERM, signal.SIGINT):  # the screen takes them for the user's wish
            loop.remove_signal_handler(told)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it
    faulthandler.dump_traceback_later(longest, exit=True, file=sys.__stderr__)
