"""How soon the screen is there, and how soon it answers a key, in a real terminal.

    python -m tests.benchmarks.screen [starts] [keys]

`starts` are typed into a shell in tmux, as a person does it: the first paint of
`vscan demo` and of `vscan open` beside that of the Python interpreter and of the
smallest Textual program.  `keys` are pressed in a terminal with 65,535 ports and
1,000 events a second, beside the smallest Textual program, whose only work is to
count them.  A key is answered when the cells that it must change have changed,
in every row.
"""

import contextlib
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.busy_screen import PORTS
from tests.benchmarks.ending import ends_when_told_to
from tests.benchmarks.pseudo_terminal import ROWS, PseudoTerminal
from vscan_tui.bundled import bundled
from vscan_tui.commands.recorded import DEMO

STARTS = 5
PAINT, KEY = 0.5, 0.033
LIMIT, LOADING = 10.0, 60.0
GAP = 0.1
SLOW = 0.4
"""Seconds that are waited for the answer to a key that may take longer."""
BODY = range(1, ROWS - 5)
"""The rows of the panes; above is the title, below are the status lines, which time changes."""
PORTS_ABOVE = range(2, ROWS - 6)
FILTER_BAR = range(ROWS - 5, ROWS - 4)
EVERYTHING = range(ROWS)
DOWN, PAGE_DOWN, PAGE_UP = b"\x1b[B", b"\x1b[6~", b"\x1b[5~"
HOME, END = b"\x1b[H", b"\x1b[F"
ESCAPE = b"\x1b[27u"
"""As terminals send it that tell it from the beginning of another key."""


@dataclass
class Timed:
    """How long it took until keys of one kind were answered."""

    seconds: list[float] = field(default_factory=list)
    unanswered: int = 0

    def row(self, name: str, limit: float) -> str:
        """Tell of it in a line."""
        if not self.seconds:
            return f"  {name:38} no answer to {self.unanswered} keys"
        ordered = sorted(self.seconds)
        high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
        told = "".join(
            f"{seconds * 1000:9.1f} ms"
            for seconds in (statistics.median(ordered), high, ordered[-1])
        )
        missing = f", {self.unanswered} unanswered" if self.unanswered else ""
        verdict = "" if high <= limit else f"  over {limit * 1000:.0f} ms"
        return f"  {name:38}{told}  of {len(ordered)}{missing}{verdict}"


