"""The first rule in order that matches wins, whatever the prefilter does."""

import base64
import gzip
import json
import threading
import time
from pathlib import Path

import pytest
from generated import CASES, databases
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from vscan_tui.events import DatabaseIdentity
from vscan_tui.matching.matcher import MAX_OVERRUNS, MAX_RESPONSE_BYTES, Matcher
from vscan_tui.matching.pattern import LimitError, Pattern, check
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import ProbeDatabase
from vscan_tui.probedb.parser import parse
from vscan_tui.probedb.sources import OWN_NAME, DatabaseSource, load

SHARED = Path(__file__).parents[2].parent / "shared"
CONFORMANCE = SHARED / "conformance" / "match-cases.jsonl.gz"
NMAP_DATABASE = SHARED / "nmap-data" / "nmap-service-probes"

OWN = r"""
Probe TCP NULL q||
match first m|^A1| p/One/
softmatch soft m|^A|
match second m|^A2|
match banner m|^banner|
Probe TCP Ask q|ask|
fallback Other
match ask m|^ask ([a-z]+) ([a-z]+)?| p/$1/ v/$2/
Probe TCP Other q|other|
match other m|^other|
match ask-too m|^ask|
Probe UDP Ask q|ask|
match udp m|^ask|
"""


def match(found_in, name, response, protocol="tcp"):
    return Matcher(found_in).match(found_in.find(name, protocol), response)


@pytest.mark.parametrize(
    ("probe", "response", "service", "rule_probe", "tried"),
    [
        ("NULL", b"A1", "first", "NULL", 0),
        ("NULL", b"A2", "soft", "NULL", 1),
        ("NULL", b"banner", "banner", "NULL", 3),
        ("Ask", b"ask x ", "ask", "Ask", 0),
        ("Ask", b"ask 1", "ask-too", "Other", 2),
        ("Ask", b"other", "other", "Other", 1),
        ("Ask", b"banner", "banner", "NULL", 6),
        ("Other", b"banner", "banner", "NULL", 5),
    ],
)
def test_own_rules_then_fallbacks_then_the_null_probe(probe, response, service, rule_probe, tried):
    result = match(databases(OWN), probe, response)

    assert result.match is not None
    assert (result.match.service, result.match.probe) == (service, rule_probe)
    assert (result.match.tried, result.tried) == (tried, tried)


def test_no_match_has_tried_all_rules_of_the_chain():
    result = match(databases(OWN), "Ask", b"nothing")

    assert result.match is None
    assert result.tried == 1 + 2 + 4


def test_udp_does_not_fall_back_to_banners():
    assert match(databases(OWN), "Ask", b"banner", "udp").match is None


def test_a_match_says_all_that_is_needed_to_show_why():
    found = match(databases(OWN), "Ask", b"ask who ").match

    assert found.spans == ((0, 8), (4, 7), None)
    assert (found.fields.product, found.fields.version) == ("who", "")
    assert found.pattern == b"^ask ([a-z]+) ([a-z]+)?"
    assert (found.database, found.file, found.line) == ("a", "a", 9)


def test_a_soft_match_of_an_earlier_database_never_hides_a_hard_match_of_a_later_one():
    second = "Probe TCP Banner q||\nmatch hard m|^A9|\n"
    found = match(databases(OWN, second), "NULL", b"A9")

    assert (found.match.service, found.match.soft) == ("hard", False)
    assert found.match.tried == 4


def test_without_a_hard_match_the_first_soft_match_counts():
    second = "Probe TCP Banner q||\nsoftmatch later m|^A9|\n"

    assert match(databases(OWN, second), "NULL", b"A9").match.service == "soft"


def test_a_hard_match_of_an_earlier_database_wins():
    second = "Probe TCP Banner q||\nmatch later m|^A1|\n"

    assert match(databases(OWN, second), "NULL", b"A1").match.service == "first"


