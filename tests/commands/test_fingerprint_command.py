"""`vscan fingerprint`: decoded, matched and told, for people, for programs and on the screen."""

import base64
import io
import json
from xml.etree import ElementTree

import pytest

from tests.session.pastes import RESPONSES, lines, pasted
from vscan_tui.cli import main
from vscan_tui.commands.fingerprint import run_fingerprint
from vscan_tui.options import parse_options
from vscan_tui.options.model import FingerprintOptions, UsageError

PROBES = r"""Probe TCP NULL q||
match greeter m|^220 (\w+)\r\n| p/Greeter/ v/$1/ cpe:/a:own:greeter:$1/
softmatch binary m|^\x00\x01\x02|s
Probe TCP GetRequest q|GET / HTTP/1.0\r\n\r\n|
softmatch http m|^HTTP/1\.[01] \d\d\d|
match http m|^HTTP/1\.1 404 .*Server: never|s p/Never/
"""


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "own.probes"
    path.write_text(PROBES)
    return str(path)


def run(capsys, words, sent: str | bytes = ""):
    """(exit status, standard output, standard error)"""
    options = parse_options(["fingerprint", *words])
    assert isinstance(options, FingerprintOptions)
    data = sent.encode() if isinstance(sent, str) else sent
    status = run_fingerprint(options, io.BytesIO(data))
    out = capsys.readouterr()
    return status, out.out, out.err


def objects(capsys, words, sent):
    status, out, err = run(capsys, ["--jsonl", *words], sent)
    return status, [json.loads(line) for line in out.splitlines()], err


def test_a_program_is_told_each_response_with_its_match(capsys, database):
    status, [found], err = objects(capsys, ["--versiondb", database], pasted(port=443, tunnel=True))

    assert (status, err) == (0, "")
    assert (found["file"], found["port"], found["proto"], found["tunnel"]) == (
        "-",
        443,
        "tcp",
        "ssl",
    )
    assert found["problems"] == []
    told = [(each["probe"], base64.b64decode(each["data"])) for each in found["responses"]]
    assert told == list(RESPONSES)
    assert [(each["length"], each["complete"]) for each in found["responses"]] == [
        (len(data), True) for _, data in RESPONSES
    ]
    first, second, third = (each["match"] for each in found["responses"])
    assert first == {
        "service": "greeter", "soft": False, "line": 2, "rule_probe": "NULL", "product": "Greeter",
        "version": "ready", "cpe_a": "cpe:/a:own:greeter:ready",
        "cpe": ["cpe:/a:own:greeter:ready"],
    }  # fmt: skip
    assert (second["service"], second["soft"]) == ("http", True)
    # No database knows TerminalServer; what services say unasked is matched with any response.
    assert third["service"] == "binary"
    assert found["match"] == first
    assert found["outcome"] == "hard match"


def test_every_fingerprint_of_every_file_is_told_and_a_missing_file_does_not_stop_it(
    capsys, database, tmp_path
):
    (tmp_path / "a").write_text(pasted(port=1) + pasted(port=2))
    (tmp_path / "b").write_bytes(pasted(port=3).encode("utf-16"))
    missing = str(tmp_path / "missing")

    status, found, err = objects(
        capsys,
        ["--versiondb", database, str(tmp_path / "a"), missing, str(tmp_path / "b")],
        "",
    )

    assert [each["port"] for each in found] == [1, 2, 3]
    assert [each["file"][-1] for each in found] == ["a", "a", "b"]
    assert status == 1
    assert f"{missing}: cannot read it" in err


def test_damage_is_told_and_makes_the_exit_status_one(capsys, database):
    status, [found], _ = objects(capsys, ["--versiondb", database], "\n".join(lines()[:3]))

    assert status == 1
    assert found["responses"][0]["complete"]
    assert not found["responses"][1]["complete"]
    assert any("announced" in problem for problem in found["problems"])


def test_text_without_fingerprints_is_said_so(capsys, database):
    status, out, err = run(capsys, ["--versiondb", database], "Nmap done: 1 IP address\n")

    assert (status, out) == (1, "")
    assert "standard input: there is no service fingerprint in it" in err


def test_a_person_is_told_verdict_hexdump_and_nearest_rules(capsys, database):
    text = pasted((("GetRequest", b"HTTP/1.1 404 Not Found\r\nServer: newer\r\n\r\n"),))

    status, out, _ = run(capsys, ["--versiondb", database], text)

    assert status == 0
    assert "standard input:1: port 8080/tcp, Nmap 7.93, intensity 7, 2023-11-17 07:46 UTC" in out
    assert "soft match: http" in out
    assert "00000000  48 54 54 50 2f 31 2e 31  20 34 30 34 20 4e 6f 74  HTTP/1.1 404 Not" in out
    assert "Nearest rules to the response to GetRequest" in out
    assert f"match http ({database}:6)" in out
    assert "stands there, wanted" in out


def test_no_byte_of_a_response_steers_the_terminal(capsys, database):
    hostile = b"\x1b]0;owned\x07\x9b31m\xe2\x80\xae" + bytes(range(32))

    for words in ([], ["--jsonl"]):
        _, out, err = run(
            capsys, ["--versiondb", database, *words], pasted((("NULL", hostile), ("A[b]", b"x")))
        )
        assert (out + err).replace("\n", "").isprintable()
        assert (out + err).isascii()


def test_reports_show_fingerprints_like_a_scan(capsys, database, tmp_path):
    report = tmp_path / "report.xml"
    sent = pasted(port=5) + pasted(port=5)

    status, out, _ = run(capsys, ["--versiondb", database, "-oX", str(report)], sent)

    assert status == 0
    ports = ElementTree.parse(report).getroot().findall(".//port")
    assert [port.get("portid") for port in ports] == ["5", "5"]
    assert ports[0].find("service").get("product") == "Greeter"
    assert "5/tcp open  greeter Greeter ready" in out


def test_contradictions_are_told(tmp_path):
    for words in (["--jsonl", "--screen"], ["--jsonl", "-oX", "x"], ["--screen", "--headless"],
                  ["-", "-"]):  # fmt: skip
        with pytest.raises(UsageError):
            parse_options(["fingerprint", *words])


def test_the_program_knows_the_command(capsys, tmp_path, database):
    (tmp_path / "a").write_text(pasted())

    assert main(["fingerprint", "--versiondb", database, "--headless", str(tmp_path / "a")]) == 0
    assert "hard match: greeter Greeter ready" in capsys.readouterr().out
