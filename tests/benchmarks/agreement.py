"""Do vscan and Nmap say the same of the same ports?

    python -m tests.benchmarks.agreement -p 22,T:443,U:53 [--pace PACE] [--versiondb FILE] [HOST]
    python -m tests.benchmarks.agreement --compare NMAP.xml VSCAN.xml

scans a host with `nmap -sV -T4` and with `vscan -T4` (in pace polite unless
told otherwise), one after the other, and prints every port on which state,
service, product, version, info, tunnel or CPE differ, and the share on which
they agree.  Then it counts how many ports each named, and for how many it told
product and version.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True, slots=True)
class Answer:
    """What a scanner says of one port."""

    state: str
    service: str
    product: str
    version: str
    info: str
    tunnel: str
    cpes: tuple[str, ...]
    is_probed: bool


def answers(path: Path) -> dict[tuple[str, int], Answer]:
    """Read the answers in an Nmap XML file, by protocol and port."""
    found = {}
    for port in ElementTree.parse(path).getroot().iter("port"):
        service = port.find("service")
        said = {} if service is None else service.attrib
        name = said.get("name", "")
        cpes = [] if service is None else [cpe.text or "" for cpe in service.iter("cpe")]
        found[port.attrib["protocol"], int(port.attrib["portid"])] = Answer(
            state=port.find("state").attrib["state"],
            service="" if name == "unknown" else name,
            product=said.get("product", ""),
            version=said.get("version", ""),
            info=said.get("extrainfo", ""),
            tunnel=said.get("tunnel", ""),
            cpes=tuple(sorted(cpes)),
            is_probed=said.get("method") == "probed",
        )
    return found


def run(command: list[str], path: Path) -> float:
    """Run a scanner that writes XML to a file; return how many seconds it took."""
    began = time.monotonic()
    subprocess.run([*command, "-oX", str(path)], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def compare(theirs: dict, ours: dict) -> None:
    """Print the differences and the counts."""
    same = 0
    for key in sorted(theirs | ours):
        their, our = theirs.get(key), ours.get(key)
        if their == our:
            same += 1
            continue
        print(f"{key[1]}/{key[0]}")
        if their is None or our is None:
            print(f"  nmap {their}\n  vscan {our}")
            continue
        for field in fields(Answer):
            a, b = getattr(their, field.name), getattr(our, field.name)
            if a != b:
                print(f"  {field.name:9} nmap {a!r}  vscan {b!r}")
    total = len(theirs | ours)
    print(f"the same on {same} of {total} ports ({100 * same / max(1, total):.1f} %)")
    for title, said in (("nmap", theirs), ("vscan", ours)):
        probed = [answer for answer in said.values() if answer.is_probed]
        product = sum(bool(answer.product) for answer in probed)
        version = sum(bool(answer.product and answer.version) for answer in probed)
        print(f"{title:6} names {len(probed)}, product {product}, product and version {version}")


def main() -> None:
    """Scan, if asked to, and compare."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("-p", dest="ports", metavar="PORTS")
    parser.add_argument("--versiondb", metavar="FILE")
    parser.add_argument("--pace", choices=("polite", "eager"), default="polite")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("NMAP.xml", "VSCAN.xml"))
    arguments = parser.parse_args()
    if arguments.compare:
        compare(*map(answers, arguments.compare))
        return
    kinds = ["-sU"] if "U:" in arguments.ports else []
    kinds += ["-sT"] if "T:" in arguments.ports or not kinds else []
    database = ["--versiondb", arguments.versiondb] if arguments.versiondb else []
    common = [*kinds, "-sV", "-T4", "-Pn", "-n", *database, "-p", arguments.ports, arguments.host]
    with tempfile.TemporaryDirectory() as folder:
        nmap, vscan = Path(folder, "nmap.xml"), Path(folder, "vscan.xml")
        their_seconds = run(["nmap", *common], nmap)
        program = [sys.executable, "-m", "vscan_tui", "--headless", "--no-journal"]
        our_seconds = run([*program, "--pace", arguments.pace, *common], vscan)
        compare(answers(nmap), answers(vscan))
    print(f"nmap took {their_seconds:.1f} s, vscan {our_seconds:.1f} s")


if __name__ == "__main__":
    main()
