"""A rule proposed from a response fires on it, keeps what tells, and generalises the rest."""

import random

import pytest
from generated import CASES
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.test_evidence import ALL
from vscan_tui.matching.draft import draft
from vscan_tui.matching.pattern import LimitError, Pattern, check
from vscan_tui.probedb.parser import parse
from vscan_tui.probedb.writing import rule_line


def drafted(response, **options):
    return rule_line(draft(response, **options).rule)


def fires(rule, response):
    try:
        return Pattern(rule.pattern, rule.flags).search(response) is not None
    except LimitError:
        return False


def read(line):
    text = f"Probe TCP NULL q||\n{line}\n".encode("latin-1")
    parsed = parse(text, "draft", check_pattern=check)
    assert parsed.faults == (), (line, parsed.faults)
    return parsed.probes[0].rules[0]


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (
            b"220 mail.example.org ESMTP Ownmail 3.4.5; Mon, 23 Nov 2026 01:02:03 +0100\r\n",
            (
                r"match smtp m|^220 ([\w.-]+) ESMTP Ownmail ([\d.]+); [\w ,:.()+-]+?\r?\n| "
                r"p/Ownmail/ v/$2/ h/$1/"
            ),
        ),
        (
            b"SSH-2.0-Zork_7.2p1 Debian-4\r\n",
            r"match ssh m|^SSH-[\d.]+-Zork_([\w.]+) Debian-\d+\r?\n| p/Zork/ v/$1/ o/Linux/",
        ),
        (
            b"HTTP/1.1 200 OK\r\nDate: x\r\nServer: Zork/1.2\r\n\r\n<html>",
            (
                r"match http m|^HTTP/1\.[01] \d\d\d[^\r\n]*\r?\n(?:[^\r\n]*\r?\n)*?"
                r"Server: Zork/([\d.]+)\r?\n| p/Zork/ v/$1/"
            ),
        ),
        (
            b"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n<html><title>Zork Console</title>",
            (
                r"match http m|^HTTP/1\.[01] \d\d\d[^\r\n]*\r?\n(?:[^\r\n]*\r?\n)*?"
                r"Server: nginx\r?\n.*?<title>\s*Zork Console|s p/Zork Console/"
            ),
        ),
        (
            b"+OK Zork ready <1896.697170952@mail.example.org>\r\n",
            r"match pop3 m|^\+OK Zork ready <[^<>\r\n]+>\r?\n| p/Zork/",
        ),
        (b"\xac\xed\x00\x05", r"match unknown m|^\xac\xed\0\x05$|"),
    ],
    ids=["smtp", "ssh", "http", "title", "pop3", "binary"],
)
def test_what_tells_is_kept_and_what_changes_is_generalised(response, line):
    assert drafted(response) == line


def test_a_length_at_the_beginning_and_random_bytes_are_generalised():
    data = b"\x05Zork\x00" + bytes.fromhex("8af3c19be2d4a796") + b"zork-protocol"
    line = drafted(len(data).to_bytes(4, "big") + data)

    assert line == r"match unknown m|^\0\0\0.\x05Zork\0.{8}zork-protocol|s"


@pytest.mark.parametrize("piece", ALL, ids=lambda piece: piece.place)
def test_the_draft_of_every_evidence_is_a_rule_that_fires_on_it(piece):
    rule = read(drafted(piece.response))

    assert rule.pattern.startswith(b"^")
    assert fires(rule, piece.response)


def test_drafts_do_not_fire_on_a_thousand_responses_of_other_services():
    others = random.Random(1000).sample(ALL, min(1000, len(ALL)))
    drafted_from = ALL[::4]
    stolen = []
    for piece in drafted_from:
        rule = draft(piece.response).rule
        pattern = Pattern(rule.pattern, rule.flags)
        if any(
            pattern.search(other.response) is not None
            for other in others
            if other.expected["service"] != piece.expected["service"]
        ):
            stolen.append(piece.place)
    # A page that says nothing but that it is a page cannot be told from another.
    assert len(stolen) <= len(drafted_from) // 100, stolen


def test_a_draft_that_would_steal_is_made_narrower():
    response = b"Hello, version 12\r\n"
    other = b"Hello, version 99\r\n"

    assert fires(draft(response).rule, other)
    narrow = draft(response, others=[other])
    assert not fires(narrow.rule, other)
    assert fires(narrow.rule, response)
    assert narrow.hits == 0


def test_the_name_of_the_service_can_be_given():
    assert drafted(b"zork\r\n", service="zork", soft=True).startswith("softmatch zork ")


def test_nothing_cannot_be_drafted_from():
    with pytest.raises(ValueError, match="no response"):
        draft(b"")


@settings(max_examples=150)
@given(st.binary(min_size=1, max_size=200) | CASES.map(lambda case: case[2] or b"x"))
def test_anything_can_be_drafted_from(response):
    rule = draft(response).rule

    assert fires(read(rule_line(rule)), response)


@pytest.mark.parametrize(
    "response",
    [b"a1B" * 11_000, b"1." * 16_000, b"<a@" * 10_000, b"HTTP/1.1 200\r\n" + b"a:\r\n" * 8000,
     b"a-" * 16_000 + b"com", bytes(range(256)) * 100],
    ids=range(6),
)  # fmt: skip
def test_hostile_responses_are_drafted_from_in_reasonable_work(response):
    assert fires(draft(response).rule, response)
