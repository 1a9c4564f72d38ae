"""Pace `eager`: what polite would have said, in a fraction of the time."""

from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scanning.eager_playbook import EagerPlaybook, HangUp, Port, Say
from tests.scanning.playbook import databases
from vscan_tui.events import Ending, Outcome
from vscan_tui.matching.matcher import Matcher
from vscan_tui.scanning.interrogation import eager
from vscan_tui.scanning.interrogation.polite import (
    Closed,
    Connect,
    Connected,
    Finish,
    Interrogation,
    Listen,
    Matched,
    MatchResponse,
    Received,
    Send,
    TimedOut,
)
from vscan_tui.scanning.interrogation.waits import (
    HEAD_START_MS,
    NULL_QUIET_MS,
    PROMPT_ANSWER_MS,
    PROMPT_QUIET_MS,
    WaitLimits,
)

RULES = r"""
Probe TCP NULL q||
totalwaitms 6000
tcpwrappedms 3000
match ssh m|^SSH-([\d.]+)| p/Shell/ v/$1/
softmatch ftp m|^220 .*FTP|
match mail m|^250 mail| p/Mail/
Probe TCP Lines q|\r\n\r\n|
rarity 1
match echo m|^\r\n\r\n$| p/Echo/
match ftp m|^220 .*\r\n500 foo\r\n|s p/FooFTP/
match lines m|^lines| p/Lines/
Probe TCP Get q|GET / HTTP/1.0\r\n\r\n|
rarity 1
ports 80
sslports 443
match http m|^HTTP/1\.[01] \d+.*Server: (\w+)|s p/$1/
match http m|^HTTP/1\.[01] 200 again|
softmatch http m|^HTTP/1|
match ftp m|^500 get| p/GetFTP/
Probe TCP Options q|OPTIONS / HTTP/1.0\r\n\r\n|
rarity 1
match options m|^options| p/Options/
Probe TCP Tls q|\x16\x03\x01|
rarity 1
match ssl m|^\x16\x03| p/TLS/
match http m|^late| p/Late/
Probe TCP Help q|help|
rarity 2
match help m|^help| p/Help/
Probe TCP More q|more|
rarity 3
match ftp m|^250 ftp| p/MoreFTP/
match more m|^more| p/More/
Probe UDP Ask q|ask|
rarity 1
match answer m|^answer| p/Answer/
Probe UDP Else q|else|
rarity 2
match other m|^other| p/Other/
"""
ALL = ["NULL", "Lines", "Get", "Options", "Tls", "Help", "More"]


def play(service, **options):
    return EagerPlaybook(databases(RULES), service, **options)


def answers(**to):
    """What is said to payloads that begin with a word."""
    said = {key.encode(): doing for key, doing in to.items()}

    def answer(payload):
        for word, doing in said.items():
            if payload.startswith(word):
                return [doing] if isinstance(doing, Say | HangUp) else doing
        return []

    return answer


WEB = answers(GET=Say(b"HTTP/1.1 200 OK\r\nServer: Web\r\n"))


def test_a_service_that_speaks_first_is_asked_nothing():
    book = play(Port(greets=[Say(b"SSH-2.0-x", after=5)]))
    assert book.sent == ["NULL"]
    assert book.found.fields.version == "2.0"
    assert book.opened == 1


def begun(book):
    """When the first probe that sends something went out."""
    return min(float(line.split()[0]) for line in book.log if "Send" in line and "NULL" not in line)


def test_the_head_start_began_when_the_connection_was_opened():
    fresh, kept = play(Port(answers=WEB)), play(Port(answers=WEB), kept_for=HEAD_START_MS - 10)
    assert begun(fresh) - begun(kept) == pytest.approx(HEAD_START_MS - 10)
    assert begun(play(Port(answers=WEB), kept_for=900)) < 1
    assert kept.found == fresh.found


