"""What goes to and fro with one port, told as events: connections and exchanges."""

import asyncio
import errno
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec

from vscan_tui.events import (
    BytesReceived,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionOpened,
    Ending,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    PortFound,
    PortState,
    Protocol,
    RuleFired,
    TlsDetails,
)
from vscan_tui.matching.matcher import MatchResult
from vscan_tui.scanning.discovery.kept_connections import KeptConnection
from vscan_tui.scanning.transport.sockets import Connection, ConnectionEndedError, Transport

Emit = Callable[[Event], None]

_OURS = frozenset(
    getattr(errno, name, -1)
    for name in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EACCES", "EPERM")
)
"""This system lacks something, or forbids it: nobody was asked."""

_UNREACHABLE = {
    errno.EHOSTUNREACH: "host-unreach",
    errno.EHOSTDOWN: "host-unreach",
    errno.ENETUNREACH: "net-unreach",
    errno.ENETDOWN: "net-unreach",
}


class OpenExchange(msgspec.Struct):
    """The exchange under way."""

    number: int
    started: float
    """On the event loop's clock."""
    tried: int = 0
    """How many rules were tried on its response so far."""


class Numbering(msgspec.Struct):
    """How many connections and exchanges a port has had; shared by its conversations."""

    connections: int = 0
    exchanges: int = 0
    was_open: bool = False
    """Whether a TCP connection was ever opened, or a datagram ever came."""
    told_state: tuple[PortState, str] | None = None
    """State and reason of a port that does not seem to be open, and was said to be."""


class Conversation:
    """One connection at a time to one port, and one exchange at a time on it."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        emit: Emit,
        *,
        state: PortState,
        was_seen: bool = True,
        server_name: str,
        numbering: Numbering | None = None,
    ) -> None:
        """Be ready to connect.

        Args:
            endpoint: the port.
            transport: opens connections.
            emit: takes the events.
            state: open, or for UDP perhaps open|filtered until it answers.
            was_seen: whether this scan has seen that it is; else a first connection
                that fails tells that it is not.
            server_name: the name that the user gave for the host; empty for none.
            numbering: goes on from here, where a port has several conversations at a time.
        """
        self.endpoint = endpoint
        self.exchange: OpenExchange | None = None
        self.tls: TlsDetails | None = None
        """What the last TLS handshake told."""
        self.connect_seconds = 0.0
        """How long the last connection took to open."""
        self.could_not_ask = False
        """Whether the last attempt to connect failed for a reason of this system's."""
        self.was_unanswered = False
        """Whether it failed because nothing came back."""
        self.was_refused = False
        """Whether it failed because the other side refused."""
        self._transport = transport
        self._emit = emit
        self._state = state
        self._was_seen = was_seen
        self._server_name = server_name
        self._connection: Connection | None = None
        self._numbering = numbering or Numbering()
        self._number = 0
        self._last_exchange = 0
        self._listening_since: float | None = None
        """When a connection that was kept was opened, until its first exchange."""

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open, as far as we are concerned."""
        return self._connection is not None

    async def connect(
        self, *, tunnel: bool, timeout_ms: int, kept: KeptConnection | None = None
    ) -> str:
        """Open a connection; returns why it failed, or nothing if it did not.

        Args:
            tunnel: whether to speak TLS.
            timeout_ms: the time for all of it.
            kept: a plain connection to use in place of a new one.
        """
        if kept is None:
            await self._transport.turn()
        self._numbering.connections += 1
        self._number = self._numbering.connections
        began = asyncio.get_running_loop().time()
        try:
            if kept is None:
                connection = await self._transport.connect(
                    self.endpoint,
                    tunnel=tunnel,
                    server_name=self._server_name,
                    within=timeout_ms / 1000,
                )
            else:
                connection = await self._transport.adopt(kept.handle)
        except (TimeoutError, ConnectionEndedError, OSError) as error:
            reason = _connect_failure(error, tunnel=tunnel, timeout_ms=timeout_ms)
            number = getattr(error, "errno", None)
            self.could_not_ask = number in _OURS
            self.was_unanswered = isinstance(error, TimeoutError) or number in _UNREACHABLE
            self.was_refused = isinstance(error, ConnectionEndedError) and error.was_reset
            self._emit(
                ConnectionFailed(
                    time=time.time(),
                    endpoint=self.endpoint,
                    connection=self._number,
                    reason=reason,
                    unanswered=self.was_unanswered,
                )
            )
            self._tell_state(error)
            return reason
        self._connection = connection
        if self.endpoint.protocol == "tcp":
            self._is_open("syn-ack")
        now = asyncio.get_running_loop().time()
        self.connect_seconds = now - began
        if kept is not None:
            self.connect_seconds = kept.seconds
            self._listening_since = began - kept.age
        self.tls = connection.tls or self.tls
        self._emit(
            ConnectionOpened(
                time=time.time(),
                endpoint=self.endpoint,
                connection=self._number,
                seconds=self.connect_seconds,
                tls=connection.tls,
                kept_for=None if kept is None else now - began + kept.age,
            )
        )
        return ""

    def _tell_state(self, error: Exception) -> None:
        """Correct a state that somebody else has told, when the first attempt fails."""
        if self._was_seen or self._numbering.was_open:
            return
        told = _state_told_by(error, self.endpoint.protocol)
        if told is not None and told != self._numbering.told_state:
            self._numbering.told_state = told
            self._found(*told)

    def _is_open(self, reason: str) -> None:
        """Correct a state that was told or assumed, now that the port has answered."""
        told_otherwise = self._numbering.told_state is not None
        is_news = told_otherwise or self._state is PortState.OPEN_OR_FILTERED
        self._numbering.was_open, self._numbering.told_state = True, None
        if is_news:
            self._state = PortState.OPEN
            self._found(PortState.OPEN, reason)

    def _found(self, state: PortState, reason: str) -> None:
        self._emit(PortFound(time=time.time(), endpoint=self.endpoint, state=state, reason=reason))

    async def begin_exchange(
        self,
        name: str,
        payload: bytes,
        reason: str,
        *,
        tunnel: bool,
        continues: bool = False,
        by_hand: bool = False,
    ) -> None:
        """Send a payload (nothing, if empty over TCP) as the beginning of an exchange.

        A failure to send is not told here: receiving meets the same error,
        after what is still to be read.
        """
        self._numbering.exchanges += 1
        number = self._numbering.exchanges
        began = self._listening_since or asyncio.get_running_loop().time()
        self._listening_since = None
        self.exchange = OpenExchange(number, began)
        self._emit(
            ExchangeStarted(
                time=time.time(),
                endpoint=self.endpoint,
                exchange=number,
                connection=self._number,
                probe=name,
                payload=payload,
                reason=reason,
                tunnel="ssl" if tunnel else "",
                continues=self._last_exchange if continues else 0,
                by_hand=by_hand,
            )
        )
        self._last_exchange = number
        await self.send(payload)

    async def send(self, payload: bytes) -> None:
        """Send more in the exchange under way; see `begin_exchange` for failures."""
        if payload or self.endpoint.protocol == "udp":
            with suppress(ConnectionEndedError, OSError):
                await self._open_connection.send(payload)

    async def receive(self, timeout_ms: float) -> bytes:
        """Return the next bytes, waiting until so long after the exchange began.

        Raises:
            TimeoutError: none came in time.
            ConnectionEndedError: the other side ended the connection.
            OSError: it failed otherwise.
        """
        exchange = self.open_exchange
        remaining = timeout_ms / 1000 - self.elapsed
        try:
            data = await self._open_connection.receive(max(0.0, remaining))
        except ConnectionEndedError as error:
            if self.endpoint.protocol == "udp":
                self._tell_state(error)
            raise
        self._emit(
            BytesReceived(
                time=time.time(), endpoint=self.endpoint, exchange=exchange.number, data=data
            )
        )
        if self.endpoint.protocol == "udp":
            self._is_open("udp-response")
        return data

    def end_exchange(self, ending: Ending) -> None:
        """End the exchange under way."""
        exchange, self.exchange = self.open_exchange, None
        self._emit(
            ExchangeEnded(
                time=time.time(),
                endpoint=self.endpoint,
                exchange=exchange.number,
                ending=ending,
                tried=exchange.tried,
            )
        )

    def forget_time(self, seconds: float) -> None:
        """Let so much time not count for the exchange under way, if there is one."""
        if self.exchange is not None:
            self.exchange.started += seconds

    async def disconnect(self, reason: str) -> None:
        """Close the connection, if one is open."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        await connection.close()
        self._emit(
            ConnectionClosed(
                time=time.time(),
                endpoint=self.endpoint,
                connection=self._number,
                reason=reason,
            )
        )

    @property
    def elapsed(self) -> float:
        """Seconds since the exchange under way began."""
        return asyncio.get_running_loop().time() - self.open_exchange.started

    @property
    def open_exchange(self) -> OpenExchange:
        """The exchange under way.

        Raises:
            RuntimeError: there is none; the caller is at fault.
        """
        if self.exchange is None:
            raise RuntimeError("no exchange is under way")
        return self.exchange

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("no connection is open")
        return self._connection


