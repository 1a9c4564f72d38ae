"""A regex taken apart says nothing that PCRE2 would not."""

import pcre2
import pytest
from generated import CASES
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.matching.syntax import Group, Opaque, Repeat, group_spans, parse


def groups_of_pcre2(pattern):
    try:
        return pcre2.compile(pattern, jit=False).groups
    except (pcre2.LibraryError, ValueError):
        return None


def is_understood(regex):
    return not any(
        isinstance(node, Opaque) and node.span == (0, len(regex.pattern)) for node in regex.walk()
    )


def check_nesting(nodes, outer):
    place = outer[0]
    for node in nodes:
        assert place <= node.span[0] <= node.span[1] <= outer[1]
        place = node.span[1]
        if isinstance(node, Repeat):
            check_nesting((node.item,), node.span)
        elif isinstance(node, Group):
            for branch in node.branches:
                check_nesting(branch, node.span)


@given(CASES)
def test_groups_are_counted_as_pcre2_counts_them(case):
    pattern, flags, _ = case
    regex = parse(pattern, flags)
    expected = groups_of_pcre2(pattern)

    if expected is not None and is_understood(regex):
        spans = group_spans(pattern)
        assert len(spans) == expected
        assert all(pattern[span[0] : span[0] + 1] == b"(" for span in spans)
        assert all(pattern[span[1] - 1 : span[1]] == b")" for span in spans)


@given(CASES)
def test_what_is_inside_lies_within_what_is_outside(case):
    pattern, flags, _ = case
    for branch in parse(pattern, flags).branches:
        check_nesting(branch, (0, len(pattern)))


@given(
    st.binary(max_size=80)
    | st.text(alphabet="()[]{}\\|^$.*+?123,:=!<>iQExdbk'-PR&# ", max_size=60).map(str.encode)
)
def test_nothing_that_is_read_ever_raises(pattern):
    regex = parse(pattern)

    group_spans(pattern)
    list(regex.walk())
    expected = groups_of_pcre2(pattern)
    if expected is not None and is_understood(regex):
        assert len(group_spans(pattern)) == expected


@pytest.mark.parametrize(
    "pattern",
    [b"(" * 10_000, b"a{1}" * 10_000, b"[" * 10_000, b"(a){64}" * 1000, b"\\Q" * 5000,
     b"a{" + b"9" * 10_000 + b"}", b"(?:" * 190 + b"a" + b"){64}" * 190],
)  # fmt: skip
def test_hostile_regexes_are_read_in_reasonable_work(pattern):
    parse(pattern)


def test_the_place_of_each_group():
    assert group_spans(rb"a(b(?:c)(\)))[(](?<n>d)") == ((1, 13), (8, 12), (16, 23))
