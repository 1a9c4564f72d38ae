"""Which hosts are up and which of their ports are open, by ordinary connections and datagrams.

All sockets belong to one thread, which tells the event loop what it finds: a
scan of all ports of a fast host is nothing but system calls, and would leave
the event loop no time.  Timeouts follow the measured round trip (RFC 6298)
within the bounds of the timing template; how many attempts are under way
follows what the host bears, in the manner of TCP's congestion window.

States and reasons are Nmap's words.
"""

import asyncio
import errno
import ipaddress
import itertools
import os
import selectors
import socket
import sys
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

import msgspec

from vscan_tui.events import (
    DiscoveryProgressed,
    Endpoint,
    Event,
    HostFinished,
    HostFound,
    HostNamed,
    HostState,
    PortFound,
    PortsScanned,
    PortState,
    Protocol,
    ScanPlanned,
    Warned,
)
from vscan_tui.scanning.gate import Gate, open_gate
from vscan_tui.scanning.port_table import PortTable
from vscan_tui.scanning.portspec import PortSelection, to_ranges
from vscan_tui.scanning.rate import RateLimit
from vscan_tui.scanning.targets import ReverseResolver, Target, TargetError, Targets
from vscan_tui.scanning.timing import Timing

Payloads = Mapping[int, Sequence[bytes]]
"""What to send to a UDP port; a port that is not in it gets an empty datagram."""

OnAnswer = Callable[[Endpoint, bytes, bytes], None]
"""Told of a UDP port's answer: endpoint, payload sent, datagram received."""

HOST_DISCOVERY_PORTS = (80, 443)

_SocketAddress = tuple[str, int] | tuple[str, int, int, int]

# A failed connect leaves a Linux socket fit for the next one, which saves a third of the time.
# Elsewhere its state is unspecified (connect(2), POSIX), and each attempt gets its own.
_SOCKETS_LAST = sys.platform == "linux"

_PENDING = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EINTR})
_SHORTAGES = frozenset(
    {
        *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM),
        *(errno.EADDRNOTAVAIL, errno.EAGAIN, getattr(errno, "WSAEMFILE", errno.EMFILE)),
    }
)
"""Errors of this system, not of the port: the attempt is made again later."""
_SHORTAGE_PAUSE = 0.02
_SHORTAGE_PATIENCE = 15.0
"""Seconds without any success after which a shortage counts as permanent."""

_MOST_SELECTABLE = 480 if sys.platform == "win32" else 1_000_000
"""How many sockets select() takes: 512 on Windows, some of which are used elsewhere."""
_TICK = 0.02
_LARGEST_BATCH = 500
"""How many events are handed to the event loop in one go."""
_COUNTABLE = 2**63 - 1
"""The largest number that every reader of a journal can read."""
_MOST_NAMELESS = 1000
"""While so many names are being looked up, no more hosts are begun."""
_PROGRESS_INTERVAL = 0.2
_REPORT_INTERVAL = 5.0
_SMALLEST_WINDOW = 10
_LARGEST_UDP_DELAY = 1.0
"""Seconds; most systems answer one UDP attempt at a closed port a second (RFC 1812, 4.3.2.8)."""
_MAX_DATAGRAM = 65535
_MAX_SELF_CONNECTS = 3
_MOST_AT_ONCE = 200
"""So many refusals on the spot are taken in before others have their turn."""


class _Verdict(msgspec.Struct, frozen=True, eq=False):
    """A state with its reason; compared by identity, because it is looked up for every port."""

    state: PortState
    reason: str


_OPEN = _Verdict(PortState.OPEN, "syn-ack")
_ANSWERED = _Verdict(PortState.OPEN, "udp-response")
_REFUSED = _Verdict(PortState.CLOSED, "conn-refused")
_PORT_UNREACHABLE = _Verdict(PortState.CLOSED, "port-unreach")
_SILENT = _Verdict(PortState.FILTERED, "no-response")
_MAYBE_OPEN = _Verdict(PortState.OPEN_OR_FILTERED, "no-response")

