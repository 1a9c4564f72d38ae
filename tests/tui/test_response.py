"""The response pane: a cursor on a byte, the selection, the search, the mouse."""

import asyncio
import random

import pytest
from textual.events import MouseDown, MouseMove, MouseUp

from tests.tui.driving import pane_text, screen_text, settle, tcp, until
from tests.tui.scripted_scan import GET, NGINX_PAGE, Script, ScriptedSource, script
from vscan_tui.events import (
    BytesReceived,
    Ending,
    ExchangeEnded,
    ExchangeStarted,
    Outcome,
    Service,
)
from vscan_tui.session.conversation import Direction
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.rendering.dump import Place
from vscan_tui.tui.rendering.hexdump import View
from vscan_tui.tui.rendering.line import Layer
from vscan_tui.tui.widgets import hexdump
from vscan_tui.tui.widgets.search_bar import SearchInput

MIDDLE, LARGE = (120, 36), (200, 60)
GREETING = (b"220 mail.example ", b"ESMTP ready\r\n")
ANSWER = (b"250-mail.example\r\n", b"250-SIZE 10240000\r\n", b"250 HELP\r\n")
TALK = b"".join(GREETING + ANSWER)
TO_RESPONSE = ("tab", "G", "tab")


def talk(*, sent=b"EHLO vscan\r\n"):
    """A greeting in two reads, a payload, an answer in three, on one connection."""
    made = Script()
    made.found(tcp(25), "smtp")
    made.begin(tcp(25))
    for number, (probe, payload, reads) in enumerate(
        [("NULL", b"", GREETING), ("Hello", sent, ANSWER)], start=1
    ):
        made.add(
            ExchangeStarted, endpoint=tcp(25), exchange=number, connection=1, probe=probe,
            payload=payload, reason="rarity 1", continues=number - 1,
        )  # fmt: skip
        for read in reads:
            made.add(BytesReceived, 0.0034, endpoint=tcp(25), exchange=number, data=read)
        made.add(
            ExchangeEnded, 1.0, endpoint=tcp(25), exchange=number, ending=Ending.TIMED_OUT, tried=9
        )
    made.finish(tcp(25), Outcome.NO_MATCH, Service("smtp"))
    return made.events


def response_of(data, ending=Ending.TIMED_OUT, payload=b""):
    made = Script()
    made.found(tcp(80))
    made.begin(tcp(80))
    made.exchange(tcp(80), "Probe", payload, data, ending, reason="", seconds=0.0012)
    return made.events


class Opened:
    """The program with the cursor in the response pane."""

    def __init__(self, events, size=MIDDLE):
        self.app = VscanApp(ScriptedSource(events))
        self._size = size
        self.pane = self.app.triage.response

    async def __aenter__(self):
        self._running = self.app.run_test(size=self._size)
        self.pilot = await self._running.__aenter__()
        await settle(self.pilot)
        await self.pilot.press(*TO_RESPONSE)
        return self

    async def __aexit__(self, *raised):
        await self._running.__aexit__(*raised)

    async def press(self, *keys):
        await self.pilot.press(*keys)

    async def find(self, text):
        await self.press("/")
        self.app.triage.search_bar.query_one(SearchInput).value = text
        await until(
            self.pilot, lambda: self.pane.found is not None and self.pane.found.text == text
        )
        await until(
            self.pilot, lambda: self.pane.found is not None and not self.pane.found.is_searching
        )
        await self.press("enter")

    @property
    def at(self):
        """The byte under the cursor: R or S, and its offset."""
        place = self.pane._place
        return place.direction.value[0].upper(), place.offset

    @property
    def selected(self):
        selection = self.pane.selection
        return None if selection is None else (selection[0].value[0].upper(), *selection[1])

    @property
    def legend(self):
        return pane_text(self.pane)[-1]

    def shown(self, layer):
        return [
            segment.text
            for y in range(1, self.pane.size.height - 1)
            for run, segment in self._segments(y)
            if run is layer
        ]

    def _segments(self, y):
        line = self.pane.line_at(self.pane.top + y - 1)
        return [(run.layer, run) for run in line.runs]


@pytest.mark.parametrize(
    ("keys", "byte"),
    [
        (["right"], 1),
        (["l", "l", "h"], 1),
        (["down"], 8),
        (["right", "j", "j", "k"], 9),
        (["G"], 256),
        (["right", "G"], 257),
        (["G", "g"], 0),
        (["pagedown"], 72),
        (["end", "right"], 257),
    ],
)
async def test_keys_move_the_cursor_from_byte_to_byte(keys, byte):
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press(*keys)
        assert opened.at == ("R", byte)


