"""What the end-to-end tests share: a terminal, and a journal to look at."""

import shutil

import pytest

from tests.end_to_end.terminal import terminal
from tests.farm.program import environment
from tests.tui.scripted_scan import script
from vscan_tui.session.journal import encode


@pytest.fixture
def window(tmp_path):
    """A terminal of 120x36 with a shell in it."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    folders = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("STATE", "CONFIG", "DATA")}
    with terminal(environment(TEXTUAL_ANIMATIONS="none", **folders)) as opened:
        yield opened


@pytest.fixture(scope="session")
def journal(tmp_path_factory):
    """A journal of a finished scan, with a hostile banner on port 9999."""
    path = tmp_path_factory.mktemp("journals") / "a-scan.vscan.jsonl"
    header = b'{"journal":"vscan","version":1}\n'
    path.write_bytes(header + b"".join(map(encode, script("127.0.0.1"))))
    return path
