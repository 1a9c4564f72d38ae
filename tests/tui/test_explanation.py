"""The words and colours of the match debugger, the exchanges and the title."""

import msgspec
import pytest

from tests.tui.scripted_scan import (
    APACHE_RULE,
    HOSTILE,
    MARIADB_GREETING,
    MARIADB_RULE,
    SSH_BANNER,
    SSH_RULE,
    START,
    script,
)
from vscan_tui.events import (
    Ending,
    Endpoint,
    Fields,
    HostFound,
    HostState,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    ScanEnding,
    ScanFinished,
    Service,
    TlsDetails,
    Warned,
)
from vscan_tui.matching.explain import Fate
from vscan_tui.probedb.templates import fill_cpe
from vscan_tui.session.store import Store
from vscan_tui.session.wording import service_info
from vscan_tui.tui.rendering.debugger import Chosen, debugger_lines
from vscan_tui.tui.rendering.exchange import clock_text, exchange_line, seconds_text
from vscan_tui.tui.rendering.fields import captures, field_texts
from vscan_tui.tui.rendering.line import Line, Run
from vscan_tui.tui.rendering.notice import ending_text, failure_text
from vscan_tui.tui.rendering.pattern import pattern_runs
from vscan_tui.tui.rendering.status import HostFacts, host_line, not_shown_text, sources_line
from vscan_tui.tui.rendering.title import progress, title_line

HOST = "127.0.0.1"


def store_of(events):
    store = Store()
    for event in events:
        store.apply(event)
    return store


@pytest.fixture(scope="module")
def store():
    return store_of(script(HOST))


def explanation(store, number, exchange=None, width=100):
    port = store.ports[Endpoint(HOST, "tcp", number)]
    chosen = port.exchange(exchange) if exchange else port.deciding
    return debugger_lines(port, chosen, width, recorded(chosen))


def recorded(exchange):
    """The rule that fired, as it was recorded."""
    match = exchange.match if exchange is not None else None
    return match and Chosen(match, Fate.FIRED, match.database, match.probe)


def text(lines):
    return "\n".join(line.text for line in lines)


def groups_of(match):
    """The text of each group in the regex."""
    runs = pattern_runs(match)
    groups = sorted({run.group for run in runs} - {0})
    return ["".join(run.text for run in runs if run.group == group) for group in groups]


def test_every_group_of_the_regex_is_marked_with_its_number():
    assert groups_of(SSH_RULE) == [r"¹([\d.]+)", r"²([\w.]+)", "³(Debian)", r"⁴(\S+)"]


def test_an_optional_group_is_marked_without_its_quantifier():
    assert groups_of(MARIADB_RULE)[2] == r"³(-[-+.\w]+)"


def test_each_piece_of_a_version_field_belongs_to_its_group():
    version = next(
        field
        for field in field_texts(SSH_RULE.templates, SSH_RULE.spans, SSH_BANNER)
        if field.name == "version"
    )
    assert [(run.text, run.group) for run in version.template] == [
        ("v/", 0), ("$2", 2), (" ", 0), ("$3", 3), (" ", 0), ("$4", 4), ("/", 0),
    ]  # fmt: skip
    assert [(run.text, run.group) for run in version.value] == [
        ("9.2p1", 2), (" ", 0), ("Debian", 3), (" ", 0), ("2+deb12u3", 4),
    ]  # fmt: skip


def test_the_pieces_of_a_field_make_up_what_the_rule_gave():
    for match, response in ((SSH_RULE, SSH_BANNER), (MARIADB_RULE, MARIADB_GREETING)):
        values = {
            field.name: "".join(run.text for run in field.value)
            for field in field_texts(match.templates, match.spans, response)
            if field.name != "cpe"
        }
        assert values == {name: getattr(match.fields, name) for name in values}


def test_a_piece_of_a_cpe_is_shown_encoded():
    match = msgspec.structs.replace(SSH_RULE, templates=(("cpe", "a:x:y:$3 $4"),))
    (field,) = field_texts(match.templates, match.spans, SSH_BANNER)
    whole = fill_cpe("a:x:y:$3 $4", captures(SSH_BANNER, SSH_RULE.spans))
    assert "".join(run.text for run in field.value) == whole
    assert [run.text for run in field.value if run.group] == ["debian", whole.split(" ")[1]]


def test_a_field_with_a_group_that_took_no_part_is_left_out():
    match = msgspec.structs.replace(
        SSH_RULE, templates=(("v", "$2 $1"),), spans=((0, 5), None, (1, 2))
    )
    (field,) = field_texts(match.templates, match.spans, SSH_BANNER)
    assert field.value == ()


def test_a_hard_match_is_explained(store):
    shown = text(explanation(store, 22))
    assert "✓ hard match ssh  service-probes:2041" in shown
    assert "line 2041 of service-probes (database bundled), held by probe NULL" in shown
    assert "312 rules tried before it, on 40 bytes of 40" in shown
    assert "every TCP port is listened to first" in shown


