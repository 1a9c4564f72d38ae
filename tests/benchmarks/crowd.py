"""The screen while very many services come in: memory for each, and how long it is busy at a time.

    python -m tests.benchmarks.crowd [--services 100000] [--rate 1000]

feeds the screen with the events of a scan of that many services, at that many a
second, and prints after each tenth of them how much memory the program has, how much
for each service, and the gaps between two turns of its event loop: so long a key
waits.  Nothing is sent.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from vscan_tui.events import (
    BytesReceived,
    ConnectionClosed,
    ConnectionOpened,
    Decided,
    Ending,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    Fields,
    HostFinished,
    HostFound,
    HostState,
    InterrogationStarted,
    Match,
    Method,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    RuleFired,
    ScanEnding,
    ScanFinished,
    ScanPlanned,
    ScanStarted,
    Service,
)
from vscan_tui.tui.app import VscanApp

PORTS = tuple(range(1000, 1010))
TURN = 0.005
BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u%d\r\n"


def events(hosts: int) -> Iterator[list[Event]]:
    """The events of each host, after those that begin the scan."""
    yield [
        ScanStarted(
            time=0.0, program="vscan crowd", arguments=(), pace="eager", intensity=7, databases=()
        ),
        ScanPlanned(time=0.0, hosts=hosts, ports=len(PORTS), tcp=((PORTS[0], PORTS[-1]),)),
    ]
    for number in range(hosts):
        address = f"127.{64 + number // 65536}.{number // 256 % 256}.{number % 256}"
        found = HostFound(time=1.0, address=address, state=HostState.UP, reason="user-set")
        finished = HostFinished(time=1.0, address=address)
        yield [found, *(each for port in PORTS for each in service(address, port)), finished]


def service(address: str, port: int) -> Iterator[Event]:
    """What happens on a port that speaks first."""
    about = {"time": time.time(), "endpoint": Endpoint(address, "tcp", port)}
    banner = BANNER % (port % 7)
    fields = Fields("OpenSSH", "9.2p1", f"Debian 2+deb12u{port % 7}", ostype="Linux")
    rule = Match(
        "vscan", "ssh.probes", 12, "NULL", "ssh", False, rb"^SSH-([\d.]+)-OpenSSH_(\S+)", "",
        (("p", "OpenSSH"), ("v", "$2")), ((0, 21), (4, 7), (16, 21)), 3, fields,
    )  # fmt: skip
    yield PortFound(**about, state=PortState.OPEN, reason="syn-ack", latency=0.001)
    yield InterrogationStarted(**about)
    yield Decided(**about, action="connect", reason="for NULL")
    yield ConnectionOpened(**about, connection=1, seconds=0.001)
    yield Decided(**about, action="send nothing", reason="services that speak first do so now")
    yield ExchangeStarted(
        **about, exchange=1, connection=1, probe="NULL", payload=b"", reason="they speak first"
    )
    yield BytesReceived(**about, exchange=1, data=banner)
    yield RuleFired(**about, exchange=1, match=rule, length=len(banner))
    yield ExchangeEnded(**about, exchange=1, ending=Ending.MATCHED, tried=4)
    yield Decided(**about, action="disconnect", reason="hard match ssh, line 12")
    yield ConnectionClosed(**about, connection=1, reason="hard match ssh, line 12")
    yield Decided(**about, action="finish: hard match", reason="hard match ssh, line 12")
    yield PortFinished(
        **about,
        outcome=Outcome.HARD_MATCH,
        service=Service("ssh", fields, method=Method.PROBED, confidence=10),
    )


class Crowd:
    """An event source that keeps to a rate."""

    is_recording = False

    def __init__(self, hosts: int, rate: float) -> None:
        self._hosts, self._rate = hosts, rate
        self.services = 0

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    async def run(self, emit):
        began = time.perf_counter()
        for of_a_host in events(self._hosts):
            for event in of_a_host:
                emit(event)
            self.services += len(PORTS) if len(of_a_host) > 2 else 0
            early = self.services / self._rate - (time.perf_counter() - began)
            await asyncio.sleep(max(0.0, early))
        emit(ScanFinished(time=time.time(), ending=ScanEnding.DONE))


def megabytes() -> float:
    """The memory that the program has now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def watch(crowd: Crowd, app: VscanApp, total: int) -> None:
    """Print a row after each tenth of the services."""
    before, gaps, told = megabytes(), [], 0
    print(
        f"{'services':>10} {'MB':>7} {'KB each':>8} {'gap: median':>12} {'99 %':>8} {'longest':>8}"
    )
    while told < 10:
        turn = time.perf_counter()
        await asyncio.sleep(TURN)
        gaps.append(1000 * (time.perf_counter() - turn - TURN))
        shown = len(app.store.ports)
        if shown >= (told + 1) * total // 10:
            told += 1
            gaps.sort()
            memory = megabytes()
            print(
                f"{shown:10,} {memory:7.0f} {1024 * (memory - before) / shown:8.2f}"
                f" {gaps[len(gaps) // 2]:9.1f} ms {gaps[int(len(gaps) * 0.99)]:5.1f} ms"
                f" {gaps[-1]:5.1f} ms",
                flush=True,
            )
            gaps.clear()


async def measure(total: int, rate: float) -> None:
    """Show the screen, without a terminal, while the services come in."""
    crowd = Crowd(total // len(PORTS), rate)
    app = VscanApp(crowd)
    async with app.run_test(size=(120, 36)):
        await watch(crowd, app, total)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", type=int, default=100_000, metavar="N")
    parser.add_argument("--rate", type=float, default=1000, metavar="N", help="services a second")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.services, arguments.rate))


if __name__ == "__main__":
    main()
