"""A scan that is killed: its journal holds what happened, and resume comes to the same end."""

import signal

import pytest

from tests.benchmarks.kill import killed, serving, undisturbed

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills like that")


def test_killed_at_any_moment_little_is_lost_and_resume_ends_it():
    with serving(12) as servers:
        seconds, expected = undisturbed(servers)
        kills = [killed(servers, seconds * part, expected) for part in (0.6, 0.75, 0.9)]
    assert [kill for kill in kills if not kill.is_good] == []
    assert any(kill.recorded for kill in kills)
