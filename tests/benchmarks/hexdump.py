"""What a response of 8 MiB costs: a page of it in each view, its first sight, a search.

    python -m tests.benchmarks.hexdump

A page is the action and every line of the pane drawn anew, with groups, hits and
a selection over the bytes, at 200x60 with the pane zoomed, where a line has 32
bytes; then the same with the whole screen put together by Textual.  CPU is what
the thread itself was busy, for machines that do other things too.  For a search
it is the time it takes, and the most CPU time that the program spent without a
turn of the event loop.
"""

import asyncio
import random
import time

from textual import constants

from tests.benchmarks.ending import ends_when_told_to
from tests.tui.driving import settle, tcp
from tests.tui.scripted_scan import Script, ScriptedSource, rule
from vscan_tui.events import Ending
from vscan_tui.tui.app import VscanApp
from vscan_tui.tui.rendering.hexdump import View

SIZE = 8 * 1024 * 1024
TERMINAL = (200, 60)
PAGES = 100
LIMIT = 0.016
SEARCHES = (
    ("text, seldom", "zq needle qz"),
    ("text, 100,000 times and more", "e"),
    ("bytes", "hex: 00 ff 00"),
    ("regex", r"re: nginx/[\d.]+"),
    ("regex that backtracks without end", r"re: (?:[a-z]+)+\d\d\d!"),
)


def response() -> bytes:
    """Make lines of words with binary pieces between, as long as `SIZE`."""
    made = random.Random(8)
    words = [bytes(made.choices(b"abcdefghijklmnopqrstuvwxyz", k=made.randint(2, 11)))
             for _ in range(5000)]  # fmt: skip
    pieces = [b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\n"]
    size = 0
    while size < SIZE:
        piece = b" ".join(made.choices(words, k=made.randint(1, 14))) + b"\r\n"
        if made.random() < 0.02:
            piece += made.randbytes(200)
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)[:SIZE]


def events(data: bytes) -> list[object]:
    """Make a scan of one port that answered with these bytes, in reads of 64 KiB."""
    made = Script()
    made.found(tcp(80))
    made.begin(tcp(80))
    match = rule("http", rb"^HTTP/1\.(\d) (\d+).*nginx/([\d.]+)", data[:200], line=1, flags="s")
    made.exchange(
        tcp(80), "GetRequest", b"GET / HTTP/1.0\r\n\r\n", data, Ending.MATCHED, reason="",
        match=match,
    )  # fmt: skip
    return made.events


def percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))]


async def pages(app: VscanApp, action: str, *, whole: bool) -> tuple[list[float], list[float]]:
    """Go through the response page by page; return the seconds for each, and those of CPU.

    Args:
        app: the program.
        action: what moves by a page.
        whole: whether Textual puts the whole screen together, too.
    """
    pane = app.triage.response
    wall, busy = [], []
    for _ in range(PAGES):
        began, began_busy = time.perf_counter(), time.thread_time()
        getattr(pane, f"action_{action}")()
        pane.forget()
        if whole:
            app.screen._compositor.render_update(full=True).render_segments(app.console)
        else:
            for y in range(pane.size.height):
                pane.render_line(y)
        wall.append(time.perf_counter() - began)
        busy.append(time.thread_time() - began_busy)
        await asyncio.sleep(0)
    return wall, busy


async def longest_gap(stop: asyncio.Event) -> float:
    """Return the most CPU time between two turns of the event loop until it is told to stop."""
    longest = 0.0
    before = time.process_time()
    while not stop.is_set():
        await asyncio.sleep(0.001)
        now = time.process_time()
        longest = max(longest, now - before)
        before = now
    return longest


async def measure() -> None:
    """Print the table."""
    data = response()
    app = VscanApp(ScriptedSource(events(data)))
    async with app.run_test(size=TERMINAL) as pilot:
        await settle(pilot)
        ends_when_told_to()
        pane = app.triage.response
        await pilot.press("tab", "tab", "z", "p", "p")
        pane.shows_sent = False
        pane.reflow()
        port, exchange = app.triage.port, app.triage.exchange
        began = time.perf_counter()
        pane.show(None, None)
        pane.show(port, exchange)
        print(f"{'first sight of 8 MiB':44} {(time.perf_counter() - began) * 1000:9.1f} ms")
        pane.search("the")
        while pane.found is None or pane.found.is_searching:
            await asyncio.sleep(0.01)
        print(f"{'a page of 8 MiB':44} {'median':>9} {'99 %':>10} {'CPU, median':>13} {'99 %':>8}")
        for view in View:
            began = time.perf_counter()
            pane.show_view(view)
            while not pane._dump.is_complete:
                await asyncio.sleep(0.001)
            known = time.perf_counter() - began
            pane.action_first()
            pane.action_select()
            for action, whole in (("page_down", False), ("page_up", False), ("page_down", True)):
                wall, busy = await pages(app, action, whole=whole)
                times = [percentile(times, at) for times in (wall, busy) for at in (0.5, 0.99)]
                told = "  ".join(f"{seconds * 1000:6.2f} ms" for seconds in times)
                verdict = "" if times[3] <= LIMIT else f"  over {LIMIT * 1000:.0f} ms"
                name = f"{view}, {action}{', all of the screen' if whole else ''}".replace("_", " ")
                print(f"  {name:42}  {told}{verdict}")
            pane.action_unselect()
            print(f"  {f'{view}, until all lines are known':42} {known * 1000:7.0f} ms")
        pane.show_view(View.HEX)
        print(f"{'a search of 8 MiB':44} {'takes':>9}    {'longest pause of the loop':>9}")
        for name, text in SEARCHES:
            stop = asyncio.Event()
            gap = asyncio.create_task(longest_gap(stop))
            began = time.perf_counter()
            pane.search("")
            pane.search(text)
            while pane.found is None or pane.found.is_searching:
                await asyncio.sleep(0.001)
            took = time.perf_counter() - began
            stop.set()
            found = pane.found
            count = f"{found.count:,} found{'; ' + found.note if found.note else ''}"
            print(f"  {name:42} {took * 1000:7.0f} ms   {await gap * 1000:7.1f} ms   {count}")


def main() -> None:
    """Print the table."""
    constants.TEXTUAL_ANIMATIONS = "none"
    asyncio.run(measure())


if __name__ == "__main__":
    main()
