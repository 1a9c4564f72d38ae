"""Nmap's XML: what its readers find in it."""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.reports.scans import (
    ADDRESS,
    answered,
    begin,
    down,
    end,
    finished,
    found,
    identified,
    named,
    others,
    store_of,
    up,
)
from vscan_tui.events import Fields, Method, Outcome, PortState, ScanEnding, Service
from vscan_tui.reports.options import ReportOptions
from vscan_tui.reports.xml import render

DTD = Path(__file__).parents[2].parent / "shared" / "nmap-data" / "nmap.dtd"
EVIL = "".join(map(chr, range(256))) + "]]>--&amp;\ufffe\uffff\u202e\ud800\udcff\U0010ffff"

OPENSSH = Fields(
    "OpenSSH",
    "9.2p1",
    "protocol 2.0",
    "ssh.example",
    "Linux",
    "router",
    ("cpe:/a:openbsd:openssh:9.2p1", "cpe:/o:linux:linux_kernel"),
)


def text(*events, **options):
    return "".join(render(store_of(*events), ReportOptions(**options)))


def tree(*events, **options):
    return ElementTree.fromstring(text(begin(), *events, end(), **options).encode())


def everything():
    return (
        begin("--versiondb", "a -- b", "-p-", EVIL),
        up(name="scanme.example", others=("::1",)),
        named(EVIL),
        identified(22, "ssh", OPENSSH),
        identified(443, EVIL, Fields(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, (EVIL,)), tunnel=True),
        answered(9999, ("NULL", bytes(range(256))), (EVIL, b"\0" + b'7"<&>')),
        found(9100, EVIL),
        finished(9100, Outcome.EXCLUDED, Service("jetdirect")),
        finished(
            9998, Outcome.TCPWRAPPED, Service("tcpwrapped", method=Method.PROBED, confidence=8)
        ),
        others((100, 200), (300, 301)),
        others((1, 3), state=PortState.FILTERED, reason=EVIL),
        others((1, 99), state=PortState.OPEN_OR_FILTERED, reason="no-response", protocol="udp"),
        found(53, "domain", "udp"),
        up("::1"),
        others((1, 99), address="::1"),
        down("127.0.0.9"),
        end(ScanEnding.INTERRUPTED, EVIL),
    )


def test_a_service_is_told_in_the_words_of_nmap():
    [port] = tree(up(), identified(22, "ssh", OPENSSH)).iter("port")
    assert port.attrib == {"protocol": "tcp", "portid": "22"}
    assert port.find("state").attrib == {"state": "open", "reason": "syn-ack", "reason_ttl": "0"}
    service = port.find("service")
    assert list(service.attrib.items()) == [
        ("name", "ssh"),
        ("product", "OpenSSH"),
        ("version", "9.2p1"),
        ("extrainfo", "protocol 2.0"),
        ("hostname", "ssh.example"),
        ("ostype", "Linux"),
        ("devicetype", "router"),
        ("method", "probed"),
        ("conf", "10"),
    ]
    assert [cpe.text for cpe in service] == list(OPENSSH.cpes)


def test_a_tunnel_is_told():
    [service] = tree(up(), identified(443, "http", tunnel=True)).iter("service")
    assert service.attrib == {"name": "http", "tunnel": "ssl", "method": "probed", "conf": "10"}


def test_a_name_of_the_port_table_has_little_confidence():
    [service] = tree(up(), found(9100, "jetdirect")).iter("service")
    assert service.attrib == {"name": "jetdirect", "method": "table", "conf": "3"}


def test_a_port_that_the_port_table_calls_unknown_is_told_like_any_of_its_names():
    [service] = tree(up(), found(4, "unknown")).iter("service")
    assert service.attrib == {"name": "unknown", "method": "table", "conf": "3"}


def test_a_port_of_which_nothing_is_known_has_no_service():
    assert not list(tree(up(), found(9999)).iter("service"))


def test_a_fingerprint_is_one_line():
    [service] = tree(up(), answered(9999, ("NULL", b'say "hi" 100 times' * 9))).iter("service")
    assert service.get("name") == "unknown"
    fingerprint = service.get("servicefp")
    assert fingerprint.startswith("SF-Port9999-TCP:V=0.1.0%I=7%D=")
    assert "\n" not in fingerprint
    assert r"say\x20\"hi\"\x20100" in fingerprint
    assert fingerprint.endswith('");')