def test_silence_before_it_was_listened_to_does_not_end_the_wait_for_a_banner():
    late = Say(b"SSH-2.0-x", after=900 + PROMPT_QUIET_MS - 10)
    book = play(Port(greets=[late], answers=WEB), kept_for=900)
    assert book.found.name == "ssh"


def test_a_banner_that_waited_is_read_before_anything_is_asked():
    book = play(Port(greets=[Say(b"SSH-2.0-x", after=5)], answers=WEB), kept_for=900)
    assert book.sent == ["NULL"]
    assert book.found.name == "ssh"


def test_a_banner_that_waited_does_not_tell_how_long_banners_take():
    def quiet(kept_for):
        book = play(Port(greets=[Say(b"nothing known", after=5)]), kept_for=kept_for)
        [null] = [probe for probe in book.databases.of_protocol("tcp") if probe.is_null]
        return book.machine._waits.quiet(null)

    assert quiet(900) == quiet(0)


def test_a_port_is_wrapped_by_the_time_since_the_connection_was_opened():
    hangs_up = Port(greets=[HangUp(after=2_990)])
    lasts = Port(greets=[HangUp(after=3_010)])
    for kept_for in (0, 900):
        assert play(hangs_up, kept_for=kept_for).outcome is Outcome.TCPWRAPPED
        assert play(lasts, kept_for=kept_for).outcome is not Outcome.TCPWRAPPED


def test_an_answer_counts_once_the_earlier_probes_were_quiet():
    book = play(Port(answers=WEB))
    assert book.found.fields.product == "Web"
    assert PROMPT_QUIET_MS <= book.finished < NULL_QUIET_MS
    assert book.sent[:3] == ["NULL", "Lines", "Get"]


def test_where_answers_take_a_while_silence_counts_later():
    slower = answers(GET=Say(b"HTTP/1.1 200 OK\r\nServer: Web\r\n", after=2 * PROMPT_ANSWER_MS))
    book = play(Port(answers=slower))
    assert book.found.fields.product == "Web"
    assert NULL_QUIET_MS <= book.finished < 2 * NULL_QUIET_MS


def test_a_prompt_answer_outside_the_tunnel_says_nothing_of_what_is_inside():
    web = Port(answers=answers(GET=Say(b"HTTP/1.1 200\r\nServer: Web", after=20)))
    tls = answers(**{"\x16": Say(b"\x16\x03")})
    prompt = play(Port(answers=tls, inside=web))
    assert prompt.found.fields.product == "Web"
    begun = min(float(line.split()[0]) for line in prompt.log if "'tunnel': True" in line)
    assert prompt.finished >= begun + NULL_QUIET_MS


def test_a_banner_that_comes_meanwhile_wins_over_a_later_probe():
    book = play(Port(greets=[Say(b"SSH-1.5-x", after=120)], answers=WEB))
    assert book.found.name == "ssh"


def test_an_earlier_probe_wins_over_a_later_one_that_answered_sooner():
    late = Say(b"lines", after=100)
    book = play(Port(answers=answers(GET=Say(b"HTTP/1.0 200\r\nServer: Web"), **{"\r\n": late})))
    assert book.found.name == "lines"


def test_after_a_banner_the_next_probe_goes_out_on_its_connection():
    def service(payload):
        return [Say(b"500 foo\r\n")] if payload == b"\r\n\r\n" else []

    book = play(Port(greets=[Say(b"220 the FTP\r\n")], answers=service))
    assert book.found.fields.product == "FooFTP"
    assert any("'Lines'" in line and "'continues': True" in line for line in book.log)


def test_after_a_soft_match_only_probes_that_know_the_service_are_sent():
    book = play(Port(greets=[Say(b"220 the FTP\r\n")], answers=answers(more=Say(b"250 ftp"))))
    assert "Options" not in book.sent
    assert book.found.name == "ftp"


