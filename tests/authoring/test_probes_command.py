"""`vscan probes`, as an author or a continuous integration runs it."""

import base64
import json
import subprocess
import sys

import pytest

from vscan_tui.authoring.evidence import read_evidence

RULES = r"""Probe TCP NULL q||
totalwaitms 6000
match ftp m|^220 Zork ([\d.]+)\r\n| p/Zork/ v/$1/ cpe:/a:z:zork:$1/
softmatch smtp m|^220 |
Probe TCP Ask q|\x01ask\r\n|
ports 7,9-11
match ask m|^\x02| p/Asker/
"""


def run(*words, stdin=b"", status=0):
    result = subprocess.run(
        [sys.executable, "-m", "vscan_tui", "probes", *map(str, words)],
        check=False,
        input=stdin,
        capture_output=True,
        timeout=60,
    )
    assert result.returncode == status, result.stderr.decode()
    return result.stdout.decode(), result.stderr.decode()


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "zork.probes"
    path.write_text(RULES)
    return path


@pytest.fixture
def evidence(tmp_path):
    path = tmp_path / "zork.jsonl"

    def written(*cases):
        lines = [
            json.dumps({
                "probe": probe, "protocol": "tcp", "response": base64.b64encode(response).decode(),
                "origin": "specified", "source": "its manual", "expect": expect,
            })
            for probe, response, expect in cases
        ]  # fmt: skip
        path.write_text("\n".join(lines))
        return path

    return written


ZORK = ("NULL", b"220 Zork 1.2\r\n", {
    "service": "ftp", "product": "Zork", "version": "1.2", "cpes": ["cpe:/a:z:zork:1.2"],
})  # fmt: skip


def test_lint_tells_findings_with_their_place_and_fails(rules):
    rules.write_text(RULES + "match x m|(a|\n")
    out, err = run("lint", rules, status=1)
    assert f"{rules}:8:" in out
    assert "[syntax]" in out
    assert "1 errors" in err


def test_lint_of_a_clean_database_succeeds_and_tells_notes_when_asked(rules):
    assert run("lint", rules)[0] == ""
    assert "[cpe]" in run("lint", rules, "--notes")[0]


def test_findings_are_told_as_json_too(rules):
    rules.write_text(RULES + "match x m|Zo|\n")
    (finding,) = json.loads(run("lint", rules, "--json", status=1)[0])
    assert (finding["kind"], finding["severity"], finding["line"]) == ("anchor", "warning", 8)


def test_test_succeeds_when_all_evidence_yields_what_it_must(rules, evidence):
    _, err = run("test", rules, "--evidence", evidence(ZORK))
    assert "1 of 1 pieces" in err


def test_test_fails_and_says_what_differs(rules, evidence):
    wrong = ("NULL", b"220 hello", {"service": "ftp", "soft": True})
    out, _ = run("test", rules, "--evidence", evidence(ZORK, wrong), status=1)
    assert 'zork.jsonl:2: error: service is "smtp", expected "ftp"' in out


def test_evidence_that_is_none_is_told_with_its_line(rules, evidence):
    path = evidence(ZORK)
    path.write_text(path.read_text() + "\n{\n")
    out, _ = run("test", rules, "--evidence", path, status=1)
    assert "zork.jsonl:2: error: no evidence:" in out


def test_coverage_counts_services_rules_and_evidence(rules, evidence):
    counted = json.loads(run("coverage", rules, "--evidence", evidence(ZORK), "--json")[0])
    assert counted["services"] == ["ask", "ftp", "smtp"]
    assert (counted["rules"], counted["rules_with_evidence"]) == (3, 1)
    assert (counted["recorded"], counted["specified"]) == (0, 1)
    assert counted["families"][0]["name"] == "zork"


def test_a_probe_and_a_service_are_shown(rules):
    out, _ = run("show", "Ask", rules)
    assert "ports     7,9-11" in out
    assert r"sends     6 bytes" in out
    assert "match ftp" in run("show", "ftp", rules)[0]
    run("show", "nothing", rules, status=1)


def test_rules_are_searched_by_any_of_their_text(rules):
    out, _ = run("search", "ZORK:", rules)
    assert out.startswith(f"{rules}:3: match ftp")
    run("search", "absent", rules, status=1)


def test_two_databases_are_compared_on_the_same_responses(rules, evidence, tmp_path):
    other = tmp_path / "other.probes"
    other.write_text("Probe TCP NULL q||\nmatch ftp m|^220 Z|\n")
    path = evidence(ZORK, ("NULL", b"nothing", {"service": "x"}))
    out, err = run("diff", rules, other, "--evidence", path)
    assert out == "zork.jsonl:1: ftp Zork 1.2 → ftp\n"
    assert "1 of 2 responses: the same" in err


def test_a_rule_is_drafted_from_a_response():
    out, _ = run("new", "--service", "zork", stdin=b"220 Zork 1.2.3 ready\r\n")
    assert out.startswith("match zork m")
    assert "Zork" in out
    assert "1.2.3" not in out


def test_an_empty_response_drafts_nothing():
    assert "empty" in run("new", status=1)[1]


@pytest.mark.parametrize("words", [[], ["frobnicate"], ["show"], ["diff", "a"], ["new", "a", "b"]])
def test_words_that_say_too_little_are_wrong_usage(words):
    run(*words, status=2)


def test_a_database_that_is_not_there_is_told():
    assert "no-such-file" in run("lint", "no-such-file", status=1)[1]


def test_the_bundled_evidence_yields_what_it_must():
    assert "pieces of evidence yield" in run("test")[1]


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path):
    pieces, findings = read_evidence([tmp_path / "absent.jsonl"])
    assert pieces == []
    assert findings[0].message.startswith("cannot be read")


def test_the_bundled_database_is_clean():
    assert run("lint")[0] == ""
