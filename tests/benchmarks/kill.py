"""Kills a scan at random moments: what happened is in the journal, and resume ends it.

    python -m tests.benchmarks.kill --times 100 --services 200

The scanner runs in a process of its own, which writes the time of every event
straight to a file as it happens, and is ended with SIGKILL.  Then the journal is
read: no event may be missing that happened more than a second before.  Then
`vscan resume` goes on, and its table is compared with that of an undisturbed scan.
Everything is on loopback.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vscan_tui.cli import main
from vscan_tui.events import Event
from vscan_tui.session.journal import JournalFault, read_events
from vscan_tui.session.recorder import Recorder

HOST = "127.0.0.1"
PROMISED = 1.0
"""Seconds before the end, of which something may be missing."""
PATIENCE = 180.0
PROBES = r"""Probe TCP NULL q||
totalwaitms 400
tcpwrappedms 100
match greeter m|^220 (\w+)\r\n| p/Greeter/ v/$1/
Probe TCP Ask q|who\r\n|
totalwaitms 400
match answerer m|^I am (\w+)\r\n| p/Answerer/ v/$1/
softmatch half m|^half|
"""


@dataclass
class Servers:
    """Scripted servers."""

    ports: dict[int, int] = field(default_factory=dict)
    """The number of a server by its port."""

    async def serve(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Greet, answer, half answer, or say nothing."""
        try:
            if number % 4 == 0:
                writer.write(b"220 n%d\r\n" % number)
            while await asyncio.wait_for(reader.read(100), 10):
                if number % 4 == 1:
                    writer.write(b"I am n%d\r\n" % number)
                elif number % 4 == 2:
                    writer.write(b"half\r\n")
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()


@contextmanager
def serving(count: int) -> Iterator[Servers]:
    """Run scripted servers in a thread."""
    servers = Servers()
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def start() -> None:
        for number in range(count):
            server = await asyncio.start_server(
                lambda reader, writer, number=number: servers.serve(number, reader, writer), HOST, 0
            )
            servers.ports[server.sockets[0].getsockname()[1]] = number
            running.append(server)
        ready.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    running: list[asyncio.Server] = []
    threading.Thread(target=run, daemon=True).start()
    ready.wait(30)
    try:
        yield servers
    finally:
        loop.call_soon_threadsafe(loop.stop)


def words(folder: Path, servers: Servers, *more: str) -> list[str]:
    """The words of a scan of all servers."""
    database = folder / "own.probes"
    database.write_text(PROBES)
    ports = ",".join(map(str, sorted(servers.ports)))
    return [
        *("--headless", "-n", "-p", ports),
        *("--versiondb", str(database), *more, HOST),
    ]


VSCAN = (sys.executable, "-m", "vscan_tui")


def run(*command: str) -> None:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        raise RuntimeError(f"{done.returncode}: {done.stderr[-2000:]}")


def table(report: Path, servers: Servers) -> dict[int, tuple[object, ...]]:
    """What a report says of each server, but for times and numbers."""
    lines = map(json.loads, report.read_text().splitlines())
    return {
        servers.ports[line["port"]]: tuple(
            line[name] for name in ("state", "outcome", "service", "product", "version")
        )
        for line in lines
        if line["type"] == "port"
    }


def scan_noting(path: str, scanned: list[str]) -> int:
    """Scan, and write the time of every event to a file at once, whatever the journal does."""
    times = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    note = Recorder.note

    def noted(self: Recorder, event: Event) -> None:
        note(self, event)
        os.write(times, b"%d\n" % time.time_ns())

    Recorder.note = noted  # type: ignore[method-assign]
    return main(scanned)


@dataclass
class Kill:
    """What one kill left."""

    after: float
    """Seconds from the start of the process."""
    happened: int
    """Events."""
    recorded: int
    """Events in the journal."""
    faults: int
    """Whole lines that could not be read."""
    lost_seconds: float
    """How long before the end the oldest event that is missing happened; 0 if none is."""
    is_same: bool
    """Whether resume ended with the table of an undisturbed scan; true if nothing was recorded."""

    @property
    def is_good(self) -> bool:
        """Whether it left what is promised."""
        return self.is_same and not self.faults and self.lost_seconds <= PROMISED


def killed(servers: Servers, after: float, expected: dict[int, tuple[object, ...]]) -> Kill:
    """Kill a scan after so many seconds, look at its journal, and go on with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = folder / "times"
        scanned = words(folder, servers, "--journal-dir", str(folder / "journals"))
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.kill", "--noting", str(times), *scanned],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(after)
        process.kill()
        ended = time.time()
        process.wait()
        happened = [int(line) / 1e9 for line in times.read_text().split()] if times.exists() else []
        journals = list((folder / "journals").glob("*.jsonl"))
        if not journals or not journals[0].stat().st_size:
            lost = ended - min(happened, default=ended)
            return Kill(after, len(happened), 0, 0, lost, is_same=True)
        faults: list[JournalFault] = []
        recorded = sum(1 for _ in read_events(journals[0], faults))
        whole = journals[0].read_bytes().count(b"\n")
        bad = sum(fault.line <= whole for fault in faults)
        lost = ended - happened[recorded] if recorded < len(happened) else 0.0
        report = folder / "report.jsonl"
        run(*VSCAN, "resume", "--headless", "-oJ", str(report), str(journals[0]))
        is_same = table(report, servers) == expected
        return Kill(after, len(happened), recorded, bad, lost, is_same)


def undisturbed(servers: Servers) -> tuple[float, dict[int, tuple[object, ...]]]:
    """Seconds that a scan takes, and its table."""
    with tempfile.TemporaryDirectory() as name:
        report = Path(name) / "report.jsonl"
        begun = time.monotonic()
        run(*VSCAN, *words(Path(name), servers, "--no-journal", "-oJ", str(report)))
        return time.monotonic() - begun, table(report, servers)


def benchmark() -> None:
    """Kill as often as asked, and print what was left."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    choices = parser.parse_args()
    dice = random.Random(choices.seed)
    with serving(choices.services) as servers:
        seconds, expected = undisturbed(servers)
        print(f"undisturbed: {seconds:.1f} s, {len(expected)} ports", flush=True)
        kills = []
        for number in range(choices.times):
            kill = killed(servers, dice.uniform(0.1, seconds), expected)
            kills.append(kill)
            print(
                f"{number + 1:4} after {kill.after:5.2f} s: {kill.recorded:5} of "
                f"{kill.happened:5} events; missing from {kill.lost_seconds:.2f} s before"
                + ("" if kill.is_good else "  NOT AS PROMISED"),
                flush=True,
            )
    print(
        f"{len(kills)} kills, {sum(kill.recorded > 0 for kill in kills)} with a journal; "
        f"unreadable whole lines: {sum(kill.faults for kill in kills)}; "
        f"missing: at most the last {max(kill.lost_seconds for kill in kills):.2f} s; "
        f"resumed to another table: {sum(not kill.is_same for kill in kills)}"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--noting"]:
        sys.exit(scan_noting(sys.argv[2], sys.argv[3:]))
    benchmark()