def test_a_tunnel_is_described():
    port = store_of(script(HOST)).ports[Endpoint(HOST, "tcp", 443)]
    port.connections[2].tls = TlsDetails("TLSv1.3", "TLS_AES_256_GCM_SHA384", "h2\x1b")
    shown = text(debugger_lines(port, port.deciding, 90, recorded(port.deciding)))
    assert "tls     TLSv1.3, TLS_AES_256_GCM_SHA384, ALPN h2." in shown


def test_ports_that_are_not_shown_are_counted(store):
    assert not_shown_text(store.hosts[HOST]) == "20 closed"
    assert host_line("", store.hosts[HOST], 100).text.endswith("Not shown: 20 closed")


def test_a_soft_match_is_explained(store):
    assert "~ soft match postgresql" in text(explanation(store, 5432))


def test_a_fallback_is_named(store):
    port = store_of(script(HOST)).ports[Endpoint(HOST, "tcp", 22)]
    firing = port.exchanges[0].firings[0]
    match = msgspec.structs.replace(firing.match, probe="GenericLines")
    port.exchanges[0].firings = [type(firing)(match, firing.length)]
    shown = text(debugger_lines(port, port.exchanges[0], 120, recorded(port.exchanges[0])))
    assert "held by probe GenericLines, a fallback of NULL" in shown


def test_a_response_without_a_match_tells_how_many_rules_were_tried(store):
    assert "No rule matched; 412 rules were tried." in text(explanation(store, 9999, 1))


def test_an_empty_response_tells_why_it_is_empty(store):
    assert "No answer in 6.0 s." in text(explanation(store, 7, 1))
    assert "reset the connection" in text(explanation(store, 8443, 1))
    assert "closed the connection" in text(explanation(store, 8009, 1))


def test_a_response_that_was_not_read_to_its_end_says_so_and_keeps_its_column():
    store = store_of(script(HOST))
    port = store.ports[Endpoint(HOST, "tcp", 80)]
    exchange = port.deciding
    narrow = exchange_line(exchange, 76, chosen=False).text
    exchange.ending = Ending.FULL
    exchange.response += bytes(8_000_000)
    wide = exchange_line(exchange, 76, chosen=False).text
    assert "8.0 MB" in wide
    assert wide.index("MB") + 1 == narrow.index(" B ") + 1
    told = [line.text for line in debugger_lines(port, exchange, 90)]
    assert any("not read on after 8,000," in line for line in told)


def test_a_payload_of_ones_own_is_named_by_its_first_bytes_and_keeps_its_mark():
    store = store_of(script(HOST))
    exchange = store.ports[Endpoint(HOST, "tcp", 80)].deciding
    exchange.by_hand, exchange.probe, exchange.payload = True, "composed", b"INFO [b]\x1b\r\n" * 9
    line = exchange_line(exchange, 60, chosen=False).text
    assert line.lstrip().startswith(r"INFO [b]\x1b")
    assert "… ✎" in line
    assert Line((Run(line),)).width <= 60


def test_every_decision_on_the_port_has_its_reason(store):
    shown = text(explanation(store, 80))
    assert "send GetRequest - lists this port" in shown


def test_a_payload_is_shown_as_it_was_sent(store):
    assert r'18 bytes  "GET / HTTP/1.0\r\n\r\n"' in text(explanation(store, 80))


@pytest.mark.parametrize("width", [30, 60, 78, 118])
def test_no_line_of_an_explanation_is_wider_than_its_pane(store, width):
    for port in store.ports.values():
        for exchange in port.exchanges:
            lines = debugger_lines(port, exchange, width, recorded(exchange))
            assert max(line.width for line in lines) <= width


def test_the_verdict_is_said_in_fewer_words_where_there_is_less_room(store):
    exchange = store.ports[Endpoint(HOST, "tcp", 80)].exchange(2)
    assert exchange_line(exchange, 80, chosen=True).text.endswith("hard match line 8871")
    assert exchange_line(exchange, 58, chosen=True).text.endswith("hard, line 8871")


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (Ending.TIMED_OUT, "no answer"),
        (Ending.CLOSED, "closed without an answer"),
        (Ending.RESET, "reset without an answer"),
        (None, "listening"),
    ],
)
def test_each_ending_has_its_words(ending, words):
    port = store_of(script(HOST)).ports[Endpoint(HOST, "tcp", 7)]
    exchange = port.exchange(1)
    exchange.ending = ending
    assert words in exchange_line(exchange, 80, chosen=False).text


def test_durations_have_the_unit_that_suits_them():
    assert [seconds_text(value) for value in (0.0012, 0.25, 6.0)] == ["1.2 ms", "250 ms", "6.0 s"]
    assert [clock_text(value) for value in (7, 75, 3700)] == ["00:07", "01:15", "1:01:40"]


