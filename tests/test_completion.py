"""Shells complete vscan's words."""

import shutil
import subprocess
import sys

import pytest

from vscan_tui.options import parse_options, whole_parser
from vscan_tui.options.completion import SHELLS
from vscan_tui.options.model import UsageError


def script(shell):
    words = [sys.executable, "-m", "vscan_tui", "completion", shell]
    return subprocess.run(words, capture_output=True, check=True, timeout=60, text=True).stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_a_script_with_options_and_commands(shell):
    text = script(shell)
    assert "version-intensity" in text
    assert "fingerprint" in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("vscan --version-i", "--version-intensity"),
        ("vscan prob", "probes"),
        ("vscan probes --evi", "--evidence"),
        ("vscan match --js", "--jsonl"),
    ],
)
def test_bash_completes_what_was_begun(typed, completed, tmp_path):
    path = tmp_path / "vscan.bash"
    path.write_text(script("bash"))
    words = typed.split()
    ask = (
        f"source {path}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; "
        'COMP_LINE="$1"; _shtab_vscan; echo "${COMPREPLY[@]}"'
    )
    told = subprocess.run(
        ["bash", "-c", ask, "bash", typed], capture_output=True, check=True, timeout=60, text=True
    )
    assert told.stdout.split() == [completed]


@pytest.mark.parametrize("words", [[], ["cmd.exe"], ["bash", "zsh"]])
def test_a_shell_that_is_not_known_is_refused(words):
    with pytest.raises(UsageError, match="bash"):
        parse_options(["completion", *words])


def test_the_whole_program_is_described_in_one_parser():
    text = whole_parser().format_help()
    assert "Commands" in text
