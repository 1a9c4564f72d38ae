"""The same facts, told by the real Nmap and by the reports: the same text.

Nmap scans servers of the test's own on loopback, with a tiny probe database.
"""

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.reports.scans import ADDRESS, begin, end, exchange, found, others, store_of, up
from tests.reports.scans import finished as verdict
from vscan_tui.events import Endpoint, Fields, Method, Outcome, Service
from vscan_tui.reports import grepable, normal, xml
from vscan_tui.reports.fingerprint import fingerprint
from vscan_tui.session.store import Store

pytestmark = pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")

FULL_RULE = " ".join(
    (
        r"match full m=^A\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)\n=s",
        "p{Product / $4{ v/$4/ i/info, $4/ h/$1/ o/$2/ d/$3/",
        "cpe:/o:linux:linux_kernel/ cpe:/h:vendor:$3/ cpe:/a:vendor:product:$4/",
    )
)
DATABASE = rf"""
Probe TCP NULL q||
totalwaitms 700
tcpwrappedms 600
{FULL_RULE}
softmatch part m=^S\|= p/Partly/ h/soft.example/
Probe TCP One q|\r\n|
totalwaitms 700
rarity 1
match part m=^never to be seen$=
match other m=^never to be seen$=
Probe TCP A-Second_Probe q|x|
totalwaitms 700
rarity 1
match part m=^never to be seen$=
"""

ALL_BYTES = bytes(range(256))


@dataclass(frozen=True)
class Server:
    """What a server says at once, and what to each thing that it hears."""

    greeting: bytes
    answer: bytes = b""


NASTY = (
    Server(ALL_BYTES, ALL_BYTES[::-1]),
    Server(b"\0" + b'1\0009\0a\0\0"quoted"\\?[]().*+$^|{}`~!@#%&-_=:;<>,/ ' + b"'\r\n\t"),
    Server(b"x" * 899, b"y"),
    Server(b"x" * 901, b"\0"),
    Server(b"", b"\xff" * 300),
    Server(b"." * 242 + b"x" * 358, (b"." * 242 + b"x" * 358)[::-1]),
    Server(b"." * 243 + b"x" * 357, (b"." * 243 + b"x" * 357)[::-1]),
)
KNOWN = (
    (
        Server(b"A|web.example|Linux|router|1.0\n"),
        Fields(
            "Product / 1.0",
            "1.0",
            "info, 1.0",
            "web.example",
            "Linux",
            "router",
            ("cpe:/a:vendor:product:1.0", "cpe:/h:vendor:router", "cpe:/o:linux:linux_kernel"),
        ),
    ),
    (
        Server(b"A|WEB.example|linux|WAP|\x01\x1b[31m\xe9\"<&>'\x7f]]>\xff\xfe|x\n"),
        Fields(
            "Product / \x01\x1b[31m\xe9\"<&>'\x7f]]>\xff\xfe|x",
            "\x01\x1b[31m\xe9\"<&>'\x7f]]>\xff\xfe|x",
            "info, \x01\x1b[31m\xe9\"<&>'\x7f]]>\xff\xfe|x",
            "WEB.example",
            "linux",
            "WAP",
            (
                "cpe:/a:vendor:product:\x01\x1b%5B31m\xe9%22%3C%26%3E%27\x7f%5D%5D%3E\xff\xfe|x",
                "cpe:/h:vendor:wap",
                "cpe:/o:linux:linux_kernel",
            ),
        ),
    ),
)
SOFT = Server(b"S|softly\n")


