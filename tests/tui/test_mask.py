"""The mask: a picture of the screen tells nothing of whose network it is."""

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tests.tui.driving import screen_text, settle, until
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.configuration import Configuration
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.mask import Mask
from vscan_tui.tui.rendering.hexdump import View, frame, part


@pytest.mark.parametrize(
    ("shown", "hidden"),
    [
        ("10.1.22.3:80/tcp", "xx.x.xx.x:80/tcp"),
        ("fe80::1 and 2001:db8::17", "xxxx::x and xxxx:xxx::xx"),
        ("00:11:22:aa:bb:cc", "xx:xx:xx:xx:xx:xx"),
        ("mail.example.org (10.0.0.1)", "xxxx.xxxxxxx.xxx (xx.x.x.x)"),
        ("MAIL.example.ORG", "xxxx.xxxxxxx.xxx"),
        ("¹mail.example.org²", "¹xxxx.xxxxxxx.xxx²"),
        ("²10.0.0.1…", "²xx.x.x.x…"),
        ("smtp (at mail.exam…", "smtp (at xxxx.xxxx…"),
    ],
)
def test_addresses_and_known_names_are_hidden(shown, hidden):
    assert Mask({"mail.example.org"}).hide(shown) == hidden


@pytest.mark.parametrize(
    "text",
    [
        "OpenSSH 9.2p1",
        "12:30:45",
        "00:07",
        "nginx 1.22.1",
        "::",
        "a: b",
        "face",
        "emails",
        "nginx 1.2…",
    ],
)
def test_what_is_no_address_is_shown(text):
    assert Mask({"mail"}).hide(text) == text


def test_an_address_is_hidden_that_is_drawn_in_several_colours():
    segments = [Segment("10.0", Style(bold=True)), Segment(".0.1 is up")]
    masked = Mask(()).apply(segments, Color.parse("black"))
    assert [(segment.text, segment.style) for segment in masked] == [
        ("xx.x", Style(bold=True)),
        (".x.x is up", None),
    ]


async def test_the_whole_screen_is_masked_and_shown_again_with_a_key():
    app = VscanApp(ScriptedSource(script("127.0.0.1", "127.0.0.2")))
    async with app.run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        assert "127.0.0.2" in "".join(screen_text(app))
        await pilot.press("K")
        await until(pilot, lambda: "127.0.0" not in "".join(screen_text(app)))
        assert "MASKED" in screen_text(app)[0]
        await pilot.press("K")
        await until(pilot, lambda: "127.0.0.2" in "".join(screen_text(app)))


async def test_the_mask_can_be_set_from_the_beginning():
    app = VscanApp(ScriptedSource(script("127.0.0.1")), configuration=Configuration(mask=True))
    async with app.run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        await until(pilot, lambda: "nginx" in "".join(screen_text(app)))
        assert "127.0.0.1" not in "".join(screen_text(app))


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("columns", [3, 8, 16])
def test_an_address_is_hidden_in_a_dump_too_though_lines_break_it(view, columns):
    response = b"220 welcome to 192.168.17.201 and farewell\r\n"
    shown = part(response, (0, len(response)), frame(view, len(response), 60))
    shown.hide = Mask(()).hide_bytes
    lines = [shown.shown_bytes(at, at + columns) for at in range(0, len(response), columns)]
    assert b"".join(lines) == b"220 welcome to xxx.xxx.xx.xxx and farewell\r\n"


async def test_the_hexdump_is_masked_with_the_rest():
    app = VscanApp(ScriptedSource(script("127.0.0.1")))
    async with app.run_test(size=(160, 40)) as pilot:
        await settle(pilot)
        await pilot.press("j", "K")
        await until(pilot, lambda: "MASKED" in screen_text(app)[0])
        assert app.triage.response._dump._bands[0].parts[0][1].hide is not None
        await pilot.press("K")
        await until(pilot, lambda: "MASKED" not in screen_text(app)[0])
        assert app.triage.response._dump._bands[0].parts[0][1].hide is None
