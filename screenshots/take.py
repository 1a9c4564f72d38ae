"""Takes the pictures in this folder, from the real program showing the bundled recording.

python screenshots/take.py
"""

import asyncio
import os
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"  # before textual is imported

from textual.pilot import Pilot

from vscan_tui.bundled import bundled
from vscan_tui.commands.recorded import DEMO, DEMO_NOTE
from vscan_tui.matching.investigation import Investigation
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import BUNDLED_FOLDER, chosen_sources, load
from vscan_tui.session.journal import read_events
from vscan_tui.session.replay import Replay
from vscan_tui.tui.app import VscanApp

HERE = Path(__file__).parent

PICTURES: dict[str, tuple[tuple[int, int], list[str]]] = {
    "triage": ((120, 36), ["down", "]", "]"]),
    "unknown": ((120, 36), ["n"]),
    "help": ((120, 36), ["?"]),
    "filter": ((120, 36), ["/", *"ssl", "enter"]),
    "narrow": ((80, 24), ["down", "down"]),
    "wide": ((200, 60), ["/", *"nginx", "enter", "]"]),
}
"""Name: size of the terminal, and the keys that are pressed once the recording has been read."""


async def take(name: str) -> None:
    """Take one picture."""
    size, keys = PICTURES[name]
    events = list(read_events(bundled(DEMO)))
    ended = events[-1].time
    investigation = Investigation(bundled_database)
    app = VscanApp(Replay(events), note=DEMO_NOTE, investigation=investigation, clock=lambda: ended)
    async with app.run_test(size=size) as pilot:
        await all_shown(app, pilot)
        await pilot.press(*keys)
        await pilot.pause(5 if name == "unknown" else 0.1)  # near misses take a moment
        (HERE / f"{name}.svg").write_text(app.export_screenshot(), encoding="utf-8")


def bundled_database() -> ProbeDatabases:
    """Only the bundled database, whatever else this machine has."""
    return ProbeDatabases((load(*chosen_sources([bundled(BUNDLED_FOLDER)])),))


async def all_shown(app: VscanApp, pilot: Pilot[int]) -> None:
    """Wait until the whole recording is on the screen."""
    while app.store.ended is None or len(app.feed):
        await pilot.pause(0.05)
    await pilot.pause(0.1)


async def main() -> None:
    """Take all pictures."""
    for name in PICTURES:
        await take(name)


if __name__ == "__main__":
    asyncio.run(main())
