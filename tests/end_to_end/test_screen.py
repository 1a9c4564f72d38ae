"""The screen in a real terminal: what is seen, what keys do, and what is left behind."""

import os
import re
import signal
import socket
import threading
import time
from contextlib import suppress

import pytest

from tests.end_to_end.terminal import PROMPT
from tests.farm.program import PROGRAM
from tests.farm.servers import IPV4
from vscan_tui.bundled import bundled

pytestmark = pytest.mark.tmux

TABLE = "PORT"
ALL_SEEN = "8443/tcp"
"""The last row of the journal."""


def _open(window, journal) -> None:
    window.run(*PROGRAM, "open", journal)
    window.wait_for(TABLE, ALL_SEEN, "22/tcp", "OpenSSH")


def _assert_clean(window) -> None:
    """The terminal is the shell's again, as it was before."""
    window.wait_until(lambda screen: screen.rstrip().endswith(PROMPT.strip()), "the prompt")
    assert window.value("alternate_on") == "0"
    assert window.value("cursor_flag") == "1"
    assert window.value("mouse_any_flag") == "0"
    assert window.value("bracket_paste_flag") in {"0", ""}
    modes = window.ask("stty -a").split()
    assert {"echo", "icanon", "isig", "icrnl", "opost"} <= {mode.strip(";") for mode in modes}
    assert "works again" in window.ask("echo works   again")


def _quit(window) -> None:
    window.press("q")
    _assert_clean(window)


def test_the_demo_shows_real_servers_and_says_that_it_is_a_recording(window):
    window.run(*PROGRAM, "demo")

    screen = window.wait_for(TABLE, "A recording of real servers", "vscan 127.0.0.1")
    assert window.value("alternate_on") == "1"
    window.wait_until(
        lambda screen: len(re.findall(r"^\d+/(?:tcp|udp) +\S+ open", screen, re.MULTILINE)) > 5
    )
    assert "RECORDING" in screen
    _quit(window)


def test_an_opened_journal_shows_why_a_port_is_what_it_is(window, journal):
    _open(window, journal)

    window.press("g")
    window.press("/")
    window.wait_for("words, such as")
    window.write("ssh")
    window.press("Enter")
    screen = window.wait_for("OpenSSH 9.2p1", "match debugger", "line 2041", without=["3306/tcp"])

    assert "SSH-2.0-" in screen
    assert "a-scan.vscan.jsonl" in screen
    window.press("Escape")
    window.wait_for("3306/tcp")
    _quit(window)
    assert "Traceback" not in window.text()


def _go_to_response(window) -> None:
    window.press("Enter")
    window.wait_for("━ ")
    window.press("Enter")
    window.wait_for("━ response")


def test_keys_that_are_typed_ahead_are_not_lost(window, journal):
    _open(window, journal)

    window.press("g", "j", "j", "Enter", "Enter")
    window.wait_for("─ 80/tcp", "━ response")
    window.press("/", "s", "s", "h", "Enter", "n", "q")
    _assert_clean(window)


def test_keys_move_open_and_zoom(window, journal):
    _open(window, journal)

    window.press("G")
    window.wait_for("─ 9999/tcp")
    window.press("g")
    window.wait_for("─ 7/tcp")
    window.press("j", "j")
    window.wait_for("─ 80/tcp", "nginx")
    _go_to_response(window)
    window.press("v")
    window.wait_for("Server: nginx/1.22.1")
    window.press("z")
    window.wait_for("Welcome to nginx!", without=["3306/tcp"])
    window.press("z")
    window.wait_for("3306/tcp")
    _quit(window)


def test_next_unknown_goes_to_a_port_that_answered_and_was_not_known(window, journal):
    _open(window, journal)

    window.press("g")
    window.wait_for("─ 7/tcp")
    window.press("n")
    window.wait_for("─ 9999/tcp")
    _quit(window)


def test_the_final_table_can_stay_in_the_terminal(window, journal):
    _open(window, journal)
    window.press("Q")
    window.wait_until(lambda screen: screen.rstrip().endswith(PROMPT.strip()), "the prompt")
    assert window.value("alternate_on") == "0"
    window.wait_for(ALL_SEEN, "scanned in")


def test_help_and_palette_open_find_and_close(window, journal):
    _open(window, journal)

    window.press("?")
    window.wait_for("type to find a key")
    window.write("zoom")
    window.wait_for("Give the whole screen to one pane", without=["Filter the ports"])
    window.press("Escape")
    window.wait_for("22/tcp", without=["to the list"])
    window.press("C-p")
    window.wait_for("Search for commands")
    window.write("unknown port")
    window.wait_for("unknown ports that are not marked done")
    window.press("Escape")
    window.wait_for("22/tcp", without=["unknown ports that are not marked done"])
    _quit(window)


