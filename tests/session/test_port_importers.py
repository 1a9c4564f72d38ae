"""Files of other programs: their kind is recognised, their ports read, their faults named."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reports.scans import answered, begin, end, found, store_of, up
from vscan_tui.events import Fields, Method, PortState, Service
from vscan_tui.reports import grepable, jsonlines, xml
from vscan_tui.session.importers.model import MOST_FAULTS, Imported
from vscan_tui.session.importers.recognise import (
    MAX_BYTES,
    ImportFileError,
    read_bytes,
    read_ports,
    unpacked,
)

NMAP_XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -sV host" start="1700000000" version="7.93">
<host><status state="up" reason="syn-ack"/>
<address addr="192.0.2.7" addrtype="ipv4"/><address addr="00:00:00:00:00:01" addrtype="mac"/>
<hostnames><hostname name="web.example" type="user"/><hostname name="x" type="PTR"/></hostnames>
<ports><extraports state="closed" count="2"/>
<port protocol="tcp" portid="80"><state state="open" reason="syn-ack" reason_ttl="0"/>
<service name="http" product="nginx" version="1.2" extrainfo="i" hostname="h" ostype="Linux"
 devicetype="router" tunnel="ssl" method="probed" conf="10" servicefp="SF-Port80-TCP:V=7&#xa;SF:x">
<cpe>cpe:/a:igor_sysoev:nginx:1.2</cpe></service></port>
<port protocol="udp" portid="53"><state state="open|filtered" reason="no-response"/></port>
<port protocol="tcp" portid="81"><state state="closed" reason="conn-refused"/></port>
<port protocol="sctp" portid="9"><state state="open" reason="init-ack"/></port>
<port protocol="tcp" portid="70000"><state state="open" reason="x"/></port>
</ports></host>
<host><address addr="2001:DB8::0:1" addrtype="ipv6"/><ports>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/></port></ports></host>
<runstats><finished time="1700000060"/></runstats>
</nmaprun>
"""
GREPABLE = (
    "# Nmap 7.93 scan initiated Mon Nov 22 as: nmap -oG - host\n"
    "Host: 192.0.2.7 (web.example)\tStatus: Up\n"
    "Host: 192.0.2.7 (web.example)\tPorts: 22/open/tcp//ssh//OpenSSH 9, really 2.0/, "
    "443/open/tcp//ssl|http//nginx/, 53/open|filtered/udp//domain?///, 81/closed/tcp/////"
    "\tIgnored State: filtered (990)\n"
    "# Nmap done\n"
)
MASSCAN_GREPABLE = "#Masscan 1.3\nTimestamp: 1700\tHost: 192.0.2.7 ()\tPorts: 80/open/tcp//http//\n"
MASSCAN_JSON = """[
{   "ip": "192.0.2.7",   "timestamp": "1700", "ports": [ {"port": 80, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] },
{   "ip": "192.0.2.7",   "timestamp": "1700", "ports": [ {"port": 80, "proto": "tcp", "service": {"name": "http", "banner": "x"} } ] },
{   "ip": "192.0.2.8",   "timestamp": "1700", "ports": [ {"port": 53, "proto": "udp", "status": "open"} ] },
{finished: 1}
]
"""  # noqa: E501 - as masscan writes it
MASSCAN_NDJSON = (
    '{"ip":"192.0.2.7","timestamp":"1700","port":80,"proto":"tcp","rec_type":"status",'
    '"data":{"status":"open","reason":"syn-ack","ttl":64}}\n'
    '{"ip":"192.0.2.7","timestamp":"1700","port":80,"proto":"tcp","rec_type":"banner","data":{}}\n'
)
MASSCAN_LIST = "#masscan\nopen tcp 80 192.0.2.7 1700\nopen udp 53 2001:db8::1 1700\n# end\n"
NAABU = (
    '{"host":"web.example","ip":"192.0.2.7","timestamp":"2024","port":443,"protocol":"tcp","tls":false}\n'
    '{"ip":"192.0.2.8","port":{"Port":53,"Protocol":1,"TLS":false}}\n'
)
ENDPOINTS = """# ports of mine
192.0.2.7:22
[2001:db8::1]:80   # web
web.example:443,8443
web.example 25
udp://192.0.2.7:53
192.0.2.7:1000-1002/udp
https://web.example/path?x=1
http://user@web.example:8080/
192.0.2.9 -> [21,22]
"""


