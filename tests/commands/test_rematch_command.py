"""`vscan rematch`: recorded responses through other databases, and what changes."""

import base64
import gzip
import json
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands.sessions import write_journal
from tests.reports.scans import ADDRESS, answered, begin, end, found, store_of, up
from vscan_tui.cli import main
from vscan_tui.commands.databases import load_quietly
from vscan_tui.events import Endpoint, Mark, Outcome
from vscan_tui.matching.recorded import RecordedMatcher, RecordedResponse
from vscan_tui.session.importers.records import RecordError, read_record
from vscan_tui.session.journal import read_events
from vscan_tui.session.new_verdicts import rematched, rematched_events

DATA = Path(__file__).resolve().parents[2] / "data"
DEMO = DATA / "demo" / "real-servers.vscan.jsonl"
PROBES = r"""Probe TCP NULL q||
match ssh m|^SSH-([\d.]+)-(\S+)\r\n| p/$2/ i/protocol $1/
softmatch half m|^HALF|
Probe TCP Other q|\r\n|
match never m|^NEVER|
Probe TCP GetRequest q|GET / HTTP/1.0\r\n\r\n|
match http m|^HTTP/1\.\d 200 .*\r\nServer: (\w+)/([\d.]+)\r\n|s p/$1/ v/$2/
match half m|^SECOND (\w+)| v/$1/
Probe UDP Ask q|?|
match udp m|^U|
"""


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "own.probes"
    path.write_text(PROBES)
    return str(path)


@pytest.fixture
def matcher(database):
    return RecordedMatcher(load_quietly((database,)))


def record(probe, response, **others):
    told = {"probe": probe, "response": base64.b64encode(response).decode(), **others}
    return json.dumps(told).encode()


def objects(capsys, *words):
    status = main(["rematch", "--jsonl", "--all", "--jobs", "1", *map(str, words)])
    told = capsys.readouterr()
    return status, [json.loads(line) for line in told.out.splitlines()], told.err


# Journals ----------------------------------------------------------------------------------------


def test_with_the_same_rules_no_verdict_changes(capsys):
    store = store_of(read_events(DEMO))
    matcher = RecordedMatcher(load_quietly((str(DATA / "service-probes"),)))

    named = [port for port in store.ports.values() if port.outcome is Outcome.HARD_MATCH]
    found_again = [rematched(port, matcher, 7) for port in named]

    assert len(named) > 40
    # Rules may have been added since the recording; none of them unmakes what was known.
    for port in found_again:
        assert port.after.outcome is Outcome.HARD_MATCH
        assert port.after.service.name == port.before.service.name, port.before.text


def test_old_and_new_verdict_are_told_for_what_changes(tmp_path, capsys, database):
    journal = write_journal(
        tmp_path / "journal", begin(), up(),
        answered(22, ("NULL", b"SSH-2.0-Own\r\n")), answered(23, ("NULL", b"nothing new")), end(),
    )  # fmt: skip

    assert main(["rematch", "--versiondb", database, "--jobs", "1", journal]) == 0

    told = capsys.readouterr()
    heading, line = told.out.splitlines()
    assert heading.split() == ["PORT", "OLD", "VERDICT", "NEW", "VERDICT"]
    assert line.split("  ")[0] == "127.0.0.1:22/tcp"
    assert "unknown (no match)" in line
    assert line.endswith("ssh Own (protocol 2.0)")
    assert "2 matched anew: 1 changed, 1 identified, 0 unreadable" in told.err


def test_a_report_of_a_session_has_the_new_verdicts(tmp_path, capsys, database):
    journal = write_journal(
        tmp_path / "journal", begin(), up(), answered(22, ("NULL", b"SSH-2.0-Own\r\n")), end()
    )
    report = tmp_path / "new.xml"

    assert main(["rematch", "--versiondb", database, "-oX", str(report), journal]) == 0

    service = ElementTree.parse(report).getroot().find(".//service")
    assert (service.get("name"), service.get("product")) == ("ssh", "Own")


