"""Regexes mean here what they mean in Nmap."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.matching.pattern import UNGUARDED_BYTES, LimitError, Pattern, check


def spans(pattern, response, flags=""):
    return Pattern(pattern, flags).search(response)


@pytest.mark.parametrize(
    ("pattern", "flags", "response", "matches"),
    [
        (rb"^a.b", "", b"a\nb", False),
        (rb"^a.b", "s", b"a\nb", True),
        (rb"^AB", "", b"ab", False),
        (rb"^AB", "i", b"ab", True),
        (rb"b$", "", b"ab\n", True),
        (rb"b$", "", b"ab\nc", False),
        (rb"^b", "", b"a\nb", False),
        (rb"b", "", b"ab", True),
        (rb"^\xe9$", "", b"\xe9", True),
        (rb"^\w", "", b"\xe9", False),
        (rb"^\xE9", "i", b"\xc9", False),
        (rb"^\x41\x4a$", "", b"AJ", True),
        (rb"^\x{41}\x{0042}$", "", b"AB", True),
        (rb"^a\x9b$", "", b"a\x9b", True),
        (rb"^a\xg$", "", b"a\0g", True),
        (rb"^a\C$", "", b"a\n", True),
        (rb"^\Q\x41\E$", "", rb"\x41", True),
        (rb"^\\x41$", "", rb"\x41", True),
    ],
)
def test_what_a_regex_means(pattern, flags, response, matches):
    assert (spans(pattern, response, flags) is not None) is matches


def test_spans_are_those_of_the_match_and_its_groups():
    assert spans(rb"(b)(x)?(c)", b"abc") == ((1, 3), (1, 2), None, (2, 3))


@pytest.mark.parametrize("pattern", [rb"\U", rb"\u0041", rb"\l", rb"\L", rb"(", rb"\x{100}"])
def test_what_pcre2_refuses_is_refused_with_a_place(pattern):
    offset, message = check(b"^ab" + pattern, "")

    assert 0 <= offset <= len(pattern) + 3
    assert message.startswith("PCRE2 refuses the regex")


def test_the_place_of_a_fault_is_that_in_the_rule():
    assert check(b"^abc[", "")[0] == 5


@pytest.mark.parametrize("pattern", [b"", b"a*", b"a?|b", b"(?=)", b"$"])
def test_a_regex_that_matches_nothing_at_all_is_refused(pattern):
    assert "empty string" in check(pattern, "")[1]


def test_a_good_regex_passes():
    assert check(rb"^SSH-([\d.]+)", "") is None


def test_a_search_that_runs_into_a_limit_says_so():
    with pytest.raises(LimitError):
        spans(rb"^(?:a+)+$", b"a" * 60 + b"b")


@given(st.binary(max_size=30), st.sampled_from(["", "i", "s", "is"]), st.binary(max_size=30))
def test_no_regex_raises_anything_else(pattern, flags, response):
    if check(pattern, flags) is None:
        with contextlib.suppress(LimitError):
            spans(pattern, response, flags)


@pytest.mark.parametrize(
    ("pattern", "response"),
    [
        (rb"b+c", b"bbc"), (rb"x|(b+)c", b"bbc"), (rb"(*ANYCRLF)b+c", b"bbc"), (rb"^x|b+c", b"bbc"),
        (rb"^(?:x|b)+c", b"bbc"), (rb"^[|]b\|(x|b)c", b"|b|bc"), (rb"(?<=a)b+c", b"abc"),
    ],
)  # fmt: skip
def test_a_long_response_is_searched_like_a_short_one(pattern, response):
    end = b"\n" * (2 * UNGUARDED_BYTES)

    assert spans(pattern, response) is not None
    assert spans(pattern, response + end) == spans(pattern, response)
    assert spans(pattern, response[:-1] + end) is None
