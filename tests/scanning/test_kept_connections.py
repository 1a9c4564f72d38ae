"""The connection that found a port open is the first of its interrogation."""

import asyncio
import socket
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.scanning.loopback import echo, hang_up, says, silent, tcp_server
from tests.scanning.playbook import databases
from tests.scanning.test_engine import RULES, Recorder
from vscan_tui.events import (
    ConnectionFailed,
    ConnectionOpened,
    Endpoint,
    InterrogationStarted,
    Outcome,
    PortFound,
)
from vscan_tui.scanning.discovery import kept_connections as module
from vscan_tui.scanning.discovery.discovery import Discovery
from vscan_tui.scanning.discovery.kept_connections import KeptConnections
from vscan_tui.scanning.discovery.timing import timing
from vscan_tui.scanning.engine import Scan, ScanSettings
from vscan_tui.scanning.targets.hosts import TargetList
from vscan_tui.scanning.targets.names import resolve_name
from vscan_tui.scanning.targets.port_table import build_port_table
from vscan_tui.scanning.targets.portspec import PortSelection, to_ranges
from vscan_tui.scanning.transport.sockets import AsyncioTransport

ENDPOINT = Endpoint("127.0.0.1", "tcp", 1)
OTHER = Endpoint("127.0.0.1", "tcp", 2)


@pytest.fixture
def pair():
    """A connection as port discovery has it, and its other end."""
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


def keeping(*handles, most=8):
    kept = KeptConnections()
    kept.accept(most)
    for endpoint, handle in zip((ENDPOINT, OTHER), handles, strict=False):
        assert kept.keep(endpoint, handle, 0.5)
    return kept


def is_closed(handle):
    return handle.fileno() == -1


# What is kept


def test_a_connection_is_given_away_once(pair):
    kept = keeping(pair[0])
    assert ENDPOINT in kept
    taken = kept.take(ENDPOINT)
    assert taken.handle is pair[0]
    assert (taken.seconds, taken.has_spoken) == (0.5, False)
    assert 0 <= taken.age <= module.KEPT_SECONDS
    assert ENDPOINT not in kept
    assert kept.take(ENDPOINT) is None


def test_bytes_that_wait_are_told_of_and_left_to_be_read(pair):
    near, far = pair
    far.sendall(b"hello")
    assert keeping(near).take(ENDPOINT).has_spoken
    assert near.recv(100) == b"hello"


def test_nothing_is_kept_before_it_is_wanted_nor_more_than_is_wanted(pair):
    kept = KeptConnections()
    assert not kept.keep(ENDPOINT, pair[0], 0.0)
    kept.accept(1)
    assert kept.keep(ENDPOINT, pair[0], 0.0)
    assert not kept.keep(OTHER, pair[1], 0.0)
    assert not any(map(is_closed, pair))  # what is not kept is the caller's


@pytest.mark.parametrize("parting", [b"", b"bye"])
def test_one_that_the_other_side_ended_is_used_only_for_what_it_said(pair, parting):
    near, far = pair
    far.sendall(parting)
    far.close()
    taken = keeping(near).take(ENDPOINT)
    assert (taken is not None, is_closed(near)) == (bool(parting), not parting)


def test_one_that_waited_too_long_is_closed(pair, monkeypatch):
    kept = keeping(pair[0])
    monkeypatch.setattr(module, "KEPT_SECONDS", -1.0)
    assert kept.take(ENDPOINT) is None
    assert is_closed(pair[0])


def test_all_are_closed_when_none_is_wanted_any_more(pair):
    kept = keeping(*pair)
    kept.drop(ENDPOINT)
    kept.drop(ENDPOINT)
    assert list(map(is_closed, pair)) == [True, False]
    kept.refuse()
    assert is_closed(pair[1])
    assert not kept.keep(ENDPOINT, pair[0], 0.0)


# Whole scans


class Server:
    """Counts the connections of a script."""

    def __init__(self, script):
        self.connections = 0
        self.most_at_a_time = self._now = 0
        self._script = script

    async def __call__(self, reader, writer):
        self.connections += 1
        self._now += 1
        self.most_at_a_time = max(self.most_at_a_time, self._now)
        try:
            await self._script(reader, writer)
        finally:
            self._now -= 1


def scan_of(*endpoints, pace="eager", rules=RULES, **choices):
    kept = KeptConnections()
    discovery = Discovery(
        TargetList(["127.0.0.1"], [], resolve=resolve_name),
        PortSelection(to_ranges(sorted(endpoint.port for endpoint in endpoints))),
        timing=timing(4),
        port_table=build_port_table("test", []),
        on_open=kept.keep,
    )
    settings = ScanSettings(
        "vscan test", (), 7, **{"parallel_interrogations": 4, **choices}, pace=pace
    )
    return Scan(settings, databases(rules), discovery, AsyncioTransport(), connections=kept)


