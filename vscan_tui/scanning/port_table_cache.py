"""Port tables kept in the user's cache directory: a start does not read 27,000 lines again.

The key is the text that a table was made of, by hash, with the version of what
is kept; a damaged file is made anew.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Mapping

import msgspec

from vscan_tui import __version__
from vscan_tui.events import Protocol
from vscan_tui.probedb.sources import cache_folder

_FORMAT = f"{__version__}/ports/2"


class KeptTable(msgspec.Struct, frozen=True):
    """What is kept of a port table."""

    names: Mapping[Protocol, Mapping[int, str]]
    ranking: Mapping[Protocol, tuple[int, ...]]


_DECODER = msgspec.msgpack.Decoder(KeptTable)
_PROTOCOLS = {"tcp", "udp"}


def kept_table(text: str, build: Callable[[], KeptTable]) -> KeptTable:
    """The table made of a text: from the cache, or built and stored there."""
    key = hashlib.sha256(f"{_FORMAT}\0{text}".encode()).hexdigest()
    path = cache_folder() / f"{key[:32]}.ports"
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        kept = _DECODER.decode(path.read_bytes())
        if kept.names.keys() == _PROTOCOLS == kept.ranking.keys():
            return kept
    kept = build()
    with contextlib.suppress(OSError):  # a cache that cannot be written is no fault
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
        written.write_bytes(msgspec.msgpack.encode(kept))
        written.replace(path)
    return kept
