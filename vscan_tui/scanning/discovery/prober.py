"""The thread that looks for hosts and open ports, and owns all the sockets that do.

Timeouts follow the measured round trip (RFC 6298) within the bounds of the timing
template; how many attempts are under way follows what the host bears, in the
manner of TCP's congestion window.
"""

import errno
import ipaddress
import itertools
import os
import selectors
import socket
import sys
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
    HostFound,
    HostState,
    PortFound,
    PortsScanned,
    PortState,
    Warned,
)
from vscan_tui.scanning.discovery.descriptors import MOST_SELECTABLE, raise_descriptor_limit
from vscan_tui.scanning.discovery.host_scan import Attempt, HostScan, Probe
from vscan_tui.scanning.discovery.timing import Timing
from vscan_tui.scanning.discovery.verdicts import (
    ANSWERED,
    MAYBE_OPEN,
    PORT_UNREACHABLE,
    REFUSED,
    SILENT,
    VERDICTS,
    Verdict,
)
from vscan_tui.scanning.targets.hosts import Target
from vscan_tui.scanning.targets.port_table import PortTable
from vscan_tui.scanning.targets.portspec import to_ranges
from vscan_tui.scanning.transport.rate import RateLimit
from vscan_tui.scanning.transport.self_connection import met_itself

Payloads = Mapping[int, Sequence[bytes]]
"""What to send to a UDP port; a port that is not in it gets an empty datagram."""

HOST_DISCOVERY_PORTS = (80, 443)

# A failed connect leaves a Linux socket fit for the next one, which saves a third of the time.
# Elsewhere its state is unspecified (connect(2), POSIX), and each attempt gets its own.
_SOCKETS_LAST = sys.platform == "linux"

_PENDING = frozenset({errno.EINPROGRESS, errno.EALREADY, errno.EWOULDBLOCK, errno.EINTR})
_CONNECTED = frozenset({0, errno.EISCONN})
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

_TICK = 0.02
_PROGRESS_INTERVAL = 0.2
_REPORT_INTERVAL = 5.0
_SMALLEST_WINDOW = 10
_LARGEST_UDP_DELAY = 1.0
"""Seconds; most systems answer one UDP attempt at a closed port a second (RFC 1812, 4.3.2.8)."""
_MAX_DATAGRAM = 65535
_MAX_SELF_CONNECTS = 3
_MOST_AT_ONCE = 200
"""So many refusals on the spot are taken in before others have their turn."""


OnOpen = Callable[[Endpoint, socket.socket, float], bool]
"""Told by the thread of a connection that found a TCP port open, and how many seconds it took.

Returns whether it took the socket over; it is closed otherwise.
"""


def close_it(_endpoint: Endpoint, _handle: socket.socket, _seconds: float) -> bool:
    """Take no connection over: an `OnOpen`."""
    return False


class Answer(msgspec.Struct, frozen=True):
    """What a UDP port answered to what."""

    endpoint: Endpoint
    payload: bytes
    data: bytes


class HostDone(msgspec.Struct, frozen=True):
    """A host needs no more attention."""

    address: str
    """Empty if it was not even begun."""


class Plan(msgspec.Struct, frozen=True):
    """What to look at on every host, and how; see `Discovery`."""

    timing: Timing
    tcp: "array[int]"
    udp: "array[int]"
    names: PortTable
    assume_up: bool
    payloads: Payloads
    host_timeout: float | None
    rate: RateLimit

    def attempts(self) -> "Iterator[Attempt]":
        """Begin anew with every port of a host."""
        return itertools.chain(
            zip(itertools.repeat("tcp"), self.tcp, itertools.repeat(0)),
            zip(itertools.repeat("udp"), self.udp, itertools.repeat(0)),
        )


