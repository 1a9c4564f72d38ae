"""Where the seconds of a port went."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.events import Endpoint, PortState
from vscan_tui.session.store import Chunk, Connection, Exchange, Port
from vscan_tui.session.timeline import Activity, cells, timeline

START = 1_700_000_000.0


def exchange(number, connection, started, ended, *chunks, by_hand=False, probe="Probe"):
    made = Exchange(number, connection, probe, b"", "", "", START + started)
    made.ended = None if ended is None else START + ended
    made.chunks = [Chunk(START + time, 0, 1) for time in chunks]
    made.by_hand = by_hand
    return made


def connection(number, opened, seconds, closed):
    end = None if closed is None else START + closed
    return Connection(number, START + opened, seconds, None, end, "")


def port(exchanges, connections, finished=None, started=0.0):
    made = Port(Endpoint("127.0.0.1", "tcp", 80), PortState.OPEN, "")
    made.exchanges = list(exchanges)
    made.connections = {each.number: each for each in connections}
    made.started = START + started
    made.finished = None if finished is None else START + finished
    return made


def totals(shown):
    return {
        activity.name: pytest.approx(seconds, abs=1e-5)
        for activity, seconds in shown.totals.items()
    }


def test_every_second_of_a_port_is_accounted_for():
    asked = port(
        [exchange(1, 1, 0.5, 6.5), exchange(2, 2, 7.0, 9.0, 7.25, 7.75)],
        [connection(1, 0.25, 0.25, 6.5), connection(2, 6.75, 0.25, 9.5)],
        finished=10.0,
    )
    shown = timeline(asked, START + 10)
    assert shown.seconds == pytest.approx(10.0)
    assert totals(shown) == {
        "ANSWERING": 0.5, "CONNECTING": 0.5, "AWAITED": 0.25, "LISTENING": 1.25,
        "SILENCE": 6.0, "IDLE": 0.5, "NOTHING": 1.0,
    }  # fmt: skip


def test_a_moment_with_several_things_going_on_counts_for_the_most_useful():
    asked = port(
        [exchange(1, 1, 0.0, 6.0), exchange(2, 2, 1.0, 3.0, 2.0, 2.5)],
        [connection(1, 0.0, 0.0, 6.0), connection(2, 0.5, 0.5, 3.0)],
        finished=6.0,
    )
    assert totals(timeline(asked, START + 6)) == {
        "ANSWERING": 0.5, "CONNECTING": 0.5, "AWAITED": 1.0, "LISTENING": 0.5, "SILENCE": 3.5,
    }  # fmt: skip


def test_each_connection_is_followed_by_its_exchanges():
    asked = port(
        [exchange(1, 2, 1, 2), exchange(2, 1, 3, 4), exchange(3, 2, 5, 6)],
        [connection(1, 2.5, 0.1, 4), connection(2, 0.5, 0.1, 6)],
        finished=6,
    )
    lanes = timeline(asked, START + 6).lanes
    assert [(lane.connection, lane.exchange) for lane in lanes] == [
        (2, 0), (2, 1), (2, 3), (1, 0), (1, 2)
    ]  # fmt: skip


def test_a_port_under_way_is_shown_up_to_now():
    asked = port([exchange(1, 1, 0, None)], [connection(1, 0, 0, None)])
    assert totals(timeline(asked, START + 2.5)) == {"SILENCE": 2.5}


def test_what_was_sent_by_hand_later_is_no_part_of_it():
    asked = port(
        [exchange(1, 1, 0, 1), exchange(2, 2, 5000, 5001, by_hand=True)],
        [connection(1, 0, 0, 1), connection(2, 5000, 0, 5001)],
        finished=1,
    )
    shown = timeline(asked, START + 5001)
    assert shown.seconds == pytest.approx(1)
    assert {lane.connection for lane in shown.lanes} == {1}


def test_a_port_that_was_asked_nothing_has_no_lanes():
    shown = timeline(port([], []), START)
    assert (shown.lanes, shown.totals) == ((), {})


def test_a_short_answer_is_seen_in_a_long_wait():
    asked = port([exchange(1, 1, 0, 600, 599.9991, 599.9992)], [], finished=600)
    shown = timeline(asked, START + 600)
    assert Activity.ANSWERING in cells(shown.lanes[0], shown.seconds, 40)


moments = st.floats(-1e12, 1e12) | st.sampled_from([float("inf"), float("-inf"), 1e300])


@given(
    st.lists(st.tuples(st.integers(1, 3), moments, st.none() | moments, st.lists(moments))),
    st.lists(st.tuples(st.integers(1, 3), moments, moments, st.none() | moments)),
    st.none() | moments,
)
def test_times_of_a_damaged_journal_do_no_harm(exchanges, connections, finished):
    asked = port(
        [exchange(n, c, s, e, *chunks) for n, (c, s, e, chunks) in enumerate(exchanges, start=1)],
        [connection(*each) for each in connections],
        finished=finished,
    )
    shown = timeline(asked, START)
    for lane in shown.lanes:
        assert len(cells(lane, shown.seconds, 30)) == 30
