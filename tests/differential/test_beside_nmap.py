"""Pace `polite` does as Nmap does: the same servers hear the same and are called the same.

Nmap scans scripted servers first, then vscan scans them, started anew.  What
each server heard, connection by connection, and what each report says of it
are compared; a difference that stays stands in its scenario with the reason.
"""

import datetime
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from tests.differential.scanners import Run, Verdict, run_all, verdicts
from tests.differential.scenarios import CONTEXTS, IPV6, SCENARIOS, Scenario, rules
from tests.differential.servers import Heard, TcpServer, UdpServer, note_server_name, running


def nmap_version() -> str:
    """The version of the installed Nmap; empty without one."""
    if shutil.which("nmap") is None:
        return ""
    said = subprocess.run(["nmap", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version ([\w.]+)", said.stdout)
    return found[1] if found else ""


pytestmark = [
    pytest.mark.skipif(
        nmap_version() != "7.93", reason="Nmap 7.93 is not installed; others do not the same in all"
    ),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program"),
    pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning"),
]

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
FIRST_PORT = 20000 + os.getpid() % 25 * 200
"""Another for each process, should several of them run this test at a time."""
LAST_PORT = 25999
"""Up to here no port finder has payloads of its own for UDP, and systems give none to clients."""
FEW = 25
"""So many differences may come from a busy machine."""
VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True)
class Outcome:
    """What one scanner did with one scenario."""

    heard: list[Heard]
    verdict: Verdict


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((IPV6, 0))
    except OSError:
        return False
    return True


def why_not(scenario: Scenario) -> str:
    """Why a scenario cannot be played on this machine; empty if it can."""
    if scenario.protocol == "udp" and not IS_ROOT:
        return "Nmap's UDP scan needs root"
    if scenario.address == IPV6 and not has_ipv6():
        return "no IPv6"
    return ""


def free_ports(protocol: str) -> Iterator[int]:
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    for port in range(FIRST_PORT, LAST_PORT):
        try:
            for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                if family == socket.AF_INET6 and not has_ipv6():
                    continue
                with socket.socket(family, kind) as probe:
                    if protocol == "tcp":
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    if family == socket.AF_INET6:
                        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    probe.bind((address, port))
        except OSError:
            continue
        yield port


def client_hello() -> bytes:
    """What a client that knows all versions says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("AES128-SHA:AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def make_contexts(folder: Path) -> None:
    """Servers' TLS contexts, one for each version."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    days = (datetime.date(2040, 1, 1) - datetime.date(2026, 1, 1)).days
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days)]
        + ["-subj", "/CN=differential.example", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    for name, version in VERSIONS.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(certificate, key)
        context.sni_callback = note_server_name
        CONTEXTS[name] = context


@dataclass(frozen=True)
class Stage:
    """All that the scans of both scanners share."""

    folder: Path
    hello: bytes
    ports: dict[str, int]
    """By the name of the scenario."""

    @property
    def scenarios(self) -> list[Scenario]:
        return [scenario for scenario in SCENARIOS if scenario.name in self.ports]

    def database(self) -> str:
        def listed(probe: str, directive: str) -> str:
            ports = [
                str(self.ports[scenario.name])
                for scenario in self.scenarios
                if probe in (scenario.lists if directive == "ports" else scenario.lists_inside)
            ]
            return ",".join(ports)

        excluded = ",".join(
            f"{scenario.protocol[0].upper()}:{self.ports[scenario.name]}"
            for scenario in self.scenarios
            if scenario.excluded
        )
        return rules(self.hello, listed, excluded)

    def outcomes(self, program: str) -> dict[str, Outcome]:
        """What one scanner does with all scenarios."""
        servers = {scenario.name: partial(self._start, scenario) for scenario in self.scenarios}
        runs = self._runs(program)
        with running(servers) as site:
            problems = run_all(program, runs, self.folder)
        assert not problems, problems
        reported = {}
        for run in runs:
            reported |= verdicts(run.report)
        return {
            scenario.name: Outcome(
                site.heard[scenario.name],
                reported.get((scenario.protocol, self.ports[scenario.name]), {}),
            )
            for scenario in self.scenarios
        }

    def _start(self, scenario: Scenario) -> TcpServer | UdpServer:
        port = self.ports[scenario.name]
        if scenario.protocol == "tcp":
            return TcpServer(
                scenario.script,
                scenario.address,
                port,
                known_hello=self.hello,
                refuses_all=scenario.refuses_all,
            )
        return UdpServer(
            scenario.script, scenario.address, port, answers_finder=scenario.answers_finder
        )

    def _runs(self, program: str) -> list[Run]:
        """One for each target and set of options."""
        groups: dict[tuple[str, tuple[str, ...]], list[Scenario]] = defaultdict(list)
        for scenario in self.scenarios:
            groups[scenario.target or scenario.address, scenario.options].append(scenario)
        database = self.folder / "service-probes"
        database.write_text(self.database(), encoding="latin-1")
        return [
            Run(
                target,
                ("-6",) if ":" in target else (),
                options,
                tuple(self.ports[each.name] for each in group if each.protocol == "tcp"),
                tuple(self.ports[each.name] for each in group if each.protocol == "udp"),
                database,
                self.folder / f"{program}-{number}.xml",
            )
            for number, ((target, options), group) in enumerate(groups.items())
        ]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, tuple[Outcome, Outcome]]:
    """What Nmap did, and what vscan did, by the names of the scenarios.

    What differs is played once more: a busy machine delays now one, now the other.
    """
    folder = tmp_path_factory.mktemp("differential")
    make_contexts(folder)
    free = {protocol: free_ports(protocol) for protocol in ("tcp", "udp")}
    ports = {
        scenario.name: next(free[scenario.protocol])
        for scenario in SCENARIOS
        if not why_not(scenario)
    }
    stage = Stage(folder, client_hello(), ports)
    played = play(stage)
    differing = [each.name for each in stage.scenarios if not is_as_expected(each, played)]
    if 0 < len(differing) <= FEW:
        played |= play(replace(stage, ports={name: ports[name] for name in differing}))
    return played


