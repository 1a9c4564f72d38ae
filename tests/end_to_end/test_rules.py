"""Two journeys in a real terminal: a rule of one's own, and why the wrong rule fired."""

import socket
import threading
from contextlib import suppress

import pytest

from tests.end_to_end.terminal import PROMPT
from tests.farm.program import PROGRAM
from tests.farm.servers import IPV4

pytestmark = pytest.mark.tmux


@pytest.fixture
def greeter():
    """Opens ports that greet with something, and wait."""
    listeners, threads = [], []

    def greeting(data: bytes) -> int:
        listener = socket.create_server((IPV4, 0))
        listeners.append(listener)

        def greet() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # the listener was shut
                    return
                with connection, suppress(OSError):
                    connection.settimeout(20)
                    connection.sendall(data)
                    connection.recv(1)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        threads.append(thread)
        return listener.getsockname()[1]

    yield greeting
    for listener in listeners:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(5)


def scan(window, database, *ports) -> None:
    window.ask(f"cd {database.parent}")
    window.run(
        *PROGRAM, "--versiondb", database.name, "-n", "-p", ",".join(map(str, ports)),
        "--no-journal", IPV4,
    )  # fmt: skip


def quit_program(window) -> None:
    window.press("q")
    window.wait_until(lambda screen: screen.rstrip().endswith(PROMPT.strip()), "the prompt")


def go_to_debugger(window) -> None:
    """Tab from pane to pane."""
    window.press("Tab")
    window.wait_until(lambda screen: "━ " in screen, "the exchanges")
    window.press("Tab")
    window.wait_for("━ response")
    window.press("Tab")
    window.wait_for("━ match debugger")


def test_a_rule_is_written_from_a_response_saved_and_used_by_the_next_scan(
    window, greeter, tmp_path
):
    database = tmp_path / "small"
    database.write_text("Probe TCP NULL q||\ntotalwaitms 1000\nmatch other m|^Other ([0-9]+)|\n")
    number = greeter(b"Zork 1.2 at your service on host.example.org\r\n")
    other = greeter(b"Other 7\r\n")

    scan(window, database, number, other)
    window.wait_for(f"{number}/tcp", "1 unknown", "100%", "other")
    window.press("n")
    window.wait_for(f"─ {number}/tcp")
    window.press("d")
    window.wait_for("rule workbench", "match zork m|^Zork", "hits 1", "steals 0", "misses 1")
    window.write(" q")
    window.wait_for("unknown version field")
    window.press("C-z")
    window.wait_for("hard match zork", "version 1.2", "host.example.org")
    window.picture("workbench")
    window.write(" d/")
    window.write("game server/")
    window.wait_for("devicetype game server")
    window.press("C-s")
    window.wait_for("1 port changed", "unknown → zork")
    window.press("Escape")
    window.wait_for("━ responses of this session")
    window.press("Escape")
    window.wait_for("PORT", "Zork 1.2", "0 unknown")
    quit_program(window)

    saved = (tmp_path / "CONFIG" / "vscan" / "service-probes" / "own.probes").read_text()
    assert "match zork m|^Zork" in saved
    scan(window, database, number, other)
    window.wait_for(f"{number}/tcp", "zork", "Zork 1.2", "0 unknown", "100%")
    window.press("G" if number > other else "g")
    window.wait_for(f"─ {number}/tcp", "own.probes")
    quit_program(window)
    assert "Traceback" not in window.text()


def test_why_a_service_is_unknown_is_found_out(window, greeter, tmp_path):
    database = tmp_path / "small"
    database.write_text(
        "Probe TCP NULL q||\ntotalwaitms 1000\n"
        r"match ftp m|^220 ([-.\w]+) FTP ready\r\n| p/Some FTP server/ h/$1/"
        "\n"
        r"match zork m|^Zork (\d+)\.(\d+) at your service\r\n| p/Zork/ v/$1.$2/"
        "\n"
    )
    number = greeter(b"Zork 1.beta at your service\r\n")
    other = greeter(b"220 box FTP ready\r\n")

    scan(window, database, number, other)
    window.wait_for(f"{number}/tcp", "1 unknown", "100%", "Some FTP server")
    window.press("n")
    window.wait_for(f"─ {number}/tcp", "nearest", "zork", "small:4")
    window.wait_for("stopped", "at 0x0007 stands b")
    window.picture("nearest")
    quit_program(window)


def test_why_the_wrong_rule_fired_first_is_found_out(window, greeter, tmp_path):
    database = tmp_path / "small"
    database.write_text(
        "Probe TCP NULL q||\ntotalwaitms 1000\n"
        r"match ftp m|^220 ([-.\w]+) | p/Some FTP server/ h/$1/"
        "\n"
        r"match ftp m|^220 ([-.\w]+) Own FTP ([\d.]+) ready\r\n| p/Own FTP/ v/$2/"
        "\n"
    )
    number = greeter(b"220 box Own FTP 1.2 ready\r\n")

    scan(window, database, number)
    window.wait_for(f"{number}/tcp", "Some FTP server", "100%")
    go_to_debugger(window)
    window.wait_for("✓ hard match ftp  small:3", "would have fired too", "small:4")
    window.press("n")
    window.wait_for("◦ shadowed hard match ftp  small:4", "v/$2/", "→ 1.2")
    for _ in range(5):
        window.press(".")
    window.wait_for("5 of 6", "in group 2", "3 bytes at 0x0010")
    window.picture("debugger")
    window.press("v")
    window.wait_for("rules  2, in the order tried", "1 ✓ fired", "2 ◦ shadowed")
    window.press("/")
    window.write("own")
    window.wait_for("rules  1 of 2", without=["1 ✓ fired"])
    window.press("Enter")
    window.press("Enter")
    window.wait_for("◦ shadowed hard match ftp  small:4")
    quit_program(window)
