"""What it looks like to ask by hand; look at a difference before `--snapshot-update`."""

import pytest

from tests.tui.driving import HOST, settle, tcp, until
from tests.tui.scripted_scan import ScriptedSource, script
from tests.tui.scripted_transport import hand
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.screens.breakpoints import BreakpointsScreen
from vscan_tui.tui.screens.composer import ComposerScreen
from vscan_tui.tui.screens.pick import PickScreen

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])


@pytest.fixture
def looks(snap_compare):
    def compare(size, prepare, port=80):
        source = ScriptedSource(script(HOST), is_recording=False)
        app = VscanApp(source, by_hand=hand, clock=lambda: 0.0)

        async def run(pilot):
            await settle(pilot)
            app.triage.show_port(tcp(port))
            await pilot.pause()
            await prepare(pilot)
            await settle(pilot)

        return snap_compare(app, terminal_size=size, run_before=run)

    return compare


async def hold(pilot):
    """Hold port 80 before its first action, when nothing has been measured yet."""
    await pilot.press("s")
    await until(pilot, lambda: pilot.app.store.ports[tcp(80)].held is not None)
    await until(pilot, lambda: pilot.app.focused is pilot.app.triage.step_pane)


async def breakpoints(pilot):
    await pilot.press("b")
    await until(pilot, lambda: isinstance(pilot.app.screen, BreakpointsScreen))
    await pilot.press("enter", "down", "enter", "enter")


async def compose(pilot):
    await pilot.press("e")
    await until(pilot, lambda: isinstance(pilot.app.screen, ComposerScreen))
    await pilot.press("enter", *"---", "enter", "A", *r"\q")


async def pick(pilot):
    await hold(pilot)
    await pilot.press("p")
    await until(pilot, lambda: isinstance(pilot.app.screen, PickScreen))
    await pilot.press("down", "down")


@SIZES
def test_a_port_that_is_held(looks, size):
    assert looks(size, hold)


@SIZES
def test_the_composer_with_a_fault(looks, size):
    assert looks(size, compose)


def test_the_breakpoints(looks):
    assert looks((120, 36), breakpoints)


def test_a_list_of_probes(looks):
    assert looks((80, 24), pick)
