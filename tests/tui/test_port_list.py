"""Rows in order, filtered, found again."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.driving import tcp
from vscan_tui.events import Endpoint, Outcome, PortState, Service
from vscan_tui.session.store import Port, Stage
from vscan_tui.tui.rendering.port_list import PortList
from vscan_tui.tui.rendering.port_row import Standing, columns, port_row, row_line


def row(endpoint, outcome=Outcome.HARD_MATCH, name="http"):
    port = Port(endpoint, PortState.OPEN, "syn-ack")
    port.stage, port.outcome = Stage.FINISHED, outcome
    port.service = Service(name)
    return port_row(port)


def numbers(ports):
    return [ports.row(index).endpoint.port for index in range(len(ports))]


def test_rows_are_sorted_by_host_as_a_number_then_protocol_then_port():
    ports = PortList()
    endpoints = [
        Endpoint("10.0.0.10", "tcp", 1),
        Endpoint("10.0.0.9", "udp", 1),
        Endpoint("::1", "tcp", 1),
        Endpoint("10.0.0.9", "tcp", 80),
        Endpoint("10.0.0.9", "tcp", 9),
        Endpoint("not an address", "tcp", 1),
    ]
    ports.put([row(endpoint) for endpoint in endpoints])
    assert [ports.row(index).endpoint for index in range(6)] == [
        endpoints[index] for index in (4, 3, 1, 0, 2, 5)
    ]


@given(
    st.lists(st.tuples(st.integers(1, 300), st.sampled_from(["http", "ssh"])), max_size=200),
    st.sampled_from([(), ("ssh",), ("http", "1")]),
)
def test_rows_put_in_one_by_one_are_those_put_in_at_once(found, words):
    slowly, at_once = PortList(), PortList()
    slowly.filter(words)
    for number, name in found:
        slowly.put([row(tcp(number), name=name)])
    at_once.put([row(tcp(number), name=name) for number, name in dict(found).items()])
    at_once.filter(words)
    assert numbers(slowly) == numbers(at_once)
    assert slowly.total == at_once.total
    for index, number in enumerate(numbers(slowly)):
        assert slowly.index_of(tcp(number)) == index


def test_every_word_must_be_found():
    ports = PortList()
    ports.put([row(tcp(80), name="http"), row(tcp(8080), name="ssh"), row(tcp(22), name="ssh")])
    ports.filter(("ssh", "80"))
    assert numbers(ports) == [8080]
    ports.filter(())
    assert numbers(ports) == [22, 80, 8080]


def test_a_row_that_no_longer_matches_vanishes():
    ports = PortList()
    ports.filter(("http",))
    ports.put([row(tcp(80)), row(tcp(81))])
    assert ports.put([row(tcp(80), name="ssh")])
    assert numbers(ports) == [81]


def test_a_row_that_only_changes_its_text_moves_no_other():
    ports = PortList()
    ports.put([row(tcp(80)), row(tcp(81))])
    assert not ports.put([row(tcp(80), name="ssh")])


def test_unknown_ports_are_found_round_and_round():
    ports = PortList()
    known = [row(tcp(number)) for number in range(1, 7)]
    ports.put([dataclasses.replace(known[2], standing=Standing.UNKNOWN)])
    ports.put([dataclasses.replace(known[4], standing=Standing.UNKNOWN)])
    ports.put([known[0], known[1], known[3], known[5]])
    assert [ports.unknown(index, 1) for index in (0, 2, 4, 5)] == [2, 4, 2, 2]
    assert [ports.unknown(index, -1) for index in (0, 2, 4, 5)] == [4, 4, 2, 4]


def test_without_an_unknown_port_there_is_none_to_go_to():
    ports = PortList()
    assert ports.unknown(0, 1) is None
    ports.put([row(tcp(1))])
    assert ports.unknown(0, 1) is None


def test_a_row_is_never_wider_than_its_columns():
    shown = row(tcp(65535), name="a-service-with-a-very-long-name")
    for width in range(44, 130):
        widths = columns(width, with_host=False)
        assert row_line(shown, widths).width <= width


def test_each_outcome_has_a_standing_of_its_own_symbol():
    symbols = [standing.symbol for standing in Standing]
    assert len(set(symbols)) == len(symbols)
    assert all(len(symbol) == 1 for symbol in symbols)
