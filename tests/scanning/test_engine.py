"""Whole scans of small servers: events, pausing, stopping, time limits, post-processors."""

import asyncio
import shutil
import ssl

import pytest

from tests.scanning.loopback import (
    certificate,
    echo,
    hang_up,
    says,
    silent,
    tcp_server,
    udp_server,
)
from tests.scanning.playbook import databases
from vscan_tui.events import (
    Ending,
    ExchangeStarted,
    HostFinished,
    HostFound,
    HostState,
    InterrogationStarted,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    ScanEnding,
    ScanFinished,
    ScanPaused,
    ScanResumed,
    ScanStarted,
    Service,
)
from vscan_tui.scanning.engine import Scan, ScanSettings
from vscan_tui.scanning.postprocessing.protocol import Question
from vscan_tui.scanning.transport.sockets import AsyncioTransport
from vscan_tui.session.store import Stage, Store

RULES = r"""
Probe TCP NULL q||
totalwaitms 300
match ssh m|^SSH-([\d.]+)| p/Shell/ v/$1/
softmatch mail m|^220 |
match inner m|^inside| p/Inner/
Probe TCP Hello q|hello|
rarity 1
totalwaitms 300
match echo m|^hello$| p/Echo/
match ssl m|^\x15\x03| p/TLS/
match mail m|^500 (\w+)| p/Mailer/ v/$1/
Probe UDP Ask q|ask|
rarity 1
totalwaitms 300
match answer m|^answer (\w+)| v/$1/
"""


class Ports:
    """A discovery that knows the ports already."""

    def __init__(self, *endpoints):
        self.endpoints = endpoints
        self.calls = []

    async def run(self, emit, may_begin):
        for address in {endpoint.address for endpoint in self.endpoints}:
            emit(HostFound(time=0.0, address=address, state=HostState.UP, reason="test"))
        for endpoint in self.endpoints:
            state = PortState.OPEN if endpoint.protocol == "tcp" else PortState.OPEN_OR_FILTERED
            emit(
                PortFound(
                    time=0.0, endpoint=endpoint, state=state, reason="test", table_name="table"
                )
            )

    def pause(self):
        self.calls.append("pause")

    def resume(self):
        self.calls.append("resume")


class Recorder:
    def __init__(self):
        self.events = []
        self.store = Store()

    def __call__(self, event):
        self.events.append(event)
        self.store.apply(event)

    def kinds(self):
        return [type(event) for event in self.events]


def scan(*endpoints, rules=RULES, postprocessors=(), **settings):
    chosen = ScanSettings(
        program="vscan test",
        arguments=("x",),
        intensity=7,
        **{"parallel_interrogations": 4, **settings},
    )
    return Scan(chosen, databases(rules), Ports(*endpoints), AsyncioTransport(), postprocessors)


async def scanned(*endpoints, **options):
    recorder = Recorder()
    await scan(*endpoints, **options).run(recorder)
    return recorder


