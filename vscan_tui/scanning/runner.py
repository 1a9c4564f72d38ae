"""Carries out what an interrogation decides, on real connections, and reports it as events."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from vscan_tui.events import (
    BytesReceived,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionOpened,
    Decided,
    Ending,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    InterrogationStarted,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    RuleFired,
    Warned,
)
from vscan_tui.matching.matcher import MatchResult
from vscan_tui.probedb.combined import CombinedProbe
from vscan_tui.scanning import interrogation as machine
from vscan_tui.scanning.transport import Connection, ConnectionEndedError, Transport

Emit = Callable[[Event], None]
MatchFunction = Callable[[CombinedProbe, bytes], Awaitable[MatchResult]]
Gate = Callable[[], Awaitable[object]]
"""Awaited before each action that the other side would notice; holds while the scan is paused."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the interrogation of every port shares."""

    transport: Transport
    match: MatchFunction
    emit: Emit
    gate: Gate


@dataclass(slots=True)
class _OpenExchange:
    number: int
    started: float
    """On the event loop's clock."""
    tried: int = 0


class PortRunner:
    """Interrogates one port."""

    def __init__(
        self,
        surroundings: Surroundings,
        interrogation: machine.Interrogation,
        endpoint: Endpoint,
        *,
        state: PortState,
        server_name: str,
    ) -> None:
        """Be ready to run.

        Args:
            surroundings: transport, matching and where events go.
            interrogation: the machine, not yet begun.
            endpoint: the port.
            state: open, or for UDP perhaps open|filtered until it answers.
            server_name: the name that the user gave for the host; empty for none.
        """
        self._surroundings = surroundings
        self._interrogation = interrogation
        self._endpoint = endpoint
        self._state = state
        self._server_name = server_name
        self._connection: Connection | None = None
        self._connections = 0
        self._exchange: _OpenExchange | None = None
        self._exchanges = 0
        self._is_finished = False

    async def run(self) -> None:
        """Interrogate to the end.  If cancelled, `stop` reports what was found."""
        self._emit(InterrogationStarted(time=time.time(), endpoint=self._endpoint))
        try:
            await self._carry_out_all(self._interrogation.begin())
        finally:
            if self._connection is not None:
                await self._connection.close()

    def stop(self, reason: str) -> None:
        """Report the port as it stands; does nothing once the verdict is out."""
        if self._is_finished:
            return
        if self._exchange is not None:
            self._end_exchange(Ending.STOPPED)
        for action in self._interrogation.stop(Outcome.STOPPED, reason):
            if isinstance(action, machine.Finish):
                self._decided(action)
                self._finish(action)

    def _decided(self, action: machine.Action) -> None:
        self._emit(
            Decided(
                time=time.time(),
                endpoint=self._endpoint,
                action=describe(action),
                reason=action.reason,
            )
        )

    def _emit(self, event: Event) -> None:
        self._surroundings.emit(event)

    async def _carry_out_all(self, actions: list[machine.Action]) -> None:
        pending = deque(actions)
        while pending:
            happening = await self._carry_out(pending.popleft())
            if happening is not None:
                pending.extend(self._interrogation.handle(happening))

    async def _carry_out(self, action: machine.Action) -> machine.Happening | None:
        if isinstance(action, machine.Connect | machine.Send):
            await self._surroundings.gate()
        if not isinstance(action, machine.MatchResponse | machine.EndExchange | machine.Warn):
            self._decided(action)
        match action:
            case machine.Connect():
                return await self._connect(action)
            case machine.Send():
                await self._send(action)
            case machine.Listen():
                return await self._listen(action)
            case machine.MatchResponse():
                return await self._match(action)
            case machine.EndExchange():
                self._end_exchange(action.ending)
            case machine.Disconnect():
                await self._disconnect(action.reason)
            case machine.Warn():
                self._emit(Warned(time=time.time(), endpoint=self._endpoint, message=action.reason))
            case machine.Finish():
                self._finish(action)
        return None

    async def _connect(self, action: machine.Connect) -> machine.Happening:
        self._connections += 1
        began = asyncio.get_running_loop().time()
        try:
            self._connection = await self._surroundings.transport.connect(
                self._endpoint,
                tunnel=action.tunnel,
                server_name=self._server_name,
                within=action.timeout_ms / 1000,
            )
        except (TimeoutError, ConnectionEndedError, OSError) as error:
            reason = _connect_failure(error, action)
            self._emit(
                ConnectionFailed(
                    time=time.time(),
                    endpoint=self._endpoint,
                    connection=self._connections,
                    reason=reason,
                )
            )
            return machine.ConnectFailed(reason)
        self._emit(
            ConnectionOpened(
                time=time.time(),
                endpoint=self._endpoint,
                connection=self._connections,
                seconds=asyncio.get_running_loop().time() - began,
                tls=self._connection.tls,
            )
        )
        return machine.Connected()

    async def _send(self, action: machine.Send) -> None:
        self._exchanges += 1
        self._exchange = _OpenExchange(self._exchanges, asyncio.get_running_loop().time())
        self._emit(
            ExchangeStarted(
                time=time.time(),
                endpoint=self._endpoint,
                exchange=self._exchanges,
                connection=self._connections,
                probe=action.probe.name,
                payload=action.probe.payload,
                reason=action.reason,
                tunnel="ssl" if self._interrogation.tunnel else "",
                continues=self._exchanges - 1 if action.continues else 0,
            )
        )
        if action.probe.is_null:
            return
        # If this fails, listening meets the same error, after what is still to be read.
        with suppress(ConnectionEndedError, OSError):
            await self._open_connection.send(action.probe.payload)

    async def _listen(self, action: machine.Listen) -> machine.Happening:
        exchange = self._open_exchange
        clock = asyncio.get_running_loop().time
        remaining = exchange.started + action.timeout_ms / 1000 - clock()
        try:
            data = await self._open_connection.receive(max(0.0, remaining))
        except TimeoutError:
            return machine.TimedOut()
        except ConnectionEndedError as error:
            elapsed_ms = (clock() - exchange.started) * 1000
            return machine.Closed(elapsed_ms, was_reset=error.was_reset)
        except OSError as error:
            return machine.Failed(error.errno or 0, error.strerror or str(error))
        now = time.time()
        self._emit(
            BytesReceived(time=now, endpoint=self._endpoint, exchange=exchange.number, data=data)
        )
        if self._state is PortState.OPEN_OR_FILTERED:
            self._state = PortState.OPEN
            self._emit(
                PortFound(
                    time=now,
                    endpoint=self._endpoint,
                    state=PortState.OPEN,
                    reason="udp-response",
                )
            )
        return machine.Received(data)

    async def _match(self, action: machine.MatchResponse) -> machine.Happening:
        exchange = self._open_exchange
        result = await self._surroundings.match(action.probe, action.response)
        exchange.tried = result.tried
        if result.match is not None:
            self._emit(
                RuleFired(
                    time=time.time(),
                    endpoint=self._endpoint,
                    exchange=exchange.number,
                    match=result.match,
                    length=len(action.response),
                )
            )
        return machine.Matched(result.match)

    def _end_exchange(self, ending: Ending) -> None:
        exchange = self._open_exchange
        self._exchange = None
        self._emit(
            ExchangeEnded(
                time=time.time(),
                endpoint=self._endpoint,
                exchange=exchange.number,
                ending=ending,
                tried=exchange.tried,
            )
        )

    async def _disconnect(self, reason: str) -> None:
        connection, self._connection = self._open_connection, None
        await connection.close()
        self._emit(
            ConnectionClosed(
                time=time.time(),
                endpoint=self._endpoint,
                connection=self._connections,
                reason=reason,
            )
        )

    def _finish(self, action: machine.Finish) -> None:
        self._is_finished = True
        self._emit(
            PortFinished(
                time=time.time(),
                endpoint=self._endpoint,
                outcome=action.outcome,
                service=action.service,
            )
        )

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise machine.ProtocolError("no connection is open")
        return self._connection

    @property
    def _open_exchange(self) -> _OpenExchange:
        if self._exchange is None:
            raise machine.ProtocolError("no exchange is open")
        return self._exchange


def describe(action: machine.Action) -> str:
    """An action in a few words, such as `send GetRequest`."""
    match action:
        case machine.Connect():
            return "connect inside TLS" if action.tunnel else "connect"
        case machine.Send():
            return f"send {action.probe.name}" if action.probe.payload else "send nothing"
        case machine.Listen():
            return f"listen up to {action.timeout_ms / 1000:g} s"
        case machine.MatchResponse():
            return f"match {len(action.response)} bytes"
        case machine.EndExchange():
            return f"end the exchange: {action.ending}"
        case machine.Disconnect():
            return "disconnect"
        case machine.Warn():
            return "warn"
        case machine.Finish():
            return f"finish: {action.outcome}"


def _connect_failure(error: Exception, action: machine.Connect) -> str:
    what = "the TLS handshake" if action.tunnel else "the connection"
    if isinstance(error, TimeoutError):
        return f"{what} took longer than {action.timeout_ms / 1000:g} s"
    if isinstance(error, ConnectionEndedError):
        return f"{what} was {'refused' if error.was_reset else 'closed'} by the other side"
    if isinstance(error, ssl.SSLError):
        return f"the TLS handshake failed: {error.reason or error}"
    return f"{what} failed: {getattr(error, 'strerror', None) or error}"
