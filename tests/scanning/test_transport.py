"""Real sockets on loopback: what arrives, how connections end, and that nothing is lost."""

import asyncio
import select
import shutil
import socket

import pytest

from tests.scanning.loopback import (
    certificate,
    echo,
    hang_up,
    reset,
    says,
    silent,
    tcp_server,
    udp_server,
)
from vscan_tui.events import Endpoint
from vscan_tui.scanning.transport import farewell
from vscan_tui.scanning.transport.sockets import (
    MAX_UNREAD_BYTES,
    AsyncioTransport,
    ConnectionEndedError,
)

LONG = 20.0
SHORT = 0.05

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")
needs_ipv6 = pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")


async def connect(endpoint, *, tunnel=False, within=LONG):
    return await AsyncioTransport().connect(endpoint, tunnel=tunnel, server_name="", within=within)


async def receive_all(connection, length):
    data = b""
    while len(data) < length:
        data += await connection.receive(LONG)
    return data


async def test_a_banner_is_received():
    async with tcp_server(says(b"hello\r\n")) as endpoint:
        connection = await connect(endpoint)
        assert await connection.receive(LONG) == b"hello\r\n"
        await connection.close()


async def test_what_is_sent_arrives():
    async with tcp_server(echo) as endpoint:
        connection = await connect(endpoint)
        await connection.send(b"\x00\xff payload")
        assert await receive_all(connection, 10) == b"\x00\xff payload"
        await connection.close()


async def test_a_socket_that_is_connected_already_is_gone_on_with():
    async def greet_and_echo(reader, writer):
        writer.write(b"hello")
        await echo(reader, writer)

    async with tcp_server(greet_and_echo) as endpoint:
        handle = socket.socket()
        handle.setblocking(False)
        await asyncio.get_running_loop().sock_connect(handle, (endpoint.address, endpoint.port))
        while not select.select([handle], [], [], 0)[0]:
            await asyncio.sleep(0)
        connection = await AsyncioTransport().adopt(handle)
        assert await connection.receive(LONG) == b"hello"
        await connection.send(b"again")
        assert await receive_all(connection, 5) == b"again"
        await connection.close()


async def test_silence_ends_in_a_timeout_and_loses_nothing_that_comes_later():
    async with tcp_server(echo) as endpoint:
        connection = await connect(endpoint)
        with pytest.raises(TimeoutError):
            await connection.receive(SHORT)
        await connection.send(b"late")
        assert await receive_all(connection, 4) == b"late"
        await connection.close()


async def test_a_close_is_told_after_the_bytes_before_it():
    async def script(reader, writer):
        writer.write(b"bye")

    async with tcp_server(script) as endpoint:
        connection = await connect(endpoint)
        assert await receive_all(connection, 3) == b"bye"
        with pytest.raises(ConnectionEndedError) as ended:
            await connection.receive(LONG)
        assert not ended.value.was_reset
        await connection.close()


async def test_hanging_up_is_a_close():
    async with tcp_server(hang_up) as endpoint:
        connection = await connect(endpoint)
        with pytest.raises(ConnectionEndedError) as ended:
            await connection.receive(LONG)
        assert not ended.value.was_reset
        await connection.close()


async def test_a_reset_is_told_from_a_close():
    async with tcp_server(reset) as endpoint:
        connection = await connect(endpoint)
        await connection.send(b"x")
        with pytest.raises(ConnectionEndedError) as ended:
            await connection.receive(LONG)
        assert ended.value.was_reset
        await connection.close()


async def test_a_closed_port_refuses():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = Endpoint("127.0.0.1", "tcp", unused.getsockname()[1])
        with pytest.raises(ConnectionEndedError):
            await connect(endpoint)


async def test_endless_data_is_held_back_until_it_is_asked_for():
    sent = 0

    async def script(reader, writer):
        nonlocal sent
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with tcp_server(script) as endpoint:
        connection = await connect(endpoint)
        before = -1
        while sent != before:  # until the kernel's buffers are full and nothing moves
            before = sent
            await asyncio.sleep(0.2)
        chunk = await connection.receive(LONG)
        assert len(chunk) < 8 * MAX_UNREAD_BYTES
        assert sent < 64 * 1024 * 1024
        await connection.close()


async def test_datagrams_come_one_by_one():
    async with udp_server(lambda data: [b"one " + data, b"two"]) as endpoint:
        connection = await connect(endpoint)
        await connection.send(b"q")
        assert await connection.receive(LONG) == b"one q"
        assert await connection.receive(LONG) == b"two"
        await connection.close()


async def test_a_closed_udp_port_is_told_by_its_refusal():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = Endpoint("127.0.0.1", "udp", unused.getsockname()[1])
    connection = await connect(endpoint)
    await connection.send(b"anyone?")
    with pytest.raises(ConnectionEndedError):
        await connection.receive(LONG)
    await connection.close()


async def test_a_datagram_that_was_refused_does_not_spoil_the_socket():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        endpoint = Endpoint("127.0.0.1", "udp", gone.getsockname()[1])
    connection = await connect(endpoint)
    await connection.send(b"anyone?")
    with pytest.raises(ConnectionEndedError):
        await connection.receive(LONG)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
        back.bind((endpoint.address, endpoint.port))
        back.settimeout(LONG)
        await connection.send(b"again")
        data, sender = back.recvfrom(100)
        back.sendto(b"here", sender)
        assert (data, await connection.receive(LONG)) == (b"again", b"here")
    await connection.close()


@needs_ipv6
async def test_ipv6_works_as_ipv4():
    async with tcp_server(says(b"six"), address="::1") as endpoint:
        connection = await connect(endpoint)
        assert await connection.receive(LONG) == b"six"
        await connection.close()


