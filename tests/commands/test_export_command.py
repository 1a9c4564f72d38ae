"""`vscan export`: an exchange of a journal as text that Wireshark reads."""

import shlex
import shutil
import subprocess

import pytest

from tests.commands.sessions import write_journal
from tests.reports.scans import answered, begin, end, up
from vscan_tui.cli import main


@pytest.fixture
def journal(tmp_path):
    return write_journal(
        tmp_path / "a.vscan.jsonl", begin(), up(),
        answered(80, ("NULL", b""), ("GetRequest", b"HTTP/1.0 200 OK\r\n\r\n")),
        answered(8080, ("NULL", b"hello")), end(),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["127.0.0.1:80/tcp", "127.0.0.1:80", "80/tcp", "80"])
def test_the_exchange_that_decided_is_printed(journal, capsys, name):
    assert main(["export", journal, "--port", name]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# 127.0.0.1:80/tcp, exchange 2, probe GetRequest"
    assert lines[1].startswith("# text2pcap -D -t ISO -T 80,49152 -4 127.0.0.1,127.0.0.1 - ")
    assert any(line.startswith("I ") for line in lines)
    assert "000000 48 54 54 50 2f 31 2e 30 20 32 30 30 20 4f 4b 0d" in lines


def test_another_exchange_is_chosen_by_its_number(journal, capsys):
    assert main(["export", journal, "--port", "80", "--exchange", "1"]) == 0
    assert "exchange 1, probe NULL" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--port", "81"], 'no port that was asked is "81"; say which: 127.0.0.1:80/tcp, 127.'),
        (["--port", "80", "--exchange", "3"], "127.0.0.1:80/tcp has 2 exchanges; choose one"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(journal, capsys, words, told):
    assert main(["export", journal, *words]) == 1
    done = capsys.readouterr()
    assert told in done.err
    assert done.out == ""


def test_a_port_must_be_named(journal, capsys):
    assert main(["export", journal]) == 2
    assert "--port" in capsys.readouterr().err


@pytest.mark.skipif(
    shutil.which("text2pcap") is None or shutil.which("tshark") is None,
    reason="Wireshark's text2pcap and tshark are not here",
)
def test_wireshark_reads_the_answer_of_the_server(journal, capsys, tmp_path):
    main(["export", journal, "--port", "80"])
    text = capsys.readouterr().out
    command = shlex.split(text.splitlines()[1].removeprefix("# "))

    subprocess.run(command, input=text.encode(), cwd=tmp_path, check=True, capture_output=True)

    fields = ["-T", "fields", "-e", "tcp.srcport", "-e", "tcp.payload"]
    read = ["tshark", "-r", str(tmp_path / "capture.pcapng"), *fields]
    told = subprocess.run(read, check=True, capture_output=True, text=True).stdout.splitlines()
    assert told[-1].split() == ["80", b"HTTP/1.0 200 OK\r\n\r\n".hex()]
