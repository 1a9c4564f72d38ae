"""`vscan resume`: the scan goes on where it stopped, and asks nothing twice."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.commands.sessions import write_journal
from tests.reports.scans import begin, end, found, others, store_of, up
from vscan_tui.cli import main
from vscan_tui.events import ScanEnding
from vscan_tui.session.journal import read_events
from vscan_tui.session.remainder import partial_hosts, unfinished_ports

PROBES = r"""Probe TCP NULL q||
totalwaitms 400
tcpwrappedms 100
match greeter m|^220 (\w+)\r\n| p/Greeter/ v/$1/
Probe TCP Ask q|who\r\n|
totalwaitms 400
match answerer m|^I am (\w+)\r\n| p/Answerer/ v/$1/
softmatch half m|^half|
"""
COUNT = 12


class Server:
    """Greets, answers, half answers, or says nothing; counts its visitors."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.visits = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.visits += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        kind = self.number % 4
        with connection:
            connection.settimeout(10)
            try:
                if kind == 0:
                    connection.sendall(b"220 n%d\r\n" % self.number)
                while connection.recv(100):
                    answers = {1: b"I am n%d\r\n" % self.number, 2: b"half\r\n", 3: b"what?\r\n"}
                    connection.sendall(answers.get(kind, b""))
            except OSError:
                pass

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextmanager
def running():
    with ExitStack() as stack:
        servers = [Server(number) for number in range(COUNT)]
        for server in servers:
            stack.callback(server.close)
        yield {server.port: server for server in servers}


def words(tmp_path, ports, *others):
    database = tmp_path / "own.probes"
    database.write_text(PROBES)
    listed = ",".join(map(str, sorted(ports)))
    return (
        "--headless", "-n", "--pace", "polite", "--max-parallelism", "2", "-p", listed,
        "--versiondb", str(database), *others, "127.0.0.1",
    )  # fmt: skip


def told(path: Path):
    """What a report says of each port, but for times, numbers, and the name of the number."""
    lines = map(json.loads, path.read_text().splitlines())
    return {
        line["port"]: (line["state"], line["outcome"],
                       line["outcome"] != "no match" and line["service"], line["product"],
                       line["version"], bool(line["fingerprint"]))
        for line in lines if line["type"] == "port"
    }  # fmt: skip


def finished_ports(journal: Path) -> set[int]:
    store = store_of(read_events(journal))
    unfinished = {port.endpoint.port for port in unfinished_ports(store)}
    return {endpoint.port for endpoint in store.ports} - unfinished


def killed(tmp_path, ports, *, finished: int) -> Path:
    """The journal of a scan that was killed when so many ports were done."""
    folder = tmp_path / "journals"
    process = subprocess.Popen(
        [sys.executable, "-m", "vscan_tui", *words(tmp_path, ports, "--journal-dir", str(folder))],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(3000):
            journals = list(folder.glob("*.vscan.jsonl")) if folder.is_dir() else []
            written = journals[0].read_bytes() if journals else b""
            if b'"port found"' in written and written.count(b'"port finished"') >= finished:
                break
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        os.kill(process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    finally:
        process.wait()
    [journal] = journals
    return journal


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    with running() as servers:
        report = folder / "report.jsonl"
        assert main([*words(folder, servers, "--no-journal", "-oJ", str(report))]) == 0
        places = {server.port: server.number for server in servers.values()}
    return {places[port]: rest for port, rest in told(report).items()}


@pytest.mark.parametrize("finished", [0, 5])
def test_after_a_kill_the_rest_is_asked_and_nothing_twice(tmp_path, capsys, undisturbed, finished):
    with running() as servers:
        journal = killed(tmp_path, servers, finished=finished)
        done = finished_ports(journal)
        before = {port: servers[port].visits for port in done}
        report = tmp_path / "report.jsonl"

        status = main(["resume", "--headless", "-oJ", str(report), str(journal)])

        assert status == 0, capsys.readouterr().err
        assert len(done) >= finished
        assert {port: servers[port].visits for port in done} == before
        found_now = {servers[port].number: rest for port, rest in told(report).items()}
        assert found_now == undisturbed
        # What was recorded is one session: opened, it tells the same.
        again = tmp_path / "again.jsonl"
        assert main(["open", "--headless", "-oJ", str(again), str(journal)]) == 0
        assert told(again) == told(report)


def test_what_is_complete_is_shown_and_nothing_is_asked(tmp_path, capsys):
    with running() as servers:
        folder = tmp_path / "journals"
        main([*words(tmp_path, servers, "--journal-dir", str(folder))])
        [journal] = folder.glob("*.vscan.jsonl")
        visits = {port: server.visits for port, server in servers.items()}
        size = journal.stat().st_size

        assert main(["resume", "--headless", str(journal)]) == 0

        told_now = capsys.readouterr()
        assert "nothing is left" in told_now.err
        assert "Greeter n0" in told_now.out
        assert {port: server.visits for port, server in servers.items()} == visits
        assert journal.stat().st_size == size


def test_a_scan_of_known_ports_goes_on_with_those_that_are_left(tmp_path, capsys):
    with running() as servers:
        first, second = sorted(servers)[:2]
        ports = tmp_path / "ports"
        ports.write_text(f"127.0.0.1:{first}\n127.0.0.1:{second}\n")
        database = tmp_path / "own.probes"
        database.write_text(PROBES)
        arguments = ("-n", "--from", str(ports), "--versiondb", str(database))
        journal = write_journal(
            tmp_path / "journal", begin(*arguments), up(), found(first),
            end(ScanEnding.INTERRUPTED, "stopped by the user"),
        )  # fmt: skip

        assert main(["resume", "--headless", journal]) == 0

        store = store_of(read_events(Path(journal)))
        assert {endpoint.port for endpoint in store.ports} == {first, second}
        assert all(port.outcome is not None for port in store.ports.values())
        assert store.ended.ending is ScanEnding.DONE


def test_what_cannot_go_on_is_said(tmp_path, capsys):
    (tmp_path / "letter").write_text("Dear Sir,\n")
    empty = write_journal(tmp_path / "empty")
    strange = write_journal(tmp_path / "strange", begin("demo"), up())

    for name in (str(tmp_path / "letter"), empty, strange, str(tmp_path / "missing")):
        assert main(["resume", "--headless", name]) == 1
        assert "vscan: " in capsys.readouterr().err
    assert main(["resume"]) == 2


# What is left ------------------------------------------------------------------------------------


def test_a_host_is_partial_until_all_its_wanted_ports_were_looked_at():
    store = store_of(begin(), up(), found(22), others((1, 10)))

    assert partial_hosts(store, [("tcp", (1, 10)), ("tcp", (22, 22))]) == []
    [partial] = partial_hosts(store, [("tcp", (1, 30))])
    assert partial.host.address == "127.0.0.1"
    assert ("tcp", 22) in partial.covered
    assert ("tcp", 11) not in partial.covered


def test_closed_ports_are_not_unfinished():
    store = store_of(begin(), up(), found(22), others((1, 10)))

    assert [port.endpoint.port for port in unfinished_ports(store)] == [22]
