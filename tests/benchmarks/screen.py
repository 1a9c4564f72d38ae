"""How soon the screen is there, and how soon it answers a key, in a real terminal (tmux).

    python -m tests.benchmarks.screen

prints the first paint of `vscan demo` beside the start of the Python
interpreter and of the smallest Textual program in the same terminal, and the
time from a key press to the changed screen, at rest and with 65,535 ports and
1,000 events a second.  tmux's control mode tells when the program wrote to the
terminal, so nothing is polled.
"""

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PORTS = 65535
ROOT = Path(__file__).resolve().parents[2]
STARTS = 5
KEYS = 60
BUSY_KEYS = 100
LIMIT = 30.0
LOADING = 120.0
PAUSE = 0.05
SETTLED = 0.15
"""Seconds without output after which the screen is taken to be at rest."""


class Terminal:
    """A tmux pane of 120x36 whose output is timed."""

    def __init__(self) -> None:
        self._tmux = ["tmux", "-L", f"vscan-benchmark-{time.monotonic_ns()}", "-f", "/dev/null"]
        self._control = subprocess.Popen(
            [*self._tmux, "-C", "new-session", "-x", "120", "-y", "36", "sleep 1000"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="latin-1",
        )
        self._command("set -g remain-on-exit on")

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)
        self._control.wait(5)

    def _command(self, text: str) -> None:
        self._control.stdin.write(text + "\n")
        self._control.stdin.flush()

    def _output(self) -> Iterator[str]:
        for line in self._control.stdout:
            if line.startswith("%output"):
                yield line

    def seconds_until(self, command: str, wanted: str) -> float:
        """Run a command in the pane; return the seconds until it writes some text."""
        began = time.perf_counter()
        self._command(f"respawn-pane -k -c '{ROOT}' \"{command}\"")
        for line in self._output():
            if wanted in line:
                return time.perf_counter() - began
            if time.perf_counter() - began > LIMIT:
                break
        raise TimeoutError(f"{command}: no {wanted!r} within {LIMIT} s")

    def rest(self, seconds: float) -> None:
        """Let the program come to rest; what it writes meanwhile is passed over."""
        time.sleep(seconds)
        marker = f"rest-{time.monotonic_ns()}"
        self._command(f"display-message -p {marker}")
        for line in self._control.stdout:
            if marker in line:
                return

    def wait_for(self, wanted: str) -> None:
        """Wait until the program has written some text."""
        began = time.perf_counter()
        for line in self._output():
            if wanted in line:
                return
            if time.perf_counter() - began > LOADING:
                break
        raise TimeoutError(f"no {wanted!r} within {LOADING} s")

    def seconds_to_answer(self, key: str, wanted: str = "") -> float:
        """Press a key; return the seconds until the program writes some text, or anything."""
        began = time.perf_counter()
        self._command(f"send-keys {key}")
        for line in self._output():
            if wanted in line:
                break
        return time.perf_counter() - began


def at_rest(demo: str) -> list[float]:
    """Press keys in the demo when it has ended."""
    with contextlib.closing(Terminal()) as terminal:
        terminal.seconds_until(demo, "recording")
        terminal.rest(15)
        answers = []
        for number in range(KEYS):
            answers.append(terminal.seconds_to_answer("Down" if number % 20 < 10 else "Up"))
            terminal.rest(SETTLED)
        return answers


def busy() -> dict[str, list[float]]:
    """Press keys with 65,535 ports and 1,000 events a second; wait for what each must show."""
    with contextlib.closing(Terminal()) as terminal:
        terminal.seconds_until(f"{sys.executable} -m tests.benchmarks.busy_screen", "busy")
        terminal.wait_for(f"{PORTS:,}/{PORTS:,} ports")
        terminal.rest(SETTLED)
        found: dict[str, list[float]] = {"cursor": [], "page": [], "filter": []}
        for number in range(2, BUSY_KEYS + 2):
            found["cursor"].append(terminal.seconds_to_answer("Down", f"{number}/tcp"))
            terminal.rest(PAUSE)
        for _ in range(BUSY_KEYS // 4):
            found["page"].append(terminal.seconds_to_answer("C-d", "/tcp"))
            terminal.rest(PAUSE)
        terminal.seconds_to_answer("Home", "1/tcp")
        for _ in range(BUSY_KEYS // 8):
            terminal.seconds_to_answer("/", "filter")
            for typed in ("9", "99", "999", "9999"):
                found["filter"].append(terminal.seconds_to_answer("9", f" {typed}/tcp"))
                terminal.rest(PAUSE)
            terminal.seconds_to_answer("Escape", "2/tcp")
            terminal.rest(SETTLED)
        return found


def main() -> None:
    """Print the table."""
    demo = f"{sys.executable} -m vscan_tui demo"
    paints, interpreters, textuals = [], [], []
    for _ in range(STARTS):  # each in a terminal of its own: tmux 3.3 may fall over on a second
        with contextlib.closing(Terminal()) as terminal:
            interpreters.append(
                terminal.seconds_until(f"{sys.executable} -c 'print(12345)'", "12345")
            )
        with contextlib.closing(Terminal()) as terminal:
            command = f"{sys.executable} -m tests.benchmarks.smallest_screen"
            textuals.append(terminal.seconds_until(command, "12345"))
        with contextlib.closing(Terminal()) as terminal:
            paints.append(terminal.seconds_until(demo, "recording"))
    rows = [
        ("first paint of `vscan demo`, median", statistics.median(paints)),
        ("python -c 'print()' beside it, median", statistics.median(interpreters)),
        ("the smallest Textual program, median", statistics.median(textuals)),
    ]
    measured = {"the demo at rest": at_rest(demo)}
    measured |= {f"65,535 ports, 1,000 events/s: {key}": times for key, times in busy().items()}
    for title, times in measured.items():
        times.sort()
        rows.append((f"{title}, median of {len(times)} keys", statistics.median(times)))
        rows.append((f"{title}, 99th percentile", times[int(len(times) * 0.99)]))
    for title, seconds in rows:
        print(f"{title:60} {seconds * 1000:7.1f} ms")


if __name__ == "__main__":
    main()