async def test_left_of_the_first_byte_is_the_pane_before():
    async with Opened(response_of(b"abc")) as opened:
        await opened.press("right", "left")
        assert opened.app.focused is opened.pane
        await opened.press("left")
        assert opened.app.focused is opened.app.triage.exchanges


async def test_the_legend_tells_of_the_byte_under_the_cursor():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press("down", "right")
        assert opened.legend.split("  ") == [
            "0x0009 9", "32 '2' 50", "read 1/1 +1.2 ms",
        ]  # fmt: skip


async def test_the_cursor_stays_on_its_byte_in_every_view_and_width():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press("down", "down", "down", "right")
        for _ in View:
            await opened.press("v")
            assert opened.at == ("R", 25)
            assert opened.shown(Layer.CURSOR)
        await opened.press("z")
        assert opened.at == ("R", 25)
        assert pane_text(opened.pane)[2].startswith("0010")


async def test_shift_and_arrows_select():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press("right", "shift+right", "shift+right", "shift+down")
        assert opened.selected == ("R", 1, 12)
        await opened.press("shift+left", "shift+up", "shift+up")
        assert opened.selected == ("R", 1, 3)
        await opened.press("right")
        assert opened.selected is None


async def test_a_key_begins_to_select_and_escape_ends_it():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press("V", "right", "right", "j")
        assert opened.selected == ("R", 0, 11)
        assert "selected 11 B" in opened.legend
        assert "SELECTING" in pane_text(opened.pane)[0]
        await opened.press("escape")
        assert opened.selected is None
        assert opened.app.focused is opened.pane
        await opened.press("escape")
        assert opened.app.focused is opened.app.triage.ports


@pytest.mark.parametrize(
    ("view", "text"), [(0, "2f 31 2e"), (1, "/1."), (2, "/1.")]
)  # fmt: skip
async def test_the_selection_is_copied_as_it_is_shown(view, text):
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press(*"v" * view, *"llll", "shift+right", "shift+right", "y")
        assert opened.app.clipboard == text


async def test_a_drag_of_the_mouse_selects():
    async with Opened(response_of(NGINX_PAGE)) as opened:

        def mouse(kind, x, y, button=1):
            region = opened.pane.region
            opened.pane.post_message(
                kind(
                    opened.pane, x, y, 0, 0, button, shift=False, meta=False, ctrl=False,
                    screen_x=region.x + x, screen_y=region.y + y,
                )
            )  # fmt: skip

        mouse(MouseDown, 7, 1)
        mouse(MouseMove, 10, 1)
        mouse(MouseMove, 13, 2)
        mouse(MouseUp, 13, 2)
        mouse(MouseMove, 20, 3, button=0)
        await until(opened.pilot, lambda: opened.selected == ("R", 0, 11))
        await opened.pilot.pause()
        assert opened.selected == ("R", 0, 11)


async def test_a_click_puts_the_cursor_on_a_byte():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.pilot.click(opened.pane, offset=(32, 2))
        assert opened.at == ("R", 9)
        await opened.pilot.click(opened.pane, offset=(34, 2))
        assert opened.at == ("R", 11)
        await opened.pilot.click(opened.pane, offset=(9, 1), shift=True)
        assert opened.selected == ("R", 1, 12)


# The search


async def test_the_search_goes_to_the_first_hit_and_counts_them():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press("/", *"nginx")
        await until(opened.pilot, lambda: "1/3 found" in "".join(screen_text(opened.app)))
        await opened.press("enter")
        assert opened.app.focused is opened.pane
        assert opened.at == ("R", NGINX_PAGE.index(b"nginx"))
        assert "found 1/3" in opened.legend


async def test_n_goes_through_the_hits_round_and_round():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.find("nginx")
        seen = []
        for key in ("n", "n", "n", "N", "N"):
            await opened.press(key)
            seen.append(opened.pane.hit_number)
        assert seen == [1, 2, 0, 2, 1]
        assert opened.shown(Layer.CURRENT_HIT)


async def test_bytes_and_regexes_are_found():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.find("hex: 0d0a0d0a")
        assert opened.at == ("R", NGINX_PAGE.index(b"\r\n\r\n"))
        await opened.find(r"re: nginx/[\d.]+")
        assert opened.at == ("R", NGINX_PAGE.index(b"nginx/"))
        await opened.find(r"\x3ctitle")
        assert opened.at == ("R", NGINX_PAGE.index(b"<title"))


