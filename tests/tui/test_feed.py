"""Events reach the store in slices of time."""

from tests.tui.driving import HOST, tcp
from tests.tui.scripted_scan import START, script
from vscan_tui.events import PortFound, PortState
from vscan_tui.session.store import Store
from vscan_tui.tui.feed import Changes, Feed


class Clock:
    """Each look at it takes a millisecond."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 0.001
        return self.now


def feed_with(events):
    feed = Feed(Store(), Clock())
    for event in events:
        feed.emit(event)
    return feed


def ports(count):
    return [
        PortFound(time=START, endpoint=tcp(number), state=PortState.OPEN, reason="")
        for number in range(1, count + 1)
    ]


def test_without_a_budget_everything_is_folded():
    feed = feed_with(ports(5000))
    changes = feed.drain()
    assert (len(feed), changes.events, len(feed.store.ports)) == (0, 5000, 5000)


def test_a_budget_leaves_the_rest_for_later():
    feed = feed_with(ports(5000))
    changes = feed.drain(0.003)
    assert 0 < changes.events < 500
    assert len(feed) == 5000 - changes.events


def test_slices_give_the_same_store_as_one_go():
    events = script(HOST)
    whole, sliced = feed_with(events), feed_with(events)
    whole.drain()
    while len(sliced):
        sliced.drain(0.001)
    assert vars(whole.store)["outcomes"] == vars(sliced.store)["outcomes"]
    assert list(whole.store.ports.values()) == list(sliced.store.ports.values())


def test_a_port_that_changed_often_is_named_once():
    events = script(HOST)
    changes = feed_with(events).drain()
    assert len(changes.endpoints) == len(set(changes.endpoints)) == 11


def test_nothing_to_do_is_nothing_changed():
    assert feed_with([]).drain(1.0) == Changes()
