"""The triage screen under the user's hands."""

import pytest
from textual.events import MouseScrollDown

from tests.tui.driving import (
    HOST,
    group_texts,
    lit,
    pane_text,
    screen_text,
    settle,
    tcp,
    until,
)
from tests.tui.scripted_scan import (
    NULL_REASON,
    SSH_RULE,
    START,
    Script,
    ScriptedSource,
    rule,
    script,
)
from vscan_tui.configuration import Configuration
from vscan_tui.events import (
    Ending,
    HostFound,
    HostState,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    ScanEnding,
    ScanFinished,
    ScanStarted,
    Service,
)
from vscan_tui.probedb.writing import rule_line
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.keymap import COMMANDS, Need, Scope
from vscan_tui.tui.rendering.hexdump import View

WIDE = (120, 36)


def scan(*addresses: str):
    return ScriptedSource(script(*(addresses or (HOST,))))


async def test_the_first_port_is_selected_and_explained():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert app.triage.port.endpoint == tcp(7)
        assert "7/tcp" in pane_text(app.triage.exchanges)[0]
        assert "No answer in 6.0 s." in pane_text(app.triage.debugger)[1]


@pytest.mark.parametrize(
    ("keys", "port"),
    [
        (["down"], 22),
        (["j", "j", "k"], 22),
        (["G"], 9999),
        (["end", "home"], 7),
        (["end", "g"], 7),
        (["pagedown"], 9999),
        (["ctrl+d", "ctrl+u"], 7),
        (["n"], 9999),
        (["G", "N"], 9999),
    ],
)
async def test_keys_move_the_cursor(keys, port):
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press(*keys)
        assert app.triage.port.endpoint == tcp(port)


async def test_details_follow_the_cursor():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "j")
        assert "nginx 1.22.1" in pane_text(app.triage.exchanges)[0]
        assert "HTTP/1.1" in pane_text(app.triage.response)[1]
        assert "hard match http" in pane_text(app.triage.debugger)[1]


async def test_the_exchange_that_decided_is_shown_and_another_can_be_chosen():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "enter")
        assert app.triage.exchange.probe == "GetRequest"
        await pilot.press("up")
        assert app.triage.exchange.probe == "NULL"
        assert "No answer in 6.0 s." in " ".join(pane_text(app.triage.response))


async def test_enter_and_left_go_through_the_panes():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        for key, pane in [
            ("enter", "exchanges"), ("right", "response"), ("l", "debugger"), ("left", "response"),
            ("h", "exchanges"), ("tab", "response"), ("tab", "debugger"), ("tab", "ports"),
            ("shift+tab", "debugger"), ("escape", "ports"),
        ]:  # fmt: skip
            await pilot.press(key)
            assert app.focused.id == pane


async def test_words_filter_the_ports_as_they_are_typed():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"http")
        await until(pilot, lambda: app.triage.ports.line_count == 3)
        assert app.triage.port.endpoint == tcp(80)
        assert "3 of 11 ports shown" in "".join(screen_text(app))
        await pilot.press("space", *"apache", "enter")
        assert [row.split()[0] for row in pane_text(app.triage.ports)[1:2]] == ["443/tcp"]
        assert app.focused is app.triage.ports


async def test_escape_clears_the_filter_and_keeps_the_port():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"redis", "enter")
        await until(pilot, lambda: app.triage.port.endpoint == tcp(6379))
        await pilot.press("escape")
        await until(pilot, lambda: app.triage.ports.line_count == 11)
        assert app.triage.port.endpoint == tcp(6379)


async def test_a_filter_that_finds_nothing_says_so():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"zzz")
        await until(pilot, lambda: app.triage.ports.line_count == 0)
        assert "No port matches “zzz”" in " ".join(pane_text(app.triage.ports))


async def test_space_pauses_and_resumes_the_source():
    source = ScriptedSource(script(HOST, ended=False), stays_open=True)
    app = VscanApp(source)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "PAUSED" in screen_text(app)[0])
        await pilot.press("space")
        await until(pilot, lambda: "PAUSED" not in screen_text(app)[0])
        assert source.calls == ["run", "pause", "resume"]


