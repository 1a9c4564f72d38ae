"""A regex is taken apart, and PCRE2 itself says which bytes each part matched."""

import pytest
from generated import CASES, rule
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from vscan_tui.matching.colouring import Kind, coloured
from vscan_tui.matching.parts import PartKind, dissect, parts_of
from vscan_tui.matching.pattern import LimitError, Pattern, check


def texts(pattern, flags=""):
    return [pattern[slice(*part.span)] for part in parts_of(pattern, flags)]


def placed(pattern, response, flags=""):
    """Which bytes each part matched."""
    found = dissect(rule(pattern, flags), response)
    return [
        (pattern[slice(*part.span)], None if place is None else response[slice(*place)])
        for part, place in zip(found.parts, found.places, strict=True)
    ]


def test_literals_stand_together_and_each_class_alone():
    assert texts(rb"^SSH-([\d.]+)-Own_(\w+)\r?\n") == [
        b"^", b"SSH-", rb"[\d.]+", b"-Own_", rb"\w+", rb"\r?", rb"\n",
    ]  # fmt: skip


def test_a_part_knows_the_group_that_it_is_in():
    assert [(part.group, part.kind) for part in parts_of(rb"a(\d(b))(?:c)", "")] == [
        (0, PartKind.LITERAL),
        (1, PartKind.CLASS),
        (2, PartKind.LITERAL),
        (0, PartKind.LITERAL),
    ]


def test_a_repeated_group_and_a_condition_are_one_part_each():
    assert texts(rb"x(?:ab)*(?=q)(y|z)?") == [b"x", b"(?:ab)*", b"(?=q)", b"y", b"z"]


def test_the_bytes_of_each_part():
    assert placed(rb"^SSH-([\d.]+)-Own(?:_(\w+))?\r?\n", b"SSH-2.0-Own_9\n") == [
        (b"^", b""), (b"SSH-", b"SSH-"), (rb"[\d.]+", b"2.0"), (b"-Own", b"-Own"),
        (b"_", b"_"), (rb"\w+", b"9"), (rb"\r?", b""), (rb"\n", b"\n"),
    ]  # fmt: skip


def test_a_branch_that_took_no_part_has_no_bytes():
    assert placed(rb"^(?:cat|dog)$", b"dog") == [
        (b"^", b""), (b"cat", None), (b"dog", b"dog"), (b"$", b""),
    ]  # fmt: skip


def test_a_reference_is_still_to_its_group():
    assert placed(rb"(\w)-(\d)\2\1", b"a-77a")[-2:] == [(rb"\2", b"7"), (rb"\1", b"a")]


def test_a_rule_that_fails_shows_what_fits_and_the_part_that_does_not():
    found = dissect(rule(rb"^Own FTP ([\d.]+) ready"), b"Own FTP 1.2 redy")
    (failed,) = found.failed

    assert not found.matches
    assert found.places[:3] == (None, (0, 8), (8, 11))
    assert texts(rb"^Own FTP ([\d.]+) ready")[failed] == b" ready"
    assert (found.stops[0].offset, found.stops[0].found) == (14, ord("d"))


def test_a_rule_that_hits_a_limit_says_so():
    assert dissect(rule(rb"^(?:a+)+$"), b"a" * 60 + b"b").hit_limit


@pytest.mark.parametrize("pattern", [rb"(a)\g1", rb"(?|(a)|(b))c", rb"(?<n>a)\k<n>", rb"\Qa.b\E"])
def test_what_cannot_be_taken_apart_is_told_without_places(pattern):
    found = dissect(rule(pattern), b"aac a.b")

    assert len(found.parts) == len(found.places)


def search(pattern, flags, response):
    try:
        return Pattern(pattern, flags).search(response)
    except LimitError:
        return None


@settings(max_examples=150)
@given(CASES)
def test_parts_lie_within_the_match_that_pcre2_finds(case):
    pattern, flags, response = case
    assume(check(pattern, flags) is None)
    spans = search(pattern, flags, response)
    assume(spans is not None)
    found = dissect(rule(pattern, flags), response)

    assert found.spans == spans
    consuming = [
        place
        for part, place in zip(found.parts, found.places, strict=True)
        if place is not None and part.kind is not PartKind.OTHER
    ]
    assert all(spans[0][0] <= start <= end <= spans[0][1] for start, end in consuming)


@settings(max_examples=150)
@given(st.binary(max_size=40), st.sampled_from(["", "i", "s"]), st.binary(max_size=40))
def test_anything_is_taken_apart_and_coloured(pattern, flags, response):
    found = dissect(rule(pattern, flags), response)
    edges = [edge for part in found.parts for edge in part.span]
    pieces = [span for span, _ in coloured(pattern)]

    assert edges == sorted(edges)
    assert b"".join(pattern[slice(*span)] for span in pieces) == pattern


def test_every_sign_has_its_kind():
    found = {
        rb"^a\d\x41(?:[b]+|c{2,3}?)\1$"[slice(*span)]: kind
        for span, kind in coloured(rb"^a\d\x41(?:[b]+|c{2,3}?)\1$")
    }
    assert found == {
        b"^": Kind.ANCHOR, b"a": Kind.LITERAL, rb"\d": Kind.CLASS, rb"\x41": Kind.ESCAPE,
        b"(?:": Kind.GROUP, b"[b]": Kind.CLASS, b"+": Kind.QUANTIFIER, b"|": Kind.GROUP,
        b"c": Kind.LITERAL, b"{2,3}?": Kind.QUANTIFIER, b")": Kind.GROUP,
        rb"\1": Kind.REFERENCE, b"$": Kind.ANCHOR,
    }  # fmt: skip