@pytest.mark.parametrize(
    ("earlier", "later", "wins"),
    [
        ("web m|^W|", "web m|^W| p/Web/", "later"),
        ("web m|^W| p/Web/", "web m|^W| p/web/ v/1/", "later"),
        ("web m|^W| p/Web/ v/1/", "web m|^W| p/Web/ v/1.2/ i/more/", "earlier"),
        ("web m|^W| p/Web/", "web m|^W| p/Other/ v/1/", "earlier"),
        ("web m|^W| p/Web/ i/this/", "web m|^W| p/Web/ i/that/", "earlier"),
        ("web m|^W| i/this/", "web m|^W| p/Web/ v/1/", "earlier"),
        ("web m|^W|", "mail m|^W| p/Web/ v/1/", "earlier"),
        ("web m|^W|", "web m|^W| i/that/", "earlier"),
    ],
)
def test_a_later_database_wins_where_it_tells_more_of_the_same(earlier, later, wins):
    texts = [f"Probe TCP NULL q||\nmatch {rule}\n" for rule in (earlier, later)]
    found = match(databases(*texts), "NULL", b"W").match
    assert found.database == {"earlier": "a", "later": "b"}[wins]


def test_the_users_own_rules_come_first_even_if_others_tell_more():
    texts = [f"Probe TCP NULL q||\nmatch web m|^W|{rest}\n" for rest in ("", " p/Web/ v/1/")]
    own, other = databases(*texts).databases
    own = replace(own, identity=replace(own.identity, name=OWN_NAME))
    found = match(ProbeDatabases((own, other)), "NULL", b"W").match
    assert found.database == OWN_NAME


def test_a_database_that_lacks_the_probe_still_knows_banners():
    second = "Probe TCP Banner q||\nmatch later m|^late|\n"

    assert match(databases(OWN, second), "Ask", b"late").match.service == "later"


def test_a_rule_that_runs_into_a_limit_does_not_match_and_the_next_is_tried():
    own = databases("Probe TCP NULL q||\nmatch slow m|^(?:a+)+$|\nmatch next m|^aaa|\n")

    assert match(own, "NULL", b"a" * 60 + b"b").match.service == "next"


SLOW = b"a" * 30_000 + b" z!"
"""`[a-z]*[a-y]z!` tries each of its letters, and from each looks at all that follow."""


def test_a_rule_that_takes_too_long_does_not_match_and_the_next_is_tried(monkeypatch):
    monkeypatch.setattr("vscan_tui.matching.pattern.SEARCH_SECONDS", 0.02)
    told = []
    own = databases("Probe TCP NULL q||\nmatch slow m|[a-z]*[a-y]z!|\nmatch next m|^aaa|\n")
    matcher = Matcher(own, lambda rule: told.append((rule.file, rule.line)))
    probe = own.find("NULL", "tcp")

    assert [matcher.match(probe, SLOW).match.service for _ in range(2)] == ["next"] * 2
    assert told == [("a", 2)]
    assert matcher.match(probe, b"abcz!" + SLOW).match.service == "slow"


def test_after_some_responses_such_a_rule_is_not_tried_any_more(monkeypatch):
    monkeypatch.setattr("vscan_tui.matching.pattern.SEARCH_SECONDS", 0.02)
    own = databases("Probe TCP NULL q||\nmatch slow m|[a-z]*[a-y]z!|\n")
    matcher = Matcher(own)
    probe = own.find("NULL", "tcp")
    for _ in range(MAX_OVERRUNS):
        assert matcher.match(probe, SLOW).match is None

    assert matcher.match(probe, b"abcz!").match is None


def test_whoever_matches_may_rest_while_a_regex_takes_long_and_after_each_search(monkeypatch):
    monkeypatch.setattr("vscan_tui.matching.pattern.SEARCH_SECONDS", 0.05)
    own = databases("Probe TCP NULL q||\nmatch slow m|[a-z]*[a-y]z!|\nmatch next m|^aaa|\n")
    rests = []
    matcher = Matcher(own, worked=lambda: rests.append(None))

    matcher.match(own.find("NULL", "tcp"), b"aaa")
    assert len(rests) == 1
    matcher.match(own.find("NULL", "tcp"), SLOW)
    assert len(rests) > 5


def test_other_threads_have_their_turn_while_a_regex_takes_long(monkeypatch):
    monkeypatch.setattr("vscan_tui.matching.pattern.SEARCH_SECONDS", 0.3)
    own = databases("Probe TCP NULL q||\nmatch slow m|[a-z]*[a-y]z!|\n")
    matching = threading.Thread(
        target=Matcher(own).match, args=(own.find("NULL", "tcp"), SLOW), daemon=True
    )
    turns = 0
    matching.start()
    while matching.is_alive():
        turns += 1
        time.sleep(0)

    assert turns > 10


