"""Nmap's normal output: the text of a report, line by line."""

import re

import pytest
from msgspec.structs import replace

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
from vscan_tui.events import (
    Endpoint,
    Fields,
    HostState,
    Method,
    Outcome,
    PortState,
    ScanEnding,
    Service,
    Warned,
)
from vscan_tui.reports.normal import host_lines, render, render_for_terminal
from vscan_tui.reports.options import ReportOptions

SSH = Fields(
    "OpenSSH", "9.2p1", "protocol 2.0", ostype="Linux", cpes=("cpe:/o:linux:linux_kernel",)
)
NGINX = Fields("nginx", "1.22.1", cpes=("cpe:/a:igor_sysoev:nginx:1.22.1",))


def block(*events, **options):
    """The lines on the one host of a scan."""
    store = store_of(begin(), *events)
    [host] = store.hosts.values()
    lines = list(host_lines(store, host, ReportOptions(**options)))
    assert all(line.count("\n") == 1 and line.endswith("\n") for line in lines)
    if lines and host.state is HostState.UP:
        assert lines.pop() == "\n"
    return [line.removesuffix("\n") for line in lines]


def test_a_host_reads_as_in_nmap():
    assert block(
        up(name="scanme.example", others=("::1", "127.0.0.7")),
        named("localhost"),
        others((100, 194)),
        others((200, 230), state=PortState.FILTERED, reason="no-response"),
        identified(22, "ssh", SSH),
        identified(443, "http", NGINX, tunnel=True),
        found(631, "ipp"),
        finished(631, Outcome.NO_MATCH, Service("ipp")),
        found(9999),
    ) == [
        "Nmap scan report for scanme.example (127.0.0.1)",
        "Host is up (0.00026s latency).",
        "Other addresses for scanme.example (not scanned): ::1 127.0.0.7",
        "rDNS record for 127.0.0.1: localhost",
        "Not shown: 95 closed tcp ports (conn-refused), 31 filtered tcp ports (no-response)",
        "PORT     STATE SERVICE  VERSION",
        "22/tcp   open  ssh      OpenSSH 9.2p1 (protocol 2.0)",
        "443/tcp  open  ssl/http nginx 1.22.1",
        "631/tcp  open  ipp?",
        "9999/tcp open  unknown",
        "Service Info: OS: Linux; CPE: cpe:/o:linux:linux_kernel",
    ]


def test_without_summed_up_ports_an_empty_line_stands_before_the_table():
    assert block(up(), found(22, "ssh"), others((23, 24))) == [
        "Nmap scan report for 127.0.0.1",
        "Host is up (0.00026s latency).",
        "",
        "PORT   STATE  SERVICE VERSION",
        "22/tcp open   ssh?",
        "23/tcp closed unknown",
        "24/tcp closed unknown",
    ]


def test_a_host_with_nothing_to_list_says_so():
    assert block(up(), others((1, 30))) == [
        "Nmap scan report for 127.0.0.1",
        "Host is up (0.00026s latency).",
        "All 30 scanned ports on 127.0.0.1 are in ignored states.",
        "Not shown: 30 closed tcp ports (conn-refused)",
    ]


def test_a_single_summed_up_port_is_singular():
    lines = block(up(), found(22, "ssh"), others((23, 23)), open_only=True)
    assert "Not shown: 1 closed tcp port (conn-refused)" in lines


def test_reasons_have_a_column_when_asked_for():
    assert block(up(), found(22, "ssh"), others((23, 23)), reasons=True)[1:] == [
        "Host is up, received syn-ack (0.00026s latency).",
        "",
        "PORT   STATE  SERVICE REASON       VERSION",
        "22/tcp open   ssh?    syn-ack",
        "23/tcp closed unknown conn-refused",
    ]


