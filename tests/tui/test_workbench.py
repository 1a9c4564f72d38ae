"""The rule workbench: a rule is written, checked, tried, saved, and changes the session."""

from dataclasses import replace

import pytest

from tests.tui.driving import HOST, pane_text, settle, tcp, until
from tests.tui.scripted_scan import SSH_BANNER, START, ScriptedSource
from tests.tui.test_match_debugger import databases, port
from vscan_tui.commands.submission import submission
from vscan_tui.events import HostFound, HostState, Outcome
from vscan_tui.matching.investigation import Investigation
from vscan_tui.probedb import overlay, sources
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseSource, load
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.rendering.standing import NEW_RULE
from vscan_tui.tui.screens.workbench import WorkbenchScreen

MIDDLE = (120, 36)
ZORK = b"Zork 1.2 redy on host.example.org\r\n"
OTHER = b"Zork 1.7 redy on other.example.org\r\n"
LINE = r"match zork m|^Zork ([\d.]+) redy on ([\w.-]+)\r?\n| p/Zork/ v/$1/ h/$2/"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The folder of the user's own rules."""
    folder = tmp_path / "own"
    for module in (sources, overlay):
        monkeypatch.setattr(module, "overlay_folder", lambda: folder)
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def open_app(own):
    def again():
        return ProbeDatabases((load(DatabaseSource("own", own)), *databases().databases))

    def opened(*responses):
        events = [HostFound(time=START, address=HOST, state=HostState.UP, reason="")]
        for number, response in enumerate(responses, start=1):
            events += port(number, response)
        app = VscanApp(ScriptedSource(events), investigation=Investigation(databases, again))
        app.triage.submission = submission
        return app

    return opened


async def open_workbench(pilot, *keys):
    await settle(pilot)
    await pilot.press(*keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, WorkbenchScreen))
    screen = pilot.app.screen
    await until(pilot, lambda: screen.editor.text)
    return screen


async def tried(pilot, screen):
    """Wait until what is written has been tried."""
    await until(
        pilot,
        lambda: screen._tried_text == screen.editor.text and screen._checked is not None,
    )
    await pilot.pause()


def found(screen):
    return [line.strip() for line in pane_text(screen.findings)[1:] if line.strip()]


def said(screen):
    return screen._message.render_line(0).text


def verdict(screen):
    return screen._verdict.render_line(0).text


async def test_a_draft_is_tried_on_every_response_of_the_session(open_app):
    app = open_app(SSH_BANNER, ZORK, OTHER)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "j", "d")
        await tried(pilot, screen)
        lines = found(screen)
        heading = pane_text(screen.findings)[0]
        assert screen.editor.text == LINE
        assert "hits 2  steals 0  misses 1" in heading
        assert [line[:6] for line in lines] == ["+ hits", "+ hits", "· miss"]
        assert "unknown → Zork 1.2" in lines[0]
        assert "version 1.2" in verdict(screen)


async def test_a_fault_is_told_with_its_column_while_it_is_written(open_app):
    app = open_app(ZORK)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "d")
        await pilot.press("space", "q")
        await until(pilot, lambda: f"column {len(LINE) + 2}: unknown version" in verdict(screen))
        await pilot.press("ctrl+z")
        await until(pilot, lambda: "hard match zork" in verdict(screen))


async def test_a_rule_that_would_steal_says_from_whom(open_app):
    app = open_app(SSH_BANNER, ZORK)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "j", "d")
        screen._set_text("match all m|^.| p/All/")
        await tried(pilot, screen)
        assert "steals 1" in pane_text(screen.findings)[0]
        assert found(screen)[0].startswith("! steals")
        assert "ssh OpenSSH 9.2p1 (protocol 2.0) → All" in found(screen)[0]


async def test_a_rule_for_another_probe_says_that_it_is_not_tried_on_the_response(open_app):
    app = open_app(ZORK)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "d")
        await tried(pilot, screen)
        screen._head = replace(screen._head, name="Other", payload=b"x")
        screen._wanted.set()
        await until(pilot, lambda: "which answers another probe" in verdict(screen))


async def test_tab_completes_what_is_offered(open_app):
    app = open_app(ZORK)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "d")
        await tried(pilot, screen)
        await pilot.press("space", "i")
        await until(pilot, lambda: "more about it" in screen._completion.render_line(0).text)
        await pilot.press("tab")
        assert screen.editor.text == LINE + " i/"
        await pilot.press("dollar_sign")
        await until(pilot, lambda: '$1 "1.2"' in screen._completion.render_line(0).text)
        await pilot.press("tab", "slash")
        assert screen.editor.text == LINE + " i/$1/"


async def test_saving_matches_the_session_again_and_marks_what_changed(open_app, own):
    app = open_app(SSH_BANNER, ZORK, OTHER)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "j", "d")
        await tried(pilot, screen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "2 ports changed" in said(screen))
        saved = (own / "own.probes").read_text()
        for number in (2, 3):
            known = app.store.ports[tcp(number)]
            assert (known.outcome, known.service.name) == (Outcome.HARD_MATCH, "zork")
            assert "a rule was saved" in known.decisions[-1].reason
        assert app.store.ports[tcp(1)].service.name == "ssh"
        await tried(pilot, screen)
        await until(pilot, lambda: "as before" in found(screen)[0])
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is app.triage)
        await until(pilot, lambda: "Zork 1.7" in "\n".join(pane_text(app.triage.ports)))
        marked = [NEW_RULE[0] in line for line in pane_text(app.triage.ports)[1:4]]
        assert marked == [False, True, True]
    assert LINE in saved
    assert "127.0.0.1:2/tcp" in saved


async def test_saving_again_replaces_the_line(open_app, own):
    app = open_app(ZORK)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "d")
        await tried(pilot, screen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "1 port changed" in said(screen))
        screen._set_text(LINE.replace("p/Zork/", "p/Zork server/"))
        await tried(pilot, screen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Zork server" in (own / "own.probes").read_text())
        await until(pilot, lambda: "changed" in said(screen))
        assert app.store.ports[tcp(1)].service.fields.product == "Zork server"
    assert (own / "own.probes").read_text().count("match zork") == 1


async def test_a_runaway_regex_is_told_and_cannot_be_saved(open_app, own):
    app = open_app(b"a" * 32_000)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "d")
        await tried(pilot, screen)
        screen._searcher._seconds = 0.3
        screen._set_text("match slow m|[^z]{0,30000}[qx][^z]{0,30000}[qx]|s")
        await until(pilot, lambda: "takes too long" in verdict(screen))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Not saved" in said(screen))
    assert not own.exists()


async def test_the_rule_that_is_looked_at_is_edited(open_app):
    app = open_app(SSH_BANNER)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "w")
        await tried(pilot, screen)
        assert screen.editor.text.startswith(r"match ssh m|^SSH-([\d.]+)-OpenSSH_")
        assert "= as before" in found(screen)[0]


async def test_rule_and_fingerprint_are_exported_as_text(open_app, tmp_path):
    app = open_app(ZORK)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_workbench(pilot, "d")
        await tried(pilot, screen)
        await pilot.press("enter", "x")
        await until(pilot, lambda: "written to" in said(screen))
    text = (tmp_path / "vscan-rule-1-tcp.txt").read_text()
    assert LINE in text
    assert "SF-Port1-TCP:V=" in text
    assert r"Zork\x201\.2\x20redy" in text
    assert app.clipboard == text