async def test_a_recording_that_is_being_played_can_be_paused():
    source = ScriptedSource(script(HOST)[:-1], stays_open=True)
    app = VscanApp(source)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert Need.LIVE in app.triage.met_needs()
        await pilot.press("space")
        assert source.calls[-1] == "pause"


async def test_time_rests_when_all_is_over_and_goes_on_with_the_next_event():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.is_resting)
        app.queue(PortFound(time=START + 99, endpoint=tcp(31337), state=PortState.OPEN, reason=""))
        assert not app.is_resting
        await until(pilot, lambda: any("31337/tcp" in line for line in pane_text(app.triage.ports)))
        await until(pilot, lambda: app.is_resting)


async def test_a_scan_that_has_ended_is_not_paused():
    source = scan()
    app = VscanApp(source)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("space")
        assert "pause" not in source.calls


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_quitting_stops_the_source_and_waits_for_its_end(key):
    source = ScriptedSource(script(HOST, ended=False), stays_open=True)
    app = VscanApp(source)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press(key)
        await until(pilot, lambda: app.return_value is not None)
    assert source.calls == ["run", "cancelled", "ended"]
    assert app.store.ended.ending is ScanEnding.INTERRUPTED
    assert (app.return_value, app.return_code) == (0, 0)


async def test_ctrl_q_quits_while_words_are_typed():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", "q")
        assert app.return_value is None
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.return_value == 0)


async def test_an_error_of_the_source_becomes_a_sentence_on_the_screen():
    class Broken(ScriptedSource):
        async def run(self, emit):
            await super().run(emit)
            raise OSError("the network is down")

    app = VscanApp(Broken(script(HOST, ended=False)))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        sentence = "The scan ended because of an error: the network is down."
        await until(pilot, lambda: any(sentence in line for line in screen_text(app)))
        await pilot.press("j")
        assert app.triage.port.endpoint == tcp(22)


async def test_a_selected_group_lights_up_the_same_bytes_everywhere():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "]", "]")
        assert app.triage.group == 2
        assert lit(app.triage.response) == ["²39 2e 32 70 31", "9.2p1"]
        assert "".join(lit(app.triage.debugger)[:5]) == r"²([\w.]+)"
        assert lit(app.triage.debugger)[5:] == [
            "$2",
            "9.2p1",
            "$2",
            "9.2p1",
            "²",
            "9.2p1",
        ]
        await pilot.press("[", "[")
        assert app.triage.group == 4


async def test_group_keys_pass_over_groups_that_took_no_part():
    response = b"HTTP/1.0 200 OK\r\nServer: lighttpd\r\n"
    match = rule(
        "http", rb"^(HTTP)/(2)?1\.[01] (\d+)", response, ("p", "lighttpd"), line=1, tried=0
    )
    made = Script()
    made.found(tcp(80))
    made.begin(tcp(80))
    made.exchange(tcp(80), "NULL", b"", response, Ending.MATCHED, reason=NULL_REASON, match=match)
    app = VscanApp(ScriptedSource(made.events))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        seen = []
        for _ in range(3):
            await pilot.press("]")
            seen.append(app.triage.group)
        assert seen == [1, 3, 1]
        assert "took no part" in " ".join(pane_text(app.triage.debugger))


@pytest.mark.parametrize("pane", ["response", "debugger"])
async def test_a_click_on_captured_bytes_selects_their_group(pane):
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j")
        widget = getattr(app.triage, pane)
        place = next(
            (x, y)
            for y in range(widget.size.height)
            for x in range(widget.size.width)
            if app.screen.get_style_at(widget.region.x + x, widget.region.y + y).meta.get("group")
            == 3
        )
        await pilot.click(widget, offset=place)
        await until(pilot, lambda: app.triage.group == 3)
        assert "Debian" in lit(app.triage.debugger)


