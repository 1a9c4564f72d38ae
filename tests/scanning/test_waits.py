"""How long pace `eager` waits follows from what a host was measured to take."""

from tests.scanning.playbook import databases
from vscan_tui.scanning.interrogation.waits import (
    NULL_QUIET_MS,
    PATIENCE_MS,
    PROBE_QUIET_MS,
    PROMPT_QUIET_MS,
    WaitLimits,
    Waits,
)

KNOWN = databases("""
Probe TCP NULL q||
totalwaitms 6000
match a m|^a|
Probe TCP Hello q|hello|
totalwaitms 5000
match b m|^b|
Probe TCP Brief q|brief|
totalwaitms 100
match c m|^c|
""")
NULL, HELLO, BRIEF = KNOWN.probes


def test_with_nothing_measured_the_floors_hold():
    waits = Waits()
    assert waits.quiet(NULL) == NULL_QUIET_MS
    assert waits.quiet(HELLO) == PROBE_QUIET_MS
    assert waits.patience(HELLO) == PATIENCE_MS


def test_a_host_far_away_is_waited_for_longer():
    near, far = Waits(), Waits()
    near.connected(1.0)
    far.connected(300.0)
    assert far.quiet(HELLO) > near.quiet(HELLO) + 3 * 299
    assert far.head_start(NULL) > near.head_start(NULL)


def test_a_port_that_answers_promptly_is_waited_for_less():
    waits = Waits()
    assert waits.quiet(NULL, is_prompt=True) == waits.quiet(HELLO, is_prompt=True)
    assert waits.quiet(HELLO, is_prompt=True) == PROMPT_QUIET_MS < PROBE_QUIET_MS


def test_what_is_prompt_depends_on_how_far_away_the_host_is():
    waits = Waits()
    waits.connected(1.0)
    assert waits.is_prompt(2.0)
    assert not waits.is_prompt(101.0)
    far = Waits()
    far.connected(100.0)
    assert far.is_prompt(101.0)


def test_one_round_trip_that_took_long_changes_nothing():
    waits = Waits()
    waits.connected(1.0)
    before = waits.quiet(HELLO)
    waits.connected(1000.0)
    assert waits.quiet(HELLO) == before


def test_a_probe_that_is_answered_slowly_is_waited_for_longer():
    waits = Waits()
    waits.answered(HELLO, 400.0)
    assert waits.quiet(HELLO) > 400.0
    assert waits.quiet(NULL) == NULL_QUIET_MS


def test_no_wait_is_longer_than_the_database_says():
    waits = Waits()
    waits.connected(5000.0)
    assert waits.quiet(BRIEF) == waits.patience(BRIEF) == waits.total(BRIEF) == 100


def test_the_user_has_the_last_word():
    waits = Waits(WaitLimits(at_least=900.0, at_most=1000.0))
    assert waits.quiet(HELLO) == 900.0
    assert waits.total(NULL) == 1000.0


def test_a_handshake_takes_no_longer_than_three_of_the_longest_waits():
    assert Waits().handshake(8000) == 8000
    assert Waits(WaitLimits(at_most=500)).handshake(8000) == 1500
