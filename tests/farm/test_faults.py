"""Whatever a user gets wrong: one clear sentence and the right exit status, and no traceback."""

import os
import shlex
import subprocess

import pytest

from tests.farm import program
from tests.farm.servers import IPV4

BROKEN_DATABASE = "These are lines\nof something else.\n"
HALF_BROKEN_DATABASE = "Probe TCP NULL q||\nmatch one m|^(|\nmatch two m|^hello| p/Greeter/\n"


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "broken"
    path.write_text(BROKEN_DATABASE)
    return path


@pytest.fixture
def half_broken(tmp_path):
    path = tmp_path / "half"
    path.write_text(HALF_BROKEN_DATABASE)
    return path


def _said(done) -> list[str]:
    """The lines on standard error, but for where the journal is."""
    assert "Traceback" not in done.stderr + done.stdout
    return [line for line in done.stderr.splitlines() if not line.startswith("Recorded in ")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--pace", "step", "-p", "1", IPV4], "--pace step needs the screen"),
        (["-p", "99999", IPV4], '"99999" is out of range'),
        (["-p", "20-10", IPV4], '"20-10" is backwards'),
        (["-p", "1,,2", IPV4], '"1,,2" has an empty part'),
        (["-p", "no-such-service", IPV4], '"no-such-service"'),
        (["-sS", IPV4], "-sS (SYN scan) is not supported"),
        (["--script=all", IPV4], "--script (scripts) is not supported"),
        (["--no-such-option", IPV4], '"--no-such-option"'),
        (["-T9", IPV4], '"9"'),
        ([], "No target"),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else "",
)
def test_a_command_line_that_makes_no_sense_is_refused(words, told):
    done = program.run(*words)

    (sentence,) = _said(done)
    assert done.returncode == 2
    assert sentence.startswith("vscan: ")
    assert told in sentence
    assert done.stdout == ""


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_standard_streams_that_are_closed_take_nothing_from_a_report(closed, tmp_path):
    report = tmp_path / "report.xml"
    words = ("--headless", "--no-journal", "-n", "-p", "1", "-oX", str(report), IPV4)
    command = f"exec {shlex.join([*program.PROGRAM, *words])} {closed}"
    done = subprocess.run(
        ["/bin/sh", "-c", command], env=program.environment(), capture_output=True, check=False
    )
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr + done.stdout
    text = report.read_text()
    assert text.startswith("<?xml")
    assert text.rstrip().endswith("</nmaprun>")


def test_an_unknown_host_is_named():
    done = program.run("--headless", "-p", "1", "no-such-host.invalid")

    (sentence,) = _said(done)
    assert done.returncode == 1
    assert "no-such-host.invalid" in sentence


def test_an_unknown_host_does_not_keep_others_from_being_scanned():
    done = program.run("--headless", "-n", "-p", "1", "no-such-host.invalid", IPV4)

    (sentence,) = _said(done)
    assert done.returncode == 1
    assert "no-such-host.invalid" in sentence
    assert program.port_lines(done.stdout)[0].startswith("1/tcp")


def test_a_database_that_is_none_is_named(broken):
    done = program.run("--headless", "--versiondb", broken, IPV4)

    (sentence,) = _said(done)
    assert done.returncode == 1
    assert f"{broken}:1:" in sentence


def test_a_database_that_is_not_there_is_named(tmp_path):
    done = program.run("--headless", "--versiondb", tmp_path / "absent", IPV4)

    (sentence,) = _said(done)
    assert done.returncode == 1
    assert str(tmp_path / "absent") in sentence


def test_a_bad_line_of_a_database_is_told_and_left_out(half_broken):
    done = program.run("--headless", "-n", "--versiondb", half_broken, "-p", "1", IPV4)

    (sentence,) = _said(done)
    assert done.returncode == 0
    assert f"{half_broken}:2:" in sentence
    assert program.port_lines(done.stdout)


def test_a_bad_line_of_a_database_ends_a_strict_scan(half_broken):
    done = program.run("--headless", "--strict", "--versiondb", half_broken, "-p", "1", IPV4)

    assert f"{half_broken}:2:" in _said(done)[0]
    assert done.returncode == 1
    assert done.stdout == ""


def test_without_a_place_for_the_journal_the_scan_goes_on(tmp_path):
    taken = tmp_path / "a-file"
    taken.write_text("where a folder should be")

    done = program.run(
        "--headless", "-n", "-p", "1", IPV4, env=program.environment(XDG_STATE_HOME=str(taken))
    )

    (sentence,) = _said(done)
    assert done.returncode == 0
    assert "not recorded" in sentence
    assert program.port_lines(done.stdout)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_in_a_read_only_state_folder_the_scan_goes_on(tmp_path):
    state = tmp_path / "state"
    state.mkdir(mode=0o500)

    done = program.run(
        "--headless", "-n", "-p", "1", IPV4, env=program.environment(XDG_STATE_HOME=str(state))
    )

    (sentence,) = _said(done)
    assert done.returncode == 0
    assert "not recorded" in sentence
    assert program.port_lines(done.stdout)


def test_a_report_that_cannot_be_written_is_named_and_the_scan_is_shown(tmp_path):
    absent = tmp_path / "absent" / "report.xml"

    done = program.run("--headless", "-n", "-p", "1", "-oX", absent, IPV4)

    (sentence,) = _said(done)
    assert done.returncode == 1
    assert str(absent) in sentence
    assert program.port_lines(done.stdout)


@pytest.mark.parametrize("content", ["", "{}\n", '{"journal":"vscan","version":99}\n'])
def test_a_file_that_is_no_journal_is_named(tmp_path, content):
    path = tmp_path / "something"
    path.write_text(content)

    done = program.run("open", path, "--headless")

    (sentence,) = _said(done)
    assert done.returncode == 1
    assert str(path) in sentence


def test_a_journal_that_is_not_there_is_named(tmp_path):
    done = program.run("open", tmp_path / "absent", "--headless")

    (sentence,) = _said(done)
    assert done.returncode == 1
    assert str(tmp_path / "absent") in sentence
