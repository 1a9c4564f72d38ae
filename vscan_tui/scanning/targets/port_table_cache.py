"""Port tables kept in the user's cache directory: a start does not read 27,000 lines again.

The key is the text that a table was made of, by hash, with the version of what
is kept; a damaged file is made anew.  Names are kept packed, in a tenth of the
memory that a dictionary of them takes.
"""

import contextlib
import hashlib
import os
import sys
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping

import msgspec

from vscan_tui import __version__
from vscan_tui.events import Protocol
from vscan_tui.probedb.sources import cache_folder

_FORMAT = f"{__version__}/ports/2/{sys.byteorder}"


class PackedNames(Mapping[int, str]):
    """Names by port number."""

    def __init__(self, numbers: bytes, starts: bytes, text: str) -> None:
        """Take what `packed` has made.

        Raises:
            ValueError: it does not fit together.
        """
        self._numbers, self._starts, self._text = array("H", numbers), array("I", starts), text
        if len(self._starts) != len(self._numbers) + 1 or list(self._starts) != sorted(
            self._starts
        ):
            raise ValueError("the parts are not of one table")

    def __getitem__(self, port: int) -> str:
        place = bisect_left(self._numbers, port)
        if place == len(self._numbers) or self._numbers[place] != port:
            raise KeyError(port)
        return self._text[self._starts[place] : self._starts[place + 1]]

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def parts(self) -> tuple[bytes, bytes, str]:
        """What to make another of."""
        return self._numbers.tobytes(), self._starts.tobytes(), self._text


def packed(names: Mapping[int, str]) -> PackedNames:
    """The same names, packed."""
    numbers = array("H", sorted(names))
    starts = array("I", [0])
    for number in numbers:
        starts.append(starts[-1] + len(names[number]))
    text = "".join(names[number] for number in numbers)
    return PackedNames(numbers.tobytes(), starts.tobytes(), text)


class KeptTable(msgspec.Struct, frozen=True):
    """What is kept of a port table."""

    names: dict[Protocol, PackedNames]
    ranking: dict[Protocol, tuple[int, ...]]


class _Stored(msgspec.Struct, frozen=True):
    names: dict[Protocol, tuple[bytes, bytes, str]]
    ranking: dict[Protocol, tuple[int, ...]]


_DECODER = msgspec.msgpack.Decoder(_Stored)
_PROTOCOLS = {"tcp", "udp"}


def kept_table(text: str, build: Callable[[], KeptTable]) -> KeptTable:
    """The table made of a text: from the cache, or built and stored there."""
    key = hashlib.sha256(f"{_FORMAT}\0{text}".encode()).hexdigest()
    path = cache_folder() / f"{key[:32]}.ports"
    with contextlib.suppress(OSError, ValueError):  # msgspec's faults are of that kind
        stored = _DECODER.decode(path.read_bytes())
        if stored.names.keys() == _PROTOCOLS == stored.ranking.keys():
            names = {protocol: PackedNames(*parts) for protocol, parts in stored.names.items()}
            return KeptTable(names, stored.ranking)
    kept = build()
    with contextlib.suppress(OSError):  # a cache that cannot be written is no fault
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
        parts = {protocol: names.parts() for protocol, names in kept.names.items()}
        written.write_bytes(msgspec.msgpack.encode(_Stored(parts, kept.ranking)))
        written.replace(path)
    return kept