def test_on_the_screen_the_new_rule_is_shown_with_what_was_before(matcher):
    events = [begin(), up(), *answered(22, ("NULL", b"SSH-2.0-Own\r\n")), end()]
    store = store_of(events)
    ports = {endpoint: rematched(port, matcher, 7) for endpoint, port in store.ports.items()}

    shown = store_of(rematched_events(events, ports, matcher.databases.identities))

    port = shown.ports[Endpoint(ADDRESS, "tcp", 22)]
    assert (port.outcome, port.service.fields.product) == (Outcome.HARD_MATCH, "Own")
    assert port.exchanges[0].match.line == 2
    assert port.warnings == ["rematched: it was unknown (no match), and is ssh Own (protocol 2.0)"]
    assert port.mark is Mark.TO_DO
    assert shown.scan.databases == matcher.databases.identities


def test_a_port_that_was_not_asked_has_no_verdict_to_change(matcher):
    assert (
        rematched(next(iter(store_of(begin(), up(), found(1)).ports.values())), matcher, 7) is None
    )


# How responses are settled -----------------------------------------------------------------------

HTTP = b"HTTP/1.1 200 OK\r\nServer: own/1.2\r\n\r\n"


def settled(matcher, *responses, intensity=7):
    return matcher.settle("tcp", 80, responses, intensity)


def test_the_order_of_the_probes_decides_not_that_of_the_recording(matcher):
    late = RecordedResponse("NULL", b"", b"SSH-2.0-x\r\n")
    early = RecordedResponse("GetRequest", b"", HTTP)

    assert settled(matcher, early, late).judgement.service.name == "ssh"


def test_a_probe_is_known_by_its_payload_whatever_its_name_was(matcher):
    response = RecordedResponse("OldName", b"GET / HTTP/1.0\r\n\r\n", HTTP)

    assert settled(matcher, response).judgement.service.fields.version == "1.2"


def test_after_a_soft_match_only_probes_that_know_the_service_count(matcher):
    soft = RecordedResponse("NULL", b"", b"HALF")
    other = RecordedResponse("Other", b"", b"NEVER")
    better = RecordedResponse("GetRequest", b"", b"SECOND best")

    assert settled(matcher, soft, other).judgement.outcome is Outcome.SOFT_MATCH
    assert settled(matcher, soft, other, better).judgement.service.fields.version == "best"
    assert settled(matcher, soft, other, intensity=9).judgement.service.name == "never"


def test_rules_are_tried_after_each_read_as_they_were_then(matcher):
    # What came later would have kept the rule from firing.
    response = RecordedResponse("NULL", b"", b"SSH-2.0-x\r\n", lengths=(3, 11))
    [firing] = settled(matcher, response).firings

    assert firing.length == 11


def test_once_inside_a_tunnel_what_was_before_does_not_count(matcher):
    outside = RecordedResponse("NULL", b"", b"SSH-2.0-x\r\n")
    inside = RecordedResponse("GetRequest", b"", HTTP, tunnel=True)

    service = settled(matcher, outside, inside).judgement.service
    assert (service.name, service.tunnel) == ("http", "ssl")


# Corpora -----------------------------------------------------------------------------------------