async def test_groups_are_told_apart_without_colour():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j")
        for pane in (app.triage.response, app.triage.debugger):
            texts = group_texts(pane)
            assert set(texts) == {1, 2, 3, 4}
            assert all(
                any(mark in text for text, _ in texts[group])
                for group, mark in enumerate("¹²³⁴", start=1)
            )


async def test_a_click_selects_a_port():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.click(app.triage.ports, offset=(3, 4))
        await until(pilot, lambda: app.triage.port.endpoint == tcp(443))


async def test_a_click_chooses_a_view():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j")
        x = pane_text(app.triage.response)[0].index("escapes")
        await pilot.click(app.triage.response, offset=(x, 0))
        await until(pilot, lambda: app.triage.response.view is View.ESCAPES)
        assert r"SSH-2.0-OpenSSH_9.2p1" in pane_text(app.triage.response)[1]


async def test_v_switches_between_the_views():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j")
        seen = []
        for _ in range(3):
            await pilot.press("v")
            seen.append(app.triage.response.view)
        assert seen == [View.TEXT, View.ESCAPES, View.HEX]


async def test_the_wheel_scrolls():
    app = VscanApp(scan(HOST, "127.0.0.2", "127.0.0.3", "127.0.0.4"))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        ports = app.triage.ports
        ports.post_message(
            MouseScrollDown(
                ports, 3, 3, 0, 1, 0, shift=False, meta=False, ctrl=False,
                screen_x=3, screen_y=4,
            )
        )  # fmt: skip
        await until(pilot, lambda: ports.top > 0)


async def test_z_gives_the_screen_to_one_pane():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "tab", "tab", "z")
        assert app.triage.response.size.width > 100
        assert not app.triage.ports.display
        await pilot.press("escape")
        assert app.triage.ports.display


async def test_y_copies_what_is_selected():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "y")
        assert app.clipboard == "22/tcp  open  ssh  OpenSSH 9.2p1 Debian 2+deb12u3 (protocol 2.0)"
        await pilot.press("]", "tab", "tab", "y")
        assert app.clipboard == "32 2e 30"
        await pilot.press("v", "y")
        assert app.clipboard == "2.0"
        await pilot.press("tab", "j", "y")
        assert app.clipboard == rule_line(SSH_RULE)


async def test_hostile_bytes_reach_neither_screen_nor_clipboard():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("n", "tab", "tab")
        for _ in View:
            await pilot.press("v")
            assert all(line.isprintable() for line in screen_text(app))
            assert "\u202e" not in "".join(screen_text(app))
            await pilot.press("y")
            assert app.clipboard.isprintable()
        assert ".[2J.]0;" in "".join(pane_text(app.triage.response))


async def test_markup_in_a_response_stays_text():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("n", "v")
        assert "[bold red]markup[/]" in "".join(pane_text(app.triage.response))


async def test_follow_goes_to_each_new_finding():
    source = ScriptedSource((), stays_open=True)
    app = VscanApp(source)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("f")
        for number in (443, 22, 8009):
            service = Service("x")
            for event in (
                PortFound(time=START, endpoint=tcp(number), state=PortState.OPEN, reason=""),
                PortFinished(
                    time=START, endpoint=tcp(number), outcome=Outcome.HARD_MATCH, service=service
                ),
            ):
                app.feed.emit(event)
            await until(pilot, lambda wanted=number: app.triage._endpoint == tcp(wanted))
        await pilot.press("up")
        assert "FOLLOWING" not in screen_text(app)[0]


async def test_a_port_found_above_does_not_move_the_cursor_off_its_port():
    app = VscanApp(ScriptedSource((), stays_open=True))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        for number in (*range(100, 200), *range(1, 100)):
            app.feed.emit(
                PortFound(time=START, endpoint=tcp(number), state=PortState.OPEN, reason="")
            )
            if number == 199:
                await until(pilot, lambda: app.triage.ports.line_count == 100)
                await pilot.press("end")
        await until(pilot, lambda: app.triage.ports.line_count == 199)
        assert app.triage.port.endpoint == tcp(199)
        assert "199/tcp" in pane_text(app.triage.ports)[-1]


