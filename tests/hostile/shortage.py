"""Scans scripted servers where this system is short of something; prints what came of it.

    python -m tests.hostile.shortage FOLDER [--descriptors N] [--local-ports N] [--disk KB]

The shortages of local ports and of disk are made for a namespace of its own, in which
this program must have been started (`unshare --net --mount`).  Prints a line of JSON:
what the scan said, and its table beside that of a scan without any shortage.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.kill import VSCAN, serving, table, undisturbed, words


def main() -> None:
    """Scan twice."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--descriptors", type=int, default=0)
    parser.add_argument("--local-ports", type=int, default=0)
    parser.add_argument("--disk", type=int, default=0)
    parser.add_argument("--services", type=int, default=40)
    chosen = parser.parse_args()
    if chosen.local_ports:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    journals = chosen.folder / "journals"
    journals.mkdir()
    if chosen.disk:
        words_of_mount = ["mount", "-t", "tmpfs", "-o", f"size={chosen.disk}k", "none"]
        subprocess.run([*words_of_mount, str(journals)], check=True)
    with serving(chosen.services) as servers:
        seconds, expected = undisturbed(servers)
        if chosen.local_ports:
            last = 40_000 + chosen.local_ports - 1
            Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"40000 {last}")
        report = chosen.folder / "report.jsonl"
        more = ("--journal-dir", str(journals), "-oJ", str(report))
        command = [*VSCAN, *words(chosen.folder, servers, *more)]
        if chosen.descriptors:
            command = ["sh", "-c", f'ulimit -n {chosen.descriptors}; exec "$@"', "sh", *command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        found = table(report, servers) if report.exists() else {}
    wrong = {number: [expected[number], found.get(number)] for number in expected}
    wrong = {number: both for number, both in wrong.items() if both[0] != both[1]}
    told = {"status": done.returncode, "said": done.stderr.splitlines(), "wrong": wrong}
    json.dump({**told, "ports": len(found), "normally": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