def test_a_folder_of_journals_and_records_is_matched_and_bad_records_are_told(
    tmp_path, capsys, database
):
    folder = tmp_path / "corpus"
    (folder / "deep").mkdir(parents=True)
    write_journal(
        folder / "a.jsonl", begin(), up(), answered(22, ("NULL", b"SSH-2.0-Own\r\n")), end()
    )
    lines = [
        record("NULL", b"SSH-2.0-Two\r\n", ip="192.0.2.1", port=22),
        b"nonsense",
        record("GetRequest", HTTP, id=7),
        b'{"probe":"NULL","response":"***"}',
        record("Ask", b"U", proto="udp"),
        b"",
        record("Unheard", b"SSH-1.0-Three\r\n"),
        b"[1]",
    ]
    (folder / "deep" / "b.jsonl.gz").write_bytes(gzip.compress(b"\n".join(lines)))

    status, rows, err = objects(capsys, "--versiondb", database, folder)

    assert status == 1
    assert [(row["where"], row["new"]) for row in rows] == [
        ("127.0.0.1:22/tcp", "ssh Own (protocol 2.0)"),
        ("192.0.2.1:22", "ssh Two (protocol 2.0)"),
        ("7", "http own 1.2"),
        ("", "udp"),
        ("", "ssh Three (protocol 1.0)"),
    ]
    assert [row["line"] for row in rows] == [None, 1, 3, 5, 7]
    for line in (2, 4, 8):
        assert f"b.jsonl.gz:{line}:" in err
    assert "5 matched anew: 5 changed, 5 identified, 3 unreadable" in err


def test_records_of_zgrab2_are_matched(tmp_path, capsys, database):
    http = {
        "ip": "192.0.2.5",
        "data": {
            "http": {
                "status": "success", "port": 8080,
                "result": {"response": {
                    "status_line": "200 OK", "protocol": {"name": "HTTP/1.1"},
                    "headers": {"server": ["own/3.4"], "content_type": ["text/html"]},
                    "body": "<html>",
                }},
            },
            "ssh": {"status": "success", "result": {"server_id": {"raw": "SSH-2.0-Own"}}},
            "ftp": {"status": "connection-timeout"},
        },
    }  # fmt: skip
    failed = {"ip": "192.0.2.6", "data": {"http": {"status": "connection-timeout"}}}
    path = tmp_path / "zgrab.json"
    path.write_text(f"{json.dumps(http)}\n{json.dumps(failed)}\n")

    status, rows, _ = objects(capsys, "--versiondb", database, path)

    assert status == 0
    assert [(row["where"], row["probe"], row["new"]) for row in rows] == [
        ("192.0.2.5:8080", "GetRequest", "http own 3.4"),
        ("192.0.2.5", "NULL", "ssh Own (protocol 2.0)"),
    ]


def test_several_processes_give_the_same_in_the_same_order(tmp_path, capsys, database):
    path = tmp_path / "records.jsonl"
    path.write_bytes(
        b"\n".join(record("NULL", b"SSH-2.0-n%d\r\n" % number, id=number) for number in range(5000))
    )

    outputs = []
    for jobs in ("1", "3"):
        assert main(["rematch", "--jsonl", "--versiondb", database, "--jobs", jobs, str(path)]) == 0
        outputs.append(capsys.readouterr().out)

    assert outputs[0] == outputs[1]
    ids = [json.loads(line)["where"] for line in outputs[0].splitlines()]
    assert ids == [str(number) for number in range(5000)]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path, capsys, database):
    (tmp_path / "empty").mkdir()
    (tmp_path / "good").write_bytes(record("NULL", b"SSH-2.0-x\r\n"))

    status, rows, err = objects(
        capsys, "--versiondb", database, tmp_path / "missing", tmp_path / "empty", tmp_path / "good"
    )

    assert (status, len(rows)) == (1, 1)
    assert "missing: cannot read it" in err
    assert "there is no file in it" in err


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["probe", "response", "data", "result", "banner", "headers", "ip", "port",
                         "status", "protocol", "server_id", "raw", "body", "http"]),
        inner, max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=300)
@given(_ANY | st.fixed_dictionaries({"data": st.dictionaries(st.just("http"), _ANY)}))
def test_any_record_is_read_or_refused(value):
    with suppress(RecordError):
        for each in read_record(json.dumps(value).encode()):
            assert isinstance(each.response, bytes)


@given(st.binary(max_size=60))
def test_any_line_is_read_or_refused(line):
    with suppress(RecordError):
        list(read_record(line))
