"""A port stepped by hand, payloads of one's own, breakpoints: on the screen."""

import pytest
from textual import events

from tests.tui.driving import HOST, pane_text, screen_text, settle, tcp, until
from tests.tui.scripted_scan import Script, ScriptedSource, script
from tests.tui.scripted_transport import hand
from vscan_tui.events import Endpoint, Outcome
from vscan_tui.scanning.by_hand.breakpoints import parse_breakpoint
from vscan_tui.scanning.by_hand.draft import Over
from vscan_tui.scanning.by_hand.requests import Subject
from vscan_tui.scanning.interrogation.stepping import Run
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.rendering.line import Line
from vscan_tui.tui.screens.breakpoints import BreakpointsScreen
from vscan_tui.tui.screens.composer import ComposerScreen
from vscan_tui.tui.screens.confirm import ConfirmScreen
from vscan_tui.tui.screens.pick import Choice, PickScreen, found_choices

WIDE = (120, 36)
GET = b"GET / HTTP/1.0\r\n\r\n"
HELP = b"HELP\r\n"


def live(answers=None, **options):
    """A scan that has ended, whose ports can be asked by hand."""
    source = ScriptedSource(script(HOST), is_recording=False)
    return VscanApp(source, by_hand=lambda: hand(answers, **options))


def port(app, number=9999):
    return app.store.ports[tcp(number)]


def shown(app):
    return "\n".join(screen_text(app))


def told(app):
    """The sentences that were shown for a moment."""
    return " ".join(notification.message for notification in app._notifications)


async def go_to(pilot, number):
    """Put the cursor on a port."""
    await settle(pilot)
    pilot.app.triage.show_port(tcp(number))
    await pilot.pause()


async def held(pilot, action, number=9999):
    """Wait until a port is held before an action, and that is seen."""
    app = pilot.app

    def is_held():
        now = port(app, number).held
        return now is not None and now.action == action

    await until(pilot, is_held)
    await pilot.pause()


# Steps


async def test_s_holds_a_finished_port_and_shows_what_comes_first():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await pilot.press("s")
        await held(pilot, "connect")
        await until(pilot, lambda: app.focused is app.triage.step_pane)
        lines = pane_text(app.triage.step_pane)
        assert "step 9999/tcp  held, by hand" in lines[0]
        assert lines[1].startswith("▶ Connect: for NULL")
        assert any("once connected" in line and "send nothing" in line for line in lines)
        assert app.hands._by_hand.transport.connects == []


async def test_s_again_steps_and_the_reason_is_shown_before_each_step():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await pilot.press("s")
        await held(pilot, "connect")
        await pilot.press("s")
        await held(pilot, "send nothing")
        await pilot.press("o")
        await held(pilot, "send GenericLines")
        lines = pane_text(app.triage.step_pane)
        assert lines[1] == "▶ Send GenericLines: its ports list has port 9999"
        assert r"4 bytes          \r\n\r\n" in lines[2]


async def test_keys_that_are_typed_ahead_step_on():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await pilot.press("s", "s", "s")
        await held(pilot, "listen up to 6 s")


async def test_a_probe_is_skipped_and_the_port_runs_on():
    app = live({GET: b"HTTP/1.0 200 OK\r\nServer: tiny\r\n\r\n"})
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await pilot.press("s")
        await held(pilot, "connect")
        await pilot.press("o", "o")
        await held(pilot, "connect")
        before = len(port(app).exchanges)
        await pilot.press("x")
        await until(pilot, lambda: "for Help" in pane_text(app.triage.step_pane)[1])
        await pilot.press("c")
        await until(pilot, lambda: not port(app).is_stepped)
        assert [each.probe for each in port(app).exchanges[before:]] == ["Help"]
        assert not app.triage.step_pane.display
        assert app.focused is app.triage.ports


async def test_another_probe_is_chosen_from_a_list_that_is_filtered():
    app = live({b"\0\1rare": b"rare"})
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await pilot.press("s")
        await held(pilot, "connect")
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await until(pilot, lambda: "GetRequest" in shown(app))
        assert "ports 80,8000-8010  sslports 443" in shown(app)
        await pilot.press(*"rare")
        await until(pilot, lambda: "GetRequest" not in shown(app))
        assert r"\0\x01rare" in shown(app)
        await pilot.press("enter")
        await until(pilot, lambda: "for Rare" in pane_text(app.triage.step_pane)[1])
        await pilot.press("c")
        await until(pilot, lambda: port(app).identified)
        assert port(app).service.name == "rare"
        assert port(app).by_hand


async def test_a_port_is_stopped_and_sending_again_needs_something_sent():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await pilot.press("s")
        await held(pilot, "connect")
        await pilot.press("r")
        await until(pilot, lambda: "Nothing was sent yet" in told(app))
        await pilot.press("X")
        await until(pilot, lambda: port(app).outcome is Outcome.STOPPED)


