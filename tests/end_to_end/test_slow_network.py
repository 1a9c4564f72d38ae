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


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has network namespaces")
def test_services_behind_delay_and_loss_are_identified(tmp_path):
    (tmp_path / "probes").write_text(DATABASE)
    command = [sys.executable, "-m", "tests.slow_network", "--delay", "200", "--loss", "0.01"]
    command += ["--", sys.executable, "-m", "vscan_tui", "--headless", "--no-journal", "-Pn", "-n"]
    command += ["-p", ",".join(map(str, EXPECTED)), FAR, "-oJ", str(tmp_path / "report")]
    done = subprocess.run(
        [*command, "--versiondb", str(tmp_path / "probes")],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode == NOT_PERMITTED:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in (tmp_path / "report").read_text().splitlines()]
    found = {each["port"]: each["service"] for each in records if each["type"] == "port"}
    assert found == EXPECTED