def told(text: str | bytes) -> list[tuple[str, str, int]]:
    imported = read(text)
    assert not imported.faults, imported.faults
    return [(port.host, port.protocol, port.port) for port in imported.ports if port.may_be_open]


def read(text: str | bytes) -> Imported:
    return read_ports(text.encode() if isinstance(text, str) else text)


def test_nmap_xml_tells_hosts_names_states_and_services():
    imported = read(NMAP_XML)

    assert (imported.kind, imported.program) == ("Nmap XML", "nmap 7.93")
    assert (imported.began, imported.ended) == (1_700_000_000, 1_700_000_060)
    first, udp, closed, v6 = imported.ports
    assert (first.host, first.protocol, first.port, first.name) == (
        "192.0.2.7", "tcp", 80, "web.example",
    )  # fmt: skip
    assert first.service == Service(
        "http",
        Fields("nginx", "1.2", "i", "h", "Linux", "router", ("cpe:/a:igor_sysoev:nginx:1.2",)),
        "ssl",
        Method.PROBED,
        10,
    )
    assert first.fingerprint == "SF-Port80-TCP:V=7\nSF:x"
    assert (udp.state, udp.may_be_open) == (PortState.OPEN_OR_FILTERED, True)
    assert not closed.may_be_open
    assert (v6.host, v6.port) == ("2001:db8::1", 22)


def test_what_cannot_be_asked_is_named_with_its_line_and_the_rest_goes_on():
    faults = {fault.line: fault.message for fault in read(NMAP_XML).faults}

    assert "neither tcp nor udp" in faults[14]
    assert '"70000" is no port' in faults[15]


@pytest.mark.parametrize(
    ("text", "kind", "ports"),
    [
        (GREPABLE, "Nmap grepable",
         [("192.0.2.7", "tcp", 22), ("192.0.2.7", "tcp", 443), ("192.0.2.7", "udp", 53)]),
        (MASSCAN_GREPABLE, "Nmap grepable", [("192.0.2.7", "tcp", 80)]),
        (MASSCAN_JSON, "JSON", [("192.0.2.7", "tcp", 80), ("192.0.2.8", "udp", 53)]),
        (MASSCAN_NDJSON, "JSON", [("192.0.2.7", "tcp", 80)]),
        (MASSCAN_LIST, "masscan list", [("192.0.2.7", "tcp", 80), ("2001:db8::1", "udp", 53)]),
        (NAABU, "JSON", [("192.0.2.7", "tcp", 443), ("192.0.2.8", "udp", 53)]),
        (ENDPOINTS, "host:port lines",
         [("192.0.2.7", "tcp", 22), ("2001:db8::1", "tcp", 80), ("web.example", "tcp", 443),
          ("web.example", "tcp", 8443), ("web.example", "tcp", 25), ("192.0.2.7", "udp", 53),
          ("192.0.2.7", "udp", 1000), ("192.0.2.7", "udp", 1001), ("192.0.2.7", "udp", 1002),
          ("web.example", "tcp", 443), ("web.example", "tcp", 8080),
          ("192.0.2.9", "tcp", 21), ("192.0.2.9", "tcp", 22)]),
        ("[2001:db8::1]:80\n", "host:port lines", [("2001:db8::1", "tcp", 80)]),
        ("[fe80::1%eth0]:80\n", "host:port lines", [("fe80::1%eth0", "tcp", 80)]),
    ],
    ids=lambda value: "" if isinstance(value, list) else value.split("\n")[0][:25],
)  # fmt: skip
def test_the_kind_of_a_file_is_recognised_by_what_it_says(text, kind, ports):
    assert told(text) == ports
    assert read(text).kind == kind
    assert told(text.replace("\n", "\r\n")) == ports
    assert told(text.encode("utf-16")) == ports


def test_a_json_document_over_many_lines_or_on_one_is_read_too():
    values = [{"ip": "192.0.2.7", "ports": [{"port": 80, "proto": "tcp", "status": "open"}]}] * 2

    for text in (json.dumps(values, indent=3), json.dumps(values)):
        assert told(text) == [("192.0.2.7", "tcp", 80)] * 2


