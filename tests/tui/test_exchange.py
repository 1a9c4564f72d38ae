"""An exchange in one line."""

from vscan_tui.events import Ending
from vscan_tui.session.store import Chunk, Exchange
from vscan_tui.tui.rendering.exchange import exchange_line

GREETING = b"220 ready\r\n"


def exchange(**fields):
    given = {"number": 2, "connection": 1, "probe": "Lines", "payload": b"\r\n", "tunnel": ""}
    return Exchange(**given, reason="", started=0.0, ended=5.0, ending=Ending.TIMED_OUT, **fields)


def text(shown):
    return "".join(run.text for run in exchange_line(shown, 80, chosen=False).runs)


def test_a_greeting_that_was_carried_over_is_no_answer():
    shown = text(exchange(response=bytearray(GREETING), carried=len(GREETING)))
    assert " 0 B" in shown
    assert "no answer" in shown


def test_only_the_bytes_of_this_exchange_are_counted():
    chunks = [Chunk(1.0, len(GREETING), 4)]
    shown = text(
        exchange(
            response=bytearray(GREETING + b"what"), carried=len(GREETING), chunks=chunks, tried=7
        )
    )
    assert " 4 B" in shown
    assert "no rule matched, 7 tried" in shown


def test_a_post_processors_answer_is_not_called_unmatched():
    shown = text(exchange(response=bytearray(b"\x16\x03"), chunks=[Chunk(1.0, 0, 2)]))
    assert "answered" in shown
    assert "no match" not in shown
