"""With Nmap's own database, the answers are Nmap's own."""

import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from tests.farm import program
from tests.farm.servers import IPV4, IS_ROOT
from vscan_tui.installed_nmap import nmap_file

pytestmark = pytest.mark.farm

QUICK = (
    ("python-http", "http"),
    ("nginx", "http"),
    ("nginx", "https"),
    ("openssh", "ssh"),
    ("redis", "redis"),
    ("memcached", "memcached"),
    ("dnsmasq", "dns-udp"),
    ("rsync", "rsync"),
    ("stunnel", "https"),
    ("dovecot", "imap"),
    ("dovecot", "pop3"),
    ("dictd", "dict"),
    ("vsftpd", "ftp"),
    ("postfix", "smtp"),
)
"""Servers that Nmap identifies within some seconds.

Not snmpd: to what a probe found of it, Nmap adds what a script of its finds.
"""

Verdict = dict[str, object]


@pytest.fixture(scope="module")
def verdicts(farm, tmp_path_factory) -> tuple[dict[str, Verdict], dict[str, Verdict]]:
    """What Nmap and what vscan say of the same ports, by `port/protocol`."""
    database = nmap_file("nmap-service-probes")
    if shutil.which("nmap") is None or database is None:
        pytest.skip("nmap is not installed")
    folder = tmp_path_factory.mktemp("beside")
    numbers: dict[str, list[int]] = {"tcp": [], "udp": []}
    for server, port in QUICK:
        number = farm.port(server, port)
        protocol = "udp" if port.endswith("-udp") else "tcp"
        if number is not None and (protocol == "tcp" or IS_ROOT):  # Nmap's UDP scan needs root
            numbers[protocol].append(number)
    spec = ",".join(f"{protocol[0].upper()}:{number}" for protocol, found in numbers.items()
                    for number in found)  # fmt: skip
    words = ["-sT", *(["-sU"] if numbers["udp"] else []), "-sV", "-Pn", "-n", "-T4", "-p", spec]
    words += ["--versiondb", str(database), IPV4]
    reports = folder / "nmap.xml", folder / "vscan.xml"
    with subprocess.Popen(["nmap", *words, "-oX", reports[0]], stdout=subprocess.DEVNULL) as nmap:
        done = program.run("--headless", "--pace", "polite", *words, "-oX", reports[1])
        assert done.returncode == 0, done.stderr
        assert nmap.wait(120) == 0
    return _verdicts(ET.parse(reports[0])), _verdicts(ET.parse(reports[1]))


def _verdicts(report: ET.ElementTree) -> dict[str, Verdict]:
    found = {}
    for port in report.iter("port"):
        state, service = port.find("state"), port.find("service")
        verdict: Verdict = {"state": state.get("state"), "reason": state.get("reason")}
        if service is not None:
            verdict |= {name: text for name, text in service.items() if name != "servicefp"}
            verdict["cpe"] = [cpe.text for cpe in service.iter("cpe")]
        found[f"{port.get('portid')}/{port.get('protocol')}"] = verdict
    return found


@pytest.mark.parametrize(("server", "port"), QUICK, ids=map("-".join, QUICK))
def test_the_verdict_is_nmaps(farm, verdicts, server, port):
    number = farm.port(server, port)
    if number is None:
        pytest.skip(farm.why_absent(server))
    protocol = "udp" if port.endswith("-udp") else "tcp"
    nmap, vscan = verdicts
    key = f"{number}/{protocol}"
    if key not in nmap:
        pytest.skip("Nmap's UDP scan needs root")

    assert vscan[key] == nmap[key]
    assert nmap[key]["method"] == "probed"