async def test_quitting_while_a_port_is_held_reports_it():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await pilot.press("s")
        await held(pilot, "connect")
        await pilot.press("q")
        await until(pilot, lambda: app.return_code is not None)
    assert port(app).outcome is Outcome.STOPPED


# Breakpoints


async def test_breakpoints_are_added_disabled_and_removed():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 22)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(app.screen, BreakpointsScreen))
        await until(pilot, lambda: "+ line service-probes:2041" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "● soft match" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "○ soft match   disabled" in shown(app))
        await pilot.press("a", *"service imap", "enter")
        await until(pilot, lambda: "● service imap" in shown(app))
        await pilot.press("d")
        await until(pilot, lambda: "○ soft match" not in shown(app))
        await pilot.press("escape")
        assert [str(each) for each in app.hands.breakpoints.all()] == ["service imap"]


async def test_a_breakpoint_with_a_fault_is_told_what_is_missing():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 22)
        await pilot.press("b", "a", *"line many", "enter")
        await until(pilot, lambda: '"many" is no number' in shown(app))


async def test_a_breakpoint_that_is_hit_brings_the_user_to_the_port():
    app = live(banner=b"220 hello\r\n")
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await pilot.press("b", "enter", "escape", "s")
        await held(pilot, "connect")
        app.triage.show_port(tcp(22))
        await app.hands._by_hand.obey(Subject(tcp(9999)), Run())
        await until(pilot, lambda: app.triage.port is port(app))
        assert "held, breakpoint: soft match" in pane_text(app.triage.step_pane)[0]
        await until(pilot, lambda: app.focused is app.triage.step_pane)


async def test_a_breakpoint_pauses_a_recording_and_shows_the_port():
    source = ScriptedSource(script(HOST))
    app = VscanApp(source)
    app.hands.breakpoints.add(parse_breakpoint("soft match"))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await until(pilot, lambda: app.triage.port.endpoint == tcp(5432))
        assert "pause" in source.calls
        await until(pilot, lambda: "Breakpoint on 5432/tcp" in told(app))


# Payloads


async def compose(pilot):
    await pilot.press("e")
    await until(pilot, lambda: isinstance(pilot.app.screen, ComposerScreen))
    await until(pilot, lambda: "what is sent" in shown(pilot.app))


async def test_the_composer_begins_with_the_selected_exchange():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 80)
        await compose(pilot)
        assert app.screen.draft.text == "GET / HTTP/1.0\\r\\n\n\\r\\n"
        assert "compose  for 127.0.0.1:80/tcp" in shown(app)
        assert "rules of GetRequest" in shown(app)
        assert "47 45 54 20 2f 20 48 54" in shown(app)


async def test_bytes_are_seen_while_they_are_written_and_faults_with_their_column():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await compose(pilot)
        app.screen.query_one("#compose-text").text = ""
        await pilot.press(*r"A\x42\q")
        await until(pilot, lambda: r"line 1, column 6: unknown escape \q" in shown(app))
        assert "41 42" in shown(app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "The payload cannot be read" in shown(app))
        assert isinstance(app.screen, ComposerScreen)


async def test_a_payload_that_is_pasted_over_that_of_a_probe_is_matched_with_all_rules():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 80)
        await compose(pilot)
        app.post_message(events.Paste(r"HELP\r\n"))
        await until(pilot, lambda: "rules of all probes" in shown(app))
        app.screen.query_one("#compose-text").select_all()
        await pilot.press("ctrl+n")
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        for key in (*"generic", "enter"):  # faster than the list is filtered
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: "rules of GenericLines" in shown(app))
        assert app.screen.draft.text == "\\r\\n\n\\r\\n"
        await pilot.press(*r"\n", "escape")
        await until(pilot, lambda: app.screen is app.triage)
        await compose(pilot)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "not sent" in shown(app))


def test_a_list_begins_with_what_begins_with_the_words():
    choices = [Choice(name, Line, name.lower(), "") for name in ("NULL zork help", "Help", "Rare")]
    assert [each.value for each in found_choices(choices, "help")] == ["Help", "NULL zork help"]
    assert found_choices(choices, "") == choices


async def test_what_is_typed_fast_stays_in_order():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await compose(pilot)
        text = app.screen.query_one("#compose-text")
        text.text = ""
        for key in ("a", "b", "backspace", "c", "left", "d"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: text.text == "adc")


async def test_a_payload_of_ones_own_names_the_service_and_is_marked():
    app = live({HELP: b"I speak klingon 7\r\n"})
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        before = len(port(app).exchanges)
        await compose(pilot)
        app.screen.query_one("#compose-text").text = ""
        await pilot.press(*r"HELP\r\n", "ctrl+l")
        await until(pilot, lambda: "match with the rules of" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: "rules of all probes" in shown(app))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: port(app).identified)
        assert port(app).service.fields.version == "7"
        assert (port(app).by_hand, port(app).exchanges[before].by_hand) == (True, True)
        await until(pilot, lambda: app.triage.exchange is port(app).exchanges[before])
        assert "✎" in shown(app)


