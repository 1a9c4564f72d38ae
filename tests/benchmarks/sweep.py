"""Many services in one run: time and peak memory, for each number of them.

    python -m tests.benchmarks.sweep [--services 100,1000,10000] [--nmap N] [--versiondb FILE]

starts a few servers that speak first and answer on every address of
127.0.0.0/8, scans as many addresses as make that number of services with the
whole program (journal and XML report included), and prints how long each took,
how long for each service, and the most memory that the program had.  With
`--nmap N`, `nmap -sV -T4` scans the same N services for comparison.
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


@dataclass(frozen=True)
class Run:
    """What one run of a program took."""

    seconds: float
    megabytes: float
    """The most memory it had at a time."""
    processor: float
    """Seconds of processor time."""


def serve(ports: "multiprocessing.Queue[list[int]]") -> None:
    """Serve one banner on each of some ports, on every loopback address."""

    async def run() -> None:
        servers = []
        for banner in BANNERS:

            async def greet(reader, writer, banner=banner) -> None:
                if not writer.get_extra_info("peername")[0].startswith("127."):
                    writer.transport.abort()  # nobody else is served
                    return
                try:
                    writer.write(banner)
                    await reader.read()
                except ConnectionError:
                    pass
                finally:
                    writer.close()

            servers.append(await asyncio.start_server(greet, "0.0.0.0", 0, backlog=4096))
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


def measured(command: list[str]) -> Run:
    """Run a program to its end."""
    began = time.monotonic()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{command[0]} failed")
    processor = usage.ru_utime + usage.ru_stime
    return Run(time.monotonic() - began, usage.ru_maxrss / 1024, processor)


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


def tell(title: str, number: int, run: Run) -> None:
    """Print a line."""
    print(
        f"{title:6} {number:7,} services {run.seconds:8.1f} s"
        f"   {1000 * run.seconds / number:7.2f} ms a service"
        f" ({1000 * run.processor / number:6.2f} ms of processor time)"
        f"   {run.megabytes:7.0f} MB at most",
        flush=True,
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", default="100,1000,10000", metavar="N,...")
    parser.add_argument("--nmap", type=int, default=0, metavar="N", help="services for Nmap")
    parser.add_argument("--versiondb", metavar="FILE")
    arguments = parser.parse_args()
    numbers = [int(number) for number in arguments.services.split(",") if number]
    with services() as ports, tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            vscan = [
                sys.executable,
                "-m",
                "vscan_tui",
                "--headless",
                "--yes",
                "--journal-dir",
                folder,
            ]
            said = words(number, ports, arguments.versiondb, folder)
            tell("vscan", number, measured([*vscan, *said]))
            for journal in Path(folder).glob("*.vscan.jsonl*"):
                journal.unlink()
        if arguments.nmap:
            said = words(arguments.nmap, ports, arguments.versiondb, folder)
            tell("nmap", arguments.nmap, measured(["nmap", *said]))


if __name__ == "__main__":
    main()