def test_a_rule_that_pcre2_refuses_is_passed_over():
    text = b"Probe TCP NULL q||\nmatch bad m|aaa(|\nmatch good m|^aaa|\n"
    probes = parse(text, "own").probes  # with no check of regexes
    own = ProbeDatabases((ProbeDatabase(DatabaseIdentity("own", "", 0, 0, ""), probes),))

    assert match(own, "NULL", b"aaa").match.service == "good"


def test_what_lies_beyond_the_bound_is_not_looked_at():
    own = databases("Probe TCP NULL q||\nmatch far m|needle|\n")
    straw = b"x" * (MAX_RESPONSE_BYTES - 6)

    assert match(own, "NULL", straw + b"needle").match is not None
    assert match(own, "NULL", straw + b"xneedle").match is None


def brute_force(found_in, probe, response):
    """(line, tried) of the first rule that matches when all are tried in order."""
    tried = 0
    (database,) = found_in.databases
    for member in database.chain(probe.members[0].probe):
        for rule in member.rules:
            try:
                if Pattern(rule.pattern, rule.flags).search(response) is not None:
                    return rule.line, tried
            except LimitError:
                pass
            tried += 1
    return None, tried


def outcome(result):
    return result.match.line if result.match else None, result.tried


@settings(max_examples=60)
@given(st.lists(CASES, min_size=1, max_size=30), st.binary(max_size=8))
def test_the_answer_is_that_of_trying_every_rule_in_order(cases, tail):
    lines = ["Probe TCP NULL q||"]
    for pattern, flags, _ in cases:
        if b"\n" not in pattern and check(pattern, flags) is None and b"~" not in pattern:
            lines.append(f"match own m~{pattern.decode('latin-1')}~{flags}")
    own = databases("\n".join(lines))
    matcher = Matcher(own)
    probe = own.find("NULL", "tcp")
    for _, _, response in cases:
        for changed in (response, response + tail, tail + response):
            assert outcome(matcher.match(probe, changed)) == brute_force(own, probe, changed)


def conformance_cases():
    with gzip.open(CONFORMANCE) as lines:
        return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def nmap_database():
    if not NMAP_DATABASE.is_file() or not CONFORMANCE.is_file():
        pytest.skip("the conformance cases are not on this machine")
    return ProbeDatabases((load(DatabaseSource("nmap", NMAP_DATABASE), check_pattern=check),))


def answer(result, probe):
    """What a match came to, in the words of the conformance cases."""
    found = result.match
    if found is None:
        return None
    fields = {name: getattr(found.fields, name) for name in
              ("product", "version", "info", "hostname", "ostype", "devicetype")}  # fmt: skip
    cpes = {f"cpe_{cpe[5]}": cpe for cpe in found.fields.cpes}
    head = {"service": found.service, "soft": found.soft, "line": found.line,
            "rule_probe": found.probe}  # fmt: skip
    return head | {name: value for name, value in (fields | cpes).items() if value}


def is_right(mine, expected):
    """Equal, but for a whole field where Nmap's buffer (80 bytes or more) was too small."""
    if mine is None or expected is None:
        return mine == expected
    longer = {name for name, value in mine.items() if name not in expected and len(value) >= 32}
    return {name: value for name, value in mine.items() if name not in longer} == expected


def test_nmaps_own_matcher_gives_the_same_answers(nmap_database):
    matcher = Matcher(nmap_database)
    cases = conformance_cases()
    wrong = []
    for case in cases:
        probe = nmap_database.find(case["probe"], case["proto"])
        result = matcher.match(probe, base64.b64decode(case["response"]))
        if not is_right(answer(result, probe), case["expect"]):
            wrong.append(case["id"])

    assert len(cases) > 4000
    assert wrong == []


def test_real_rules_are_never_lost_to_the_prefilter(nmap_database):
    matcher = Matcher(nmap_database)
    for case in conformance_cases()[::400]:
        probe = nmap_database.find(case["probe"], case["proto"])
        response = base64.b64decode(case["response"])
        assert outcome(matcher.match(probe, response)) == brute_force(
            nmap_database, probe, response
        )
