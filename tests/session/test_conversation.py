"""What was sent and received on one connection, in order."""

from vscan_tui.events import (
    BytesReceived,
    Endpoint,
    ExchangeStarted,
    PortFound,
    PortState,
)
from vscan_tui.session.conversation import Direction, conversation
from vscan_tui.session.store import Store

HERE = Endpoint("127.0.0.1", "tcp", 25)
GREETING = [b"220 ", b"mail ready\r\n"]


def port_of(*exchanges):
    """A port with exchanges: (payload, reads, number of the one it goes on from)."""
    store = Store()
    store.apply(PortFound(time=0, endpoint=HERE, state=PortState.OPEN, reason=""))
    for number, (payload, reads, continues) in enumerate(exchanges, start=1):
        store.apply(
            ExchangeStarted(
                time=number * 10, endpoint=HERE, exchange=number, connection=1,
                probe=f"P{number}", payload=payload, reason="", continues=continues,
            )
        )  # fmt: skip
        for seconds, data in enumerate(reads, start=1):
            store.apply(
                BytesReceived(
                    time=number * 10 + seconds / 8, endpoint=HERE, exchange=number, data=data
                )
            )
    return store.ports[HERE]


def shown(port, number):
    """Each turn of a conversation: what was sent, and what came after it."""
    talk = conversation(port, port.exchange(number))
    return [
        (talk.sent[slice(*turn.sent)], bytes(talk.received[turn.begin : talk.end(turn)]))
        for turn in talk.turns
    ]


def test_one_exchange_is_one_turn():
    port = port_of((b"GET\r\n", [b"no\r\n"], 0))
    assert shown(port, 1) == [(b"GET\r\n", b"no\r\n")]


def test_a_greeting_that_was_carried_over_comes_before_the_payload():
    port = port_of((b"", GREETING, 0), (b"EHLO\r\n", [b"250 ok\r\n"], 1))
    assert shown(port, 2) == [(b"", b"220 mail ready\r\n"), (b"EHLO\r\n", b"250 ok\r\n")]
    assert shown(port, 1) == [(b"", b"220 mail ready\r\n")]


def test_three_exchanges_of_which_one_was_not_answered():
    port = port_of((b"", GREETING, 0), (b"A", [], 1), (b"B", [b"what?"], 2))
    assert shown(port, 3) == [(b"", b"220 mail ready\r\n"), (b"A", b""), (b"B", b"what?")]


def test_every_read_is_told_with_its_time_since_its_payload():
    port = port_of((b"", GREETING, 0), (b"EHLO\r\n", [b"250 ", b"ok\r\n"], 1))
    talk = conversation(port, port.exchange(2))
    reads = list(talk.reads_from(0, 100))
    assert [(read.number, read.offset, read.seconds) for read in reads] == [
        (1, 0, 0.125), (2, 4, 0.25), (1, 16, 0.125), (2, 20, 0.25)
    ]  # fmt: skip
    for offset in range(24):
        expected = [read for read in reads if read.offset <= offset][-1]
        assert talk.read_at(offset) == expected


def test_bytes_belong_to_the_turn_in_which_they_went():
    port = port_of((b"A", [b"12"], 0), (b"BC", [b"345"], 1))
    talk = conversation(port, port.exchange(2))
    assert [talk.turn_at(Direction.RECEIVED, at).exchange.number for at in range(5)] == [
        1, 1, 2, 2, 2
    ]  # fmt: skip
    assert [talk.turn_at(Direction.SENT, at).exchange.number for at in range(3)] == [1, 2, 2]


def test_what_comes_late_to_an_exchange_that_was_gone_on_from_is_not_told_twice():
    port = port_of((b"A", [b"12"], 0), (b"B", [b"345"], 1))
    late = BytesReceived(time=30, endpoint=HERE, exchange=1, data=b"late")
    store = Store()
    store.ports[HERE] = port
    store.apply(late)
    assert shown(port, 2) == [(b"A", b"12"), (b"B", b"345")]
    talk = conversation(port, port.exchange(2))
    assert [read.offset for read in talk.reads_from(0, 100)] == [0, 2]


def test_an_exchange_that_goes_on_from_itself_is_a_conversation_of_its_own():
    port = port_of((b"A", [b"12"], 1), (b"B", [b"3"], 2))
    assert len(conversation(port, port.exchange(2)).turns) == 1
