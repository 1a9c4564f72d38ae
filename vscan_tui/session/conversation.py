"""What was sent and what came back on one connection, in order.

An exchange may go on from the one before on the same connection; its response
then begins with what came during that one.  A conversation puts the payloads
back between the parts of the response.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vscan_tui.session.store import Exchange, Port


class Direction(StrEnum):
    """Which way bytes went."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a response, or one datagram."""

    number: int
    """From 1, in its exchange."""
    offset: int
    """Of its first byte in the response."""
    length: int
    time: float
    """Seconds since the Unix epoch."""
    seconds: float
    """Since the payload of its exchange was sent."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange of a conversation: a payload, and the bytes that came after it."""

    exchange: Exchange
    sent: tuple[int, int]
    """Its place in all that was sent."""
    begin: int
    """Where the bytes that came after it begin, in the response of the last exchange."""


class Conversation:
    """All exchanges on the connection of one, up to that one, as far as it goes on from them."""

    def __init__(self, exchange: Exchange, before: tuple[Exchange, ...] = ()) -> None:
        """Put exchanges in order.

        Args:
            exchange: the one that is asked for; it may still be under way.
            before: those whose response it goes on from, the oldest first.
        """
        self.exchange = exchange
        turns: list[Turn] = []
        at = 0
        for member in (*before, exchange):
            end = at + len(member.payload)
            turns.append(Turn(member, (at, end), member.carried if turns else 0))
            at = end
        self.turns = tuple(turns)
        self.sent = b"".join(turn.exchange.payload for turn in turns)

    @property
    def received(self) -> bytearray:
        """The response, which may still grow."""
        return self.exchange.response

    def data(self, direction: Direction) -> bytes | bytearray:
        """Return all bytes that went one way."""
        return self.sent if direction is Direction.SENT else self.received

    def end(self, turn: Turn) -> int:
        """Return where the bytes of a turn end in the response."""
        number = self.turns.index(turn) + 1
        return self.turns[number].begin if number < len(self.turns) else len(self.received)

    def turn_at(self, direction: Direction, offset: int) -> Turn:
        """Return the turn in which a byte was sent or received."""
        if direction is Direction.SENT:
            return next((turn for turn in self.turns if offset < turn.sent[1]), self.turns[-1])
        return next(turn for turn in reversed(self.turns) if turn.begin <= max(offset, 0))

    def read_at(self, offset: int) -> Read | None:
        """Return the read that brought a byte of the response."""
        turn = self.turn_at(Direction.RECEIVED, offset)
        chunks = turn.exchange.chunks
        number = bisect_right(chunks, offset, key=lambda chunk: chunk.offset)
        if not number:
            return None
        chunk = chunks[number - 1]
        seconds = chunk.time - turn.exchange.started
        return Read(number, chunk.offset, chunk.length, chunk.time, seconds)

    def reads_from(self, start: int, end: int) -> Iterator[Read]:
        """Yield the reads that begin in a range of the response, in order."""
        for turn in self.turns:
            if turn.begin >= end:
                break
            chunks = turn.exchange.chunks
            number = bisect_right(chunks, start - 1, key=lambda chunk: chunk.offset)
            last = min(end, self.end(turn))
            while number < len(chunks) and chunks[number].offset < last:
                chunk = chunks[number]
                number += 1
                seconds = chunk.time - turn.exchange.started
                yield Read(number, chunk.offset, chunk.length, chunk.time, seconds)


def conversation(port: Port, exchange: Exchange) -> Conversation:
    """Collect the exchanges that one goes on from."""
    before: list[Exchange] = []
    first = exchange
    while 1 <= first.continues < first.number <= len(port.exchanges) + 1:
        first = port.exchange(first.continues)
        before.append(first)
    return Conversation(exchange, tuple(reversed(before)))
