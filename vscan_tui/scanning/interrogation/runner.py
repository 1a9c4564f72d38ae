"""Carries out what an interrogation decides."""

import asyncio
import time

from vscan_tui.events import (
    Decided,
    Ending,
    InterrogationStarted,
    Outcome,
    PortFinished,
    PortHeld,
    PortReleased,
    Prospect,
    RuleFired,
    Service,
    Warned,
)
from vscan_tui.scanning.interrogation import polite as machine
from vscan_tui.scanning.interrogation.announcement import describe
from vscan_tui.scanning.interrogation.conversation import Conversation, tell_match
from vscan_tui.scanning.interrogation.refinement import Refiner
from vscan_tui.scanning.interrogation.stepping import (
    BY_HAND,
    CHANGING,
    Choose,
    Command,
    Hold,
    NotPossibleError,
    Run,
    SendAgain,
    Skip,
    Steps,
    Stop,
)
from vscan_tui.scanning.interrogation.surroundings import Surroundings
from vscan_tui.scanning.postprocessing.protocol import Question
from vscan_tui.scanning.transport.sockets import ConnectionEndedError


class PortRunner:
    """Interrogates one port; the user may hold it, and say what comes next."""

    def __init__(
        self,
        surroundings: Surroundings,
        interrogation: machine.Interrogation,
        conversation: Conversation,
        *,
        held: bool = False,
        by_hand: bool = False,
    ) -> None:
        """Be ready to run; neither the machine nor the conversation has begun.

        Args:
            surroundings: what the ports share.
            interrogation: decides.
            conversation: talks with the port.
            held: whether to wait for a word of the user before the first action.
            by_hand: whether the user asked for it, not the scan.
        """
        self.lets_others_go = asyncio.Event()
        """Set once the port is done, or held: others need not wait for it."""
        self.limit: asyncio.Timeout | None = None
        """The port's time limit; a port that was held has none any more."""
        self._surroundings = surroundings
        self._interrogation = interrogation
        self._conversation = conversation
        self._endpoint = conversation.endpoint
        self._steps = Steps(interrogation, held=held)
        self._by_hand = by_hand
        self._may_ask_more = True
        """Whether post-processors may still ask."""
        self._is_announced = False
        """Whether it was told that the port is held."""
        self._word = asyncio.Event()
        self._busy: asyncio.Future[machine.Happening] | None = None
        self._is_interrupted = False
        self._finish: machine.Finish | None = None
        self._is_reported = False

    async def run(self) -> None:
        """Interrogate to the end.  If cancelled, `stop` reports what was found."""
        self._emit(
            InterrogationStarted(time=time.time(), endpoint=self._endpoint, by_hand=self._by_hand)
        )
        try:
            self._steps.begin()
            await self._carry_out_all()
            if self._finish is not None:
                refiner = Refiner(self._surroundings, self._conversation, self._may_ask)
                self._report(self._finish.outcome, await refiner.refined(self._finish.service))
        finally:
            await self._conversation.disconnect("the port is done")

    @property
    def is_stepped(self) -> bool:
        """Whether the user says when each action is carried out."""
        return self._steps.is_by_hand

    def obey(self, command: Command) -> None:
        """Do what the user says.

        Raises:
            NotPossibleError: it makes no sense now; the message says why.
        """
        if self._finish is not None:
            self._obey_after_verdict(command)
            return
        self._steps.obey(command)
        if isinstance(command, CHANGING):
            self._announce(_command_text(command), BY_HAND)
            if self._busy is not None:
                self._is_interrupted = True
                self._busy.cancel()
        if isinstance(command, Run | Stop):
            self._release()
        self._word.set()

    def _obey_after_verdict(self, command: Command) -> None:
        """Only questions of post-processors are left."""
        match command:
            case Choose() | SendAgain():
                raise NotPossibleError(
                    "The verdict is out, and no probe is sent any more; s asks the port anew."
                )
            case Skip() | Stop():
                self._may_ask_more = False
                self._release()
            case Run():
                self._steps.obey(command)
                self._release()
            case Hold():
                self._steps.obey(command)
                return
            case _:
                pass
        self._word.set()

    def _release(self) -> None:
        if self._is_announced:
            self._is_announced = False
            self._emit(PortReleased(time=time.time(), endpoint=self._endpoint))

    def stop(self, reason: str) -> None:
        """Report the port as it stands; does nothing once the verdict is out."""
        self.lets_others_go.set()
        if self._is_reported:
            return
        if self._conversation.exchange is not None:
            self._conversation.end_exchange(Ending.STOPPED)
        if self._finish is None:
            for action in self._interrogation.stop(Outcome.STOPPED, reason):
                if isinstance(action, machine.Finish):
                    self._decided(action)
                    self._finish = action
        if self._finish is None and isinstance(self._steps.next, machine.Finish):
            self._finish = self._steps.next  # held before the verdict
        if self._finish is not None:
            self._report(self._finish.outcome, self._finish.service)

    def _report(self, outcome: Outcome, service: Service) -> None:
        self._is_reported = True
        self._emit(
            PortFinished(
                time=time.time(),
                endpoint=self._endpoint,
                outcome=outcome,
                service=service,
                by_hand=self._by_hand or self._steps.is_last_by_hand,
            )
        )

    def _decided(self, action: machine.Action) -> None:
        self._announce(describe(action), action.reason)

    def _announce(self, action: str, reason: str) -> None:
        self._emit(Decided(time=time.time(), endpoint=self._endpoint, action=action, reason=reason))

    def _emit(
        self,
        event: Decided
        | InterrogationStarted
        | PortFinished
        | PortHeld
        | PortReleased
        | RuleFired
        | Warned,
    ) -> None:
        self._surroundings.emit(event)

    async def _carry_out_all(self) -> None:
        steps = self._steps
        while (action := steps.next) is not None:
            if steps.is_held:
                await self._wait_while_held(action)
                continue
            if isinstance(action, machine.Connect | machine.Send) and not steps.is_by_hand:
                await self._wait_at_gate()
                if steps.next is not action or steps.is_held:
                    continue
            happening = await self._carry_out(steps.take())
            if happening is not None:
                steps.tell(happening)

    async def _wait_while_held(self, action: machine.Action) -> None:
        """Wait for a word of the user before an action."""
        payload = action.probe.payload if isinstance(action, machine.Send) else b""
        await self._wait_for_word(describe(action), action.reason, payload, self._steps.outlook())

    async def _may_ask(self, question: Question) -> bool:
        """Wait for a word of the user before a question, if the port is stepped."""
        if self._steps.is_by_hand and self._may_ask_more:
            outlook = (Prospect("skip, stop", "the verdict stays, and nothing more is asked"),)
            payload = b"".join(question.payloads)
            await self._wait_for_word(f"ask: {question.name}", question.reason, payload, outlook)
        return self._may_ask_more

    async def _wait_for_word(
        self, action: str, reason: str, payload: bytes, outlook: tuple[Prospect, ...]
    ) -> None:
        """Tell what comes next, and wait; the time until then does not count."""
        self._is_announced = True
        self._emit(
            PortHeld(
                time=time.time(),
                endpoint=self._endpoint,
                cause=self._steps.cause,
                action=action,
                reason=reason,
                payload=payload,
                outlook=outlook,
                by_breakpoint=self._steps.by_breakpoint,
            )
        )
        if self.limit is not None:
            self.limit.reschedule(None)
        self.lets_others_go.set()
        clock = asyncio.get_running_loop().time
        began = clock()
        self._word.clear()
        await self._word.wait()
        self._conversation.forget_time(clock() - began)

    async def _wait_at_gate(self) -> None:
        """Wait until the scan goes on, or the user has a word for this port."""
        self._word.clear()
        waits = [
            asyncio.ensure_future(self._surroundings.gate()),
            asyncio.ensure_future(self._word.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _carry_out(self, action: machine.Action) -> machine.Happening | None:
        if not isinstance(action, machine.MatchResponse | machine.EndExchange | machine.Warn):
            self._decided(action)
        talk = self._conversation
        match action:
            case machine.Connect() | machine.Listen() | machine.MatchResponse():
                return await self._unless_interrupted(action)
            case machine.Send():
                await talk.begin_exchange(
                    action.probe.name,
                    action.probe.payload,
                    action.reason,
                    tunnel=self._interrogation.tunnel,
                    continues=action.continues,
                    by_hand=action.by_hand,
                )
            case machine.EndExchange():
                talk.end_exchange(action.ending)
            case machine.Disconnect():
                await talk.disconnect(action.reason)
            case machine.Warn():
                self._emit(Warned(time=time.time(), endpoint=self._endpoint, message=action.reason))
            case machine.Finish():
                self._finish = action
        return None

    async def _unless_interrupted(
        self, action: machine.Connect | machine.Listen | machine.MatchResponse
    ) -> machine.Happening | None:
        """Return what happened; nothing if the user had another idea meanwhile."""
        self._busy = asyncio.ensure_future(self._happening(action))
        try:
            happening = await self._busy
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._is_interrupted or (task is not None and task.cancelling()):
                raise
            return None
        else:
            return None if self._is_interrupted else happening
        finally:
            self._busy = None
            self._is_interrupted = False

    async def _happening(
        self, action: machine.Connect | machine.Listen | machine.MatchResponse
    ) -> machine.Happening:
        match action:
            case machine.Connect():
                return await self._connect(action)
            case machine.Listen():
                return await self._listen(action)
            case machine.MatchResponse():
                return await self._match(action)

    async def _connect(self, action: machine.Connect) -> machine.Happening:
        talk = self._conversation
        await talk.disconnect("it came too late")  # after an interruption
        failure = await talk.connect(tunnel=action.tunnel, timeout_ms=action.timeout_ms)
        if failure:
            return machine.ConnectFailed(failure, talk.could_not_ask, talk.was_unanswered)
        return machine.Connected()

    async def _listen(self, action: machine.Listen) -> machine.Happening:
        try:
            return machine.Received(await self._conversation.receive(action.timeout_ms))
        except TimeoutError:
            return machine.TimedOut()
        except ConnectionEndedError as error:
            elapsed_ms = self._conversation.elapsed * 1000
            return machine.Closed(elapsed_ms, was_reset=error.was_reset)
        except OSError as error:
            return machine.Failed(error.errno or 0, error.strerror or str(error))

    async def _match(self, action: machine.MatchResponse) -> machine.Happening:
        exchange = self._conversation.open_exchange
        result = await self._surroundings.match(action.probe, action.response)
        tell_match(self._emit, self._endpoint, exchange, result, len(action.response))
        return machine.Matched(result.match)


def _command_text(command: Command) -> str:
    match command:
        case Choose():
            return f"choose {command.probe.name}"
        case Skip():
            return "skip the probe"
        case SendAgain():
            return "send again"
        case _:
            return "stop the port"
