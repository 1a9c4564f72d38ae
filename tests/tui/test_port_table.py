"""The port table under the user's hands."""

import pytest
from textual.events import MouseScrollDown

from tests.tui.driving import HOST, pane_text, screen_text, settle, tcp, until
from tests.tui.scripted_scan import START, ScriptedSource, script
from vscan_tui.events import (
    Ending,
    ExchangeEnded,
    ExchangeStarted,
    InterrogationStarted,
    Mark,
    Method,
    Outcome,
    PortFinished,
    PortFound,
    PortMarked,
    PortState,
    Service,
)
from vscan_tui.session.filter import compiled
from vscan_tui.session.journal import read_events
from vscan_tui.session.recorder import Recorder
from vscan_tui.session.store import Store
from vscan_tui.tui.app import VscanApp

WIDE = (120, 36)


def scan(*addresses):
    return ScriptedSource(script(*(addresses or (HOST,))))


def first_words(app):
    """The first word of each line of the table."""
    return [line.split()[0] for line in pane_text(app.triage.ports)[1:] if line]


def settled(app):
    return not app.triage.ports.ports.is_working


# Filter


async def test_a_field_filters_the_ports():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"port:20-100 !silent", "enter")
        await until(pilot, lambda: first_words(app) == ["22/tcp", "80/tcp"])
        assert "2 of 11 ports shown" in "".join(screen_text(app))


async def test_a_page_of_what_a_filter_leaves_is_there_before_all_ports_are_looked_at():
    found = [
        PortFound(time=START, endpoint=tcp(number), state=PortState.OPEN, reason="")
        for number in range(1, 5001)
    ]
    app = VscanApp(ScriptedSource(found))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.triage.ports.line_count == 5000)
        table = app.triage.ports
        table.set_filter(compiled("open"))
        assert table.page < table.line_count < 5000
        await until(pilot, lambda: settled(app))
        assert table.line_count == 5000


async def test_what_is_wrong_is_said_while_the_last_right_filter_stays():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"service:ssh port:x")
        await until(pilot, lambda: "a port is a number" in "".join(screen_text(app)))
        assert "“x”" in "".join(screen_text(app))
        assert first_words(app) == ["22/tcp"]
        await pilot.press("backspace", *"22")
        await until(pilot, lambda: "a port is a number" not in "".join(screen_text(app)))


async def test_tab_completes_and_tries_one_after_another():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"mar", "tab")
        await until(pilot, lambda: app.triage.filter_bar.words == "mark:")
        for key, expected in [
            ("tab", "mark:todo"),
            ("tab", "mark:done"),
            ("shift+tab", "mark:todo"),
        ]:
            await pilot.press(key)
            await until(pilot, lambda expected=expected: app.triage.filter_bar.words == expected)


async def test_values_that_occur_are_offered():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"service:red")
        await until(pilot, lambda: any("tab  redis 1" in line for line in screen_text(app)))


async def test_tab_with_nothing_to_complete_goes_to_the_ports():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"ngi", "tab")
        assert app.focused is app.triage.ports


# Order, groups, columns


async def test_o_sorts_by_the_next_column_and_the_cursor_stays_on_its_port():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "o", "o", "o", "o")
        await until(pilot, lambda: settled(app) and "SERVICE▲" in pane_text(app.triage.ports)[0])
        services = [line.split()[3].strip("?") for line in pane_text(app.triage.ports)[1:12]]
        assert services == sorted(services)
        assert app.triage.port.endpoint == tcp(22)
        await pilot.press("O")
        await until(pilot, lambda: "SERVICE▼" in pane_text(app.triage.ports)[0])
        assert [line.split()[3].strip("?") for line in pane_text(app.triage.ports)[1:12]] == (
            services[::-1]
        )
        assert app.triage.port.endpoint == tcp(22)


async def test_a_click_on_a_heading_sorts_and_another_reverses():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        at = pane_text(app.triage.ports)[0].index("VERSION") + 1
        for arrow in "▲▼":
            await pilot.click(app.triage.ports, offset=(at, 0))
            await until(
                pilot, lambda arrow=arrow: f"VERSION{arrow}" in pane_text(app.triage.ports)[0]
            )
        assert app.triage.response.view.value == "hex"


async def test_ports_are_grouped_by_host_folded_and_unfolded():
    app = VscanApp(scan("10.0.0.1", "10.0.0.2"))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("H")
        await until(pilot, lambda: settled(app) and app.triage.ports.line_count == 24)
        assert "10.0.0.1  11 ports · 6 identified · 1 unknown" in pane_text(app.triage.ports)[1]
        await pilot.press("home", "enter")
        await until(pilot, lambda: app.triage.ports.line_count == 13)
        assert app.focused is app.triage.ports
        assert app.triage.port.endpoint == tcp(7, "10.0.0.1")
        await pilot.press("enter")
        await until(pilot, lambda: app.triage.ports.line_count == 24)
        await pilot.press("H")
        await until(pilot, lambda: settled(app) and app.triage.ports.line_count == 22)