@pytest.mark.parametrize("begin", [b"220 the ", b"220-Welcome\r\n"])
def test_a_greeting_that_is_cut_off_is_waited_for(begin):
    rules = RULES.replace(
        "softmatch ftp", "match ftp m|^220.*the Split FTP|s p/Split/\nsoftmatch ftp"
    )
    rest = Say(b"the Split FTP\r\n", after=900)
    book = EagerPlaybook(databases(rules), Port(greets=[Say(begin), rest], answers=WEB))
    assert (book.found.name, book.found.fields.product) == ("ftp", "Split")


def test_a_banner_after_five_seconds_is_still_identified():
    book = play(Port(greets=[Say(b"SSH-2.0-late", after=5000)]))
    assert book.found.name == "ssh"
    assert book.outcome is Outcome.HARD_MATCH


def test_a_late_answer_changes_the_verdict_that_was_reported():
    book = play(Port(greets=[Say(b"SSH-2.0-late", after=5000)]))
    outcomes = [report.outcome for _, report in book.reports]
    assert outcomes == [Outcome.NO_MATCH, Outcome.HARD_MATCH]
    assert not book.reports[0][1].is_final


def test_a_slow_answer_to_the_likeliest_probe_is_waited_for():
    book = play(Port(answers=answers(GET=Say(b"HTTP/1.1 200\r\nServer: Slow", after=3000))))
    assert book.found.fields.product == "Slow"


def test_what_was_given_up_too_early_on_a_slow_port_is_asked_again():
    slow = answers(GET=Say(b"nothing that is known", after=1500), OPT=Say(b"options", after=1400))
    book = play(Port(answers=slow))
    assert book.sent.count("Options") == 2
    assert book.found.name == "options"


def test_a_silent_port_takes_seconds_instead_of_minutes():
    book = play(Port())
    assert book.outcome is Outcome.NO_MATCH
    assert set(book.sent) == set(ALL)
    assert book.finished < 8_000  # polite: 36 s
    assert book.most_open <= eager.MAX_CONNECTIONS


def test_a_port_that_ends_every_exchange_is_not_waited_for():
    book = play(Port(answers=lambda payload: [HangUp()]))
    assert book.outcome is Outcome.NO_MATCH
    assert book.finished < 1_000


def test_a_port_that_lets_one_probe_wait_and_hangs_up_on_silence_is_tcpwrapped():
    def impatient(payload):
        return [HangUp(after=2000 if payload.startswith(b"help") else 1)]

    book = play(Port(greets=[HangUp(after=2000)], answers=impatient))
    assert book.outcome is Outcome.TCPWRAPPED


def test_a_port_that_answers_and_later_hangs_up_on_who_was_silent_is_not_tcpwrapped():
    """Such as an X server, which ends all connections when its last client leaves."""
    said = answers(GET=Say(b"HTTP/1.1 200 OK\r\nServer: Web\r\n", after=600))
    book = play(Port(greets=[HangUp(after=630)], answers=said))
    assert book.found.fields.product == "Web"
    assert any("EndExchange" in line and "CLOSED" in line for line in book.log)


class HangsUpOnce:
    """What a port does on each connection: it hangs up on one of them."""

    def __init__(self, number, after):
        self.left = number
        self.after = after

    def __iter__(self):
        self.left -= 1
        return iter([] if self.left else [HangUp(self.after)])


@pytest.mark.parametrize(("number", "after"), [(1, 120), (6, 80)])
def test_a_silent_connection_that_ends_while_others_are_open_is_tried_alone(number, after):
    """Such as that of a server that drops idle connections when it has many."""
    greets = HangsUpOnce(number, after)
    book = play(Port(greets=greets, answers=answers(more=Say(b"more", after=300))))
    assert any("perhaps it does not when there is one connection" in line for line in book.log)
    assert book.found.name == "more"


def test_a_port_that_hangs_up_on_silence_even_then_is_tcpwrapped():
    book = play(Port(greets=[HangUp(after=300)]))
    assert book.outcome is Outcome.TCPWRAPPED
    assert book.sent[-1] == "NULL"


