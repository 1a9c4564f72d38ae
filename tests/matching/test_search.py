"""Text, bytes and regexes found in a response."""

import itertools
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.matching import search
from vscan_tui.matching.search import Query, QueryError, QueryKind, find, parse_query


def spans(text, data, **given):
    hits = find(parse_query(text), data, **given)
    return [hits[number] for number in range(len(hits))]


@pytest.fixture(params=[64, 262_144])
def window(request, monkeypatch):
    """Hits are the same whether a response is one window or many."""
    monkeypatch.setattr(search, "_WINDOW", request.param)
    monkeypatch.setattr(search, "_SMALLEST_WINDOW", 16)
    return request.param


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("nginx", Query(QueryKind.TEXT, b"nginx", caseless=True)),
        ("Nginx", Query(QueryKind.TEXT, b"Nginx")),
        (r"\x16\x03", Query(QueryKind.TEXT, b"\x16\x03", caseless=True)),
        (r"\r\n\0\\", Query(QueryKind.TEXT, b"\r\n\0\\", caseless=True)),
        ("hex:0d0a", Query(QueryKind.HEX, b"\r\n")),
        ("hex: 0d 0A", Query(QueryKind.HEX, b"\r\n")),
        ("hex: 0x0d,0x0a", Query(QueryKind.HEX, b"\r\n")),
        ("re: ^a+", Query(QueryKind.REGEX, b"^a+")),
        ("é", Query(QueryKind.TEXT, b"\xe9")),
        ("→", Query(QueryKind.TEXT, "→".encode())),
    ],
)
def test_what_is_typed_is_understood(typed, wanted):
    found = parse_query(typed)
    assert (found.kind, found.wanted) == (wanted.kind, wanted.wanted)


@pytest.mark.parametrize("typed", ["", "hex:", "hex: 0", "hex: zz", "re:", "re: (", r"\q", "\\"])
def test_what_is_not_understood_is_said_in_a_sentence(typed):
    with pytest.raises(QueryError, match=r"[A-Z\\].*[.\]+]$"):
        parse_query(typed)


def test_text_in_lower_case_is_found_in_any_case_and_other_text_is_not():
    assert spans("server", b"Server: SERVER") == [(0, 6), (8, 14)]
    assert spans("Server", b"Server: SERVER") == [(0, 6)]


def test_bytes_are_found_as_they_are():
    assert spans("hex: 41", b"aAa") == [(1, 2)]


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=2))
def test_every_place_is_found_once(data, wanted):
    expected = [found.span() for found in re.finditer(re.escape(wanted), data)]
    assert spans(f"hex: {wanted.hex()}", data) == expected


def test_places_at_the_borders_of_windows_are_found(window):
    data = b"".join(bytes([65 + number % 23]) * 61 + b"nginx" for number in range(40))
    expected = [found.span() for found in re.finditer(rb"nginx", data)]
    assert spans("nginx", data) == expected
    assert spans("re: ngi[nm]x", data) == expected


def test_a_regex_finds_what_python_finds(window):
    made = random.Random(7)
    data = bytes(made.choice(b"ab<>\r\n12") for _ in range(5000))
    for regex in (rb"a+b", rb"<[^>]{1,30}>", rb"(?<=a)b", rb"\d+\r\n", rb"(?m)^a.*$", rb"\bab\b"):
        expected = [found.span() for found in re.finditer(regex, data)]
        assert spans(f"re: {regex.decode()}", data) == expected


def test_a_caret_is_the_beginning_of_the_response_only(window):
    assert spans("re: ^a", b"a" * 1000) == [(0, 1)]


def test_a_dollar_is_the_end_of_the_response_only(window):
    assert spans("re: a$", b"a" * 1000) == [(999, 1000)]


def test_a_long_hit_is_found_whole(window):
    data = b"x" * 100 + b"<" + b"a" * 20_000 + b">" + b"x" * 100
    if window > 64:  # a small window sees no end of it
        assert spans("re: (?s)<.*", data) == [(100, len(data))]
    assert spans("re: <a*", data) == [(100, 20_101)]


def test_the_empty_string_is_not_found():
    assert spans("re: x*", b"axxb") == [(1, 3)]


def test_a_runaway_regex_ends_and_says_what_it_passed_over(monkeypatch):
    monkeypatch.setattr(search, "MATCH_LIMIT", 200)
    search._compiled.cache_clear()
    data = b"b" * 50 + b"hit" + b"a" * 40 + b"c" + b"-" * 3000 + b"aaac hit"
    hits = find(parse_query("re: (?:a+)+[bd]|hit"), data)
    assert [hits[number] for number in range(len(hits))] == [(50, 53), (3099, 3102)]
    assert hits.note == "some places were too much work for the regex"
    search._compiled.cache_clear()


def test_a_search_that_takes_too_long_tells_what_it_has():
    seconds = itertools.count(0.0, search.MAX_SECONDS / 4)
    hits = find(parse_query("a"), b"a" + b"-" * 5_000_000, clock=lambda: next(seconds))
    assert hits[0] == (0, 1)
    assert hits.note == "stopped after 20 s"


def test_a_search_that_nobody_waits_for_ends():
    answers = iter([True, False])
    hits = find(
        Query(QueryKind.HEX, b"z"), b"z" + bytes(10_000_000), is_wanted=lambda: next(answers)
    )
    assert len(hits) == 1


@pytest.mark.parametrize("typed", ["a", "re: a"])
def test_hits_are_bounded(typed, monkeypatch):
    monkeypatch.setattr(search, "MAX_HITS", 50)
    hits = find(parse_query(typed), b"a" * 1000)
    assert len(hits) == 50
    assert "first 50" in hits.note


def test_hits_in_a_range_come_with_their_numbers():
    hits = find(parse_query("ab"), b"ab--abab--ab")
    assert list(hits.within(5, 10)) == [(1, (4, 6)), (2, (6, 8))]
    assert list(hits.within(8, 10)) == []
