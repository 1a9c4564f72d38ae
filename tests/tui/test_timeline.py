"""The timeline over the panes."""

from tests.tui.driving import HOST, pane_text, settle, tcp, until
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.events import Ending, ExchangeEnded
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.screens.timeline import TimelineScreen

MIDDLE = (120, 36)


def rows(app):
    return pane_text(app.screen.query_one("#timeline"))


async def test_t_shows_where_the_seconds_went():
    app = VscanApp(ScriptedSource(script(HOST)))
    async with app.run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "t")
        assert "time of 80/tcp http" in rows(app)[0]
        assert rows(app)[1].startswith("6.0 s in all, 1 connection, 2 exchanges")
        assert rows(app)[2].split()[:3] == ["6.0", "s", "100%"]
        assert rows(app)[2].endswith("waiting, and no answer came")
        (null,) = [row for row in rows(app) if row.startswith("  NULL")]
        (get,) = [row for row in rows(app) if row.startswith("  GetRequest")]
        assert "░░░░" in null
        assert get.rstrip().endswith("█")
        await pilot.press("t")
        assert not isinstance(app.screen, TimelineScreen)


async def test_the_timeline_of_a_port_under_way_goes_on():
    app = VscanApp(ScriptedSource(script(HOST, ended=False), stays_open=True))
    async with app.run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        app.triage.ports.select(tcp(8443))
        app.triage._select_port()
        await pilot.press("t")
        before = rows(app)[1]
        app.feed.emit(
            ExchangeEnded(
                time=app.store.last_time + 30, endpoint=tcp(8443), exchange=1,
                ending=Ending.TIMED_OUT,
            )
        )  # fmt: skip
        await until(pilot, lambda: rows(app)[1] != before)
        assert rows(app)[1].startswith("30.0 s in all")


async def test_a_port_that_was_asked_nothing_says_so():
    app = VscanApp(ScriptedSource(script(HOST)))
    async with app.run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        app.triage.ports.select(tcp(9100))
        app.triage._select_port()
        await pilot.press("t")
        assert any("not asked anything" in row for row in rows(app))
