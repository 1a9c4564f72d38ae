"""The only sockets that interrogation uses: TCP, TLS and UDP over asyncio.

A connection keeps what arrives until it is asked for, so a wait that ends
early loses nothing; when too much waits unread, reading is suspended.
"""

import asyncio
import errno
import os
import socket
import ssl
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol, cast

from vscan_tui.events import Endpoint, TlsDetails
from vscan_tui.scanning.transport.farewell import Farewells
from vscan_tui.scanning.transport.rate import RateLimit
from vscan_tui.scanning.transport.self_connection import met_itself

MAX_UNREAD_BYTES = 64 * 1024
"""Reading is suspended while so much waits to be asked for."""
MAX_TLS_SESSIONS = 1024
TLS_SESSIONS_LEAK = sys.version_info < (3, 12, 7)
"""Whether reading the session of a TLS connection costs memory for good: 5 KiB each time,
until python/cpython#116810 was mended."""
SHORTAGE_SECONDS: Mapping[int, float] = {
    errno.EMFILE: 15.0,
    errno.ENFILE: 15.0,
    errno.ENOBUFS: 15.0,
    errno.ENOMEM: 15.0,
    # Local ports are in use; but so it is called, too, where there is no way to an address.
    errno.EADDRNOTAVAIL: 5.0,
}
"""So long it is tried again to connect when this system is short of something, by error."""
_SHORTAGE_PAUSE = 0.05
_TLS_READ_BYTES = 64 * 1024


class ConnectionEndedError(Exception):
    """The other side ended the connection."""

    def __init__(self, *, was_reset: bool) -> None:
        super().__init__("reset" if was_reset else "closed")
        self.was_reset = was_reset


class Connection(Protocol):
    """An open connection to one port; for UDP a socket that is connected to it."""

    tls: TlsDetails | None

    async def send(self, payload: bytes) -> None:
        """Send all of a payload.

        Raises:
            ConnectionEndedError: the other side ended the connection.
            OSError: sending failed otherwise.
        """
        ...

    async def receive(self, within: float) -> bytes:
        """Return what has arrived, one datagram of it for UDP, or wait for it.

        Args:
            within: how long to wait, in seconds.

        Raises:
            TimeoutError: nothing arrived in time.
            ConnectionEndedError: the other side ended the connection.
            OSError: receiving failed otherwise.
        """
        ...

    async def close(self) -> None:
        """End the connection; never raises."""
        ...


class Transport(Protocol):
    """Opens connections."""

    async def connect(
        self, endpoint: Endpoint, *, tunnel: bool, server_name: str, within: float
    ) -> Connection:
        """Connect to a port, and inside a tunnel do the TLS handshake too.

        Args:
            endpoint: where to.
            tunnel: whether to speak TLS.
            server_name: the host name for SNI; empty for none.
            within: the time for all of it, in seconds.

        Raises:
            TimeoutError: it took too long.
            ConnectionEndedError: refused, or ended during the handshake.
            OSError: it failed otherwise; for TLS, `ssl.SSLError`.
        """
        ...

    async def adopt(self, handle: socket.socket) -> Connection:
        """Go on with a TCP socket that is connected already, and does not block.

        Raises:
            OSError: it failed; the socket is closed.
        """
        ...

    async def turn(self) -> None:
        """Wait until another connection may be opened (`--max-rate`)."""
        ...

    async def leave(self) -> None:
        """Wait a moment for the other sides of connections that were closed; never raises."""
        ...


