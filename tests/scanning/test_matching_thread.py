"""The thread that matches leaves most of the time to others."""

import pytest

from vscan_tui.scanning.interrogation.matching_thread import GivesWay


class Thread:
    """Works, is kept waiting, and rests."""

    def __init__(self):
        self.used = self.now = 0.0
        self.rests = []
        self.give_way = GivesWay(lambda: self.used, lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.rests.append(seconds)
        self.now += seconds

    def work(self, seconds, *, waiting=0.0):
        self.used += seconds
        self.now += seconds + waiting
        self.give_way()


def test_short_searches_go_on_without_a_rest_until_together_they_are_long():
    thread = Thread()
    thread.work(0.0015)
    assert thread.rests == []
    thread.work(0.0015)
    assert len(thread.rests) == 1


def test_others_have_three_times_as_long_as_a_long_search_took():
    thread = Thread()
    thread.work(0.010)
    thread.work(0.010)
    assert thread.rests == pytest.approx([0.030, 0.030])


def test_time_that_others_had_meanwhile_counts():
    thread = Thread()
    thread.work(0.010, waiting=0.025)
    thread.work(0.010, waiting=1.0)
    assert thread.rests == pytest.approx([0.005])


def test_no_rest_is_long():
    thread = Thread()
    thread.work(0.5)
    assert thread.rests == pytest.approx([0.05])
