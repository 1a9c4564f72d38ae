"""A recorded scan is the same events again, at once or in time."""

import asyncio

from vscan_tui.events import Warned
from vscan_tui.session.replay import BATCH, Replay

LONG_AGO = [Warned(time=float(number), message=str(number)) for number in range(3)]


async def test_all_events_come_in_order():
    emitted = []
    await Replay(LONG_AGO).run(emitted.append)
    assert emitted == LONG_AGO


async def test_the_event_loop_gets_its_turns_during_a_long_replay():
    turns = 0

    async def count_turns():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    await Replay(LONG_AGO * BATCH).run(lambda event: None)
    counting.cancel()
    assert turns >= 3


async def test_no_wait_is_longer_than_the_longest_gap(monkeypatch):
    waits = []

    async def note(seconds):
        waits.append(seconds)

    events = [*LONG_AGO, Warned(time=1000.0, message="much later")]
    monkeypatch.setattr("vscan_tui.session.replay.asyncio.sleep", note)
    await Replay(events, speed=10.0, longest_gap=0.5).run(lambda event: None)
    assert waits == [0.1, 0.1, 0.5]


async def test_nothing_is_emitted_while_paused():
    emitted = []
    replay = Replay(LONG_AGO)
    replay.pause()
    task = asyncio.create_task(replay.run(emitted.append))
    for _ in range(10):
        await asyncio.sleep(0)
    assert emitted == []
    replay.resume()
    await task
    assert emitted == LONG_AGO


async def test_what_is_yet_to_be_read_is_read_while_the_first_is_shown():
    emitted = []
    read = 0

    def reading():
        nonlocal read
        for event in LONG_AGO * BATCH:
            read += 1
            yield event

    task = asyncio.create_task(Replay(reading()).run(emitted.append))
    while not emitted:
        await asyncio.sleep(0)
    assert read < 3 * BATCH
    await task
    assert emitted == LONG_AGO * BATCH


async def test_what_is_to_be_said_of_the_reading_comes_last():
    last = Warned(time=9.0, message="a line could not be read")
    emitted = []
    await Replay(iter(LONG_AGO), afterwards=lambda: [last]).run(emitted.append)
    assert emitted == [*LONG_AGO, last]