@pytest.mark.parametrize("options", [{"verbosity": 2}, {"verbosity": 1, "debugging": 1}])
def test_who_asks_for_more_twice_is_told_reasons_and_times(options):
    lines = block(up(), found(22, "ssh"), others((23, 23)), end(), **options)
    assert lines[1] == "Host is up, received syn-ack (0.00026s latency)."
    assert re.fullmatch(r"Scanned at 2026-\d\d-\d\d \d\d:\d\d:\d\d \S+ for \ds", lines[2])
    assert "PORT   STATE  SERVICE REASON       VERSION" in lines


def test_a_host_of_which_only_closed_ports_answered_has_a_latency():
    refused = replace(others((1, 30)), latency=0.0021)
    assert block(up(latency=None), refused)[1] == "Host is up (0.0021s latency)."


def test_udp_ports_that_may_be_open_are_listed_when_they_are_few():
    assert block(
        up(latency=None),
        found(53, "domain", "udp", PortState.OPEN_OR_FILTERED, reason="no-response"),
        identified(123, "ntp", Fields("NTP", "v4"), protocol="udp"),
    )[1:] == [
        "Host is up.",
        "",
        "PORT    STATE         SERVICE VERSION",
        "53/udp  open|filtered domain",
        "123/udp open          ntp     NTP v4",
    ]


def test_a_name_found_by_reverse_dns_stands_for_a_missing_one():
    assert block(up(), named("localhost"))[0] == "Nmap scan report for localhost (127.0.0.1)"


def test_a_name_that_reverse_dns_confirms_is_not_repeated():
    lines = block(up(name="localhost"), named("localhost"))
    assert not any(line.startswith("rDNS record") for line in lines)


def test_a_host_that_is_down_is_named_when_verbose():
    assert block(down("127.0.0.9")) == []
    assert block(down("127.0.0.9"), verbosity=1) == ["Nmap scan report for 127.0.0.9 [host down]"]


def test_tcpwrapped_and_excluded_ports():
    wrapped = Service("tcpwrapped", method=Method.PROBED, confidence=8)
    assert block(
        up(),
        found(9100, "jetdirect"),
        finished(9100, Outcome.EXCLUDED, Service("jetdirect")),
        found(9999),
        finished(9999, Outcome.TCPWRAPPED, wrapped),
    )[3:] == [
        "PORT     STATE SERVICE    VERSION",
        "9100/tcp open  jetdirect?",
        "9999/tcp open  tcpwrapped",
        "Excluded from version scan by the probe database: 9100/tcp",
    ]


def test_service_info_collects_what_all_open_ports_tell():
    web = Fields("Web", hostname="WEB.example", ostype="Unix", devicetype="router")
    mail = Fields("Mail", hostname="web.EXAMPLE", ostype="Linux", cpes=("cpe:/h:cisco:wap",))
    own = Fields("Own", hostname="LOCALHOST", cpes=("cpe:/a:x:y", "cpe:/h:cisco:wap"))
    lines = block(
        up(name="scanme.example"),
        named("localhost"),
        identified(80, "http", web),
        identified(25, "smtp", mail),
        identified(21, "ftp", own),
        identified(22, "ssh", Fields("Own", hostname="Scanme.Example")),
    )
    assert lines[-1] == (
        "Service Info: Host: web.EXAMPLE; OSs: Linux, Unix; Device: router; CPE: cpe:/h:cisco:wap"
    )


def test_one_fingerprint_is_introduced_and_wrapped():
    lines = block(up(), answered(9999, ("NULL", b"what is this\r\n")))
    assert lines[4] == "9999/tcp open  unknown"
    assert lines[5] == "1 service answered without being fully identified:"
    assert lines[6].startswith("SF-Port9999-TCP:V=0.1.0%I=7%D=")
    text = lines[6] + "".join(line.removeprefix("SF:") for line in lines[7:])
    assert text.endswith('%r(NULL,E,"what\\x20is\\x20this\\r\\n");')


