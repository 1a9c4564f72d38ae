"""How long it takes to open a journal of 100 MB: `python -m tests.benchmarks.opening [MB]`.

Beside it, how long Python takes only to read its lines as JSON.
"""

import asyncio
import gzip
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from vscan_tui.events import Endpoint, Event, ScanFinished, ScanStarted
from vscan_tui.session.journal import encode, header_line, read_events
from vscan_tui.session.replay import Replay
from vscan_tui.tui.app import VscanApp

DEMO = Path(__file__).resolve().parents[2] / "data" / "demo" / "real-servers.vscan.jsonl"


@dataclass
class Opened:
    """What was measured, in seconds from the start."""

    first: float
    """Until a port could be seen."""
    whole: float
    longest_gap: float
    """The longest time in which the screen did not answer."""


def moved(event: Event, address: str) -> Event:
    changes: dict[str, object] = {}
    endpoint = getattr(event, "endpoint", None)
    if endpoint is not None:
        changes["endpoint"] = Endpoint(address, endpoint.protocol, endpoint.port)
    if hasattr(event, "address"):
        changes["address"] = address
    return replace(event, **changes)


def write(path: Path, megabytes: float) -> None:
    """The demo over and over, each time on another host."""
    events = list(read_events(DEMO))
    inner = [event for event in events if not isinstance(event, ScanStarted | ScanFinished)]
    with path.open("wb") as file:
        file.write(header_line() + encode(events[0]))
        for number in range(1, 1 << 24):
            address = ".".join(map(str, (10 << 24 | number).to_bytes(4)))
            file.write(b"".join(encode(moved(event, address)) for event in inner))
            if file.tell() > megabytes * 1e6:
                break
        file.write(encode(events[-1]))


async def opened(path: Path) -> Opened:
    begun = time.perf_counter()
    app = VscanApp(Replay(read_events(path)), note="a benchmark")
    first = longest = 0.0
    async with app.run_test(size=(120, 36)):
        while app.store.ended is None or len(app.feed):
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            longest = max(longest, time.perf_counter() - before)
            if not first and app.store.ports:
                first = time.perf_counter() - begun
        whole = time.perf_counter() - begun
    return Opened(first, whole, longest)


def main() -> None:
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 100.0
    with tempfile.TemporaryDirectory() as folder:
        plain, packed = Path(folder, "journal"), Path(folder, "journal.gz")
        write(plain, megabytes)
        packed.write_bytes(gzip.compress(plain.read_bytes(), 6))
        print("| journal | MB | first port seen | all of it | screen's longest wait |")
        print("|---|---|---|---|---|")
        for path in (plain, packed):
            done = asyncio.run(opened(path))
            size = path.stat().st_size / 1e6
            print(
                f"| {path.suffix or 'plain'} | {size:.0f} | {done.first:.2f} s | "
                f"{done.whole:.1f} s | {done.longest_gap * 1000:.0f} ms |"
            )
        begun = time.perf_counter()
        with plain.open("rb") as file:
            for line in file:
                json.loads(line)
        print(
            f"| Python's json alone | {megabytes:.0f} | | {time.perf_counter() - begun:.1f} s | |"
        )


if __name__ == "__main__":
    main()
