"""A slow and lossy line: what is at its end is identified as if it were near."""

import json
import subprocess
import sys

import pytest

from tests.slow_network import FAR, NOT_PERMITTED

EXPECTED = {1001: "ssh", 1003: "ftp", 1004: "smtp", 1011: "ssh", 1012: "http", 1013: "http"}
DATABASE = r"""
Probe TCP NULL q||
totalwaitms 6000
match ssh m|^SSH-|
match ftp m|^220 .*FTP|
match smtp m|^220 .*ESMTP|
Probe TCP GenericLines q|\r\n\r\n|
rarity 1
match nothing m|^nothing|
Probe TCP GetRequest q|GET / HTTP/1.0\r\n\r\n|
rarity 1
match http m|^HTTP/1\.[01] 200|
"""


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux has network namespaces")


@linux_only
def test_services_behind_delay_and_loss_are_identified(tmp_path):
    done, found = scanned(tmp_path, DATABASE, ["--delay", "200", "--loss", "0.01"], EXPECTED)

    assert done.returncode == 0, done.stderr
    assert {port: each["service"] for port, each in found.items()} == EXPECTED


@linux_only
def test_of_a_host_that_goes_away_what_was_found_is_kept_and_it_is_said(tmp_path):
    impatient = DATABASE.replace("totalwaitms 6000", "totalwaitms 1500").replace(
        "rarity 1", "rarity 1\ntotalwaitms 300"
    )
    impatient = impatient.replace(r"q|\r\n\r\n|", "q|anybody there?|")
    network = ["--delay", "20", "--lost-at", "anybody there?"]
    asked = {**EXPECTED, 1014: "", 1015: ""}

    done, found = scanned(tmp_path, impatient, network, asked, "--pace", "polite")

    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert f"{FAR} no longer answers; what was found until then is kept" in sentence
    greeters = {1001: "ssh", 1003: "ftp", 1004: "smtp", 1011: "ssh"}
    assert {port: found[port]["service"] for port in greeters} == greeters
    # Neither tcpwrapped nor said to be without an answer to anything.
    assert {found[port]["outcome"] for port in asked.keys() - greeters.keys()} == {"incomplete"}


def scanned(tmp_path, database, network, ports, *more):
    (tmp_path / "probes").write_text(database)
    command = [sys.executable, "-m", "tests.slow_network", *network]
    command += ["--", sys.executable, "-m", "vscan_tui", "--headless", "--no-journal", "-Pn", "-n"]
    command += ["-p", ",".join(map(str, ports)), FAR, "-oJ", str(tmp_path / "report"), *more]
    done = subprocess.run(
        [*command, "--versiondb", str(tmp_path / "probes")],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode == NOT_PERMITTED:
        pytest.skip(done.stderr)
    records = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    return done, {each["port"]: each for each in records if each["type"] == "port"}
