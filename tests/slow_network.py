"""A slow and lossy network of its own, with twenty services at its far end.

    python -m tests.slow_network --delay 100 --loss 0.01 COMMAND...

makes two network namespaces, joins them by a relay that holds every packet back
and drops some, starts the services in one and runs the command in the other; the
services are at `FAR`, on the ports of `SERVICES`.  The relay is a program here and
not `tc netem`, because many kernels come without that.  Linux only; where
namespaces are not permitted, the exit status is `NOT_PERMITTED`.
"""

import argparse
import asyncio
import ctypes
import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from itertools import count

NEAR, FAR = "10.77.0.1", "10.77.0.2"
NOT_PERMITTED = 77
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_TUN, _NO_PACKET_INFORMATION, _SET_INTERFACE = 0x0001, 0x1000, 0x400454CA

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def greets(banner: bytes, after: float = 0.0) -> Serve:
    """A service that speaks first."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(after)
        writer.write(banner)
        await reader.read()

    return serve


def answers(start: bytes, answer: bytes) -> Serve:
    """A service that answers what begins so, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read(4096)
        if asked.startswith(start):
            writer.write(answer)
            await writer.drain()

    return serve


def page(server: bytes) -> Serve:
    """A web server of that name."""
    head = b"HTTP/1.0 200 OK\r\nServer: " + server + b"\r\nContent-Type: text/html\r\n"
    return answers(b"GET", head + b"\r\n" + b"<p>hello</p>" * 200)


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


SERVICES: dict[int, Serve] = {
    1001: greets(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n"),
    1002: greets(b"SSH-2.0-dropbear_2022.83\r\n"),
    1003: greets(b"220 (vsFTPd 3.0.3)\r\n"),
    1004: greets(b"220 mail.example ESMTP Postfix\r\n"),
    1005: greets(b"220 mail.example ESMTP Exim 4.96 Thu, 01 Jan 2026 00:00:00 +0000\r\n"),
    1006: greets(b"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n"),
    1007: greets(b"@RSYNCD: 31.0\n"),
    1008: greets(b"RFB 003.008\n"),
    1009: greets(b"SSH-1.99-OpenSSH_3.9p1\r\n"),
    1010: greets(b"220 mail.example ESMTP Postfix\r\n", after=5.0),
    1011: greets(b"SSH-2.0-OpenSSH_8.4p1 Debian-5\r\n", after=1.0),
    1012: page(b"nginx/1.22.1"),
    1013: page(b"Apache/2.4.57 (Debian)"),
    1014: page(b"lighttpd/1.4.69"),
    1015: page(b"Caddy"),
    1016: page(b"SimpleHTTP/0.6 Python/3.11.2"),
    1017: answers(b"OPTIONS", b"RTSP/1.0 200 OK\r\nServer: GStreamer RTSP server\r\n\r\n"),
    1018: answers(b"HELP", b"nobody knows this\r\n"),
    1019: answers(b"never", b""),
    1020: _silent,
}


def main() -> int:
    """Make the network, run the command in it, and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--delay", type=float, default=100.0, help="there and back, milliseconds")
    parser.add_argument("--loss", type=float, default=0.0, help="of packets each way, 0 to 1")
    parser.add_argument(
        "--lost-at",
        default="",
        help="the first packet with this text, and all later ones, are lost",
    )
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if not _unshare():
        print("network namespaces are not permitted here", file=sys.stderr)
        return NOT_PERMITTED
    ours, theirs = socket.socketpair()
    child = os.fork()
    if not child:
        ours.close()
        _be_the_far_end(theirs)
    theirs.close()
    try:
        near = _tunnel(NEAR)
        _, [far], _, _ = socket.recv_fds(ours, 1, 1)
        relay = threading.Thread(
            target=_relay,
            args=(near, far, arguments.delay / 2000, arguments.loss, arguments.lost_at.encode()),
            daemon=True,
        )
        relay.start()
        command = [word for word in arguments.command if word != "--"]
        return subprocess.run(command, check=False).returncode
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def _unshare() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.unshare(_NEW_NET) == 0 or libc.unshare(_NEW_USER | _NEW_NET) == 0


def _tunnel(address: str) -> int:
    """Make a network interface whose packets are read from and written to a descriptor."""
    tunnel = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", b"tun0", _TUN | _NO_PACKET_INFORMATION)
    fcntl.ioctl(tunnel, _SET_INTERFACE, request)
    for words in (
        ("link", "set", "lo", "up"),
        ("address", "add", f"{address}/24", "dev", "tun0"),
        ("link", "set", "tun0", "up"),
    ):
        subprocess.run(["ip", *words], check=True)
    return tunnel


def _be_the_far_end(parent: socket.socket) -> None:
    """Serve in a namespace of our own, to the end of the process."""
    try:
        _unshare()
        tunnel = _tunnel(FAR)
        asyncio.run(_serve(parent, tunnel))
    finally:
        os._exit(1)


async def _serve(parent: socket.socket, tunnel: int) -> None:
    def ended(serve: Serve) -> Serve:
        async def until_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.close()

        return until_the_end

    for port, serve in SERVICES.items():
        await asyncio.start_server(ended(serve), FAR, port)
    socket.send_fds(parent, [b"!"], [tunnel])
    await asyncio.Event().wait()


def _relay(near: int, far: int, delay: float, loss: float, lost_at: bytes) -> None:
    """Carry packets from one end to the other, late and not all, and at last none."""
    is_gone = False
    chance = random.Random(1)
    waiting: list[tuple[float, int, int, bytes]] = []
    order = count()
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        ready, _, _ = select.select([near, far], [], [], pause)
        now = time.monotonic()
        for source in ready:
            packet = os.read(source, 65536)
            is_gone |= bool(lost_at) and lost_at in packet
            if chance.random() >= loss and not is_gone:
                target = far if source == near else near
                heapq.heappush(waiting, (now + delay, next(order), target, packet))
        while waiting and waiting[0][0] <= now:
            _, _, target, packet = heapq.heappop(waiting)
            os.write(target, packet)


if __name__ == "__main__":
    sys.exit(main())
