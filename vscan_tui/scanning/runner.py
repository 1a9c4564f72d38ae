"""Carries out what an interrogation decides."""

import time
from collections import deque

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
from vscan_tui.scanning import interrogation as machine
from vscan_tui.scanning.conversation import Conversation
from vscan_tui.scanning.refinement import Refiner
from vscan_tui.scanning.surroundings import Surroundings
from vscan_tui.scanning.transport import ConnectionEndedError


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
                refiner = Refiner(self._surroundings, self._conversation)
                self._report(self._finish.outcome, await refiner.refined(self._finish.service))
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
                if failure:
                    return machine.ConnectFailed(failure, was_ours=talk.could_not_ask)
                return machine.Connected()
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