def test_a_port_that_hangs_up_at_once_is_tcpwrapped():
    book = play(Port(greets=[HangUp()]))
    assert book.outcome is Outcome.TCPWRAPPED
    assert book.sent == ["NULL"]


@pytest.mark.parametrize("only", [{"serves_at_a_time": 1}, {"max_connections": 1}])
def test_a_port_that_takes_one_connection_at_a_time_is_asked_one_thing_at_a_time(only):
    def service(payload):
        if payload.startswith(b"GET"):
            return [Say(b"HTTP/1.1 200\r\nServer: Serial")]
        return [HangUp()] if payload.startswith(b"OPT") else []

    book = play(Port(answers=service, **only))
    assert book.found.fields.product == "Serial"
    assert book.finished < 6_000


def test_a_port_that_refuses_even_one_connection_is_incomplete_or_wrapped():
    book = play(Port(max_connections=0))
    assert book.outcome in {Outcome.INCOMPLETE, Outcome.TCPWRAPPED}


def test_a_port_that_refuses_the_first_connection_is_tried_again_a_little_later():
    """Such as one that starts anew when the client leaves that found it."""
    book = play(Port(greets=[Say(b"SSH-2.0-x")], refuses_until=1500))
    assert book.found.name == "ssh"
    assert book.opened == 2


def test_a_port_that_refuses_twice_is_not_tried_a_third_time():
    book = play(Port(refuses_until=float("inf")))
    assert book.outcome is Outcome.TCPWRAPPED
    assert book.opened == 2
    assert book.finished < 1.1 * eager.REFUSAL_PAUSE_MS


def test_a_port_that_starts_anew_after_each_client_is_tried_again_too():
    service = Port(greets=HangsUpOnce(1, 120), refuses_from=100, refuses_until=1500)
    book = play(service)
    assert any("'after_ms': 2000" in line for line in book.log)
    assert book.outcome is Outcome.NO_MATCH


def test_a_port_that_is_tried_again_lets_others_go_meanwhile():
    waiting = play(Port(refuses_until=1500), until=1000)
    assert waiting.machine.is_slow
    assert not play(Port(refuses_until=1500), until=2010).machine.is_slow


def test_inside_tls_the_same_is_asked_and_nothing_waits_twice():
    inside = Port(answers=WEB)
    book = play(Port(answers=answers(**{"\x16\x03": Say(b"\x16\x03\x03")}), inside=inside))
    assert (book.found.name, book.found.tunnel) == ("http", "ssl")
    assert book.finished < 2_000


def test_a_tunnel_that_is_closed_at_once_comes_to_an_end():
    """Also if what went out before the tunnel was found has not been quiet for long by then."""
    tls = answers(**{"\x16\x03": Say(b"\x16\x03\x03")})
    book = play(Port(answers=tls, inside=Port(greets=[HangUp()])), port=443)
    assert (book.outcome, book.found.tunnel) == (Outcome.NO_MATCH, "ssl")
    assert book.finished < 8_000


def test_where_only_the_banner_is_awaited_inside_a_tunnel_its_end_is_the_end():
    tls = answers(**{"\x16\x03": Say(b"\x16\x03\x03")})
    text = RULES.replace("q|\\x16\\x03\\x01|\nrarity 1", "q|\\x16\\x03\\x01|\nports 443")
    text = text.replace("sslports 443\n", "")
    service = Port(answers=tls, inside=Port(greets=[HangUp()]))
    book = EagerPlaybook(databases(text), service, port=443, intensity=0)
    assert (book.outcome, book.found.tunnel) == (Outcome.NO_MATCH, "ssl")
    assert book.finished < 4_000


def test_where_tls_is_likely_its_hello_goes_early():
    service = Port(answers=answers(**{"\x16\x03": Say(b"\x16\x03\x03")}), inside=Port(answers=WEB))
    book = play(service, port=443)
    assert "Tls" in book.sent[:4]
    assert book.found.tunnel == "ssl"


def test_udp_probes_are_sent_at_once_too():
    book = play(Port(answers=answers(els=Say(b"other"))), protocol="udp")
    assert book.found.name == "other"


