"""The port language of `-p`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vscan_tui.scanning.targets.port_table import Entry, build_port_table
from vscan_tui.scanning.targets.portspec import (
    PortSelection,
    PortSpecError,
    most_common_ports,
    parse_ports,
    to_ranges,
)

TABLE = build_port_table(
    "a table of four",
    [
        Entry("http", "tcp", 80, 0.9),
        Entry("ssh", "tcp", 22, 0.8),
        Entry("https", "tcp", 443, 0.7),
        Entry("9pfs", "tcp", 564, 0.1),
        Entry("domain", "udp", 53, 0.9),
        Entry("http", "udp", 80, 0.1),
    ],
)


@pytest.mark.parametrize(
    ("text", "tcp"),
    [
        ("22", [(22, 22)]),
        ("80,22,80", [(22, 22), (80, 80)]),
        ("1-3,2-5,6", [(1, 6)]),
        ("-100", [(1, 100)]),
        ("60000-", [(60000, 65535)]),
        ("-", [(1, 65535)]),
        ("0", [(0, 0)]),
        ("0-2", [(0, 2)]),
        ("http", [(80, 80)]),
        ("HTTP*", [(80, 80), (443, 443)]),
        ("?ttp", [(80, 80)]),
        ("9pfs", [(564, 564)]),
        ("*", [(22, 22), (80, 80), (443, 443), (564, 564)]),
        ("[1-100]", [(22, 22), (80, 80)]),
        ("[22-80,http*,-],7", [(7, 7), (22, 22), (80, 80), (443, 443), (564, 564)]),
        ("T:[-443],1", [(1, 1), (22, 22), (80, 80), (443, 443)]),
        ("[T:1-100]", [(22, 22), (80, 80)]),
        ("22, 80 ,", [(22, 22), (80, 80)]),
    ],
)
def test_ports_are_sorted_joined_and_unique(text, tcp):
    assert parse_ports(text, TABLE) == PortSelection(tuple(tcp))


@pytest.mark.parametrize(
    ("protocols", "tcp", "udp"),
    [
        (("tcp",), ((1, 1),), ()),
        (("udp",), (), ((1, 1),)),
        (("tcp", "udp"), ((1, 1),), ((1, 1),)),
    ],
)
def test_a_part_without_prefix_means_every_protocol_that_is_scanned(protocols, tcp, udp):
    assert parse_ports("1", TABLE, protocols) == PortSelection(tcp, udp)


def test_a_prefix_holds_until_the_next():
    both = ("tcp", "udp")
    assert parse_ports("9,T:22,25,U:53,u:54-55", TABLE, both) == PortSelection(
        ((9, 9), (22, 22), (25, 25)), ((9, 9), (53, 55))
    )
    assert parse_ports("T:http,U:http", TABLE, both) == PortSelection(((80, 80),), ((80, 80),))


def test_ports_of_a_protocol_that_is_not_scanned_are_left_out_with_a_warning():
    selection = parse_ports("T:80,U:53", TABLE, ("tcp",))
    assert selection == PortSelection(((80, 80),))
    assert selection.warnings == (
        '"U:" names UDP ports, but no UDP scan (-sU) was asked for; they are left out.',
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("80-22", '"80-22" is backwards; write 22-80.'),
        ("65536", '"65536" is out of range'),
        ("1-999999", '"1-999999" is out of range'),
        ("1-2-3", '"1-2-3" is no port range'),
        ("--", '"--" is no port range'),
        ("80,,22", "has an empty part"),
        ("", "has an empty part"),
        (",", "has an empty part"),
        ("T:", "names no port"),
        ("X:80", "unknown protocol prefix"),
        ("nosuch", '"nosuch" is no port number and no TCP service known in a table of four'),
        ("[80-90", "is not closed"),
        ("80]", "was not opened"),
        ("[1,[2]", "inside another"),
        ("[60000-]", "names no port"),
        ("U:53", "no UDP scan (-sU)"),
        ("८०", "is no port number"),
    ],
)
def test_a_bad_specification_is_told_with_the_part_at_fault(text, sentence):
    with pytest.raises(PortSpecError) as caught:
        parse_ports(text, TABLE)
    assert sentence in str(caught.value)


def test_all_ports_are_one_range():
    everything = parse_ports("-", TABLE, ("tcp", "udp"))
    assert len(everything) == 2 * 65535
    assert everything.tcp == ((1, 65535),)
    assert everything.count("udp") == 65535


def test_ports_can_be_taken_away():
    ports = parse_ports("1-10,20,U:5", TABLE, ("tcp", "udp"))
    left = ports.without(parse_ports("1,3-5,10-15,20", TABLE, ("tcp", "udp")))
    assert left == PortSelection(((2, 2), (6, 9)), ((2, 2), (6, 9)))


def test_the_most_common_ports_come_by_rank():
    assert most_common_ports(TABLE, 2) == PortSelection(((22, 22), (80, 80)))
    assert most_common_ports(TABLE, 1, ("tcp", "udp")) == PortSelection(((80, 80),), ((53, 53),))


def test_more_common_ports_than_are_ranked_is_a_warning():
    selection = most_common_ports(TABLE, 9)
    assert selection.count("tcp") == 4
    assert selection.warnings == (
        "Only 4 TCP ports are ranked in a table of four, not 9; use -p to scan others.",
    )


numbers = st.sets(st.integers(0, 65535), max_size=40)


@settings(max_examples=200, deadline=None)
@given(numbers, numbers)
def test_what_is_written_is_read_back(tcp, udp):
    selection = PortSelection(to_ranges(tcp), to_ranges(udp))
    assert set(selection.numbers("tcp")) == tcp
    assert len(selection) == len(tcp) + len(udp)
    if tcp or udp:
        assert parse_ports(str(selection), TABLE, ("tcp", "udp")) == selection


@settings(max_examples=200, deadline=None)
@given(numbers, numbers)
def test_taking_away_is_set_difference(ports, others):
    left = PortSelection(to_ranges(ports)).without(PortSelection(to_ranges(others)))
    assert left.tcp == to_ranges(ports - others)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789-,[]TUX:*?a \n", max_size=20))
def test_any_text_is_a_selection_or_a_sentence(text):
    try:
        count = len(parse_ports(text, TABLE, ("tcp", "udp")))
    except PortSpecError as error:
        count = len(str(error))
    assert count > 0
