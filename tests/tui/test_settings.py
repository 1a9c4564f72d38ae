"""What the user has set, on the screen."""

import importlib
import pkgutil

import pytest
from textual import events
from textual.color import Color
from textual.dom import DOMNode

import vscan_tui.tui
from tests.tui.driving import screen_text, settle, until
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.configuration import Configuration
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.keymap import COMMAND_IDS
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
        text = " ".join(" ".join(line.strip(" │") for line in screen_text(app)).split())
        assert "not now: nothing is being scanned or played" in text


async def test_the_palette_offers_only_what_can_be_done_now():
    app = shown_with()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert "Quit" in titles
        assert not any(title.startswith("Pause") for title in titles)


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


def widgets_of_ours():
    """Every class of the screen that has keys of its own."""
    for module in pkgutil.walk_packages(vscan_tui.tui.__path__, "vscan_tui.tui."):
        members = vars(importlib.import_module(module.name)).values()
        yield from (
            each
            for each in members
            if isinstance(each, type)
            and each.__module__ == module.name
            and issubclass(each, DOMNode)
            and each.__dict__.get("BINDINGS")
        )


@pytest.mark.parametrize("widget", widgets_of_ours(), ids=lambda widget: widget.__name__)
def test_every_key_belongs_to_a_command_that_can_be_given_another(widget):
    for binding in widget.__dict__["BINDINGS"]:
        assert binding.id in COMMAND_IDS
        assert binding.tooltip


async def test_the_keys_of_a_window_and_of_its_line_can_be_chosen():
    app = shown_with(keys={"breakpoints.close": "f7", "filter.done": "f9"})
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("/", *"ssh", "f9")
        await until(pilot, lambda: app.triage.ports.has_focus)
        await pilot.press("b", "escape")
        await pilot.pause()
        assert "f7 close" in "".join(screen_text(app))
        await pilot.press("f7")
        await until(pilot, lambda: app.screen is app.triage)


async def test_the_help_begins_with_the_place_where_the_user_is():
    app = shown_with()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        app.triage.set_focus(app.triage.debugger)
        await pilot.press("?")
        await pilot.pause()
        shown = "".join(screen_text(app))
        assert shown.index("Here, in the match debugger") < shown.index("Select the next part")


async def test_the_help_finds_a_command_by_its_key_alone():
    app = shown_with()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("?", "Y")
        await pilot.pause()
        shown = "".join(screen_text(app))
        assert "Copy bytes in another notation" in shown
        assert "Copy the selected line" not in shown


async def test_the_help_says_where_a_command_works():
    app = shown_with()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("?", *"ctrl+g")
        await pilot.pause()
        assert any("(only in the composer)" in line for line in screen_text(app))


async def test_keys_and_letters_keep_the_order_in_which_they_are_typed():
    app = shown_with()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        await pilot.press("/")
        await until(pilot, lambda: app.triage.filter_bar.has_focus_within)
        for key in ("h", "t", "x", "backspace", "t", "p", "home", "!"):
            app.simulate_key(key) if len(key) > 1 else app.post_message(events.Key(key, key))
        await until(pilot, lambda: app.triage.filter_bar.words.startswith("!"))
        assert app.triage.filter_bar.words == "!http"


async def test_what_sends_something_is_not_offered_where_nothing_can_be_sent():
    app = shown_with()
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        titles = [command.title for command in app.get_system_commands(app.screen)]
        assert "Hold this port, and step" not in titles
        footer = screen_text(app)[-1]
        assert "filter" in footer
        assert "compose" not in footer
        assert " s step" not in footer
        await pilot.press("?", *"hold this port")
        await pilot.pause()
        assert any("this recording has no servers" in line for line in screen_text(app))
