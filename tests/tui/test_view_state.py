"""What the user arranged on the screen is there again in the next run."""

import pytest

from tests.tui.driving import screen_text, settle, until
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.scanning.by_hand.breakpoints import Breakpoint, Occasion
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.proportions import LARGEST_SHARE
from vscan_tui.tui.view_state import FIRST_RUN, ViewState, load_view_state, save_view_state


def shown(view=FIRST_RUN):
    app = VscanApp(ScriptedSource(script()))
    app.restore_view(view)
    return app


async def test_columns_order_sizes_theme_and_breakpoints_are_there_again(tmp_path):
    app = shown()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        app.triage.ports.show_columns({"port", "state", "note"})
        await pilot.press("o", "O", "H", ">")
        app.theme = "vscan-light"
        app.hands.breakpoints.add(Breakpoint(Occasion.SERVICE, "http"))
    save_view_state(tmp_path / "screen.json", app.view_state)

    again = shown(load_view_state(tmp_path / "screen.json"))
    async with again.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        assert again.view_state == app.view_state
        assert again.theme == "vscan-light"
        assert again.triage.ports.columns == {"port", "state", "note"}
        assert again.triage.ports.ports.order == app.triage.ports.ports.order
        await pilot.press("b")
        await until(pilot, lambda: any("service http   disabled" in x for x in screen_text(again)))


async def test_a_first_run_leaves_what_a_first_run_begins_with():
    app = shown()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
    assert app.view_state == FIRST_RUN


async def test_what_cannot_be_is_left_out():
    app = shown(
        ViewState(
            columns=("colour",),
            sorted_by="colour",
            share=7.0,
            heights={"nothing": 3.0, "debugger": -1.0},
            theme="none",
            breakpoints=("line x", "no answer"),
        )
    )
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        kept = app.view_state
        assert kept.columns == ()
        assert kept.sorted_by == "host"
        assert kept.share == LARGEST_SHARE
        assert kept.heights == {}
        assert [str(each) for each in app.hands.breakpoints.all()] == ["no answer"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"share": "x"}', b"\xff\xfe", b"9" * 99999]
)
def test_a_file_that_is_damaged_is_as_good_as_none(tmp_path, content):
    path = tmp_path / "screen.json"
    path.write_bytes(content)
    assert load_view_state(path) == FIRST_RUN


def test_without_a_file_it_is_a_first_run(tmp_path):
    assert load_view_state(tmp_path / "none" / "screen.json") == FIRST_RUN
