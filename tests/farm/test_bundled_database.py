"""The bundled database names real servers: over TCP, UDP and TLS, IPv4 and IPv6."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import pytest

from tests.farm import program
from tests.farm.servers import IPV4, IPV6, SERVERS
from vscan_tui.bundled import bundled

pytestmark = pytest.mark.farm

OWN_DATABASE = ("--versiondb", bundled("service-probes"))
SOME_VERSION = r"\d+\.\d+"


@dataclass(frozen=True)
class Expected:
    server: str
    port: str
    service: str
    product: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.server}-{self.port}"


EXPECTED = (
    Expected("python-http", "http", "http", "SimpleHTTP|http.server", SOME_VERSION),
    Expected("nginx", "http", "http", "nginx", SOME_VERSION),
    Expected("nginx", "https", "http", "nginx", SOME_VERSION),
    Expected("nginx", "http6", "http", "nginx", SOME_VERSION),
    Expected("nginx", "https6", "http", "nginx", SOME_VERSION),
    Expected("openssh", "ssh", "ssh", "OpenSSH", SOME_VERSION),
    Expected("openssh", "ssh6", "ssh", "OpenSSH", SOME_VERSION),
    Expected("redis", "redis", "redis", "Redis"),
    Expected("redis", "redis-tls", "redis", "Redis"),
    Expected("memcached", "memcached", "memcached", "Memcached"),
    Expected("memcached", "memcached-udp", "memcached", "Memcached"),
    Expected("dnsmasq", "dns", "domain", "dnsmasq", SOME_VERSION),
    Expected("dnsmasq", "dns6", "domain", "dnsmasq", SOME_VERSION),
    Expected("dnsmasq", "dns-udp", "domain", "dnsmasq", SOME_VERSION),
    Expected("dnsmasq", "dns-udp6", "domain", "dnsmasq", SOME_VERSION),
    Expected("mosquitto", "mqtt", "mqtt", ""),
    Expected("mosquitto", "mqtts", "mqtt", ""),
    Expected("rsync", "rsync", "rsync", ""),
    Expected("ngircd", "irc", "irc", "ngIRCd"),
    Expected("stunnel", "https", "http", "SimpleHTTP|http.server", SOME_VERSION),
    Expected("dovecot", "imap", "imap", "Dovecot"),
    Expected("dovecot", "imaps", "imap", "Dovecot"),
    Expected("dovecot", "pop3", "pop3", "Dovecot"),
    Expected("dovecot", "pop3s", "pop3", "Dovecot"),
    Expected("slapd", "ldap", "ldap", "OpenLDAP"),
    Expected("slapd", "ldaps", "ldap", "OpenLDAP"),
    Expected("snmpd", "snmp", "snmp", "net-snmp"),
    Expected("dictd", "dict", "dict", "dictd", SOME_VERSION),
    Expected("vsftpd", "ftp", "ftp", "vsftpd", SOME_VERSION),
    Expected("postfix", "smtp", "smtp", "Postfix"),
)
DECLARED = {(server.name, port.name): port for server in SERVERS for port in server.ports}


@dataclass(frozen=True)
class Scanned:
    ports: dict[tuple[str, str, int], dict]
    xml: ET.Element
    normal: str


@pytest.fixture(scope="module")
def scanned(farm, tmp_path_factory):
    """The whole farm, scanned once for all tests here, and reported in three formats."""
    folder = tmp_path_factory.mktemp("reports")
    ports = {key: [] for key in ((IPV4, "tcp"), (IPV4, "udp"), (IPV6, "tcp"), (IPV6, "udp"))}
    for running in farm.running.values():
        for port in running.server.ports:
            if port.name in running.numbers:
                ports[port.address, port.protocol].append(running.numbers[port.name])
    scans = []
    for address in (IPV4, *([IPV6] if ports[IPV6, "tcp"] else [])):
        spec = "T:" + ",".join(map(str, ports[address, "tcp"]))
        if ports[address, "udp"]:
            spec += ",U:" + ",".join(map(str, ports[address, "udp"]))
        scans.append(program.start(
            "--headless", "-sT", "-sU", "-Pn", "-n", "-T5", *OWN_DATABASE, "-p", spec,
            "-oX", folder / f"{address}.xml", "-oN", folder / f"{address}.nmap",
            "-oJ", "-", *(["-6"] if address == IPV6 else []), address,
        ))  # fmt: skip
    found = {}
    for scan in scans:
        output, errors = scan.communicate(timeout=150)
        assert scan.returncode == 0, errors
        for line in program.json_lines(output, "port"):
            found[line["address"], line["protocol"], line["port"]] = line
    return Scanned(
        found,
        ET.parse(folder / f"{IPV4}.xml").getroot(),
        (folder / f"{IPV4}.nmap").read_text(),
    )


@pytest.mark.parametrize("expected", EXPECTED, ids=str)
def test_a_real_server_is_named(farm, scanned, expected):
    port = DECLARED[expected.server, expected.port]
    number = farm.port(expected.server, expected.port)
    if number is None:
        pytest.skip(farm.why_absent(expected.server))

    line = scanned.ports[port.address, port.protocol, number]

    assert line["service"] == expected.service
    assert line["tunnel"] == ("ssl" if port.tls else "")
    assert line["method"] == "probed"
    assert line["confidence"] == 10
    assert line["outcome"] == "hard match"
    assert re.search(expected.product, line["product"], re.IGNORECASE)
    assert re.search(expected.version, line["version"])
    assert line["state"] == "open"
    assert line["reason"] == ("syn-ack" if port.protocol == "tcp" else "udp-response")


def test_every_server_of_the_farm_is_expected_to_be_something():
    assert {(expected.server, expected.port) for expected in EXPECTED} == set(DECLARED)


def test_tls_is_told_with_the_certificate(farm, scanned):
    number = farm.port("nginx", "https")
    if number is None:
        pytest.skip(farm.why_absent("nginx"))

    tls = scanned.ports[IPV4, "tcp", number]["tls"]

    assert tls["version"].startswith("TLSv1")
    assert tls["certificate"]


def test_what_was_received_from_an_identified_port_is_kept(farm, scanned):
    line = scanned.ports[IPV4, "tcp", farm.port("python-http", "http")]

    deciding = line["exchanges"][line["evidence"]["exchange"] - 1]
    assert deciding["response"]
    assert line["evidence"]["file"]
    assert line["evidence"]["line"] > 0


def test_xml_says_the_same_as_json(scanned):
    in_xml = {}
    for port in scanned.xml.iter("port"):
        state, service = port.find("state"), port.find("service")
        attributes = {} if service is None else service.attrib
        in_xml[port.get("protocol"), int(port.get("portid"))] = (
            state.get("state"),
            state.get("reason"),
            *(attributes.get(name, "") for name in ("name", "tunnel", "product", "version")),
            [cpe.text for cpe in port.iter("cpe")],
        )
    in_json = {
        (protocol, number): (
            line["state"],
            line["reason"],
            *(line[name] for name in ("service", "tunnel", "product", "version")),
            line["cpes"],
        )
        for (address, protocol, number), line in scanned.ports.items()
        if address == IPV4
    }

    assert in_xml == in_json


def test_the_normal_report_has_a_line_for_every_port(scanned):
    of_ipv4 = [key for key in scanned.ports if key[0] == IPV4]

    assert len(program.port_lines(scanned.normal)) == len(of_ipv4)
