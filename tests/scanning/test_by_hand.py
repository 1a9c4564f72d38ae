"""What the user does by hand: ports held in a scan and after it, and payloads of their own."""

import asyncio

import pytest

from tests.scanning.loopback import certificate, echo, hang_up, says, silent, tcp_server, udp_server
from tests.scanning.playbook import databases
from tests.scanning.test_engine import RULES, Recorder, scan
from vscan_tui.events import (
    Ending,
    Endpoint,
    InterrogationStarted,
    Outcome,
    PortFinished,
    PortFound,
    PortHeld,
    PortReleased,
    PortState,
    ScanFinished,
    Warned,
)
from vscan_tui.matching.matcher import Matcher
from vscan_tui.scanning.by_hand.breakpoints import parse_breakpoint
from vscan_tui.scanning.by_hand.requests import ByHand, Composition, Means, Subject
from vscan_tui.scanning.interrogation.matching_thread import MatchingThread
from vscan_tui.scanning.interrogation.stepping import (
    Choose,
    NotPossibleError,
    Run,
    SendAgain,
    Skip,
    Step,
    StepOver,
    Stop,
)
from vscan_tui.scanning.postprocessing.protocol import Question
from vscan_tui.scanning.transport.sockets import AsyncioTransport

PATIENT = RULES.replace("totalwaitms 300\n", "totalwaitms 60000\n")


