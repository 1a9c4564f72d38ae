"""Prefilters kept in the user's cache directory, so that a start does not read every regex again.

The key is the content of the database, by hash, with the name of the probe and
the version of what is kept; a damaged file is made anew.
"""

import contextlib
import hashlib
import os
import time
from pathlib import Path

import msgspec

from vscan_tui import __version__
from vscan_tui.matching.entry import Entry
from vscan_tui.matching.prefilter import Prefilter, entries
from vscan_tui.probedb.model import Probe, ProbeDatabase
from vscan_tui.probedb.sources import cache_folder

_FORMAT = f"{__version__}/prefilter/10"
_WORTH_KEEPING = 20
"""Fewer rules are read again sooner than found in a file."""
_DECODER = msgspec.msgpack.Decoder(list[Entry])


def stored_prefilter(database: ProbeDatabase, probe: Probe) -> Prefilter:
    """The prefilter of one probe of a database: from the cache, or made and stored there."""
    digest = database.identity.sha256
    if not digest or len(probe.rules) < _WORTH_KEEPING:
        return Prefilter(entries(probe.rules))
    path = _path(digest, probe)
    known = _stored(path, len(probe.rules))
    if known is None:
        known = entries(probe.rules)
        _store(path, known)
    return Prefilter(known)


def _path(digest: str, probe: Probe) -> Path:
    key = f"{_FORMAT}\0{digest}\0{probe.protocol}\0{probe.name}".encode()
    return cache_folder() / f"{hashlib.sha256(key).hexdigest()[:32]}.prefilter"


def _stored(path: Path, rules: int) -> list[Entry] | None:
    try:
        known = _DECODER.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None
    # Of every rule something must be there; anything else is another database's or damaged.
    return known if {entry.rule for entry in known} == set(range(rules)) else None


def _store(path: Path, filed: list[Entry]) -> None:
    """Keep it; a cache that cannot be written is no fault."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
        written.write_bytes(msgspec.msgpack.encode(filed))
        written.replace(path)
