"""Many services in one run: time and peak memory, for each number of them.

    python -m tests.benchmarks.sweep [--services 100,1000,10000,100000] [--nmap N]
                                     [--versiondb FILE]

starts a few servers that speak first and answer on every address of
127.0.0.0/8, scans as many addresses as make that number of services with the
whole program (journal and XML report included), and prints a table: how long each
run took, how long for each service, the most memory that the program had, and how
much more for each service than in the first run.  With `--nmap N`,
`nmap -sV -T4` scans the same N services for comparison.

Both programs use the database that `--versiondb` names; without it each uses its
own: vscan its bundled one together with Nmap's, where Nmap is installed.
"""

import argparse
import asyncio
import ipaddress
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vscan_tui.scanning.discovery.descriptors import raise_descriptor_limit

BANNERS = (
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u2\r\n",
    b"220 (vsFTPd 3.0.3)\r\n",
    b"220 mail.example ESMTP Postfix\r\n",
    b"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n",
    b"220-Welcome to Pure-FTPd.\r\n220 You will be disconnected after 15 minutes.\r\n",
    b"SSH-1.99-OpenSSH_3.9p1\r\n",
    b"220 mail.example ESMTP Exim 4.96 Thu, 01 Jan 2026 00:00:00 +0000\r\n",
    b"@RSYNCD: 31.0\n",
    b"RFB 003.008\n",
    b"SSH-2.0-dropbear_2022.83\r\n",
)
FIRST_ADDRESS = ipaddress.IPv4Address("127.64.0.0")
ROW = "{:6} {:>8} {:>9} {:>11} {:>12} {:>8} {:>13} {:>8}"


@dataclass(frozen=True)
class Run:
    """What one run of a program took."""

    seconds: float
    megabytes: float
    """The most memory it had at a time."""
    processor: float
    """Seconds of processor time."""
    named: int
    """Services that were identified."""


class Greeter(asyncio.Protocol):
    """Says a banner, and nobody else is served than this machine."""

    def __init__(self, banner: bytes) -> None:
        self._banner = banner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if transport.get_extra_info("peername")[0].startswith("127."):
            transport.write(self._banner)
        else:
            transport.abort()


def serve(ports: "multiprocessing.Queue[list[int]]") -> None:
    """Serve one banner on each of some ports, on every loopback address."""
    raise_descriptor_limit()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        servers = [
            await loop.create_server(
                lambda banner=banner: Greeter(banner), "0.0.0.0", 0, backlog=4096
            )
            for banner in BANNERS
        ]
        ports.put([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.Event().wait()

    asyncio.run(run())


@contextmanager
def services() -> Iterator[list[int]]:
    """Servers in a process of their own; yields their ports."""
    queue: multiprocessing.Queue[list[int]] = multiprocessing.Queue()
    process = multiprocessing.Process(target=serve, args=(queue,), daemon=True)
    process.start()
    try:
        yield queue.get(timeout=30)
    finally:
        process.terminate()
        process.join()


def measured(command: list[str], folder: str) -> Run:
    """Run a program that writes `report.xml` to its end."""
    began = time.monotonic()
    said = Path(folder, "said")
    to_file = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    quiet = [
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(said), to_file, 0o600),
    ]
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(child, 0)
    seconds = time.monotonic() - began
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{command[0]} failed:\n{said.read_text()}")
    with Path(folder, "report.xml").open() as report:
        named = sum(line.count('method="probed"') for line in report)
    processor = usage.ru_utime + usage.ru_stime
    return Run(seconds, usage.ru_maxrss / 1024, processor, named)


def words(number: int, ports: list[int], database: str | None, folder: str) -> list[str]:
    """The options and targets that make a number of services."""
    hosts, rest = divmod(number, len(ports))
    if rest:
        sys.exit(f"the number of services must be a multiple of {len(ports)}")
    listed = Path(folder, "targets")
    listed.write_text("".join(f"{FIRST_ADDRESS + index}\n" for index in range(hosts)))
    chosen = ["-sT", "-sV", "-T4", "-Pn", "-n", "-p", ",".join(map(str, ports))]
    chosen += ["-iL", str(listed), "-oX", str(Path(folder, "report.xml"))]
    return [*chosen, *(["--versiondb", database] if database else [])]


def tell(title: str, number: int, run: Run, first: tuple[int, Run] | None) -> None:
    """Print a row; `first` is the run to which memory is compared."""
    growth = ""
    if first is not None and number > first[0]:
        growth = f"{1024 * (run.megabytes - first[1].megabytes) / (number - first[0]):.2f}"
    print(
        ROW.format(
            title,
            f"{number:,}",
            f"{run.seconds:.1f}",
            f"{1000 * run.seconds / number:.2f}",
            f"{1000 * run.processor / number:.2f}",
            f"{run.megabytes:.0f}",
            growth,
            f"{run.named:,}",
        ),
        flush=True,
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", default="100,1000,10000,100000", metavar="N,...")
    parser.add_argument("--nmap", type=int, default=0, metavar="N", help="services for Nmap")
    parser.add_argument("--versiondb", metavar="FILE", help="the database of both")
    arguments = parser.parse_args()
    numbers = [int(number) for number in arguments.services.split(",") if number]
    print(f"database: {arguments.versiondb or 'of each its own'}")
    print(
        ROW.format(
            "",
            "services",
            "seconds",
            "ms/service",
            "CPU ms each",
            "MB peak",
            "KB more each",
            "named",
        )
    )
    with services() as ports, tempfile.TemporaryDirectory() as folder:
        first: tuple[int, Run] | None = None
        vscan = [sys.executable, "-m", "vscan_tui", "--headless", "--yes", "--journal-dir", folder]
        for number in numbers:
            said = words(number, ports, arguments.versiondb, folder)
            run = measured([*vscan, *said], folder)
            tell("vscan", number, run, first)
            first = first or (number, run)
            for journal in Path(folder).glob("*.vscan.jsonl*"):
                journal.unlink()
        if arguments.nmap:
            said = words(arguments.nmap, ports, arguments.versiondb, folder)
            tell("nmap", arguments.nmap, measured(["nmap", *said], folder), None)


if __name__ == "__main__":
    main()
