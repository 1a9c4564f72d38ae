"""Reports become files, whole or not at all."""

import os
import sys

import pytest

from tests.reports.scans import begin, end, found, store_of, up
from vscan_tui.reports.files import FORMATS, write_report, write_text

STORE = store_of(begin(), up(), found(22, "ssh"), end())


def failing_lines():
    yield "half\n"
    raise OSError("the disk is full")


@pytest.mark.parametrize(
    ("suffix", "beginning"),
    [
        ("nmap", "# vscan 0.1.0 scan initiated "),
        ("xml", "<?xml "),
        ("gnmap", "# vscan 0.1.0 scan initiated "),
        ("jsonl", '{"type":"scan",'),
        ("csv", "address,name,protocol,port,"),
        ("md", "# Services found\n"),
        ("html", "<!DOCTYPE html>\n"),
    ],
)
def test_every_format_can_be_written(tmp_path, suffix, beginning):
    path = tmp_path / "report"
    write_report(path, suffix, STORE)
    assert path.read_text(encoding="utf-8").startswith(beginning)
    assert suffix == "csv" or b"\r" not in path.read_bytes()


def test_formats_have_the_letters_of_nmap_and_some_more():
    assert {report.letter: suffix for suffix, report in FORMATS.items()} == {
        "N": "nmap",
        "X": "xml",
        "G": "gnmap",
        "J": "jsonl",
        "C": "csv",
        "D": "md",
        "H": "html",
    }


def test_an_earlier_report_is_replaced(tmp_path):
    path = tmp_path / "report"
    path.write_text("a longer report from yesterday\n")
    write_text(path, ["new\n"])
    assert path.read_text() == "new\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_earlier_report_and_nothing_else(tmp_path):
    path = tmp_path / "report"
    path.write_text("from yesterday\n")
    with pytest.raises(OSError, match="disk is full"):
        write_text(path, failing_lines())
    assert path.read_text() == "from yesterday\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_directory_is_an_error_that_names_it(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "report", ["text\n"])


def test_a_directory_is_an_error(tmp_path):
    with pytest.raises(OSError, match="directory"):
        write_text(tmp_path, ["text\n"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows gives links to administrators only")
def test_a_link_is_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old\n")
    link.symlink_to(target)
    write_text(link, ["new\n"])
    assert link.is_symlink()
    assert target.read_text() == "new\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_the_permissions_of_an_earlier_report_are_kept(tmp_path):
    path = tmp_path / "report"
    path.write_text("old\n")
    path.chmod(0o640)
    write_text(path, ["new\n"])
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_is_no_regular_file_is_written_to_and_stays(tmp_path):
    # A pipe of the test's own: a fault must not be able to replace a real device.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(pipe, ["text\n"])
        assert os.read(reading, 100) == b"text\n"
    finally:
        os.close(reading)
    assert pipe.is_fifo()