async def until(condition):
    """Wait for something to become true, however busy the machine is."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


class Bench:
    """A hand without a scan, as it is after one; what happens is recorded."""

    def __init__(self, rules=RULES, postprocessors=()):
        known = databases(rules)
        matching = MatchingThread(Matcher(known))
        means = Means(known, AsyncioTransport(), matching, 7, postprocessors)
        self.databases = known
        self.hand = ByHand(lambda: means)
        self.recorder = Recorder()
        self.store = self.recorder.store
        self.hand.open(self.recorder)
        self._answered = None

    def subject(self, endpoint, **facts):
        state = PortState.OPEN if endpoint.protocol == "tcp" else PortState.OPEN_OR_FILTERED
        self.recorder(PortFound(time=0.0, endpoint=endpoint, state=state, reason="test"))
        return Subject(endpoint, state, **facts)

    def port(self, subject):
        return self.store.ports[subject.endpoint]

    async def held(self, subject):
        """What the port is held before, once the last word was obeyed."""
        port = self.port(subject)
        await until(lambda: port.held is not None and port.held is not self._answered)
        return port.held

    async def tell(self, subject, *commands):
        """Say one thing after the other, each when the port is held."""
        for command in commands:
            self._answered = await self.held(subject)
            await self.hand.obey(subject, command)

    async def finished(self, subject):
        await until(lambda: not self.hand.is_under_way(subject.endpoint))
        return self.port(subject)

    async def sent(self, subject, *payloads, **options):
        await self.hand.send(subject, Composition(payloads, **options))
        await until(lambda: not self.hand._tasks)
        return self.port(subject)


@pytest.fixture
async def bench():
    made = Bench()
    yield made
    await made.hand.close()


# Steps


async def test_a_port_is_asked_anew_one_action_at_a_time(bench):
    async with tcp_server(says(b"SSH-2.0-x\r\n")) as endpoint:
        subject = bench.subject(endpoint)
        await bench.hand.hold(subject)
        assert (await bench.held(subject)).action == "connect"
        assert bench.port(subject).connections == {}
        await bench.tell(subject, Step(), Step(), Step())
        assert (await bench.held(subject)).action == "finish: hard match"
        assert bench.port(subject).outcome is None
        await bench.tell(subject, Step())
        port = await bench.finished(subject)
    assert port.service.fields.version == "2.0"
    assert port.by_hand
    assert not port.is_stepped


async def test_what_is_shown_before_a_probe_is_sent_is_what_is_sent(bench):
    async with tcp_server(echo) as endpoint:
        subject = bench.subject(endpoint)
        await bench.hand.hold(subject)
        await bench.tell(subject, StepOver())
        held = await bench.held(subject)
        await bench.tell(subject, Run())
        port = await bench.finished(subject)
    assert (held.action, held.payload) == ("send Hello", b"hello")
    assert held.reason == port.exchanges[1].reason
    assert [each.happening for each in held.outlook] == ["an answer", "no answer", "closed at once"]


async def test_time_in_which_a_port_is_held_does_not_count(bench):
    is_awaited = asyncio.Event()

    async def slow_echo(reader, writer):
        data = await reader.read(100)
        await is_awaited.wait()
        writer.write(data)
        await writer.drain()

    async with tcp_server(slow_echo) as endpoint:
        subject = bench.subject(endpoint)
        await bench.hand.hold(subject)
        await bench.tell(subject, StepOver(), Step())
        await bench.held(subject)
        await asyncio.sleep(0.4)  # longer than an answer is waited for
        await bench.tell(subject, Step())
        port = bench.port(subject)
        await until(lambda: port.decisions[-1].action.startswith("listen"))
        is_awaited.set()
        await bench.tell(subject, Step())
        await bench.finished(subject)
    assert port.service.name == "echo"


async def test_a_wait_is_cut_short_by_skipping():
    bench = Bench(PATIENT)
    async with tcp_server(silent) as endpoint:
        subject = bench.subject(endpoint)
        await bench.hand.hold(subject)
        await bench.tell(subject, Step(), Step(), Step())
        await until(lambda: bench.port(subject).decisions[-1].action.startswith("listen"))
        await bench.hand.obey(subject, Skip())
        assert (await bench.held(subject)).action == "send Hello"
        assert bench.port(subject).exchanges[0].ending is Ending.STOPPED
        await bench.tell(subject, Stop())
        port = await bench.finished(subject)
    assert port.outcome is Outcome.STOPPED
    assert [each.action for each in port.decisions if each.reason == "by hand"] == [
        "skip the probe", "stop the port",
    ]  # fmt: skip


async def test_a_chosen_probe_is_marked_as_made_by_hand(bench):
    async with tcp_server(echo) as endpoint:
        subject = bench.subject(endpoint)
        await bench.hand.hold(subject)
        await bench.tell(subject, Choose(bench.databases.find("Hello", "tcp")), Run())
        port = await bench.finished(subject)
    assert [(each.probe, each.by_hand) for each in port.exchanges] == [("Hello", True)]
    assert port.service.name == "echo"


async def test_commands_need_a_port_that_is_asked(bench):
    with pytest.raises(NotPossibleError):
        await bench.hand.obey(bench.subject(Endpoint("127.0.0.1", "tcp", 1)), SendAgain())


async def test_asking_anew_without_an_answer_keeps_what_was_known(bench):
    async with tcp_server(says(b"SSH-2.0-x\r\n")) as endpoint:
        subject = bench.subject(endpoint)
        await bench.hand.hold(subject)
        await bench.tell(subject, Run())
        await bench.finished(subject)
        await bench.hand.hold(subject)
        await bench.tell(subject, Step(), Stop())
        port = await bench.finished(subject)
    assert (port.outcome, port.service.name) == (Outcome.HARD_MATCH, "ssh")


async def test_exchanges_of_a_port_that_is_asked_anew_are_numbered_on(bench):
    async with tcp_server(says(b"SSH-2.0-x\r\n")) as endpoint:
        subject = bench.subject(endpoint)
        for _ in range(2):
            await bench.hand.hold(subject)
            await bench.tell(subject, Run())
            await bench.finished(subject)
        port = bench.port(subject)
    assert [each.number for each in port.exchanges] == [1, 2]
    assert bytes(port.exchanges[1].response) == b"SSH-2.0-x\r\n"
    assert set(port.connections) == {1, 2}


async def test_ports_that_are_stepped_report_how_they_stand_at_the_end(bench):
    async with tcp_server(silent) as endpoint:
        subject = bench.subject(endpoint)
        await bench.hand.hold(subject)
        await bench.tell(subject, Step())
        await bench.held(subject)
        await bench.hand.close()
    assert bench.port(subject).outcome is Outcome.STOPPED
    assert not bench.hand.is_under_way(endpoint)


class Curious:
    """Asks two questions when a service is known."""

    name = "curious"

    def talk(self, known):
        return self.ask() if known.service.name == "echo" else None

    def ask(self):
        for number in (1, 2):
            yield Question(f"question {number}", (b"?",), "to know more", wait_ms=100)


@pytest.mark.parametrize(
    ("words", "asked"),
    [([Step(), Step()], 2), ([Step(), Skip()], 1), ([Stop()], 0), ([Run()], 2)],
    ids=["step by step", "skipped", "stopped", "all"],
)
async def test_questions_after_the_verdict_are_held_too(words, asked):
    bench = Bench(postprocessors=[Curious()])
    async with tcp_server(echo) as endpoint:
        subject = bench.subject(endpoint)
        await bench.hand.hold(subject)
        await bench.tell(subject, StepOver(), StepOver(), Step())
        held = await bench.held(subject)
        assert (held.action, held.reason, held.payload) == ("ask: question 1", "to know more", b"?")
        with pytest.raises(NotPossibleError):
            await bench.hand.obey(subject, SendAgain())
        await bench.tell(subject, *words)
        port = await bench.finished(subject)
    assert [each.probe for each in port.exchanges[2:]] == ["question 1", "question 2"][:asked]
    assert port.outcome is Outcome.HARD_MATCH


# In a scan


def live(*endpoints, **settings):
    recorder = Recorder()
    running = scan(*endpoints, **settings)
    running.by_hand.open(recorder)
    return running, recorder, asyncio.create_task(running.run(recorder))


async def test_in_pace_step_every_port_is_held_before_its_first_action():
    async with tcp_server(echo) as first, tcp_server(says(b"SSH-2.0-x\r\n")) as second:
        running, recorder, task = live(first, second, pace="step", parallel_interrogations=1)
        await until(lambda: sum(p.held is not None for p in recorder.store.ports.values()) == 2)
        assert all(not port.connections for port in recorder.store.ports.values())
        assert running.by_hand.release_all() == 2
        await task
    assert {port.service.name for port in recorder.store.ports.values()} == {"echo", "ssh"}
    assert recorder.kinds()[-1] is ScanFinished


@pytest.mark.parametrize(("pace", "parallel"), [("polite", 1), ("eager", 2)])
async def test_a_breakpoint_holds_its_port_and_no_other(pace, parallel):
    async with tcp_server(says(b"220 hi\r\n")) as mail, tcp_server(says(b"SSH-2.0-x\r\n")) as ssh:
        running, recorder, task = live(mail, ssh, pace=pace, parallel_interrogations=parallel)
        running.by_hand.breakpoints.add(parse_breakpoint("soft match"))
        await until(
            lambda: (
                mail in recorder.store.ports
                and recorder.store.ports[mail].held is not None
                and recorder.store.ports[ssh].outcome is Outcome.HARD_MATCH
            )
        )
        held = recorder.store.ports[mail].held
        eager = running.by_hand._eager.get(mail)
        assert eager is None or eager.lets_others_go.is_set()
        await running.by_hand.obey(Subject(mail), Run())
        await task
    assert (held.cause, held.by_breakpoint) == ("breakpoint: soft match", True)
    assert PortReleased in recorder.kinds()
    assert recorder.store.ports[mail].service.name == "mail"


async def test_a_port_under_way_is_held_before_its_next_action():
    async with tcp_server(silent) as endpoint:
        running, recorder, task = live(endpoint, rules=RULES)
        await until(lambda: endpoint in recorder.store.ports)
        await until(lambda: recorder.store.ports[endpoint].exchanges)
        await running.by_hand.hold(Subject(endpoint))
        await until(lambda: recorder.store.ports[endpoint].held is not None)
        assert recorder.store.ports[endpoint].held.action == "send Hello"
        await running.by_hand.obey(Subject(endpoint), Run())
        await task
    assert recorder.kinds().count(InterrogationStarted) == 1


async def test_a_port_asked_on_several_connections_is_asked_anew_by_hand():
    async with tcp_server(echo) as endpoint:
        running, recorder, task = live(endpoint, pace="eager", rules=PATIENT.replace("^hello", "x"))
        await until(lambda: endpoint in recorder.store.ports)
        await until(lambda: len(recorder.store.ports[endpoint].exchanges) >= 2)
        await running.by_hand.hold(Subject(endpoint))
        port = recorder.store.ports[endpoint]
        await until(lambda: port.held is not None)
        assert port.held.action == "connect"
        await task
        assert port.held is not None
        await running.by_hand.obey(Subject(endpoint), Step())
        await until(lambda: port.held is not None and port.held.action == "send nothing")
        await running.by_hand.close()
    begun = [event for event in recorder.events if isinstance(event, InterrogationStarted)]
    assert [event.by_hand for event in begun] == [False, True]


async def test_a_port_that_was_asked_by_hand_before_its_turn_is_not_asked_again():
    async with tcp_server(silent) as slow, tcp_server(says(b"SSH-2.0-x\r\n")) as waiting:
        running, recorder, task = live(slow, waiting, parallel_interrogations=1)
        await until(lambda: waiting in recorder.store.ports)
        await running.by_hand.hold(Subject(waiting))
        await until(lambda: recorder.store.ports[waiting].held is not None)
        await running.by_hand.obey(Subject(waiting), Run())
        await task
        await until(lambda: recorder.store.ports[waiting].outcome is not None)
    begun = [event.endpoint for event in recorder.events if isinstance(event, InterrogationStarted)]
    assert begun.count(waiting) == 1


async def test_a_port_is_stepped_while_the_scan_is_paused():
    async with tcp_server(silent) as endpoint:
        running, recorder, task = live(endpoint)
        running.pause()
        await until(lambda: endpoint in recorder.store.ports)
        await running.by_hand.hold(Subject(endpoint))
        port = recorder.store.ports[endpoint]
        await until(lambda: port.held is not None)
        await running.by_hand.obey(Subject(endpoint), Step())
        await until(lambda: port.held is not None and port.connections)
        running.resume()
        await running.by_hand.obey(Subject(endpoint), Run())
        await task


async def test_the_time_limit_of_a_host_does_not_end_a_port_that_was_held():
    async with tcp_server(says(b"SSH-2.0-x\r\n")) as endpoint:
        running, recorder, task = live(endpoint, pace="step", host_timeout=0.2)
        await until(lambda: endpoint in recorder.store.ports)
        port = recorder.store.ports[endpoint]
        await until(lambda: port.held is not None)
        await asyncio.sleep(0.3)  # longer than the limit
        await running.by_hand.obey(Subject(endpoint), Run())
        await task
    assert port.outcome is Outcome.HARD_MATCH


# Payloads


async def test_a_payload_of_ones_own_names_the_service(bench):
    async with tcp_server(echo) as endpoint:
        subject = bench.subject(endpoint)
        port = await bench.sent(subject, b"hello", probe="Hello")
    (exchange,) = port.exchanges
    assert (exchange.probe, exchange.payload, exchange.by_hand) == ("Hello", b"hello", True)
    assert exchange.ending is Ending.MATCHED
    assert (port.outcome, port.service.name, port.by_hand) == (Outcome.HARD_MATCH, "echo", True)


async def test_without_a_probe_the_rules_of_all_are_tried(bench):
    async with tcp_server(echo) as endpoint:
        port = await bench.sent(bench.subject(endpoint), b"hello")
    assert port.exchanges[0].probe == "composed"
    assert port.service.name == "echo"


async def test_a_payload_that_no_rule_knows_changes_no_verdict(bench):
    async with tcp_server(echo) as endpoint:
        port = await bench.sent(bench.subject(endpoint), b"what", wait_ms=200)
    assert bytes(port.exchanges[0].response) == b"what"
    assert port.exchanges[0].tried
    assert port.outcome is None


async def test_several_payloads_go_out_on_one_connection(bench):
    async with tcp_server(echo) as endpoint:
        port = await bench.sent(bench.subject(endpoint), b"a", b"b", b"c", wait_ms=100)
    assert [bytes(each.response) for each in port.exchanges] == [b"a", b"b", b"c"]
    assert len(port.connections) == 1


async def test_of_several_payloads_the_first_that_is_matched_hard_names_the_service(bench):
    async with udp_server(lambda data: [data]) as endpoint:
        subject = bench.subject(endpoint)
        port = await bench.sent(subject, b"what", b"answer 42", b"answer 7", wait_ms=100)
    assert [each.match is not None for each in port.exchanges] == [False, True, True]
    assert port.service.fields.version == "42"
    assert port.deciding is port.exchanges[1]


async def test_several_payloads_go_out_on_connections_of_their_own_if_wished(bench):
    async with tcp_server(echo) as endpoint:
        port = await bench.sent(
            bench.subject(endpoint), b"a", b"b", wait_ms=100, one_connection=False
        )
    assert [each.connection for each in port.exchanges] == [1, 2]


async def test_a_connection_that_was_closed_is_opened_anew(bench):
    async with tcp_server(hang_up) as endpoint:
        port = await bench.sent(bench.subject(endpoint), b"a", b"b")
    assert [each.connection for each in port.exchanges] == [1, 2]
    assert {each.ending for each in port.exchanges} <= {Ending.CLOSED, Ending.RESET}


async def test_payloads_go_out_inside_tls(bench, tmp_path):
    async with tcp_server(says(b"inside\r\n"), tls=certificate(tmp_path)) as endpoint:
        port = await bench.sent(bench.subject(endpoint), b"x", tunnel=True)
    assert (port.service.name, port.service.tunnel) == ("inner", "ssl")


async def test_payloads_go_out_over_udp(bench):
    async with udp_server(lambda data: [b"answer " + data]) as endpoint:
        port = await bench.sent(bench.subject(endpoint), b"42")
    assert port.state is PortState.OPEN
    assert port.service.fields.version == "42"


async def test_a_soft_match_adds_nothing_to_an_identified_service(bench):
    async with tcp_server(says(b"220 hi\r\n")) as endpoint:
        subject = bench.subject(endpoint, is_identified=True)
        port = await bench.sent(subject, b"x", wait_ms=100)
    assert port.exchanges[0].match.soft
    assert port.outcome is None


async def test_a_verdict_of_the_scan_without_a_match_does_not_undo_one_by_hand(bench):
    async with tcp_server(echo) as endpoint:
        subject = bench.subject(endpoint)
        port = await bench.sent(subject, b"hello")
        service = port.service
        bench.recorder(
            PortFinished(
                time=1.0, endpoint=endpoint, outcome=Outcome.NO_MATCH, service=type(service)("x")
            )
        )
    assert (port.outcome, port.service) == (Outcome.HARD_MATCH, service)


async def test_a_port_that_refuses_is_told(bench):
    async with tcp_server(echo) as endpoint:
        pass
    await bench.sent(bench.subject(endpoint), b"x")
    (warning,) = [event for event in bench.recorder.events if isinstance(event, Warned)]
    assert "Nothing was sent: the connection was refused" in warning.message


async def test_a_breakpoint_is_no_obstacle_to_payloads_of_ones_own(bench):
    bench.hand.breakpoints.add(parse_breakpoint("service echo"))
    async with tcp_server(echo) as endpoint:
        port = await bench.sent(bench.subject(endpoint), b"hello")
    assert port.service.name == "echo"
    assert PortHeld not in bench.recorder.kinds()
