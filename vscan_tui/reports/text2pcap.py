"""One exchange as a hexdump that Wireshark's text2pcap turns into a capture.

Every read and every payload is a packet: a line with its direction (`I` for what
came in, `O` for what went out) and its time, then lines of offset and bytes.  A
new packet begins where the offset is zero again; lines that begin with `#` are
comments.  Source: text2pcap(1) of Wireshark 4.0, whose options `-D` and `-t ISO`
read the first line; measured with it: `-T`, `-u`, `-4` and `-6` name the source of
what came in first, and are turned round for what went out.
"""

import ipaddress
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from vscan_tui.reports.dates import whole_seconds
from vscan_tui.session.conversation import Conversation, Direction, conversation
from vscan_tui.session.notation import BYTES_PER_LINE
from vscan_tui.session.store import Exchange, Port
from vscan_tui.session.wording import printable

LARGEST_SEGMENT = 16_384
"""Bytes of a TCP packet; a longer read becomes several, since no IP packet could hold it."""
LARGEST_DATAGRAM = 65_507
"""Bytes that a UDP datagram over IPv4 can hold."""
OUR_PORT = 49_152
"""Ours is not recorded: the first of those that are nobody's (RFC 6335, section 6)."""
_OUR_IPV4, _OUR_IPV6 = "192.0.2.1", "2001:db8::1"
"""Ours is not recorded: addresses for documentation (RFC 5737, RFC 3849)."""


@dataclass(frozen=True, slots=True)
class Packet:
    """Bytes that went one way at one time."""

    direction: Direction
    time: float
    """Seconds since the Unix epoch."""
    data: bytes


def packets(talk: Conversation) -> Iterator[Packet]:
    """Yield what was sent and received, in order; an exchange that goes on from others with them.

    Args:
        talk: the exchange with those before it on its connection.
    """
    for turn in talk.turns:
        if turn.exchange.payload:
            yield Packet(Direction.SENT, turn.exchange.started, turn.exchange.payload)
        end = talk.end(turn)
        for read in talk.reads_from(turn.begin, end):
            data = talk.received[read.offset : min(read.offset + read.length, end)]
            yield Packet(Direction.RECEIVED, read.time, bytes(data))


def command(port: Port, file: str) -> str:
    """Return the command that makes a capture of an exported file.

    Args:
        port: that was asked.
        file: its name; `-` for standard input.
    """
    capture = "capture.pcapng" if file == "-" else f"{file}.pcapng"
    try:
        address = ipaddress.ip_address(port.endpoint.address.partition("%")[0])
    except ValueError:  # a damaged journal
        address = ipaddress.IPv4Address(_OUR_IPV4)
    ours: str = _OUR_IPV4 if address.version == 4 else _OUR_IPV6
    if address.is_loopback:
        ours = str(address)
    kind = "-T" if port.endpoint.protocol == "tcp" else "-u"
    words = [
        "text2pcap", "-D", "-t", "ISO", kind, f"{port.endpoint.port},{OUR_PORT}",
        f"-{address.version}", f"{address},{ours}", file, capture,
    ]  # fmt: skip
    return shlex.join(words)


def render(port: Port, exchange: Exchange, file: str = "FILE") -> Iterator[str]:
    """Yield the lines of an exchange, with line ends.

    Args:
        port: that was asked.
        exchange: one of its exchanges.
        file: the name that the lines will have, for the command in the first of them.
    """
    probe = printable(exchange.probe)
    inside = ", inside TLS: these are the bytes before they were encrypted"
    yield f"# {port.endpoint}, exchange {exchange.number}, probe {probe}"
    yield f"{inside if exchange.tunnel else ''}\n"
    yield f"# {printable(command(port, file))}\n"
    most = LARGEST_SEGMENT if port.endpoint.protocol == "tcp" else LARGEST_DATAGRAM
    for packet in packets(conversation(port, exchange)):
        letter = "O" if packet.direction is Direction.SENT else "I"
        for start in range(0, len(packet.data), most):
            yield f"\n{letter} {_time(packet.time)}\n"
            yield from _lines(packet.data[start : start + most])


def _lines(data: bytes) -> Iterator[str]:
    for offset in range(0, len(data), BYTES_PER_LINE):
        yield f"{offset:06x} {data[offset : offset + BYTES_PER_LINE].hex(' ')}\n"


def _time(moment: float) -> str:
    whole = whole_seconds(moment)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    micro = min(999_999, round((moment - whole) * 1_000_000)) if whole else 0
    return f"{text}.{micro:06d}Z"
