"""Connections are shared: those that gain most first, and hosts in turn."""

import asyncio

import pytest

from vscan_tui.scanning.transport.budget import ConnectionBudget, FairQueue, Need


async def taken(budget, order, name, need):
    await budget.acquire(need)
    order.append(name)


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_the_limit_are_given_out():
    budget, order = ConnectionBudget(2), []
    tasks = [asyncio.create_task(taken(budget, order, n, Need.MORE)) for n in range(3)]
    await settled()
    assert order == [0, 1]
    budget.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2]


async def test_first_connections_come_first_and_slow_ports_last():
    budget, order = ConnectionBudget(1), []
    await budget.acquire(Need.FIRST)
    tasks = [
        asyncio.create_task(taken(budget, order, need.name, need))
        for need in (Need.SLOW, Need.MORE, Need.FIRST)
    ]
    await settled()
    for _ in tasks:
        budget.release()
        await settled()
    assert order == ["FIRST", "MORE", "SLOW"]


@pytest.mark.parametrize("is_given_out", [False, True])
async def test_whoever_stops_waiting_leaves_it_to_the_next(is_given_out):
    budget, order = ConnectionBudget(1), []
    await budget.acquire(Need.FIRST)
    waiting = asyncio.create_task(budget.acquire(Need.MORE))
    after = asyncio.create_task(taken(budget, order, "after", Need.MORE))
    await settled()
    if is_given_out:
        budget.release()
    waiting.cancel()
    await settled()
    if not is_given_out:
        budget.release()
    await asyncio.wait_for(after, 5)
    assert order == ["after"]


async def test_hosts_take_turns():
    queue = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "b2"):
        queue.put(item[0], item)
    queue.close()
    got = [await queue.get() for _ in range(6)]
    assert got == ["a1", "b1", "a2", "b2", "a3", None]


async def test_all_who_wait_learn_that_the_queue_is_closed():
    queue = FairQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await settled()
    queue.close()
    assert await asyncio.gather(*waiting) == [None, None, None]