class AsyncioTransport:
    """Connections to real sockets."""

    def __init__(self, rate: RateLimit | None = None, *, resumes_tls: bool = True) -> None:
        """Be ready to connect.

        Args:
            rate: at most so many connections a second; None for no limit.
            resumes_tls: whether the next TLS connection to a port goes on with the session of
                the one before, as Nmap's do.
        """
        self._rate = rate or RateLimit(None)
        self._context = _permissive_context()
        self._sessions = _TlsSessions(MAX_TLS_SESSIONS if resumes_tls else 0)
        self._farewells = Farewells()
        self._told: set[int] = set()
        self.tell: Callable[[str], None] = lambda _: None
        """Told once for each kind of thing that this system is short of."""

    async def connect(
        self, endpoint: Endpoint, *, tunnel: bool, server_name: str, within: float
    ) -> Connection:
        """See `Transport.connect`; waits where this system is short of something."""
        loop = asyncio.get_running_loop()
        begun, pause = loop.time(), _SHORTAGE_PAUSE
        while True:
            try:
                return await self._connect(
                    endpoint, tunnel=tunnel, server_name=server_name, within=within
                )
            except OSError as error:
                code = error.errno or 0
                if loop.time() - begun >= SHORTAGE_SECONDS.get(code, 0.0):
                    raise
                self._tell_of_shortage(code)
            self._farewells.end_all()  # they hold what is needed now
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _tell_of_shortage(self, code: int) -> None:
        if code not in self._told:
            self._told.add(code)
            self.tell(
                f"this system is short of something ({os.strerror(code)}): connections wait for "
                "others to end, so the scan is slower; --max-parallelism asks fewer ports at a time"
            )

    async def _connect(
        self, endpoint: Endpoint, *, tunnel: bool, server_name: str, within: float
    ) -> Connection:
        async with asyncio.timeout(within):
            handle = await _connected_socket(endpoint)
            if endpoint.protocol == "udp":
                return await _datagrams(handle)
            stream = await _stream(handle, self._farewells)
            if not tunnel:
                return stream
            tls = _TlsConnection(stream, self._context, server_name, self._sessions, endpoint)
            try:
                await tls.handshake()
            except BaseException:
                await stream.close()
                raise
            return tls

    async def adopt(self, handle: socket.socket) -> Connection:
        """See `Transport.adopt`."""
        return await _stream(handle, self._farewells)

    async def turn(self) -> None:
        """See `Transport.turn`."""
        await self._rate.turn()

    async def leave(self) -> None:
        """See `Transport.leave`."""
        await self._farewells.ended()


def _permissive_context() -> ssl.SSLContext:
    """Any protocol version, any cipher, no verification: nothing is trusted, only looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with suppress(ssl.SSLError):
        context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    context.options |= getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    return context


async def _connected_socket(endpoint: Endpoint) -> socket.socket:
    kind = socket.SOCK_STREAM if endpoint.protocol == "tcp" else socket.SOCK_DGRAM
    # Numeric, so this neither asks anybody nor blocks; it knows scope ids.
    family, _, _, _, address = socket.getaddrinfo(
        endpoint.address, endpoint.port, type=kind, flags=socket.AI_NUMERICHOST
    )[0]
    handle = socket.socket(family, kind)
    try:
        handle.setblocking(False)  # noqa: FBT003 - the name says what it means
        await asyncio.get_running_loop().sock_connect(handle, address)
    except (ConnectionRefusedError, ConnectionResetError, ConnectionAbortedError) as error:
        handle.close()
        raise ConnectionEndedError(was_reset=True) from error
    except BaseException:
        handle.close()
        raise
    if kind == socket.SOCK_STREAM and met_itself(handle):  # nobody listens
        handle.close()
        raise ConnectionEndedError(was_reset=True)
    return handle


async def _stream(handle: socket.socket, farewells: Farewells) -> "_StreamConnection":
    loop = asyncio.get_running_loop()
    inbox = _Inbox(loop)
    try:
        transport, _ = await loop.create_connection(lambda: _StreamReceiver(inbox), sock=handle)
    except BaseException:
        handle.close()
        raise
    return _StreamConnection(transport, inbox, farewells)


async def _datagrams(handle: socket.socket) -> "_DatagramConnection":
    loop = asyncio.get_running_loop()
    inbox = _Inbox(loop)
    try:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _DatagramReceiver(inbox), sock=handle
        )
    except BaseException:
        handle.close()
        raise
    return _DatagramConnection(transport, inbox)


class _Inbox:
    """What has arrived and was not asked for yet, and how the connection ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.chunks: deque[bytes] = deque()
        self.size = 0
        self.is_ended = False
        self.error: Exception | None = None
        self.failure: Exception | None = None
        """What went wrong with a datagram; the socket is as good as before."""
        self._loop = loop
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.reader: asyncio.ReadTransport | None = None
        self._is_over: Callable[[], None] | None = None
        """Called when a connection that we have ended is ended by the other side."""
        self._may_discard = 0

    def put(self, data: bytes) -> None:
        if self._is_over is not None:
            self._may_discard -= len(data)
            if self._may_discard < 0:
                self._is_over()
            return
        self.chunks.append(data)
        self.size += len(data)
        if self.size >= MAX_UNREAD_BYTES and self.reader is not None:
            self.reader.pause_reading()
        self._changed.set()

    def fail(self, failure: Exception) -> None:
        self.failure = failure
        self._changed.set()

    def end(self, error: Exception | None) -> None:
        if not self.is_ended:
            self.is_ended = True
            self.error = error
        self._drained.set()
        self._changed.set()
        if self._is_over is not None:
            self._is_over()

    def discard(self, at_most: int, over: Callable[[], None]) -> None:
        """See `vscan_tui.scanning.transport.farewell.Discarding`."""
        self._is_over = over
        self._may_discard = at_most
        self.chunks.clear()
        self.size = 0
        if self.reader is not None and not self.is_ended:
            self.reader.resume_reading()

    def take(self, *, all_of_it: bool) -> bytes:
        if all_of_it:
            data = b"".join(self.chunks)
            self.chunks.clear()
        else:
            data = self.chunks.popleft()
        self.size -= len(data)
        if self.size < MAX_UNREAD_BYTES and self.reader is not None and not self.is_ended:
            self.reader.resume_reading()
        return data

    async def wait(self, within: float) -> None:
        """Wait until there is something to take, a failure, or the end.

        Raises:
            TimeoutError: neither came in time.
        """
        deadline = self._loop.time() + within
        while not self.chunks and not self.failure and not self.is_ended:
            self._changed.clear()
            async with asyncio.timeout_at(deadline):
                await self._changed.wait()

    def raise_failure(self) -> None:
        """Raise what a failure means, once, or else the end of the connection."""
        failure, self.failure = self.failure, None
        error = failure or self.error
        if error is None:
            raise ConnectionEndedError(was_reset=False)
        if isinstance(error, ConnectionError) and not isinstance(error, BrokenPipeError):
            raise ConnectionEndedError(was_reset=True) from error
        raise error

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    async def drained(self) -> None:
        await self._drained.wait()