_VERDICTS: Mapping[int, _Verdict] = {
    0: _OPEN,
    errno.EISCONN: _OPEN,
    # The connection stood, and was reset before it was looked at.
    errno.ECONNRESET: _OPEN,
    errno.EPIPE: _OPEN,
    errno.ECONNREFUSED: _REFUSED,
    errno.ETIMEDOUT: _SILENT,
    errno.EHOSTUNREACH: _Verdict(PortState.FILTERED, "host-unreach"),
    errno.EHOSTDOWN: _Verdict(PortState.FILTERED, "host-unreach"),
    errno.ENETUNREACH: _Verdict(PortState.FILTERED, "net-unreach"),
    errno.ENETDOWN: _Verdict(PortState.FILTERED, "net-unreach"),
    errno.ENOPROTOOPT: _Verdict(PortState.FILTERED, "proto-unreach"),
    errno.EACCES: _Verdict(PortState.FILTERED, "admin-prohibited"),
    errno.EPERM: _Verdict(PortState.FILTERED, "admin-prohibited"),
    getattr(errno, "WSAEACCES", errno.EACCES): _Verdict(PortState.FILTERED, "admin-prohibited"),
}


class Discovery:
    """Looks for hosts and open ports; run once, on an event loop.

    Args:
        targets: the hosts.
        ports: the ports to look at on each.
        timing: how many attempts at a time, and how long to wait.
        port_table: gives open ports a name, and says which are looked at first.
        assume_up: no host discovery (-Pn).
        payloads: what to send to UDP ports.
        on_answer: told of UDP answers, which can be matched later.
        reverse: finds names of hosts that are up; None for no names (-n).
        name_hosts_down: find names of hosts that are down too (-R).
        host_timeout: seconds after which what is left of a host is given up.
        rate: at most so many attempts a second; None for no limit.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        targets: Targets,
        ports: PortSelection,
        *,
        timing: Timing,
        port_table: PortTable,
        assume_up: bool = False,
        payloads: Payloads | None = None,
        on_answer: OnAnswer | None = None,
        reverse: ReverseResolver | None = None,
        name_hosts_down: bool = False,
        host_timeout: float | None = None,
        rate: RateLimit | None = None,
    ) -> None:
        """Be ready to run; nothing is sent yet."""
        self._targets = targets
        self.on_answer = on_answer
        self._reverse = reverse
        self._name_hosts_down = name_hosts_down
        self._ports = ports
        self._outbox: deque[Event | _Answer | _HostDone] = deque()
        self._is_announced = False
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._room = asyncio.Semaphore(timing.parallel_hosts)
        self._naming: dict[str, asyncio.Task[None]] = {}
        self._unnamed: set[str] = set()
        """Hosts whose ports are all looked at, and whose names are still looked up."""
        self._prober = _Prober(
            _Plan(
                timing=timing,
                tcp=_common_first(ports, "tcp", port_table),
                udp=_common_first(ports, "udp", port_table),
                names=port_table,
                assume_up=assume_up,
                payloads=payloads or {},
                host_timeout=host_timeout,
                rate=rate or RateLimit(None),
            ),
            self._post,
        )

    async def run(self, emit: Callable[[Event], None], may_begin: Gate = open_gate) -> None:
        """Emit `ScanPlanned`, then what is found until all is looked at.

        If cancelled, what was found so far is still emitted.

        Args:
            emit: called on the event loop.
            may_begin: awaited before each host.

        Raises:
            TargetError: a name that is to be excluded is unknown.
        """
        self._loop = asyncio.get_running_loop()
        hosts = min(await self._targets.count(), _COUNTABLE)
        emit(
            ScanPlanned(
                time=time.time(),
                hosts=hosts,
                ports=len(self._ports),
                tcp=self._ports.ranges("tcp"),
                udp=self._ports.ranges("udp"),
            )
        )
        self._prober.attempts_planned = min(hosts * len(self._ports), _COUNTABLE)
        thread = threading.Thread(target=self._prober.run, name="discovery", daemon=True)
        thread.start()
        feeding = asyncio.create_task(self._feed(emit, may_begin))
        try:
            while not self._prober.is_done:
                await self._news.wait()
                await asyncio.sleep(0)
                self._news.clear()
                self._drain(emit)
            if self._prober.failure is not None:
                raise self._prober.failure
            await feeding
            if self._naming:
                await asyncio.wait(self._naming.values())
        finally:
            feeding.cancel()
            for task in self._naming.values():
                task.cancel()
            self._prober.stop()
            # It looks up every few milliseconds, and no longer sends anything.
            thread.join()
            while self._outbox:
                self._drain(emit)

    def pause(self) -> None:
        """Begin no new attempt until `resume`; those under way come to their end."""
        self._prober.pause()

    def resume(self) -> None:
        """Go on."""
        self._prober.resume()

    async def _feed(self, emit: Callable[[Event], None], may_begin: Gate) -> None:
        """Hand over the targets, as many as are looked at at a time."""

        def tell(error: TargetError) -> None:
            emit(Warned(time=time.time(), message=str(error), partial=True))

        try:
            async for target in self._targets.expand(tell):
                await may_begin()
                while len(self._naming) >= _MOST_NAMELESS:
                    await asyncio.wait(self._naming.values(), return_when=asyncio.FIRST_COMPLETED)
                await self._room.acquire()
                self._prober.add(target)
        finally:
            self._prober.add_no_more()

    def _post(self, item: "Event | _Answer | _HostDone | None") -> None:
        """Called by the thread: keep an item, and wake the event loop up; None only wakes."""
        if item is not None:
            self._outbox.append(item)
        if not self._is_announced and self._loop is not None:
            self._is_announced = True
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._news.set)

    def _drain(self, emit: Callable[[Event], None]) -> None:
        self._is_announced = False
        for _ in range(_LARGEST_BATCH):
            if not self._outbox:
                return
            item = self._outbox.popleft()
            if isinstance(item, _HostDone):
                self._room.release()
                if item.address in self._naming:
                    self._unnamed.add(item.address)
                elif item.address:
                    emit(HostFinished(time=time.time(), address=item.address))
            elif isinstance(item, _Answer):
                if self.on_answer is not None:
                    self.on_answer(item.endpoint, item.payload, item.data)
            else:
                emit(item)
                if isinstance(item, HostFound):
                    self._find_name(item, emit)
        self._news.set()  # there is more, but others want their turn

    def _find_name(self, host: HostFound, emit: Callable[[Event], None]) -> None:
        if self._reverse is None or (host.state is HostState.DOWN and not self._name_hosts_down):
            return
        if host.address not in self._naming:
            name = self._name(self._reverse, host.address, emit)
            self._naming[host.address] = asyncio.create_task(name)

    async def _name(
        self, reverse: ReverseResolver, address: str, emit: Callable[[Event], None]
    ) -> None:
        name = await reverse.name(address)
        del self._naming[address]
        if name:
            emit(HostNamed(time=time.time(), address=address, name=name))
        if address in self._unnamed:
            self._unnamed.remove(address)
            emit(HostFinished(time=time.time(), address=address))


def _common_first(selection: PortSelection, protocol: Protocol, table: PortTable) -> "array[int]":
    """Return the selected ports, the thousand most common first, so that they are known soon."""
    selected = array("H", selection.numbers(protocol))
    members = set(selected)
    common = [port for port in table.most_common(protocol, 1000) if port in members]
    members.difference_update(common)
    return array("H", itertools.chain(common, (port for port in selected if port in members)))


def raise_descriptor_limit() -> int:
    """Allow this process as many open files as the system lets it have; return that number."""
    if sys.platform == "win32":
        return _MOST_SELECTABLE * 2
    import resource  # noqa: PLC0415 - is there on Unix only

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10240 if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # macOS refuses what its kernel does not support, whatever the hard limit says.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return wanted if soft == resource.RLIM_INFINITY else soft


# The thread --------------------------------------------------------------------------------------


class _Answer(msgspec.Struct, frozen=True):
    endpoint: Endpoint
    payload: bytes
    data: bytes


class _HostDone(msgspec.Struct, frozen=True):
    """A host needs no more attention."""

    address: str
    """Empty if it was not even begun."""


class _Plan(msgspec.Struct, frozen=True):
    timing: Timing
    tcp: "array[int]"
    udp: "array[int]"
    names: PortTable
    assume_up: bool
    payloads: Payloads
    host_timeout: float | None
    rate: RateLimit

    def attempts(self) -> "Iterator[_Attempt]":
        return itertools.chain(
            zip(itertools.repeat("tcp"), self.tcp, itertools.repeat(0)),
            zip(itertools.repeat("udp"), self.udp, itertools.repeat(0)),
        )


_Attempt = tuple[Protocol, int, int]
"""Protocol, port, and how often it was tried before."""


class _Probe:
    """An attempt under way, with its socket."""

    __slots__ = ("address", "handle", "host", "payload", "port", "protocol", "started", "tries")

    def __init__(self, host: "_HostScan", handle: socket.socket) -> None:
        self.host = host
        self.handle = handle
        self.protocol: Protocol = "tcp"
        self.port = 0
        self.tries = 0
        self.started = 0.0
        self.address: _SocketAddress = ("", 0)
        self.payload = b""


class _HostScan(msgspec.Struct, eq=False):
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
    pending: Iterator[_Attempt]
    again: deque[_Attempt]
    window: float
    timeout: float
    delay: float
    under_way: dict[_Probe, None] = msgspec.field(default_factory=dict)
    """In the order in which they were started."""
    has_pending: bool = True
    smoothed: float | None = None
    variation: float = 0.0
    best_retry: int = 0
    """The highest number of retries after which an answer still came."""
    next_start: float = 0.0
    short_since: float | None = None
    """When this system began to be short of something; None while it is not."""
    results: dict[tuple[Protocol, _Verdict], list[int]] = msgspec.field(default_factory=dict)
    settled: int = 0

    def next_attempt(self) -> _Attempt | None:
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

    def socket_address(self, port: int) -> _SocketAddress:
        host, flow, scope = self.address
        return (host, port) if self.family == socket.AF_INET else (host, port, flow, scope)


class _Prober:
    """Owns the sockets; `run` is a thread, and the other public methods may be called by any."""

    def __init__(
        self, plan: _Plan, post: Callable[[Event | _Answer | _HostDone | None], None]
    ) -> None:
        self.attempts_planned = 0
        self.is_done = False
        self.failure: Exception | None = None
        self._plan = plan
        self._timing = plan.timing
        self._post = post
        self._incoming: deque[Target] = deque()
        self._has_more = True
        self._is_stopping = False
        self._is_paused = False
        self._hosts: list[_HostScan] = []
        self._under_way = 0
        self._settled = 0
        self._limit = self._most = self._share = 1
        self._not_before = 0.0
        self._progress_at = self._report_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_in.setblocking(False)  # noqa: FBT003 - named so by the library
        self._wake_out.setblocking(False)  # noqa: FBT003

    # Called by other threads

    def add(self, target: Target) -> None:
        self._incoming.append(target)
        self._wake()

    def add_no_more(self) -> None:
        self._has_more = False
        self._wake()

    def stop(self) -> None:
        self._is_stopping = True
        self._wake()

    def pause(self) -> None:
        self._is_paused = True

    def resume(self) -> None:
        self._is_paused = False
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):  # full: it wakes anyway; closed: it has ended
            self._wake_out.send(b"\0")

    # The thread

    def run(self) -> None:
        try:
            self._most = max(1, _connects_at_a_time(self._timing, raise_descriptor_limit()))
            self._limit = self._most
            self._selector.register(self._wake_in, selectors.EVENT_READ, None)
            self._work()
        except Exception as error:  # noqa: BLE001 - it is raised by `Discovery.run`
            self.failure = error
        finally:
            for host in self._hosts:
                for probe in host.under_way:
                    probe.handle.close()
                self._flush(host)
            self._selector.close()
            self._wake_in.close()
            self._wake_out.close()
            self._post_progress()
            self.is_done = True
            self._post(None)

    def _work(self) -> None:
        self._report_at = time.perf_counter() + _REPORT_INTERVAL
        while not self._is_stopping:
            while self._incoming:
                self._begin(self._incoming.popleft())
            if not self._hosts and not self._has_more and not self._incoming:
                self._settled = self.attempts_planned  # unknown names had been counted too
                return
            before = time.perf_counter()
            if not self._is_paused:
                self._start_attempts(before)
            ready = self._selector.select(self._patience(before))
            now = time.perf_counter()
            for key, _ in ready:
                probe: _Probe | None = key.data
                if probe is None:
                    self._empty_wake_up_calls()
                elif probe.protocol == "tcp":
                    self._settle_tcp(probe, now)
                else:
                    self._settle_udp(probe, now)
            # What select did not return had no answer before it was called.
            self._look_after_hosts(before)

    def _patience(self, now: float) -> float | None:
        """How long to wait for something to happen, in seconds."""
        if self._under_way:
            return _TICK
        if not self._hosts:
            return None if self._has_more and not self._incoming else 0.0
        if self._is_paused:
            return None
        soonest = min(host.next_start for host in self._hosts)
        pause = max(soonest - now, self._not_before - now, self._plan.rate.delay(now))
        return min(max(pause, 0.0), 1.0)

    def _empty_wake_up_calls(self) -> None:
        with suppress(OSError):
            while self._wake_in.recv(4096):
                pass

    # Hosts

    def _begin(self, target: Target) -> None:
        now = time.perf_counter()
        try:
            family, _, _, _, address = socket.getaddrinfo(
                target.address, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )[0]
        except OSError as error:
            self._warn(f"{target.address} cannot be scanned: {error.strerror or error}.")
            self._settled += len(self._plan.tcp) + len(self._plan.udp)
            self._post(_HostDone(""))
            return
        flow, scope = (address[2], address[3]) if len(address) == 4 else (0, 0)
        is_local = _is_own_address(family, str(address[0]), scope)
        looked_for = not (self._plan.assume_up or is_local)
        host = _HostScan(
            target=target,
            family=family,
            address=(str(address[0]), flow, scope),
            begun=now,
            is_looked_for=looked_for,
            is_local=is_local,
            pending=(
                iter([("tcp", port, 0) for port in HOST_DISCOVERY_PORTS])
                if looked_for
                else self._plan.attempts()
            ),
            again=deque(),
            window=max(1.0, self._timing.parallel_connects / 4),
            timeout=self._timing.initial_timeout,
            delay=self._timing.scan_delay,
        )
        self._hosts.append(host)
        if self._plan.assume_up:
            self._host_is(host, HostState.UP, "user-set")
        elif is_local:
            self._host_is(host, HostState.UP, "localhost-response")

    def _host_is(
        self, host: _HostScan, state: HostState, reason: str, latency: float | None = None
    ) -> None:
        target = host.target
        self._post(
            HostFound(
                time=time.time(),
                address=target.address,
                state=state,
                reason=reason,
                name=target.name,
                other_addresses=target.other_addresses,
                latency=latency,
            )
        )

    def _host_is_up(self, host: _HostScan, verdict: _Verdict, latency: float) -> None:
        """An attempt of host discovery was answered: go on to the ports."""
        self._host_is(host, HostState.UP, verdict.reason, latency)
        for probe in list(host.under_way):
            self._retire(probe)
        host.again.clear()
        host.is_looked_for = False
        host.pending = self._plan.attempts()
        host.has_pending = True

    def _look_after_hosts(self, now: float) -> None:
        if self._limit < self._most and now >= self._not_before:
            self._limit += 1
        for host in list(self._hosts):
            self._expire(host, now)
            limit = self._plan.host_timeout
            if limit is not None and now - host.begun > limit:
                self._abandon(host, "its time is up")
            elif not (host.under_way or host.again or host.has_pending):
                self._finish(host)
        if now >= self._progress_at:
            self._progress_at = now + _PROGRESS_INTERVAL
            self._post_progress()
        if now >= self._report_at:
            self._report_at = now + _REPORT_INTERVAL
            for host in self._hosts:
                self._flush(host)

    def _expire(self, host: _HostScan, now: float) -> None:
        expired = list(
            itertools.takewhile(lambda probe: now - probe.started >= host.timeout, host.under_way)
        )
        for probe in expired:
            self._retire(probe)
            self._unanswered(host, probe)

    def _unanswered(self, host: _HostScan, probe: _Probe) -> None:
        # More retries than ever were of use are of use only when answers get lost.
        retries = min(self._timing.retries, host.best_retry + 1)
        if probe.protocol == "udp":
            retries = max(retries, len(self._plan.payloads.get(probe.port, ())) - 1)
        if probe.tries < retries:
            host.again.append((probe.protocol, probe.port, probe.tries + 1))
        elif probe.protocol == "tcp":
            self._record(host, probe, _SILENT)
        else:
            self._record(host, probe, _MAYBE_OPEN)

    def _finish(self, host: _HostScan) -> None:
        if host.is_looked_for:
            self._host_is(host, HostState.DOWN, "no-response")
        self._flush(host)
        self._leave(host)

    def _abandon(self, host: _HostScan, reason: str) -> None:
        """Give up what is left of a host; what is known of it stays."""
        for probe in list(host.under_way):
            self._retire(probe)
        self._warn(
            f"Not all ports of {host.target.address} were looked at, so the result is partial: "
            f"{reason}.",
        )
        if host.is_looked_for:
            self._host_is(host, HostState.DOWN, "no-response")
        self._flush(host)
        self._leave(host)

    def _leave(self, host: _HostScan) -> None:
        planned = len(self._plan.tcp) + len(self._plan.udp)
        self._settled += planned - host.settled
        self._hosts.remove(host)
        self._post(_HostDone(host.target.address))

    def _warn(self, message: str) -> None:
        self._post(Warned(time=time.time(), message=message, partial=True))

    def _post_progress(self) -> None:
        total = self.attempts_planned
        self._post(
            DiscoveryProgressed(time=time.time(), done=min(self._settled, total), total=total)
        )

    def _flush(self, host: _HostScan) -> None:
        """Report what has gathered of the ports that are not open."""
        now = time.time()
        for (protocol, verdict), ports in host.results.items():
            self._post(
                PortsScanned(
                    time=now,
                    address=host.target.address,
                    protocol=protocol,
                    state=verdict.state,
                    reason=verdict.reason,
                    ports=to_ranges(ports),
                    latency=host.smoothed if verdict.state is PortState.CLOSED else None,
                )
            )
        host.results.clear()

    # Attempts

    def _start_attempts(self, now: float) -> None:
        if now < self._not_before or self._under_way >= self._limit:
            return
        self._share = max(1, self._limit // max(1, len(self._hosts)))
        for host in self._hosts:
            while (
                len(host.under_way) < min(host.window, self._share)
                and self._under_way < self._limit
                and now >= host.next_start
            ):
                attempt = host.next_attempt()
                if attempt is None:
                    break
                if not self._plan.rate.take(now):
                    host.again.appendleft(attempt)
                    return
                if not self._start(host, attempt, now):
                    return
        if len(self._hosts) > 1:  # who came first comes last the next time: nobody starves
            self._hosts.append(self._hosts.pop(0))

    def _start(self, host: _HostScan, attempt: _Attempt, now: float) -> bool:
        """Begin an attempt on a socket of its own; False when the system is short of something."""
        is_tcp = attempt[0] == "tcp"
        try:
            handle = socket.socket(host.family, socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM)
        except OSError as error:
            self._system_refuses(host, attempt, error.errno or 0, now)
            return False
        handle.setblocking(False)  # noqa: FBT003
        code: int | None = None
        if is_tcp and _SOCKETS_LAST and host.is_local:
            attempt, code = self._past_refusals(host, handle, attempt)
            if code == errno.ECONNREFUSED:
                handle.close()
                host.next_start = now + host.delay
                return True
        probe = _Probe(host, handle)
        try:
            self._selector.register(
                handle, selectors.EVENT_WRITE if is_tcp else selectors.EVENT_READ, probe
            )
        except (OSError, ValueError) as error:  # select() takes no descriptor that high
            handle.close()
            self._system_refuses(host, attempt, getattr(error, "errno", 0) or errno.EMFILE, now)
            return False
        self._under_way += 1
        if not self._launch(probe, attempt, now, code):
            return False
        host.short_since = None
        return True

    def _past_refusals(
        self, host: _HostScan, handle: socket.socket, attempt: _Attempt
    ) -> tuple[_Attempt, int]:
        """Connect until something else comes of it than a refusal on the spot.

        This system refuses before the call returns, and says so at the next: nothing
        is left to wait for, and the socket is as good as new.

        Returns:
            The last attempt, with what came of it: it is either a refusal that is
            recorded, or has to be dealt with.
        """
        connect, address_of = handle.connect_ex, host.socket_address
        refused = host.results.setdefault(("tcp", _REFUSED), [])
        begun = time.perf_counter()
        for last in range(_MOST_AT_ONCE, -1, -1):
            _, port, tries = attempt
            address = address_of(port)
            code = connect(address)
            if code == errno.EINPROGRESS:
                code = connect(address)
            if code != errno.ECONNREFUSED:
                break
            refused.append(port)
            host.settled += 1
            self._settled += 1
            if host.smoothed is None:
                host.measure(time.perf_counter() - begun, self._timing)
            if tries or not last or not self._may_go_on(host):
                break
            following = self._next_tcp_attempt(host)
            if following is None:
                break
            attempt = following
        return attempt, code

    def _may_go_on(self, host: _HostScan) -> bool:
        """Whether one attempt may follow the other without a pause."""
        return not (self._is_paused or host.delay or self._is_stopping)

    def _next_tcp_attempt(self, host: _HostScan) -> _Attempt | None:
        """The next attempt, if it is one over TCP and has its turn now."""
        attempt = host.next_attempt()
        if attempt is None:
            return None
        if attempt[0] != "tcp" or not self._plan.rate.take(time.perf_counter()):
            host.again.appendleft(attempt)
            return None
        return attempt

    def _launch(
        self, probe: _Probe, attempt: _Attempt, now: float, code: int | None = None
    ) -> bool:
        """Send what begins an attempt, on a socket that is registered.

        Args:
            probe: the attempt.
            attempt: what it is.
            now: when it begins.
            code: what came of connecting, if that was done already.
        """
        host = probe.host
        probe.protocol, probe.port, probe.tries = attempt
        probe.started = now
        probe.address = host.socket_address(probe.port)
        host.under_way[probe] = None
        if host.delay:
            host.next_start = now + host.delay
        if probe.protocol == "udp":
            return self._send(probe, now)
        if code is None:
            code = probe.handle.connect_ex(probe.address)
        if code in _PENDING:
            return True
        return self._connect_ended(probe, code, time.perf_counter())

    def _send(self, probe: _Probe, now: float) -> bool:
        payloads = self._plan.payloads.get(probe.port) or (b"",)
        probe.payload = payloads[probe.tries % len(payloads)]
        try:
            probe.handle.connect(probe.address)
            probe.handle.send(probe.payload)
        except OSError as error:
            return self._datagram_failed(probe, error.errno or 0, now)
        return True

    def _settle_tcp(self, probe: _Probe, now: float) -> None:
        if probe not in probe.host.under_way:
            return  # retired by an earlier event of the same batch
        if _SOCKETS_LAST:
            # A second connect gives the outcome of the first, and resets the socket if it failed.
            code = probe.handle.connect_ex(probe.address)
            if code in _PENDING:
                return
        else:
            code = probe.handle.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code == errno.ECONNREFUSED and _SOCKETS_LAST:
            self._answered(probe.host, probe, _REFUSED, now)
            if not self._go_on(probe, now):
                self._retire(probe)
            return
        self._connect_ended(probe, code, now)

    def _connect_ended(self, probe: _Probe, code: int, now: float) -> bool:
        host = probe.host
        met_itself = not code and _is_self_connected(probe.handle)
        self._retire(probe)
        verdict = _VERDICTS.get(code)
        if met_itself:
            self._met_itself(host, probe, _REFUSED)
        elif verdict is _SILENT:
            self._unanswered(host, probe)
        elif verdict is not None:
            self._answered(host, probe, verdict, now)
        else:
            attempt = (probe.protocol, probe.port, probe.tries)
            self._system_refuses(host, attempt, code, now)
            return False
        return True

    def _met_itself(self, host: _HostScan, probe: _Probe, verdict: _Verdict) -> None:
        """The system took the very port that was asked, so nobody listens there.

        To be sure, it is asked from others, before it is called closed.
        """
        if probe.tries < _MAX_SELF_CONNECTS:
            host.again.append((probe.protocol, probe.port, probe.tries + 1))
        else:
            self._record(host, probe, verdict)

    def _settle_udp(self, probe: _Probe, now: float) -> None:
        if probe not in probe.host.under_way:
            return
        try:
            data = probe.handle.recv(_MAX_DATAGRAM)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._datagram_failed(probe, error.errno or 0, now)
            return
        host = probe.host
        met_itself = _is_self_connected(probe.handle)
        self._retire(probe)
        if met_itself:
            self._met_itself(host, probe, _PORT_UNREACHABLE)
            return
        endpoint = Endpoint(host.target.address, "udp", probe.port)
        self._post(_Answer(endpoint, probe.payload, data))  # to be known when the port is
        self._answered(host, probe, _ANSWERED, now)

    def _datagram_failed(self, probe: _Probe, code: int, now: float) -> bool:
        host = probe.host
        self._retire(probe)
        verdict = _VERDICTS.get(code)
        # Windows reports an ICMP port-unreachable as a reset connection.
        if code in {errno.ECONNREFUSED, errno.ECONNRESET}:
            self._answered(host, probe, _PORT_UNREACHABLE, now)
        elif code == errno.EMSGSIZE:
            self._unanswered(host, probe)
        elif verdict is not None and verdict.state is PortState.FILTERED:
            self._answered(host, probe, verdict, now)
        else:
            self._system_refuses(host, ("udp", probe.port, probe.tries), code, now)
            return False
        return True

    def _go_on(self, probe: _Probe, now: float) -> bool:
        """Use the socket of an attempt that ended for the next port; False when there is none."""
        host = probe.host
        if (
            self._is_paused
            or probe not in host.under_way
            or len(host.under_way) > min(host.window, self._share)
            or self._under_way > self._limit
            or now < host.next_start
        ):
            return False
        attempt = self._next_tcp_attempt(host)
        if attempt is None:
            return False
        del host.under_way[probe]  # so that it is put in again as the latest
        return self._launch(probe, attempt, now)

    def _retire(self, probe: _Probe) -> None:
        if probe not in probe.host.under_way:
            return
        del probe.host.under_way[probe]
        self._under_way -= 1
        self._selector.unregister(probe.handle)
        probe.handle.close()

    # Outcomes

    def _answered(self, host: _HostScan, probe: _Probe, verdict: _Verdict, now: float) -> None:
        """The host, or somebody on the way to it, told the state of a port."""
        if probe.tries:
            # An attempt got lost: the host, or the way to it, bears less than this.
            host.best_retry = max(host.best_retry, probe.tries)
            host.window = max(min(_SMALLEST_WINDOW, host.window), host.window / 2)
            if probe.protocol == "udp":
                host.delay = min(max(host.delay * 2, 0.05), _LARGEST_UDP_DELAY)
        else:
            host.measure(now - probe.started, self._timing)
            if host.window < self._timing.parallel_connects:
                host.window += 1
        self._record(host, probe, verdict, now - probe.started)

    def _record(
        self, host: _HostScan, probe: _Probe, verdict: _Verdict, latency: float | None = None
    ) -> None:
        if host.is_looked_for:
            if verdict.state in (PortState.OPEN, PortState.CLOSED) and latency is not None:
                self._host_is_up(host, verdict, latency)
            return
        host.settled += 1
        self._settled += 1
        if verdict.state in (PortState.OPEN, PortState.OPEN_OR_FILTERED):
            self._post(
                PortFound(
                    time=time.time(),
                    endpoint=Endpoint(host.target.address, probe.protocol, probe.port),
                    state=verdict.state,
                    reason=verdict.reason,
                    latency=latency,
                    table_name=self._plan.names.name(probe.protocol, probe.port),
                )
            )
            return
        host.results.setdefault((probe.protocol, verdict), []).append(probe.port)

    def _system_refuses(self, host: _HostScan, attempt: _Attempt, code: int, now: float) -> None:
        """This system is short of something, or cannot do it at all: wait, or give the host up."""
        host.again.appendleft(attempt)
        is_permanent = code not in _SHORTAGES and code != errno.ECONNABORTED
        host.short_since = now if host.short_since is None else host.short_since
        if is_permanent or now - host.short_since > _SHORTAGE_PATIENCE:
            self._abandon(host, os.strerror(code) if code else "the system does not say why")
            return
        self._limit = max(1, min(self._limit, self._under_way) * 3 // 4)
        self._not_before = now + _SHORTAGE_PAUSE


def _connects_at_a_time(timing: Timing, descriptors: int) -> int:
    """Leave descriptors for everything else that goes on."""
    spare = min(descriptors // 2, 256)
    return min(timing.parallel_connects, descriptors - spare, _MOST_SELECTABLE)


def _is_own_address(family: socket.AddressFamily, address: str, scope: int) -> bool:
    """Whether an address is one of this system's own: only those can be bound."""
    if ipaddress.ip_address(address.partition("%")[0]).is_multicast:
        return False
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as handle:
            handle.bind((address, 0, 0, scope) if family == socket.AF_INET6 else (address, 0))
    except OSError:
        return False
    return True


def _is_self_connected(handle: socket.socket) -> bool:
    """Whether a socket met itself: on loopback, the system may choose the port that is asked."""
    try:
        return bool(handle.getsockname() == handle.getpeername())
    except OSError:
        return False
