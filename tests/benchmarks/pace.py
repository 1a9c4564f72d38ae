"""What pace `eager` gains, and what it costs.

    python -m tests.benchmarks.pace -p 20000-20161 [--http PORT] [--versiondb FILE]
                                    [--runs N] [--no-polite] [--nmap] [--no-own] [HOST]

scans the ports of a host with `--pace eager` and `--pace polite`, one after the
other, and prints how long each took, on which ports their answers differ, and
how many connections (port discovery's included) and bytes each port cost; those of
`polite` are Nmap's.
Then it does the same with one HTTP port of the host (if named), with a port that
accepts and never answers, and with one that closes on whatever it is sent, both
of its own (unless --no-own).  With --nmap, `nmap -sV -T4` is run on all of these too.
"""

import argparse
import base64
import json
import os
import socketserver
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.agreement import Answer, answers, compare

ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}
"""An installed program has its modules compiled."""
VSCAN = (sys.executable, "-m", "vscan_tui", "--headless")


@dataclass(frozen=True)
class Run:
    """One scan."""

    seconds: float
    """Of the whole program."""
    answers: dict[tuple[str, int], Answer]
    costs: dict[int, tuple[int, int]]
    """Connections and bytes sent, by port; empty for Nmap, which does not tell."""


def scan(command: list[str], ports: str, host: str, database: str | None) -> Run:
    """Run a scanner."""
    words = ["-sT", "-sV", "-T4", "-Pn", "-n", "-p", ports, host]
    words += ["--versiondb", database] if database else []
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder, "scan.xml")
        outputs = ["-oX", str(xml)]
        outputs += [] if command == ["nmap"] else ["--journal-dir", folder]
        began = time.monotonic()
        quiet = subprocess.DEVNULL
        program = [*command, *words, *outputs]
        subprocess.run(program, check=True, stdout=quiet, stderr=quiet, env=ENVIRONMENT)
        seconds = time.monotonic() - began
        return Run(seconds, answers(xml), costs(Path(folder).glob("*.vscan.jsonl")))


def costs(journals: Iterable[Path]) -> dict[int, tuple[int, int]]:
    """Count the connections and bytes that each TCP port saw."""
    connections, sent = Counter[int](), Counter[int]()
    for journal in journals:
        for line in journal.read_text().splitlines():
            event = json.loads(line)
            endpoint = event.get("endpoint") or {}
            if endpoint.get("protocol") != "tcp":
                continue
            port = endpoint["port"]
            match event["event"]:
                case "port found" | "connection failed":
                    connections[port] += 1
                case "connection opened":
                    connections[port] += event.get("kept_for") is None
                case "exchange started":
                    sent[port] += len(base64.b64decode(event.get("payload", "")))
    return {port: (count, sent[port]) for port, count in connections.items()}


def pace(name: str) -> list[str]:
    """Return the words that scan in a pace."""
    return [*VSCAN, "--pace", name]


def tell(title: str, run: Run) -> None:
    """Print what a run took and cost."""
    line = f"{title:8} {run.seconds:7.2f} s"
    if run.costs:
        connections = [each for each, _ in run.costs.values()]
        sent = [each for _, each in run.costs.values()]
        line += (
            f"   a port: {statistics.mean(connections):.1f} connections"
            f" (median {statistics.median(connections):g}, most {max(connections)}),"
            f" {statistics.mean(sent):.0f} bytes (most {max(sent)})"
        )
    print(line, flush=True)


@contextmanager
def server(*, closes: bool) -> Iterator[int]:
    """A service that never says a word, or that closes on whatever it is sent."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError):
                while self.request.recv(4096) and not closes:
                    pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield listening.server_address[1]
        listening.shutdown()


def beside(title: str, ports: str, arguments: argparse.Namespace, host: str) -> None:
    """Scan with everything that was asked for, and print the figures."""
    print(f"\n{title}")
    runs = [scan(pace("eager"), ports, host, arguments.versiondb) for _ in range(arguments.runs)]
    for run in runs:
        tell("eager", run)
    seconds = statistics.median(run.seconds for run in runs)
    others = {} if arguments.no_polite else {"polite": pace("polite")}
    others |= {"nmap": ["nmap"]} if arguments.nmap else {}
    for name, command in others.items():
        other = scan(command, ports, host, arguments.versiondb)
        tell(name, other)
        print(f"eager takes 1/{other.seconds / seconds:.1f} of {name}'s time")
        for number, run in enumerate(runs, start=1):
            print(f"answers of {name} (as nmap) beside eager (as vscan), run {number}:")
            compare(other.answers, run.answers)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("-p", dest="ports", metavar="PORTS")
    parser.add_argument("--http", metavar="PORT", help="a port of the host that speaks HTTP")
    parser.add_argument("--versiondb", metavar="FILE")
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="of eager")
    parser.add_argument("--no-polite", action="store_true", help="leave polite out, it is slow")
    parser.add_argument("--nmap", action="store_true", help="run Nmap too")
    parser.add_argument("--no-own", action="store_true", help="no silent and no closing port")
    arguments = parser.parse_args()
    if arguments.ports:
        beside("All ports", arguments.ports, arguments, arguments.host)
    if arguments.http:
        beside("One HTTP port", arguments.http, arguments, arguments.host)
    if arguments.no_own:
        return
    with server(closes=False) as port:
        beside("One silent port", str(port), arguments, "127.0.0.1")
    with server(closes=True) as port:
        beside("One port that closes on input", str(port), arguments, "127.0.0.1")


if __name__ == "__main__":
    main()