def test_hosts_have_their_names_addresses_and_times():
    host = tree(up("::1", name="scanme.example"), named("localhost", "::1")).find("host")
    assert host.attrib == {"starttime": "1795388160", "endtime": "1795388160"}
    assert host.find("status").attrib == {"state": "up", "reason": "syn-ack", "reason_ttl": "0"}
    assert host.find("address").attrib == {"addr": "::1", "addrtype": "ipv6"}
    assert [name.attrib for name in host.iter("hostname")] == [
        {"name": "scanme.example", "type": "user"},
        {"name": "localhost", "type": "PTR"},
    ]
    assert host.find("times").get("srtt") == "260"


def test_summed_up_ports_are_counted_and_named():
    [extra] = tree(up(), found(22), others((1, 20), (30, 40))).iter("extraports")
    assert extra.attrib == {"state": "closed", "count": "31"}
    assert [reason.attrib for reason in extra] == [
        {"reason": "conn-refused", "count": "31", "proto": "tcp", "ports": "1-20,30-40"}
    ]


def test_the_scan_is_told_at_the_top_and_the_end():
    run = tree(up(), down("127.0.0.9"), found(22), others((53, 53), protocol="udp"))
    assert run.get("scanner") == "nmap"
    assert run.get("args") == "vscan -p 22,80 127.0.0.1"
    assert run.get("version") == "0.1.0"
    assert run.get("start") == "1795388160"
    assert [info.attrib for info in run.iter("scaninfo")] == [
        {"type": "connect", "protocol": "tcp", "numservices": "1", "services": "22"},
        {"type": "udp", "protocol": "udp", "numservices": "1", "services": "53"},
    ]
    finish = run.find("runstats/finished")
    assert (finish.get("time"), finish.get("elapsed"), finish.get("exit")) == (
        "1795388161",
        "1.23",
        "success",
    )
    assert run.find("runstats/hosts").attrib == {"up": "1", "down": "1", "total": "2"}


@pytest.mark.parametrize("events", [(), (begin(),), (begin(), up(), found(22, "ssh"))])
def test_a_report_before_the_end_is_whole_and_says_so(events):
    finish = ElementTree.fromstring(text(*events)).find("runstats/finished")
    assert finish.get("exit") == "error"
    assert finish.get("errormsg").startswith("scan not ended yet")


def test_an_interrupted_scan_says_what_is_missing():
    xml = text(begin(), up(), found(22), end(ScanEnding.INTERRUPTED, "by the user"))
    assert ElementTree.fromstring(xml).find("runstats/finished").get("errormsg") == (
        "scan interrupted (by the user), 1 of 1 port not asked to the end"
    )


def test_no_text_breaks_the_xml():
    xml = text(*everything(), verbosity=0)
    run = ElementTree.fromstring(xml.encode())
    [service] = [service for service in run.iter("service") if service.get("tunnel")]
    shown = "." * 32 + "".join(map(chr, range(32, 127))) + "." * 129 + "]]>--&amp;" + "." * 6
    shown = shown[: len(EVIL)]
    assert service.get("product") == shown
    assert service.find("cpe").text == shown
    assert all(character.isprintable() or character == "\n" for character in xml)


def test_a_host_that_is_down_is_named_when_verbose():
    [host] = tree(down(ADDRESS), verbosity=1).iter("host")
    assert host.find("status").get("state") == "down"
    assert not list(tree(down(ADDRESS)).iter("host"))


@pytest.mark.skipif(shutil.which("xmllint") is None, reason="xmllint is not installed")
@pytest.mark.skipif(not DTD.exists(), reason="Nmap's DTD is not here")
@pytest.mark.parametrize("verbosity", [0, 1])
@pytest.mark.parametrize("length", [0, 1, 2, 6, None])
def test_it_is_valid_against_the_dtd_of_nmap_at_any_time(tmp_path, length, verbosity):
    report = tmp_path / "report.xml"
    report.write_text(text(*everything()[:length], verbosity=verbosity), encoding="utf-8")
    validated = subprocess.run(
        ["xmllint", "--noout", "--nonet", "--dtdvalid", DTD, report],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (validated.returncode, validated.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("ndiff") is None, reason="ndiff is not installed")
def test_ndiff_reads_it(tmp_path):
    before, after = tmp_path / "before.xml", tmp_path / "after.xml"
    before.write_text(text(begin(), up(), identified(22, "ssh", OPENSSH), end()))
    later = Fields("OpenSSH", "9.9")
    after.write_text(text(begin(), up(), identified(22, "ssh", later), found(80, "http"), end()))
    compared = subprocess.run(
        ["ndiff", before, after], capture_output=True, text=True, timeout=60, check=False
    )
    assert compared.stderr == ""
    assert compared.returncode == 1
    assert "-22/tcp open  ssh     OpenSSH 9.2p1 (protocol 2.0)" in compared.stdout
    assert "+22/tcp open  ssh     OpenSSH 9.9" in compared.stdout
    assert "+80/tcp open  http" in compared.stdout
