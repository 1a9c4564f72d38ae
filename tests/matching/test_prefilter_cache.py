"""What is kept in the cache never changes an answer."""

import pytest
from generated import rule

from vscan_tui.events import DatabaseIdentity
from vscan_tui.matching import prefilter_cache
from vscan_tui.matching.prefilter_cache import stored_prefilter
from vscan_tui.probedb.model import Probe, ProbeDatabase

RULES = tuple(rule(b"^Own %d server" % number, line=number) for number in range(40))


def database(digest="a" * 64, rules=RULES):
    probe = Probe("tcp", "NULL", b"", "own", 1, rules=rules)
    return ProbeDatabase(DatabaseIdentity("own", "own", len(rules), 1, digest), (probe,))


def candidates(found_in):
    return stored_prefilter(found_in, found_in.probes[0]).candidates(b"Own 7 server")


def kept():
    return sorted(prefilter_cache.cache_folder().glob("*.prefilter"))


def test_the_second_time_regexes_are_not_read(monkeypatch):
    assert candidates(database()) == [7]

    def fail(_):
        raise AssertionError("read again")

    monkeypatch.setattr(prefilter_cache, "entries", fail)
    assert candidates(database()) == [7]


def test_another_database_has_a_file_of_its_own():
    candidates(database())

    assert candidates(database("b" * 64, RULES[7:])) == [0]
    assert len(kept()) == 2


@pytest.mark.parametrize(
    "damage", [b"", b"\xc1", b"\x90", b"\x91\x95\x00\xc4\x00\xc4\x00\x90\x92\x90\x00"]
)
def test_a_damaged_file_is_made_anew(damage):
    candidates(database())
    (path,) = kept()
    path.write_bytes(damage)

    assert candidates(database()) == [7]
    assert path.read_bytes() != damage


def test_a_cache_that_cannot_be_written_is_no_fault(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(prefilter_cache, "cache_folder", lambda: tmp_path / "file")

    assert candidates(database()) == [7]


def test_a_database_without_a_digest_is_not_kept():
    assert candidates(database("")) == [7]
    assert kept() == []