async def test_a_fault_in_what_is_typed_is_told_while_it_is_typed():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press("/", *"re: (")
        await until(
            opened.pilot, lambda: "This regex cannot be" in "".join(screen_text(opened.app))
        )
        await opened.press(")", "q", "9")
        await until(opened.pilot, lambda: "not found" in "".join(screen_text(opened.app)))


async def test_escape_leaves_the_search_and_goes_back():
    async with Opened(response_of(NGINX_PAGE)) as opened:
        await opened.press("right", "/", *"html")
        await until(opened.pilot, lambda: opened.at[1] > 1)
        await opened.press("escape")
        assert opened.at == ("R", 1)
        assert opened.pane.found is None
        assert not opened.shown(Layer.HIT)


async def test_without_a_search_n_goes_to_the_next_port():
    async with Opened(script("127.0.0.1")) as opened:
        await opened.press("n")
        assert opened.app.triage.port.endpoint == tcp(9999)


async def test_a_search_goes_on_in_the_next_exchange():
    async with Opened(talk()) as opened:
        await opened.find("250")
        assert opened.pane.found.count == 3
        await opened.press("left", "g", "tab", "tab")
        opened.app.triage.set_focus(opened.app.triage.exchanges)
        await opened.press("up")
        await until(opened.pilot, lambda: opened.pane.found.count == 0)


async def test_hits_in_a_response_that_grows_are_found():
    events = response_of(b"one")
    app = VscanApp(ScriptedSource(events, stays_open=True))
    async with app.run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        app.triage.response.search("one")
        await until(pilot, lambda: app.triage.response.found.count == 1)
        app.feed.emit(BytesReceived(time=1, endpoint=tcp(80), exchange=1, data=b" one"))
        await until(pilot, lambda: app.triage.response.found.count == 2)


async def test_a_search_does_not_hold_up_the_screen():
    """While a hard regex is searched for, the event loop has its turns all the time."""
    made = random.Random(3)
    data = bytes(made.randrange(97, 101) for _ in range(400_000))
    async with Opened(response_of(data)) as opened:
        opened.pane.search("re: (?:a|b|ab|ba|c)+(?:dd|d)+aaaabbbbddddaaaa")
        turns = 0
        while opened.pane.found.is_searching and turns < 30:
            await asyncio.sleep(0)
            turns += 1
        assert turns == 30 or not opened.pane.found.is_searching
        opened.pane.search("")
        assert opened.pane.found is None


# What was sent, and the reads


async def test_the_borders_and_times_of_the_reads_are_shown():
    async with Opened(talk(), LARGE) as opened:
        await opened.press("z")
        text = "\n".join(pane_text(opened.pane))
        assert "╎45 53 4d" in text
        assert "read 1 +3.4 ms" in text
        assert "read 2 +6.8 ms" in text


async def test_keys_go_from_read_to_read():
    async with Opened(talk()) as opened:
        seen = []
        for _ in range(4):
            await opened.press("}")
            seen.append((opened.at[1], opened.legend.rsplit("  ", 1)[-1]))
        assert seen == [
            (17, "read 2/2 +6.8 ms"), (30, "read 1/3 +3.4 ms"),
            (48, "read 2/3 +6.8 ms"), (67, "read 3/3 +10.2 ms"),
        ]  # fmt: skip
        await opened.press("right", "{")
        assert opened.at == ("R", 67)
        await opened.press("{")
        assert opened.at == ("R", 48)


async def test_what_was_sent_stands_above_the_answer_where_there_is_little_room():
    async with Opened(talk(), (78, 60)) as opened:
        assert "sent" not in " ".join(pane_text(opened.pane)[1:-1])
        await opened.press("p")
        rows = [row for row in pane_text(opened.pane)[1:-1] if row]
        marks = [row.split()[0] for row in rows if row[0] in "→←"]
        assert marks == ["→", "←", "→", "←"]
        assert any("45 48 4c 4f" in row for row in rows)
        await opened.press("p")
        assert "→" not in " ".join(pane_text(opened.pane)[1:-1])


async def test_what_was_sent_stands_beside_the_answer_where_there_is_room():
    async with Opened(talk(), LARGE) as opened:
        await opened.press("z")
        rows = pane_text(opened.pane)
        (row,) = [row for row in rows if "45 48 4c 4f 20 76" in row]
        sent, received = row.split(" │ ")
        assert sent.rstrip().endswith("EHLO vscan..")
        assert "32 35 30 2d 6d 61" in received
        assert received.startswith("001e")  # the offset in all that came back


