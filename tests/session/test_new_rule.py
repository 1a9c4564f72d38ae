"""A port whose responses are matched again gets the verdict that a scan would have given."""

import pytest

from tests.tui.scripted_scan import SSH_RULE, START, script
from vscan_tui.events import Endpoint, Outcome, PortFinished, RuleFired
from vscan_tui.session.new_rule import after_new_rule
from vscan_tui.session.store import Stage, Store

HOST = "127.0.0.1"


@pytest.fixture
def store():
    found = Store()
    for event in script(HOST):
        found.apply(event)
    return found


def port(store, number):
    return store.ports[Endpoint(HOST, "tcp", number)]


def test_an_unknown_port_is_known_by_the_new_rule(store):
    unknown = port(store, 9999)
    number = next(each.number for each in unknown.exchanges if each.response)
    events = after_new_rule(unknown, {number: SSH_RULE}, START, "a rule was saved")
    for event in events:
        store.apply(event)

    assert [type(event) for event in events][1:] == [RuleFired, PortFinished]
    assert (unknown.outcome, unknown.service.name) == (Outcome.HARD_MATCH, "ssh")
    assert unknown.exchange(number).match == SSH_RULE
    assert unknown.decisions[-1].reason == "a rule was saved"


def test_what_did_not_change_makes_no_event(store):
    known = port(store, 22)
    match = known.exchange(1).match
    assert after_new_rule(known, {1: match}, START, "") == ()


def test_a_port_that_is_still_asked_is_left_to_its_scan(store):
    unknown = port(store, 9999)
    unknown.stage = Stage.PROBING
    assert after_new_rule(unknown, {1: SSH_RULE}, START, "") == ()
