"""`vscan open`: journals, packed or not, damaged or not; reports; fingerprints."""

import gzip

import pytest

from tests.reports.scans import begin, end, found, store_of, up
from tests.session.pastes import pasted
from vscan_tui.cli import main
from vscan_tui.options import parse_options
from vscan_tui.options.model import UsageError
from vscan_tui.reports import xml
from vscan_tui.session.journal import encode, header_line

JOURNAL = header_line() + b"".join(map(encode, [begin(), up(), found(22, "ssh"), end()]))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_a_journal_is_shown(tmp_path, capsys, pack):
    path = tmp_path / "journal"
    path.write_bytes(pack(JOURNAL))

    assert main(["open", "--headless", str(path)]) == 0
    assert "22/tcp open  ssh?" in capsys.readouterr().out


def test_lines_that_cannot_be_read_are_told_and_the_rest_is_shown(tmp_path, capsys):
    path = tmp_path / "journal"
    path.write_bytes(JOURNAL + b"nonsense\n" * 9 + b'{"cut":')

    assert main(["open", "--headless", str(path)]) == 1
    told = capsys.readouterr()
    assert "22/tcp open" in told.out
    assert f"{path}:6: left out" in told.err
    assert "5 more lines" in told.err


def test_a_report_of_nmap_is_shown(tmp_path, capsys):
    path = tmp_path / "report.xml"
    path.write_text("".join(xml.render(store_of(begin(), up(), found(22, "ssh"), end()))))

    assert main(["open", "--headless", str(path)]) == 0
    assert "22/tcp open  ssh?" in capsys.readouterr().out


def test_fingerprints_are_shown(tmp_path, capsys):
    path = tmp_path / "mail"
    path.write_text("Hello,\n" + pasted())

    assert main(["open", "--headless", str(path)]) == 0
    assert "port 8080/tcp" in capsys.readouterr().out


def test_what_is_none_of_these_is_said_so(tmp_path, capsys):
    path = tmp_path / "letter"
    path.write_text("Dear Sir or Madam\n")

    assert main(["open", "--headless", str(path)]) == 1
    assert "no vscan journal" in capsys.readouterr().err
    assert main(["open", "--headless", str(tmp_path / "missing")]) == 1
    assert "cannot read it" in capsys.readouterr().err


def test_a_recording_may_be_played_at_its_own_speed_or_another():
    assert parse_options(["open", "f"]).speed is None
    assert parse_options(["open", "--play", "f"]).speed == 1.0
    assert parse_options(["open", "--speed", "10", "f"]).speed == 10.0
    assert parse_options(["open", "--play", "--speed", "0.5", "f"]).speed == 0.5
    for wrong in ("0", "-1", "fast", "inf", "1e9"):
        with pytest.raises(UsageError):
            parse_options(["open", f"--speed={wrong}", "f"])
