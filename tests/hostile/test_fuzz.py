"""Whatever a reader of others' files and answers is given, only its documented errors come out."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.fuzz import TARGETS, damaged, fault

INPUTS = 300

every_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@every_target
def test_damaged_input_is_read_or_refused(target):
    dice = random.Random(2)
    assert [text for _ in range(INPUTS) if (text := fault(target, damaged(dice, target)))] == []


@every_target
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.binary(max_size=300), st.data())
def test_any_bytes_are_read_or_refused(target, data, choices):
    beginning = choices.draw(st.sampled_from(target.seeds))
    cut = choices.draw(st.integers(0, len(beginning)))
    assert fault(target, beginning[:cut] + data) == ""
