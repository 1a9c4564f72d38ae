"""Standard output, where reports may go."""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext


def print_lines(lines: Iterable[str]) -> None:
    """Write lines with their ends to standard output; a reader that left (`| head`) is no fault."""
    try:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class StandardOutput:
    """Standard output bit by bit: a `vscan_tui.reports.growing.Sink`."""

    def __init__(self) -> None:
        """Write as soon as there is something to write."""
        self.aside: Callable[[], AbstractContextManager[None]] = nullcontext
        """Entered while something is written."""

    def open(self) -> None:
        """It is open."""

    def write(self, lines: Iterable[str]) -> None:
        """Write lines and flush them; raises OSError."""
        text = "".join(lines)
        if text:
            with self.aside():
                print_lines([text])

    def close(self) -> None:
        """It stays open."""
