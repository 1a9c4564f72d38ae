"""Where this system is short of something the scan is slower and says so; its results are right."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ET
from itertools import count
from pathlib import Path

import pytest

from tests.benchmarks.kill import serving, table, words
from vscan_tui.cli import main
from vscan_tui.scanning.targets.names import ReverseResolver

ROOT = Path(__file__).parents[2]


def may_make_namespaces() -> bool:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        check=False,
    )
    return tried.returncode == 0


needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="there is no ulimit there")


def scanned(folder, *more, namespace=()):
    command = [*namespace, sys.executable, "-m", "tests.hostile.shortage", str(folder), *more]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=150, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["status"] == 0, told
    assert told["wrong"] == {}
    return [line for line in told["said"] if not line.endswith(".vscan.jsonl")]


@needs_unix
def test_with_few_descriptors_all_ports_are_asked_all_the_same(tmp_path):
    [sentence] = scanned(tmp_path, "--descriptors", "26", "--services", "30")
    assert "short of something" in sentence
    assert "slower" in sentence


def test_with_hardly_a_local_port_all_ports_are_asked_all_the_same(tmp_path):
    if not may_make_namespaces():
        pytest.skip("no namespaces may be made here")
    own = ("unshare", "--net")
    [sentence] = scanned(tmp_path, "--local-ports", "2", "--services", "16", namespace=own)
    assert "short of something" in sentence


def test_on_a_full_disk_the_scan_goes_on_and_says_so_once(tmp_path):
    if not may_make_namespaces():
        pytest.skip("no namespaces may be made here")
    own = ("unshare", "--mount")
    sentence, place = scanned(tmp_path, "--disk", "8", "--services", "12", namespace=own)
    assert "the scan is not recorded" in sentence
    assert place.startswith("Recorded in ")
    assert "but only the beginning: No space left" in place


@pytest.mark.parametrize("is_asked", ["forward", "back"])
def test_a_name_server_that_does_not_answer_holds_no_port_up_for_ever(
    tmp_path, monkeypatch, capsys, is_asked
):
    """The hosts whose addresses are known are scanned; the name is told."""
    is_over = threading.Event()

    def hang(asked, *others, **more):
        if asked == "127.0.0.1":  # which takes no name server
            return look_up(asked, *others, **more)
        is_over.wait(60)
        raise socket.gaierror("too late")

    monkeypatch.setattr("vscan_tui.scanning.targets.names.NAME_PATIENCE", 0.5)
    monkeypatch.setattr(ReverseResolver.__init__, "__defaults__", (8, 0.5, 65536))
    what = "getaddrinfo" if is_asked == "forward" else "getnameinfo"
    look_up = getattr(socket, what)
    monkeypatch.setattr(socket, what, hang)
    hosts = ["-n", "hangs.invalid"] if is_asked == "forward" else ["-R"]
    with serving(4) as servers:
        report = tmp_path / "report.jsonl"
        scanned = words(tmp_path, servers, "--no-journal", "-oJ", str(report))
        scanned.remove("-n")

        status = main([*scanned, *hosts])

        outcomes = {number: told[1] for number, told in table(report, servers).items()}
    is_over.set()
    assert outcomes == {0: "hard match", 1: "hard match", 2: "soft match", 3: "no match"}
    if is_asked == "forward":
        assert status == 1
        assert 'Failed to resolve "hangs.invalid"' in capsys.readouterr().err
    else:
        assert status == 0


def test_a_clock_that_jumps_changes_no_result(tmp_path, monkeypatch, capsys):
    with serving(8) as servers:
        first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
        assert main([*words(tmp_path, servers, "--no-journal", "-oJ", str(first))]) == 0
        now, turns = time.time, count()
        jumps = (0, -86_400, 3600, -3600, 86_400 * 365)
        monkeypatch.setattr(time, "time", lambda: now() + jumps[next(turns) // 7 % len(jumps)])
        reports = ("-oJ", str(second), "-oX", str(tmp_path / "x"), "-oH", str(tmp_path / "h"))
        assert main([*words(tmp_path, servers, "--journal-dir", str(tmp_path), *reports)]) == 0
        assert table(second, servers) == table(first, servers)
    ET.parse(tmp_path / "x")
    assert "Traceback" not in capsys.readouterr().err
