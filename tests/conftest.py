"""What all tests share: folders of their own, and the farm of real servers."""

import os

import pytest

from tests.farm.servers import running_farm


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory):
    """Keep state, cache and configuration out of the user's folders; subprocesses inherit this."""
    folder = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("STATE", "CACHE", "CONFIG", "DATA"):
            patch.setenv(f"XDG_{kind}_HOME", str(folder / kind.lower()))
        yield


@pytest.fixture(scope="session")
def farm():
    """Real servers on loopback: those that are installed on this machine."""
    with running_farm() as running:
        if os.environ.get("VSCAN_FARM") == "required":  # as in continuous integration
            problems = {**running.absent, **running.failed}
            assert not problems, f"these servers were to be here: {problems}"
        yield running
