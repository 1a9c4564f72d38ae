"""The user's own rules are saved into a file that stays theirs, and win from then on."""

import pytest

from vscan_tui.commands.databases import load_databases
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb import sources
from vscan_tui.probedb.overlay import OverlayError, ProbeHead, overlay_path, save_rule, with_rule
from vscan_tui.probedb.parser import parse
from vscan_tui.probedb.sources import DatabaseError

NULL = ProbeHead("tcp", "NULL", b"")
GET = ProbeHead("tcp", "GetRequest", b"GET / HTTP/1.0\r\n\r\n", rarity=1)
RULE = "match zork m|^zork ([0-9])| v/$1/"
OLDER = "match zork m|^zork| p/Old/"
SOFT = "softmatch zork m|^z|"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "overlay_folder", lambda: tmp_path / "own")
    monkeypatch.setattr("vscan_tui.probedb.overlay.overlay_folder", lambda: tmp_path / "own")
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "cache")
    return overlay_path()


def rules(text):
    parsed = parse(text.encode("latin-1"), "own")
    assert parsed.faults == ()
    return [(probe.name, rule.line) for probe in parsed.probes for rule in probe.rules]


def test_the_first_rule_makes_the_file_with_its_probe():
    text, line, replaced = with_rule("", GET, RULE, comment="from 127.0.0.1:80/tcp")

    assert rules(text) == [("GetRequest", line)]
    assert "rarity 1\n# from 127.0.0.1:80/tcp\n" + RULE in text
    assert text.startswith("# Your own rules")
    assert not replaced


def test_a_hard_match_goes_before_the_others_and_a_soft_match_behind():
    text, _, _ = with_rule("", NULL, OLDER, comment="older")
    text, _, _ = with_rule(text, GET, RULE)
    text, line, _ = with_rule(text, NULL, RULE, comment="newer")
    text, soft, _ = with_rule(text, NULL, SOFT)
    lines = text.splitlines()

    assert [entry for entry in lines if entry.startswith(("match", "soft"))] == [
        RULE, OLDER, SOFT, RULE,
    ]  # fmt: skip
    assert (lines[line - 1], lines[soft - 1]) == (RULE, SOFT)
    assert lines[line - 2 : line + 2] == ["# newer", RULE, "# older", OLDER]


def test_a_rule_that_is_saved_again_takes_its_own_place():
    text, first, _ = with_rule("", NULL, OLDER)
    text, line, replaced = with_rule(text, NULL, RULE, instead_of=OLDER)

    assert (line, replaced) == (first, True)
    assert OLDER not in text
    assert with_rule(text, NULL, SOFT, instead_of=OLDER)[2] is False


def test_everything_else_in_the_file_stays_as_it_is(path):
    mine = "# mine\n\nProbe TCP NULL q||\n# why\nmatch a m|^a| p/\xe9/\nbroken line\n"
    path.parent.mkdir()
    path.write_bytes(mine.encode("latin-1"))
    save_rule(path, NULL, RULE)

    kept = path.read_text("latin-1")
    assert [line for line in kept.splitlines() if line != RULE] == mine.splitlines()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_written_is_named(path):
    path.parent.write_text("a file")
    with pytest.raises(OverlayError, match="the rule cannot be saved"):
        save_rule(path, NULL, RULE)


def test_the_users_rule_wins_over_the_chosen_databases(path, tmp_path):
    other = tmp_path / "other"
    other.write_text("Probe TCP NULL q||\nmatch other m|^zork|\n")
    save_rule(path, NULL, RULE)

    def fired(**options):
        found = load_databases([str(other)], strict=False, tell=print, **options)
        return Matcher(found).match(found.find("NULL", "tcp"), b"zork 7").match.service

    assert fired(with_overlays=True) == "zork"
    assert fired() == "other"


def test_a_broken_line_is_named_and_breaks_nothing_else(path, tmp_path):
    save_rule(path, NULL, RULE)
    path.write_text(path.read_text() + "match broken m|^(|\n")
    told = []
    found = load_databases([], strict=False, tell=told.append)

    assert [database.identity.name for database in found.databases][:2] == ["own", "vscan"]
    assert any("own.probes:8:" in line for line in told)
    assert Matcher(found).match(found.find("NULL", "tcp"), b"zork 7").match.service == "zork"


def test_own_rules_that_cannot_be_used_at_all_are_left_out_and_named(path):
    path.parent.mkdir()
    path.write_text("this is no database\n")
    told = []
    found = load_databases([], strict=False, tell=told.append)

    assert found.databases[0].identity.name == "vscan"
    assert any("your own rules are left out" in line for line in told)
    with pytest.raises(DatabaseError):
        load_databases([], strict=True, tell=told.append)
