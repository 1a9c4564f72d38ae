"""Which events hit which breakpoints, and how breakpoints are written."""

import pytest

from vscan_tui.events import (
    BytesReceived,
    Ending,
    Endpoint,
    ExchangeEnded,
    ExchangeStarted,
    InterrogationStarted,
    Match,
    RuleFired,
)
from vscan_tui.scanning.by_hand.breakpoints import (
    Breakpoint,
    BreakpointError,
    Breakpoints,
    Occasion,
    parse_breakpoint,
)

PORT = Endpoint("127.0.0.1", "tcp", 443)


def started(payload=b"GET", exchange=1):
    return ExchangeStarted(
        time=0, endpoint=PORT, exchange=exchange, connection=1, probe="Get", payload=payload,
        reason="",
    )  # fmt: skip


def ended(ending=Ending.TIMED_OUT, exchange=1):
    return ExchangeEnded(time=0, endpoint=PORT, exchange=exchange, ending=ending)


def fired(service="http", line=8871, soft=False, file="/usr/share/service-probes"):
    match = Match("own", file, line, "Get", service, soft, b"^x", "", (), ((0, 1),), 3)
    return RuleFired(time=0, endpoint=PORT, exchange=1, match=match, length=1)


BEGUN = InterrogationStarted(time=0, endpoint=PORT)
ANSWER = BytesReceived(time=0, endpoint=PORT, exchange=1, data=b"x")


def hits(text, *events):
    points = Breakpoints()
    points.add(parse_breakpoint(text))
    return [points.hit_by(event) is not None for event in events]


@pytest.mark.parametrize(
    ("text", "events", "expected"),
    [
        ("service http", [fired(), fired("ssh"), BEGUN], [True, False, False]),
        ("line 8871", [fired(), fired(line=8872)], [True, False]),
        ("line service-probes:8871", [fired(), fired(file="own.probes")], [True, False]),
        ("soft match", [fired(), fired(soft=True)], [False, True]),
        ("no answer", [started(), ended()], [False, True]),
        ("no answer", [started(), ANSWER, ended()], [False, False, False]),
        ("no answer", [started(b""), ended()], [False, False]),
        ("no answer", [started(), ended(Ending.STOPPED)], [False, False]),
        ("no answer", [started(), ended(Ending.CLOSED), ended()], [False, True, False]),
        ("port 443", [BEGUN, started(), fired()], [True, False, False]),
        ("port 443", [started(), fired(), started()], [True, False, False]),
        ("port 443", [started(), BEGUN, started()], [True, True, False]),
        ("port 443/udp", [BEGUN], [False]),
        ("port 443/tcp", [BEGUN], [True]),
        ("port 44", [BEGUN], [False]),
    ],
)
def test_what_hits_a_breakpoint(text, events, expected):
    assert hits(text, *events) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  service   http ", Breakpoint(Occasion.SERVICE, "http")),
        ("SOFT MATCH", Breakpoint(Occasion.SOFT_MATCH)),
        ("port 53/udp", Breakpoint(Occasion.PORT, "53/udp")),
    ],
)
def test_breakpoints_are_written_as_they_are_shown(text, expected):
    assert parse_breakpoint(text) == expected
    assert parse_breakpoint(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "Begin with one of: service, line"),
        ("rule 3", "Begin with one of"),
        ("service", "needs a service name"),
        ("line many", '"many" is no number'),
        ("port 80/sctp", "tcp or udp"),
        ("soft match http", "Nothing can follow"),
    ],
)
def test_a_text_that_is_no_breakpoint_is_told_what_is_missing(text, part):
    with pytest.raises(BreakpointError, match=part):
        parse_breakpoint(text)


def test_a_disabled_breakpoint_is_not_hit_and_keeps_its_place_and_count():
    points = Breakpoints()
    first, second = Breakpoint(Occasion.SERVICE, "http"), Breakpoint(Occasion.SOFT_MATCH)
    points.add(first)
    points.add(second)
    points.hit_by(fired())
    points.toggle(first)
    assert points.hit_by(fired()) is None
    assert [str(each) for each in points.all()] == ["service http", "soft match"]
    assert list(points.hits.values()) == [1, 0]


def test_adding_a_breakpoint_again_enables_it():
    points = Breakpoints()
    point = Breakpoint(Occasion.PORT, "80")
    assert points.add(point)
    points.toggle(point)
    assert not points.add(point)
    assert points.all() == [point]


def test_a_removed_breakpoint_is_forgotten():
    points = Breakpoints()
    points.add(Breakpoint(Occasion.SOFT_MATCH))
    points.remove(Breakpoint(Occasion.SOFT_MATCH))
    assert len(points) == 0


def test_a_port_breakpoint_that_is_set_anew_holds_at_the_next_probe():
    points = Breakpoints()
    point = Breakpoint(Occasion.PORT, "443")
    points.add(point)
    points.hit_by(BEGUN)
    assert points.hit_by(started()) is None
    points.remove(point)
    points.add(point)
    assert points.hit_by(started()) == point
