"""How many files and sockets this process may have open."""

import sys
from contextlib import suppress

MOST_SELECTABLE = 480 if sys.platform == "win32" else 1_000_000
"""How many sockets select() takes: 512 on Windows, some of which are used elsewhere."""


def raise_descriptor_limit() -> int:
    """Allow this process as many open files as the system lets it have; return that number."""
    if sys.platform == "win32":
        return MOST_SELECTABLE * 2
    import resource  # noqa: PLC0415 - is there on Unix only

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10240 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # macOS refuses what its kernel does not support, whatever the hard limit says.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return wanted if soft == resource.RLIM_INFINITY else soft
