"""A scan without a screen, in a real terminal: progress while it runs, and nothing left of it."""

import os
import shlex
import signal
import socket

import pytest

from tests.end_to_end.terminal import PROMPT
from tests.farm.program import PROGRAM
from tests.farm.servers import IPV4

pytestmark = pytest.mark.tmux


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "patient"
    path.write_text("Probe TCP NULL q||\ntotalwaitms 300000\nmatch greeter m|^hello|\n")
    return path


@pytest.fixture
def mute():
    """A TCP port that takes connections and never says anything."""
    with socket.create_server((IPV4, 0)) as listener:
        yield listener.getsockname()[1]


def test_progress_is_shown_and_gone_when_interrupted(window, database, mute):
    window.run(*PROGRAM, "--headless", "--versiondb", database, "-n", "-p", mute, IPV4)
    window.wait_for("Services asked", "0/1")

    os.kill(window.child(), signal.SIGINT)

    window.wait_for("Recorded in", f"{mute}/tcp open", without=["Services asked", "Traceback"])
    window.wait_until(lambda screen: screen.rstrip().endswith(PROMPT.strip()), "the prompt")
    assert window.value("cursor_flag") == "1"
    assert "status=130" in window.ask("echo status=$status")


def test_progress_does_not_get_into_what_is_redirected(window, database, tmp_path):
    report = tmp_path / "report"
    words = (*PROGRAM, "--headless", "--versiondb", database, "-n", "-p", 1, IPV4)
    window.write(f"{shlex.join(map(str, words))} > {report}")
    window.press("Enter")

    window.wait_for("Recorded in")
    assert "\x1b" not in report.read_text()
    assert "1/tcp closed" in report.read_text()


def test_how_far_a_scan_is_is_said_every_so_often_where_nobody_sees_a_bar(
    window, database, mute, tmp_path
):
    told = tmp_path / "told"
    words = (*PROGRAM, "--headless", "--stats-every", "200ms", "--versiondb", database, "-n")
    window.write(f"{shlex.join(map(str, (*words, '-p', mute, IPV4)))} 2> {told}")
    window.press("Enter")

    window.wait_until(
        lambda _: told.exists() and "1 of 1 ports looked for, 0 of 1 services" in told.read_text(),
        "a line about how far it is",
    )
    os.kill(window.child(), signal.SIGINT)
    window.wait_for(f"{mute}/tcp open")