def test_our_own_reports_and_journals_are_read():
    store = store_of(begin(), up(), found(22), answered(80, ("NULL", b"hello")), end())

    for render in (xml.render, grepable.render, jsonlines.render):
        assert told("".join(render(store))) == [("127.0.0.1", "tcp", 22), ("127.0.0.1", "tcp", 80)]
    [_, port] = read("".join(xml.render(store))).ports
    assert port.fingerprint.startswith("SF-Port80-TCP:")


def test_every_bad_line_of_a_list_is_named_and_the_rest_goes_on():
    text = "192.0.2.1:80\nnonsense here now\n192.0.2.1\n1.2.3:80\n192.0.2.1:99999\nb.example:22\n"

    imported = read(text)

    assert [(port.host, port.port) for port in imported.ports] == [
        ("192.0.2.1", 80), ("b.example", 22),
    ]  # fmt: skip
    assert [fault.line for fault in imported.faults] == [2, 3, 4, 5]
    assert all("\n" not in fault.message for fault in imported.faults)


def test_xml_that_ends_in_the_middle_is_read_so_far():
    cut = NMAP_XML[: NMAP_XML.index("</ports></host>")]

    imported = read(cut)

    assert [port.port for port in imported.ports][:2] == [80, 53]
    assert any("damaged" in fault.message for fault in imported.faults)


@pytest.mark.parametrize(
    "declarations",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY file SYSTEM "file:///etc/passwd">',
        '<!ENTITY % remote SYSTEM "http://192.0.2.1/x.dtd"> %remote;',
    ],
)
def test_xml_with_entities_is_refused(declarations):
    document = NMAP_XML.replace("<!DOCTYPE nmaprun>", f"<!DOCTYPE nmaprun [{declarations}]>")

    imported = read(document)

    assert imported.ports == []
    assert any("entities" in fault.message for fault in imported.faults)


def test_xml_of_endless_depth_is_refused():
    imported = read("<nmaprun>" + "<host>" * 100_000)

    assert any("deeper" in fault.message for fault in imported.faults)


def test_of_very_many_faults_the_first_are_kept_and_the_rest_counted():
    imported = read("nonsense\n" * (MOST_FAULTS + 7))

    assert (len(imported.faults), imported.faults_left_out) == (MOST_FAULTS, 7)


def test_a_packed_file_is_unpacked_and_a_packed_bomb_refused(tmp_path, monkeypatch):
    path = tmp_path / "scan.xml.gz"
    path.write_bytes(gzip.compress(NMAP_XML.encode()))
    assert read_bytes(path) == NMAP_XML.encode()

    monkeypatch.setattr("vscan_tui.session.importers.recognise.MAX_BYTES", 1000)
    with pytest.raises(ImportFileError, match="longer than"):
        unpacked(gzip.compress(b"x" * 100_000), "bomb")
    with pytest.raises(ImportFileError, match="damaged"):
        unpacked(b"\x1f\x8b\x08rubbish", "rubbish")
    assert MAX_BYTES > 1000


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ImportFileError, match="cannot read it"):
        read_bytes(tmp_path / "missing")


# Anything at all ---------------------------------------------------------------------------------

_SAMPLES = (
    *(NMAP_XML, GREPABLE, MASSCAN_GREPABLE, MASSCAN_JSON),
    *(MASSCAN_NDJSON, MASSCAN_LIST, NAABU, ENDPOINTS),
)


@settings(max_examples=400)
@given(st.data())
def test_a_damaged_file_of_any_kind_is_read_without_failing(data):
    sample = data.draw(st.sampled_from(_SAMPLES)).encode()
    start = data.draw(st.integers(0, len(sample)))
    end_of_damage = data.draw(st.integers(start, min(len(sample), start + 60)))
    filling = data.draw(st.binary(max_size=20))

    imported = read_ports(sample[:start] + filling + sample[end_of_damage:])

    for port in imported.ports:
        assert 0 <= port.port <= 65535
        assert port.host
    assert all(fault.message.isprintable() for fault in imported.faults)


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(str.encode)))
def test_any_file_is_read_without_failing(data):
    read_ports(data)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["ip", "host", "port", "ports", "proto", "status", "data", "service",
                         "Port", "Protocol", "endpoint", "type", "event", "rec_type"]),
        inner, max_size=6,
    ),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=300)
@given(_JSON)
def test_any_json_is_read_without_failing(value):
    read_ports(json.dumps([value]).encode())
    read_ports(json.dumps({"ip": "192.0.2.1", "x": value}).encode())
