"""Runs Nmap and vscan with the same words, and reads what they report."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VSCAN = (sys.executable, "-m", "vscan_tui", "--headless", "--no-journal", "--no-postprocess")
SECONDS = 80


@dataclass(frozen=True)
class Run:
    """One run of a scanner: what it is to scan, and how."""

    target: str
    family: tuple[str, ...]
    options: tuple[str, ...]
    tcp: tuple[int, ...]
    udp: tuple[int, ...]
    database: Path
    report: Path

    def words(self) -> list[str]:
        """The command line, alike for both."""
        ports = ",".join([*(f"T:{port}" for port in self.tcp), *(f"U:{port}" for port in self.udp)])
        kinds = [*(["-sT"] if self.tcp else []), *(["-sU"] if self.udp else [])]
        return [
            *kinds, "-sV", "-Pn", "-n", "-T5", "--min-parallelism", "150",
            *self.family, *self.options, "--versiondb", str(self.database),
            "-p", ports, "-oX", str(self.report), self.target,
        ]  # fmt: skip


def command(program: str, folder: Path) -> tuple[str, ...]:
    """How a program is started to do version detection and nothing after it."""
    if program == "vscan":
        return (*VSCAN, "--pace", "polite")
    # With -sV, Nmap runs scripts that talk to services; this list of scripts is empty.
    scripts = folder / "data" / "scripts"
    scripts.mkdir(parents=True, exist_ok=True)
    (scripts / "script.db").write_text("")
    return ("nmap", "--datadir", str(scripts.parent))


OPENSSL = """\
openssl_conf = program
[program]
ssl_conf = ssl
[ssl]
system_default = any
[any]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""
"""Where the system forbids old versions of TLS to Nmap, which asks for no exception."""


def environment(program: str, folder: Path) -> dict[str, str]:
    """What a program finds in its environment."""
    if program == "vscan":
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": path}
    configuration = folder / "openssl.cnf"
    configuration.write_text(OPENSSL)
    return {**os.environ, "OPENSSL_CONF": str(configuration)}


def run_all(program: str, runs: Iterable[Run], folder: Path) -> str:
    """Run a scanner several times at once; returns what went wrong, if anything did."""
    problems = []
    with ExitStack() as ending:
        started = []
        for run in runs:
            process = ending.enter_context(
                subprocess.Popen(
                    [*command(program, folder), *run.words()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    env=environment(program, folder),
                )
            )
            ending.callback(process.kill)
            started.append(process)
        for process in started:
            said, _ = process.communicate(timeout=SECONDS)
            if process.returncode:
                problems.append(f"{program} ended with {process.returncode}: {said}")
    return "\n".join(problems)


Verdict = dict[str, object]
_MUCH = re.compile(r"^([^,]+),(?!1000,)[0-9A-F]{4,},")
"""How much more is there than is needed is up to the system."""


def verdicts(report: Path) -> dict[tuple[str, int], Verdict]:
    """What a report says of each port that is, or may be, open."""
    found = {}
    for port in ET.parse(report).iter("port"):
        state, service = port.find("state"), port.find("service")
        assert state is not None
        verdict: Verdict = {"state": state.get("state"), "reason": state.get("reason")}
        if service is not None:
            verdict |= service.items()
            if (service.get("name"), service.get("method")) == ("unknown", "table"):
                # Nmap's port table calls some ports so, which is to say nothing.
                del verdict["name"], verdict["method"], verdict["conf"]
            verdict |= _fingerprint(service.get("servicefp", ""))
            verdict.pop("servicefp", None)
        verdict["cpe"] = [cpe.text for cpe in port.iter("cpe")]
        found[port.get("protocol", ""), int(port.get("portid", "0"))] = verdict
    return found


def _fingerprint(text: str) -> Verdict:
    """A fingerprint in its parts, without version, date, time and platform."""
    if not text:
        return {}
    head, _, rest = text.partition("%r(")
    flags = re.sub(r":V=[^%]*|%D=[^%]*|%Time=[^%]*|%P=.*", "", head)
    responses = [_MUCH.sub(r"\1,over 4096,", part) for part in rest.split("%r(")]
    return {"fingerprint": flags, "responses": responses}
