"""Names and ranks of ports, from whatever the system has."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vscan_tui.bundled import bundled
from vscan_tui.scanning.targets import port_table as module
from vscan_tui.scanning.targets import port_table_cache
from vscan_tui.scanning.targets.port_table import (
    Entry,
    build_port_table,
    bundled_port_table,
    load_port_table,
    parse_common_ports,
    parse_nmap_services,
    parse_system_services,
)

SERVICES_OF_NMAP = """\
# a comment
http\t80/tcp\t0.5\t# World Wide Web
unknown\t7/udp\t0.25
ssh 22/tcp 0.75
sctp-thing\t9/sctp\t0.000000
named\t1000/tcp\t0.000000\t# never seen
http\t80/tcp\t0.9
bad line
big\t70000/tcp\t0.1
noise\t1/tcp\tnan
"""

SERVICES_OF_A_SYSTEM = """\
http\t\t80/tcp\t\twww\t# WorldWideWeb HTTP
domain 53/UDP
\x00\x01garbage 1/tc
# 9/tcp
x/tcp y
huge 99999999999999999999/tcp
none
"""


def test_nmap_services_give_names_and_ranks():
    table = build_port_table("test", parse_nmap_services(SERVICES_OF_NMAP))
    assert table.name("tcp", 80) == "http"
    assert table.name("tcp", 1000) == "named"
    assert table.name("tcp", 70000) == ""
    assert table.ranking["tcp"] == (22, 80)


def test_a_port_that_nmap_calls_unknown_has_a_rank_and_no_better_name():
    table = build_port_table("test", parse_nmap_services(SERVICES_OF_NMAP))
    assert table.name("udp", 7) == "unknown"
    better = build_port_table(
        "test", parse_nmap_services(SERVICES_OF_NMAP), [Entry("echo", "udp", 7)]
    )
    assert better.name("udp", 7) == "echo"
    assert table.most_common("udp", 10) == (7,)
    assert set(table.numbers("udp")) == {7}


def test_a_system_services_database_gives_names_and_its_garbage_is_passed_over():
    entries = list(parse_system_services(SERVICES_OF_A_SYSTEM))
    assert entries == [Entry("http", "tcp", 80), Entry("domain", "udp", 53)]


def test_names_of_ranked_entries_come_first():
    table = build_port_table(
        "test",
        [Entry("mine", "tcp", 80, 0.5)],
        [Entry("theirs", "tcp", 80), Entry("other", "tcp", 81)],
    )
    assert (table.name("tcp", 80), table.name("tcp", 81)) == ("mine", "other")
    assert table.ranking["tcp"] == (80,)


def test_the_bundled_list_is_long_enough_and_sound():
    text = (bundled("port-table") / "common-ports.tsv").read_text(encoding="utf-8")
    entries = list(parse_common_ports(text))
    for protocol, least in (("tcp", 1000), ("udp", 200)):
        listed = [entry for entry in entries if entry.protocol == protocol]
        assert len(listed) >= least
        assert len({entry.port for entry in listed}) == len(listed)
        assert [round(1 / entry.weight) for entry in listed] == [*range(1, len(listed) + 1)]
    assert all(entry.name.isascii() and entry.name.isprintable() for entry in entries)
    assert all(0 < entry.port <= 65535 for entry in entries)


def test_the_bundled_list_knows_what_everybody_knows():
    table = bundled_port_table()
    assert table.name("tcp", 22) == "ssh"
    assert table.name("udp", 53) == "domain"
    assert {21, 22, 25, 80, 443, 3306, 3389, 8080} <= set(table.most_common("tcp", 100))
    assert len(table.most_common("tcp", 1000)) == 1000


@pytest.fixture
def fresh_table():
    load_port_table.cache_clear()
    yield
    load_port_table.cache_clear()


@pytest.mark.usefixtures("fresh_table")
def test_the_users_nmap_services_is_preferred_and_read_once(tmp_path, monkeypatch):
    path = tmp_path / "nmap-services"
    path.write_text(SERVICES_OF_NMAP)
    monkeypatch.setenv("NMAPDIR", str(tmp_path))
    table = load_port_table()
    assert table.source == str(path)
    path.unlink()
    assert load_port_table() is table


@pytest.mark.usefixtures("fresh_table")
@pytest.mark.parametrize("content", [b"", b"\xff\x00" * 5000, b"http 80/tcp\n"])
def test_a_useless_nmap_services_gives_way_to_the_bundled_list(tmp_path, monkeypatch, content):
    (tmp_path / "nmap-services").write_bytes(content)
    monkeypatch.setenv("NMAPDIR", str(tmp_path))
    assert load_port_table().source == "the bundled list of common ports"


@pytest.mark.usefixtures("fresh_table")
def test_without_nmap_and_without_a_services_database_there_are_still_names(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "nmap_file", lambda _: None)
    monkeypatch.setattr(module, "_system_services_path", lambda *_: tmp_path / "none")
    assert load_port_table().name("tcp", 443) == "https"


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="ab19/tcpud\t #.\n\x00\u0660", max_size=60))
def test_any_text_can_be_read(text):
    for entry in [*parse_nmap_services(text), *parse_system_services(text)]:
        assert 0 <= entry.port <= 65535


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(port_table_cache, "cache_folder", lambda: folder)
    return folder


def nmap_services(folder, monkeypatch, text):
    (folder / "nmap-services").write_text(text)
    monkeypatch.setenv("NMAPDIR", str(folder))
    load_port_table.cache_clear()
    return load_port_table()


def test_a_table_that_was_read_before_is_not_parsed_again(tmp_path, monkeypatch, cache):
    first = nmap_services(tmp_path, monkeypatch, "mine\t80/tcp\t0.5\n")
    monkeypatch.setattr(module, "parse_nmap_services", lambda _: pytest.fail("parsed again"))
    again = nmap_services(tmp_path, monkeypatch, "mine\t80/tcp\t0.5\n")
    assert again == first
    assert again.name("tcp", 80) == "mine"


def test_a_table_that_changed_is_read_anew(tmp_path, monkeypatch, cache):
    nmap_services(tmp_path, monkeypatch, "mine\t80/tcp\t0.5\n")
    assert nmap_services(tmp_path, monkeypatch, "new\t80/tcp\t0.5\n").name("tcp", 80) == "new"


@pytest.mark.parametrize("damage", [b"", b"\xff\xff", b"\x82\xa5names\x80\xa7ranking\x80"])
def test_a_damaged_cache_is_made_anew(tmp_path, monkeypatch, cache, damage):
    nmap_services(tmp_path, monkeypatch, "mine\t80/tcp\t0.5\n")
    [kept] = cache.iterdir()
    kept.write_bytes(damage)
    table = nmap_services(tmp_path, monkeypatch, "mine\t80/tcp\t0.5\n")
    assert table.name("tcp", 80) == "mine"


def test_a_cache_that_cannot_be_written_is_no_fault(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setattr(port_table_cache, "cache_folder", lambda: tmp_path / "file")
    assert nmap_services(tmp_path, monkeypatch, "mine\t80/tcp\t0.5\n").name("tcp", 80) == "mine"
