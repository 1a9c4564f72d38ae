"""Port discovery against real sockets on loopback."""

import asyncio
import contextlib
import errno
import pathlib
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vscan_tui.events import (
    DiscoveryProgressed,
    Endpoint,
    HostFinished,
    HostFound,
    HostNamed,
    HostState,
    PortFound,
    PortsScanned,
    PortState,
    ScanPlanned,
    Warned,
)
from vscan_tui.scanning.discovery import prober as module
from vscan_tui.scanning.discovery.discovery import Discovery
from vscan_tui.scanning.discovery.timing import timing
from vscan_tui.scanning.discovery.verdicts import VERDICTS
from vscan_tui.scanning.targets.hosts import TargetList
from vscan_tui.scanning.targets.names import ReverseResolver
from vscan_tui.scanning.targets.port_table import Entry, build_port_table
from vscan_tui.scanning.targets.portspec import PortSelection, to_ranges
from vscan_tui.scanning.transport.rate import RateLimit

TABLE = build_port_table("a table", [Entry("known", "tcp", 22, 0.5)])
LOOPBACK = "127.0.0.1"
QUICK = 5

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux drops what a full backlog cannot take"
)


async def resolve(name):
    return {"named.example": (LOOPBACK, "127.0.0.9")}.get(name, ())


def new_discovery(
    tcp=(), udp=(), *, targets=(LOOPBACK,), template=QUICK, table=TABLE, **choices: object
):
    return Discovery(
        TargetList(targets, resolve=resolve),
        PortSelection(to_ranges(tcp), to_ranges(udp)),
        timing=timing(template),
        port_table=table,
        **choices,
    )


async def discover(*ports: object, **choices: object):
    events = []
    async with asyncio.timeout(60):
        await new_discovery(*ports, **choices).run(events.append)
    return events


def verdicts(events):
    """Return {(address, protocol, port): (state, reason)}; no port may have two."""
    found = {}
    for event in events:
        if isinstance(event, PortFound):
            endpoint = event.endpoint
            ports = [(endpoint.address, endpoint.protocol, endpoint.port)]
        elif isinstance(event, PortsScanned):
            ports = [
                (event.address, event.protocol, port)
                for first, last in event.ports
                for port in range(first, last + 1)
            ]
        else:
            continue
        for port in ports:
            assert port not in found
            found[port] = (str(event.state), event.reason)
    return found


def of_type(events, kind):
    return [event for event in events if isinstance(event, kind)]


