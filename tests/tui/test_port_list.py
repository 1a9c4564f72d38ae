"""Lines in order: sorted, filtered, grouped by host, and found again, whatever comes when."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tui.driving import tcp
from vscan_tui.events import Endpoint, Fields, Mark, Method, Outcome, PortHeld, PortState, Service
from vscan_tui.session.filter import EVERYTHING, compiled
from vscan_tui.session.store import Host, Port, Stage
from vscan_tui.tui.rendering.attention import KINDS
from vscan_tui.tui.rendering.port_columns import COLUMNS, DEFAULT, layout
from vscan_tui.tui.rendering.port_entry import Entry, version_text
from vscan_tui.tui.rendering.port_list import Group, Order, PortList
from vscan_tui.tui.rendering.port_row import group_line, heading_line, row_line
from vscan_tui.tui.rendering.standing import Standing
from vscan_tui.tui.themes import DARK, palette
from vscan_tui.tui.widgets.line_view import strip_of


def port(endpoint, outcome=Outcome.HARD_MATCH, name="http", version="", mark=Mark.NONE):
    made = Port(endpoint, PortState.OPEN, "syn-ack")
    made.stage, made.outcome, made.mark = Stage.FINISHED, outcome, mark
    made.service = Service(name, Fields(version=version), "", Method.PROBED, 10)
    return made, Host(endpoint.address)


def done(ports):
    """Let everything be done that takes a while; one step at a time, as on a busy machine."""
    while ports.is_working:
        ports.work(lambda: True)
    return ports


def lines(ports):
    """What is shown: a number for a port, an address for the heading of a host."""
    items = [ports.item(index) for index in range(len(ports))]
    return [item.address if isinstance(item, Group) else item.port.endpoint.port for item in items]


def filled(*found, order=None, text=""):
    ports = PortList()
    ports.put(found)
    if order:
        ports.set_order(order)
    if text:
        ports.set_filter(compiled(text))
    return done(ports)


def test_ports_are_sorted_by_host_as_a_number_then_protocol_then_number():
    endpoints = [
        Endpoint("10.0.0.10", "tcp", 1),
        Endpoint("10.0.0.9", "udp", 1),
        Endpoint("::1", "tcp", 1),
        Endpoint("10.0.0.9", "tcp", 80),
        Endpoint("10.0.0.9", "tcp", 9),
        Endpoint("not an address", "tcp", 1),
    ]
    ports = filled(*map(port, endpoints))
    assert [ports.item(index).port.endpoint for index in range(6)] == [
        endpoints[index] for index in (4, 3, 1, 0, 2, 5)
    ]


A, B = "10.0.0.1", "10.0.0.2"
SOME = (
    port(tcp(80, A), name="http", version="1.9"),
    port(tcp(22, A), name="ssh", version="9.2"),
    port(tcp(8080, B), name="http", version="1.10"),
    port(tcp(7, B), Outcome.NO_MATCH, name="echo"),
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order(), [22, 80, 7, 8080]),
        (Order(reverse=True), [8080, 7, 80, 22]),
        (Order("port"), [7, 22, 80, 8080]),
        (Order("version"), [80, 8080, 22, 7]),
        (Order("service"), [7, 80, 8080, 22]),
        (Order("service", reverse=True), [22, 8080, 80, 7]),
        (Order("state"), [22, 80, 8080, 7]),
        (Order(by_host=True), [A, 22, 80, B, 7, 8080]),
        (Order(by_host=True, reverse=True), [B, 8080, 7, A, 80, 22]),
        (Order("version", by_host=True), [A, 80, 22, B, 8080, 7]),
    ],
)
def test_lines_are_sorted_and_grouped(order, expected):
    assert lines(filled(*SOME, order=order)) == expected


@pytest.mark.parametrize("column", [column.id for column in COLUMNS])
def test_every_column_can_be_sorted_by(column):
    assert sorted(lines(filled(*SOME, order=Order(column)))) == [7, 22, 80, 8080]


def test_a_filter_shows_only_what_it_lets_through():
    assert lines(filled(*SOME, text="http")) == [80, 8080]
    assert lines(filled(*SOME, text="port:80", order=Order(by_host=True))) == [A, 80]
    ports = filled(*SOME, text="nothing of this kind")
    assert (len(ports), ports.passing, ports.total) == (0, 0, 4)
    ports.set_filter(EVERYTHING)
    assert lines(done(ports)) == [22, 80, 7, 8080]


def test_a_folded_host_shows_its_heading_only_and_unfolds_again():
    ports = filled(*SOME, order=Order(by_host=True))
    ports.fold(ports.item(0))
    assert lines(ports) == [A, B, 7, 8080]
    ports.put([port(tcp(23, A))])
    assert lines(ports) == [A, B, 7, 8080]
    ports.fold(ports.item(0))
    assert lines(ports) == [A, 22, 23, 80, B, 7, 8080]


def test_a_hidden_port_is_revealed():
    ports = filled(*SOME, order=Order(by_host=True), text="ssh")
    ports.fold(ports.item(0))
    ports.reveal(tcp(7, B))
    assert ports.index_of(tcp(7, B)) == 2
    ports.fold(ports.item(1))
    ports.reveal(tcp(7, B))
    assert ports.index_of(tcp(7, B)) == 2


def test_the_heading_of_a_host_counts_its_ports():
    ports = filled(*SOME, order=Order(by_host=True))
    assert group_line(ports.item(3), 80).text == f"▾ {B}  2 ports · 1 identified"
    ports.put([port(tcp(7, B), name="echo"), port(tcp(9, B), Outcome.SOFT_MATCH)])
    assert group_line(ports.item(3), 80).text == f"▾ {B}  3 ports · 3 identified"
    ports.set_filter(compiled("echo"))
    assert group_line(done(ports).item(0), 80).text == f"▾ {B}  1 of 3 ports · 3 identified"


CHANGES = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.sampled_from([A, B, "::1", "odd"]),
        st.sampled_from(["http", "ssh", ""]),
        st.sampled_from(list(Outcome)),
        st.sampled_from(list(Mark)),
    ),
    max_size=80,
)
ORDERS = st.builds(
    Order, st.sampled_from([column.id for column in COLUMNS]), st.booleans(), st.booleans()
)
FILTERS = st.sampled_from(["", "ssh", "http 1", "!identified", "mark:todo", "nothing"])


@settings(max_examples=150, deadline=None)
@given(CHANGES, st.lists(st.tuples(ORDERS, FILTERS), min_size=1, max_size=4), st.integers())
def test_however_ports_come_and_whatever_is_asked_for_meanwhile_the_end_is_the_same(
    changes, asked, seed
):
    chance = random.Random(seed)
    slowly, at_once = PortList(), PortList()
    asked_for = list(asked)
    last = {}
    for number, address, name, outcome, mark in changes:
        endpoint = tcp(number, address)
        made = port(endpoint, outcome, name, mark=mark)
        if endpoint in last:  # the store changes the port that it has
            for field in ("outcome", "service", "mark"):
                setattr(last[endpoint][0], field, getattr(made[0], field))
        else:
            last[endpoint] = made
        slowly.put([last[endpoint]])
        if asked_for and chance.random() < 0.2:
            order, text = asked_for.pop(0)
            slowly.set_order(order)
            slowly.set_filter(compiled(text))
        if chance.random() < 0.5:
            slowly.work(lambda: True)
    order, text = asked[-1]
    for ports in (slowly, at_once):
        if ports is at_once:
            ports.put(last.values())
        ports.set_order(order)
        ports.set_filter(compiled(text))
        done(ports)
    assert lines(slowly) == lines(at_once)
    assert (slowly.passing, slowly.total) == (at_once.passing, at_once.total)
    assert slowly.standings == at_once.standings
    for index in range(len(slowly)):
        item = slowly.item(index)
        assert slowly.index_of_item(item) == index
        if isinstance(item, Group):
            twin = at_once.item(index)
            assert (item.total, item.passing) == (twin.total, twin.passing)
            assert item.standings == twin.standings


def test_many_ports_that_change_their_place_at_once_find_it():
    ports = PortList()
    found = [port(tcp(number), name="http") for number in range(1, 301)]
    ports.put(found)
    ports.set_order(Order("service"))
    done(ports)
    for made, _ in found[::2]:
        made.service = Service("aaa")
    ports.put(found)
    assert lines(done(ports))[:150] == list(range(1, 301, 2))


def test_a_port_that_no_longer_passes_the_filter_vanishes():
    first, second = port(tcp(80)), port(tcp(81))
    ports = filled(first, second, text="http")
    first[0].service = Service("ssh")
    assert ports.put([first])
    assert lines(ports) == [81]


def test_a_port_that_only_changes_its_text_moves_no_other():
    first, second = port(tcp(80)), port(tcp(81))
    ports = filled(first, second)
    first[0].service = Service("ssh")
    assert not ports.put([first])


def test_a_filter_begins_to_show_lines_before_it_is_done():
    ports = filled(*(port(tcp(number)) for number in range(1, 1001)))
    ports.set_filter(compiled("http"))
    ports.work(lambda: True)
    assert 0 < len(ports) < 1000
    assert ports.is_working
    assert len(done(ports)) == 1000


def test_wanted_ports_are_found_round_and_round():
    ports = filled(*(port(tcp(number), mark=Mark.TO_DO if number in {3, 5} else Mark.NONE)
                     for number in range(1, 7)))  # fmt: skip
    to_do = KINDS[2].wants
    assert [ports.search(index, 1, to_do) for index in (0, 2, 4, 5)] == [2, 4, 2, 2]
    assert [ports.search(index, -1, to_do) for index in (0, 2, 4, 5)] == [4, 4, 2, 4]
    assert ports.search(0, 1, KINDS[1].wants) is None
    assert PortList().search(0, 1, to_do) is None


def test_what_is_marked_done_no_longer_wants_attention():
    soft, _ = port(tcp(1), Outcome.SOFT_MATCH)
    assert KINDS[1].wants(Entry(soft, None, 0))
    soft.mark = Mark.DONE
    assert not KINDS[1].wants(Entry(soft, None, 0))


@pytest.mark.parametrize("with_host", [True, False])
@pytest.mark.parametrize(
    "columns", [DEFAULT, frozenset(column.id for column in COLUMNS), frozenset({"port", "note"})]
)
def test_a_row_is_never_wider_than_its_pane(columns, with_host):
    made, host = port(tcp(65535), name="a-service-with-a-very-long-name", version="9" * 60)
    entry = Entry(made, host, 0)
    for width in range(30, 200):
        shown = layout(width, columns, with_host=with_host)
        assert row_line(entry, shown).width <= width
        assert heading_line(shown, Order("service"), focused=True).width <= width


def test_a_port_that_is_held_says_before_what_or_why():
    made, host = port(tcp(80))
    made.held = PortHeld(time=0.0, endpoint=tcp(80), cause="by hand", action="connect")
    assert version_text(Entry(made, host, 0)) == "held before: connect"
    made.held = PortHeld(time=0.0, endpoint=tcp(80), cause="breakpoint: no answer", action="")
    assert version_text(Entry(made, host, 0)) == "held: breakpoint: no answer"


def test_a_note_in_any_script_takes_the_cells_that_it_takes():
    made, host = port(tcp(80))
    made.note = "\u30d7\u30ea\u30f3\u30bf e\u0301 \u202e"
    entry = Entry(made, host, 0)
    shown = layout(80, frozenset({"port", "note"}), with_host=False)
    strip = strip_of(row_line(entry, shown), palette(DARK), 80)
    assert sum(map(cell_len, (segment.text for segment in strip))) == 80
    assert "\u30d7\u30ea\u30f3\u30bf \xe9 ." in strip.text


def test_each_standing_has_a_symbol_of_its_own():
    symbols = [standing.symbol for standing in Standing]
    assert len(set(symbols)) == len(symbols)
    assert all(len(symbol) == 1 for symbol in symbols)


def test_many_ports_that_come_at_once_are_put_among_those_that_are_there():
    for order in (Order(), Order(reverse=True), Order("service"), Order(by_host=True)):
        ports = filled(*[port(tcp(number)) for number in range(1000, 1400, 2)], order=order)
        ports.put([port(tcp(number)) for number in range(1399, 900, -2)])
        alone = filled(*[port(tcp(number)) for number in range(901, 1400)], order=order)
        expected = [line for line in lines(alone) if line in set(lines(ports))]
        assert lines(done(ports)) == expected
        assert len(ports) > 400
