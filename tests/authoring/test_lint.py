"""What an author is told of a database, from its text alone and in the light of evidence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vscan_tui.authoring.attack import attacks, runs_away
from vscan_tui.authoring.evidence import Evidence, Expected, Piece
from vscan_tui.authoring.finding import Severity
from vscan_tui.authoring.lint import evidence_findings, lint
from vscan_tui.authoring.trials import Trials
from vscan_tui.matching.pattern import LimitError, Pattern, check
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseSource, load


@pytest.fixture
def database(tmp_path):
    def made(*lines):
        path = tmp_path / "some.probes"
        path.write_text("\n".join(["Probe TCP NULL q||", *lines, ""]), encoding="latin-1")
        return load(DatabaseSource("some", path), check_pattern=check)

    return made


def found(findings):
    return [(finding.severity.value, finding.kind, finding.line) for finding in findings]


def test_a_good_rule_has_no_finding(database):
    assert (
        lint(database(r"match ftp m|^220 Zork ([\d.]+)\r\n| p/Zork/ v/$1/ cpe:/a:z:zork:$1/")) == []
    )


@pytest.mark.parametrize(
    ("rule", "severity", "kind"),
    [
        (r"match ftp m|^220 (|", "error", "syntax"),
        (r"match ftp m|^220 Zork (\d)| p/Zork/ cpe:/a:z:zork/", "warning", "group"),
        (r"match ftp m|^220 Zork| i/$1/", "error", "group"),
        (r"match ftp m|Zo|", "warning", "anchor"),
        (r"match ftp m/^220 Zork|Zo/", "warning", "anchor"),
        (r"match ftp m|Zork FTP|", "note", "anchor"),
        (r"match ftp m|^220 Zork| p/Zork/", "note", "cpe"),
        (r"match ftp m|^220 (?:a+)+b|", "warning", "runaway"),
    ],
)
def test_what_is_doubtful_in_a_rule_is_told_with_its_line(database, rule, severity, kind):
    assert found(lint(database(rule))) == [(severity, kind, 2)]


@pytest.mark.parametrize(
    "rule",
    [
        r"match ftp m/^220 (a|b) \1/",
        r"match ftp m/(?:^220 Zork|^230 Zork)/",
        r"match ftp m|^220 Z([\d.]+)| cpe:/a:z:zork:$1/",
        r'match ftp m|^220 Z([\d_]+)| v/$SUBST(1,"_",".")/',
    ],
)
def test_a_group_that_is_used_and_a_regex_that_is_anchored_are_right(database, rule):
    assert lint(database(rule)) == []


def test_the_same_regex_twice_never_fires_the_second_time(database):
    rules = [r"match a m|^220 Zork|", r"match b m|^220 Zork|", r"softmatch c m|^220 Zork|"]
    assert found(lint(database(*rules))) == [
        ("error", "unreachable", 3),
        ("error", "unreachable", 4),
    ]


def test_a_hard_rule_after_a_soft_one_may_have_the_same_regex(database):
    assert lint(database(r"softmatch a m|^220 Zork|", r"match b m|^220 Zork|")) == []


def test_two_probes_that_send_the_same_are_told(database):
    probes = ["Probe TCP Y q|z|", "match b m|^Zork B|", "Probe TCP Z q|z|", "match c m|^Zork C|"]
    assert found(lint(database(*probes))) == [("warning", "probe", 4)]


def piece(response, line=1, **expected):
    expect = Expected(**{"service": "ftp", **expected})
    return Piece("e.jsonl", line, Evidence("NULL", "tcp", response, "a server", expect, "recorded"))


def proved(database, *pieces):
    return evidence_findings(database, Trials(ProbeDatabases((database,))).of(pieces))


def test_evidence_that_yields_what_it_must_proves_its_rule(database):
    rules = database(r"match ftp m|^220 Zork ([\d.]+)| v/$1/")
    assert proved(rules, piece(b"220 Zork 1.2", version="1.2")) == []


def test_evidence_that_yields_something_else_is_told_with_what_differs(database):
    rules = database(r"match ftp m|^220 Zork ([\d.]+)| v/$1/")
    (finding,) = proved(rules, piece(b"220 Zork 1.2", line=7, version="1.3"))
    assert (finding.file, finding.line) == ("e.jsonl", 7)
    assert finding.message == 'version is "1.2", expected "1.3"'


def test_a_rule_and_a_field_without_evidence_are_told(database):
    rules = database(
        r"match ftp m|^220 Zork(?: ([\d.]+))?| p/Zork/ v/$1/", r"match ftp m|^230 Zork|"
    )
    findings = proved(rules, piece(b"220 Zork", product="Zork"))
    assert [(finding.line, finding.message) for finding in findings] == [
        (2, "no evidence fills its field version"),
        (3, "no evidence fires it"),
    ]


def test_a_rule_that_only_matches_where_an_earlier_one_fires_is_shadowed(database):
    rules = database("match ftp m|^220 Z|", "match ftp m|^220 Zork|")
    (finding,) = proved(rules, piece(b"220 Zork"))
    assert (finding.kind, finding.line) == ("shadowed", 3)
    assert finding.message == "line 2 fires before it on all evidence that it matches"


def test_rules_of_two_services_that_match_the_same_response_overlap(database):
    rules = database("match ftp m|^220 Zo|", "match smtp m|^220 Z|")
    findings = proved(rules, piece(b"220 Zork"), piece(b"220 Zip", service="smtp"))
    assert found(findings) == [("note", "overlap", 3)]


def test_evidence_for_an_unknown_probe_is_told(database):
    rules = database("match ftp m|^220 Z|")
    other = Piece("e", 1, Evidence("Zap", "tcp", b"", "x", Expected(service="ftp"), "recorded"))
    assert "the database has no probe Zap" in {f.message for f in proved(rules, other)}


def test_a_runaway_regex_is_found_with_the_response_that_shows_it():
    response = runs_away(rb"^a(?:[^b]*,)*\d*x", "")
    assert response is not None
    with pytest.raises(LimitError):
        Pattern(rb"^a(?:[^b]*,)*\d*x", "").search(response)


@pytest.mark.parametrize("pattern", [rb"^220 [^\r\n]*\r\n", rb"^\d+ [a-z]+ \w+$", rb"^ab*c"])
def test_a_tame_regex_withstands_the_attack(pattern):
    assert runs_away(pattern, "") is None


@settings(max_examples=200)
@given(st.text(alphabet="ab.*+?()[]{}|^$\\d1,-", max_size=30))
def test_any_regex_can_be_attacked_within_bounds(pattern):
    for response in attacks(pattern.encode(), ""):
        assert len(response) < 1_000_000


def test_severities_are_ordered_as_they_are_told():
    assert [severity.value for severity in Severity] == ["error", "warning", "note"]
