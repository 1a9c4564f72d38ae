"""Timing templates and durations."""

import itertools

import pytest

from vscan_tui.scanning.discovery.timing import TEMPLATES, parse_duration, parse_template, timing


def test_version_detection_runs_as_many_at_a_time_as_in_nmap():
    assert [timing(n).parallel_interrogations for n in range(6)] == [1, 1, 1, 20, 30, 40]


def test_templates_get_faster_one_by_one():
    for slower, faster in itertools.pairwise(TEMPLATES):
        assert slower.parallel_connects <= faster.parallel_connects
        assert slower.max_timeout >= faster.max_timeout
        assert slower.scan_delay >= faster.scan_delay


def test_timeouts_of_every_template_are_in_order():
    for template in TEMPLATES:
        assert 0 < template.min_timeout <= template.initial_timeout <= template.max_timeout


def test_parallelism_is_kept_within_the_users_bounds():
    assert timing(3, max_parallelism=5).parallel_interrogations == 5
    assert timing(3, max_parallelism=5).parallel_connects == 5
    assert timing(0, min_parallelism=10).parallel_interrogations == 10
    assert timing(3, min_parallelism=2, max_parallelism=900).parallel_interrogations == 20


def test_impossible_wishes_are_refused():
    with pytest.raises(ValueError, match="is more than"):
        timing(3, min_parallelism=5, max_parallelism=4)
    with pytest.raises(ValueError, match="0 to 5"):
        timing(6)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("30s", 30), ("5m", 300), ("2h", 7200), ("500ms", 0.5), ("1.5S", 1.5), ("0", 0)],
)
def test_durations_are_written_as_in_nmap(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5x", "-1", "s", "1e9", "nan", "٣s", "1" * 40])
def test_what_is_no_duration_is_told(text):
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


def test_templates_have_names():
    assert [parse_template(text) for text in ("0", "5", "Paranoid", "insane")] == [0, 5, 0, 5]
    with pytest.raises(ValueError, match="paranoid"):
        parse_template("6")