@needs_openssl
async def test_tls_carries_both_ways_and_tells_what_was_agreed(tmp_path):
    async with tcp_server(echo, tls=certificate(tmp_path)) as endpoint:
        connection = await connect(endpoint, tunnel=True)
        assert connection.tls is not None
        assert connection.tls.version.startswith("TLSv1")
        assert connection.tls.certificate
        await connection.send(b"secret")
        assert await receive_all(connection, 6) == b"secret"
        with pytest.raises(TimeoutError):
            await connection.receive(SHORT)
        await connection.close()


@needs_openssl
@pytest.mark.parametrize("resumes_tls", [True, False])
async def test_the_tls_session_is_reused_for_the_next_connection_if_wanted(tmp_path, resumes_tls):
    async with tcp_server(echo, tls=certificate(tmp_path)) as endpoint:
        transport = AsyncioTransport(resumes_tls=resumes_tls)
        resumed = []
        for _ in range(2):
            connection = await transport.connect(endpoint, tunnel=True, server_name="", within=LONG)
            await connection.send(b"x")
            await connection.receive(LONG)
            resumed.append(connection.tls.resumed)
            await connection.close()
        assert resumed == [False, resumes_tls]


@needs_openssl
async def test_one_read_takes_all_records_that_have_arrived(tmp_path):
    async def script(reader, writer):
        await reader.read(1)
        for _ in range(5):
            writer.write(b"x" * 1000)
        await writer.drain()
        await reader.read()

    async with tcp_server(script, tls=certificate(tmp_path)) as endpoint:
        connection = await connect(endpoint, tunnel=True)
        await connection.send(b"?")
        while connection._plain._inbox.size < 5000:
            await asyncio.sleep(0.01)
        assert await connection.receive(LONG) == b"x" * 5000
        await connection.close()


@needs_openssl
async def test_a_tunnel_that_ends_without_a_goodbye_is_closed_all_the_same(tmp_path):
    async def script(reader, writer):
        writer.write(b"cut")
        await writer.drain()
        await reader.read(1)
        handle = writer.get_extra_info("socket")
        handle.shutdown(socket.SHUT_WR)
        await asyncio.sleep(LONG)

    async with tcp_server(script, tls=certificate(tmp_path)) as endpoint:
        connection = await connect(endpoint, tunnel=True)
        assert await connection.receive(LONG) == b"cut"
        await connection.send(b"!")
        with pytest.raises(ConnectionEndedError) as ended:
            await connection.receive(LONG)
        assert not ended.value.was_reset
        await connection.close()


@needs_openssl
async def test_a_banner_inside_tls_is_received(tmp_path):
    async with tcp_server(says(b"220 inside\r\n"), tls=certificate(tmp_path)) as endpoint:
        connection = await connect(endpoint, tunnel=True)
        assert await connection.receive(LONG) == b"220 inside\r\n"
        await connection.close()


async def test_a_server_without_tls_fails_the_handshake():
    async with tcp_server(says(b"220 plain text here\r\n")) as endpoint:
        with pytest.raises(OSError, match=r"(?i)ssl|tls|wrong"):
            await connect(endpoint, tunnel=True)


async def test_a_handshake_that_is_never_answered_times_out():
    async with tcp_server(silent) as endpoint:
        with pytest.raises(TimeoutError):
            await connect(endpoint, tunnel=True, within=SHORT)


async def heard_out(writer, *, lines):
    """Answer so many lines; what became of it."""
    try:
        for _ in range(lines):
            writer.write(b"an answer that nobody reads\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)
    except ConnectionError as error:
        return repr(error)
    return "heard out"


async def test_a_server_that_answers_after_we_have_ended_is_heard_out():
    """Who writes to a connection that is gone is reset, and many programs die of the signal."""
    asked, outcome = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def slow_writer(reader, writer):
        await reader.readexactly(1)
        asked.set()
        await reader.read()  # until we have ended
        outcome.set_result(await heard_out(writer, lines=20))

    async with tcp_server(slow_writer) as endpoint:
        transport = AsyncioTransport()
        connection = await transport.connect(endpoint, tunnel=False, server_name="", within=LONG)
        await connection.send(b"?")
        await asked.wait()
        await connection.close()
        assert await outcome == "heard out"
        await transport.leave()


async def test_a_connection_that_may_wait_behind_another_of_ours_is_heard_out(monkeypatch):
    monkeypatch.setattr(farewell, "FAREWELL_SECONDS", 0.5)
    turn, outcome = asyncio.Lock(), asyncio.get_running_loop().create_future()

    async def one_at_a_time(reader, writer):
        async with turn:
            if not await reader.read():
                return
            outcome.set_result(await heard_out(writer, lines=5))

    async with tcp_server(one_at_a_time) as endpoint:
        transport = AsyncioTransport()
        first = await transport.connect(endpoint, tunnel=False, server_name="", within=LONG)
        second = await transport.connect(endpoint, tunnel=False, server_name="", within=LONG)
        await second.send(b"?")
        await second.close()
        await asyncio.sleep(0.7)
        await first.close()
        assert await outcome == "heard out"
        await transport.leave()


async def test_a_server_that_never_ends_is_left_all_the_same():
    async def chatter(reader, writer):
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async def deaf(reader, writer):
        await asyncio.sleep(LONG)

    for script in (chatter, deaf):
        async with tcp_server(script) as endpoint:
            transport = AsyncioTransport()
            connection = await transport.connect(
                endpoint, tunnel=False, server_name="", within=LONG
            )
            await connection.close()
            await asyncio.wait_for(transport.leave(), LONG)