class Keyboard:
    """Presses keys at random moments."""

    def __init__(self, terminal: PseudoTerminal) -> None:
        """Press them in a terminal that is there."""
        self.terminal = terminal
        self.timed: dict[str, Timed] = {}
        self._chance = random.Random(1)

    def press(self, name: str, keys: bytes, region: range = BODY, limit: float = GAP) -> None:
        """Press a key, and note how long it took until the screen had changed."""
        self._note(name, self.terminal.write(keys), region, limit)

    def resize(self, name: str, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self._note(name, self.terminal.resize(columns, rows), EVERYTHING, SLOW)

    def _note(self, name: str, moment: float, region: range, limit: float) -> None:
        took = self.terminal.answer(region, moment, limit)
        timed = self.timed.setdefault(name, Timed())
        if took is None:
            timed.unanswered += 1
        else:
            timed.seconds.append(took)
        self.rest()

    def skip(self, keys: bytes) -> None:
        """Press a key that is not measured."""
        self.terminal.write(keys)
        time.sleep(SLOW)
        self.rest()

    def rest(self) -> None:
        """Wait a while, of a length that no tick of the program has."""
        time.sleep(GAP / 2 + self._chance.random() * 0.05)


PRESSED = (
    # what it is, how often, the keys one after the other, the rows that change, seconds to wait,
    # and what is pressed afterwards to be where one was
    ("arrow down", 60, [DOWN], BODY, GAP, b""),
    ("page down, page up", 20, [PAGE_DOWN, PAGE_UP], BODY, GAP, b""),
    ("end, home", 15, [END, HOME], BODY, GAP, b""),
    ("n, to the next unknown port", 40, [b"n"], BODY, GAP, b""),
    ("tab, to the next pane", 12, [b"\t"] * 4, BODY, GAP, b""),
    ("a letter of the filter, the letter", 10, [b"/", *[b"9"] * 4], FILTER_BAR, GAP, ESCAPE),
    ("z, one pane alone, and back", 6, [b"z"] * 2, BODY, SLOW, b""),
    ("a letter of the filter, the ports", 5, [b"/", *[b"9"] * 4], PORTS_ABOVE, SLOW, ESCAPE),
    ("o, another order", 6, [b"o"], BODY, SLOW, HOME),
    ("?, the help", 6, [b"?"], EVERYTHING, SLOW, ESCAPE),
    ("t, the timeline", 6, [b"t"], EVERYTHING, SLOW, ESCAPE),
)
HURRIED = 6
"""So many of them are what one does all the time."""


def press_all(keyboard: Keyboard) -> None:
    """Press each kind of key, several times."""
    for name, times, keys, region, limit, back in PRESSED:
        for _ in range(times):
            for key in keys:
                if key == b"/":
                    keyboard.skip(key)
                else:
                    keyboard.press(name, key, region, limit)
            if back:
                keyboard.skip(back)
    for number in range(10):
        keyboard.resize("another size of the terminal", 119 - number, ROWS)


def keys() -> None:
    """Print how soon keys are answered."""
    with PseudoTerminal([sys.executable, "-m", "tests.benchmarks.smallest_screen"]) as terminal:
        terminal.seconds_until(b"12345", LIMIT)
        peer = Keyboard(terminal)
        peer.rest()
        for _ in range(60):
            peer.press("the smallest Textual program", b"x", EVERYTHING)
    with PseudoTerminal([sys.executable, "-m", "tests.benchmarks.busy_screen"]) as terminal:
        terminal.wait(lambda text: f"{PORTS:,}/{PORTS:,} ports" in text, LOADING)
        time.sleep(1)
        busy = Keyboard(terminal)
        press_all(busy)
    print(f"{'key press to changed screen':40}{'median':>12}{'99 %':>12}{'most':>12}")
    for name, timed in peer.timed.items():
        print(timed.row(name, KEY))
    print(f"{PORTS:,} ports, 1,000 events a second")
    for name, timed in busy.timed.items():
        print(timed.row(name, KEY))
    hurried = [busy.timed[name].seconds for name, *_ in PRESSED[:HURRIED]]
    together = Timed([second for seconds in hurried for second in seconds])
    print(together.row(f"all of the first {HURRIED}", KEY))


def in_tmux(command: Iterable[str], wanted: bytes, bytecode: Path) -> float:
    """Return the seconds from the enter key to some text on the screen.

    Args:
        command: what is typed.
        wanted: what the first picture has.
        bytecode: where Python keeps it, as it does beside an installed program.
    """
    socket = f"vscan-benchmark-{time.monotonic_ns()}"
    tmux = ["tmux", "-u", "-L", socket, "-f", "/dev/null"]
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(subprocess.run, [*tmux, "kill-server"], check=False, capture_output=True)
        terminal = cleanup.enter_context(
            PseudoTerminal(
                [*tmux, "new-session", "echo ready; exec sh"],
                PYTHONPYCACHEPREFIX=str(bytecode),
                PYTHONDONTWRITEBYTECODE="",
            )
        )
        terminal.seconds_until(b"ready", LIMIT)
        time.sleep(SLOW)
        terminal.write(shlex.join([*command]).encode() + b"; exit")
        time.sleep(GAP)
        pressed = terminal.write(b"\r")
        return terminal.moment_of(wanted, LIMIT) - pressed


def starts() -> None:
    """Print how soon programs are there."""
    with tempfile.TemporaryDirectory() as folder:
        bytecode = Path(folder) / "bytecode"
        small = Path(folder) / "small.jsonl"
        small.write_bytes(bundled(DEMO).read_bytes())
        programs = {
            "vscan demo": (["-m", "vscan_tui", "demo"], b"RECORDING"),
            "vscan open small.jsonl": (["-m", "vscan_tui", "open", str(small)], b"RECORDING"),
            "the smallest Textual program": (["-m", "tests.benchmarks.smallest_screen"], b"12345"),
            "the Python interpreter": (["-c", "print(12344 + 1)"], b"12345"),
        }
        found: dict[str, Timed] = {name: Timed() for name in programs}
        for number in range(STARTS + 1):  # each in turn, so that all have the same of the rest
            for name, (words, wanted) in programs.items():
                took = in_tmux([sys.executable, *words], wanted, bytecode)
                if number:  # the first start writes the bytecode
                    found[name].seconds.append(took)
    print(f"{'first paint in tmux':40}{'median':>12}{'99 %':>12}{'most':>12}")
    for name, timed in found.items():
        print(timed.row(name, PAINT))


def main() -> None:
    """Print the tables."""
    ends_when_told_to()
    wanted = sys.argv[1:] or ["starts", "keys"]
    if "starts" in wanted:
        starts()
    if "keys" in wanted:
        keys()


if __name__ == "__main__":
    main()
