"""Connections that found a TCP port open, so that nobody is connected to twice.

Pace `eager` begins a port with a connection on which nothing is sent, and port
discovery has just made one.  It is kept here between the thread that made it and the
event loop that goes on with it; whatever is not taken is closed:

* Only so many are kept as ports are asked at a time; others are closed at once.
* None waits for longer than `KEPT_SECONDS`, so that no server that serves one client
  at a time is held up by a port that is far from its turn.
* One that the other side ended meanwhile is not used.  When that was is not known,
  and how long a port bears silence decides what it is called (`tcpwrapped`).
* While a scan is paused, and after it, none is kept.
"""

import socket
import threading
import time

import msgspec

from vscan_tui.events import Endpoint

KEPT_SECONDS = 1.0


class KeptConnection(msgspec.Struct, frozen=True):
    """A connection that is still open; whoever has it closes it."""

    handle: socket.socket
    """Not blocking."""
    seconds: float
    """How long it took to open."""
    age: float
    """For how many seconds it has been open."""
    has_spoken: bool
    """Whether bytes wait to be read; if not, none came for as long as it is open."""


class _Waiting(msgspec.Struct, frozen=True):
    handle: socket.socket
    seconds: float
    opened: float
    """On the monotonic clock."""


class KeptConnections:
    """The connections that wait for their port's turn; any thread may call any method."""

    def __init__(self) -> None:
        """Keep none until `accept`."""
        self._lock = threading.Lock()
        self._waiting: dict[Endpoint, _Waiting] = {}
        self._most = 0

    def accept(self, most: int) -> None:
        """Keep so many at a time from now on."""
        self._most = most

    def refuse(self) -> None:
        """Close all, and keep none until `accept`."""
        with self._lock:
            self._most = 0
            waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            each.handle.close()

    def keep(self, endpoint: Endpoint, handle: socket.socket, seconds: float) -> bool:
        """Take a connection over that took so long to open; False to leave it to the caller."""
        with self._lock:
            if len(self._waiting) >= self._most or endpoint in self._waiting:
                return False
            self._waiting[endpoint] = _Waiting(handle, seconds, time.monotonic())
            return True

    def __contains__(self, endpoint: Endpoint) -> bool:
        """Whether a connection to this port waits."""
        return endpoint in self._waiting

    def drop(self, endpoint: Endpoint) -> None:
        """Close the connection to this port, if one waits."""
        with self._lock:
            waiting = self._waiting.pop(endpoint, None)
        if waiting is not None:
            waiting.handle.close()

    def take(self, endpoint: Endpoint) -> KeptConnection | None:
        """Give a port's connection away, if one waits that the other side has not ended."""
        with self._lock:
            waiting = self._waiting.pop(endpoint, None)
        if waiting is None:
            return None
        handle = waiting.handle
        age = time.monotonic() - waiting.opened
        has_spoken = _has_spoken(handle)
        if has_spoken is None or age > KEPT_SECONDS:
            handle.close()
            return None
        return KeptConnection(handle, waiting.seconds, age, has_spoken)


def _has_spoken(handle: socket.socket) -> bool | None:
    """Whether bytes wait to be read; None if nothing does but the end of the connection."""
    try:
        return bool(handle.recv(1, socket.MSG_PEEK)) or None
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return None
