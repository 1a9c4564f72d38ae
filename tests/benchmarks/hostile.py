"""Whether hostile responses hold up the screen.

    python -m tests.benchmarks.hostile [--database FILE] [--responses N]

Servers on loopback addresses send responses that are built from the rules' own
literals and from what their repeats like to take, and a few that a rule of the
user's own takes very long on.  The whole program scans them with its screen
until so many responses have been matched, and a task in its event loop notes how
long the loop is ever kept from painting: at 20 frames a second, 50 ms.  On a busy
machine the clock tells of the others; the processor time that this program itself
used meanwhile does not.
"""

import argparse
import asyncio
import contextlib
import gc
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.ending import ends_when_told_to
from tests.benchmarks.matching import SHARED, hostile_response
from vscan_tui.events import (
    BytesReceived,
    DiscoveryProgressed,
    Endpoint,
    ExchangeEnded,
    HostFound,
    HostState,
    PortFound,
    PortState,
    ScanFinished,
    ScanPlanned,
    Warned,
)
from vscan_tui.matching.literals import conditions
from vscan_tui.matching.matcher import MAX_RESPONSE_BYTES
from vscan_tui.matching.pattern import check
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseSource, load
from vscan_tui.scanning.engine import Scan, ScanSettings
from vscan_tui.scanning.transport.sockets import AsyncioTransport
from vscan_tui.tui.app import VscanApp

RESPONSES = 1000
PORTS = 400
"""Each answers several probes, on several connections."""
FIRST_PORT = 42_000
PORTS_OF_A_HOST = 50
FRAME = 0.05
BEAT = 0.005
LIMIT = 150.0
"""Seconds after which the scan is stopped, and what was measured until then is told."""
OWN = "Probe TCP NULL q||\nmatch slow m|[a-z]*[a-y]z!|\n"
"""A rule that looks at all that follows, from each place where it may begin."""
SLOW_SHARE = 0.01


def endpoints(count):
    return [
        Endpoint(f"127.0.77.{1 + number // PORTS_OF_A_HOST}", "tcp",
                 FIRST_PORT + number % PORTS_OF_A_HOST)
        for number in range(count)
    ]  # fmt: skip


def response(database, number):
    """(what a server sends, whether it waits until it is asked)"""
    rng = random.Random(number)
    if rng.random() < SLOW_SHARE:
        return b"a" * (MAX_RESPONSE_BYTES - 8) + b" z!", False
    probe = rng.choice([probe for probe in database.probes if probe.protocol == "tcp"])
    while not probe.rules:
        probe = rng.choice([probe for probe in database.probes if probe.protocol == "tcp"])
    rule = rng.choice(probe.rules)
    size = rng.choice([512, 4096, MAX_RESPONSE_BYTES])
    return hostile_response(rng, conditions(rule.pattern, rule.flags)[0], size), not probe.is_null


async def serve(database, count):
    """Serve until standard input ends."""
    for number, endpoint in enumerate(endpoints(count)):
        sent, is_asked = response(database, number)

        async def answer(reader, writer, sent=sent, is_asked=is_asked):
            try:
                if is_asked:
                    await reader.read(65536)
                writer.write(sent)
                await writer.drain()
                while await reader.read(65536):
                    pass
            except (ConnectionError, asyncio.CancelledError):  # the last is the benchmark's end
                pass
            finally:
                writer.close()

        await asyncio.start_server(answer, endpoint.address, endpoint.port)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


class Ports:
    """All ports at once, as if they were found open."""

    def __init__(self, found):
        self._found = found

    async def run(self, emit, may_begin):
        now = time.time()
        emit(ScanPlanned(time=now, hosts=1, ports=len(self._found)))
        for address in dict.fromkeys(endpoint.address for endpoint in self._found):
            emit(HostFound(time=now, address=address, state=HostState.UP, reason="user-set"))
        for endpoint in self._found:
            emit(PortFound(time=now, endpoint=endpoint, state=PortState.OPEN, reason="syn-ack"))
        emit(DiscoveryProgressed(time=now, done=len(self._found), total=len(self._found)))

    def pause(self):
        pass

    resume = pause


class Watched:
    """A scan of which it is noted when so many responses were matched, and what it warns of."""

    is_recording = False

    def __init__(self, scan, wanted):
        self._scan = scan
        self._wanted = wanted
        self.responses = 0
        self._answered = set()
        self.finished = asyncio.Event()
        self.warnings = []
        self.pause, self.resume = scan.pause, scan.resume

    async def run(self, emit):
        def noted(event):
            emit(event)
            if isinstance(event, BytesReceived):
                self._answered.add((event.endpoint, event.exchange))
            if isinstance(event, ExchangeEnded):
                self.responses += (event.endpoint, event.exchange) in self._answered
            if isinstance(event, ScanFinished) or self.responses >= self._wanted:
                self.finished.set()
            if isinstance(event, Warned):
                self.warnings.append(event.message)

        await self._scan.run(noted)


async def scanned(databases, found, responses):
    """(seconds, the source, gaps between the turns of the event loop) of a scan on the screen"""
    settings = ScanSettings("benchmark", (), 7, 30, pace="eager")
    source = Watched(Scan(settings, databases, Ports(found), AsyncioTransport()), responses)
    gaps = []

    async def beat():
        last, used = time.perf_counter(), time.process_time()
        while not source.finished.is_set():
            await asyncio.sleep(BEAT)
            now, processor = time.perf_counter(), time.process_time()
            gaps.append((now - last, processor - used))
            last, used = now, processor

    app = VscanApp(source)
    gc.freeze()  # as the program does before its screen
    begun = time.perf_counter()
    async with app.run_test(size=(120, 36)):
        ends_when_told_to()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(beat(), LIMIT)
        took = time.perf_counter() - begun
    return took, source, gaps


def shown(name, gaps):
    gaps = sorted(gaps)
    late = sum(gap > FRAME for gap in gaps)
    print(
        f"between two turns of the event loop, {name}: at most {gaps[-1] * 1000:.0f} ms, "
        f"99 % within {gaps[len(gaps) * 99 // 100] * 1000:.0f} ms, "
        f"median {gaps[len(gaps) // 2] * 1000:.1f} ms; {late} of {len(gaps)} over "
        f"{FRAME * 1000:.0f} ms"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--database", type=Path, default=SHARED / "nmap-data" / "nmap-service-probes"
    )
    parser.add_argument("--responses", type=int, default=RESPONSES)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    words = parser.parse_args()
    ends_when_told_to()
    database = load(DatabaseSource(words.database.name, words.database), check_pattern=check)
    if words.serve:
        asyncio.run(serve(database, PORTS))
        return
    command = [sys.executable, "-m", "tests.benchmarks.hostile", "--serve"]
    command += ["--database", str(words.database)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as servers,
    ):
        own = Path(folder) / "own"
        own.write_text(OWN)
        databases = ProbeDatabases((load(DatabaseSource("own", own)), database))
        servers.stdout.readline()
        took, source, gaps = asyncio.run(scanned(databases, endpoints(PORTS), words.responses))
        servers.stdin.close()
    print(
        f"{source.responses} of {words.responses} hostile responses in {took:.0f} s, "
        f"{time.process_time():.0f} s of processor"
    )
    shown("by the clock", [wall for wall, _ in gaps])
    shown("processor time of this program", [processor for _, processor in gaps])
    for warning in source.warnings[:5]:
        print(f"warned: {warning}")


if __name__ == "__main__":
    main()
