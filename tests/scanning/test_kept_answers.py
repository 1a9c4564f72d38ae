"""What port discovery was told already is not asked again."""

import socket
import threading

import pytest

from tests.scanning.playbook import databases
from tests.scanning.test_engine import Recorder
from vscan_tui.events import Endpoint, ExchangeStarted, Outcome
from vscan_tui.scanning.discovery.discovery import Discovery
from vscan_tui.scanning.discovery.kept_answers import KeptAnswers
from vscan_tui.scanning.discovery.timing import timing
from vscan_tui.scanning.engine import Scan, ScanSettings
from vscan_tui.scanning.targets.hosts import TargetList
from vscan_tui.scanning.targets.names import resolve_name
from vscan_tui.scanning.targets.port_table import build_port_table
from vscan_tui.scanning.targets.portspec import PortSelection
from vscan_tui.scanning.transport.sockets import AsyncioTransport

RULES = r"""
Probe UDP Ask q|ask|
rarity 1
totalwaitms 300
ports {port}
match answer m|^answer (\w+)| v/$1/
softmatch half m|^half|
"""
ENDPOINT = Endpoint("127.0.0.1", "udp", 53)


class Server:
    """Answers every datagram with the same, and counts them."""

    def __init__(self, *answers):
        self.heard = []
        self._answers = answers
        self._handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._handle.bind(("127.0.0.1", 0))
        self._handle.settimeout(10)
        self.port = self._handle.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                said, address = self._handle.recvfrom(1000)
            except OSError:
                return
            self.heard.append(said)
            for answer in self._answers:
                self._handle.sendto(answer, address)

    def close(self):
        self._handle.close()


@pytest.fixture
def server_of():
    servers = []

    def start(*answers):
        servers.append(Server(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


async def scanned(server, pace):
    answers = KeptAnswers()
    discovery = Discovery(
        TargetList(["127.0.0.1"], [], resolve=resolve_name),
        PortSelection(udp=((server.port, server.port),)),
        timing=timing(4),
        port_table=build_port_table("test", []),
        payloads={server.port: [b"ask"]},
        on_answer=answers.keep,
    )
    settings = ScanSettings("vscan test", (), 7, 4, pace=pace)
    rules = databases(RULES.format(port=server.port))
    recorder = Recorder()
    await Scan(settings, rules, discovery, AsyncioTransport(), (), answers).run(recorder)
    [port] = recorder.store.ports.values()
    return port, recorder


@pytest.mark.parametrize("pace", ["polite", "eager"])
async def test_an_answer_that_decides_is_not_asked_for_again(server_of, pace):
    server = server_of(b"answer yes")
    port, recorder = await scanned(server, pace)
    assert port.outcome is Outcome.HARD_MATCH
    assert port.service.fields.version == "yes"
    assert server.heard == [b"ask"]
    [exchange] = [event for event in recorder.events if isinstance(event, ExchangeStarted)]
    assert (exchange.probe, exchange.payload) == ("Ask", b"ask")
    assert bytes(port.exchanges[0].response) == b"answer yes"


@pytest.mark.parametrize("pace", ["polite", "eager"])
async def test_an_answer_that_does_not_is_asked_for_again_and_read_to_its_end(server_of, pace):
    server = server_of(b"half ", b"done")
    port, _ = await scanned(server, pace)
    assert port.service.name == "half"
    assert bytes(port.exchanges[0].response) == b"half done"
    assert server.heard == [b"ask", b"ask"]


def test_an_answer_is_given_once_and_to_its_own_payload_only():
    answers = KeptAnswers()
    answers.keep(ENDPOINT, b"ask", b"answer")
    assert answers.take(ENDPOINT, b"else") == b""
    assert answers.take(ENDPOINT, b"ask") == b"answer"
    assert answers.take(ENDPOINT, b"ask") == b""


def test_what_is_kept_is_bounded():
    answers = KeptAnswers()
    for number in range(5_000):
        answers.keep(Endpoint(f"127.0.{number // 250}.{number % 250}", "udp", 53), b"ask", b"x")
    assert answers.take(Endpoint("127.0.0.0", "udp", 53), b"ask") == b""
    assert answers.take(Endpoint("127.0.19.249", "udp", 53), b"ask") == b"x"
