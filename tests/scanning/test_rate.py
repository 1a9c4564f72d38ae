"""Connections a second: an even rate, whoever asks."""

import asyncio
import time

import pytest

from vscan_tui.scanning.transport.rate import RateLimit


def turns(rate, *, until, step=0.001):
    """How many turns there are in so many seconds, asked for again and again."""
    steps = round(until / step)
    return sum(rate.take(100.0 + number * step) for number in range(steps))


def test_without_a_limit_there_is_always_a_turn():
    assert turns(RateLimit(None), until=0.1) == 100
    assert RateLimit(None).delay(0.0) == 0.0


@pytest.mark.parametrize("per_second", [2, 10, 400])
def test_turns_come_at_the_rate(per_second):
    assert turns(RateLimit(per_second), until=10.0) == pytest.approx(10 * per_second, rel=0.1)


def test_who_comes_late_catches_up_but_not_for_a_long_pause():
    rate = RateLimit(1000)
    assert rate.take(100.0)
    late = sum(rate.take(200.0) for _ in range(10_000))
    assert 1 <= late <= 60


def test_the_delay_is_the_time_to_the_next_turn():
    rate = RateLimit(4)
    assert rate.take(100.0)
    assert not rate.take(100.0)
    assert 0.0 < rate.delay(100.0) <= 0.25
    assert rate.take(100.25)


async def test_who_waits_gets_a_turn_each():
    rate = RateLimit(200)
    began = time.perf_counter()
    await asyncio.gather(*(rate.turn() for _ in range(40)))
    assert time.perf_counter() - began >= 0.1  # 40 turns, of which some are caught up with
