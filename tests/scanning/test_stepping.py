"""One port under the user's hand: what is held, what follows, and what each command does."""

import pytest

from tests.scanning.playbook import databases
from vscan_tui.events import Outcome
from vscan_tui.matching.matcher import Matcher
from vscan_tui.scanning.interrogation.announcement import describe
from vscan_tui.scanning.interrogation.polite import (
    Connect,
    Connected,
    ConnectFailed,
    EndExchange,
    Finish,
    Interrogation,
    Listen,
    Matched,
    MatchResponse,
    Received,
    Send,
    TimedOut,
    Warn,
)
from vscan_tui.scanning.interrogation.stepping import (
    Choose,
    Hold,
    NotPossibleError,
    Run,
    SendAgain,
    Skip,
    Step,
    StepOver,
    Steps,
    Stop,
)

RULES = r"""
Probe TCP NULL q||
totalwaitms 6000
match ssh m|^SSH-| p/Shell/
softmatch ftp m|^220 |
Probe TCP Lines q|\r\n\r\n|
rarity 1
match echo m|^\r\n\r\n$| p/Echo/
match ftp m|^220 x500| p/FTP/
Probe TCP Get q|GET /|
rarity 1
ports 80
match http m|^HTTP| p/Web/
Probe TCP Rare q|rare|
rarity 9
match rare m|^rare|
Probe UDP Ask q|ask|
rarity 1
Probe UDP More q|more|
rarity 1
"""


class Bench:
    """Steps through a port whose answers are written down, with no time passing."""

    def __init__(self, answers=None, *, port=4000, protocol="tcp", held=True, refuses=False):
        self.databases = databases(RULES)
        self.protocol = protocol
        self.steps = Steps(Interrogation(self.databases, protocol, port, intensity=7), held=held)
        self.answers = answers or {}
        self.refuses = refuses
        self.log = []
        self.finish = None
        self.waits_for = None
        self._matcher = Matcher(self.databases)
        self._probe = None
        self._unread = b""
        self.steps.begin()
        self._go()

    def __call__(self, *commands):
        for command in commands:
            self.steps.obey(command)
            self._go()
        return self

    def probe(self, name):
        return self.databases.find(name, self.protocol)

    @property
    def next(self):
        return describe(self.steps.next) if self.steps.next else None

    @property
    def outlook(self):
        return {each.happening: each.consequence for each in self.steps.outlook()}

    def _go(self):
        while self.steps.next is not None and not self.steps.is_held:
            action = self.steps.take()
            happening = self._carry_out(action)
            if happening is not None:
                self.steps.tell(happening)

    def _carry_out(self, action):
        match action:
            case Connect():
                self.log.append("connect")
                return ConnectFailed("refused") if self.refuses else Connected()
            case Send():
                self.log.append(f"send {action.probe.name}{' again' if action.continues else ''}")
                self._probe = action.probe
                self._unread = self.answers.get(action.probe.name, b"")
            case Listen():
                data, self._unread = self._unread, b""
                return Received(data) if data else TimedOut()
            case MatchResponse():
                return Matched(self._matcher.match(action.probe, action.response).match)
            case EndExchange():
                self.log.append(f"end {action.ending}")
            case Finish():
                self.finish = action
            case Warn():
                pass
            case _:
                self.log.append(describe(action))
        return None


def test_a_port_that_is_held_does_nothing():
    assert Bench().log == []


def test_each_step_carries_out_one_action_that_was_shown_before():
    bench = Bench()
    shown = []
    for _ in range(4):
        shown.append(bench.next)
        bench(Step())
    assert shown == ["connect", "send nothing", "listen up to 6 s", "send Lines"]
    assert bench.log == ["connect", "send NULL", "end timed out", "send Lines again"]


def test_steps_that_are_asked_for_ahead_are_not_lost():
    bench = Bench()
    bench.steps.obey(Step())
    bench(Step())
    assert bench.next == "listen up to 6 s"


def test_a_port_that_runs_goes_to_its_end():
    bench = Bench(held=False)
    assert bench.finish.outcome is Outcome.NO_MATCH
    assert [line for line in bench.log if line.startswith("send")] == [
        "send NULL", "send Lines again", "send Get",
    ]  # fmt: skip


def test_the_verdict_is_held_too():
    bench = Bench({"NULL": b"SSH-2"})(Step(), Step(), Step())
    assert bench.next == "finish: hard match"
    assert bench.finish is None
    assert bench(Step()).finish.service.name == "ssh"


def test_stepping_over_holds_before_the_next_probe():
    bench = Bench()(StepOver())
    assert bench.log == ["connect", "send NULL", "end timed out"]
    assert bench.next == "send Lines"
    assert bench(StepOver()).next == "connect"
    assert bench.log[-2:] == ["end timed out", "disconnect"]
    assert bench(StepOver()).next == "finish: no match"
    assert bench(StepOver()).finish is not None


def test_stepping_over_holds_before_the_verdict():
    assert Bench({"NULL": b"SSH-2"})(StepOver()).next == "finish: hard match"


def test_running_on_ends_the_port():
    assert Bench()(Step(), Run()).finish.outcome is Outcome.NO_MATCH


