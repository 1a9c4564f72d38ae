"""Which exchange explains a port: of several answers, the one that tells most."""

import pytest

from vscan_tui.events import (
    BytesReceived,
    Decided,
    Endpoint,
    ExchangeStarted,
    PortFound,
    PortHeld,
    PortReleased,
    PortState,
)
from vscan_tui.session.store import Store

PORT = Endpoint("127.0.0.1", "tcp", 99)


def asked(*exchanges):
    """A port after exchanges that no rule matched: (payload, response)."""
    store = Store()
    store.apply(PortFound(time=0.0, endpoint=PORT, state=PortState.OPEN, reason=""))
    for number, (payload, response) in enumerate(exchanges, start=1):
        store.apply(
            ExchangeStarted(
                time=1.0, endpoint=PORT, exchange=number, connection=number, probe="P",
                payload=payload, reason="",
            )
        )  # fmt: skip
        if response:
            store.apply(BytesReceived(time=2.0, endpoint=PORT, exchange=number, data=response))
    return store.ports[PORT]


@pytest.mark.parametrize(
    ("exchanges", "number"),
    [
        ([(b"", b""), (b"GET /", b"what?\r\n"), (b"HELP", b"I know: HELO, QUIT\r\n")], 3),
        ([(b"", b"~~ hi\r\n"), (b"GET /", b"~~ hi\r\nERR: GET / GET / GET /\r\n")], 1),
        ([(b"", b""), (b"GET /", b"ERR: GET / is no command\r\n"), (b"\0\1", b"?\r\n")], 3),
        ([(b"", b""), (b"GET /", b"GET /"), (b"HELP", b"")], 2),
    ],
    ids=["the longest", "what is said unasked", "no echo of the payload", "only an echo"],
)
def test_an_unknown_port_is_explained_by_the_answer_that_tells_most(exchanges, number):
    port = asked(*exchanges)
    assert port.deciding is port.exchange(number)


def test_a_port_without_an_answer_has_none_that_explains_it():
    assert asked((b"", b""), (b"GET /", b"")).deciding is None


def test_a_port_that_is_held_on_several_connections_stays_so_until_it_is_released():
    store = Store()
    store.apply(PortFound(time=0.0, endpoint=PORT, state=PortState.OPEN, reason=""))
    port = store.ports[PORT]
    store.apply(PortHeld(time=1.0, endpoint=PORT, cause="breakpoint: no answer", action=""))
    store.apply(Decided(time=1.0, endpoint=PORT, action="disconnect", reason="no answer"))
    assert port.held is not None
    store.apply(PortReleased(time=2.0, endpoint=PORT))
    assert port.held is None
    store.apply(PortHeld(time=3.0, endpoint=PORT, cause="by hand", action="connect"))
    store.apply(Decided(time=4.0, endpoint=PORT, action="connect", reason=""))
    assert port.held is None
