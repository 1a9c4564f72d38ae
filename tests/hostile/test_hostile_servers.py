"""Whatever servers do: the scan ends, keeps little of it, and nothing of it does harm."""

import csv
import html.parser
import io
import json
import os
import re
import subprocess
import sys
import time
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile.servers import HOST, serving
from tests.tui.driving import screen_text, until
from vscan_tui.events import BytesReceived, Outcome, ScanEnding
from vscan_tui.scanning.postprocessing.tls_hello import TLS_1_2, client_hello
from vscan_tui.session.journal import read_events
from vscan_tui.session.replay import Replay
from vscan_tui.session.store import Stage, Store
from vscan_tui.tui.app import VscanApp

HELLO = "".join(f"\\x{byte:02x}" for byte in client_hello(TLS_1_2))
PROBES = r"""Probe TCP NULL q||
totalwaitms 2000
match greeter m|^220 (.*?)\r\n|s p/$1/ v/$1/ i/$1/ h/$1/ o/$1/ d/$1/ cpe:/a:$1:$1:$1/
Probe TCP Ask q|who\r\n\r\n|
totalwaitms 2000
match http m|^HTTP/1\.1 200 OK\r\n.*?Server: (.*?)\r\n|s p/Web/ i/$1/
softmatch http m|^HTTP/1|
match ssl m|^\x16\x03\x03.|s
Probe TCP Hello q|HELLO|
totalwaitms 1500
match ssl m|^\x16\x03.|s
Probe UDP Knock q|knock|
totalwaitms 2000
match talker m|^hello (.*)|s p/$1/
""".replace("HELLO", HELLO)
"""Rules that take over whatever a server says."""
MOST_MEMORY = 200 * 1024 * 1024
MOST_OF_AN_EXCHANGE = 512 * 1024
MOST_OF_A_PORT = 4 * 1024 * 1024
SECONDS = 120.0
REPORTS = {"N": "nmap", "X": "xml", "G": "gnmap", "J": "jsonl", "C": "csv", "D": "md", "H": "html"}


@dataclass(frozen=True)
class Scanned:
    """What a scan left."""

    ports: dict[str, tuple[str, int]]
    folder: Path
    status: int
    memory: int
    seconds: float

    def text(self, suffix: str) -> str:
        return (self.folder / f"out.{suffix}").read_bytes().decode("utf-8")

    @property
    def journal(self) -> Path:
        [path] = (self.folder / "journals").iterdir()
        return path


def scan(folder: Path, ports: dict[str, tuple[str, int]], *more: str) -> Scanned:
    (folder / "own.probes").write_text(PROBES)
    numbers = {
        letter: ",".join(str(number) for kind, number in ports.values() if kind == protocol)
        for letter, protocol in (("T", "tcp"), ("U", "udp"))
    }
    listed = ",".join(f"{letter}:{text}" for letter, text in numbers.items() if text)
    words = [sys.executable, "-m", "vscan_tui", "--headless", "-n", "-v", "-v", "--reason", "-sT"]
    words += ["-sU", "-p", listed, "--journal-dir", str(folder / "journals")]
    words += ["--versiondb", str(folder / "own.probes"), "--version-trace", *more]
    for letter, suffix in REPORTS.items():
        words += [f"-o{letter}", str(folder / f"out.{suffix}")]
    begun = time.monotonic()
    with (folder / "out.stdout").open("wb") as out, (folder / "out.stderr").open("wb") as told:
        process = subprocess.Popen(
            [*words, HOST], stdin=subprocess.DEVNULL, stdout=out, stderr=told
        )
        try:
            memory = watched(process)
        finally:
            process.kill()
            process.wait()
    return Scanned(ports, folder, process.returncode, memory, time.monotonic() - begun)


def watched(process: subprocess.Popen[bytes]) -> int:
    """The most memory that a process had, in bytes, until it ended; 0 where that is not told."""
    most = 0
    status = Path(f"/proc/{process.pid}/status")
    deadline = time.monotonic() + SECONDS
    while process.poll() is None:
        assert time.monotonic() < deadline, "the scan does not end"
        if status.exists():
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
            most = max(most, int(found[1]) * 1024) if found else most
        time.sleep(0.05)
    return most


POLITE = (
    *("endless", "100 MB at once", "resets mid-answer", "escapes in a greeting"),
    *("XML in a header", "a byte a second", "UDP flood"),
)


@pytest.fixture(scope="module")
def servers():
    with serving() as ports:
        yield ports


