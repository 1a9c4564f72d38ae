"""The match debugger: every rule with its fate, and the bytes that each part of one met."""

import threading

import pytest

from tests.tui.driving import HOST, pane_text, settle, tcp, until
from tests.tui.scripted_scan import SSH_BANNER, START, ScriptedSource, script
from vscan_tui.events import (
    BytesReceived,
    DatabaseIdentity,
    Ending,
    ExchangeEnded,
    ExchangeStarted,
    HostFound,
    HostState,
    InterrogationStarted,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    RuleFired,
    Service,
)
from vscan_tui.matching.investigation import Investigation
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import ProbeDatabase
from vscan_tui.probedb.parser import parse
from vscan_tui.tui.app import VscanApp

WIDE = (140, 48)
RULES = r"""Probe TCP NULL q||
match zork m|^Zork ([\d.]+) ready\r\n| p/Zork/ v/$1/
match ssh m|^SSH-([\d.]+)-OpenSSH_([\w.]+) (Debian)-(\S+)\r?\n| p/OpenSSH/ v/$2/ i/protocol $1/
match ssh m|^SSH-([\d.]+)-|
match greeting m|^Hello ([a-z]+), this is Own ([\d.]+)\r\n| p/Own/ v/$2/ h/$1/
softmatch greeting m|^Hello|
"""


def databases(text=RULES):
    parsed = parse(text.encode(), "own.probes")
    assert parsed.faults == ()
    return ProbeDatabases(
        (ProbeDatabase(DatabaseIdentity("own", "own.probes", 5, 1, ""), parsed.probes),)
    )


def port(number, *reads):
    """A port that said something in one read or several, matched after each."""
    endpoint = tcp(number)
    found = databases()
    probe = found.find("NULL", "tcp")
    yield PortFound(time=START, endpoint=endpoint, state=PortState.OPEN, reason="")
    yield InterrogationStarted(time=START, endpoint=endpoint)
    yield ExchangeStarted(
        time=START, endpoint=endpoint, exchange=1, connection=1, probe="NULL", payload=b"",
        reason="every TCP port is listened to first",
    )  # fmt: skip
    had, match = b"", None
    for count, data in enumerate(reads, start=1):
        had += data
        when = START + count
        yield BytesReceived(time=when, endpoint=endpoint, exchange=1, data=data)
        if match is None:
            match = Matcher(found).match(probe, had).match
            if match is not None:
                yield RuleFired(
                    time=when, endpoint=endpoint, exchange=1, match=match, length=len(had)
                )
    ending = Ending.MATCHED if match else Ending.TIMED_OUT
    yield ExchangeEnded(time=START + 9, endpoint=endpoint, exchange=1, ending=ending, tried=5)
    outcome = Outcome.HARD_MATCH if match else Outcome.NO_MATCH
    service = Service(match.service if match else "")
    yield PortFinished(time=START + 9, endpoint=endpoint, outcome=outcome, service=service)


@pytest.fixture
def open_app():
    def opened(*ports):
        events = [HostFound(time=START, address=HOST, state=HostState.UP, reason="")]
        for number, reads in enumerate(ports, start=1):
            events += port(number, *reads)
        return VscanApp(ScriptedSource(events), investigation=Investigation(databases))

    return opened


def shown(app):
    return "\n".join(pane_text(app.triage.debugger))


def laid(app):
    """The bytes that lie under each layer of the response."""
    response = bytes(app.triage.exchange.response)
    dump = app.triage.response
    return [(layer.name, response[start:end]) for (start, end), layer in dump._laid_over]


async def enter_debugger(pilot):
    await settle(pilot)
    await pilot.press("tab", "tab", "tab")
    assert pilot.app.triage.focused_pane is pilot.app.triage.debugger


async def test_an_unknown_response_is_told_the_part_that_failed_and_the_byte_it_met(open_app):
    app = open_app([b"Zork 1.2 redy\r\n"])
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await until(pilot, lambda: "stopped" in shown(app))
        text = shown(app)
        await until(pilot, lambda: laid(app))
        layers = laid(app)
    assert "✘ nearest zork  own.probes:2  2 parts held, 1 failed, first at 0x000b" in text
    assert "at 0x000b stands d, the rule wants a" in text
    assert ("STOP", b"d") in layers
    assert ("MET", b"1.2") in layers


async def test_other_near_rules_are_told_by_what_would_have_to_be_otherwise(open_app):
    app = open_app([b"SSX-2.0-OpenSSH_9.2p1 Debian-2\r\n"])
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await until(pilot, lambda: "  near    ssh" in shown(app))
        assert "matches but for 1 byte, at 0x0002" in shown(app)


async def test_what_the_selected_part_met_is_told_before_the_regex(open_app):
    app = open_app([SSH_BANNER])
    async with app.run_test(size=WIDE) as pilot:
        await enter_debugger(pilot)
        await until(pilot, lambda: app.triage.debugger.chosen.dissection is not None)
        await pilot.press("full_stop")
        await until(pilot, lambda: "  part    1 of" in shown(app))
        text = shown(app)
    assert text.index("  part  ") < text.index("  regex  ")