async def test_the_cursor_goes_through_a_conversation_in_its_order():
    async with Opened(talk()) as opened:
        await opened.press("p")
        opened.pane._go(Place(Direction.RECEIVED, 29))
        seen = []
        for _ in range(14):
            await opened.press("right")
            seen.append(opened.at)
        assert seen[0] == ("S", 0)
        assert seen[11:] == [("S", 11), ("R", 30), ("R", 31)]


async def test_lines_without_bytes_are_passed_over():
    async with Opened(talk()) as opened:
        await opened.press("p", "g", "g", *"kkkkkk")
        assert opened.at == ("R", 0)
        opened.pane._go(Place(Direction.RECEIVED, 24))
        await opened.press("down")
        assert opened.at == ("S", 0)


async def test_a_selection_stays_on_one_side():
    async with Opened(talk()) as opened:
        await opened.press("p")
        opened.pane._go(Place(Direction.SENT, 2))
        await opened.press("V", *"jjj")
        assert opened.selected == ("S", 2, 12)
        await opened.press("y")
        assert opened.app.clipboard == b"LO vscan\r\n".hex(" ")


async def test_what_was_sent_is_searched_too_when_it_is_shown():
    async with Opened(talk()) as opened:
        await opened.find("vscan")
        assert opened.pane.found.count == 0
        await opened.press("p")
        await until(opened.pilot, lambda: opened.pane.found.count == 1)
        await opened.press("n")
        assert opened.at == ("S", 5)


# Near misses, large responses


async def test_what_the_nearest_rule_met_is_marked_and_where_it_stopped():
    async with Opened(talk()) as opened:
        await opened.press("right")
        opened.pane.show_rule((), (((4, 8), Layer.MET), ((0, 5), Layer.MET), ((9, 10), Layer.STOP)))
        await opened.pilot.pause()
        assert opened.shown(Layer.MET)[:2] == ["32 ", " 30 20 6d 61 69 6c"]
        assert opened.shown(Layer.STOP) == ["65", "e"]
        assert "met by the rule" in opened.legend
        opened.pane.point_at(9)
        assert "the rule stops here" in opened.legend


async def test_a_page_of_a_large_response_costs_no_more_than_that_of_a_small_one(monkeypatch):
    drawn = []
    async with Opened(response_of(bytes(8 * 1024 * 1024))) as opened:
        line_at = type(opened.pane).line_at
        monkeypatch.setattr(
            type(opened.pane),
            "line_at",
            lambda pane, index: drawn.append(index) or line_at(pane, index),
        )
        await opened.press("pagedown")
        assert 0 < len(drawn) <= 2 * opened.pane.page
        assert len(opened.pane._dump._bands) == 1


async def test_the_lines_of_a_large_text_are_found_bit_by_bit_and_the_end_is_reached(monkeypatch):
    data = b"".join(b"%07d\n" % number for number in range(400_000))
    async with Opened(response_of(data)) as opened:
        with monkeypatch.context() as no_time:
            no_time.setattr(hexdump, "_FIRST_BUDGET", 0.0)
            no_time.setattr(hexdump, "_BUDGET", 0.0)
            await opened.press("v")
            assert "finding lines" in pane_text(opened.pane)[0]
        await opened.press("G")
        await until(opened.pilot, lambda: opened.pane._dump.is_complete)
        await until(opened.pilot, lambda: "0399999" in "".join(pane_text(opened.pane)))
        assert opened.at == ("R", len(data) - 1)


async def test_a_response_that_grows_keeps_the_cursor_where_it_is():
    app = VscanApp(ScriptedSource(response_of(NGINX_PAGE), stays_open=True))
    async with app.run_test(size=MIDDLE) as pilot:
        await settle(pilot)
        await pilot.press(*TO_RESPONSE, "j", "j", "right")
        before = pane_text(app.triage.response)[1:-1]
        app.feed.emit(BytesReceived(time=1, endpoint=tcp(80), exchange=1, data=bytes(90_000)))
        await until(pilot, lambda: "90,264" in pane_text(app.triage.response)[0])
        assert app.triage.response._place == Place(Direction.RECEIVED, 17)
        after = pane_text(app.triage.response)[1:-1]
        assert [row[-8:] for row in after[:5]] == [row[-8:] for row in before[:5]]


async def test_layers_stand_in_brackets_where_there_are_no_colours(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with Opened(response_of(NGINX_PAGE, payload=GET)) as opened:
        await opened.find("nginx")
        await opened.press("V", "right", "right")
        text = "".join(pane_text(opened.pane)[1:-1])
        assert "20[6e 67 69]6e 78»2f" in text
