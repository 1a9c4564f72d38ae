"""Before more than 4,096 hosts are scanned somebody has to say that it is meant."""

import io
import sys

import pytest

from vscan_tui.cli import main
from vscan_tui.commands import scan as module
from vscan_tui.commands.consent import refused
from vscan_tui.commands.status import ExitStatus


class Keyboard(io.StringIO):
    def isatty(self):
        return True


def at_a_terminal(monkeypatch, typed):
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


def test_4096_hosts_are_scanned_without_a_question():
    assert refused(4096, may_be_many=False) is None


def test_more_are_refused_where_nobody_can_be_asked(capsys, monkeypatch):
    monkeypatch.setattr(module, "live_scan", None)  # nothing may begin
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["--headless", "-n", "-p", "1", "127.0.0.0/19"]) == 2
    told = capsys.readouterr().err
    assert told == (
        "vscan: 8,192 hosts are to be scanned, more than 4,096: say --yes if that is meant.\n"
    )


def test_what_is_excluded_does_not_count():
    options = module.prepared(
        module.ScanOptions(targets=("127.0.0.0/19",), exclude=("127.0.0.0/20",))
    )
    assert module._hosts(options) == 4096


def test_yes_says_that_it_is_meant():
    assert refused(1_000_000, may_be_many=True) is None


@pytest.mark.parametrize("answer", ["y\n", "YES\n"])
def test_at_a_terminal_one_is_asked_once(monkeypatch, capsys, answer):
    at_a_terminal(monkeypatch, answer)
    assert refused(5000, may_be_many=False) is None
    assert capsys.readouterr().err.count("Go on?") == 1


@pytest.mark.parametrize("answer", ["", "\n", "n\n", "what?\n"])
def test_whoever_does_not_say_yes_sends_nothing(monkeypatch, capsys, answer):
    at_a_terminal(monkeypatch, answer)
    assert refused(5000, may_be_many=False) is ExitStatus.FAILED
    assert "nothing is sent" in capsys.readouterr().err
