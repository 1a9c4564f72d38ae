"""Which rules a response almost met is told once the cursor rests on it."""

import threading

from tests.tui.driving import HOST, pane_text, settle, until
from tests.tui.scripted_scan import ScriptedSource, script
from vscan_tui.matching.explain import NearMiss, Stop
from vscan_tui.probedb.model import Rule
from vscan_tui.tui.app import VscanApp

WIDE = (120, 36)
RULE = Rule("zork", soft=False, pattern=b"^zork", flags="", templates=(), file="a.probes", line=77)
MISS = NearMiss("test", "NULL", RULE, 0.75, 1, (), (Stop(2, 0x1B, "[rR]", (0, 1)),))


class Nearest:
    """Tells always the same, and notes from where it was asked."""

    def __init__(self):
        self.asked = []
        self.threads = set()

    def __call__(self, probe, protocol, response):
        self.asked.append((probe, protocol, response))
        self.threads.add(threading.current_thread())
        return (MISS,)


def shown(app):
    return "\n".join(pane_text(app.triage.debugger))


async def test_an_unknown_response_is_told_what_it_almost_was():
    nearest = Nearest()
    app = VscanApp(ScriptedSource(script(HOST)), nearest=nearest)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("n")
        await until(pilot, lambda: "a.probes:77" in shown(app))
        text = shown(app)
    assert "zork" in text
    assert "75% alike" in text
    assert "0x0002" in text
    assert "\x1b" not in text
    assert len(nearest.asked) == 1
    assert threading.main_thread() not in nearest.threads


async def test_a_response_that_a_rule_matched_is_not_compared_with_others():
    nearest = Nearest()
    app = VscanApp(ScriptedSource(script(HOST)), nearest=nearest)
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"ssh", "enter")
        await until(pilot, lambda: "hard match" in shown(app))
        await pilot.pause(0.5)
    assert nearest.asked == []
