"""Every rule of the bundled database answers for itself with evidence.

A line of `data/evidence/FAMILY.jsonl` holds a response, recorded from a real
server or written from a specification, and what the rule it fires says.
"""

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from vscan_tui.bundled import bundled
from vscan_tui.events import Match
from vscan_tui.matching.matcher import Matcher
from vscan_tui.matching.pattern import check
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import ProbeDatabase
from vscan_tui.probedb.sources import DatabaseSource, load

EVIDENCE = sorted(bundled("evidence").glob("*.jsonl"))
FIELDS = ("product", "version", "info", "hostname", "ostype", "devicetype")
FIELD_OF_LETTER = dict(zip("pvihod", FIELDS, strict=True))


@dataclass(frozen=True, eq=False)
class Evidence:
    place: str
    probe: str
    protocol: str
    tunnel: str
    response: bytes
    origin: str
    source: str
    expected: dict


def _evidence(path: Path) -> list[Evidence]:
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        value = json.loads(line)
        response = base64.b64decode(value.pop("response"), validate=True)
        expected = value.pop("expect")
        found.append(
            Evidence(f"{path.stem}:{number}", response=response, expected=expected, **value)
        )
    return found


ALL = [piece for path in EVIDENCE for piece in _evidence(path)]


@cache
def database() -> ProbeDatabase:
    return load(DatabaseSource("vscan", bundled("service-probes")), check_pattern=check)


@cache
def matcher() -> tuple[Matcher, ProbeDatabases]:
    databases = ProbeDatabases((database(),))
    return Matcher(databases), databases


@cache
def fired(piece: Evidence) -> Match | None:
    match, databases = matcher()
    probe = databases.find(piece.probe, piece.protocol)
    assert probe is not None, f"{piece.place}: the database has no probe {piece.probe}"
    return match.match(probe, piece.response).match


def said(match: Match) -> dict:
    """What a match says, in the words of the evidence: nothing where it says nothing."""
    words = {"service": match.service, "soft": match.soft}
    words |= {name: value for name in FIELDS if (value := getattr(match.fields, name))}
    if match.fields.cpes:
        words["cpes"] = list(match.fields.cpes)
    return words


def test_the_database_has_no_fault():
    assert database().faults == ()


def test_there_is_evidence_of_every_family():
    families = {path.stem for path in bundled("service-probes").glob("*.probes")}

    with_rules = {rule.file for probe in database().probes for rule in probe.rules}

    assert {path.stem for path in EVIDENCE} == {
        family for family in families if any(Path(file).stem == family for file in with_rules)
    }


@pytest.mark.parametrize("piece", ALL, ids=lambda piece: piece.place)
def test_evidence_fires_a_rule_that_says_exactly_what_is_expected(piece):
    match = fired(piece)

    assert match is not None
    assert said(match) == piece.expected


def test_evidence_is_recorded_or_specified_and_names_its_source():
    assert {piece.origin for piece in ALL} == {"recorded", "specified"}
    assert all(piece.source.strip() for piece in ALL)
    assert {piece.tunnel for piece in ALL} <= {"", "ssl"}


def test_every_rule_is_fired_by_some_evidence():
    rules = {
        (Path(rule.file).name, rule.line) for probe in database().probes for rule in probe.rules
    }

    covered = {(Path(match.file).name, match.line) for piece in ALL if (match := fired(piece))}

    assert sorted(rules - covered) == []


def test_every_field_of_every_rule_is_filled_by_some_evidence():
    wanted = {
        (Path(rule.file).name, rule.line, _field(letter, template))
        for probe in database().probes
        for rule in probe.rules
        for letter, template in rule.templates
    }

    filled = set()
    for piece in ALL:
        match = fired(piece)
        if match is not None:
            place = (Path(match.file).name, match.line)
            filled |= {(*place, name) for name in FIELDS if getattr(match.fields, name)}
            filled |= {(*place, f"cpe {cpe[5]}") for cpe in match.fields.cpes}

    assert sorted(wanted - filled) == []


def _field(letter: str, template: str) -> str:
    """Name a version field; a CPE by its part: `a`, `h` or `o`."""
    if letter != "cpe":
        return FIELD_OF_LETTER[letter]
    return f"cpe {template.removeprefix('cpe:').removeprefix('/')[0]}"


def test_few_probes_are_sent_to_a_port_that_nobody_knows():
    """Each of them costs its wait on a port that says nothing."""
    unasked = [
        probe
        for probe in database().probes
        if probe.protocol == "tcp" and not probe.is_null and probe.rarity <= 7
    ]

    assert len(unasked) <= 34
