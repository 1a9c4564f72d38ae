"""What is written becomes what is sent."""

from dataclasses import replace

import pytest

from vscan_tui.events import Endpoint
from vscan_tui.probedb.payload_text import Form
from vscan_tui.scanning.by_hand.draft import Draft, DraftError, Over, over_of

PORT = Endpoint("127.0.0.1", "tcp", 80)
DRAFT = Draft(PORT, Over.TCP, "HELP\\r\\n\n---\nQUIT\\r\\n")


def test_payloads_are_sent_as_often_as_is_wished():
    sent = replace(DRAFT, times=2, one_connection=False, probe="Help").composition()
    assert sent.payloads == (b"HELP\r\n", b"QUIT\r\n") * 2
    assert (sent.tunnel, sent.one_connection, sent.probe) == (False, False, "Help")


@pytest.mark.parametrize(
    ("over", "protocol", "tunnel"),
    [(Over.TCP, "tcp", False), (Over.TLS, "tcp", True), (Over.UDP, "udp", False)],
)
def test_what_carries_a_payload_decides_the_protocol(over, protocol, tunnel):
    draft = replace(DRAFT, over=over)
    assert draft.target == Endpoint("127.0.0.1", protocol, 80)
    assert draft.composition().tunnel is tunnel
    assert over_of(draft.target, tunnel=tunnel) is over


def test_the_kinds_go_round():
    assert DRAFT.next_over().next_over().next_over() == DRAFT


def test_text_and_hex_stand_for_the_same_bytes():
    other = DRAFT.in_form(Form.HEX)
    assert other.text == "48 45 4c 50 0d 0a\n---\n51 55 49 54 0d 0a"
    assert other.composition().payloads == DRAFT.composition().payloads
    assert other.in_form(Form.TEXT) == DRAFT


def test_a_text_with_a_fault_is_not_rewritten():
    broken = replace(DRAFT, text=r"\q")
    assert broken.in_form(Form.HEX) == broken


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"text": r"GET \q"}, "line 1, column 5"),
        ({"times": 0}, "At least one"),
        ({"times": 501}, "at most 1,000"),
        ({"wait_ms": 5}, "100 to 300,000 ms"),
    ],
)
def test_what_cannot_be_sent_is_told(changes, part):
    with pytest.raises(DraftError, match=part):
        replace(DRAFT, **changes).composition()
