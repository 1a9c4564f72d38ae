"""Why a rule did not match is told to the byte, and the nearest rule comes first."""

import pytest
from generated import CASES, databases, rule
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vscan_tui.matching.alignment import MAX_CHANGES, align
from vscan_tui.matching.explain import Fate, explain, explain_rule, nearest_rules, rule_list
from vscan_tui.matching.pattern import LimitError, Pattern, check

OWN = r"""
Probe TCP NULL q||
match ftp m|^220 ([-.\w]+) Own FTP ([\d.]+) ready\r\n| p/Own FTP/ v/$2/ h/$1/
match ftp m|^220 Other FTP server (\d+)\r\n|
match ssh m|^SSH-([\d.]+)-OwnSSH_([\w.]+)\r?\n| p/OwnSSH/ v/$2/
softmatch ssh m|^SSH-([\d.]+)-|
match slow m|^(?:a+)+$|
match http m|^HTTP/1\.[01] \d\d\d .*\r\nServer: Own/([\d.]+)\r\n|s
match time m|^[\xd5-\xef]...$|s
"""


def explained(response, **options):
    own = databases(OWN)
    return explain(own, own.find("NULL", "tcp"), response, **options)


def fates(response):
    return {fate.rule.line: fate for fate in explained(response).fates}


def test_every_rule_is_there_in_order():
    assert [fate.rule.line for fate in explained(b"").fates] == [3, 4, 5, 6, 7, 8, 9]


def test_the_rule_that_fired_and_those_in_its_shadow():
    found = fates(b"SSH-2.0-OwnSSH_9\r\n")

    assert found[5].fate is Fate.FIRED
    assert found[5].spans == ((0, 18), (4, 7), (15, 16))
    assert found[6].fate is Fate.SHADOWED
    assert found[3].fate is Fate.FAILED


def test_a_rule_of_a_recording_is_found_where_it_stands_today():
    own = databases(OWN)
    rules = rule_list(own, own.find("NULL", "tcp"), b"")
    moved = rules[4].rule

    assert rules.place_of(moved.pattern, moved.file, moved.line) == 4
    assert rules.place_of(moved.pattern, moved.file, moved.line + 20) == 4
    assert rules.place_of(moved.pattern, "another.probes", moved.line) is None
    assert rules.place_of(b"another", moved.file, moved.line) is None


def test_how_each_field_was_filled():
    fields = fates(b"220 host Own FTP 1.2 ready\r\n")[3].fields

    assert [(field.name, field.template, field.value, field.groups) for field in fields] == [
        ("product", "Own FTP", "Own FTP", ()),
        ("version", "$2", "1.2", (2,)),
        ("hostname", "$1", "host", (1,)),
    ]


def test_a_rule_that_hit_a_limit_says_so():
    assert fates(b"a" * 60 + b"b")[7].fate is Fate.LIMIT


def test_a_rule_that_failed_says_how_far_its_literals_go():
    failed = fates(b"220 host Own FTP 1.2 redy\r\n")[3]

    assert failed.fate is Fate.FAILED
    assert failed.met == ((0, 4), (8, 17))
    assert failed.stop.wanted == " ready\r\n"


def test_a_prefix_that_is_missed_says_the_byte():
    stop = fates(b"SSG-2.0-x")[6].stop

    assert (stop.offset, stop.found, stop.wanted) == (2, ord("G"), "h-")


@pytest.mark.parametrize(
    ("response", "line", "offsets"),
    [
        (b"220 host Own FTQ 1.2 ready\r\n", 3, [15]),
        (b"221 host Own FTQ 1.2 ready\r\n", 3, [2, 15]),
        (b"SSH-2.0-OwnSSH:9\r\n", 5, [14]),
        (b"HTTP/1.1 2x0 OK\r\nServer: Own/1\r\n", 8, [10]),
        (b"220 Other FTP server x\r\n", 4, [21]),
    ],
)
def test_the_nearest_rule_comes_first_with_the_bytes_that_stopped_it(response, line, offsets):
    nearest = [miss for miss in explained(response).nearest if not miss.rule.soft]

    assert nearest[0].rule.line == line
    assert [stop.offset for stop in nearest[0].stops] == offsets
    assert nearest[0].changes == len(offsets)


def test_a_stop_says_what_the_regex_wanted():
    _, stops = explain_rule(rule(rb"^Own (\d+) x"), b"Own a x")

    assert [(stop.offset, stop.found, stop.wanted) for stop in stops] == [(4, ord("a"), r"\d")]


def test_a_rule_that_is_met_only_in_part_says_where_it_ends():
    alignment, (stop,) = explain_rule(rule(b"^Own server"), b"Own cabbage")

    assert not alignment.is_complete
    assert alignment.met == (((1, 5), (0, 4)),)
    assert (stop.offset, stop.wanted) == (4, "s")


def test_a_response_that_ends_too_early_says_so():
    _, (stop,) = explain_rule(rule(b"^Own server"), b"Own")

    assert (stop.offset, stop.found, stop.wanted) == (3, None, " ")


def test_rules_that_match_are_not_near_misses():
    own = databases(OWN)
    near = nearest_rules(own, own.find("NULL", "tcp"), b"SSH-2.0-OwnSSH_9\r\n", 9)

    assert {miss.rule.line for miss in near}.isdisjoint({5, 6})


def test_scores_fall_and_lie_between_nothing_and_all():
    scores = [miss.score for miss in explained(b"220 host Own FTQ 1.2\r\n", nearest=9).nearest]

    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def matches(pattern, flags, response):
    try:
        return Pattern(pattern, flags).search(response) is not None
    except LimitError:
        return False


@settings(max_examples=100)
@given(CASES, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 255)), max_size=2))
def test_a_matching_response_with_few_bytes_changed_is_that_near(case, changes):
    pattern, flags, response = case
    assume(check(pattern, flags) is None and matches(pattern, flags, response))
    changed = bytearray(response)
    for place, byte in changes:
        if place < len(changed):
            changed[place] = byte
    alignment = align(pattern, flags, bytes(changed))

    different = sum(before != after for before, after in zip(response, changed, strict=True))
    assert different <= MAX_CHANGES
    assert not alignment.is_complete or len(alignment.changes) <= max(1, different)


@settings(max_examples=100)
@given(st.binary(max_size=40), st.sampled_from(["", "i", "s"]), st.binary(max_size=40))
def test_nothing_that_is_laid_against_anything_raises(pattern, flags, response):
    alignment = align(pattern, flags, response)

    assert all(0 <= change.offset <= len(response) for change in alignment.changes)
    assert all(0 <= start <= end <= len(response) for _, (start, end) in alignment.met)


def test_a_regex_too_large_for_it_is_left_alone():
    assert not align(b"^" + b"(?:abc){200}" * 10, "", b"abc" * 10).is_complete


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_response_is_explained(response):
    explanation = explained(response)

    assert len(explanation.fates) == 7
    assert sum(fate.fate is Fate.FIRED for fate in explanation.fates) <= 1
