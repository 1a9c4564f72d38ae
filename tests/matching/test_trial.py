"""A rule is checked while it is written, and tried where it can do no harm."""

import pytest
from generated import rule

from vscan_tui.events import Fields, Match
from vscan_tui.matching.searching import Searcher, TooSlowError
from vscan_tui.matching.trial import Effect, LineFault, Subject, checked, findings
from vscan_tui.probedb.overlay import ProbeHead

NULL = ProbeHead("tcp", "NULL", b"")
GET = ProbeHead("tcp", "GetRequest", b"GET / HTTP/1.0\r\n\r\n")


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("", 1, "write a rule"),
        ("Probe TCP NULL q||", 1, "begins with match"),
        ("match http", 11, "a regex such as"),
        ("match http m|^a(b|", 18, "PCRE2 refuses"),
        ("match http m|^a| q/x/", 18, "unknown version field"),
        ("match http m|^a", 13, "is not closed"),
        ("match http m|a*|", 14, "empty string"),
        ("match http m|^\u2026|", 15, "rules are bytes"),
        ("match http m|^a|\nmatch", 17, "one line"),
    ],
)
def test_a_fault_is_told_with_its_column(line, column, words):
    fault = checked(line)

    assert isinstance(fault, LineFault)
    assert words in fault.message
    assert fault.column == column


def test_a_line_without_fault_is_a_rule():
    found = checked(r"softmatch zork m|^zork ([\d.]+)|i p/Zork/ v/$1/ ")

    assert (found.service, found.soft, found.flags) == ("zork", True, "i")
    assert found.templates == (("p", "Zork"), ("v", "$1"))


def match(service, *, soft=False, fields=Fields()):  # noqa: B008 - it is frozen
    return Match("own", "own", 1, "NULL", service, soft, b"^", "", (), ((0, 1),), 0, fields)


def subject(response, now=None, probe="NULL", protocol="tcp"):
    return Subject("1/tcp", probe, protocol, response, now)


def effects(line, head, *subjects):
    found = checked(line)
    outcomes = {
        place: ((0, 1), (0, 1))
        for place, each in enumerate(subjects)
        if each.response.startswith(b"z")
    }
    return [finding.effect for finding in findings(found, head, subjects, outcomes)]


def test_what_a_hard_match_changes():
    assert effects(
        "match zork m|^(z)| p/Zork/",
        NULL,
        subject(b"zork"),
        subject(b"zork", match("other")),
        subject(b"zork", match("other", soft=True)),
        subject(b"zork", match("zork", fields=Fields(product="Zork"))),
        subject(b"gork", match("other")),
        subject(b"zork", probe="GetRequest"),
        subject(b"zork", protocol="udp"),
    ) == [
        Effect.NEW, Effect.STEALS, Effect.BETTER, Effect.SAME, Effect.MISSES, Effect.NEW,
        Effect.ELSEWHERE,
    ]  # fmt: skip


def test_a_soft_match_takes_nothing_from_a_hard_one():
    found = effects("softmatch zork m|^(z)|", NULL, subject(b"zork", match("other")))
    assert found == [Effect.BEHIND]


def test_a_rule_of_one_probe_is_not_tried_on_anothers_responses():
    found = effects("match zork m|^(z)|", GET, subject(b"z"), subject(b"z", probe="GetRequest"))
    assert found == [Effect.ELSEWHERE, Effect.NEW]


def test_what_a_rule_would_say_of_a_response():
    (finding,) = findings(
        checked(r"match zork m|^zork ([\d.]+)| v/$1/"),
        NULL,
        [subject(b"zork 1.2")],
        {0: ((0, 8), (5, 8))},
    )
    assert finding.fields.version == "1.2"


async def test_responses_are_searched_in_a_process_of_their_own():
    searcher = Searcher([b"zork 1", b"gork", b"a" * 60 + b"b"], seconds=20)
    try:
        found = await searcher.search(b"^[zg]ork( \\d)?", "")
        limited = await searcher.search(b"^(?:a+)+$", "")
    finally:
        await searcher.close()

    assert found.spans == {0: ((0, 6), (4, 6)), 1: ((0, 4), None)}
    assert limited.limits == [2]


async def test_a_runaway_regex_is_ended_and_the_next_is_searched():
    slow = rule(b"[^z]{0,30000}[qx][^z]{0,30000}[qx]", "s")
    searcher = Searcher([b"a" * 32_000] * 50, seconds=0.5)
    try:
        with pytest.raises(TooSlowError):
            await searcher.search(slow.pattern, slow.flags)
        searcher._seconds = 20
        assert len((await searcher.search(b"^aaa", "")).spans) == 50
    finally:
        await searcher.close()