@pytest.fixture(scope="module", params=["eager", "polite"])
def scanned(request, servers, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "eager":
        return scan(folder, servers, "--max-wait", "400ms")
    few = {name: servers[name] for name in POLITE}
    return scan(folder, few, "--pace", "polite", "-T5", "--no-postprocess")


def told(scanned: Scanned) -> Store:
    store = Store()
    for event in read_events(scanned.journal):
        store.apply(event)
    return store


def test_there_are_at_least_60(servers):
    assert len(servers) >= 60


def test_the_scan_ends_as_any_other(scanned):
    store = told(scanned)
    assert scanned.status == 0, scanned.text("stderr")
    assert "Traceback" not in scanned.text("stderr")
    assert "internal error" not in scanned.text("stderr")
    assert store.ended.ending is ScanEnding.DONE
    assert {(port.endpoint.protocol, port.endpoint.port) for port in store.ports.values()} == set(
        scanned.ports.values()
    )
    assert all(port.stage is Stage.FINISHED for port in store.ports.values())


def test_those_that_behave_are_identified_among_them(scanned):
    if "markup in a greeting" not in scanned.ports:
        names = ("escapes in a greeting", "XML in a header")
    else:
        names = ("escapes in a header", "markup in a greeting", "bidi in a header", "UDP XML",
                 "inside TLS: escapes", "a formula in a greeting", "UDP every byte")  # fmt: skip
    outcomes = {
        (port.endpoint.protocol, port.endpoint.port): port.outcome
        for port in told(scanned).ports.values()
    }
    known = {name: outcomes[scanned.ports[name]] for name in names if name in scanned.ports}
    assert {name for name, outcome in known.items() if outcome is not Outcome.HARD_MATCH} == set()


def test_memory_and_what_is_kept_are_bounded(scanned):
    exchanges, ports = Counter(), Counter()
    for event in read_events(scanned.journal):
        if isinstance(event, BytesReceived):
            exchanges[event.endpoint, event.exchange] += len(event.data)
            ports[event.endpoint] += len(event.data)

    assert scanned.memory < MOST_MEMORY
    assert max(exchanges.values()) < MOST_OF_AN_EXCHANGE
    assert max(ports.values()) < MOST_OF_A_PORT


def harmful(text: str) -> set[str]:
    """Characters that steer a terminal, or that are not seen."""
    return {
        letter
        for letter in set(text)
        if letter not in "\n\t" and unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    }


@pytest.mark.parametrize("suffix", ["stdout", "stderr", *REPORTS.values()])
def test_nothing_that_steers_a_terminal_is_in_any_output(scanned, suffix):
    assert harmful(scanned.text(suffix).replace("\r\n", "\n")) == set()  # RFC 4180 ends lines so


def test_the_files_are_what_they_claim_to_be(scanned):
    found = ET.fromstring(scanned.text("xml")).iterfind("host/ports/port")
    assert {(port.get("protocol"), int(port.get("portid"))) for port in found} == set(
        scanned.ports.values()
    )
    lines = [json.loads(line) for line in scanned.text("jsonl").splitlines()]
    assert sum(line["type"] == "port" for line in lines) == len(scanned.ports)
    rows = list(csv.reader(io.StringIO(scanned.text("csv")), strict=True))
    assert len(rows) == len(scanned.ports) + 1
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r")]


def test_grepable_ports_keep_their_seven_separators(scanned):
    [line] = [line for line in scanned.text("gnmap").splitlines() if "\tPorts: " in line]
    listed = line.partition("\tPorts: ")[2].partition("\t")[0]
    assert {entry.count("/") for entry in listed.split(", ")} == {7}


def test_the_page_holds_no_element_of_theirs(scanned):
    found = []

    class Elements(html.parser.HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, [name for name, _ in attrs if name.startswith("on")]))

    Elements().feed(scanned.text("html"))
    assert "table" in dict(found)
    assert not [tag for tag, handlers in found if tag in {"script", "service"} or handlers]


async def test_the_screen_shows_them_all_and_stays_whole(scanned):
    app = VscanApp(Replay(list(read_events(scanned.journal))))
    seen = set()
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: len(app.store.ports) == len(scanned.ports))
        await until(pilot, lambda: not len(app.feed))
        for _ in range(min(len(scanned.ports), 20)):
            await pilot.press("3", "down")
            lines = screen_text(app)
            assert not harmful("".join(lines))
            assert len(lines) == 36
            seen.update(lines)
        await pilot.press("tab", "tab", "v")
        assert not harmful("".join(screen_text(app)))
    assert any("owned" in line for line in seen)


if os.name == "nt":  # pragma: no cover - process limits and resets differ there
    pytestmark = pytest.mark.skip(reason="the servers need Unix")
