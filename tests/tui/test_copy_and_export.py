"""Copy as…, and the export of an exchange."""

import base64

import pytest
from textual.widgets import Input

from tests.tui.driving import HOST, pane_text, screen_text, settle, until
from tests.tui.scripted_scan import GET, NGINX_PAGE, SSH_BANNER, ScriptedSource, script
from vscan_tui.session.notation import NOTATIONS
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.screens.copy_as import CopyAsScreen
from vscan_tui.tui.screens.export import ExportScreen, free_name

MIDDLE = (120, 36)


def program():
    return VscanApp(ScriptedSource(script(HOST)))


async def open_at(pilot, *keys):
    await settle(pilot)
    await pilot.press(*keys)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("h", "53 53 48"),
        ("t", "SSH"),
        ("c", '"SSH"'),
        ("p", "b'SSH'"),
        ("l", "Probe TCP Copied q|SSH|"),
        ("b", base64.b64encode(b"SSH").decode()),
        ("d", "00000000  53 53 48                                          SSH"),
    ],
)
async def test_the_selection_is_copied_in_the_notation_of_a_letter(key, text):
    app = program()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_at(pilot, "j", "tab", "tab", "V", "right", "right", "Y")
        assert isinstance(app.screen, CopyAsScreen)
        assert "copy 3 B, the selection, as" in "".join(screen_text(app))
        await pilot.press(key)
        assert app.clipboard == text
        assert not isinstance(app.screen, CopyAsScreen)


async def test_without_a_selection_it_is_the_group_or_the_whole_response():
    app = program()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_at(pilot, "j", "Y")
        assert f"copy {len(SSH_BANNER)} B, the whole response, as" in "".join(screen_text(app))
        await pilot.press("escape", "]", "]", "Y", "p")
        assert app.clipboard == "b'9.2p1'"


async def test_what_was_sent_is_copied_as_the_line_of_its_probe():
    app = program()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_at(pilot, "j", "j", "tab", "tab", "p", "up", "up")
        await pilot.press("home", "V", *["shift+down"] * 5, "Y", "l")
        assert app.clipboard == r"Probe TCP GetRequest q|GET / HTTP/1.0\r\n\r\n|"


async def test_the_notation_under_the_cursor_is_chosen_with_enter():
    app = program()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_at(pilot, "j", "Y", "down", "down", "enter")
        assert app.clipboard == r'"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"'


async def test_each_notation_shows_how_it_begins():
    app = program()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_at(pilot, "n", "Y")
        rows = pane_text(app.screen.query_one("#notations"))
        assert len([row for row in rows if row.strip()]) == len(NOTATIONS) + 1
        assert all(row.isprintable() for row in rows)


async def test_an_exchange_is_written_where_the_user_says(tmp_path):
    app = program()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_at(pilot, "j", "j", "x")
        assert isinstance(app.screen, ExportScreen)
        words = app.screen.query_one(Input)
        assert words.value == "vscan-127.0.0.1-tcp80-exchange2.txt"
        words.value = str(tmp_path / "a.txt")
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, ExportScreen))
    text = (tmp_path / "a.txt").read_text(encoding="ascii")
    assert text.startswith("# 127.0.0.1:80/tcp, exchange 2, probe GetRequest\n")
    assert f"000000 {GET[:16].hex(' ')}\n" in text
    assert NGINX_PAGE[-8:].hex(" ") in text


async def test_what_keeps_an_export_from_being_written_is_told_and_another_name_helps(tmp_path):
    (tmp_path / "there.txt").write_text("precious")
    app = program()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_at(pilot, "j", "x")
        words = app.screen.query_one(Input)
        for name, trouble in [
            ("there.txt", "This file exists already"),
            ("nowhere/a.txt", "It cannot be written"),
            ("nul\0", "It cannot be written"),
        ]:
            words.value = str(tmp_path / name)
            await pilot.press("enter")
            await until(pilot, lambda wanted=trouble: wanted in "".join(screen_text(app)))
        words.value = str(tmp_path / "free.txt")
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, ExportScreen))
    assert (tmp_path / "there.txt").read_text() == "precious"
    assert (tmp_path / "free.txt").exists()


async def test_escape_leaves_the_export(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = program()
    async with app.run_test(size=MIDDLE) as pilot:
        await open_at(pilot, "j", "x", "escape")
        assert not isinstance(app.screen, ExportScreen)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_offered_is_free_and_possible_everywhere(tmp_path):
    assert free_name("vscan-fe80::1%eth0-tcp80", ".txt", tmp_path) == "vscan-fe80--1-eth0-tcp80.txt"
    (tmp_path / "a.txt").touch()
    (tmp_path / "a-2.txt").touch()
    assert free_name("a", ".txt", tmp_path) == "a-3.txt"