async def test_the_column_host_appears_with_the_second_host():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert pane_text(app.triage.ports)[0].startswith("PORT")
    app = VscanApp(scan(HOST, "127.0.0.10", "127.0.0.2"))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert pane_text(app.triage.ports)[0].startswith("HOST")
        hosts = [row.split()[0] for row in pane_text(app.triage.ports)[1:]]
        assert list(dict.fromkeys(hosts)) == [HOST, "127.0.0.2", "127.0.0.10"]


async def test_columns_keep_their_places_while_ports_come_in():
    app = VscanApp(ScriptedSource((), stays_open=True))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        before = pane_text(app.triage.ports)[0]
        for event in script(HOST):
            app.feed.emit(event)
            if isinstance(event, PortFinished):
                await settle(pilot)
                assert pane_text(app.triage.ports)[0] == before


async def test_65535_ports_are_walked_through_at_once():
    made = Script()
    made.add(ScanStarted, program="vscan", arguments=(), pace="polite", intensity=7, databases=())
    made.add(HostFound, address=HOST, state=HostState.UP, reason="")
    for number in range(1, 65536):
        made.found(tcp(number))
    made.add(ScanFinished, ending=ScanEnding.DONE)
    app = VscanApp(ScriptedSource(made.events))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: app.store.ended is not None and not len(app.feed))
        ports = app.triage.ports
        drawn = []
        draw = ports.line_at
        ports.line_at = lambda index: drawn.append(index) or draw(index)
        await pilot.press("end")
        assert app.triage.port.endpoint == tcp(65535)
        assert "65535/tcp" in pane_text(ports)[-1]
        await pilot.press("g")
        assert "1/tcp" in pane_text(ports)[1]
        assert len(drawn) <= 6 * ports.size.height  # only what is seen is ever drawn


async def test_only_the_changed_line_is_drawn_again():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        ports = app.triage.ports
        drawn = []
        draw = ports.render_line
        ports.render_line = lambda y: drawn.append(y) or draw(y)
        app.feed.emit(
            PortFinished(
                time=START, endpoint=tcp(80), outcome=Outcome.NO_MATCH, service=Service("new")
            )
        )
        await until(pilot, lambda: drawn)
        await settle(pilot)
        assert set(drawn) == {3}


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (200, 60)])
async def test_a_resize_keeps_the_selection(size):
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "j", "]", "tab")
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert app.triage.port.endpoint == tcp(80)
        assert app.triage.group == 1
        assert app.focused is app.triage.exchanges
        await pilot.resize_terminal(*WIDE)
        await pilot.pause()
        assert lit(app.triage.response)


async def test_a_terminal_that_is_too_small_is_told_how_big_it_must_be():
    app = VscanApp(scan())
    async with app.run_test(size=(50, 12)) as pilot:
        await settle(pilot)
        text = " ".join(" ".join(screen_text(app)).split())
        assert "vscan needs a terminal of at least 60 columns and 15 rows" in text
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert "22/tcp" in "".join(screen_text(app))


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 36)])
async def test_every_pane_can_be_reached_at_every_size(size):
    app = VscanApp(scan())
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("j")
        for pane in app.triage.panes:
            assert app.focused is pane
            assert pane.display
            assert pane.size.height >= 3
            await pilot.press("tab")
            await pilot.pause()


async def test_empty_panes_say_what_to_wait_for():
    app = VscanApp(ScriptedSource((), stays_open=True))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert "Waiting for the first open port…" in " ".join(pane_text(app.triage.ports))
        for pane in app.triage.panes:
            assert "".join(pane_text(pane)[1:]).strip()


async def test_a_scan_that_finds_nothing_says_so():
    app = VscanApp(ScriptedSource([ScanFinished(time=START, ending=ScanEnding.DONE)]))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert "No open port was found." in " ".join(pane_text(app.triage.ports))


async def test_the_note_is_shown_and_a_recording_is_called_one():
    app = VscanApp(scan(), note="This is a recording [b]of real servers.")
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert "RECORDING" in screen_text(app)[0]
        assert "This is a recording [b]of real servers." in screen_text(app)[1]