def test_the_title_counts_ports(store):
    shown = title_line(store, unknown=1, seconds=7, tags=(), fraction=0.27, width=120).text
    assert "127.0.0.1 · polite · 11/11 ports · 6 identified · 1 unknown · 00:07" in shown
    assert shown.rstrip().endswith("27%")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 200])
def test_the_title_is_exactly_as_wide_as_the_screen(store, width):
    shown = title_line(store, unknown=1, seconds=7, tags=("PAUSED",), fraction=0.5, width=width)
    assert shown.width == width


def test_progress_counts_finding_and_asking():
    events = script(HOST)
    half = store_of(events[: len(events) // 2])
    assert 0.3 < progress(half).fraction < 1.0
    assert progress(store_of(events)).fraction == 1.0


def test_a_hostile_host_name_is_harmless():
    named = HostFound(
        time=START, address=HOST, state=HostState.UP, reason="", name="\x1b[2Jevil\u202e"
    )
    shown = title_line(store_of([named]), unknown=0, seconds=0, tags=(), fraction=0, width=100).text
    assert ".[2Jevil." in shown


def test_service_info_of_many_ports_is_the_same_as_of_all(store):
    facts = HostFacts()
    for port in store.ports.values():
        facts.learn(port)
    host = store.hosts[HOST]
    assert facts.text(host) == service_info(host) != ""


def test_equal_ports_are_kept_once_for_the_service_info():
    events = [HostFound(time=START, address=HOST, state=HostState.UP, reason="")]
    for number in range(1, 500):
        endpoint = Endpoint(HOST, "tcp", number)
        service = Service("x", Fields(ostype="Linux"))
        events += [
            PortFound(time=START, endpoint=endpoint, state=PortState.OPEN, reason=""),
            PortFinished(
                time=START, endpoint=endpoint, outcome=Outcome.HARD_MATCH, service=service
            ),
        ]
    full = store_of(events)
    facts = HostFacts()
    for port in full.ports.values():
        facts.learn(port)
    assert facts.text(full.hosts[HOST]) == "Service Info: OS: Linux"


def test_service_info_does_not_depend_on_who_finished_first():
    events = [HostFound(time=START, address=HOST, state=HostState.UP, reason="")]
    for number, name in ((10, "a"), (20, "b"), (5, "b")):
        endpoint = Endpoint(HOST, "tcp", number)
        events += [
            PortFound(time=START, endpoint=endpoint, state=PortState.OPEN, reason=""),
            PortFinished(
                time=START,
                endpoint=endpoint,
                outcome=Outcome.HARD_MATCH,
                service=Service("x", Fields(hostname=name)),
            ),
        ]
    full = store_of(events)
    facts = HostFacts()
    for port in full.ports.values():
        facts.learn(port)
    assert facts.text(full.hosts[HOST]) == "Service Info: Hosts: b, a"


def test_the_status_names_database_and_journal(store):
    shown = sources_line(store, "/tmp/a.jsonl", 100).text
    assert shown == " Probe database: bundled (2,310 rules)  Journal: /tmp/a.jsonl"


def test_a_long_journal_path_keeps_its_file_name(store):
    shown = sources_line(store, "/home/" + "x" * 90 + "/scan.jsonl", 80).text
    assert len(shown) <= 80
    assert shown.endswith("/scan.jsonl")


def test_an_error_becomes_one_sentence():
    assert failure_text(OSError(24, "Too many open files")) == (
        "The scan ended because of an error: [Errno 24] Too many open files."
    )
    assert failure_text(ValueError("a\n\x1b[31mb.")) == (
        "The scan ended because of an error: a .[31mb."
    )
    assert failure_text(KeyError()) == "The scan ended because of an error: KeyError."


def test_a_scan_that_did_not_end_well_says_so():
    finished = ScanFinished(time=START, ending=ScanEnding.FAILED, reason="no route")
    assert ending_text(store_of([finished])) == "The scan failed: no route."
    assert ending_text(store_of([ScanFinished(time=START, ending=ScanEnding.DONE)])) == ""


def test_warnings_on_a_port_are_part_of_its_explanation():
    events = [*script(HOST)]
    endpoint = Endpoint(HOST, "tcp", 22)
    events.append(Warned(time=START, message="second \x1bsoft match", endpoint=endpoint))
    shown = text(explanation(store_of(events), 22))
    assert "warning second .soft match" in shown


def test_hostile_bytes_are_harmless_in_every_explanation(store):
    assert HOSTILE in [
        bytes(item.response) for port in store.ports.values() for item in port.exchanges
    ]
    for port in store.ports.values():
        for exchange in port.exchanges:
            for line in debugger_lines(port, exchange, 70, recorded(exchange)):
                assert line.text.isprintable()


def test_an_apache_rule_shows_both_groups():
    assert {run.group for run in pattern_runs(APACHE_RULE)} == {0, 1, 2}