async def until(is_so):
    """Wait until something is so, for half a minute at most."""
    for _ in range(3000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    pytest.fail("waited in vain")


@contextlib.contextmanager
def listening(count=1, *, family=socket.AF_INET, address=LOOPBACK):
    """Listen on so many ports that the system chooses; yields the port numbers."""
    with contextlib.ExitStack() as stack:
        handles = [stack.enter_context(socket.socket(family)) for _ in range(count)]
        for handle in handles:
            handle.bind((address, 0))
            handle.listen(64)
        yield [handle.getsockname()[1] for handle in handles]


@contextlib.contextmanager
def reserved(count=1, kind=socket.SOCK_STREAM, family=socket.AF_INET, address=LOOPBACK):
    """Hold ports on which nothing listens, so that nobody else gets them meanwhile."""
    with contextlib.ExitStack() as stack:
        handles = [stack.enter_context(socket.socket(family, kind)) for _ in range(count)]
        for handle in handles:
            handle.bind((address, 0))
            if kind == socket.SOCK_DGRAM:
                handle.connect((address, 9))  # takes datagrams from nobody else
        yield [handle.getsockname()[1] for handle in handles]


async def test_a_connection_that_is_taken_over_stays_open_and_no_other_does():
    taken = {}

    def take(endpoint, handle, seconds):
        assert seconds >= 0
        taken[endpoint.port] = handle
        return endpoint.port == wanted

    with listening(5) as ports, reserved(50) as closed:
        wanted = ports[2]
        found = verdicts(await discover(sorted(ports + closed), on_open=take))
        assert [state for state, _ in found.values()].count("open") == 5
        assert sorted(taken) == sorted(ports)
        assert [port for port, handle in taken.items() if handle.fileno() != -1] == [wanted]
        with taken[wanted] as handle:
            assert handle.getpeername()[1] == wanted
            assert not handle.getblocking()
            handle.send(b"still there")


@contextlib.contextmanager
def silent_port():
    """Yield a port that does not answer: its backlog is full, and nobody accepts."""
    with contextlib.ExitStack() as stack:
        handle = stack.enter_context(socket.socket())
        handle.bind((LOOPBACK, 0))
        handle.listen(0)
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.settimeout(0.2)
            client.connect_ex(handle.getsockname())
        yield handle.getsockname()[1]


@contextlib.contextmanager
def udp_service(answer):
    """Serve UDP with a function from datagram to answer; yields the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        handle.bind((LOOPBACK, 0))
        port = handle.getsockname()[1]

        def serve():
            while True:
                data, peer = handle.recvfrom(65535)
                if data == b"that is all":
                    return
                reply = answer(data)
                if reply is not None:
                    handle.sendto(reply, peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield port
        handle.sendto(b"that is all", handle.getsockname())
        thread.join(10)


async def test_open_and_closed_ports_are_told_apart():
    with listening(3) as opened, reserved(5) as closed:
        found = verdicts(await discover([*opened, *closed]))
    assert found == {
        **{(LOOPBACK, "tcp", port): ("open", "syn-ack") for port in opened},
        **{(LOOPBACK, "tcp", port): ("closed", "conn-refused") for port in closed},
    }


async def test_an_open_port_is_told_with_its_name_and_its_latency():
    with listening() as [port]:
        table = build_port_table("a table", [Entry("mine", "tcp", port, 0.5)])
        [found] = of_type(await discover([port], table=table), PortFound)
    assert found.endpoint == Endpoint(LOOPBACK, "tcp", port)
    assert found.table_name == "mine"
    assert found.latency is not None
    assert found.latency > 0


async def test_every_port_of_a_large_range_gets_one_verdict():
    ports = range(1, 8001)
    events = await discover(ports)
    assert len(verdicts(events)) == len(ports)
    assert of_type(events, ScanPlanned)[0].hosts == 1
    assert of_type(events, ScanPlanned)[0].ports == len(ports)
    progress = of_type(events, DiscoveryProgressed)
    assert [event.done for event in progress] == sorted(event.done for event in progress)
    assert (progress[-1].done, progress[-1].total) == (len(ports), len(ports))
    assert len(of_type(events, PortsScanned)) < 10


async def test_ports_that_are_closed_tell_how_soon_the_host_answers():
    with reserved(2) as ports, silent_port() as silent:
        events = await discover([*ports, silent])
    latency = {str(event.state): event.latency for event in of_type(events, PortsScanned)}
    assert latency["closed"] > 0
    assert latency["filtered"] is None


@pytest.mark.parametrize("in_sequence", [False, True])
async def test_common_ports_are_looked_at_first_unless_they_are_wanted_in_sequence(in_sequence):
    with listening(2) as opened:
        first, last = sorted(opened)
        table = build_port_table("a table", [Entry("common", "tcp", last, 0.5)])
        events = await discover([first, last], table=table, template=2, in_sequence=in_sequence)
    order = [event.endpoint.port for event in of_type(events, PortFound)]
    assert order == ([first, last] if in_sequence else [last, first])


async def test_a_service_that_resets_at_once_is_open_all_the_same():
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen(16)
        ending = threading.Event()

        def serve():
            while True:
                client, _ = server.accept()
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                if ending.is_set():
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        for _ in range(20):
            assert verdicts(await discover([port])) == {
                (LOOPBACK, "tcp", port): ("open", "syn-ack")
            }
        ending.set()
        socket.create_connection((LOOPBACK, port)).close()
        thread.join(10)


async def test_ipv6_loopback_is_scanned():
    try:
        context = listening(family=socket.AF_INET6, address="::1")
        with context as [port], reserved(family=socket.AF_INET6, address="::1") as [closed]:
            found = verdicts(await discover([port, closed], targets=["::1"]))
    except OSError:
        pytest.skip("this system has no IPv6")
    assert found == {
        ("::1", "tcp", port): ("open", "syn-ack"),
        ("::1", "tcp", closed): ("closed", "conn-refused"),
    }


@linux_only
async def test_a_port_that_does_not_answer_is_filtered():
    with silent_port() as silent, reserved() as [closed]:
        found = verdicts(await discover([silent, closed]))
    assert found == {
        (LOOPBACK, "tcp", silent): ("filtered", "no-response"),
        (LOOPBACK, "tcp", closed): ("closed", "conn-refused"),
    }


class MeetsItself(socket.socket):
    """Uses the port that it connects to, as the system sometimes does on loopback."""

    def connect_ex(self, address):
        with contextlib.suppress(OSError):
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind(address)
        return super().connect_ex(address)

    def connect(self, address):
        with contextlib.suppress(OSError):
            self.bind(address)
        return super().connect(address)


async def test_a_connection_that_meets_itself_is_no_open_port(monkeypatch):
    with reserved() as [port]:
        pass
    monkeypatch.setattr(module.socket, "socket", MeetsItself)
    events = await discover([port])
    assert verdicts(events) == {(LOOPBACK, "tcp", port): ("closed", "conn-refused")}


async def test_a_datagram_that_meets_itself_is_no_answer(monkeypatch):
    with reserved(kind=socket.SOCK_DGRAM) as [port]:
        pass
    monkeypatch.setattr(module.socket, "socket", MeetsItself)
    events = await discover([], [port])
    assert verdicts(events) == {(LOOPBACK, "udp", port): ("closed", "port-unreach")}


async def test_udp_ports_are_open_closed_or_perhaps_open():
    with reserved(kind=socket.SOCK_DGRAM) as [closed]:
        pass
    answers = []
    with (
        udp_service(lambda data: b"you said " + data) as speaking,
        udp_service(lambda _: None) as mute,
    ):
        events = await discover(
            [],
            [speaking, mute, closed],
            payloads={speaking: [b"hello"]},
            on_answer=lambda *answer: answers.append(answer),
        )
    assert verdicts(events) == {
        (LOOPBACK, "udp", speaking): ("open", "udp-response"),
        (LOOPBACK, "udp", mute): ("open|filtered", "no-response"),
        (LOOPBACK, "udp", closed): ("closed", "port-unreach"),
    }
    assert answers == [(Endpoint(LOOPBACK, "udp", speaking), b"hello", b"you said hello")]


async def test_all_payloads_of_a_udp_port_are_tried_and_the_answered_one_is_known():
    answers = []
    payloads = [b"one", b"two", b"three", b"four"]
    with udp_service(lambda data: b"yes" if data == b"four" else None) as port:
        events = await discover(
            [], [port], payloads={port: payloads}, on_answer=lambda *a: answers.append(a)
        )
    assert verdicts(events) == {(LOOPBACK, "udp", port): ("open", "udp-response")}
    assert answers == [(Endpoint(LOOPBACK, "udp", port), b"four", b"yes")]


async def test_a_udp_port_without_payload_gets_an_empty_datagram():
    with udp_service(lambda data: b"%d" % len(data)) as port:
        answers = []
        await discover([], [port], on_answer=lambda *a: answers.append(a))
    assert answers == [(Endpoint(LOOPBACK, "udp", port), b"", b"0")]


async def test_loopback_is_up_without_being_asked():
    [host] = of_type(await discover([1]), HostFound)
    assert (host.state, host.reason) == (HostState.UP, "localhost-response")


async def test_hosts_are_taken_for_up_when_the_user_says_so():
    [host] = of_type(await discover([1], assume_up=True), HostFound)
    assert (host.state, host.reason) == (HostState.UP, "user-set")


@pytest.fixture
def strangers(monkeypatch):
    """Own addresses are looked for like those of other hosts."""
    monkeypatch.setattr(module, "_is_own_address", lambda *_: False)


@pytest.mark.usefixtures("strangers")
async def test_a_host_that_accepts_or_refuses_is_up(monkeypatch):
    with reserved(2) as refusing, listening(1) as accepting:
        monkeypatch.setattr(module, "HOST_DISCOVERY_PORTS", refusing)
        refused = await discover([*refusing, *accepting])
        monkeypatch.setattr(module, "HOST_DISCOVERY_PORTS", accepting)
        accepted = await discover([*refusing, *accepting])
    for events, reason in ((refused, "conn-refused"), (accepted, "syn-ack")):
        [host] = of_type(events, HostFound)
        assert (host.state, host.reason) == (HostState.UP, reason)
        assert host.latency is not None
        assert len(verdicts(events)) == 3


@linux_only
@pytest.mark.usefixtures("strangers")
async def test_a_host_that_does_not_answer_is_down_and_not_scanned(monkeypatch):
    with silent_port() as silent, listening(1) as [opened]:
        monkeypatch.setattr(module, "HOST_DISCOVERY_PORTS", [silent])
        events = await discover([opened])
    [host] = of_type(events, HostFound)
    assert (host.state, host.reason) == (HostState.DOWN, "no-response")
    assert verdicts(events) == {}
    assert of_type(events, DiscoveryProgressed)[-1].done == 1


async def test_many_hosts_are_looked_at_a_few_at_a_time(monkeypatch):
    most = 0
    begin = module.Prober._begin

    def counted(self, target):
        nonlocal most
        begin(self, target)
        most = max(most, len(self._hosts))

    monkeypatch.setattr(module.Prober, "_begin", counted)
    try:
        context = listening(address="127.0.0.77")
        with context as [port]:
            events = await discover([port], targets=["127.0.0.0/24"], template=3)
    except OSError:
        pytest.skip("this system has one loopback address only")
    found = verdicts(events)
    assert len(found) == 256
    assert [key[0] for key, verdict in found.items() if verdict[0] == "open"] == ["127.0.0.77"]
    assert len(of_type(events, HostFound)) == 256
    assert most <= timing(3).parallel_hosts


async def test_a_name_is_told_with_its_other_addresses():
    [host] = of_type(await discover([1], targets=["named.example"]), HostFound)
    assert (host.address, host.name) == (LOOPBACK, "named.example")
    assert host.other_addresses == ("127.0.0.9",)


async def test_an_unknown_name_is_told_and_the_others_are_scanned():
    events = await discover([1], targets=["nosuch.example", LOOPBACK])
    assert [event.message for event in of_type(events, Warned)] == [
        'Failed to resolve "nosuch.example".'
    ]
    assert len(verdicts(events)) == 1
    last = of_type(events, DiscoveryProgressed)[-1]
    assert last.done == last.total == 2


async def test_an_interface_that_does_not_exist_is_told():
    events = await discover([1], targets=["fe80::1%nosuch", LOOPBACK], assume_up=True)
    [warning] = of_type(events, Warned)
    assert warning.message.startswith("fe80::1%nosuch cannot be scanned: ")
    assert len(verdicts(events)) == 1


async def test_names_of_hosts_are_found_where_wanted(monkeypatch):
    class Resolver(ReverseResolver):
        async def name(self, address):
            return f"host-{address}"

    [named] = of_type(await discover([1], reverse=Resolver()), HostNamed)
    assert (named.address, named.name) == (LOOPBACK, f"host-{LOOPBACK}")
    assert not of_type(await discover([1]), HostNamed)


async def test_a_paused_discovery_begins_nothing_until_it_is_resumed():
    with listening() as [port]:
        discovery = new_discovery([port])
        discovery.pause()
        events = []
        running = asyncio.create_task(discovery.run(events.append))
        async with asyncio.timeout(30):
            await until(lambda: of_type(events, HostFound))
            for _ in range(10):
                await asyncio.sleep(0.01)
            assert not of_type(events, PortFound)
            discovery.resume()
            await running
    assert len(of_type(events, PortFound)) == 1


async def test_a_cancelled_discovery_tells_what_it_knows_and_leaves_no_thread():
    with listening(2) as opened, reserved(1) as closed:
        table = build_port_table(
            "a table", [Entry("a", "tcp", closed[0], 0.5), Entry("b", "tcp", opened[0], 0.4)]
        )
        # -T2 leaves 0.4 s between attempts: the rest of the ports is still to come.
        discovery = new_discovery([*opened, *closed, *range(1, 1000)], template=2, table=table)
        events = []
        running = asyncio.create_task(discovery.run(events.append))
        async with asyncio.timeout(30):
            await until(lambda: of_type(events, PortFound))
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
    found = verdicts(events)
    assert found[LOOPBACK, "tcp", opened[0]] == ("open", "syn-ack")
    assert found[LOOPBACK, "tcp", closed[0]] == ("closed", "conn-refused")
    assert len(found) < 100
    assert not [thread for thread in threading.enumerate() if thread.name == "discovery"]


async def test_a_host_is_given_up_when_its_time_is_up():
    events = await discover(range(1, 1000), template=2, host_timeout=0.1)
    [warning] = of_type(events, Warned)
    assert warning.partial
    assert (
        warning.message
        == f"Not all ports of {LOOPBACK} were looked at, so the result is partial: its time is up."
    )
    assert len(verdicts(events)) < 999


def refusing_sockets(code, times):
    """Return a socket class that fails to be made so many times."""
    left = [times]

    class Refusing(socket.socket):
        def __init__(self, family=-1, kind=-1, proto=-1, fileno=None) -> None:
            if kind == socket.SOCK_STREAM and fileno is None and left[0]:
                left[0] -= 1
                raise OSError(code, "refused for the test")
            super().__init__(family, kind, proto, fileno)

    return Refusing


async def test_a_passing_shortage_costs_time_and_no_verdict(monkeypatch):
    with listening(3) as opened, reserved(3) as closed:
        monkeypatch.setattr(module.socket, "socket", refusing_sockets(errno.EMFILE, 10))
        found = verdicts(await discover([*opened, *closed]))
    assert {key[2] for key, verdict in found.items() if verdict[0] == "open"} == set(opened)
    assert {key[2] for key, verdict in found.items() if verdict[0] == "closed"} == set(closed)


async def test_a_lasting_shortage_is_told_and_no_port_is_called_closed(monkeypatch):
    monkeypatch.setattr(module, "_SHORTAGE_PATIENCE", 0.1)
    monkeypatch.setattr(module.socket, "socket", refusing_sockets(errno.EMFILE, 10**9))
    events = await discover([1, 2, 3])
    [warning] = of_type(events, Warned)
    assert warning.message.startswith(f"Not all ports of {LOOPBACK} were looked at, ")
    assert verdicts(events) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_few_descriptors_are_enough_and_none_is_taken_from_others():
    code = textwrap.dedent(
        """
        import asyncio, os, resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        from tests.scanning import test_discovery as tests

        async def main():
            with tests.listening(5) as opened:
                events = []

                def emit(event):
                    events.append(event)
                    for handle in [open(os.devnull) for _ in range(16)]:
                        handle.close()

                await tests.new_discovery([*range(1, 3001), *opened], template=5).run(emit)
            found = tests.verdicts(events)
            assert not tests.of_type(events, tests.Warned), events
            assert len(found) == 3000 + len(opened), len(found)
            assert all(found[tests.LOOPBACK, "tcp", port][0] == "open" for port in opened)
            assert {verdict[0] for verdict in found.values()} <= {"open", "closed"}
        asyncio.run(main())
        """
    )
    root = pathlib.Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=root,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1000), min_size=1, max_size=30))
def test_the_timeout_stays_within_the_bounds_of_the_template(seconds):
    template = timing(4)
    prober = module.Prober(new_discovery([1])._prober._plan, lambda _: None)
    prober._begin(module.Target(LOOPBACK))
    [host] = prober._hosts
    for measured in seconds:
        host.measure(measured, template)
        assert template.min_timeout <= host.timeout <= template.max_timeout


async def test_a_fault_in_the_thread_comes_out_of_run(monkeypatch):
    def fail(*_: object):
        raise ZeroDivisionError("for the test")

    monkeypatch.setattr(module.Prober, "_start_attempts", fail)
    with pytest.raises(ZeroDivisionError):
        await discover([1], targets=["127.0.0.0/24"])


async def test_hosts_without_end_are_planned_with_numbers_that_can_be_written():
    discovery = new_discovery([1, 2], targets=["2001:db8::/32"], template=1)
    events = []
    running = asyncio.create_task(discovery.run(events.append))
    async with asyncio.timeout(30):
        await until(lambda: of_type(events, ScanPlanned))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert of_type(events, ScanPlanned)[0].hosts == 2**63 - 1


def test_states_are_nmaps_words():
    assert {verdict.reason for verdict in VERDICTS.values()} == {
        *("syn-ack", "conn-refused", "no-response", "host-unreach", "net-unreach"),
        *("proto-unreach", "admin-prohibited"),
    }
    assert VERDICTS[errno.EHOSTUNREACH].state is PortState.FILTERED


async def test_a_rate_holds_for_ports_that_are_refused_on_the_spot():
    rate = RateLimit(200)
    began = time.perf_counter()
    found = verdicts(await discover(range(1, 61), rate=rate))
    assert len(found) == 60
    assert time.perf_counter() - began >= 0.2  # 60 attempts, of which ten may catch up


async def test_all_ports_of_this_system_are_told_and_those_that_listen_are_open():
    with listening(5) as opened:
        found = verdicts(await discover(range(1, 65536), template=4))
    assert len(found) == 65535
    states = {key[2]: state for key, (state, _) in found.items()}
    assert {states[port] for port in opened} == {"open"}
    assert set(states.values()) == {"open", "closed"}


@pytest.mark.parametrize("name", ["", "one.example"])
async def test_the_last_word_on_a_host_is_that_it_is_finished(name):
    class Names:
        async def name(self, address):
            await asyncio.sleep(0.3)  # longer than it takes to look at the port
            return name

    with listening() as [port]:
        events = await discover([port], reverse=Names())
    of_the_host = [event for event in events if hasattr(event, "address")]
    assert isinstance(of_the_host[-1], HostFinished)
    assert events.index(of_the_host[-1]) > events.index(of_type(events, PortFound)[0])
    assert bool(of_type(events, HostNamed)) == bool(name)