async def scanned(script, **choices):
    """Scan a server; returns it, what was recorded, and the port."""
    server, recorder = Server(script), Recorder()
    async with tcp_server(server) as endpoint, asyncio.timeout(30):
        await scan_of(endpoint, **choices).run(recorder)
        await asyncio.sleep(0)
    [port] = recorder.store.ports.values()
    return server, recorder, port


def opened(recorder):
    return [event for event in recorder.events if isinstance(event, ConnectionOpened)]


@pytest.mark.parametrize(("pace", "expected"), [("eager", 1), ("polite", 2)])
async def test_a_service_that_greets_sees_one_connection(pace, expected):
    server, recorder, port = await scanned(says(b"SSH-2.0-x\r\n"), pace=pace)
    assert port.outcome is Outcome.HARD_MATCH
    assert server.connections == expected
    [connection] = opened(recorder)
    assert (connection.kept_for is not None) == (pace == "eager")


@pytest.mark.parametrize("script", [echo, silent])
async def test_other_services_see_the_connections_of_their_interrogation_only(script):
    server, recorder, _ = await scanned(script)
    assert server.connections == len(opened(recorder))
    first, *others = [event.kept_for for event in opened(recorder)]
    assert first is not None
    assert others == [None] * len(others)
    assert not any(isinstance(event, ConnectionFailed) for event in recorder.events)


async def test_a_connection_of_port_discovery_begins_when_it_was_made():
    _, recorder, port = await scanned(says(b"SSH-2.0-x\r\n"))
    [found] = [event for event in recorder.events if isinstance(event, PortFound)]
    assert port.connections[1].opened <= found.time <= port.exchanges[0].started


async def test_a_server_that_ends_after_its_first_client_is_identified():
    gone = asyncio.Event()

    async def only_once(reader, writer):
        if gone.is_set():
            writer.transport.abort()
            return
        gone.set()
        writer.write(b"SSH-2.0-x\r\n")
        await reader.read()

    _, _, port = await scanned(only_once)
    assert port.outcome is Outcome.HARD_MATCH
    _, _, port = await scanned(only_once, pace="polite")
    assert port.outcome is not Outcome.HARD_MATCH


async def test_who_hangs_up_is_wrapped_whichever_connection_told_it():
    rules = RULES.replace("match ssh", "tcpwrappedms 200\nmatch ssh")
    _, _, port = await scanned(hang_up, rules=rules)
    assert port.outcome is Outcome.TCPWRAPPED


async def test_an_excluded_port_is_let_go():
    server, recorder = Server(silent), Recorder()
    async with tcp_server(server) as endpoint, asyncio.timeout(30):
        rules = f"Exclude T:{endpoint.port}\n{RULES}"
        scan = scan_of(endpoint, rules=rules)
        await scan.run(recorder)
        assert not opened(recorder)
        assert endpoint not in scan._kept
    [port] = recorder.store.ports.values()
    assert port.outcome is Outcome.EXCLUDED


@asynccontextmanager
async def crowd_scanned(script):
    """Scan many servers, one at a time, until the end of the context; all are kept that can be."""
    recorder = Recorder()
    async with asyncio.timeout(30), AsyncExitStack() as stack:
        endpoints = [await stack.enter_async_context(tcp_server(script)) for _ in range(12)]
        # The first port takes its time, so that the turn of the last is far.
        scan = scan_of(*endpoints, parallel_interrogations=1, min_wait=4.0)
        scan._most_kept = len(endpoints)
        running = asyncio.create_task(scan.run(recorder))
        await until(lambda: len(recorder.store.ports) == len(endpoints))
        try:
            yield scan, recorder, [each for each in endpoints if each in scan._kept]
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


async def until(is_so):
    while not is_so():
        await asyncio.sleep(0.001)


async def test_one_that_is_far_from_its_turn_is_closed(monkeypatch):
    monkeypatch.setattr("vscan_tui.scanning.engine.KEPT_SECONDS", 0.02)
    left = set()

    async def leaving(reader, writer):
        assert not await reader.read()
        left.add(writer.get_extra_info("sockname")[1])

    async with crowd_scanned(leaving) as (_, recorder, waiting):
        late = {endpoint.port for endpoint in waiting[-6:]}
        await until(lambda: late <= left)
        begun = [event for event in recorder.events if isinstance(event, InterrogationStarted)]
        assert late.isdisjoint(event.endpoint.port for event in begun)


async def test_none_is_kept_while_the_scan_is_paused():
    async with crowd_scanned(silent) as (scan, _, waiting):
        assert waiting
        scan.pause()
        assert not any(endpoint in scan._kept for endpoint in waiting)


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
async def test_no_descriptor_is_left_open_by_a_scan_that_is_interrupted(monkeypatch):
    monkeypatch.setattr("vscan_tui.scanning.engine.KEPT_SECONDS", 60)

    def descriptors():
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    before = descriptors()
    async with crowd_scanned(silent) as (scan, _, waiting):
        assert waiting
        assert descriptors() > before
    async with asyncio.timeout(30):
        await until(lambda: descriptors() <= before)
    assert scan is not None  # it lives on, so that nothing was closed for want of an owner