class _StreamReceiver(asyncio.Protocol):
    def __init__(self, inbox: _Inbox) -> None:
        self._inbox = inbox

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._inbox.reader = cast(asyncio.ReadTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._inbox.put(data)

    def eof_received(self) -> bool:
        self._inbox.end(None)
        return True  # we close when we are done

    def connection_lost(self, exc: Exception | None) -> None:
        self._inbox.end(exc)

    def pause_writing(self) -> None:
        self._inbox.pause_writing()

    def resume_writing(self) -> None:
        self._inbox.resume_writing()


class _DatagramReceiver(asyncio.DatagramProtocol):
    def __init__(self, inbox: _Inbox) -> None:
        self._inbox = inbox

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:  # noqa: ARG002
        if self._inbox.size < MAX_UNREAD_BYTES:  # a flood beyond that is dropped, as kernels do
            self._inbox.put(data)

    def error_received(self, exc: Exception) -> None:
        self._inbox.fail(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._inbox.end(exc)


class _StreamConnection:
    """TCP."""

    def __init__(self, transport: asyncio.Transport, inbox: _Inbox, farewells: Farewells) -> None:
        self.tls: TlsDetails | None = None
        self._transport = transport
        self._inbox = inbox
        self._farewells = farewells
        self._is_open = True
        farewells.opened(transport)

    async def send(self, payload: bytes) -> None:
        if self._inbox.is_ended and not self._inbox.chunks:
            self._inbox.raise_failure()
        self._transport.write(payload)
        await self._inbox.drained()

    async def receive(self, within: float) -> bytes:
        await self._inbox.wait(within)
        if self._inbox.chunks:
            await asyncio.sleep(0)  # takes in what the system holds by now
            return self._inbox.take(all_of_it=True)
        self._inbox.raise_failure()
        raise AssertionError  # it always raises

    async def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._farewells.begin(self._transport, self._inbox)


class _DatagramConnection:
    """UDP."""

    def __init__(self, transport: asyncio.DatagramTransport, inbox: _Inbox) -> None:
        self.tls: TlsDetails | None = None
        self._transport = transport
        self._inbox = inbox

    async def send(self, payload: bytes) -> None:
        if self._inbox.is_ended and not self._inbox.chunks:
            self._inbox.raise_failure()
        self._transport.sendto(payload)

    async def receive(self, within: float) -> bytes:
        await self._inbox.wait(within)
        if self._inbox.chunks:
            return self._inbox.take(all_of_it=False)
        self._inbox.raise_failure()
        raise AssertionError  # it always raises

    async def close(self) -> None:
        self._transport.close()


class _TlsSessions:
    """The TLS sessions of the ports that were spoken to last, to be gone on with."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sessions: OrderedDict[Endpoint, ssl.SSLSession] = OrderedDict()

    def get(self, endpoint: Endpoint) -> ssl.SSLSession | None:
        return self._sessions.get(endpoint)

    def keep(self, endpoint: Endpoint, connection: ssl.SSLObject) -> None:
        if not self._most:
            return
        # Read once for each port only: see TLS_SESSIONS_LEAK.
        session = self._sessions.pop(endpoint, None) or connection.session
        if session is not None:
            self._sessions[endpoint] = session
            if len(self._sessions) > self._most:
                self._sessions.popitem(last=False)


class _TlsConnection:
    """TLS over a plain connection, through memory, so that sessions can be reused."""

    def __init__(
        self,
        plain: _StreamConnection,
        context: ssl.SSLContext,
        server_name: str,
        sessions: _TlsSessions,
        endpoint: Endpoint,
    ) -> None:
        self.tls: TlsDetails | None = None
        self._plain = plain
        self._sessions = sessions
        self._endpoint = endpoint
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_hostname=server_name or None,
            session=sessions.get(endpoint),
        )

    async def handshake(self) -> None:
        """Do the handshake.

        Raises:
            ConnectionEndedError: the other side ended the connection.
            ssl.SSLError: it is no TLS, or none that we can speak.
        """
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                # The limit of `connect` ends this wait.
                self._incoming.write(await self._plain.receive(within=3600))
            except ssl.SSLError:
                with suppress(OSError, ConnectionEndedError):
                    await self._flush()  # the alert that says why
                raise
            else:
                break
        await self._flush()
        cipher = self._object.cipher()
        self.tls = TlsDetails(
            version=self._object.version() or "",
            cipher=cipher[0] if cipher else "",
            alpn=self._object.selected_alpn_protocol() or "",
            certificate=self._object.getpeercert(binary_form=True) or b"",
            resumed=bool(self._object.session_reused),
        )

    async def send(self, payload: bytes) -> None:
        try:
            if payload:
                self._object.write(payload)
        except ssl.SSLError as error:
            raise OSError(errno.EIO, f"TLS: {error.reason or error}") from error
        await self._flush()

    async def receive(self, within: float) -> bytes:
        deadline = asyncio.get_running_loop().time() + within
        while True:
            if data := self._decrypted():
                return data
            await self._flush()
            remaining = deadline - asyncio.get_running_loop().time()
            # An end without a goodbye is an end all the same: many servers say none.
            self._incoming.write(await self._plain.receive(max(0.0, remaining)))

    def _decrypted(self) -> bytes:
        """Return all that has arrived whole; nothing if more must come first.

        Raises:
            ConnectionEndedError: the other side said goodbye.
            OSError: what arrived is no TLS.
        """
        data = bytearray()
        while len(data) < MAX_UNREAD_BYTES:
            try:
                piece = self._object.read(_TLS_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                if data:  # told at the next call, which meets it again
                    break
                if isinstance(error, ssl.SSLZeroReturnError):
                    raise ConnectionEndedError(was_reset=False) from error
                raise OSError(errno.EIO, f"TLS: {error.reason or error}") from error
            if not piece:
                if data:
                    break
                raise ConnectionEndedError(was_reset=False)
            data += piece
        return bytes(data)

    async def close(self) -> None:
        self._sessions.keep(self._endpoint, self._object)
        with suppress(OSError, ConnectionEndedError, ValueError):
            with suppress(ssl.SSLError):
                self._object.unwrap()  # says goodbye; the answer is not awaited
            await self._flush()
        await self._plain.close()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._plain.send(self._outgoing.read())
