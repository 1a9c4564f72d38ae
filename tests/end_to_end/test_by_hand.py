"""Journeys by hand in a real terminal: a port is stepped, a payload of one's own is sent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.farm.program import PROGRAM
from tests.farm.servers import IPV4

pytestmark = pytest.mark.tmux

RULES = r"""
Probe TCP NULL q||
totalwaitms 500
match greeter m|^welcome|
Probe TCP Lines q|\r\n\r\n|
rarity 1
totalwaitms 500
match echo m|^\r\n\r\n$| p/Echo/
Probe TCP Question q|WHO ARE YOU?\r\n|
rarity 1
totalwaitms 500
match oracle m|^I am (\w+) (\d+)| p/$1/ v/$2/
"""


@contextmanager
def server(answers: dict[bytes, bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """A port that answers some payloads, and notes everything that it receives."""
    received: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(4096):
                received.append(data)
                connection.sendall(answers.get(data, b""))

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # the listener was shut
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    with socket.create_server((IPV4, 0)) as listener:
        thread = threading.Thread(target=accept, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1], received
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules"
    path.write_text(RULES)
    return path


def _scan(window, rules, port, *more):
    window.ask(f"cd {rules.parent}")
    window.run(
        *PROGRAM, "--versiondb", rules.name, "-n", "-Pn", "-p", port, "--no-postprocess",
        *more, IPV4,
    )  # fmt: skip


def test_a_port_is_stepped_and_a_probe_is_skipped(window, rules, tmp_path):
    answers = {b"WHO ARE YOU?\r\n": b"I am Delphi 9\r\n"}
    with server(answers) as (port, received):
        _scan(window, rules, port, "--pace", "step", "--journal-dir", "journals")
        window.wait_for(f"{port}/tcp", "held before: connect")

        window.wait_for(f"step {port}/tcp  held", "Connect: for NULL", "once connected")
        window.press("s")
        window.wait_for("Send nothing", "o over", "x skip", "p probe")
        window.press("o")
        window.wait_for("Send Lines: rarity 1 is within intensity 7", "no answer", "send Question")
        window.picture("step")
        window.press("x")
        window.wait_for("Connect: for Question")
        window.press("s")
        window.wait_for("Send Question", r"WHO ARE YOU?\r\n")
        assert received == []
        window.press("s", "s")
        window.wait_for("Finish: hard match")
        window.press("s")

        window.wait_for("Delphi 9", "100%", without=["held before"])
        assert received == [b"WHO ARE YOU?\r\n"]
        window.press("q")
        window.wait_for("Recorded in")
    (journal,) = (tmp_path / "journals").glob("*.vscan.jsonl")
    recorded = journal.read_text()
    assert '"event":"port held"' in recorded
    assert '"action":"skip the probe"' in recorded


def test_a_payload_of_ones_own_identifies_the_service(window, rules, tmp_path):
    answers = {b"WHO ARE YOU REALLY?\n": b"I am Pythia 12\r\n"}
    with server(answers) as (port, received):
        _scan(window, rules, port, "--no-journal")
        window.wait_for(f"{port}/tcp", "100%", "no answer")

        window.press("e")
        window.wait_for("compose  for", "what is sent")
        window.press("C-n")
        window.wait_for("insert a probe")
        window.write("question")
        window.wait_for(r"WHO ARE YOU?\r\n", without=["NULL "])
        window.press("Enter")
        window.wait_for("57 48 4f 20 41 52 45 20", "rules of Question")
        window.press(*["BSpace"] * 5)
        window.write(r" REALLY?\x0")
        window.wait_for(r"unknown escape \x")
        window.write("a")
        window.wait_for("LY?.", without=["unknown escape"])
        window.picture("composer")
        window.press("C-s")

        window.wait_for("Pythia 12", "by hand", "hard match", without=["compose  for"])
        assert received[-1] == b"WHO ARE YOU REALLY?\n"
        window.press("r")
        window.wait_until(lambda _: received.count(b"WHO ARE YOU REALLY?\n") == 2)
        window.press("q")