@contextmanager
def listening(server: Server) -> Iterator[int]:
    """A server on a port of its own, which it yields."""

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(10)
            try:
                connection.sendall(server.greeting)
                while connection.recv(4096):
                    connection.sendall(server.answer)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server((ADDRESS, 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Closing alone does not wake a thread that waits in accept().
            listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def closed() -> Iterator[int]:
    """A port that nobody listens on, kept from others."""
    with socket.socket() as kept:
        kept.bind((ADDRESS, 0))
        yield kept.getsockname()[1]


@dataclass(frozen=True)
class Scanned:
    """The reports of Nmap, and a store with the same facts."""

    normal: str
    xml: ElementTree.Element
    grepable: str
    store: Store
    nasty: tuple[int, ...]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    directory: Path = tmp_path_factory.mktemp("nmap")
    (directory / "database").write_text(DATABASE)
    with ExitStack() as running:
        known = {running.enter_context(listening(server)): fields for server, fields in KNOWN}
        soft = running.enter_context(listening(SOFT))
        nasty = {running.enter_context(listening(server)): server for server in NASTY}
        refusing = [running.enter_context(closed()) for _ in range(30)]
        ports = ",".join(map(str, [*known, soft, *nasty, *refusing]))
        options = ["-sT", "-sV", "-Pn", "-n", "-T5", "--versiondb", "database", "-p", ports]
        subprocess.run(
            ["nmap", *options, "-oA", "report", ADDRESS],
            cwd=directory,
            check=True,
            timeout=120,
            stdout=subprocess.DEVNULL,
        )
    told = ElementTree.parse(directory / "report.xml").getroot()
    services = {
        int(port.get("portid")): service
        for port in told.iter("port")
        if (service := port.find("service")) is not None
    }

    def exchanges(port, server):
        """What Nmap heard: the lengths are its own, so that no clock matters."""
        endpoint = Endpoint(ADDRESS, "tcp", port)
        noted = services[port].get("servicefp")
        lengths = dict(re.findall(r'%r\(([\w-]+),([0-9A-F]+),"', noted))
        heard = {
            probe: (server.greeting + (server.answer if probe != "NULL" else b""))[
                : int(lengths.get(probe, "FFFF"), 16)
            ]
            for probe in ("NULL", "One", "A-Second_Probe")
        }
        for number, (probe, response) in enumerate(heard.items(), start=1):
            yield from exchange(endpoint, number, probe, response)

    def table_name(port):
        # Nmap names a port that answered "unknown" too, which then is no name of its table.
        name = services[port].get("name")
        return "" if name == "unknown" else name

    facts = []
    for port, fields in known.items():
        service = Service("full", fields, "", Method.PROBED, 10)
        facts += [found(port), verdict(port, Outcome.HARD_MATCH, service)]
    partly = Service("part", Fields("Partly", hostname="soft.example"), "", Method.PROBED, 10)
    facts += [
        found(soft),
        *exchanges(soft, SOFT),
        verdict(soft, Outcome.SOFT_MATCH, partly),
    ]
    for port, server in nasty.items():
        name = table_name(port)
        facts += [
            found(port, name),
            *exchanges(port, server),
            verdict(port, Outcome.NO_MATCH, Service(name)),
        ]
    latency = re.search(r"\((\S+)s latency\)", (directory / "report.nmap").read_text())[1]
    refused = others(*((port, port) for port in refusing))
    return Scanned(
        (directory / "report.nmap").read_text(),
        told,
        (directory / "report.gnmap").read_text(),
        store_of(begin(), up(latency=float(latency)), facts, refused, end()),
        tuple(nasty),
    )


def test_fingerprints_are_the_same_byte_for_byte(scanned):
    theirs = {
        int(port.get("portid")): service.get("servicefp")
        for port in scanned.xml.iter("port")
        if (service := port.find("service")) is not None and service.get("servicefp")
    }
    assert set(scanned.nasty) < set(theirs)
    for port in scanned.store.ports.values():
        expected = theirs.get(port.endpoint.port)
        if expected is not None:
            version, platform = re.search(r":V=([^%]*)%.*?%P=([^%]*)%", expected).groups()
            ours = fingerprint(port, 7, version=version, platform=platform)
            assert dateless(ours) == dateless(expected)


def test_normal_output_is_the_same(scanned):
    ours = "".join(normal.render(scanned.store))
    theirs = scanned.normal
    assert facts_of(ours) == facts_of(theirs)
    assert "Not shown: 30 closed tcp ports (conn-refused)" in facts_of(ours)
    assert any(line.startswith("Service Info: Hosts: ") for line in facts_of(ours))


def test_grepable_output_is_the_same(scanned):
    ours = [line for line in grepable.render(scanned.store) if line.startswith("Host: ")]
    theirs = [line for line in scanned.grepable.splitlines(True) if line.startswith("Host: ")]
    assert ours == theirs


def test_xml_is_the_same(scanned):
    ours = ElementTree.fromstring("".join(xml.render(scanned.store)))
    theirs = scanned.xml
    for path in ("scaninfo", "host/status", "host/address", "host/hostnames", "host/ports"):
        assert outline(ours.find(path)) == outline(theirs.find(path))


def facts_of(report: str) -> list[str]:
    """The lines on hosts, without those in which each program speaks of itself."""
    block = report[report.index("Nmap scan report") :].split("\n\n")
    lines = "\n\n".join(part for part in block if "PORT" in part or "scan report" in part)
    return [line for line in lines.splitlines() if not re.match(r"SF|=|\d+ service", line)]


def outline(element: ElementTree.Element) -> list[object]:
    """An element with all that is in it, without what differs for good reason."""
    attributes = {
        # Its length, and so where it is cut, depends on the version: see the test of its own.
        name: value[:3] if name == "servicefp" else value
        for name, value in element.attrib.items()
        # The store of this test was told that the host answered.
        if (element.tag, name) != ("status", "reason")
    }
    text = (element.text or "").strip()
    return [element.tag, attributes, text, [outline(child) for child in element]]


def dateless(text: str) -> str:
    """A fingerprint without date, time, version and platform."""
    return re.sub(r":V=[^%]*((?:%T=SSL)?%I=\d)%D=[^%]*%Time=[^%]*%P=[^%]*%", r"\1%", text)
