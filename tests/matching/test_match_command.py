"""`vscan match` answers for a person and for programs, and never with a traceback."""

import base64
import io
import json

import msgspec
import pytest

from vscan_tui.commands.match import run_match
from vscan_tui.options.model import MatchOptions

OWN = r"""Probe TCP NULL q||
match own m|^OWN ([\d.]+)\r\n| p/Own server/ v/$1/ o/Own OS/ cpe:/a:own:server:$1/ cpe:/o:own:os/
softmatch half m|^OWN|
Probe TCP Ask q|ask|
match asked m|^ASK|
Probe UDP Ask q|ask|
match asked-udp m|^ASK|
"""


class Explaining(MatchOptions, frozen=True):
    """The options with `--explain`."""

    explain: int = 0


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own-probes"
    path.write_text(OWN)
    return str(path)


def run(own, sent, **options):
    """(exit status, standard output, standard error)"""
    known = {field.name for field in msgspec.structs.fields(MatchOptions)}
    kind = MatchOptions if "explain" in known else Explaining
    out, err = io.StringIO(), io.StringIO()
    status = run_match(kind(databases=(own,), **options), io.BytesIO(sent), out, err)
    return status, out.getvalue(), err.getvalue()


def case(response, probe="NULL", **others):
    body = {"id": "a", "probe": probe, "response": base64.b64encode(response).decode(), **others}
    return json.dumps(body).encode() + b"\n"


def answers(own, sent, **options):
    status, out, err = run(own, sent, jsonl=True, **options)
    return status, [json.loads(line) for line in out.splitlines()], err


def test_each_line_is_answered_in_its_place(own):
    status, lines, err = answers(
        own, case(b"OWN 1.2\r\n", proto="tcp") + b"\n" + case(b"ASK", "Ask", id=7) + case(b"zzz")
    )

    assert (status, err) == (0, "")
    assert lines == [
        {
            "id": "a",
            "match": {
                "service": "own", "soft": False, "line": 2, "rule_probe": "NULL",
                "product": "Own server", "version": "1.2", "ostype": "Own OS",
                "cpe_a": "cpe:/a:own:server:1.2", "cpe_o": "cpe:/o:own:os",
                "cpe": ["cpe:/a:own:server:1.2", "cpe:/o:own:os"],
            },
        },
        {
            "id": 7,
            "match": {"service": "asked", "soft": False, "line": 5, "rule_probe": "Ask", "cpe": []},
        },
        {"id": "a", "match": None},
    ]  # fmt: skip


def test_the_protocol_of_a_case_counts(own):
    _, lines, _ = answers(own, case(b"ASK", "Ask", proto="udp"))

    assert lines[0]["match"]["service"] == "asked-udp"


@pytest.mark.parametrize(
    ("line", "case_id", "words"),
    [
        (b"not json\n", None, "not a case"),
        (b'{"id": "b", "probe": "NULL"}\n', "b", "response"),
        (b'{"id": "b", "probe": "NULL", "response": "%%%"}\n', "b", "not a case"),
        (b'{"id": [], "probe": "NULL", "response": ""}\n', None, "not a case"),
        (b'{"id": 3, "probe": "Nobody", "response": ""}\n', 3, "no tcp probe is named 'Nobody'"),
        (b'{"id": "b", "probe": "\\u001b[31m", "response": ""}\n', "b", "named '.[31m'"),
        (b"\xff\xfe\n", None, "not a case"),
        (b"[" * 100_000 + b"\n", None, "not a case"),
    ],
)
def test_an_unreadable_line_is_named_and_the_rest_answered(own, line, case_id, words):
    status, lines, err = answers(own, line + case(b"OWN 1\r\n"))

    assert status == 1
    assert lines[0]["id"] == case_id
    assert words in lines[0]["error"]
    assert err.startswith("vscan: line 1: ")
    assert words in err
    assert lines[1]["match"]["service"] == "own"


def test_text_beyond_ascii_is_escaped(own, tmp_path):
    (tmp_path / "own-probes").write_bytes(b"Probe TCP NULL q||\nmatch own m|^(.+)| p/$1/\n")
    _, out, _ = run(own, case(b"\xe9\x9b\x7f"), jsonl=True)

    assert out.isascii()
    assert json.loads(out)["match"]["product"] == "\xe9\x9b\x7f"


def test_the_nearest_rules_are_told_on_request(own):
    _, lines, _ = answers(own, case(b"OWM 1.2\r\n"), explain=2)

    first = lines[0]["nearest"][0]
    assert (first["line"], first["service"], first["stopped_at"]) == (2, "own", [2])
    assert 0 < first["score"] <= 1


def test_a_person_reads_what_fired_and_why(own):
    status, out, _ = run(own, b"OWN 1.2\r\nrest", probe="NULL")

    assert status == 0
    for words in ("match own", "Own server", "1.2", "own-probes:2, probe NULL", "4-7 1.2",
                  r"m|^OWN ([\d.]+)\r\n|", "cpe:/o:own:os"):  # fmt: skip
        assert words in out


def test_without_a_probe_all_are_tried_and_a_hard_match_wins(own):
    assert "match asked\n" in run(own, b"ASK")[1]
    assert "softmatch half" in run(own, b"OWN x")[1]
    assert "match asked-udp" in run(own, b"ASK", protocol="udp")[1]


def test_no_match_is_said_in_a_sentence(own):
    assert run(own, b"zzz", probe="Ask")[:2] == (
        0, "No match: none of 3 tcp rules (probe Ask) fires.\n",
    )  # fmt: skip


def test_the_response_is_read_from_a_file(own, tmp_path):
    (tmp_path / "response").write_bytes(b"ASK")

    assert "match asked" in run(own, b"", file=str(tmp_path / "response"))[1]


def test_an_explanation_tells_the_fate_of_every_rule(own):
    status, out, _ = run(own, b"OWN 1.2\r\n", probe="NULL", explain=3)

    assert status == 0
    assert "own-probes:2 match own fired" in out
    assert "version = 1.2 from $1" in out
    assert "own-probes:3 softmatch half shadowed" in out


def test_bytes_of_a_response_never_steer_the_terminal(own):
    for explain in (0, 3):
        _, out, _ = run(own, b"OWN 1.2\r\n\x1b[31m\x9b", probe="NULL", explain=explain)
        assert "\x1b" not in out
        assert "\x9b" not in out


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"probe": "Nobody"}, 2, "no tcp probe is named 'Nobody'"),
        ({"probe": "NULL", "protocol": "udp"}, 2, "'NULL' is a probe of tcp, not of udp"),
        ({"file": "/no/such/file"}, 1, "cannot read /no/such/file: No such file"),
        ({"explain": 1}, 2, "--explain needs the probe"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(own, options, status, words):
    found, out, err = run(own, b"x", **options)

    assert (found, out) == (status, "")
    assert err.startswith("vscan: ")
    assert err.count("\n") == 1
    assert words in err


def test_a_database_that_cannot_be_read_is_named():
    status, _, err = run("/no/such/database", b"x")

    assert status == 1
    assert err.startswith("vscan: /no/such/database: cannot read it")


def test_faults_are_warned_of_and_with_strict_end_it(own, tmp_path):
    (tmp_path / "own-probes").write_text(OWN + "nonsense\n")

    status, out, err = run(own, b"ASK")
    assert (status, "match asked" in out) == (0, True)
    assert "own-probes:8:1: unknown directive 'nonsense'" in err

    status, out, err = run(own, b"ASK", strict=True)
    assert (status, out) == (1, "")
    assert "own-probes:8:1" in err
    assert "1 fault in the probe database" in err