def play(stage: Stage) -> dict[str, tuple[Outcome, Outcome]]:
    nmap, vscan = stage.outcomes("nmap"), stage.outcomes("vscan")
    return {name: (nmap[name], vscan[name]) for name in nmap}


def facts(outcome: Outcome) -> dict[str, object]:
    """An outcome as facts with names, as `Scenario.differs` names them."""
    resumed = [heard.resumed for heard in outcome.heard]
    return {"heard": outcome.heard, "resumed": resumed, **outcome.verdict}


def differences(nmap: Outcome, vscan: Outcome) -> set[str]:
    """The names of the facts that are not the same."""
    ours, theirs = facts(vscan), facts(nmap)
    return {name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)}


def is_as_expected(scenario: Scenario, played: dict[str, tuple[Outcome, Outcome]]) -> bool:
    nmap, vscan = played[scenario.name]
    return differences(nmap, vscan) == set(scenario.differs) and is_shown(scenario, nmap)


def is_shown(scenario: Scenario, nmap: Outcome) -> bool:
    """Whether Nmap found what the scenario is there to show."""
    if not scenario.service:
        return nmap.verdict.get("method") != "probed"
    found = nmap.verdict.get("name"), nmap.verdict.get("method")
    return found == (scenario.service, "probed")


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_same_is_heard_and_reported(outcomes, scenario):
    if reason := why_not(scenario):
        pytest.skip(reason)
    nmap, vscan = outcomes[scenario.name]
    assert is_shown(scenario, nmap), nmap.verdict
    ours, theirs = facts(vscan), facts(nmap)
    for name in scenario.differs:
        assert ours.pop(name, None) != theirs.pop(name, None), f"{name} is the same by now"
    assert ours == theirs


def test_each_scenario_has_a_name_of_its_own():
    names = [scenario.name for scenario in SCENARIOS]
    assert len(names) == len(set(names)) >= 40