def test_only_nine_fingerprints_are_printed_for_a_host():
    ports = [event for port in range(1, 12) for event in answered(port, ("NULL", b"hello"))]
    lines = block(up(), ports)
    assert sum(line.startswith("SF-Port") for line in lines) == 9
    assert sum(line.startswith("====") for line in lines) == 9
    assert any(
        line.startswith("11 services answered without being fully identified; the first 9 follow")
        for line in lines
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00s"),
        (0.000072, "0.000072s"),
        (0.00026, "0.00026s"),
        (0.0005, "0.00050s"),
        (0.0086, "0.0086s"),
        (0.18, "0.18s"),
        (1.234, "1.2s"),
        (12.34, "12s"),
        (123.4, "120s"),
        (float("inf"), "0.00s"),
    ],
)
def test_latency_has_two_significant_digits(seconds, text):
    assert block(up(latency=seconds))[1] == f"Host is up ({text} latency)."


def test_a_report_for_a_file_begins_and_ends_as_nmap_does():
    store = store_of(begin("-p", "22", "my host"), up(), found(22), end())
    lines = list(render(store))
    assert re.fullmatch(
        r"# vscan 0\.1\.0 scan initiated \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d 2026"
        r" as: vscan -p 22 'my host'\n",
        lines[0],
    )
    assert lines[-3:-1] == [
        "Probe database: bundled from service-probes (61 probes, 412 rules)\n",
        "Service detection performed.\n",
    ]
    assert re.fullmatch(
        r"# vscan done at .+ 2026 -- 1 IP address \(1 host up\) scanned in 1\.23 seconds\n",
        lines[-1],
    )


def test_a_report_for_a_terminal_begins_and_ends_as_nmap_does():
    lines = list(
        render_for_terminal(store_of(begin(), up(), up("127.0.0.2"), down("127.0.0.3"), end()))
    )
    assert re.match(r"Starting vscan 0\.1\.0 at 2026-\d\d-\d\d \d\d:\d\d", lines[0])
    assert lines[-1] == "vscan done: 3 IP addresses (2 hosts up) scanned in 1.23 seconds\n"


def test_warnings_are_in_the_file():
    warned = Warned(time=0, message="odd \x1b[31manswer", endpoint=Endpoint(ADDRESS, "tcp", 22))
    assert "Warning: 127.0.0.1:22/tcp: odd .[31manswer\n" in list(render(store_of(begin(), warned)))


def test_an_interrupted_scan_says_what_is_missing():
    store = store_of(
        begin(),
        up(),
        identified(22, "ssh", SSH),
        found(80, "http"),
        end(ScanEnding.INTERRUPTED, "by the user"),
    )
    lines = list(render(store))
    assert (
        lines[-2] == "# vscan scan interrupted (by the user), 1 of 2 ports not asked to the end\n"
    )
    assert "vscan done" not in lines[-1]
    assert "80/tcp open  http?\n" in lines


def test_a_scan_that_has_not_ended_says_so():
    assert "# vscan scan not ended yet\n" in list(render(store_of(begin(), up())))


def test_an_empty_store_has_a_report():
    assert list(render(store_of()))[-1].endswith(
        "0 IP addresses (0 hosts up) scanned in 0.00 seconds\n"
    )


def test_nothing_from_the_network_or_the_command_line_steers_a_terminal():
    evil = "".join(map(chr, range(256))) + "\u202e\U000e0001\udcff"
    fields = Fields(evil, evil, evil, evil, evil, evil, (f"cpe:/o:{evil}",))
    store = store_of(
        begin(evil),
        up(name=evil, others=(evil,)),
        named(evil),
        identified(22, evil, fields),
        answered(23, (evil, evil[:256].encode("latin-1")), table_name=evil),
        others((1, 30), reason=evil),
        end(ScanEnding.FAILED, evil),
    )
    text = "".join(render(store, ReportOptions(reasons=True)))
    assert all(character.isprintable() or character == "\n" for character in text)
    text.encode()
