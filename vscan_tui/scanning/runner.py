"""Carries out what an interrogation decides, and lets post-processors ask one question more."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from vscan_tui.events import (
    Decided,
    Ending,
    InterrogationStarted,
    Outcome,
    PortFinished,
    RuleFired,
    Service,
    Warned,
)
from vscan_tui.matching.matcher import MatchResult
from vscan_tui.probedb.combined import CombinedProbe
from vscan_tui.scanning import interrogation as machine
from vscan_tui.scanning.conversation import Conversation, Emit
from vscan_tui.scanning.postprocessing import (
    MAX_ANSWER_BYTES,
    MAX_QUESTIONS,
    Known,
    PostProcessor,
    Question,
    Talk,
)
from vscan_tui.scanning.transport import ConnectionEndedError

MatchFunction = Callable[[CombinedProbe, bytes], Awaitable[MatchResult]]
Gate = Callable[[], Awaitable[object]]
"""Awaited before each action that the other side would notice; holds while the scan is paused."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the interrogation of every port shares."""

    match: MatchFunction
    emit: Emit
    gate: Gate
    postprocessors: Sequence[PostProcessor] = ()


class PortRunner:
    """Interrogates one port."""

    def __init__(
        self,
        surroundings: Surroundings,
        interrogation: machine.Interrogation,
        conversation: Conversation,
    ) -> None:
        """Be ready to run; neither the machine nor the conversation has begun."""
        self._surroundings = surroundings
        self._interrogation = interrogation
        self._conversation = conversation
        self._endpoint = conversation.endpoint
        self._finish: machine.Finish | None = None
        self._is_reported = False

    async def run(self) -> None:
        """Interrogate to the end.  If cancelled, `stop` reports what was found."""
        self._emit(InterrogationStarted(time=time.time(), endpoint=self._endpoint))
        try:
            await self._carry_out_all(self._interrogation.begin())
            if self._finish is not None:
                self._report(self._finish.outcome, await self._refined(self._finish.service))
        finally:
            await self._conversation.disconnect("the port is done")

    def stop(self, reason: str) -> None:
        """Report the port as it stands; does nothing once the verdict is out."""
        if self._is_reported:
            return
        if self._conversation.exchange is not None:
            self._conversation.end_exchange(Ending.STOPPED)
        if self._finish is None:
            for action in self._interrogation.stop(Outcome.STOPPED, reason):
                if isinstance(action, machine.Finish):
                    self._decided(action)
                    self._finish = action
        if self._finish is not None:
            self._report(self._finish.outcome, self._finish.service)

    def _report(self, outcome: Outcome, service: Service) -> None:
        self._is_reported = True
        self._emit(
            PortFinished(
                time=time.time(), endpoint=self._endpoint, outcome=outcome, service=service
            )
        )

    def _decided(self, action: machine.Action) -> None:
        self._announce(describe(action), action.reason)

    def _announce(self, action: str, reason: str) -> None:
        self._emit(Decided(time=time.time(), endpoint=self._endpoint, action=action, reason=reason))

    def _emit(
        self, event: Decided | InterrogationStarted | PortFinished | RuleFired | Warned
    ) -> None:
        self._surroundings.emit(event)

    async def _carry_out_all(self, actions: list[machine.Action]) -> None:
        pending = deque(actions)
        while pending:
            happening = await self._carry_out(pending.popleft())
            if happening is not None:
                pending.extend(self._interrogation.handle(happening))

    async def _carry_out(self, action: machine.Action) -> machine.Happening | None:
        if isinstance(action, machine.Connect | machine.Send):
            await self._surroundings.gate()
        if not isinstance(action, machine.MatchResponse | machine.EndExchange | machine.Warn):
            self._decided(action)
        talk = self._conversation
        match action:
            case machine.Connect():
                failure = await talk.connect(tunnel=action.tunnel, timeout_ms=action.timeout_ms)
                return machine.ConnectFailed(failure) if failure else machine.Connected()
            case machine.Send():
                await talk.begin_exchange(
                    action.probe.name,
                    action.probe.payload,
                    action.reason,
                    tunnel=self._interrogation.tunnel,
                    continues=action.continues,
                )
            case machine.Listen():
                return await self._listen(action)
            case machine.MatchResponse():
                return await self._match(action)
            case machine.EndExchange():
                talk.end_exchange(action.ending)
            case machine.Disconnect():
                await talk.disconnect(action.reason)
            case machine.Warn():
                self._emit(Warned(time=time.time(), endpoint=self._endpoint, message=action.reason))
            case machine.Finish():
                self._finish = action
        return None

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
        exchange.tried = result.tried
        if result.match is not None:
            self._emit(
                RuleFired(
                    time=time.time(),
                    endpoint=self._endpoint,
                    exchange=exchange.number,
                    match=result.match,
                    length=len(action.response),
                )
            )
        return machine.Matched(result.match)

    # Post-processors

    async def _refined(self, service: Service) -> Service:
        for postprocessor in self._surroundings.postprocessors:
            known = Known(self._endpoint, service, self._conversation.tls)
            try:
                talk = postprocessor.talk(known)
                if talk is not None:
                    service = await self._talk(talk, known) or service
            except Exception as error:  # noqa: BLE001 - other people's code must not end the port
                message = f"post-processor {postprocessor.name} failed: {error!r}"
                self._emit(Warned(time=time.time(), endpoint=self._endpoint, message=message))
        return service

    async def _talk(self, talk: Talk, known: Known) -> Service | None:
        tunnel = bool(known.service.tunnel) and known.tls is not None
        try:
            question = next(talk)
            for _ in range(MAX_QUESTIONS):
                question = talk.send(await self._ask(question, tunnel=tunnel))
        except StopIteration as end:
            value = end.value
            return value if isinstance(value, Service) else None
        finally:
            talk.close()
            await self._conversation.disconnect("nothing more to ask")
        return None

    async def _ask(self, question: Question, *, tunnel: bool) -> bytes:
        await self._surroundings.gate()
        talk = self._conversation
        self._announce(f"ask: {question.name}", question.reason)
        if question.tunnel is not None:
            tunnel = question.tunnel
        if question.fresh:
            await talk.disconnect("each of these questions gets a fresh connection")
        if not talk.is_connected:
            timeout_ms = machine.TLS_CONNECT_TIMEOUT_MS if tunnel else machine.CONNECT_TIMEOUT_MS
            if await talk.connect(tunnel=tunnel, timeout_ms=timeout_ms):
                return b""
        first, *others = question.payloads or (b"",)
        await talk.begin_exchange(question.name, first, question.reason, tunnel=tunnel)
        for payload in others:
            await talk.send(payload)
        answer = b""
        ending = Ending.FULL
        try:
            while len(answer) < MAX_ANSWER_BYTES and not question.is_complete(answer):
                answer += await talk.receive(question.wait_ms)
        except TimeoutError:
            ending = Ending.TIMED_OUT
        except (ConnectionEndedError, OSError):
            ending = Ending.CLOSED
            talk.end_exchange(ending)
            await talk.disconnect("the other side ended the connection")
            return answer
        talk.end_exchange(ending)
        return answer


def describe(action: machine.Action) -> str:
    """An action in a few words, such as `send GetRequest`."""
    match action:
        case machine.Connect():
            return "connect inside TLS" if action.tunnel else "connect"
        case machine.Send():
            return f"send {action.probe.name}" if action.probe.payload else "send nothing"
        case machine.Listen():
            return f"listen up to {action.timeout_ms / 1000:g} s"
        case machine.MatchResponse():
            return f"match {len(action.response)} bytes"
        case machine.EndExchange():
            return f"end the exchange: {action.ending}"
        case machine.Disconnect():
            return "disconnect"
        case machine.Warn():
            return "warn"
        case machine.Finish():
            return f"finish: {action.outcome}"