def test_a_terminal_that_changes_its_size_keeps_working(window, journal):
    _open(window, journal)

    for width, height in ((80, 24), (60, 15), (120, 36)):
        window.resize(width, height)
        window.press("g")
        window.wait_for(TABLE, "7/tcp")
        window.press("j")
        window.wait_until(
            lambda screen, width=width, height=height: (
                len(screen.split("\n")) == height
                and max(map(len, screen.split("\n"))) <= width
                and "22/tcp" in screen
                and "/ filter" in screen.split("\n")[-1]
            ),
            f"a whole screen of {width}x{height}",
        )
    _quit(window)


def test_a_terminal_that_is_too_small_says_so_and_recovers(window, journal):
    _open(window, journal)

    window.resize(40, 10)
    window.wait_for("60", "15", without=[TABLE])
    window.resize(60, 15)
    window.wait_for(TABLE)
    _quit(window)


def test_hostile_bytes_are_shown_and_obeyed_by_nobody(window, journal):
    title = window.value("pane_title")
    _open(window, journal)

    window.press("G")
    window.wait_for("─ 9999/tcp")
    _go_to_response(window)
    window.press("v")
    screen = window.wait_for("[bold red]markup[/]", "[@click=app.bell]x[/]")

    assert "\x1b" not in screen
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in screen
    _quit(window)
    assert "owned" not in window.value("pane_title")
    assert window.value("pane_title") == title


@pytest.fixture
def hostile():
    """A port that greets with what would change a terminal that obeys it."""
    with socket.create_server((IPV4, 0)) as listener:

        def greet() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:  # the listener was shut
                    return
                with connection, suppress(ConnectionError):
                    connection.sendall(b"SSH-2.0-\x1b]0;owned\x07\x1b[2J[bold red]x[/]\x9b31m\r\n")
                    connection.recv(1)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_live_scan_of_a_hostile_server_shows_dots(window, hostile, tmp_path):
    title = window.value("pane_title")
    database = tmp_path / "greedy"
    database.write_text("Probe TCP NULL q||\nmatch ssh m|^SSH-2.0-(.*)\\r\\n|s p/$1/\n")

    window.run(*PROGRAM, "--versiondb", database, "-n", "-p", hostile, "--no-journal", IPV4)
    window.wait_for(f"{hostile}/tcp", "100%", ".]0;owned..[2J[bold red]x[/].31m")
    _quit(window)

    assert window.value("pane_title") == title
    window.run(*PROGRAM, "--headless", "--versiondb", database, "-n", "-p", hostile, IPV4)
    window.wait_for("Recorded in", ".]0;owned..[2J[bold red]x[/].31m")
    assert window.value("pane_title") == title


@pytest.fixture
def scanning(window, tmp_path):
    """A live scan that is under way, of a port that never answers."""
    with socket.create_server((IPV4, 0)) as mute:
        number = mute.getsockname()[1]
        window.run(
            *PROGRAM, "--versiondb", bundled("service-probes"), "-n", "-p", number,
            "--journal-dir", tmp_path / "journals", IPV4,
        )  # fmt: skip
        window.wait_for(TABLE, f"{number}/tcp")
        yield window


def test_a_live_scan_can_be_paused_and_goes_on(scanning):
    scanning.press("Space")
    scanning.wait_for("PAUSED")
    scanning.press("Space")
    scanning.wait_for(TABLE, without=["PAUSED"])
    _quit(scanning)


def test_quitting_a_live_scan_says_where_it_is_recorded(scanning, tmp_path):
    scanning.press("q")

    scanning.wait_for("Recorded in", PROMPT.strip())
    _assert_clean(scanning)
    (recorded,) = (tmp_path / "journals").glob("*.vscan.jsonl")
    assert '"event":"scan finished"' in recorded.read_text().splitlines()[-1]


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGINT], ids=lambda what: what.name)
def test_a_program_that_is_told_to_end_leaves_the_terminal_clean(scanning, what, tmp_path):
    os.kill(scanning.child(), what)

    _assert_clean(scanning)
    assert "Traceback" not in scanning.text()
    (recorded,) = (tmp_path / "journals").glob("*.vscan.jsonl")
    assert '"event":"scan finished"' in recorded.read_text().splitlines()[-1]


def _is_running(process) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_program_whose_terminal_is_gone_ends_and_closes_its_journal(scanning, tmp_path):
    program = scanning.child()

    scanning.tmux("kill-server")

    limit = time.monotonic() + 20
    while _is_running(program) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not _is_running(program)
    (recorded,) = (tmp_path / "journals").glob("*.vscan.jsonl")
    assert '"event":"scan finished"' in recorded.read_text().splitlines()[-1]


@pytest.mark.farm
def test_a_live_scan_names_a_real_server(window, farm):
    number = farm.port("openssh", "ssh")
    if number is None:
        pytest.skip(farm.why_absent("openssh"))

    window.run(
        *PROGRAM, "--versiondb", bundled("service-probes"), "-n", "-p", number, "--no-journal", IPV4
    )

    window.wait_for(f"{number}/tcp", "ssh", "OpenSSH", "100%", "match debugger")
    _quit(window)
