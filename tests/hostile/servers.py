"""Servers that mean harm, or are merely broken: a table of small behaviours, on loopback.

Run as a program it serves them in a process of its own, so that what they hold
is not counted as the scanner's: it prints one line of JSON, a port for each name,
and goes on until its standard input ends.  Those that never stop to talk have
another process, so that the others get their word in.
"""

import asyncio
import json
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.farm.servers import make_certificate

HOST = "127.0.0.1"
MEGABYTE = 1024 * 1024
_PATIENCE = 30.0
_LINGER_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Caller:
    """One connection from the scanner."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def asked(self) -> bytes:
        """Wait for the first bytes of a question."""
        async with asyncio.timeout(_PATIENCE):
            return await self.reader.read(4096)

    async def say(self, data: bytes) -> None:
        """Send all of it."""
        self.writer.write(data)
        async with asyncio.timeout(_PATIENCE):
            await self.writer.drain()

    async def hold(self) -> None:
        """Read until the other side ends."""
        async with asyncio.timeout(_PATIENCE):
            while await self.reader.read(65536):
                pass

    def reset(self) -> None:
        """End it without a goodbye."""
        handle = self.writer.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)
        self.writer.transport.abort()


Behaviour = Callable[[Caller], Awaitable[None]]


def says(banner: bytes) -> Behaviour:
    """Greet with these bytes, and listen."""

    async def behave(caller: Caller) -> None:
        await caller.say(banner)
        await caller.hold()

    return behave


def answers(answer: bytes, *, ends: bool = False) -> Behaviour:
    """Answer every question with these bytes."""

    async def behave(caller: Caller) -> None:
        while await caller.asked():
            await caller.say(answer)
            if ends:
                return

    return behave


def http(*headers: bytes) -> Behaviour:
    """Answer as a web server with these header lines."""
    return answers(b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"", b"<html></html>"]), ends=True)


async def endless(caller: Caller) -> None:
    """Never stop to talk."""
    while True:
        await caller.say(b"A" * 65536)


async def endless_lines(caller: Caller) -> None:
    """Never stop, and each line looks like a greeting."""
    while True:
        await caller.say(b"220 \x1b[31mno end\r\n" * 3000)


async def endless_answer(caller: Caller) -> None:
    """Never stop, once asked."""
    await caller.asked()
    await endless(caller)


async def byte_by_byte(caller: Caller) -> None:
    """Say something, one byte a second."""
    for byte in b"220 very slow indeed\r\n":
        await caller.say(bytes([byte]))
        await asyncio.sleep(1.0)


async def byte_by_byte_http(caller: Caller) -> None:
    """Answer one byte a second."""
    await caller.asked()
    for byte in b"HTTP/1.1 200 OK\r\nServer: slow\r\n\r\n":
        await caller.say(bytes([byte]))
        await asyncio.sleep(1.0)


async def hundred_megabytes(caller: Caller) -> None:
    """Say 100 MB at once."""
    await caller.say(b"\x00\xff\x1b]" * (100 * MEGABYTE // 4))


async def hundred_megabytes_of_headers(caller: Caller) -> None:
    """Announce 100 MB, and send them."""
    await caller.asked()
    await caller.say(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(100):
        await caller.say(b"x" * MEGABYTE)


async def resets_at_once(caller: Caller) -> None:
    """Reset as soon as connected."""
    caller.reset()


async def resets_mid_answer(caller: Caller) -> None:
    """Reset in the middle of an answer."""
    await caller.asked()
    await caller.say(b"HTTP/1.1 200 OK\r\nServer: ha")
    caller.reset()


async def resets_mid_banner(caller: Caller) -> None:
    """Reset in the middle of a greeting."""
    await caller.say(b"220 I am ab")
    caller.reset()


async def closes_at_once(caller: Caller) -> None:
    """End as soon as connected."""


async def silent(caller: Caller) -> None:
    """Say nothing."""
    await caller.hold()


async def half_open(caller: Caller) -> None:
    """Say that nothing more will be sent, and stay."""
    caller.writer.write_eof()
    await caller.hold()


async def never_reads(caller: Caller) -> None:
    """Take nothing, say nothing, never end."""
    await asyncio.sleep(_PATIENCE)


async def echoes(caller: Caller) -> None:
    """Say what was said."""
    while data := await caller.asked():
        await caller.say(data)


async def doubles(caller: Caller) -> None:
    """Say twice what was said."""
    while data := await caller.asked():
        await caller.say(data * 2)


# What looks like TLS


def record(kind: int, body: bytes) -> bytes:
    """A TLS record (RFC 5246, section 6.2.1)."""
    return struct.pack(">BHH", kind, 0x0303, len(body)) + body


def handshake(kind: int, body: bytes, announced: int | None = None) -> bytes:
    """A handshake message (RFC 5246, section 7.4)."""
    return bytes([kind]) + (len(body) if announced is None else announced).to_bytes(3) + body


SERVER_HELLO = handshake(2, b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2f" + b"\x00")
RUBBISH = bytes(range(256)) * 4


def tls_then(*records: bytes) -> Behaviour:
    """Answer a hello with these records, then hold the connection."""

    async def behave(caller: Caller) -> None:
        await caller.asked()
        for each in records:
            await caller.say(each)
        await caller.hold()

    return behave


def _certificates(size: int) -> list[bytes]:
    one = b"\x30\x83" + (65000).to_bytes(3) + bytes(65000)
    chain = (len(one).to_bytes(3) + one) * (size // len(one))
    message = handshake(11, len(chain).to_bytes(3) + chain)
    return [record(22, message[at : at + 16384]) for at in range(0, len(message), 16384)]


async def long_chain(caller: Caller) -> None:
    """Send a chain of certificates of 10 MB."""
    await caller.asked()
    await caller.say(record(22, SERVER_HELLO))
    for each in _certificates(10 * MEGABYTE):
        await caller.say(each)
    await caller.hold()


async def endless_records(caller: Caller) -> None:
    """Send warnings without end, as TLS records."""
    await caller.asked()
    while True:
        await caller.say(record(21, b"\x01\x5a") * 1000)


async def hello_byte_by_byte(caller: Caller) -> None:
    """Send a hello, one byte a second."""
    await caller.asked()
    for byte in record(22, SERVER_HELLO):
        await caller.say(bytes([byte]))
        await asyncio.sleep(1.0)


# Words that mean something elsewhere

ESCAPES = b"\x1b[2J\x1b[31m\x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x1bP0;1|17/ab\x1b\\\x9b31m"
BIDI = "abc\u202egnp.exe\u202c \u2066\u2069\u200b\u200d\ufeff\u061c".encode()
XML = b"</service><script>alert(1)</script><!-- ]]> \x00\x08\x0c & \" ' &#x1b;"
FORMULA = b"=cmd|' /C calc'!A0\",\"+1+1\n@SUM(1)\t-2"
MARKUP = b"[bold red]x[/bold red][link=file:///etc/passwd]y[/link][/][@click=app.quit]q[/]\\["

TCP: dict[str, Behaviour] = {
    "endless": endless,
    "endless lines": endless_lines,
    "endless answer": endless_answer,
    "a byte a second": byte_by_byte,
    "an answer, a byte a second": byte_by_byte_http,
    "100 MB at once": hundred_megabytes,
    "100 MB of body": hundred_megabytes_of_headers,
    "resets at once": resets_at_once,
    "resets mid-answer": resets_mid_answer,
    "resets mid-greeting": resets_mid_banner,
    "closes at once": closes_at_once,
    "silent": silent,
    "half-open": half_open,
    "never reads": never_reads,
    "echo": echoes,
    "double echo": doubles,
    "TLS rubbish": tls_then(RUBBISH),
    "TLS rubbish records": tls_then(record(22, RUBBISH), record(23, RUBBISH)),
    "TLS hello, then nothing": tls_then(record(22, SERVER_HELLO)),
    "TLS hello, then rubbish": tls_then(record(22, SERVER_HELLO), record(22, RUBBISH)),
    "TLS hello, announced too long": tls_then(record(22, handshake(2, b"\x03\x03", 0xFFFFFF))),
    "TLS half a record": tls_then(record(22, SERVER_HELLO)[:20]),
    "TLS alert": tls_then(record(21, b"\x02\x28")),
    "TLS warnings without end": endless_records,
    "TLS hello, a byte a second": hello_byte_by_byte,
    "TLS chain of 10 MB": long_chain,
    "TLS empty certificate": tls_then(
        record(22, SERVER_HELLO), record(22, handshake(11, bytes(3)))
    ),
    "TLS record of no length": tls_then(record(22, b"") * 500),
    "SSL 2 rubbish": tls_then(b"\x80\xff\x04" + RUBBISH),
    "escapes in a greeting": says(b"220 " + ESCAPES + b"\r\n"),
    "escapes in a header": http(b"Server: " + ESCAPES),
    "escapes only": says(ESCAPES * 500),
    "markup in a greeting": says(b"220 " + MARKUP + b"\r\n"),
    "markup in a header": http(b"Server: " + MARKUP),
    "bidi in a greeting": says(b"220 " + BIDI + b"\r\n"),
    "bidi in a header": http(b"Server: " + BIDI),
    "NULs": says(bytes(5000)),
    "NULs in a greeting": says(b"220 a\x00b\x00\x00c\r\n"),
    "invalid UTF-8": says(b"220 \xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\r\n"),
    "invalid UTF-8 in a header": http(b"Server: \xc3\x28\xa0\xa1\xf0\x28\x8c\xbc"),
    "XML in a greeting": says(b"220 " + XML + b"\r\n"),
    "XML in a header": http(b"Server: " + XML),
    "a formula in a greeting": says(b"220 " + FORMULA + b"\r\n"),
    "a formula in a header": http(b"Server: =1+1"),
    "separators of grepable": says(b"220 a/b|c,d//e\tPorts: 1/open\r\n"),
    "10,000 header lines": http(*[b"X-%d: %d" % (n, n) for n in range(10_000)]),
    "one header of 1 MB": http(b"Server: " + b"s" * MEGABYTE),
    "line ends only": says(b"\r\n" * 20_000),
    "a greeting without an end": says(b"220 " + b"x" * 30_000),
    "every byte": says(b"220 " + bytes(range(256)) + b"\r\n"),
    "redirects to itself": http(b"Location: http://127.0.0.1/\x1b[0m", b"Server: loop"),
    "negative length": http(b"Content-Length: -1", b"Server: minus"),
    "an RPC record without an end": answers(b"\x80\xff\xff\xff" + bytes(200)),
}
"""By name; each is called for every connection."""


Datagrams = Callable[[asyncio.DatagramTransport, bytes, tuple[str, int]], None]


def _flood(transport: asyncio.DatagramTransport, data: bytes, address: tuple[str, int]) -> None:
    for _ in range(2000):
        transport.sendto(b"flood " + bytes(1300), address)


def _largest(transport: asyncio.DatagramTransport, data: bytes, address: tuple[str, int]) -> None:
    for _ in range(20):
        transport.sendto(bytes(60_000), address)


def _from_elsewhere(
    transport: asyncio.DatagramTransport, data: bytes, address: tuple[str, int]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.sendto(b"from another port", address)


def _empty(transport: asyncio.DatagramTransport, data: bytes, address: tuple[str, int]) -> None:
    for _ in range(50):
        transport.sendto(b"", address)


def _replies(answer: bytes) -> Datagrams:
    def reply(transport: asyncio.DatagramTransport, data: bytes, address: tuple[str, int]) -> None:
        transport.sendto(answer, address)

    return reply


UDP: dict[str, Datagrams] = {
    "UDP flood": _flood,
    "UDP flood of large datagrams": _largest,
    "UDP from another port": _from_elsewhere,
    "UDP empty datagrams": _empty,
    "UDP escapes": _replies(b"hello " + ESCAPES),
    "UDP XML": _replies(b"hello " + XML),
    "UDP every byte": _replies(b"hello " + bytes(range(256))),
}


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, behaviour: Datagrams) -> None:
        self._behaviour = behaviour

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._behaviour(self._transport, data, addr)


def _tls_servers(folder: Path) -> dict[str, tuple[Behaviour, ssl.SSLContext]]:
    made = make_certificate(folder)
    if made is None:
        return {}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*made)
    return {
        "inside TLS: endless": (endless, context),
        "inside TLS: escapes": (says(b"220 " + ESCAPES + b"\r\n"), context),
        "inside TLS: resets mid-answer": (resets_mid_answer, context),
        "inside TLS: silent": (silent, context),
    }


LOUD = frozenset(
    {
        *("endless", "endless lines", "endless answer", "100 MB at once", "100 MB of body"),
        *("TLS warnings without end", "TLS chain of 10 MB", "inside TLS: endless"),
        *("UDP flood", "UDP flood of large datagrams"),
    }
)


async def _serve(folder: Path, *, loud: bool) -> None:
    ports: dict[str, tuple[str, int]] = {}
    servers: list[object] = []

    async def start(name: str, behaviour: Behaviour, context: ssl.SSLContext | None) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(OSError, TimeoutError, asyncio.CancelledError):
                await behaviour(Caller(reader, writer))
            with suppress(OSError):
                writer.close()

        server = await asyncio.start_server(serve, HOST, 0, ssl=context)
        servers.append(server)
        ports[name] = ("tcp", server.sockets[0].getsockname()[1])

    behaviours = {name: (behaviour, None) for name, behaviour in TCP.items()}
    for name, (behaviour, context) in {**behaviours, **_tls_servers(folder)}.items():
        if (name in LOUD) is loud:
            await start(name, behaviour, context)
    loop = asyncio.get_running_loop()
    for name, datagrams in UDP.items():
        if (name in LOUD) is not loud:
            continue
        transport, _ = await loop.create_datagram_endpoint(
            lambda datagrams=datagrams: _Receiver(datagrams), local_addr=(HOST, 0)
        )
        servers.append(transport)
        ports[name] = ("udp", transport.get_extra_info("sockname")[1])
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def serving() -> Iterator[dict[str, tuple[str, int]]]:
    """All of them in processes of their own: protocol and port by name."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.servers", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for kind in ("loud", "others")
    ]
    try:
        ports: dict[str, tuple[str, int]] = {}
        for process in processes:
            told = json.loads(process.stdout.readline())
            ports.update({name: (protocol, number) for name, (protocol, number) in told.items()})
        yield ports
    finally:
        for process in processes:
            process.kill()
            process.communicate()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_serve(Path(name), loud=sys.argv[1] == "loud"))
