"""Nmap's grepable output: one line for each host."""

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
from vscan_tui.events import Fields, Outcome, PortState, ScanEnding, Service
from vscan_tui.reports.grepable import render
from vscan_tui.reports.options import ReportOptions


def lines(*events, **options):
    return list(render(store_of(begin(), *events, end()), ReportOptions(**options)))[1:-1]


def test_a_host_has_a_line_for_its_status_and_one_for_its_ports():
    nginx = Fields("nginx", "1.22.1")
    assert lines(
        up(),
        named("localhost"),
        identified(80, "http", nginx),
        identified(443, "http", nginx, tunnel=True),
        found(9999),
        others((1, 30)),
    ) == [
        "Host: 127.0.0.1 (localhost)\tStatus: Up\n",
        (
            "Host: 127.0.0.1 (localhost)\tPorts: 80/open/tcp//http//nginx 1.22.1/, "
            "443/open/tcp//ssl|http//nginx 1.22.1/, 9999/open/tcp/////\t"
            "Ignored State: closed (30)\n"
        ),
    ]


def test_a_name_that_only_the_user_gave_is_not_named():
    assert lines(up(name="scanme.example")) == ["Host: 127.0.0.1 ()\tStatus: Up\n"]


def test_slashes_and_what_is_not_printable_are_replaced_and_commas_stay():
    fields = Fields("A/B", "1,0", "x\t\x1b[31m/\xe9")
    assert "80/open/tcp//h|p//A|B 1,0 (x..[31m|.)/" in lines(up(), identified(80, "h/p", fields))[1]


def test_a_service_that_only_answered_is_unknown_and_one_that_is_silent_has_no_name():
    ports = lines(up(), answered(1, ("NULL", b"hello")), answered(2, ("NULL", b"")))[1]
    assert "Ports: 1/open/tcp//unknown///, 2/open/tcp/////\n" in ports


def test_a_name_of_the_port_table_has_a_question_mark_on_an_open_port():
    ports = lines(
        up(), found(9100, "jetdirect"), finished(9100, Outcome.EXCLUDED, Service("jetdirect"))
    )
    assert "9100/open/tcp//jetdirect?///" in ports[1]


def test_a_port_that_the_port_table_calls_unknown_has_no_question_mark():
    assert "4/open/tcp//unknown///" in lines(up(), found(4, "unknown"))[1]


def test_two_summed_up_states_are_not_named():
    hidden = others((1, 40), state=PortState.FILTERED, reason="no-response")
    assert "Ignored" not in lines(up(), found(50), hidden, others((60, 99)))[1]


def test_all_ports_summed_up():
    assert lines(up(), others((1, 31)))[1] == (
        "Host: 127.0.0.1 ()\tPorts: \tIgnored State: closed (31)\n"
    )


def test_a_host_that_is_down_is_named_when_verbose():
    assert lines(down(ADDRESS)) == []
    assert lines(down(ADDRESS), verbosity=1)[1:] == ["Host: 127.0.0.1 ()\tStatus: Down\n"]


def test_the_scanned_ports_are_named_when_verbose():
    assert lines(found(53, protocol="udp"), others((1, 30)), verbosity=1)[0] == (
        "# Ports scanned: TCP(30;1-30) UDP(1;53) SCTP(0;) PROTOCOLS(0;)\n"
    )


def test_it_begins_and_ends_with_a_comment():
    text = list(render(store_of(begin(), up(), end())))
    assert text[0].startswith("# vscan 0.1.0 scan initiated ")
    assert text[-1].startswith("# vscan done at ")
    assert text[-1].endswith(" -- 1 IP address (1 host up) scanned in 1.23 seconds\n")


def test_an_interrupted_scan_says_so():
    text = list(render(store_of(begin(), up(), found(80), end(ScanEnding.INTERRUPTED))))
    assert "# vscan scan interrupted, 1 of 1 port not asked to the end\n" in text
