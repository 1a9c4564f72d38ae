"""A store that keeps verdicts and little else, for scans of very many ports and hosts."""

import pytest

from vscan_tui.events import (
    BytesReceived,
    ConnectionOpened,
    Decided,
    Ending,
    Endpoint,
    ExchangeEnded,
    ExchangeStarted,
    HostFound,
    HostState,
    InterrogationStarted,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    Service,
)
from vscan_tui.reports.fingerprint import fingerprint
from vscan_tui.reports.scan import hosts_total, hosts_up
from vscan_tui.session.store import MAX_HOSTS_DOWN, Store

PORT = Endpoint("127.0.0.1", "tcp", 80)


def asked(store, endpoint, outcome, *, provisional=False):
    """Fold in a port that was asked one thing and answered."""
    about = {"time": 1.0, "endpoint": endpoint}
    for event in (
        PortFound(**about, state=PortState.OPEN, reason="syn-ack"),
        InterrogationStarted(**about),
        Decided(**about, action="connect", reason="for NULL"),
        ConnectionOpened(**about, connection=1, seconds=0.1),
        ExchangeStarted(**about, exchange=1, connection=1, probe="Ask", payload=b"?", reason=""),
        BytesReceived(**about, exchange=1, data=b"an answer"),
        ExchangeEnded(**about, exchange=1, ending=Ending.TIMED_OUT),
        PortFinished(
            **about,
            outcome=outcome,
            service=Service("same", confidence=10),
            provisional=provisional,
        ),
    ):
        store.apply(event)
    return store.ports[endpoint]


def test_of_a_finished_port_only_the_verdict_stays():
    port = asked(Store(keeps_exchanges=False), PORT, Outcome.HARD_MATCH)
    assert (port.service.name, port.outcome) == ("same", Outcome.HARD_MATCH)
    assert (port.exchanges, port.decisions, port.connections) == ([], [], {})


def test_a_store_keeps_everything_unless_it_is_told_otherwise():
    port = asked(Store(), PORT, Outcome.HARD_MATCH)
    assert port.exchanges
    assert port.decisions
    assert port.connections


def test_while_a_verdict_is_provisional_everything_stays():
    port = asked(Store(keeps_exchanges=False), PORT, Outcome.NO_MATCH, provisional=True)
    assert port.decisions


@pytest.mark.parametrize("outcome", [Outcome.NO_MATCH, Outcome.SOFT_MATCH])
def test_the_fingerprint_of_what_nothing_matched_is_the_same(outcome):
    small = asked(Store(keeps_exchanges=False), PORT, outcome)
    whole = asked(Store(), PORT, outcome)
    assert "an\\x20answer" in fingerprint(small, intensity=7)
    assert fingerprint(small, intensity=7) == fingerprint(whole, intensity=7)


def test_equal_services_are_one_object():
    store = Store(keeps_exchanges=False)
    first = asked(store, PORT, Outcome.HARD_MATCH)
    other = asked(store, Endpoint("127.0.0.2", "tcp", 80), Outcome.HARD_MATCH)
    assert first.service is other.service


def test_hosts_that_are_down_are_counted_and_not_all_kept():
    store = Store()
    for number in range(3 * MAX_HOSTS_DOWN):
        address = f"10.0.{number // 256}.{number % 256}"
        store.apply(
            HostFound(time=1.0, address=address, state=HostState.DOWN, reason="no-response")
        )
    store.apply(HostFound(time=1.0, address="127.0.0.1", state=HostState.UP, reason="test"))
    assert len(store.hosts) == MAX_HOSTS_DOWN + 1
    assert hosts_total(store) == 3 * MAX_HOSTS_DOWN + 1
    assert hosts_up(store) == 1


def test_what_comes_after_the_verdict_adds_nothing_to_other_ports():
    store = Store(keeps_exchanges=False)
    first = asked(store, PORT, Outcome.HARD_MATCH)
    other = asked(store, Endpoint("127.0.0.2", "tcp", 80), Outcome.HARD_MATCH)
    store.apply(Decided(time=2.0, endpoint=PORT, action="late", reason=""))
    assert other.decisions == []
    asked(store, PORT, Outcome.TCPWRAPPED)
    assert first.outcome is Outcome.TCPWRAPPED
    assert other.exchanges == []
