"""What the screen looks like; look at a difference before `--snapshot-update`."""

import pytest

from tests.tui.driving import HOST, settle
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.configuration import Configuration
from vscan_tui.tui.app import VscanApp

JOURNAL = "/home/you/.local/state/vscan/2023-11-14T22-13-20.jsonl"
NOTE = "This is a recording of real servers. Scan your own: vscan 127.0.0.1"
SMALL, MIDDLE, LARGE = (80, 24), (120, 36), (200, 60)


@pytest.fixture
def looks(snap_compare):
    def compare(size, *keys, hosts=(HOST,), ended=True, theme="vscan-dark", note=""):
        source = ScriptedSource(script(*hosts, ended=ended), stays_open=not ended)
        app = VscanApp(source, configuration=Configuration(theme=theme), journal=JOURNAL, note=note)

        async def prepare(pilot):
            await settle(pilot)
            await pilot.press(*keys)
            await settle(pilot)

        return snap_compare(app, terminal_size=size, run_before=prepare)

    return compare


@pytest.mark.parametrize("theme", ["vscan-dark", "vscan-light"])
@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_a_hard_match_with_a_selected_group(looks, size, theme):
    assert looks(size, "j", "]", "]", theme=theme)


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
def test_an_unknown_port_with_hostile_bytes(looks, size):
    assert looks(size, "n", "tab", "tab")


def test_a_scan_under_way(looks):
    assert looks(MIDDLE, "n", "k", "k", ended=False, note=NOTE)


def test_two_hosts(looks):
    assert looks(MIDDLE, "G", hosts=(HOST, "127.0.0.2"))


def test_a_filter(looks):
    assert looks(MIDDLE, "/", *"http", "enter")


def test_a_zoomed_response_as_escapes(looks):
    assert looks(MIDDLE, "j", "j", "tab", "tab", "z", "x", "x")


def test_a_small_terminal(looks):
    assert looks((60, 15), "j", "j", "tab", "tab", "tab")


def test_the_help(looks):
    assert looks(MIDDLE, "?")
