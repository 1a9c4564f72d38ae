"""The project as a whole: its style, its imports, its packaging, its front page."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP_LEVEL = {
    "pyproject.toml", "vscan_tui", "tests", "data", "screenshots",
    "README.md", "LICENSE", "CHANGELOG.md",
}  # fmt: skip
LIGHT_ROOMS = ("probedb", "matching", "scanning", "session")
"""What must load neither textual nor rich."""
HEAVY = ("textual", "rich")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".json", ".jsonl", ".probes", ".tsv", ".svg", ".txt", ""}
FOREIGN_WORDS = tuple(f"/{word}/" for word in ("work", "root", "tmp/venv", "tmp/realfarm"))
"""Places on the machines of those who work on the project."""


def _tool(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sysconfig.get_path("scripts")) / name
    found = shutil.which(program) or shutil.which(name)
    assert found, f"{name} is missing; pip install -e '.[test]' brings it"
    return subprocess.run(
        [found, *words], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    "words",
    [
        ("ruff", "check", "--no-cache"),
        ("ruff", "format", "--check", "--no-cache"),
        ("mypy",),
        ("lint-imports", "--no-cache"),
    ],
    ids=" ".join,
)
def test_a_tool_finds_nothing_to_say(words):
    done = _tool(*words)

    assert done.returncode == 0, done.stdout + done.stderr


def _loaded(statements: str) -> list[str]:
    """Return which heavy packages are loaded after some statements in a fresh interpreter."""
    program = (
        f"import json, sys\n{statements}\n"
        f"print(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}} & {set(HEAVY)})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _modules(room: str) -> list[str]:
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "vscan_tui" / room).rglob("*.py")
    )


@pytest.mark.parametrize("room", LIGHT_ROOMS)
def test_a_room_below_the_screen_loads_neither_textual_nor_rich(room):
    modules = _modules(room)

    assert modules
    assert _loaded("\n".join(f"import {module}" for module in modules)) == []


def test_reports_load_no_textual():
    modules = _modules("reports")

    assert "textual" not in _loaded("\n".join(f"import {module}" for module in modules))


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["demo", "--help"], ["-p", "x", "--no-such-option"]]
)
def test_reading_the_command_line_loads_neither_textual_nor_rich(words):
    assert _loaded(
        "from vscan_tui.cli import main\n"
        f"try:\n    main({words})\nexcept SystemExit:\n    pass"
    ) == []  # fmt: skip


def test_the_top_level_holds_only_what_it_should():
    present = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    ignored = _git("ls-files", "--others", "--ignored", "--exclude-standard", "--directory")

    assert present - {line.rstrip("/") for line in ignored} <= TOP_LEVEL


def _git(*words: str) -> list[str]:
    """Return lines that git says, none where there is no git or no checkout."""
    if shutil.which("git") is None:
        return []
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def test_no_file_names_a_place_on_somebodys_machine():
    found = []
    for path in _text_files():
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {word}" for word in FOREIGN_WORDS if word in text]

    assert found == []


def _text_files() -> list[Path]:
    """Return all text files that belong to the project."""
    roots = [ROOT / name for name in (*TOP_LEVEL, ".ci") if (ROOT / name).exists()]
    files = [
        file for root in roots for file in (root.rglob("*") if root.is_dir() else [root])
        if file.is_file() and file.suffix in TEXT_SUFFIXES and "__pycache__" not in file.parts
    ]  # fmt: skip
    assert files
    return files


def _commands(name: str) -> list[str]:
    """Return the indented lines of a Markdown file, in order: its commands."""
    return [line.strip() for line in _read(name).splitlines() if line.startswith("    ")]


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_first_command_of_the_front_page_starts_the_program():
    assert _commands("README.md")[0] == "pip install . && vscan demo"


def test_the_second_command_of_the_front_page_is_what_continuous_integration_runs():
    second = _commands("README.md")[1]

    assert second == "pip install -e '.[test]' && pytest"
    assert second in _read(".ci/run").splitlines()


def test_continuous_integration_can_be_run():
    script = ROOT / ".ci" / "run"

    assert _read(".ci/run").startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in _read(".ci/run")
    if os.name != "nt":
        assert os.access(script, os.X_OK)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel, built with what is installed: no network is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
        + ["--disable-pip-version-check", "--wheel-dir", str(folder), str(ROOT)],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_the_wheel_carries_all_data_but_the_evidence(wheel):
    names = set(wheel.namelist())
    folders = {path.name for path in (ROOT / "data").iterdir()}
    data = {
        f"vscan_tui/{path.relative_to(ROOT).as_posix()}"
        for folder in folders - {"evidence"}
        for path in (ROOT / "data" / folder).rglob("*")
        if path.is_file()
    }

    assert folders >= {"service-probes", "port-table", "demo"}
    assert {name for name in names if name.startswith("vscan_tui/data/")} == data


def test_the_wheel_carries_the_package_and_nothing_else(wheel):
    names = {name.split("/")[0] for name in wheel.namelist()}
    package = {name for name in wheel.namelist() if name.startswith("vscan_tui/")}

    assert {name for name in names if not name.endswith(".dist-info")} == {"vscan_tui"}
    assert "vscan_tui/py.typed" in package
    assert not [name for name in package if "__pycache__" in name]


def test_the_wheel_names_its_licence_and_its_command(wheel):
    (licence,) = (name for name in wheel.namelist() if name.endswith("licenses/LICENSE"))
    (commands,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))

    assert "MIT" in wheel.read(licence).decode()
    assert "vscan = vscan_tui.cli:main" in wheel.read(commands).decode()


def test_the_first_picture_of_a_recording_waits_for_nothing_that_it_does_not_show():
    later = ("aiofiles", "cryptography", "pcre2", "tomllib", "vscan_tui.authoring",
             "vscan_tui.matching.matcher", "vscan_tui.reports", "vscan_tui.scanning.engine",
             "vscan_tui.scanning.transport.sockets", "vscan_tui.tui.screens.workbench")  # fmt: skip
    program = (
        "import sys, vscan_tui.cli, vscan_tui.commands.recorded, vscan_tui.tui.app\n"
        "from vscan_tui.session.recorder import Recorder\n"
        f"print([name for name in {later} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