def test_a_silent_udp_port_ends():
    assert play(Port(), protocol="udp").outcome is Outcome.NO_MATCH


def test_one_connection_in_all_is_enough():
    book = play(Port(answers=WEB), max_connections=1)
    assert book.most_open == 1
    assert book.found.fields.product == "Web"


def test_the_user_bounds_the_waits():
    short = play(Port(), limits=WaitLimits(at_most=300))
    patient = play(Port(answers=WEB), limits=WaitLimits(at_least=1000))
    assert short.finished < 2_000
    assert patient.finished > 1_000


def test_a_stopped_port_keeps_what_was_found():
    book = play(Port(greets=[Say(b"220 the FTP\r\n")]), until=100).stop()
    assert book.outcome is Outcome.STOPPED
    assert book.found.name == "ftp"


def test_a_stopped_port_whose_answer_is_clear_keeps_it():
    book = play(Port(answers=WEB), until=100).stop()
    assert book.outcome is Outcome.HARD_MATCH


def test_exchanges_that_were_not_needed_end_as_stopped():
    book = play(Port(answers=WEB))
    assert any(f"'ending': <Ending.STOPPED: '{Ending.STOPPED}'>" in line for line in book.log)


def test_endless_bytes_are_not_read_for_ever():
    def endless(payload):
        return [Say(b"x", after=100.0 * n) for n in range(1, 200)]

    book = play(Port(answers=endless))
    assert book.outcome is Outcome.NO_MATCH


SERVICES = {
    "banner": Port(greets=[Say(b"SSH-2.0-x")]),
    "soft banner": Port(greets=[Say(b"220 my FTP\r\n")]),
    "banner and close": Port(greets=[Say(b"220 my FTP\r\n"), HangUp(after=2)]),
    "unknown banner": Port(greets=[Say(b"who knows")], answers=WEB),
    "web": Port(answers=WEB),
    "soft web": Port(answers=answers(GET=Say(b"HTTP/1.1 400\r\n"))),
    "close": Port(answers=lambda payload: [HangUp()]),
    "reset": Port(answers=lambda payload: [HangUp(was_reset=True)]),
    "answer and close": Port(answers=lambda payload: [Say(b"?"), HangUp(after=2)]),
    "echo": Port(answers=lambda payload: [Say(payload)]),
    "help": Port(answers=answers(help=Say(b"help"))),
    "two pieces": Port(answers=answers(GET=[Say(b"HTTP"), Say(b"/1.0 200\r\nServer: X", after=9)])),
    "full": Port(answers=lambda payload: [Say(b"y" * 5000)]),
    "ftp": Port(greets=[Say(b"220 my FTP\r\n")], answers=lambda payload: [Say(b"500 foo\r\n")]),
    "silent": Port(),
    "hang up": Port(greets=[HangUp()]),
    "slow hang up": Port(greets=[HangUp(after=150)], answers=lambda payload: [HangUp()]),
}


DOINGS = [
    *(
        Say(data, after=after)
        for after, data in enumerate(
            (b"SSH-2.0-x", b"220 FTP\r\n", b"500 foo\r\n", b"HTTP/1.1 ", b"lines", b"?"), start=1
        )
    ),
    HangUp(after=7),
    HangUp(after=8, was_reset=True),
]
PAYLOADS = [probe.payload for probe in databases(RULES).of_protocol("tcp") if probe.payload]