async def test_the_help_is_filtered_by_words():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("?")
        await until(pilot, lambda: "One line up" in "".join(screen_text(app)))
        await pilot.press(*"paus")
        await until(pilot, lambda: "One line up" not in "".join(screen_text(app)))
        assert "Pause or resume the scan" in "".join(screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.triage)


async def test_the_help_closes_with_the_key_that_opened_it():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("?", "down", "?")
        await until(pilot, lambda: app.screen is app.triage)


async def test_ctrl_q_quits_from_the_help():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("?", "ctrl+q")
        await until(pilot, lambda: app.return_value == 0)


def test_a_mistake_of_the_program_is_told_without_a_traceback(monkeypatch, capsys):
    app = VscanApp(scan())

    def mistaken(changes):
        raise ValueError("\x1b[31mred")

    monkeypatch.setattr(app.triage, "apply", mistaken)
    app.run(headless=True, size=WIDE)
    told = " ".join(capsys.readouterr().err.split())
    assert "vscan had to stop because of a mistake in itself (ValueError: .[31mred)" in told
    assert "Traceback" not in told
    assert app.return_code == 1


async def test_a_huge_response_is_shown_in_part():
    made = Script()
    made.found(tcp(80))
    made.begin(tcp(80))
    made.exchange(tcp(80), "NULL", b"", bytes(9_000_000), Ending.TIMED_OUT, reason=NULL_REASON)
    app = VscanApp(ScriptedSource(made.events))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert "9,000,000 B, 8,388,608 shown" in pane_text(app.triage.response)[0]
        await pilot.press("tab", "tab", "G")
        assert pane_text(app.triage.response)[-2].startswith("7ffff8")


async def test_the_title_counts_those_unknown_ports_that_n_goes_to():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert "1 unknown" in screen_text(app)[0]
        await pilot.press("n")
        assert app.triage.port.endpoint == tcp(9999)
        await pilot.press("n")
        assert app.triage.port.endpoint == tcp(9999)


async def test_the_palette_has_our_commands_and_no_others():
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        offered = [command.title for command in app.get_system_commands(app.screen)]
        met = app.triage.met_needs()
        here = {Scope.PROGRAM, *app.triage.command_places()}
        possible = [c for c in COMMANDS if c.scope in here and c.in_palette and not c.obstacle(met)]
        assert offered == [command.title for command in possible]


ON_TRIAGE = {Scope.PROGRAM, Scope.TRIAGE, Scope.RESPONSE, Scope.DEBUGGER}


@pytest.mark.parametrize(
    "command",
    [command for command in COMMANDS if command.in_palette and command.scope in ON_TRIAGE],
)
async def test_every_command_of_the_palette_can_be_run(command):
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        places = {Scope.PROGRAM: app, **app.triage.command_places()}
        await app._run_command(command.action, places[command.scope])
        await pilot.pause()


def test_every_binding_has_an_id_and_a_description():
    for cls in (type(VscanApp(scan())), *(type(pane) for pane in VscanApp(scan()).triage.panes)):
        for binding in cls.BINDINGS:
            assert binding.id
            assert binding.tooltip
    assert len({command.id for command in COMMANDS}) == len(COMMANDS)
    assert {command.scope for command in COMMANDS} == set(Scope)


@pytest.mark.parametrize("theme", ["vscan-dark", "vscan-light", "nord", "no-such-theme"])
async def test_the_screen_works_in_any_theme(theme):
    app = VscanApp(scan(), configuration=Configuration(theme=theme))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "]")
        assert lit(app.triage.response)


async def test_no_color_leaves_no_hue_on_the_screen(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = VscanApp(scan())
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("j", "]")
        assert app.no_color
        for strip in app.triage.response.render_lines(app.triage.response.size.region):
            for segment in strip:
                for colour in (segment.style.color, segment.style.bgcolor):
                    red, green, blue = colour.get_truecolor()
                    assert red == green == blue
