"""Which ports are listed and which are summed up, as measured on Nmap 7.93."""

import pytest

from tests.reports.scans import ADDRESS, down, found, others, store_of, up
from vscan_tui.events import PortState
from vscan_tui.reports.listing import is_shown, listing, ranges_text, scanned_ports
from vscan_tui.reports.options import ReportOptions


def listed(*events, **options):
    return listing(store_of(*events).hosts[ADDRESS], ReportOptions(**options))


def texts(ports):
    return [f"{port.endpoint.port}/{port.endpoint.protocol} {port.state}" for port in ports]


def summed(result):
    return [
        (state.state, reason.protocol, reason.reason, reason.count, ranges_text(reason.ranges))
        for state in result.summed
        for reason in state.reasons
    ]


@pytest.mark.parametrize(
    ("verbosity", "count", "is_summed_up"),
    [(0, 25, False), (0, 26, True), (1, 50, False), (1, 51, True), (2, 75, False), (2, 76, True)],
)
def test_a_state_is_summed_up_when_it_has_many_ports(verbosity, count, is_summed_up):
    result = listed(found(20000), others((1, count)), verbosity=verbosity)
    assert len(result.ports) == (1 if is_summed_up else count + 1)
    assert bool(result.summed) is is_summed_up


def test_both_protocols_of_a_state_count_together():
    result = listed(
        others((1, 13)), others((1, 13), protocol="udp", reason="port-unreach"), found(20000)
    )
    assert texts(result.ports) == ["20000/tcp open"]
    assert summed(result) == [
        (PortState.CLOSED, "udp", "port-unreach", 13, "1-13"),
        (PortState.CLOSED, "tcp", "conn-refused", 13, "1-13"),
    ]


def test_states_and_reasons_with_the_most_ports_come_first():
    result = listed(
        others((100, 129), state=PortState.FILTERED, reason="no-response"),
        others((1, 20), (40, 60)),
        others((70, 70), reason="reset"),
    )
    assert summed(result) == [
        (PortState.CLOSED, "tcp", "conn-refused", 41, "1-20,40-60"),
        (PortState.CLOSED, "tcp", "reset", 1, "70"),
        (PortState.FILTERED, "tcp", "no-response", 30, "100-129"),
    ]
    assert result.total == 72


def test_open_ports_are_listed_however_many_they_are():
    assert len(listed([found(port) for port in range(1, 101)]).ports) == 100


def test_many_ports_that_may_be_open_are_summed_up():
    maybe = [
        found(port, protocol="udp", state=PortState.OPEN_OR_FILTERED, reason="no-response")
        for port in range(1, 31)
    ]
    result = listed(maybe, found(53, protocol="udp"))
    assert texts(result.ports) == ["53/udp open"]
    assert summed(result) == [(PortState.OPEN_OR_FILTERED, "udp", "no-response", 30, "1-30")]


def test_ports_are_sorted_tcp_before_udp_and_by_number():
    result = listed(
        found(53, protocol="udp"), found(443), others((80, 80)), found(22), others((9, 9))
    )
    assert texts(result.ports) == [
        "9/tcp closed",
        "22/tcp open",
        "80/tcp closed",
        "443/tcp open",
        "53/udp open",
    ]


def test_a_closed_port_has_its_name_from_the_port_table():
    result = listed(others((80, 80)), table_name=lambda protocol, port: f"{protocol}-{port}")
    assert result.ports[0].service.name == "tcp-80"


def test_a_port_that_turned_out_open_is_no_longer_counted_with_the_others():
    result = listed(others((1, 100)), found(50), found(1), found(100))
    assert texts(result.ports) == ["1/tcp open", "50/tcp open", "100/tcp open"]
    assert summed(result) == [(PortState.CLOSED, "tcp", "conn-refused", 97, "2-49,51-99")]
    assert result.total == 100


def test_open_only_sums_up_even_a_few_closed_ports():
    result = listed(found(22), others((1, 3)), open_only=True)
    assert texts(result.ports) == ["22/tcp open"]
    assert result.summed[0].count == 3


def test_ranges_of_a_damaged_journal_are_put_right():
    result = listed(others((90, 120), (-5, 40), (100, 99_999_999), (7, 3)))
    assert summed(result) == [(PortState.CLOSED, "tcp", "conn-refused", 65487, "0-40,90-65535")]


def test_a_host_that_is_down_is_shown_on_request_only():
    host = store_of(down("127.0.0.9")).hosts["127.0.0.9"]
    assert not is_shown(host, ReportOptions())
    assert is_shown(host, ReportOptions(verbosity=1))


def test_open_only_leaves_out_hosts_without_an_open_port():
    closed = store_of(up(), others((1, 3))).hosts[ADDRESS]
    opened = store_of(up(), found(22)).hosts[ADDRESS]
    assert not is_shown(closed, ReportOptions(open_only=True))
    assert is_shown(opened, ReportOptions(open_only=True))


def test_the_scanned_ports_are_those_of_all_hosts():
    store = store_of(
        others((1, 10)), others((1, 10), address="127.0.0.2"), found(11), found(53, protocol="udp")
    )
    assert ranges_text(scanned_ports(store, "tcp")) == "1-11"
    assert ranges_text(scanned_ports(store, "udp")) == "53"