def test_a_port_can_be_held_again_while_it_runs():
    bench = Bench()
    bench.steps.obey(Run())
    bench.steps.obey(Hold("breakpoint: no answer", by_breakpoint=True))
    bench._go()
    assert (bench.next, bench.steps.cause, bench.steps.by_breakpoint) == (
        "connect", "breakpoint: no answer", True,
    )  # fmt: skip


def test_skipping_before_a_probe_is_sent_leaves_it_out():
    bench = Bench()(StepOver(), Skip())
    assert bench.next == "connect"
    assert bench(Step(), Step()).log[-1] == "send Get"
    assert not any("Lines" in line for line in bench.log)


def test_skipping_while_an_answer_is_awaited_ends_the_exchange():
    bench = Bench()(Step(), Step(), Skip())
    assert bench.log == ["connect", "send NULL", "end stopped"]
    assert bench.next == "send Lines"


def test_skipping_the_verdict_goes_on_with_the_probes_that_are_left():
    bench = Bench({"NULL": b"SSH-2"})(StepOver(), Skip())
    assert bench.next == "connect"
    assert bench(Step(), Step()).log[-1] == "send Lines"


def test_skipping_the_last_probe_leaves_the_verdict():
    assert Bench()(StepOver(), StepOver(), Skip()).next == "finish: no match"


def test_a_chosen_probe_goes_first_and_the_plan_goes_on_after_it():
    bench = Bench()
    bench(StepOver(), Choose(bench.probe("Rare")))
    assert bench.next == "connect"
    assert bench.steps.next.reason == "for Rare"
    bench(Run())
    assert [line for line in bench.log if line.startswith("send")] == [
        "send NULL", "send Rare", "send Lines", "send Get",
    ]  # fmt: skip


def test_a_chosen_probe_is_marked_and_those_of_the_plan_are_not():
    bench = Bench()
    bench(Choose(bench.probe("Get")), Step())
    assert bench.steps.next.by_hand
    assert bench.steps.next.reason == "chosen by hand"
    assert not bench(StepOver(), Step()).steps.next.by_hand


def test_a_probe_that_was_chosen_is_not_sent_a_second_time():
    bench = Bench()
    bench(Choose(bench.probe("Get")), Run())
    assert [line for line in bench.log if line.startswith("send")] == [
        "send Get", "send NULL", "send Lines again",
    ]  # fmt: skip


def test_a_probe_can_be_chosen_instead_of_the_verdict():
    bench = Bench({"NULL": b"SSH-2", "Rare": b"rare"})
    bench(StepOver(), Choose(bench.probe("Rare")), Run())
    assert bench.finish.service.name == "rare"


def test_sending_again_needs_something_that_was_sent():
    with pytest.raises(NotPossibleError):
        Bench()(SendAgain())


def test_the_last_probe_is_sent_again_on_a_connection_of_its_own():
    bench = Bench()(StepOver(), StepOver(), SendAgain(), Run())
    assert [line for line in bench.log if line.startswith("send")] == [
        "send NULL", "send Lines again", "send Lines", "send Get",
    ]  # fmt: skip


def test_over_udp_everything_goes_out_on_one_socket():
    bench = Bench(protocol="udp")(Step(), Step(), Step(), SendAgain(), Run())
    assert bench.log[:5] == ["connect", "send Ask", "end timed out", "send Ask", "end timed out"]
    assert bench.log.count("connect") == 1


def test_a_stopped_port_keeps_what_was_found():
    bench = Bench({"NULL": b"220 hi"})(Step(), Step(), Step(), Stop())
    assert bench.finish.outcome is Outcome.STOPPED
    assert bench.finish.service.name == "ftp"
    assert bench.log[-2:] == ["end stopped", "disconnect"]


def test_two_words_at_once_leave_no_connection_open():
    bench = Bench()(StepOver(), StepOver(), Step(), Step())
    bench.steps.obey(Skip())
    bench(SendAgain())
    assert bench.log[-2:] == ["end stopped", "disconnect"]
    assert bench.next == "connect"


def test_a_skipped_probe_on_an_open_connection_closes_it():
    bench = Bench()(StepOver(), StepOver(), Step(), Skip())
    assert bench.log[-2:] == ["connect", "disconnect"]


def test_the_outlook_tells_what_would_follow_from_each_happening():
    bench = Bench(port=80)(Step())
    assert bench.outlook["no answer"] == (
        "send Get on the same connection: its ports list has port 80"
    )
    assert "tcpwrapped" in bench.outlook["closed at once"]
    assert "NULL" in bench.outlook["an answer"]
    assert bench.outlook["then"] == "Get, Lines"


def test_the_outlook_of_a_connection_tells_what_is_sent_on_it():
    bench = Bench()(StepOver(), StepOver())
    assert bench.outlook["once connected"].startswith("send Get: rarity 1")
    assert bench.outlook["if refused"] == "finish: incomplete, it was refused"


def test_looking_ahead_changes_nothing():
    bench = Bench()
    before = bench.outlook
    assert bench.outlook == before
    assert bench(Run()).finish.outcome is Outcome.NO_MATCH


def test_the_outlook_of_the_last_probe_is_the_verdict():
    bench = Bench()(StepOver(), StepOver(), Step())
    assert bench.outlook["no answer"] == "finish: no match, no probe is left"
    assert "then" not in bench.outlook