class Prober:
    """Owns the sockets; `run` is a thread, and the other public methods may be called by any."""

    def __init__(
        self,
        plan: Plan,
        post: Callable[[Event | Answer | HostDone | None], None],
        keep: OnOpen = close_it,
    ) -> None:
        """Be ready to run.

        Args:
            plan: what to look at.
            post: takes what is found; None is a sign of life.
            keep: may take over the connection to an open port; called before that is posted.
        """
        self.attempts_planned = 0
        self.is_done = False
        self.failure: Exception | None = None
        self._plan = plan
        self._timing = plan.timing
        self._post = post
        self._keep = keep
        self._incoming: deque[Target] = deque()
        self._has_more = True
        self._is_stopping = False
        self._is_paused = False
        self._hosts: list[HostScan] = []
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
        """Look at one more host."""
        self._incoming.append(target)
        self._wake()

    def add_no_more(self) -> None:
        """Be done once every host is."""
        self._has_more = False
        self._wake()

    def stop(self) -> None:
        """Leave all as it stands."""
        self._is_stopping = True
        self._wake()

    def pause(self) -> None:
        """Begin no new attempt until `resume`."""
        self._is_paused = True

    def resume(self) -> None:
        """Go on."""
        self._is_paused = False
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):  # full: it wakes anyway; closed: it has ended
            self._wake_out.send(b"\0")

    # The thread

    def run(self) -> None:
        """Be the thread, until all is looked at or `stop`."""
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
                probe: Probe | None = key.data
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
            self._post(HostDone(""))
            return
        flow, scope = (address[2], address[3]) if len(address) == 4 else (0, 0)
        is_local = _is_own_address(family, str(address[0]), scope)
        looked_for = not (self._plan.assume_up or is_local)
        host = HostScan(
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
        self, host: HostScan, state: HostState, reason: str, latency: float | None = None
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

    def _host_is_up(self, host: HostScan, verdict: Verdict, latency: float) -> None:
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

    def _expire(self, host: HostScan, now: float) -> None:
        expired = list(
            itertools.takewhile(lambda probe: now - probe.started >= host.timeout, host.under_way)
        )
        for probe in expired:
            self._retire(probe)
            self._unanswered(host, probe)

    def _unanswered(self, host: HostScan, probe: Probe) -> None:
        # More retries than ever were of use are of use only when answers get lost.
        retries = min(self._timing.retries, host.best_retry + 1)
        if probe.protocol == "udp":
            retries = max(retries, len(self._plan.payloads.get(probe.port, ())) - 1)
        if probe.tries < retries:
            host.again.append((probe.protocol, probe.port, probe.tries + 1))
        elif probe.protocol == "tcp":
            self._record(host, probe, SILENT)
        else:
            self._record(host, probe, MAYBE_OPEN)

    def _finish(self, host: HostScan) -> None:
        if host.is_looked_for:
            self._host_is(host, HostState.DOWN, "no-response")
        self._flush(host)
        self._leave(host)

    def _abandon(self, host: HostScan, reason: str) -> None:
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

    def _leave(self, host: HostScan) -> None:
        planned = len(self._plan.tcp) + len(self._plan.udp)
        self._settled += planned - host.settled
        self._hosts.remove(host)
        self._post(HostDone(host.target.address))

    def _warn(self, message: str) -> None:
        self._post(Warned(time=time.time(), message=message, partial=True))

    def _post_progress(self) -> None:
        total = self.attempts_planned
        self._post(
            DiscoveryProgressed(time=time.time(), done=min(self._settled, total), total=total)
        )

    def _flush(self, host: HostScan) -> None:
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

    def _start(self, host: HostScan, attempt: Attempt, now: float) -> bool:
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
        probe = Probe(host, handle)
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
        self, host: HostScan, handle: socket.socket, attempt: Attempt
    ) -> tuple[Attempt, int]:
        """Connect until something else comes of it than a refusal on the spot.

        This system refuses before the call returns, and says so at the next: nothing
        is left to wait for, and the socket is as good as new.

        Returns:
            The last attempt, with what came of it: it is either a refusal that is
            recorded, or has to be dealt with.
        """
        connect, address_of = handle.connect_ex, host.socket_address
        refused = host.results.setdefault(("tcp", REFUSED), [])
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

    def _may_go_on(self, host: HostScan) -> bool:
        """Whether one attempt may follow the other without a pause."""
        return not (self._is_paused or host.delay or self._is_stopping)

    def _next_tcp_attempt(self, host: HostScan) -> Attempt | None:
        """The next attempt, if it is one over TCP and has its turn now."""
        attempt = host.next_attempt()
        if attempt is None:
            return None
        if attempt[0] != "tcp" or not self._plan.rate.take(time.perf_counter()):
            host.again.appendleft(attempt)
            return None
        return attempt

    def _launch(self, probe: Probe, attempt: Attempt, now: float, code: int | None = None) -> bool:
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

    def _send(self, probe: Probe, now: float) -> bool:
        payloads = self._plan.payloads.get(probe.port) or (b"",)
        probe.payload = payloads[probe.tries % len(payloads)]
        try:
            probe.handle.connect(probe.address)
            probe.handle.send(probe.payload)
        except OSError as error:
            return self._datagram_failed(probe, error.errno or 0, now)
        return True

    def _settle_tcp(self, probe: Probe, now: float) -> None:
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
            self._answered(probe.host, probe, REFUSED, now)
            if not self._go_on(probe, now):
                self._retire(probe)
            return
        self._connect_ended(probe, code, now)

    def _connect_ended(self, probe: Probe, code: int, now: float) -> bool:
        host = probe.host
        is_own = not code and met_itself(probe.handle)
        self._detach(probe)
        if is_own or not self._hand_over(probe, code, now):
            probe.handle.close()
        verdict = VERDICTS.get(code)
        if is_own:
            self._met_itself(host, probe, REFUSED)
        elif verdict is SILENT:
            self._unanswered(host, probe)
        elif verdict is not None:
            self._answered(host, probe, verdict, now)
        else:
            attempt = (probe.protocol, probe.port, probe.tries)
            self._system_refuses(host, attempt, code, now)
            return False
        return True

    def _hand_over(self, probe: Probe, code: int, now: float) -> bool:
        """Offer the connection of an attempt that ended; False if nobody goes on with it."""
        host = probe.host
        if code not in _CONNECTED or host.is_looked_for:
            return False
        endpoint = Endpoint(host.target.address, "tcp", probe.port)
        return self._keep(endpoint, probe.handle, now - probe.started)

    def _met_itself(self, host: HostScan, probe: Probe, verdict: Verdict) -> None:
        """The system took the very port that was asked, so nobody listens there.

        To be sure, it is asked from others, before it is called closed.
        """
        if probe.tries < _MAX_SELF_CONNECTS:
            host.again.append((probe.protocol, probe.port, probe.tries + 1))
        else:
            self._record(host, probe, verdict)

    def _settle_udp(self, probe: Probe, now: float) -> None:
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
        is_own = met_itself(probe.handle)
        self._retire(probe)
        if is_own:
            self._met_itself(host, probe, PORT_UNREACHABLE)
            return
        endpoint = Endpoint(host.target.address, "udp", probe.port)
        self._post(Answer(endpoint, probe.payload, data))  # to be known when the port is
        self._answered(host, probe, ANSWERED, now)

    def _datagram_failed(self, probe: Probe, code: int, now: float) -> bool:
        host = probe.host
        self._retire(probe)
        verdict = VERDICTS.get(code)
        # Windows reports an ICMP port-unreachable as a reset connection.
        if code in {errno.ECONNREFUSED, errno.ECONNRESET}:
            self._answered(host, probe, PORT_UNREACHABLE, now)
        elif code == errno.EMSGSIZE:
            self._unanswered(host, probe)
        elif verdict is not None and verdict.state is PortState.FILTERED:
            self._answered(host, probe, verdict, now)
        else:
            self._system_refuses(host, ("udp", probe.port, probe.tries), code, now)
            return False
        return True

    def _go_on(self, probe: Probe, now: float) -> bool:
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

    def _retire(self, probe: Probe) -> None:
        if probe in probe.host.under_way:
            self._detach(probe)
            probe.handle.close()

    def _detach(self, probe: Probe) -> None:
        """End an attempt under way; its socket stays as it is."""
        del probe.host.under_way[probe]
        self._under_way -= 1
        self._selector.unregister(probe.handle)

    # Outcomes

    def _answered(self, host: HostScan, probe: Probe, verdict: Verdict, now: float) -> None:
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
        self, host: HostScan, probe: Probe, verdict: Verdict, latency: float | None = None
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

    def _system_refuses(self, host: HostScan, attempt: Attempt, code: int, now: float) -> None:
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
    return min(timing.parallel_connects, descriptors - spare, MOST_SELECTABLE)


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
