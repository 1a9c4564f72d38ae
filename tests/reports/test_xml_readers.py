"""Our XML beside Nmap's of the same ports: other people's programs find no difference."""

import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from libnmap.parser import NmapParser

from tests.reports.hostile import hostile_store
from tests.reports.test_against_nmap import DATABASE, KNOWN, SOFT, Server, listening
from vscan_tui.cli import main
from vscan_tui.reports import xml

NMAP, NDIFF, XMLLINT = (shutil.which(name) for name in ("nmap", "ndiff", "xmllint"))
DTDS = [
    Path("/usr/share/nmap/nmap.dtd"),
    Path("/usr/local/share/nmap/nmap.dtd"),
    Path(__file__).resolve().parents[2].parent / "shared" / "nmap-data" / "nmap.dtd",
]
DTD = next((path for path in DTDS if path.is_file()), None)
GREETINGS = [b"A|web.example|Linux|router|1.%d\n" % number for number in range(14)]


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """The XML of Nmap and ours, of the same twenty ports with the same database."""
    if NMAP is None:
        pytest.skip("nmap is not installed")
    folder = tmp_path_factory.mktemp("scans")
    database = folder / "probes"
    database.write_text(DATABASE)
    servers = [
        *(Server(greeting) for greeting in GREETINGS),
        *(server for server, _ in KNOWN),
        SOFT,
    ]
    servers += [Server(b"nobody knows me\r\n"), Server(b"", b"\x00\xff\n" * 20), Server(b"x" * 950)]
    with ExitStack() as running:
        ports = [running.enter_context(listening(server)) for server in servers]
        listed = ",".join(map(str, ports))
        theirs, ours = folder / "theirs.xml", folder / "ours.xml"
        words = ("-sT", "-sV", "-n", "-Pn", "-T4", "-p", listed, "--versiondb", str(database))
        # Both at a time: most of it is waiting.
        command = [NMAP, *words, "-oX", str(theirs), "127.0.0.1"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as nmap:
            always = ("--headless", "--no-journal", "--pace", "polite")
            status = main([*always, *words, "-oX", str(ours), "127.0.0.1"])
            assert nmap.wait(timeout=120) == 0
    assert status == 0
    return theirs, ours


@pytest.mark.skipif(NDIFF is None, reason="ndiff is not installed")
def test_ndiff_finds_no_difference(scans):
    done = subprocess.run(
        [NDIFF, *map(str, scans)], capture_output=True, text=True, timeout=60, check=False
    )

    # Its first two lines are the command lines, which differ.
    assert (done.returncode, done.stdout.splitlines()[2:]) == (0, [])


def test_libnmap_reads_the_same_services(scans):
    theirs, ours = (NmapParser.parse_fromfile(str(path)) for path in scans)

    def told(report):
        return [
            (service.port, service.state, service.service, service.banner, service.tunnel,
             sorted(map(str, service.cpelist)))
            for host in report.hosts for service in host.services
        ]  # fmt: skip

    assert told(ours) == told(theirs)
    assert len(told(ours)) == 20


@pytest.mark.skipif(XMLLINT is None or DTD is None, reason="no xmllint, or no nmap.dtd")
def test_xml_is_valid(scans, tmp_path):
    hostile = tmp_path / "hostile.xml"
    hostile.write_text("".join(xml.render(hostile_store())), encoding="utf-8")

    for path in (scans[1], hostile):
        done = subprocess.run(
            [XMLLINT, "--noout", "--nonet", "--dtdvalid", str(DTD), str(path)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
