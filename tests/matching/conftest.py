"""A small database of our own, and the caches kept away from the user's."""

import pytest

from vscan_tui.probedb import sources


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(
        "vscan_tui.matching.prefilter_cache.cache_folder", lambda: tmp_path / "cache"
    )
