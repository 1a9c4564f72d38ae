"""What the response pane looks like; look at a difference before `--snapshot-update`."""

import pytest

from tests.tui.driving import settle, until
from tests.tui.scripted_scan import ScriptedSource
from tests.tui.test_response import LARGE, MIDDLE, TO_RESPONSE, talk
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.rendering.line import Layer


@pytest.mark.parametrize("size", [(80, 24), MIDDLE, LARGE])
def test_reads_hits_and_a_selection(snap_compare, size):
    app = VscanApp(ScriptedSource(talk()))

    async def prepare(pilot):
        await settle(pilot)
        await pilot.press(*TO_RESPONSE)
        pane = app.triage.response
        pane.search("mail")
        await until(pilot, lambda: pane.found is not None and pane.found.count == 2)
        pane.show_rule((), (((17, 22), Layer.MET), ((22, 23), Layer.STOP)))
        await pilot.press("p", "j", "shift+right", "shift+right", "shift+right")
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=prepare)


def test_the_timeline(snap_compare):
    app = VscanApp(ScriptedSource(talk()))

    async def prepare(pilot):
        await settle(pilot)
        await pilot.press("t")

    assert snap_compare(app, terminal_size=MIDDLE, run_before=prepare)
