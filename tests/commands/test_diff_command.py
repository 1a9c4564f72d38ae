"""`vscan diff`: what is new, gone and changed, and nothing else."""

import json

import pytest

from tests.commands.sessions import write_journal
from tests.reports.scans import begin, end, found, identified, others, store_of, up
from vscan_tui.cli import main
from vscan_tui.events import Fields, PortState
from vscan_tui.reports import xml

SAME, DIFFERENT, TROUBLE = 0, 1, 2

EARLIER = (
    begin(), up(),
    identified(22, "ssh", Fields("OpenSSH", "8.0")),
    identified(80, "http", Fields("nginx", "1.2")),
    identified(25, "smtp"),
    found(9, state=PortState.CLOSED),
    others((1, 8)),
    end(),
)  # fmt: skip
LATER = (
    begin(), up(),
    identified(22, "ssh", Fields("OpenSSH", "9.0")),
    identified(80, "http", Fields("nginx", "1.2")),
    identified(9, "discard"),
    others((1, 8), (20, 21), (23, 30)),
    end(),
)  # fmt: skip


def generated(events):
    return [list(part) if not hasattr(part, "time") else part for part in events]


EARLIER, LATER = generated(EARLIER), generated(LATER)


def test_new_gone_and_changed_services_are_told(tmp_path, capsys):
    a, b = write_journal(tmp_path / "a", *EARLIER), write_journal(tmp_path / "b", *LATER)

    assert main(["diff", a, b]) == DIFFERENT
    assert capsys.readouterr().out == (
        "+ 127.0.0.1:9/tcp  discard\n"
        "~ 127.0.0.1:22/tcp  ssh OpenSSH 8.0 -> ssh OpenSSH 9.0\n"
        "- 127.0.0.1:25/tcp  smtp\n"
        "1 new, 1 gone, 1 changed\n"
    )


def test_the_same_scan_has_no_difference(tmp_path, capsys):
    a, b = (write_journal(tmp_path / name, *EARLIER) for name in "ab")

    assert main(["diff", a, b]) == SAME
    assert capsys.readouterr().out == "no difference\n"


def test_programs_get_an_object_for_each_difference(tmp_path, capsys):
    a, b = write_journal(tmp_path / "a", *EARLIER), write_journal(tmp_path / "b", *LATER)

    assert main(["diff", "--json", a, b]) == DIFFERENT
    new, changed, gone = map(json.loads, capsys.readouterr().out.splitlines())
    assert (new["change"], new["before"], new["after"]["name"]) == ("new", None, "discard")
    assert changed["before"]["fields"]["version"] == "8.0"
    assert changed["after"]["fields"]["version"] == "9.0"
    assert (gone["change"], gone["port"], gone["after"]) == ("gone", 25, None)


def test_a_port_that_the_later_scan_left_out_is_no_difference(tmp_path, capsys):
    short = (
        begin(),
        up(),
        identified(22, "ssh", Fields("OpenSSH", "8.0")),
        others((23, 24)),
        end(),
    )
    a, b = write_journal(tmp_path / "a", *EARLIER), write_journal(tmp_path / "b", *short)

    assert main(["diff", a, b]) == SAME
    out = capsys.readouterr().out
    assert "? 127.0.0.1:80/tcp  http nginx 1.2 (the later scan did not look at it)" in out


def test_a_journal_is_compared_with_xml_of_the_same(tmp_path, capsys):
    a = write_journal(tmp_path / "a", *EARLIER)
    (tmp_path / "b.xml").write_text("".join(xml.render(store_of(*EARLIER))))
    (tmp_path / "c.xml").write_text("".join(xml.render(store_of(*LATER))))

    assert main(["diff", a, str(tmp_path / "b.xml")]) == SAME
    assert main(["diff", a, str(tmp_path / "c.xml")]) == DIFFERENT
    assert "1 new, 1 gone, 1 changed" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"Dear Sir,\n"])
def test_a_file_that_cannot_be_read_is_trouble(tmp_path, capsys, content):
    a = write_journal(tmp_path / "a", *EARLIER)
    if content is not None:
        (tmp_path / "b").write_bytes(content)

    assert main(["diff", a, str(tmp_path / "b")]) == TROUBLE
    assert main(["diff", a]) == TROUBLE
    assert capsys.readouterr().out == ""
