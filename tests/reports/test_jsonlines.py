"""JSON lines: every fact, one object on each line."""

import base64
import json

from tests.reports.scans import (
    ADDRESS,
    START,
    answered,
    begin,
    down,
    end,
    exchange,
    finished,
    found,
    identified,
    named,
    others,
    store_of,
    up,
)
from vscan_tui.events import (
    ConnectionOpened,
    Endpoint,
    Fields,
    Match,
    Method,
    Outcome,
    PortState,
    ScanEnding,
    Service,
    TlsDetails,
    Warned,
)
from vscan_tui.reports.jsonlines import render
from vscan_tui.reports.options import ReportOptions

BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"
SSH = Fields("OpenSSH", "9.2p1", cpes=("cpe:/a:openbsd:openssh:9.2p1", "cpe:/a:no way"))
MATCH = Match(
    database="bundled",
    file="service-probes",
    line=2041,
    probe="NULL",
    service="ssh",
    soft=False,
    pattern=rb"^SSH-([\d.]+)-OpenSSH_(\S+)( x)?",
    flags="",
    templates=(("p", "OpenSSH"), ("v", "$2")),
    spans=((0, 21), (4, 7), (16, 21), None),
    tried=312,
    fields=SSH,
)


def objects(*events, **options):
    text = "".join(render(store_of(*events), ReportOptions(**options)))
    return [json.loads(line) for line in text.splitlines()]


def ssh_port():
    endpoint = Endpoint(ADDRESS, "tcp", 22)
    return (
        found(22, "ssh"),
        exchange(endpoint, 1, "NULL", BANNER, match=MATCH),
        finished(22, Outcome.HARD_MATCH, Service("ssh", SSH, "", Method.PROBED, 10)),
    )


def test_the_lines_come_in_order():
    lines = objects(begin(), up(), found(22), found(80), up("::1"), found(22, address="::1"), end())
    assert [(line["type"], line.get("address"), line.get("port")) for line in lines] == [
        ("scan", None, None),
        ("host", ADDRESS, None),
        ("port", ADDRESS, 22),
        ("port", ADDRESS, 80),
        ("host", "::1", None),
        ("port", "::1", 22),
        ("done", None, None),
    ]


def test_the_scan_is_told():
    assert objects(begin("-p", "22"))[0] == {
        "type": "scan",
        "format": 1,
        "program": "vscan 0.1.0",
        "arguments": ["-p", "22"],
        "started": START,
        "pace": "polite",
        "intensity": 7,
        "databases": [
            {
                "name": "bundled",
                "path": "service-probes",
                "rules": 412,
                "probes": 61,
                "sha256": "ab" * 32,
            }
        ],
    }


def test_a_host_is_told_with_the_ports_that_have_no_line():
    host = objects(begin(), up(name="scanme.example"), named("localhost"), others((1, 30)))[1]
    assert (host["name"], host["reverse_name"], host["state"]) == (
        "scanme.example",
        "localhost",
        "up",
    )
    assert host["ports"] == 0
    assert host["summed"] == [
        {
            "protocol": "tcp",
            "state": "closed",
            "reason": "conn-refused",
            "count": 30,
            "ranges": [[1, 30]],
        }
    ]


def test_a_port_is_told_with_its_service():
    port = objects(begin(), up(), *ssh_port())[2]
    assert (port["state"], port["outcome"], port["stage"]) == ("open", "hard match", "finished")
    assert (port["service"], port["product"], port["version"]) == ("ssh", "OpenSSH", "9.2p1")
    assert (port["method"], port["confidence"], port["tunnel"]) == ("probed", 10, "")
    assert port["cpes"] == ["cpe:/a:openbsd:openssh:9.2p1", "cpe:/a:no way"]
    assert port["cpe23"] == ["cpe:2.3:a:openbsd:openssh:9.2p1:*:*:*:*:*:*:*", None]


def test_the_evidence_says_which_rule_fired_and_on_which_bytes():
    evidence = objects(begin(), up(), *ssh_port())[2]["evidence"]
    assert (evidence["probe"], evidence["rule_probe"], evidence["exchange"]) == ("NULL", "NULL", 1)
    assert (evidence["database"], evidence["file"], evidence["line"]) == (
        "bundled",
        "service-probes",
        2041,
    )
    assert evidence["spans"] == [[0, 21], [4, 7], [16, 21], None]
    captured = [part and base64.b64decode(part) for part in evidence["captured"]]
    assert captured == [BANNER[:21], b"2.0", b"9.2p1", None]


def test_exchanges_have_their_bytes_and_times():
    [told] = objects(begin(), up(), *ssh_port())[2]["exchanges"]
    assert base64.b64decode(told["response"]) == BANNER
    assert told["payload"] == ""
    assert (told["probe"], told["ending"]) == ("NULL", "matched")
    assert (told["seconds"], told["first_byte"]) == (0.5, 0.25)


def test_an_unidentified_port_has_a_fingerprint_and_no_evidence():
    port = objects(begin(), up(), *answered(9, ("NULL", b"hello")))[2]
    assert port["evidence"] is None
    assert port["fingerprint"].endswith('%r(NULL,5,"hello");')


def test_a_handshake_is_told():
    details = TlsDetails("TLSv1.3", "TLS_AES_256_GCM_SHA384", "", b"\x30\x82")
    opened = ConnectionOpened(
        time=START, endpoint=Endpoint(ADDRESS, "tcp", 443), connection=1, seconds=0.1, tls=details
    )
    port = objects(begin(), up(), found(443), opened)[2]
    assert port["tls"] == {
        "version": "TLSv1.3",
        "cipher": "TLS_AES_256_GCM_SHA384",
        "certificate": "MII=",
    }


def test_the_end_is_told():
    warned = Warned(time=START, message="odd", endpoint=Endpoint(ADDRESS, "tcp", 22))
    done = objects(
        begin(), up(), down("127.0.0.9"), *ssh_port(), warned, end(ScanEnding.INTERRUPTED, "by you")
    )[-1]
    assert (done["ending"], done["reason"]) == ("interrupted", "by you")
    assert (done["hosts_up"], done["hosts_total"], done["ports"]) == (1, 2, 1)
    assert done["outcomes"] == {"hard match": 1}
    assert done["warnings"] == [{"time": START, "message": "odd", "endpoint": "127.0.0.1:22/tcp"}]


def test_a_report_before_the_end_has_no_ending():
    assert objects()[-1]["ending"] is None
    port = objects(begin(), up(), found(22, "ssh"))[2]
    assert (port["stage"], port["outcome"], port["evidence"]) == ("waiting", None, None)


def test_open_only_leaves_out_what_is_closed():
    lines = objects(begin(), up(), found(22), others((1, 3)), open_only=True)
    assert [line["port"] for line in lines if line["type"] == "port"] == [22]
    assert lines[1]["summed"][0]["state"] == PortState.CLOSED


def test_text_of_the_network_is_kept_and_nothing_steers_a_terminal():
    evil = "".join(map(chr, range(256))) + "\u2028\U0001f600"
    store = store_of(begin(), up(), *identified(80, "http", Fields(evil)), end())
    text = "".join(render(store))
    assert all(" " <= character <= "~" or character == "\n" for character in text)
    assert json.loads(text.splitlines()[2])["product"] == evil


def test_a_command_line_that_is_no_utf_8_does_no_harm():
    [scan, *_] = objects(begin("caf\udce9"))
    assert scan["arguments"] == ["caf\ufffd"]