def polite(service):
    """What polite says of the same service, one connection after the other."""
    known = databases(RULES)
    machine, matcher = Interrogation(known, "tcp", 4000, intensity=7), Matcher(known)
    actions, coming, now = deque(machine.begin()), [], 0.0
    while True:
        action, happening = actions.popleft(), None
        match action:
            case Connect():
                coming, now = [(doing.after, doing) for doing in service.greets], 0.0
                happening = Connected()
            case Send(probe):
                began = now
                if probe.payload:
                    coming += [(now + each.after, each) for each in service.answers(probe.payload)]
            case Listen(timeout_ms):
                coming.sort(key=lambda each: each[0])
                if not coming or coming[0][0] > began + timeout_ms:
                    now, happening = began + timeout_ms, TimedOut()
                else:
                    now, doing = coming.pop(0)
                    happening = (
                        Received(doing.data)
                        if isinstance(doing, Say)
                        else Closed(now - began, doing.was_reset)
                    )
            case MatchResponse(probe, response):
                happening = Matched(matcher.match(probe, response).match)
            case Finish():
                return action
        if happening is not None:
            actions.extend(machine.handle(happening))


@pytest.mark.parametrize("name", SERVICES)
def test_the_verdict_is_that_of_polite(name):
    theirs, ours = polite(SERVICES[name]), play(SERVICES[name])
    assert (ours.outcome, ours.found) == (theirs.outcome, theirs.service)


@given(
    greets=st.lists(st.sampled_from(DOINGS), max_size=2),
    said=st.dictionaries(
        st.sampled_from(PAYLOADS), st.lists(st.sampled_from(DOINGS), max_size=2), max_size=4
    ),
)
@settings(max_examples=150, deadline=None)
def test_whatever_a_prompt_service_does_the_verdict_is_that_of_polite(greets, said):
    service = Port(greets=greets, answers=lambda payload: said.get(payload, []))
    theirs, ours = polite(service), play(service)
    assert (ours.outcome, ours.found) == (theirs.outcome, theirs.service)


def slowly(doings):
    """The same doings, each after some time of its own."""
    after = st.sampled_from([1, 50, 140, 160, 250, 400, 700, 1200, 2500, 4000])
    return st.builds(
        lambda doing, after: replace(doing, after=float(after)), st.sampled_from(doings), after
    )


@pytest.mark.parametrize("late", [0.0, 300.0, 3000.0])
def test_what_still_listens_outside_a_tunnel_does_not_hold_up_what_is_inside(late):
    """A loaded machine may be late with the end of a wait."""
    inside = Port(answers=answers(help=Say(b"help", after=2.0)))
    service = Port(answers=answers(**{"\x16\x03\x01": Say(b"\x16\x03\x03")}), inside=inside)

    book = play(service, port=443, late=late)

    assert book.finished < 60_000
    assert (book.outcome, book.found.name) == (Outcome.HARD_MATCH, "help")


@given(
    greets=st.lists(slowly(DOINGS), max_size=2),
    said=st.dictionaries(
        st.sampled_from(PAYLOADS), st.lists(slowly(DOINGS), max_size=2), max_size=6
    ),
    accepts=st.sampled_from([1000, 1, 2, 3]),
    serves=st.sampled_from([1000, 1, 2]),
    round_trip=st.sampled_from([0.2, 60.0]),
    inside=st.none() | st.lists(slowly(DOINGS), max_size=2),
    intensity=st.sampled_from([7, 0]),
    late=st.sampled_from([0.0, 200.0, 3000.0]),
)
@settings(max_examples=150, deadline=None)
def test_whatever_a_service_does_there_is_an_end(
    greets, said, accepts, serves, round_trip, inside, intensity, late
):
    def answer(payload):
        if inside is not None and payload.startswith(b"\x16\x03"):
            return [Say(b"\x16\x03\x03")]
        return said.get(payload, [])

    service = Port(
        greets=greets,
        answers=answer,
        inside=None if inside is None else Port(greets=inside, answers=answer),
        max_connections=accepts,
        serves_at_a_time=serves,
        round_trip=round_trip,
    )
    assert play(service, port=443, intensity=intensity, late=late).finished < 120_000


def test_a_port_that_refuses_a_second_connection_while_it_answers_is_asked_on():
    service = Port(
        greets=[Say(b"hello")],
        answers=lambda payload: [Say(b"hm"), HangUp(after=130, was_reset=True)],
        max_connections=2,
    )
    assert play(service).outcome is Outcome.NO_MATCH