async def test_text_and_hex_tcp_and_tls_one_connection_and_several():
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 80)
        await compose(pilot)
        await pilot.press("f2")
        assert app.screen.draft.text.startswith("47 45 54")
        await pilot.press("ctrl+t", "ctrl+g")
        await until(pilot, lambda: "over TLS" in shown(app) and "a connection each" in shown(app))
        await pilot.press("shift+tab", "shift+tab", "ctrl+u", "2", "ctrl+s")
        connects = app.hands._by_hand.transport.connects
        await until(pilot, lambda: len(connects) == 2)
        assert connects == [(tcp(80), True)] * 2


async def test_a_payload_over_udp_makes_a_port_of_its_own():
    app = live({HELP: b"hi"})
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await compose(pilot)
        app.screen.query_one("#compose-text").text = r"HELP\r\n"
        await pilot.press("ctrl+t", "ctrl+t")
        assert app.screen.draft.over is Over.UDP
        await pilot.press("ctrl+s")
        udp = Endpoint(HOST, "udp", 9999)
        await until(pilot, lambda: udp in app.store.ports and app.store.ports[udp].exchanges)
        await until(pilot, lambda: app.triage.port.endpoint == udp)


@pytest.mark.parametrize(
    ("key", "words", "inserted"),
    [("ctrl+n", "rare", r"\0\x01rare"), ("ctrl+r", "smb", r"\0\0\0\xa4\xffSMBr")],
)
async def test_payloads_are_inserted_from_probes_and_from_the_session(key, words, inserted):
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await compose(pilot)
        app.screen.query_one("#compose-text").text = ""
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, PickScreen))
        await pilot.press(*words, "enter")
        await until(pilot, lambda: isinstance(app.screen, ComposerScreen))
        await until(pilot, lambda: app.screen.draft.text == inserted)


async def test_payloads_are_inserted_from_a_file(tmp_path):
    path = tmp_path / "payload"
    path.write_bytes(b"\x00\xff[bold]")
    app = live()
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 9999)
        await compose(pilot)
        app.screen.query_one("#compose-text").text = ""
        await pilot.press("ctrl+o", *str(path), "enter")
        await until(pilot, lambda: isinstance(app.screen, ComposerScreen))
        await until(pilot, lambda: app.screen.draft.text == r"\0\xff[bold]")
        await pilot.press("ctrl+o", *str(tmp_path / "none"), "enter")
        await until(pilot, lambda: "none: cannot read it: No such file" in shown(app))


async def test_r_sends_the_selected_exchange_again():
    app = live({GET: b"HTTP/1.0 200 OK\r\nServer: tiny\r\n\r\n"})
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 80)
        await pilot.press("r")
        await until(pilot, lambda: len(port(app, 80).exchanges) == 3)
        exchange = port(app, 80).exchanges[2]
        assert (exchange.payload, exchange.reason) == (GET, "sent again by hand")
        await until(pilot, lambda: port(app, 80).service.fields.product == "tiny")


async def test_what_cannot_be_sent_is_told():
    app = live(refuses=True)
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 80)
        await pilot.press("r")
        await until(pilot, lambda: port(app, 80).warnings)
        assert "refused" in port(app, 80).warnings[0]


# Recordings


async def test_where_nothing_can_be_sent_a_sentence_says_what_is_possible():
    app = VscanApp(ScriptedSource(script(HOST)))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        for key in ("s", "e", "r"):
            await pilot.press(key)
            await until(pilot, lambda: "b sets breakpoints" in told(app))
            app.clear_notifications()


async def test_a_recording_asks_before_something_is_sent_to_an_address():
    app = VscanApp(
        ScriptedSource(script(HOST)), by_hand=lambda: hand({GET: b"HTTP/1.0 200 Server: x"})
    )
    async with app.run_test(size=WIDE) as pilot:
        await go_to(pilot, 80)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("n")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert app.hands._by_hand.transport.connects == []
        await pilot.press("y")
        await until(pilot, lambda: len(port(app, 80).exchanges) == 3)
        await pilot.press("r")
        await until(pilot, lambda: len(port(app, 80).exchanges) == 4)


async def test_a_recording_shows_how_a_port_was_held():
    from vscan_tui.events import HostFound, HostState, PortHeld, Prospect

    made = Script()
    made.add(HostFound, address=HOST, state=HostState.UP, reason="x")
    made.found(tcp(80))
    made.add(
        PortHeld, endpoint=tcp(80), cause="by hand", action="send GetRequest", reason="why not",
        payload=GET, outlook=(Prospect("no answer", "finish: \x1b[2J"),),
    )  # fmt: skip
    app = VscanApp(ScriptedSource(made.events))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        assert "▶ Send GetRequest: why not" in shown(app)
        assert "finish: .[2J" in shown(app)
