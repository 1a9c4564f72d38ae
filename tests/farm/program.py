"""Runs the program as a user does: as a process of its own, with its words and its exit status."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROGRAM = (sys.executable, "-m", "vscan_tui")
ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that finds the package also where it is not installed."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **more}


def run(
    *words: object, env: Mapping[str, str] | None = None, seconds: float = 150, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [*PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        input=stdin,
        timeout=seconds,
        env=environment() if env is None else env,
        check=False,
    )


def start(*words: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start the program, and leave it running."""
    return subprocess.Popen(
        [*PROGRAM, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment() if env is None else env,
    )


def json_lines(text: str, kind: str) -> list[dict[str, Any]]:
    """Return the lines of one type in a report of JSON lines."""
    return [line for line in map(json.loads, text.splitlines()) if line["type"] == kind]


def port_lines(normal_report: str) -> list[str]:
    """Return the lines of the port table in a normal report."""
    return [
        line
        for line in normal_report.splitlines()
        if line[:1].isdigit() and line.split()[0].endswith(("/tcp", "/udp"))
    ]
