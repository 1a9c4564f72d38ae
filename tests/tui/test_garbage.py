"""The garbage collector does not stop the screen, and is left as it was found."""

import gc

from tests.tui.driving import HOST, settle
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.garbage import Garbage


async def test_the_collector_is_left_as_it_was_found():
    before = gc.get_threshold(), gc.get_freeze_count()
    app = VscanApp(ScriptedSource(script(HOST)))
    async with app.run_test(size=(120, 36)) as pilot:
        await settle(pilot)
        assert gc.get_freeze_count() > before[1]
    assert (gc.get_threshold(), gc.get_freeze_count()) == before


def test_what_is_new_and_stays_is_set_aside():
    garbage = Garbage()
    garbage.begin()
    try:
        frozen = gc.get_freeze_count()
        kept = []
        for _ in range(100_000):
            kept.append([])
            if len(kept) % 1000 == 0:
                garbage.tick()
        assert gc.get_freeze_count() > frozen + 50_000
    finally:
        garbage.end()


def test_garbage_in_circles_is_collected_all_the_same():
    class Circle:
        living = 0

        def __init__(self):
            self.me = self
            Circle.living += 1

        def __del__(self):
            Circle.living -= 1

    garbage = Garbage()
    garbage.begin()
    try:
        for number in range(200_000):
            Circle()
            if number % 1000 == 0:
                garbage.tick()
        assert Circle.living < 100_000
    finally:
        garbage.end()
    gc.collect()
    assert Circle.living == 0
