"""Where this system is short of something the scan is slower and says so; its results are right."""

import json
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from itertools import count
from pathlib import Path

import pytest

from tests.benchmarks.kill import serving, table, words
from vscan_tui.cli import main

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
    return [line for line in told["said"] if not line.startswith("Recorded in")]


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
    [sentence] = scanned(tmp_path, "--disk", "8", "--services", "12", namespace=own)
    assert "the scan is not recorded" in sentence


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