async def test_columns_are_chosen():
    app = VscanApp(scan())
    async with app.run_test(size=(200, 60)) as pilot:
        await settle(pilot)
        await pilot.press("c", "end", "space", "escape")
        assert "REASON" in pane_text(app.triage.ports)[0]
        assert "syn-ack" in pane_text(app.triage.ports)[1]
        await pilot.press("c", "j", "space", "j", "space", "escape")  # PORT stays, MK goes
        assert pane_text(app.triage.ports)[0].split()[:2] == ["PORT", "STATE"]


# Following


def found(number, after):
    time = START + 100 + after
    endpoint = tcp(number)
    service = Service("http", method=Method.PROBED)
    return [
        PortFound(time=time, endpoint=endpoint, state=PortState.OPEN, reason="syn-ack"),
        InterrogationStarted(time=time, endpoint=endpoint),
        ExchangeStarted(
            time=time, endpoint=endpoint, exchange=1, connection=1, probe="NULL", payload=b"",
            reason="",
        ),
        ExchangeEnded(time=time, endpoint=endpoint, exchange=1, ending=Ending.MATCHED),
        PortFinished(time=time, endpoint=endpoint, outcome=Outcome.HARD_MATCH, service=service),
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["key", "wheel"])
async def test_following_lets_go_when_the_user_moves_and_counts_what_is_new(how):
    source = ScriptedSource(script(HOST, ended=False), stays_open=True)
    app = VscanApp(source)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        ports = app.triage.ports
        await pilot.press("f")
        for event in found(50000, 1):
            app.feed.emit(event)
        await until(pilot, lambda: app.triage.port.endpoint == tcp(50000))
        assert "FOLLOWING" in screen_text(app)[0]
        if how == "key":
            await pilot.press("home")
        else:
            event = MouseScrollDown(ports, 1, 1, 0, 1, 0, False, False, False)
            ports.post_message(event)
        await until(pilot, lambda: not ports.is_following)
        here = app.triage.port.endpoint
        for event in [*found(50001, 2), *found(50002, 3)]:
            app.feed.emit(event)
        await until(pilot, lambda: "2 NEW" in screen_text(app)[0])
        assert app.triage.port.endpoint == here
        await pilot.press("f")
        await until(pilot, lambda: "NEW" not in screen_text(app)[0])


# Marks, notes, attention


async def test_m_goes_through_the_marks():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j")
        for mark, symbol in [(Mark.TO_DO, "◆"), (Mark.DONE, "◇"), (Mark.NONE, "")]:
            await pilot.press("m")
            assert app.store.ports[tcp(22)].mark is mark
            assert symbol in pane_text(app.triage.ports)[2]
        assert "◇" not in pane_text(app.triage.ports)[2]


async def test_a_mark_can_be_set_from_any_pane():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("enter", "m")
        assert app.store.ports[tcp(7)].mark is Mark.TO_DO


async def test_a_note_is_written_shown_and_kept_in_the_journal(tmp_path):
    recorder = Recorder(tmp_path / "a.vscan.jsonl")
    app = VscanApp(scan(), recorder=recorder)
    async with recorder.running(app.feed.emit), app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("m", "M", *"ask Bob", "enter")
        await until(pilot, lambda: app.store.ports[tcp(7)].note == "ask Bob")
        assert "≡" in pane_text(app.triage.ports)[1]
        assert any("ask Bob" in line for line in pane_text(app.triage.debugger))
        await pilot.press("M", "end", *"!", "escape")
        assert app.store.ports[tcp(7)].note == "ask Bob"
    store = Store()
    for event in [*script(HOST), *read_events(recorder.path)]:
        store.apply(event)
    assert (store.ports[tcp(7)].note, store.ports[tcp(7)].mark) == ("ask Bob", Mark.TO_DO)


async def test_n_goes_to_what_is_wanted_and_a_chooses_what_that_is():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("n")
        assert app.triage.port.endpoint == tcp(9999)
        await pilot.press("a", "n")
        assert app.triage.port.endpoint == tcp(5432)
        app.record([PortMarked(time=START, endpoint=tcp(80), mark=Mark.TO_DO)])
        await pilot.press("a", "n")
        assert app.triage.port.endpoint == tcp(80)
        await pilot.press("a", "N")
        assert app.triage.port.endpoint == tcp(9999)
        await pilot.press("n", "n", "n")
        assert app.triage.port.endpoint == tcp(9999)


async def test_n_passes_over_what_is_marked_done_and_says_when_nothing_is_left():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("n", "m", "m", "home", "n")
        assert app.triage.port.endpoint == tcp(7)
        await pilot.pause()
        assert any("there are no unknown ports" in told.message for told in app._notifications)