def client_hello():
    """What a TLS client says first, escaped for a payload."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(
        ssl.MemoryBIO(), outgoing, server_hostname="vscan.example"
    )
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return "".join(f"\\x{byte:02x}" for byte in outgoing.read())


async def test_a_scan_begins_and_ends_with_its_events():
    async with tcp_server(says(b"SSH-2.0-x\r\n")) as endpoint:
        recorder = await scanned(endpoint)
    assert isinstance(recorder.events[0], ScanStarted)
    assert isinstance(recorder.events[-1], ScanFinished)
    assert recorder.events[-1].ending is ScanEnding.DONE


async def test_services_are_identified_over_tcp_and_udp_at_once():
    async with (
        tcp_server(says(b"SSH-2.0-x\r\n")) as ssh,
        tcp_server(echo) as echoing,
        udp_server(lambda data: [b"answer 42"]) as udp,
    ):
        store = (await scanned(ssh, echoing, udp)).store
    assert store.ports[ssh].service.fields.version == "2.0"
    assert store.ports[echoing].service.name == "echo"
    assert store.ports[udp].service.fields.version == "42"
    assert store.ports[udp].state is PortState.OPEN


async def test_a_silent_port_keeps_the_name_of_the_port_table():
    async with tcp_server(silent) as endpoint:
        port = (await scanned(endpoint)).store.ports[endpoint]
    assert port.outcome is Outcome.NO_MATCH
    assert port.service.name == "table"
    assert [exchange.probe for exchange in port.exchanges] == ["NULL", "Hello"]
    assert [exchange.ending for exchange in port.exchanges] == [Ending.TIMED_OUT] * 2


async def test_a_port_that_hangs_up_is_tcpwrapped():
    async with tcp_server(hang_up) as endpoint:
        port = (await scanned(endpoint)).store.ports[endpoint]
    assert port.outcome is Outcome.TCPWRAPPED


async def test_a_soft_match_and_the_rest_on_the_same_connection_make_a_hard_match():
    async def mail(reader, writer):
        writer.write(b"220 ready\r\n")
        await reader.read(100)
        writer.write(b"500 Foo\r\n")
        await reader.read()

    rules = RULES.replace("^500", r"^220 ready\r\n500")
    async with tcp_server(mail) as endpoint:
        port = (await scanned(endpoint, rules=rules)).store.ports[endpoint]
    assert port.service.fields.version == "Foo"
    assert bytes(port.exchanges[1].response) == b"220 ready\r\n500 Foo\r\n"
    assert len(port.connections) == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")
async def test_a_service_inside_tls_is_identified_through_the_tunnel(tmp_path):
    rules = RULES.replace("q|hello|", f"q|{client_hello()}|").replace(r"\x15\x03", r"\x16\x03")
    async with tcp_server(says(b"inside\r\n"), tls=certificate(tmp_path)) as endpoint:
        port = (await scanned(endpoint, rules=rules)).store.ports[endpoint]
    assert (port.service.name, port.service.tunnel) == ("inner", "ssl")
    assert port.exchanges[-1].tunnel == "ssl"
    assert any(connection.tls for connection in port.connections.values())


async def test_nothing_is_sent_while_paused():
    async with tcp_server(silent) as endpoint:
        recorder = Recorder()
        paused = scan(endpoint)
        paused.pause()
        task = asyncio.create_task(paused.run(recorder))
        for _ in range(20):
            await asyncio.sleep(0)
        assert ExchangeStarted not in recorder.kinds()
        paused.resume()
        await task
    assert ExchangeStarted in recorder.kinds()
    assert ScanResumed in recorder.kinds()


async def test_pausing_is_told_once():
    recorder = Recorder()
    paused = scan()
    task = asyncio.create_task(paused.run(recorder))
    await asyncio.sleep(0)
    paused.pause()
    paused.pause()
    paused.resume()
    await task
    assert recorder.kinds().count(ScanPaused) == 1


async def test_a_stopped_scan_reports_what_it_has():
    recorder = Recorder()
    rules = RULES.replace("300", "30000")
    async with tcp_server(says(b"220 hello\r\n")) as soft, tcp_server(silent) as unknown:
        task = asyncio.create_task(scan(soft, unknown, rules=rules).run(recorder))
        while not (
            soft in recorder.store.ports
            and recorder.store.ports[soft].exchanges
            and recorder.store.ports[soft].exchanges[0].firings
        ):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert recorder.events[-1].ending is ScanEnding.INTERRUPTED
    assert recorder.store.ports[soft].outcome is Outcome.STOPPED
    assert recorder.store.ports[soft].service.name == "mail"
    assert recorder.store.stages[Stage.FINISHED] == 2


async def test_a_host_whose_time_is_up_keeps_what_it_has_and_says_so():
    rules = RULES.replace("300", "30000")
    async with tcp_server(says(b"220 hello\r\n")) as endpoint:
        store = (await scanned(endpoint, rules=rules, host_timeout=0.5)).store
    assert store.ports[endpoint].outcome is Outcome.STOPPED
    assert store.ports[endpoint].service.name == "mail"
    assert store.ended.ending is ScanEnding.DONE
    assert [warning.partial for warning in store.warnings] == [True]


class Asker:
    """Asks one question and takes the answer for the version."""

    name = "asker"

    def talk(self, known):
        if known.service.name != "echo":
            return None
        return self.ask(known)

    def ask(self, known):
        answer = yield Question(
            "version?", (b"v1.2",), "for the test", is_complete=lambda data: len(data) == 4
        )
        return Service(known.service.name + answer.decode(), known.service.fields)


async def test_what_a_postprocessor_asks_is_an_exchange_like_any_other():
    async with tcp_server(echo) as endpoint:
        port = (await scanned(endpoint, postprocessors=[Asker()])).store.ports[endpoint]
    assert port.service.name == "echov1.2"
    assert port.exchanges[-1].probe == "version?"
    assert bytes(port.exchanges[-1].response) == b"v1.2"


class Broken:
    name = "broken"

    def talk(self, known):
        raise ZeroDivisionError


async def test_a_postprocessor_that_fails_costs_nothing_but_a_warning():
    async with tcp_server(echo) as endpoint:
        store = (await scanned(endpoint, postprocessors=[Broken()])).store
    assert store.ports[endpoint].service.name == "echo"
    assert "broken" in store.warnings[0].message


class FailingPorts(Ports):
    """A discovery that finds something, and then fails."""

    async def run(self, emit, may_begin):
        await super().run(emit, may_begin)
        raise OSError("no more sockets")


async def test_what_was_found_before_discovery_failed_is_still_asked():
    recorder = Recorder()
    async with tcp_server(echo) as endpoint:
        failing = scan(endpoint)
        failing._discovery = FailingPorts(endpoint)
        await failing.run(recorder)
    assert recorder.store.ports[endpoint].service.name == "echo"
    assert recorder.events[-1].ending is ScanEnding.FAILED
    assert recorder.events[-1].reason == "no more sockets"


# Pace `eager` on real sockets


async def test_eager_says_what_polite_says():
    async with (
        tcp_server(says(b"SSH-2.0-x\r\n")) as ssh,
        tcp_server(echo) as echoing,
        tcp_server(silent) as unknown,
        tcp_server(hang_up) as wrapped,
        udp_server(lambda data: [b"answer 42"]) as udp,
    ):
        endpoints = (ssh, echoing, unknown, wrapped, udp)
        polite = (await scanned(*endpoints)).store
        eager = (await scanned(*endpoints, pace="eager")).store
    for endpoint in endpoints:
        ours, theirs = eager.ports[endpoint], polite.ports[endpoint]
        assert (ours.outcome, ours.service) == (theirs.outcome, theirs.service)
        assert ours.state is theirs.state


async def test_eager_records_every_exchange_with_its_connection_and_its_end():
    async with tcp_server(echo) as endpoint:
        port = (await scanned(endpoint, pace="eager")).store.ports[endpoint]
    assert [exchange.number for exchange in port.exchanges] == [1, 2]
    assert [exchange.ending for exchange in port.exchanges] == [Ending.STOPPED, Ending.MATCHED]
    assert {exchange.connection for exchange in port.exchanges} == set(port.connections)
    assert all(connection.closed for connection in port.connections.values())
    assert bytes(port.exchanges[1].response) == b"hello"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")
async def test_eager_goes_through_the_tunnel(tmp_path):
    rules = RULES.replace("q|hello|", f"q|{client_hello()}|").replace(r"\x15\x03", r"\x16\x03")
    async with tcp_server(says(b"inside\r\n"), tls=certificate(tmp_path)) as endpoint:
        port = (await scanned(endpoint, rules=rules, pace="eager")).store.ports[endpoint]
    assert (port.service.name, port.service.tunnel) == ("inner", "ssl")


async def test_an_eager_scan_that_is_stopped_reports_what_it_has():
    recorder = Recorder()
    rules = RULES.replace("300", "30000")
    async with tcp_server(says(b"220 hello\r\n")) as soft, tcp_server(silent) as unknown:
        task = asyncio.create_task(scan(soft, unknown, rules=rules, pace="eager").run(recorder))
        while not (
            soft in recorder.store.ports
            and recorder.store.ports[soft].exchanges
            and recorder.store.ports[soft].exchanges[0].firings
        ):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert recorder.events[-1].ending is ScanEnding.INTERRUPTED
    assert recorder.store.ports[soft].service.name == "mail"
    assert recorder.store.stages[Stage.FINISHED] == 2
    exchanges = [each for port in recorder.store.ports.values() for each in port.exchanges]
    assert all(exchange.ending is not None for exchange in exchanges)


async def test_a_scan_that_is_stopped_leaves_no_server_writing_to_nobody():
    """One that serves a client at a time meets our other connections only once the first ends."""
    turn, outcomes, is_asked = asyncio.Lock(), [], asyncio.Event()

    async def one_at_a_time(reader, writer):
        async with turn:
            question = await reader.read()
            writer.write(b"what?")
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.write(b"an answer of several pieces")
            await writer.drain()
            outcomes.append(question)

    def watch(event):
        if isinstance(event, ExchangeStarted) and event.payload:
            is_asked.set()

    async with tcp_server(one_at_a_time) as endpoint:
        rules = RULES.replace("300", "30000")
        task = asyncio.create_task(scan(endpoint, rules=rules, pace="eager").run(watch))
        await is_asked.wait()
        task.cancel()
        await asyncio.wait([task])
        assert sorted(outcomes) == [b"", b"hello"]


async def test_an_eager_host_whose_time_is_up_keeps_what_it_has():
    rules = RULES.replace("300", "30000")
    async with tcp_server(says(b"220 hello\r\n")) as endpoint:
        store = (await scanned(endpoint, rules=rules, host_timeout=0.1, pace="eager")).store
    assert store.ports[endpoint].service.name == "mail"
    assert [warning.partial for warning in store.warnings] == [True]


async def test_a_late_banner_changes_the_verdict():
    async def late(reader, writer):
        await asyncio.sleep(1.5)
        writer.write(b"SSH-2.0-late\r\n")
        await reader.read()

    rules = RULES.replace("totalwaitms 300\nmatch ssh", "totalwaitms 20000\nmatch ssh")
    async with tcp_server(late) as endpoint:
        recorder = await scanned(endpoint, rules=rules, pace="eager")
    verdicts = [event for event in recorder.events if isinstance(event, PortFinished)]
    assert [verdict.outcome for verdict in verdicts] == [Outcome.NO_MATCH, Outcome.HARD_MATCH]
    assert [verdict.provisional for verdict in verdicts] == [True, False]
    assert recorder.store.ports[endpoint].service.name == "ssh"


async def test_a_port_counts_as_provisional_until_no_late_answer_counts():
    rules = RULES.replace("totalwaitms 300\nmatch ssh", "totalwaitms 1500\nmatch ssh")
    seen = []
    async with tcp_server(silent) as endpoint:
        recorder = Recorder()

        def watch(event):
            recorder(event)
            if isinstance(event, PortFinished):
                port = recorder.store.ports[endpoint]
                seen.append((port.is_provisional, port.stage, port.finished is None))

        await scan(endpoint, rules=rules, pace="eager").run(watch)
    assert seen == [(True, Stage.PROBING, True), (False, Stage.FINISHED, False)]
    assert recorder.store.outcomes.total() == 1


async def test_a_provisional_verdict_is_final_when_the_scan_is_stopped():
    rules = RULES.replace("totalwaitms 300\nmatch ssh", "totalwaitms 200000\nmatch ssh")
    async with tcp_server(silent) as endpoint:
        recorder, reported = Recorder(), asyncio.Event()

        def watch(event):
            recorder(event)
            if isinstance(event, PortFinished):
                reported.set()

        task = asyncio.create_task(scan(endpoint, rules=rules, pace="eager").run(watch))
        await reported.wait()
        task.cancel()
        await asyncio.wait([task])
    assert recorder.store.ports[endpoint].stage is Stage.FINISHED


async def test_an_eager_scan_sends_nothing_while_paused():
    async with tcp_server(silent) as endpoint:
        recorder = Recorder()
        paused = scan(endpoint, pace="eager")
        paused.pause()
        task = asyncio.create_task(paused.run(recorder))
        for _ in range(20):
            await asyncio.sleep(0)
        assert ExchangeStarted not in recorder.kinds()
        paused.resume()
        await task
    assert ExchangeStarted in recorder.kinds()


async def test_postprocessors_ask_in_pace_eager_too():
    async with tcp_server(echo) as endpoint:
        recorder = await scanned(endpoint, postprocessors=[Asker()], pace="eager")
    assert recorder.store.ports[endpoint].service.name == "echov1.2"


async def test_many_ports_never_have_more_connections_than_allowed():
    most = now = 0

    async def counting(reader, writer):
        nonlocal most, now
        now += 1
        most = max(most, now)
        try:
            await reader.read()
        finally:
            now -= 1

    async with tcp_server(counting) as one, tcp_server(counting) as two:
        await scanned(one, two, pace="eager", max_connections=1)
    assert most == 1


async def test_pausing_and_resuming_reach_discovery_too():
    recorder = Recorder()
    paused = scan()
    task = asyncio.create_task(paused.run(recorder))
    await asyncio.sleep(0)
    paused.pause()
    paused.resume()
    await task
    assert paused._discovery.calls == ["pause", "resume"]


# Hosts


class Hosts(Ports):
    """A discovery of hosts with a port each, which begins a host when it may."""

    def __init__(self, *endpoints):
        super().__init__(*endpoints)
        self.begun = 0

    async def run(self, emit, may_begin):
        for endpoint in self.endpoints:
            await may_begin()
            self.begun += 1
            emit(
                PortFound(time=0.0, endpoint=endpoint, state=PortState.OPEN, reason="", latency=0.0)
            )
            emit(HostFinished(time=0.0, address=endpoint.address))


async def test_a_host_is_finished_when_its_ports_are_found_and_asked():
    recorder = Recorder()
    async with tcp_server(echo) as endpoint:
        scanning = scan(endpoint)
        scanning._discovery = Hosts(endpoint)
        await scanning.run(recorder)
    kinds = recorder.kinds()
    assert kinds.count(HostFinished) == 1
    assert kinds.index(HostFinished) > kinds.index(PortFinished)


async def test_a_host_without_open_ports_is_finished_at_once():
    class Closed(Ports):
        async def run(self, emit, may_begin):
            emit(HostFinished(time=0.0, address="192.0.2.1"))

    recorder = Recorder()
    scanning = scan()
    scanning._discovery = Closed()
    await scanning.run(recorder)
    assert HostFinished in recorder.kinds()


async def test_no_more_hosts_are_begun_while_many_ports_are_in_hand(monkeypatch):
    monkeypatch.setattr("vscan_tui.scanning.engine.MAX_PORTS_IN_HAND", 2)
    recorder = Recorder()
    async with tcp_server(silent) as first, tcp_server(silent) as second, tcp_server(echo) as third:
        hosts = Hosts(first, second, third)
        scanning = scan()
        scanning._discovery = hosts
        task = asyncio.create_task(scanning.run(recorder))
        async with asyncio.timeout(10):
            while recorder.kinds().count(InterrogationStarted) < 2:
                await asyncio.sleep(0.01)
        assert hosts.begun == 2
        await task
    assert recorder.store.ports[third].service.name == "echo"
