"""A rule on trial: which responses of a session it hits, and what that would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vscan_tui.events import Fields, Match, Protocol, Span
from vscan_tui.matching import pattern
from vscan_tui.probedb.model import Rule
from vscan_tui.probedb.overlay import ProbeHead
from vscan_tui.probedb.parser import parse
from vscan_tui.probedb.templates import fill_all

MAX_LINE = 8192
"""Characters of a rule; the longest of any database known has a quarter of that."""
_FILE = "the rule"
_ABOVE = "Probe TCP NULL q||\n"
_NO_FIELDS = Fields()


@dataclass(frozen=True, slots=True)
class LineFault:
    """Why a line is no rule."""

    column: int
    """From 1."""
    message: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A response that a rule is tried on."""

    name: str
    """Which port and exchange it is, for the reader."""
    probe: str
    protocol: Protocol
    response: bytes
    match: Match | None
    """The rule that fires on it now."""


class Effect(StrEnum):
    """What a rule does to a response."""

    NEW = "hits, and nothing did before"
    BETTER = "hits, where only a soft match did"
    SAME = "hits, and was that already"
    STEALS = "takes it from another rule"
    BEHIND = "hits, but another rule comes first"
    LIMIT = "hits a limit"
    MISSES = "misses"
    ELSEWHERE = "is for another probe's responses"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule does to one response."""

    subject: Subject
    effect: Effect
    spans: tuple[Span | None, ...] = ()
    fields: Fields = _NO_FIELDS


SearchOutcome = tuple[Span | None, ...] | str
"""The spans of a match and its groups, or the name of the limit that was hit."""


def checked(line: str) -> Rule | LineFault:
    """Read a line as a rule, with the regex compiled on trial."""
    text = line.rstrip()
    if len(text) > MAX_LINE:
        return LineFault(MAX_LINE, f"a rule has at most {MAX_LINE:,} characters")
    odd = next((place for place, letter in enumerate(text) if ord(letter) > 0xFF), None)
    if odd is not None:
        return LineFault(odd + 1, r"rules are bytes: write this character as \xHH bytes")
    if not text:
        return LineFault(1, "write a rule, such as: match http m|^HTTP/1\\.| p/product/ v/$1/")
    if "\n" in text or "\r" in text:
        return LineFault(text.replace("\r", "\n").index("\n") + 1, "a rule is one line")
    if text.split(maxsplit=1)[0] not in {"match", "softmatch"} or text[0] in " \t":
        return LineFault(1, "a rule begins with match or softmatch")
    parsed = parse((_ABOVE + text).encode("latin-1"), _FILE, check_pattern=pattern.check)
    if parsed.faults:
        fault = parsed.faults[0]
        return LineFault(fault.column, fault.message)
    return parsed.probes[0].rules[0]


def applies(head: ProbeHead, subject: Subject) -> bool:
    """Whether the rules of a probe are tried on a response: its own, and for TCP all banners'."""
    if head.protocol != subject.protocol:
        return False
    return head.name == subject.probe or (head.protocol == "tcp" and not head.payload)


def findings(
    rule: Rule,
    head: ProbeHead,
    subjects: Sequence[Subject],
    outcomes: Mapping[int, SearchOutcome],
) -> tuple[Finding, ...]:
    """Say of each response what a rule would do to it, if it came before all others.

    Args:
        rule: the rule.
        head: the probe whose responses it is for.
        subjects: the responses.
        outcomes: what searching came to, by the place of the response; nothing
            for those that do not match.
    """
    return tuple(
        _finding(rule, head, subject, outcomes.get(place)) for place, subject in enumerate(subjects)
    )


def _finding(
    rule: Rule, head: ProbeHead, subject: Subject, outcome: SearchOutcome | None
) -> Finding:
    if outcome is None:
        return Finding(subject, Effect.MISSES)
    if not applies(head, subject):
        return Finding(subject, Effect.ELSEWHERE)
    if isinstance(outcome, str):
        return Finding(subject, Effect.LIMIT)
    groups = [None if span is None else subject.response[slice(*span)] for span in outcome]
    fields = fill_all(rule.templates, groups)
    return Finding(subject, _effect(rule, fields, subject.match), outcome, fields)


def _effect(rule: Rule, fields: Fields, now: Match | None) -> Effect:
    if now is None:
        return Effect.NEW
    if (now.service, now.fields, now.soft) == (rule.service, fields, rule.soft):
        return Effect.SAME
    if rule.soft and not now.soft:
        return Effect.BEHIND
    if now.soft and not rule.soft:
        return Effect.BETTER
    return Effect.STEALS
