"""Lets post-processors ask a port one question more, once its service is known."""

import time
from collections.abc import Awaitable, Callable

from vscan_tui.events import Decided, Ending, Service, Warned
from vscan_tui.scanning.interrogation.conversation import Conversation
from vscan_tui.scanning.interrogation.polite import CONNECT_TIMEOUT_MS, TLS_CONNECT_TIMEOUT_MS
from vscan_tui.scanning.interrogation.surroundings import Surroundings
from vscan_tui.scanning.postprocessing.protocol import (
    MAX_ANSWER_BYTES,
    MAX_QUESTIONS,
    Known,
    Question,
    Talk,
)
from vscan_tui.scanning.transport.sockets import ConnectionEndedError

MayAsk = Callable[[Question], Awaitable[bool]]


async def _always(_: Question) -> bool:
    return True


class Refiner:
    """Carries the questions of post-processors to one port."""

    def __init__(
        self,
        surroundings: Surroundings,
        conversation: Conversation,
        may_ask: MayAsk = _always,
    ) -> None:
        """Ask through a conversation; its connection, if it has one, is used first.

        Args:
            surroundings: what the ports share.
            conversation: with the port.
            may_ask: awaited before each question, which is not asked if it says no.
        """
        self._may_ask = may_ask
        self._surroundings = surroundings
        self._conversation = conversation

    async def refined(self, service: Service) -> Service:
        """Return the service with what post-processors learnt; never raises for their faults."""
        for postprocessor in self._surroundings.postprocessors:
            known = Known(self._conversation.endpoint, service, self._conversation.tls)
            try:
                talk = postprocessor.talk(known)
                if talk is not None:
                    service = await self._talk(talk, known) or service
            except Exception as error:  # noqa: BLE001 - other people's code must not end the port
                message = f"post-processor {postprocessor.name} failed: {error!r}"
                self._surroundings.emit(
                    Warned(time=time.time(), endpoint=self._conversation.endpoint, message=message)
                )
        return service

    async def _talk(self, talk: Talk, known: Known) -> Service | None:
        tunnel = bool(known.service.tunnel) and known.tls is not None
        try:
            question = next(talk)
            for _ in range(MAX_QUESTIONS):
                if not await self._may_ask(question):
                    return None
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
        self._surroundings.emit(
            Decided(
                time=time.time(),
                endpoint=talk.endpoint,
                action=f"ask: {question.name}",
                reason=question.reason,
            )
        )
        if question.tunnel is not None:
            tunnel = question.tunnel
        if question.fresh:
            await talk.disconnect("each of these questions gets a fresh connection")
        if not talk.is_connected:
            timeout_ms = TLS_CONNECT_TIMEOUT_MS if tunnel else CONNECT_TIMEOUT_MS
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
