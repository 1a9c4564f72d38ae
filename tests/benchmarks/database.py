"""Does the bundled database name real servers rightly, and Nmap's beside it?

    python -m tests.benchmarks.database EXPECTED.json [--pace PACE] [--nmap] [HOST]
    python -m tests.benchmarks.database EXPECTED.json --compare VSCAN.xml [NMAP.xml]

EXPECTED.json is a list of objects, one a port:

    {"protocol": "tcp", "port": 22, "service": "ssh", "product": "OpenSSH", "version": "9\\\\.2"}

where service, product and version are regular expressions, searched for in what a
scanner says without regard to case (service as a whole).  A port whose server
does not tell its product or version has none; one that says nothing at all has
no service, and counts nowhere.  Prints each port on which vscan is wrong, and
how many each scanner has right.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.agreement import Answer, answers, run
from vscan_tui.bundled import bundled

FIELDS = ("service", "product", "version")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a port's server is: regular expressions, empty where it does not tell."""

    protocol: str
    port: int
    service: str = ""
    product: str = ""
    version: str = ""

    def is_right(self, field: str, answer: Answer | None) -> bool:
        """Whether what was said in a field is what the server is."""
        if answer is None or not answer.is_probed:
            return False
        pattern, said = getattr(self, field), getattr(answer, field)
        match = re.fullmatch if field == "service" else re.search
        return match(pattern, said, re.IGNORECASE) is not None


def read_expectations(path: Path) -> list[Expected]:
    """Read EXPECTED.json."""
    return [Expected(**row) for row in json.loads(path.read_text(encoding="utf-8"))]


def compare(expectations: list[Expected], scans: Mapping[str, dict]) -> None:
    """Print what vscan has wrong, then how many each scanner has right."""
    for expected in expectations:
        answer = scans["vscan"].get((expected.protocol, expected.port))
        wrong = [
            f"{field} {getattr(answer, field, '')!r}, not {getattr(expected, field)!r}"
            for field in FIELDS
            if getattr(expected, field) and not expected.is_right(field, answer)
        ]
        if wrong:
            print(f"{expected.port}/{expected.protocol}: {'; '.join(wrong)}")
    print(f"{'':8}" + "".join(f"{field:>20}" for field in FIELDS))
    for name, said in scans.items():
        shares = []
        for field in FIELDS:
            telling = [expected for expected in expectations if getattr(expected, field)]
            right = sum(
                expected.is_right(field, said.get((expected.protocol, expected.port)))
                for expected in telling
            )
            share = f"{right} of {len(telling)}"
            shares.append(f"{share:>12} {100 * right / max(1, len(telling)):5.1f} %")
        print(f"{name:8}" + " ".join(f"{share:>19}" for share in shares))


def port_specification(expectations: list[Expected]) -> list[str]:
    """Write the ports as options that Nmap and vscan both know."""
    numbers = {
        letter: ",".join(str(row.port) for row in expectations if row.protocol == protocol)
        for letter, protocol in (("T", "tcp"), ("U", "udp"))
    }
    kinds = [kind for kind, letter in (("-sT", "T"), ("-sU", "U")) if numbers[letter]]
    return [*kinds, "-p", ",".join(f"{key}:{value}" for key, value in numbers.items() if value)]


def main() -> None:
    """Scan, if asked to, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("expected", type=Path, metavar="EXPECTED.json")
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("--pace", default="eager")
    parser.add_argument("--nmap", action="store_true", help="scan with nmap too")
    parser.add_argument("--compare", nargs="+", type=Path, metavar="XML")
    arguments = parser.parse_args()
    expectations = read_expectations(arguments.expected)
    if arguments.compare:
        names = ("vscan", "nmap")
        compare(expectations, dict(zip(names, map(answers, arguments.compare), strict=False)))
        return
    common = ["-sV", "-T4", "-Pn", "-n", *port_specification(expectations), arguments.host]
    program = [sys.executable, "-m", "vscan_tui", "--headless", "--no-journal"]
    own = ["--versiondb", str(bundled("service-probes")), "--pace", arguments.pace]
    scanners = {"vscan": [*program, *own, *common]}
    if arguments.nmap:
        scanners["nmap"] = ["nmap", *common]
    scans = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, command in scanners.items():
            path = Path(folder, f"{name}.xml")
            seconds = run(command, path)
            scans[name] = answers(path)
            print(f"{name} took {seconds:.1f} s")
    compare(expectations, scans)


if __name__ == "__main__":
    main()
