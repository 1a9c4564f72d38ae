"""`vscan merge`: one journal of several, in which nothing is lost."""

import gzip
import stat
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.commands.sessions import write_journal
from tests.reports.scans import ADDRESS, answered, begin, end, identified, store_of, up
from vscan_tui.cli import main
from vscan_tui.events import Endpoint
from vscan_tui.reports import xml
from vscan_tui.session.journal import read_events
from vscan_tui.session.store import Store


def folded(path) -> Store:
    return store_of(read_events(Path(path)))


def sessions(tmp_path):
    early = write_journal(
        tmp_path / "early", begin(), up(),
        answered(22, ("NULL", b"SSH-1"), ("Help", b"help yourself")), identified(80, "http"), end(),
    )  # fmt: skip
    events = [begin(), up(), *answered(22, ("NULL", b"SSH-2")), *identified(25, "smtp"), end()]
    late = write_journal(
        tmp_path / "late", *(replace(event, time=event.time + 9999) for event in events)
    )
    return early, late


def test_both_sessions_are_in_the_new_journal_the_earlier_first(tmp_path, capsys):
    early, late = sessions(tmp_path)

    assert main(["merge", late, early, "-o", str(tmp_path / "all")]) == 0

    store = folded(tmp_path / "all")
    assert {str(endpoint.port) for endpoint in store.ports} == {"22", "80", "25"}
    port = store.ports[Endpoint(ADDRESS, "tcp", 22)]
    assert [(each.probe, bytes(each.response)) for each in port.exchanges] == [
        ("NULL", b"SSH-1"), ("Help", b"help yourself"), ("NULL", b"SSH-2"),
    ]  # fmt: skip
    assert [each.number for each in port.exchanges] == [1, 2, 3]
    assert store.ended is not None
    assert "2 sessions written" in capsys.readouterr().err


def test_a_report_of_nmap_is_merged_too(tmp_path):
    early, _ = sessions(tmp_path)
    told = store_of(begin(), up("192.0.2.1"), end())
    (tmp_path / "b.xml").write_text("".join(xml.render(told)))

    assert main(["merge", early, str(tmp_path / "b.xml"), "-o", str(tmp_path / "all")]) == 0

    assert set(folded(tmp_path / "all").hosts) == {ADDRESS, "192.0.2.1"}


def test_the_new_journal_is_packed_if_its_name_says_so(tmp_path):
    early, late = sessions(tmp_path)

    assert main(["merge", early, late, "--output", str(tmp_path / "all.gz")]) == 0

    assert gzip.decompress((tmp_path / "all.gz").read_bytes()).startswith(b'{"journal":"vscan"')
    assert len(folded(tmp_path / "all.gz").ports) == 3


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_user_may_read_it(tmp_path):
    early, late = sessions(tmp_path)
    main(["merge", early, late, "-o", str(tmp_path / "all")])

    assert stat.S_IMODE((tmp_path / "all").stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_overwritten(tmp_path, capsys):
    early, late = sessions(tmp_path)

    assert main(["merge", early, late, "-o", late]) == 1
    assert "is there already" in capsys.readouterr().err
    assert len(folded(late).ports) == 2


def test_a_file_that_cannot_be_read_leaves_nothing_behind(tmp_path, capsys):
    early, _ = sessions(tmp_path)

    assert main(["merge", early, str(tmp_path / "missing"), "-o", str(tmp_path / "all")]) == 1
    assert not (tmp_path / "all").exists()
    assert main(["merge", early]) == 2
