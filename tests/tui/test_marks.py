"""What the user thinks of a port is part of the session."""

from tests.tui.driving import HOST, settle, tcp
from tests.tui.scripted_scan import START, ScriptedSource, script
from vscan_tui.events import Mark, PortMarked
from vscan_tui.session.journal import read_events
from vscan_tui.session.recorder import Recorder
from vscan_tui.tui.app import VscanApp

WIDE = (120, 36)


def marked(port=22, mark=Mark.TO_DO):
    return PortMarked(time=START + 100, endpoint=tcp(port), mark=mark)


async def test_what_is_recorded_is_in_the_store_at_once_and_in_the_journal(tmp_path):
    recorder = Recorder(tmp_path / "a.vscan.jsonl")
    app = VscanApp(ScriptedSource(script(HOST)), recorder=recorder)
    async with recorder.running(app.feed.emit), app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        app.record([marked()])
        assert app.store.ports[tcp(22)].mark is Mark.TO_DO
    assert list(read_events(recorder.path)) == [marked()]


async def test_a_scan_under_way_can_be_added_to():
    app = VscanApp(ScriptedSource(script(HOST, ended=False), stays_open=True))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        app.record([marked()])
        assert app.store.ports[tcp(22)].mark is Mark.TO_DO


async def test_without_a_journal_the_user_is_told_once():
    app = VscanApp(ScriptedSource(script(HOST)))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        app.record([marked()])
        app.record([marked(80)])
        await pilot.pause()
        (told,) = app._notifications
        assert "no journal" in told.message
