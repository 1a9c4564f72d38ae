"""One host while its ports are looked at: what is under way, what is left, and its timeouts."""

import socket
from collections import deque
from collections.abc import Iterator

import msgspec

from vscan_tui.events import Protocol
from vscan_tui.scanning.discovery.timing import Timing
from vscan_tui.scanning.discovery.verdicts import Verdict
from vscan_tui.scanning.targets.hosts import Target

SocketAddress = tuple[str, int] | tuple[str, int, int, int]

Attempt = tuple[Protocol, int, int]
"""Protocol, port, and how often it was tried before."""


class Probe:
    """An attempt under way, with its socket."""

    __slots__ = ("address", "handle", "host", "payload", "port", "protocol", "started", "tries")

    def __init__(self, host: "HostScan", handle: socket.socket) -> None:
        self.host = host
        self.handle = handle
        self.protocol: Protocol = "tcp"
        self.port = 0
        self.tries = 0
        self.started = 0.0
        self.address: SocketAddress = ("", 0)
        self.payload = b""


class HostScan(msgspec.Struct, eq=False):
    """One host while it is looked at."""

    target: Target
    family: socket.AddressFamily
    address: tuple[str, int, int]
    """Numeric address, flow label and scope."""
    begun: float
    is_looked_for: bool
    """It is not yet known whether the host is up."""
    is_local: bool
    """It is this system itself."""
    pending: Iterator[Attempt]
    again: deque[Attempt]
    window: float
    timeout: float
    delay: float
    under_way: dict[Probe, None] = msgspec.field(default_factory=dict)
    """In the order in which they were started."""
    has_pending: bool = True
    smoothed: float | None = None
    variation: float = 0.0
    best_retry: int = 0
    """The highest number of retries after which an answer still came."""
    next_start: float = 0.0
    short_since: float | None = None
    """When this system began to be short of something; None while it is not."""
    results: dict[tuple[Protocol, Verdict], list[int]] = msgspec.field(default_factory=dict)
    settled: int = 0

    def next_attempt(self) -> Attempt | None:
        """Take the next attempt out; None if none is left."""
        if self.again:
            return self.again.popleft()
        if self.has_pending:
            attempt = next(self.pending, None)
            if attempt is not None:
                return attempt
            self.has_pending = False
        return None

    def measure(self, seconds: float, timing: Timing) -> None:
        """Take a round trip into account (RFC 6298, section 2)."""
        if self.smoothed is None:
            self.smoothed, self.variation = seconds, seconds / 2
        else:
            self.variation += (abs(self.smoothed - seconds) - self.variation) / 4
            self.smoothed += (seconds - self.smoothed) / 8
        timeout = self.smoothed + 4 * self.variation
        self.timeout = min(max(timeout, timing.min_timeout), timing.max_timeout)

    def socket_address(self, port: int) -> SocketAddress:
        """Return where to connect to."""
        host, flow, scope = self.address
        return (host, port) if self.family == socket.AF_INET else (host, port, flow, scope)
