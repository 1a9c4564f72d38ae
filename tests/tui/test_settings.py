"""What the user has set, on the screen."""

import pytest
from textual.color import Color

from tests.tui.driving import screen_text, settle, until
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.configuration import Configuration
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.rendering.line import Role, Run
from vscan_tui.tui.themes import CONTRAST, palette


def shown_with(**settings):
    return VscanApp(ScriptedSource(script()), configuration=Configuration(**settings))


async def test_a_command_has_the_keys_that_the_user_chose():
    app = shown_with(keys={"panes.zoom": "f2,Z"})
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("z")
        assert not app.triage.body.is_zoomed
        await pilot.press("Z")
        await until(pilot, lambda: app.triage.body.is_zoomed)
        await pilot.press("f2")
        await until(pilot, lambda: not app.triage.body.is_zoomed)


async def test_help_and_footer_show_the_keys_that_the_user_chose():
    app = shown_with(keys={"panes.zoom": "f2"})
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        assert "f2 zoom" in screen_text(app)[-1]
        await pilot.press("?", *"zoom")
        await pilot.pause()
        assert any("f2" in line and "whole screen" in line for line in screen_text(app))


async def test_mistakes_in_the_settings_are_told_once_the_screen_is_there():
    app = shown_with(problems=("config.toml:3: a mistake",), keys={"scan.pause": "z"})
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: "config.toml:3: a mistake" in "".join(screen_text(app)))
        assert 'the key "z" is that of scan.pause' in "".join(screen_text(app))


async def test_the_help_says_why_a_command_can_do_nothing_now():
    app = shown_with()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("?", *"pause")
        await pilot.pause()
        assert any("not now: nothing is being scanned" in line for line in screen_text(app))


async def test_the_palette_offers_only_what_can_be_done_now():
    app = shown_with()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert "Quit" in titles
        assert "Pause or resume the scan" not in titles


def luminance(colour):
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("role", [role for role in Role if role.name not in {"RULE", "BAR_LEFT"}])
@pytest.mark.parametrize("group", [0, 1, 2, 3, 4, 5, 6, 7])
def test_the_contrast_theme_keeps_every_text_seven_to_one(role, group):
    style = palette(CONTRAST).style(Run("x", role, group=group))
    front, back = (Color.from_rich_color(colour) for colour in (style.color, style.bgcolor))
    brighter, darker = sorted((luminance(front), luminance(back)), reverse=True)
    assert (brighter + 0.05) / (darker + 0.05) >= 7
