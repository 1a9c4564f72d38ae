"""What the match debugger and the rule workbench look like; look before `--snapshot-update`."""

import pytest

from tests.tui.driving import HOST, settle, until
from tests.tui.scripted_scan import SSH_BANNER, START, ScriptedSource
from tests.tui.test_match_debugger import databases, port
from vscan_tui.events import HostFound, HostState
from vscan_tui.matching.investigation import Investigation
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.screens.workbench import WorkbenchScreen

SIZES = ((80, 24), (120, 36), (200, 60))
RESPONSES = (
    (SSH_BANNER,),
    (b"Zork 1.2 redy on host.example.org\r\n",),
    (b"Hello", b" world, this is Own 1.2\r\n"),
    (b"Zork 1.7 redy on other.example.org\r\n",),
)


@pytest.fixture
def looks(snap_compare):
    def compare(size, *keys):
        events = [HostFound(time=START, address=HOST, state=HostState.UP, reason="")]
        for number, reads in enumerate(RESPONSES, start=1):
            events += port(number, *reads)
        app = VscanApp(ScriptedSource(events), investigation=Investigation(databases))

        async def prepare(pilot):
            await settle(pilot)
            for key in keys:
                await pilot.press(key)
                await until(pilot, lambda: is_at_rest(app))
            await until(pilot, lambda: is_at_rest(app))
            await pilot.pause()

        return snap_compare(app, terminal_size=size, run_before=prepare)

    return compare


def is_at_rest(app):
    """Whether everything that is looked for has been found."""
    screen = app.screen
    if isinstance(screen, WorkbenchScreen):
        return bool(screen.editor.text) and screen._tried_text == screen.editor.text
    debugger = app.triage.debugger
    if not debugger._is_wanted():
        return True
    chosen = debugger.chosen
    return debugger.study is not None and chosen is not None and chosen.dissection is not None


@pytest.mark.parametrize("size", SIZES)
def test_a_rule_that_failed_and_the_part_that_did(looks, size):
    assert looks(size, "j", "tab", "tab", "tab", "full_stop")


@pytest.mark.parametrize("size", SIZES)
def test_all_rules_in_the_order_tried(looks, size):
    assert looks(size, "tab", "tab", "tab", "v")


@pytest.mark.parametrize("size", SIZES)
def test_a_draft_in_the_workbench(looks, size):
    assert looks(size, "j", "d")


def test_half_an_answer(looks):
    assert looks(SIZES[1], "j", "j", "tab", "tab", "tab")
