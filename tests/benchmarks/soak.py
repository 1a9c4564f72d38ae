"""Scans over and over with the screen open, and tells what memory and descriptors do meanwhile.

    python -m tests.benchmarks.soak --minutes 30 127.0.0.1:22 127.0.0.1:80/tcp 127.0.0.1:53/udp

One process shows scan after scan in a real terminal (tmux), each recorded in a
journal of its own.  When a scan has ended, keys are pressed as a person would, the
memory is read, and `q` is pressed.  Without ports, 40 scripted servers are started.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from textual._styles_cache import StylesCache

from tests.benchmarks.kill import HOST, PROBES, serving
from tests.end_to_end.terminal import Terminal, terminal
from vscan_tui.commands.live_scan import discovery_of_known, live_scan
from vscan_tui.commands.scan import shown
from vscan_tui.commands.task import Task, prepared
from vscan_tui.options import parse_options
from vscan_tui.options.model import ScanOptions
from vscan_tui.session.recorder import RecordedSource, Recorder

KEYS = ("Down", "Down", "Tab", "Tab", "v", "Tab", ".", "Tab", "n", "?", "Escape", "End", "t")
"""What is pressed when a scan has ended, so that all panes are drawn."""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process holds."""

    seconds: float
    """From the beginning."""
    scans: int
    memory: int
    """Bytes that are resident."""
    descriptors: int
    threads: int

    def line(self) -> str:
        """A row of the table."""
        return (
            f"| {self.seconds / 60:5.1f} | {self.scans:4} | {self.memory / MIB:6.1f} MB "
            f"| {self.descriptors:3} | {self.threads:3} |"
        )


def scan_over_and_over(words: list[str]) -> None:
    """Show one scan after another, all with the same database, until somebody ends it."""
    options = parse_options(words)
    assert isinstance(options, ScanOptions)
    task = prepared(options)
    assert isinstance(task, Task)
    assert task.known is not None
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, 1 << 20):
            live = live_scan(task, tuple(words), discovery_of_known(task, task.known.ports))
            recorder = Recorder(Path(folder, f"{number}.vscan.jsonl.gz"))
            source = RecordedSource(live, recorder)
            shown(task, source, recorder, lambda live=live: live.by_hand)
            recorder.path.unlink()
            del live, recorder, source
            # A program that shows one scan keeps all that was there before it from being collected.
            gc.unfreeze()
            # Of this cache, Textual has one for all programs: the last thousand widgets stay in it.
            StylesCache.get_inner_outer.cache_clear()
            gc.collect()


def sample(process: int, begun: float, scans: int) -> Sample:
    """Read what the system says of a process."""
    status = Path(f"/proc/{process}/status").read_text().splitlines()
    values = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    return Sample(
        time.monotonic() - begun,
        scans,
        int(values["VmRSS"].split()[0]) * 1024,
        len(list(Path(f"/proc/{process}/fd").iterdir())),
        int(values["Threads"]),
    )


@contextmanager
def scripted(folder: Path, services: int) -> Iterator[list[str]]:
    """Scripted servers, and the words with which they are scanned."""
    with serving(services) as servers:
        ports = folder / "ports"
        ports.write_text("".join(f"{HOST}:{port}\n" for port in servers.ports))
        database = folder / "own.probes"
        database.write_text(PROBES)
        yield ["--from", str(ports), "--versiondb", str(database)]


def soaked(window: Terminal, words: list[str], minutes: float, pause: float) -> list[Sample]:
    """Scan for so many minutes, and print a sample each minute."""
    begun, samples, printed = time.monotonic(), list[Sample](), 0.0
    window.run(sys.executable, "-m", "tests.benchmarks.soak", "--child", *words)
    while time.monotonic() - begun < minutes * 60:
        scan_begun = time.monotonic()
        wait_for_title(window, "100%", 180)
        process = window.child()
        for key in KEYS:
            window.press(key)
            time.sleep(0.1)
        window.press("Escape")
        time.sleep(1)  # with a key right after it, it would be another key
        samples.append(sample(process, begun, len(samples) + 1))
        if samples[-1].seconds >= printed:
            print(samples[-1].line(), flush=True)
            printed += 60
        time.sleep(max(0.0, pause - (time.monotonic() - scan_begun)))
        window.press("q")
        wait_for_title(window, "100%", 60, is_there=False)
    window.press("C-c")
    return samples


def wait_for_title(window: Terminal, text: str, patience: float, *, is_there: bool = True) -> None:
    """Wait until the first line that is seen has this text, or has it no longer."""
    end = time.monotonic() + patience
    while (text in window.lines()[0]) is not is_there:
        if time.monotonic() > end:
            raise TimeoutError(f"{text} {'' if is_there else 'still '}seen:\n{window.text()}")
        time.sleep(0.2)


def main() -> None:
    """Scan, and print what there was."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--pause", type=float, default=20, help="seconds from scan to scan")
    parser.add_argument("--services", type=int, default=40, help="scripted ones")
    parser.add_argument("--versiondb", help="database for your own servers; default: all")
    parser.add_argument("ports", nargs="*", help=f"{HOST}:port/protocol, of your own servers")
    choices = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = folder / "given"
        given.write_text("\n".join(choices.ports))
        database = ["--versiondb", choices.versiondb] if choices.versiondb else []
        servers = (
            nullcontext(["--from", str(given), *database])
            if choices.ports
            else scripted(folder, choices.services)
        )
        environment = {
            "PATH": os.environ["PATH"],
            "XDG_CONFIG_HOME": name,
            "XDG_STATE_HOME": name,
        }
        print("| minute | scans | memory | descriptors | threads |\n|---|---|---|---|---|")
        with servers as words, terminal(environment) as window:
            samples = soaked(window, ["-n", *words], choices.minutes, choices.pause)
    print("\nfirst and last:")
    print(samples[0].line())
    print(samples[-1].line())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        scan_over_and_over(sys.argv[2:])
    else:
        main()
