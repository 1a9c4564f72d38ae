"""`vscan --from FILE`: only the ports in the file are asked."""

import json
import socket
import threading

import pytest

from vscan_tui.cli import main
from vscan_tui.options import parse_options
from vscan_tui.options.model import UsageError

PROBES = r"""
Probe TCP NULL q||
totalwaitms 500
match greeter m|^220 (\w+)| p/Greeter/ v/$1/
Probe UDP Ask q|ask|
match answerer m|^answer|
"""


@pytest.fixture
def greeter():
    """The port of a server that greets, and a list of how often it was visited."""
    visits = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            visits.append(1)
            connection.sendall(b"220 ready\r\n")
            connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], visits
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def scan(tmp_path, *words):
    database = tmp_path / "own.probes"
    database.write_text(PROBES)
    report = tmp_path / "report.jsonl"
    always = ("--headless", "-n", "--no-journal", "--versiondb", str(database))
    status = main([*always, "-oJ", str(report), *words])
    lines = report.read_text().splitlines() if report.exists() else []
    ports = [json.loads(line) for line in lines]
    return status, {line["port"]: line["product"] for line in ports if line["type"] == "port"}


def test_a_port_in_the_file_is_identified_and_no_other_is_looked_for(tmp_path, greeter, capsys):
    port, visits = greeter
    (tmp_path / "ports").write_text(f"127.0.0.1:{port}\n")

    status, found = scan(tmp_path, "--from", str(tmp_path / "ports"))

    assert (status, found) == (0, {port: "Greeter"})
    assert len(visits) == 1  # no connection to see whether it is open


def test_a_fault_in_the_file_is_told_with_its_line_and_the_rest_is_scanned(
    tmp_path, greeter, capsys
):
    port, _ = greeter
    (tmp_path / "ports").write_text(f"nonsense\n127.0.0.1:{port}\n")

    status, found = scan(tmp_path, "--from", str(tmp_path / "ports"))

    assert (status, found) == (1, {port: "Greeter"})
    assert f'{tmp_path / "ports"}:1: "nonsense" names no port' in capsys.readouterr().err


def test_p_and_exclude_choose_among_the_ports_of_the_file(tmp_path, greeter, capsys):
    port, visits = greeter
    (tmp_path / "ports").write_text(f"127.0.0.1:{port}\n")

    for words in (("-p", "1"), ("--exclude-ports", str(port)), ("-sU",)):
        status, _ = scan(tmp_path, "--from", str(tmp_path / "ports"), *words)
        assert status == 1
        assert "no port is left" in capsys.readouterr().err
    scan(tmp_path, "--from", str(tmp_path / "ports"), "--exclude", "192.0.2.1,127.0.0.1")
    assert visits == []


@pytest.mark.parametrize("pace", ["eager", "polite"])
@pytest.mark.parametrize(("protocol", "reason"), [("", "conn-refused"), ("/udp", "port-unreach")])
def test_a_port_that_has_been_closed_meanwhile_is_closed_and_not_wrapped(
    tmp_path, pace, protocol, reason
):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (tmp_path / "ports").write_text(f"127.0.0.1:{port}{protocol}\n")

    status, found = scan(tmp_path, "--pace", pace, "--from", str(tmp_path / "ports"))

    assert (status, found) == (0, {port: ""})
    [told] = [
        line for line in map(json.loads, (tmp_path / "report.jsonl").read_text().splitlines())
        if line["type"] == "port"
    ]  # fmt: skip
    assert (told["state"], told["reason"]) == ("closed", reason)
    assert (told["outcome"], told["service"]) != ("tcpwrapped", "tcpwrapped")


def test_contradictions_are_told():
    for words in (["127.0.0.1"], ["-iL", "x"], ["-F"], ["--top-ports", "5"]):
        with pytest.raises(UsageError, match="--from"):
            parse_options(["--from", "x", *words])
    with pytest.raises(UsageError, match="only once"):
        parse_options(["--from", "-", "--from", "-"])


def test_both_protocols_are_asked_unless_one_is_chosen():
    assert parse_options(["--from", "x"]).protocols == ("tcp", "udp")
    assert parse_options(["--from", "x", "-sT"]).protocols == ("tcp",)
