"""Exit statuses: the same for every command."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the program's exit status says."""

    DONE = 0
    FAILED = 1
    """Something failed, or the result is partial; a sentence on standard error says what."""
    USAGE = 2
    """The command line asks for something that cannot be."""
    INTERRUPTED = 130
    """The user stopped it; what was found until then was reported."""
