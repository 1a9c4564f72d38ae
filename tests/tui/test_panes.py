"""The arrangement of the panes: for the terminal's size, and as the user changes it."""

import pytest

from tests.tui.driving import HOST, screen_text, settle, tcp, until
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.proportions import LARGEST_SHARE, SMALLEST_SHARE, Proportions
from vscan_tui.tui.screens.jump import JumpScreen, labels


def app_of_a_scan():
    return VscanApp(ScriptedSource(script(HOST)))


@pytest.mark.parametrize(
    ("size", "shown"),
    [((80, 24), 3), ((120, 36), 4), ((200, 60), 4), ((80, 18), 1)],
)
async def test_a_terminal_shows_as_many_panes_as_it_has_room_for(size, shown):
    app = app_of_a_scan()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        assert sum(pane.is_on_screen for pane in app.triage.panes) == shown


async def test_below_few_ports_the_details_have_the_room_that_is_left():
    app = app_of_a_scan()
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        ports = app.triage.ports
        assert ports.size.height > 5
        app.triage.body.fit_ports(4)
        await until(pilot, lambda: ports.size.height == 5)
        await pilot.press(">")
        await until(pilot, lambda: ports.size.height > 5)


async def test_a_wide_terminal_has_the_debugger_beside_the_response():
    app = app_of_a_scan()
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        assert app.triage.debugger.region.x > app.triage.response.region.right - 1
        assert app.triage.response.region.y > app.triage.exchanges.region.y


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_keys_give_the_ports_more_room_and_less(size):
    app = app_of_a_scan()
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        ports = app.triage.ports
        before = ports.region.area
        await pilot.press(">", ">")
        await until(pilot, lambda: ports.region.area > before)
        await pilot.press("<", "<", "<", "<")
        await until(pilot, lambda: ports.region.area < before)


async def test_keys_make_a_pane_taller_and_shorter_until_only_its_heading_and_a_line_are_left():
    app = app_of_a_scan()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("tab", "tab")
        response = app.triage.response
        before = response.size.height
        await pilot.press("+")
        await until(pilot, lambda: response.size.height > before)
        await pilot.press(*"-" * 30)
        await until(pilot, lambda: response.size.height <= 3)
        assert response.size.height >= 1


async def test_the_mouse_drags_the_border_beside_the_ports():
    app = app_of_a_scan()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        details = app.triage.body.details
        await pilot.mouse_down(offset=(details.region.x, 10))
        await pilot.hover(offset=(80, 10))
        await pilot.mouse_up(offset=(80, 10))
        await until(pilot, lambda: abs(details.region.x - 80) <= 1)


async def test_the_mouse_drags_the_heading_of_a_pane():
    app = app_of_a_scan()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        response = app.triage.response
        place = response.region.offset + (5, 0)
        await pilot.mouse_down(offset=place)
        await pilot.hover(offset=place + (0, 4))
        await pilot.mouse_up(offset=place + (0, 4))
        await until(pilot, lambda: abs(response.region.y - place.y - 4) <= 1)


async def test_two_clicks_on_a_heading_zoom_its_pane():
    app = app_of_a_scan()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.click(app.triage.response, offset=(2, 0), times=2)
        await until(pilot, lambda: app.triage.body.is_zoomed)
        assert app.triage.focused_pane is app.triage.response


async def test_a_count_repeats_a_movement():
    app = app_of_a_scan()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        ports = app.triage.ports
        await pilot.press("3", "j")
        assert ports.cursor == 3
        await pilot.press("2", "k", "k")
        assert ports.cursor == 0
        await pilot.press("4", "G")
        assert ports.cursor == 3
        await pilot.press(*"999999999999999", "j")
        assert ports.cursor == ports.line_count - 1


async def test_a_jump_label_leads_to_the_line_that_it_stands_on():
    app = app_of_a_scan()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press(";")
        assert isinstance(app.screen, JumpScreen)
        rows = screen_text(app)
        place = app.triage.ports.region.y + 1 + 2
        label = rows[place][: 2 if len(labels(40)[0]) == 2 else 1]
        await pilot.press(*label)
        await until(pilot, lambda: app.screen is app.triage)
        assert app.triage.port.endpoint == app.triage.ports.ports.item(2).port.endpoint


@pytest.mark.parametrize("key", ["escape", "semicolon", "1"])
async def test_jump_labels_go_away_with_a_key_that_is_none(key):
    app = app_of_a_scan()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        at = app.triage.port.endpoint
        await pilot.press(";", key)
        await until(pilot, lambda: app.screen is app.triage)
        assert app.triage.port.endpoint == at == tcp(at.port)


@pytest.mark.parametrize("count", [1, 26, 27, 600])
def test_no_jump_label_begins_another(count):
    made = labels(count)
    assert len(set(made)) == count
    assert len({len(label) for label in made}) == 1


def test_shares_and_heights_stay_within_bounds():
    assert Proportions().with_share(7).share == LARGEST_SHARE
    assert Proportions().with_share(-1).share == SMALLEST_SHARE
    heights = {"a": 5.0, "b": 3.0}
    assert Proportions().dragged("a", "b", heights, 100).heights == {"a": 6.0, "b": 2.0}
    assert Proportions().dragged("a", "b", heights, -100).heights == {"a": 2.0, "b": 6.0}
    assert Proportions().grown("a", heights, -50).heights == {"a": 2.0, "b": 6.0}
    assert Proportions().grown("a", heights, 50).heights == {"a": 6.0, "b": 2.0}


async def test_another_pane_takes_the_cursor_without_laying_out_the_screen(monkeypatch):
    app = VscanApp(ScriptedSource(script(HOST)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        laid_out = []
        lay_out = type(app.screen)._refresh_layout
        monkeypatch.setattr(
            app.screen,
            "_refresh_layout",
            lambda *given, **named: laid_out.append(1) or lay_out(app.screen, *given, **named),
        )
        for _ in range(4):
            await pilot.press("tab")
            await pilot.pause(0.05)
        assert app.triage.focused_pane is app.triage.ports
        assert not laid_out
        await pilot.press("z")
        await until(pilot, lambda: laid_out)
