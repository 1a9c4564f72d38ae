"""Twenty services at the end of a slow and lossy line: pace eager beside Nmap.

    python -m tests.benchmarks.slow [--delays 0,100,300] [--loss 0.01] [--versiondb FILE] [--nmap]

scans the services of `tests.slow_network` for each delay (there and back, in
milliseconds), and prints how long it took and on how many ports the answers
differ from those without delay and loss; with --nmap, what Nmap does in the same
network too.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.agreement import Answer, answers
from tests.slow_network import FAR, NOT_PERMITTED, SERVICES

VSCAN = (sys.executable, "-m", "vscan_tui", "--headless", "--no-journal", "--pace", "eager")


def scan(
    command: tuple[str, ...], delay: float, loss: float, database: str | None
) -> tuple[float, dict[tuple[str, int], Answer]]:
    """Scan in such a network; return the seconds and the answers."""
    network = [sys.executable, "-m", "tests.slow_network"]
    network += ["--delay", str(delay), "--loss", str(loss), "--"]
    ports = ",".join(map(str, SERVICES))
    words = ["-sT", "-sV", "-T4", "-Pn", "-n", "-p", ports, FAR]
    words += ["--versiondb", database] if database else []
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "scan.xml")
        began = time.monotonic()
        quiet = subprocess.DEVNULL
        done = subprocess.run(
            [*network, *command, *words, "-oX", str(report)], check=False, stdout=quiet
        )
        if done.returncode == NOT_PERMITTED:
            sys.exit("network namespaces are not permitted here")
        return time.monotonic() - began, answers(report)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--delays", default="0,100,300", metavar="MS,...")
    parser.add_argument("--loss", type=float, default=0.01)
    parser.add_argument("--versiondb", metavar="FILE")
    parser.add_argument("--nmap", action="store_true", help="run Nmap too")
    arguments = parser.parse_args()
    commands = {"eager": VSCAN} | ({"nmap": ("nmap",)} if arguments.nmap else {})
    best: dict[str, dict[tuple[str, int], Answer]] = {}
    for delay in map(float, arguments.delays.split(",")):
        loss = arguments.loss if delay else 0.0
        for name, command in commands.items():
            seconds, found = scan(command, delay, loss, arguments.versiondb)
            expected = best.setdefault(name, found)
            changed = sorted(key[1] for key in expected if found.get(key) != expected[key])
            named = sum(answer.is_probed for answer in found.values())
            print(
                f"{delay:4.0f} ms, {100 * loss:g} % loss   {name:5} {seconds:7.1f} s"
                f"   {named} of {len(SERVICES)} named, other than without delay: {changed}",
                flush=True,
            )


if __name__ == "__main__":
    main()
