"""What a scan of real servers found is in its journal, also when it was stopped in the middle."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.farm import program
from tests.farm.servers import IPV4
from vscan_tui.bundled import bundled
from vscan_tui.events import Outcome, PortFinished, ScanEnding, ScanFinished
from vscan_tui.session.journal import read_events

pytestmark = pytest.mark.farm

OWN_DATABASE = ("--versiondb", bundled("service-probes"))
PATIENCE = 60.0


@pytest.fixture
def mute():
    """A TCP port that takes connections and never says anything."""
    with socket.create_server((IPV4, 0)) as listener:
        yield listener.getsockname()[1]


def _number(farm, server: str, port: str) -> int:
    number = farm.port(server, port)
    if number is None:
        pytest.skip(farm.why_absent(server))
    return number


def _journal(folder: Path) -> Path:
    (found,) = folder.glob("*.vscan.jsonl")
    return found


def test_a_journal_opens_again_with_the_same_table(farm, tmp_path):
    numbers = {
        _number(farm, "python-http", "http"),
        *(number for name in ("openssh", "rsync") for number in _numbers_of(farm, name)),
    }

    scanned = program.run(
        "--headless", "-n", *OWN_DATABASE, "-p", ",".join(map(str, sorted(numbers))),
        "--journal-dir", tmp_path, IPV4,
    )  # fmt: skip
    opened = program.run("open", _journal(tmp_path), "--headless")

    assert scanned.returncode == opened.returncode == 0
    assert len(program.port_lines(scanned.stdout)) == len(numbers)
    assert program.port_lines(opened.stdout) == program.port_lines(scanned.stdout)
    assert str(_journal(tmp_path)) in scanned.stderr


def _numbers_of(farm, server: str) -> list[int]:
    return list(farm.running[server].numbers.values())[:1] if server in farm.running else []


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process of its own")
def test_an_interrupted_scan_reports_and_keeps_what_was_found(farm, mute, tmp_path):
    known = _number(farm, "openssh", "ssh")
    scan = program.start(
        "--headless", "-n", *OWN_DATABASE, "-p", f"{known},{mute}", "--journal-dir", tmp_path, IPV4
    )
    try:
        _wait_for_verdict(tmp_path, known)
        scan.send_signal(signal.SIGINT)
        output, errors = scan.communicate(timeout=PATIENCE)
    finally:
        scan.kill()

    assert scan.returncode == 130
    assert any("OpenSSH" in line for line in program.port_lines(output))
    assert "Traceback" not in errors
    events = list(read_events(_journal(tmp_path)))
    assert isinstance(events[-1], ScanFinished)
    assert events[-1].ending is ScanEnding.INTERRUPTED
    outcomes = {
        event.endpoint.port: event.outcome for event in events if isinstance(event, PortFinished)
    }
    assert outcomes == {known: Outcome.HARD_MATCH, mute: Outcome.STOPPED}
    opened = program.run("open", _journal(tmp_path), "--headless")
    assert program.port_lines(opened.stdout) == program.port_lines(output)


def test_a_killed_scan_leaves_a_journal_that_opens(farm, mute, tmp_path):
    known = _number(farm, "openssh", "ssh")
    scan = program.start(
        "--headless", "-n", *OWN_DATABASE, "-p", f"{known},{mute}", "--journal-dir", tmp_path, IPV4
    )
    try:
        _wait_for_verdict(tmp_path, known)
    finally:
        scan.kill()
        scan.communicate(timeout=PATIENCE)

    opened = program.run("open", _journal(tmp_path), "--headless")

    assert any("OpenSSH" in line for line in program.port_lines(opened.stdout))
    assert "Traceback" not in opened.stderr


def _wait_for_verdict(folder: Path, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for journal in folder.glob("*.vscan.jsonl"):
            if journal.stat().st_size and any(
                isinstance(event, PortFinished) and event.endpoint.port == number
                for event in read_events(journal, [])
            ):
                return
        time.sleep(0.05)
    pytest.fail(f"no verdict on port {number} within {PATIENCE:.0f} s")