async def test_a_response_that_has_little_in_common_with_any_rule_is_told_so(open_app):
    app = open_app([b"Zap! nothing of this is known\r\n"])
    async with app.run_test(size=WIDE) as pilot:
        await enter_debugger(pilot)
        await until(pilot, lambda: "no rule: the nearest have next to nothing" in shown(app))
        assert "matches but for" not in shown(app)
        assert laid(app) == []
        await pilot.press("v")
        await until(pilot, lambda: "1st" in shown(app))
        nearest = app.triage.debugger.study.rules.nearest[0]
        assert app.triage.debugger.cursor == nearest
        await pilot.press("v", "n")
        await until(pilot, lambda: "✘ nearest " in shown(app))


async def test_parts_of_the_regex_light_up_the_bytes_that_they_met(open_app):
    app = open_app([SSH_BANNER])
    async with app.run_test(size=WIDE) as pilot:
        await enter_debugger(pilot)
        await until(pilot, lambda: app.triage.debugger.chosen.dissection is not None)
        lit = []
        for _ in range(4):
            await pilot.press("full_stop")
            await pilot.pause()
            lit.append([data for name, data in laid(app) if name == "PART"])
        text = shown(app)
        await pilot.press("comma", "comma")
        await until(pilot, lambda: laid(app) == [("PART", b"SSH-")])
    assert lit == [[], [b"SSH-"], [b"2.0"], [b"-OpenSSH_"]]
    assert "4 of" in text
    assert "9 bytes at 0x0007" in text


async def test_all_rules_are_listed_with_their_fate(open_app):
    app = open_app([SSH_BANNER])
    async with app.run_test(size=WIDE) as pilot:
        await enter_debugger(pilot)
        await pilot.press("v")
        await until(pilot, lambda: "own.probes:6" in shown(app))
        text = shown(app)
        cursor = app.triage.debugger.cursor
    lines = [line for line in text.splitlines() if "own.probes:" in line]
    assert ["fired" in line for line in lines] == [False, True, False, False, False]
    assert ["shadowed" in line for line in lines] == [False, False, True, False, False]
    assert "1st" in text
    assert cursor == 1


async def test_rules_are_searched_and_one_is_opened(open_app):
    app = open_app([b"Zork 1.2 redy\r\n"])
    async with app.run_test(size=WIDE) as pilot:
        await enter_debugger(pilot)
        await pilot.press("slash")
        await until(pilot, lambda: "own.probes:6" in shown(app))
        await pilot.press(*"greeting", "space", *"this")
        await until(pilot, lambda: "1 of 5" in shown(app))
        await pilot.press("enter")
        assert app.triage.focused_pane is app.triage.debugger
        await pilot.press("enter")
        await until(pilot, lambda: "greeting  own.probes:5" in shown(app))


async def test_next_rule_goes_to_what_matters(open_app):
    app = open_app([SSH_BANNER])
    async with app.run_test(size=WIDE) as pilot:
        await enter_debugger(pilot)
        await until(pilot, lambda: "would have fired too" in shown(app))
        await pilot.press("n")
        await until(pilot, lambda: "shadowed hard match ssh  own.probes:4" in shown(app))
        await until(pilot, lambda: app.triage.response._spans == ((0, 8), (4, 7)))
        await pilot.press("N")
        await until(pilot, lambda: "✓ hard match ssh  own.probes:3" in shown(app))


async def test_a_match_on_half_an_answer_is_named(open_app):
    app = open_app([b"Hello", b" world, this is Own 1.2\r\n"])
    async with app.run_test(size=WIDE) as pilot:
        await enter_debugger(pilot)
        await until(pilot, lambda: "half an answer" in shown(app))
        text = shown(app)
    assert "fired on read 1 of 2" in text
    assert "gives greeting own.probes:5" in text


async def test_a_response_that_a_rule_matched_is_looked_through_when_someone_asks():
    threads = set()

    def load():
        threads.add(threading.current_thread())
        return databases()

    app = VscanApp(ScriptedSource(script(HOST)), investigation=Investigation(load))
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await pilot.press("/", *"ssh", "enter")
        await until(pilot, lambda: app.triage.debugger.chosen.dissection is not None)
        assert threads == set()
        await pilot.press("tab", "tab", "tab")
        await until(pilot, lambda: app.triage.debugger.study is not None)
    assert threading.main_thread() not in threads


async def test_an_exchange_that_goes_on_while_it_is_looked_at_is_explained_at_its_end(open_app):
    app = open_app([b"Zork 1.2 redy\r\n"])
    async with app.run_test(size=WIDE) as pilot:
        await settle(pilot)
        await until(pilot, lambda: app.triage.debugger.chosen is not None)
        for event in list(port(2, b"Zork 1.9 redy\r\n")):
            app.feed.emit(event)
            await until(pilot, lambda: not len(app.feed))
            app.triage.ports.select(tcp(2))
            app.triage._select_port()
        await until(pilot, lambda: "stopped" in shown(app))
        assert app.triage.exchange is app.store.ports[tcp(2)].exchanges[0]
