"""A rule that matches is always a candidate; most that do not are none."""

import pytest
from generated import CASES, rule
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from vscan_tui.matching.literals import conditions
from vscan_tui.matching.pattern import LimitError, Pattern
from vscan_tui.matching.prefilter import Prefilter, entries

FILLERS = [rule(b"^filler%d" % number) for number in range(40)]
"""So many rules that they are filed in an automaton."""


def matches(pattern, flags, response):
    try:
        return Pattern(pattern, flags).search(response) is not None
    except (ValueError, LimitError):
        return False


def candidates(rules, response):
    return Prefilter(entries(rules)).candidates(response)


MUTATIONS = st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=3)), max_size=3)


def mutated(response, mutations):
    for place, replacement in mutations:
        response = response[:place] + replacement + response[place + 1 :]
    return response


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(CASES, MUTATIONS, st.sampled_from([[], FILLERS]))
def test_every_rule_that_matches_is_a_candidate(case, mutations, others):
    pattern, flags, response = case
    response = mutated(response, mutations)
    assume(matches(pattern, flags, response))

    assert len(others) in candidates([*others, rule(pattern, flags)], response)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(CASES, min_size=25, max_size=40), MUTATIONS)
def test_many_rules_filed_together_lose_none(cases, mutations):
    rules = [rule(pattern, flags) for pattern, flags, _ in cases]
    prefilter = Prefilter(entries(rules))
    for _, _, response in cases[:5]:
        changed = mutated(response, mutations)
        found = set(prefilter.candidates(changed))
        for index, (pattern, flags, _) in enumerate(cases):
            if index not in found:
                assert not matches(pattern, flags, changed), (pattern, flags, changed)


@pytest.mark.parametrize(
    ("pattern", "response"),
    [
        (rb"^\12x", b"\nx"), (rb"^a(?#note)*b", b"b"), (rb"^\p{L}bc", b"abc"),
        (rb"[[:<:]]abc", b"abc"),
        (rb"^a{,3}bcd", b"bcd"), (rb"^xyz\E*ab", b"xyab"), (rb"(a)(?:abc|def)\g{1}", b"aabca"),
        (rb"(?|(abc)|(def))x", b"defx"), (rb"abc(*ACCEPT)def|z", b"abc"),
        (rb"^(?(?=a)abc|xyz)", b"xyz"),
        (rb"abc(?R)?", b"abc"), (rb"^(?i)ABC", b"abc"), (rb"a(?i)BC|DEF", b"def"),
        (rb"(?x) a b c", b"abc"),
        (rb"^abc\Kdef", b"abcdef"), (rb"(?<=abc)def", b"abcdef"), (rb"a(?=bcd)bc", b"abcd"),
        (rb"(?:abc){0}xyz", b"xyz"), (rb"(?:abc){2}", b"abcabc"), (rb"[a\Q]\E]bcd", b"]bcd"),
        (rb"^x(?:abc)+y", b"xabcabcy"), (rb"x(abc)+?yz", b"xabcabcyz"),
        (rb"x(abc){2}yz", b"xabcabcyz"),
        (rb"^(?:abc|xyz)?def", b"def"), (rb"^.{3}$", b"abc\n"), (rb"^(?:a|bc)+$", b"abca"),
        (rb"^[\xd5-\xef]...$", b"\xd6abc"),
        (rb"^(?:\xff[\xfb-\xfe].)+$", b"\xff\xfb\x01\xff\xfc\x02"),
    ],
)  # fmt: skip
def test_what_is_rarely_written_is_not_misread(pattern, response):
    flags = ""
    assert matches(pattern, flags, response)

    assert 0 in candidates([rule(pattern)], response)
    assert len(FILLERS) in candidates([*FILLERS, rule(pattern)], response)


@pytest.mark.parametrize(
    ("pattern", "response"),
    [
        (b"^SSH-2.0-Own", b"SSH-2.0-Other"), (b"Own server", b"Other server"), (b"^Own", b"An Own"),
        (b"^a.*bcd.*xyz", b"a xyz bcd"),
        (rb"^[0-9A-F]{8}$", b"0123456X"), (rb"^[0-9]{4}$", b"12345678"),
        (rb"^(?:north|south) pole", b"east pole"), (rb"^\w+(?:north|south)", b"the east"),
    ],
)  # fmt: skip
def test_a_rule_whose_literals_are_missing_is_no_candidate(pattern, response):
    assert candidates([rule(pattern)], response) == []


def test_candidates_come_in_the_order_of_the_rules():
    rules = [rule(b"^Own"), rule(b"^[O]w.*"), rule(b"Server"), rule(b"^Own Server")]

    assert candidates(rules, b"Own Server") == [0, 1, 2, 3]


def test_work_on_repeats_within_repeats_is_bounded():
    pattern = b"(?:" * 12 + b"abc" + b"){64}" * 12

    conditions(pattern, "")
    conditions(pattern + b"(?#through the tree)", "")