def tell_match(
    emit: Callable[[RuleFired], None],
    endpoint: Endpoint,
    exchange: OpenExchange,
    result: MatchResult,
    length: int,
) -> None:
    """Take note of what matching so many bytes of an exchange's response came to."""
    exchange.tried = result.tried
    if result.match is not None:
        emit(
            RuleFired(
                time=time.time(),
                endpoint=endpoint,
                exchange=exchange.number,
                match=result.match,
                length=length,
            )
        )


def _state_told_by(error: Exception, protocol: Protocol) -> tuple[PortState, str] | None:
    """The state of a port, and the reason, as port discovery would have it."""
    if isinstance(error, TimeoutError):
        return PortState.FILTERED, "no-response"
    if isinstance(error, ConnectionEndedError):
        refusal = "conn-refused" if protocol == "tcp" else "port-unreach"
        return (PortState.CLOSED, refusal) if error.was_reset else None
    reason = _UNREACHABLE.get(getattr(error, "errno", None) or 0)
    return None if reason is None else (PortState.FILTERED, reason)


def _connect_failure(error: Exception, *, tunnel: bool, timeout_ms: int) -> str:
    what = "the TLS handshake" if tunnel else "the connection"
    if isinstance(error, TimeoutError):
        return f"{what} took longer than {timeout_ms / 1000:g} s"
    if isinstance(error, ConnectionEndedError):
        return f"{what} was {'refused' if error.was_reset else 'closed'} by the other side"
    if isinstance(error, ssl.SSLError):
        return f"the TLS handshake failed: {error.reason or error}"
    return f"{what} failed: {getattr(error, 'strerror', None) or error}"
