"""Answers that UDP ports gave to port discovery, so that nobody is asked twice.

Port discovery sends the probes that list a port.  Where a rule matches such an
answer hard, the probe is not sent once more: its exchange is what discovery
received.  An answer that decides nothing is forgotten, since discovery read
only one datagram of it, and there may be more.
Source: nmap-behaviour.md, "Sequencing for one port", UDP.
"""

import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from vscan_tui.events import Endpoint
from vscan_tui.scanning.transport.sockets import Connection, Transport

Decides = Callable[[bytes, bytes], Awaitable[bool]]
"""Told a payload and the answer to it: whether a rule matches that hard."""

_MOST_KEPT = 4_096


class _Answer(NamedTuple):
    payload: bytes
    data: bytes


class KeptAnswers:
    """The latest few thousand answers, one for each port."""

    def __init__(self) -> None:
        """Hold none yet."""
        self._answers: OrderedDict[Endpoint, _Answer] = OrderedDict()

    def keep(self, endpoint: Endpoint, payload: bytes, data: bytes) -> None:
        """Take an answer; it takes the place of an earlier one."""
        if payload and data:
            self._answers[endpoint] = _Answer(payload, data)
            if len(self._answers) > _MOST_KEPT:
                self._answers.popitem(last=False)

    def take(self, endpoint: Endpoint, payload: bytes) -> bytes:
        """Return the port's answer to this payload, once; nothing if there is none."""
        answer = self._answers.get(endpoint)
        if answer is None or answer.payload != payload:
            return b""
        return self._answers.pop(endpoint).data


class AnsweredTransport:
    """A transport on which what was asked already is not asked again: a `Transport`."""

    def __init__(self, transport: Transport, answers: KeptAnswers, decides: Decides) -> None:
        """Use another transport for all that there is no decisive answer to."""
        self._transport = transport
        self._answers = answers
        self._decides = decides

    async def connect(
        self, endpoint: Endpoint, *, tunnel: bool, server_name: str, within: float
    ) -> Connection:
        """See `Transport.connect`."""
        connection = await self._transport.connect(
            endpoint, tunnel=tunnel, server_name=server_name, within=within
        )
        if endpoint.protocol != "udp":
            return connection
        return _Answered(connection, endpoint, self._answers, self._decides)

    async def adopt(self, handle: socket.socket) -> Connection:
        """See `Transport.adopt`."""
        return await self._transport.adopt(handle)

    async def turn(self) -> None:
        """See `Transport.turn`."""
        await self._transport.turn()

    async def leave(self) -> None:
        """See `Transport.leave`."""
        await self._transport.leave()


class _Answered:
    """A UDP socket that may have an answer before it asks: a `Connection`."""

    def __init__(
        self, connection: Connection, endpoint: Endpoint, answers: KeptAnswers, decides: Decides
    ) -> None:
        self.tls = connection.tls
        self._connection = connection
        self._endpoint = endpoint
        self._answers = answers
        self._decides = decides
        self._data = b""

    async def send(self, payload: bytes) -> None:
        data = self._answers.take(self._endpoint, payload)
        if data and await self._decides(payload, data):
            self._data = data
        else:
            await self._connection.send(payload)

    async def receive(self, within: float) -> bytes:
        if self._data:
            data, self._data = self._data, b""
            return data
        return await self._connection.receive(within)

    async def close(self) -> None:
        await self._connection.close()
