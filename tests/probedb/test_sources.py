"""Which databases are used, and that reading them again is safe."""

import os

import pytest

from vscan_tui.matching.pattern import check
from vscan_tui.probedb import sources
from vscan_tui.probedb.sources import DatabaseError, DatabaseSource, chosen_sources, load

OWN = b"Probe TCP NULL q||\nmatch own m|^OWN| p/Own/\n"


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """All folders of the user are empty ones of the test's own."""
    monkeypatch.setattr(
        sources.platformdirs, "user_cache_dir", lambda name, *_, **__: str(tmp_path / "cache")
    )
    monkeypatch.setattr(
        sources.platformdirs, "user_config_dir", lambda name, *_, **__: str(tmp_path / "config")
    )
    monkeypatch.setenv("NMAPDIR", str(tmp_path / "nmap"))
    return tmp_path


def source(path):
    return DatabaseSource(path.name, path)


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own-probes"
    path.write_bytes(OWN)
    return path


def test_versiondb_means_those_files_and_no_others(own, tmp_path):
    (tmp_path / "nmap").mkdir()
    (tmp_path / "nmap" / "nmap-service-probes").write_bytes(OWN)

    assert chosen_sources([own, tmp_path]) == [source(own), source(tmp_path)]


@pytest.mark.parametrize("name", ["own", "vscan", "nmap"])
def test_no_file_goes_by_the_name_of_another_database(tmp_path, name):
    (source,) = chosen_sources([tmp_path / name])

    assert source.name == str(tmp_path / name)


def test_the_overlays_come_first_then_our_own_then_the_copy_of_nmap(tmp_path):
    overlays = sources.overlay_folder()
    overlays.mkdir(parents=True)
    (overlays / "mine.probes").write_bytes(OWN)
    (tmp_path / "nmap").mkdir()
    (tmp_path / "nmap" / "nmap-service-probes").write_bytes(OWN)

    assert [chosen.name for chosen in chosen_sources([])] == ["own", "vscan", "nmap"]


def test_without_overlays_none_are_named():
    assert "own" not in [chosen.name for chosen in chosen_sources([])]


def test_a_file_becomes_a_database_that_says_what_it_is(own):
    database = load(source(own), check_pattern=check)

    assert (database.identity.name, database.identity.path) == ("own-probes", str(own))
    assert (database.identity.rules, database.identity.probes) == (1, 1)
    assert len(database.identity.sha256) == 64


def test_the_files_of_a_folder_are_joined_in_order_of_name(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "b.probes").write_bytes(
        b"Probe TCP NULL q||\nmatch b m|^B|\nrarity 2\nports 2\nProbe TCP Ask q|b|\nfallback Far\n"
    )
    (folder / "a.probes").write_bytes(
        b"Probe TCP NULL q||\nmatch a m|^A|\nports 1\nProbe TCP Far q|a|\nnonsense\n"
    )
    (folder / "other.txt").write_bytes(b"not read")

    database = load(source(folder), check_pattern=check)

    null, far, ask = database.probes
    assert [rule.service for rule in null.rules] == ["a", "b"]
    assert [rule.file for rule in null.rules] == ["a.probes", "b.probes"]
    assert null.ports == ((1, 1), (2, 2))
    assert null.rarity == 2
    assert (far.name, ask.fallback) == ("Far", ("Far",))
    assert [str(fault)[:13] for fault in database.faults] == ["a.probes:5:1:"]


def test_the_null_probes_of_several_files_are_one_whatever_they_are_called(tmp_path):
    (tmp_path / "a.probes").write_bytes(b"Probe TCP NULL q||\nmatch a m|^A|\n")
    (tmp_path / "b.probes").write_bytes(b"Probe TCP Silent q||\nmatch b m|^B|\n")

    (null,) = load(source(tmp_path), check_pattern=check).probes

    assert [rule.service for rule in null.rules] == ["a", "b"]


def test_a_second_load_comes_from_the_cache_and_is_the_same(own):
    first = load(source(own), check_pattern=check)

    def fail(*_):
        raise AssertionError("parsed again")

    assert load(source(own), check_pattern=fail) == first


def test_a_changed_file_is_read_anew(own):
    load(source(own))
    own.write_bytes(OWN + b"match own m|^NEW|\n")

    assert load(source(own)).identity.rules == 2


@pytest.mark.parametrize("damage", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x80"])
def test_a_damaged_cache_is_made_anew(own, damage):
    first = load(source(own))
    cached = list(sources.cache_folder().glob("*.msgpack"))
    assert cached
    for path in cached:
        path.write_bytes(damage)

    assert load(source(own)) == first
    assert all(path.read_bytes() != damage for path in cached)


def test_a_cache_that_cannot_be_written_is_no_fault(own, folders):
    (folders / "cache").write_bytes(b"a file where the folder should be")

    assert load(source(own)).identity.rules == 1


def test_the_same_content_under_another_name_is_known_by_that_name(own, tmp_path):
    load(source(own))
    other = tmp_path / "other-probes"
    other.write_bytes(OWN)

    database = load(source(other))

    assert database.identity.name == "other-probes"
    assert {rule.file for probe in database.probes for rule in probe.rules} == {str(other)}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read it: No such file"),
        (b"", "no probe in it"),
        (b"<html>", "no probe in it, so it is no nmap-service-probes file"),
    ],
)
def test_a_file_that_cannot_serve_is_named_with_the_reason(tmp_path, content, words):
    path = tmp_path / "broken"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DatabaseError) as caught:
        load(source(path))

    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_files_is_named(tmp_path):
    with pytest.raises(DatabaseError, match=r"no \*\.probes file in this folder"):
        load(source(tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_a_file_without_permission_is_named(own):
    own.chmod(0)
    with pytest.raises(DatabaseError, match="Permission denied"):
        load(source(own))


def test_a_file_that_is_too_large_is_named(own, monkeypatch):
    monkeypatch.setattr(sources, "MAX_DATABASE_BYTES", 10)

    with pytest.raises(DatabaseError, match="larger than"):
        load(source(own))


def test_long_lists_of_faults_are_cut(own):
    own.write_bytes(OWN + b"bad\n" * 30)

    lines = sources.fault_lines(load(source(own)).faults, limit=20)

    assert len(lines) == 21
    assert lines[-1] == "… and 10 more faults"
