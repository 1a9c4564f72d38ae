"""Reports of a scan without a screen are there while it runs, whatever ends it."""

import os
import signal
import socket
import threading
import time
from contextlib import ExitStack
from xml.etree import ElementTree

import pytest

from tests.farm import program

PATIENCE = 30.0
QUICK, MUTE = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def port():
    """A port that greets on one address, and says nothing on another."""
    with ExitStack() as stack:
        greeter = stack.enter_context(socket.create_server((QUICK, 0)))
        number = greeter.getsockname()[1]
        try:
            stack.enter_context(socket.create_server((MUTE, number)))
        except OSError as error:
            pytest.skip(f"this system has no {MUTE}: {error}")
        threading.Thread(target=_greet, args=(greeter,), daemon=True).start()
        yield number


def _greet(listener):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # it was closed
            return
        with connection:
            connection.sendall(b"hello\r\n")


@pytest.fixture
def scan(port, tmp_path):
    """A scan of both addresses, of which one is finished and the other takes five minutes."""
    database = tmp_path / "patient"
    database.write_text("Probe TCP NULL q||\ntotalwaitms 300000\nmatch greeter m|^hello|\n")
    running = program.start(
        "--headless", "--no-journal", "--versiondb", database, "-n", "-p", port,
        "-oX", tmp_path / "r.xml", "-oN", tmp_path / "r.nmap", QUICK, MUTE,
    )  # fmt: skip
    try:
        _wait_for(tmp_path / "r.xml", "</host>")
        _wait_for(tmp_path / "r.nmap", QUICK)
        yield running
    finally:
        running.kill()
        running.communicate(timeout=PATIENCE)


def _wait_for(path, text):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.05)
    pytest.fail(f"{text} did not get into {path.name}")


def test_a_killed_scan_leaves_the_hosts_that_were_finished(scan, tmp_path):
    scan.kill()
    scan.wait(PATIENCE)
    report = (tmp_path / "r.nmap").read_text()
    assert "greeter" in report
    assert MUTE not in report.partition("\n")[2]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process of its own")
def test_an_interrupted_scan_leaves_whole_reports(scan, tmp_path):
    scan.send_signal(signal.SIGINT)
    output, errors = scan.communicate(timeout=PATIENCE)
    assert scan.returncode == 130
    assert "Traceback" not in errors
    assert "greeter" in output
    root = ElementTree.parse(tmp_path / "r.xml").getroot()
    assert [each.get("addr") for each in root.iter("address")] == [QUICK, MUTE]
    assert "interrupted" in root.find("runstats/finished").get("errormsg")
    assert (tmp_path / "r.nmap").read_text().count("Nmap scan report for") == 2


def test_a_report_that_cannot_be_written_is_told_once_and_stops_nothing(port, tmp_path):
    database = tmp_path / "quick"
    database.write_text("Probe TCP NULL q||\ntotalwaitms 300\nmatch greeter m|^hello|\n")
    done = program.run(
        "--headless", "--no-journal", "--versiondb", database, "-n", "-p", port,
        "-oX", tmp_path / "absent" / "r.xml", "-oN", tmp_path / "r.nmap", QUICK,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("cannot write the report: No such file or directory") == 1
    assert "greeter" in done.stdout
    assert "greeter" in (tmp_path / "r.nmap").read_text()
