"""All 65,535 TCP ports of a loopback host, beside `nmap -sT -T4`.

    python -m tests.benchmarks.ports [--runs N] [HOST]

runs both in turn and prints how long each took, the whole program included, and
whether they found the same ports open.  Port discovery alone is measured: no
service is asked anything.
"""

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import time


async def discover(host: str) -> list[int]:
    """Look for the open ports of a host; return them."""
    from vscan_tui.events import PortFound
    from vscan_tui.scanning.discovery.discovery import Discovery
    from vscan_tui.scanning.discovery.timing import timing
    from vscan_tui.scanning.targets.hosts import TargetList
    from vscan_tui.scanning.targets.names import resolve_name
    from vscan_tui.scanning.targets.port_table import load_port_table
    from vscan_tui.scanning.targets.portspec import parse_ports

    table = load_port_table()
    found = []
    discovery = Discovery(
        TargetList([host], [], resolve=resolve_name),
        parse_ports("1-65535", table, ("tcp",)),
        timing=timing(4),
        port_table=table,
        assume_up=True,
    )
    await discovery.run(lambda event: found.append(event) if isinstance(event, PortFound) else None)
    return sorted(event.endpoint.port for event in found)


def ours(host: str) -> list[int]:
    """Run this module as a program."""
    command = [sys.executable, "-m", "tests.benchmarks.ports", "--only-ours", host]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def nmaps(host: str) -> list[int]:
    """Run Nmap."""
    command = ["nmap", "-sT", "-T4", "-Pn", "-n", "-p-", "-oG", "-", host]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted(int(port) for port in re.findall(r"(\d+)/open/tcp", printed))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    parser.add_argument("--only-ours", action="store_true", help="print what is open, as JSON")
    arguments = parser.parse_args()
    if arguments.only_ours:
        print(json.dumps(asyncio.run(discover(arguments.host))))
        return
    took: dict[str, list[float]] = {"vscan": [], "nmap": []}
    for _ in range(arguments.runs):
        found = {}
        for name, program in (("vscan", ours), ("nmap", nmaps)):
            began = time.monotonic()
            found[name] = program(arguments.host)
            took[name].append(time.monotonic() - began)
        missed = sorted(set(found["nmap"]) - set(found["vscan"]))
        more = sorted(set(found["vscan"]) - set(found["nmap"]))
        print(
            f"vscan {took['vscan'][-1]:6.2f} s   nmap {took['nmap'][-1]:6.2f} s   "
            f"open {len(found['vscan'])}, missed {missed}, more {more}",
            flush=True,
        )
    medians = {name: statistics.median(seconds) for name, seconds in took.items()}
    print(f"median: ratio {medians['vscan'] / medians['nmap']:.2f}")


if __name__ == "__main__":
    main()
