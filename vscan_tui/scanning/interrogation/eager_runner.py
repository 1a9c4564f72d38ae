"""Carries out what the state machine of pace `eager` decides for one port."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from msgspec.structs import replace

from vscan_tui.events import (
    Decided,
    Ending,
    Endpoint,
    InterrogationStarted,
    Outcome,
    PortFinished,
    Service,
    TlsDetails,
    Warned,
)
from vscan_tui.scanning.discovery.kept_connections import KeptConnection
from vscan_tui.scanning.interrogation import eager as machine
from vscan_tui.scanning.interrogation.conversation import Conversation, OpenExchange, tell_match
from vscan_tui.scanning.interrogation.polite import FULL_RESPONSE_BYTES
from vscan_tui.scanning.interrogation.refinement import Refiner
from vscan_tui.scanning.interrogation.surroundings import Surroundings
from vscan_tui.scanning.transport.budget import ConnectionBudget, Need
from vscan_tui.scanning.transport.sockets import ConnectionEndedError

_NO_LIMIT_MS = 24 * 3_600_000.0
"""Reading ends when the machine says so."""
_LATE_SECONDS = 0.02
"""A wait that ends so late means that the event loop was busy, and so perhaps was the answer."""


class _Line(msgspec.Struct, eq=False):
    """One connection of the machine, and what is under way on it."""

    talk: Conversation
    opening: asyncio.Task[None] | None = None
    reading: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    waits: int = 0
    """Counts the waits, so that one that was replaced is known as such."""
    has_permit: bool = False


class _Tick(msgspec.Struct, frozen=True):
    """A wait is over, unless it was replaced since."""

    connection: int
    wait: int


class EagerRunner:
    """Interrogates one port on several connections at a time."""

    def __init__(
        self,
        surroundings: Surroundings,
        endpoint: Endpoint,
        interrogation: machine.EagerInterrogation,
        new_conversation: Callable[[], Conversation],
        budget: ConnectionBudget,
        take_kept: Callable[[], KeptConnection | None] = lambda: None,
    ) -> None:
        """Be ready to run; the machine has not begun.

        Args:
            surroundings: what the ports share.
            endpoint: the port.
            interrogation: decides.
            new_conversation: makes a conversation with the port; all share one numbering.
            budget: how many connections there may be.
            take_kept: gives the connection that found the port open, if it is still there.
        """
        self.lets_others_go = asyncio.Event()
        """Set once there is a verdict, even if it may change, or the port is mostly waited for."""
        self._surroundings = surroundings
        self._endpoint = endpoint
        self._interrogation = interrogation
        self._new_conversation = new_conversation
        self._budget = budget
        self._take_kept = take_kept
        self._told: asyncio.Queue[machine.Happening | _Tick | Exception] = asyncio.Queue()
        self._lines: dict[int, _Line] = {}
        self._exchanges: dict[int, OpenExchange] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._tls: TlsDetails | None = None
        self._final: machine.Report | None = None
        self._is_begun = False
        self._is_over = False

    async def run(self) -> None:
        """Interrogate to the end.  If cancelled, `stop` reports what was found."""
        self._surroundings.emit(InterrogationStarted(time=time.time(), endpoint=self._endpoint))
        try:
            await self._carry_out_all(self._interrogation.begin())
            while self._final is None:
                await self._take()
            await self._refine_and_report(self._final)
        finally:
            await self._leave()

    def stop(self, reason: str) -> None:
        """Report the port as it stands; does nothing once the final verdict is out."""
        if not self._is_over:
            self._is_over = True
            final = self._final
            for action in self._interrogation.stop(reason):
                if isinstance(action, machine.Report):
                    final = action
                    self._decided("finish: stopped", action.reason)
            if final is not None:
                self._report(final.outcome, final.service)
        self.lets_others_go.set()

    # What happened

    async def _take(self) -> None:
        """Wait until something happens, and pass it on with all else that happened."""
        told = [await self._told.get()]
        while not self._told.empty():
            told.append(self._told.get_nowait())
        happenings: list[machine.Happening] = []
        heard: set[int] = set()
        for each in told:
            if isinstance(each, Exception):
                raise each
            if not isinstance(each, _Tick):
                happenings.append(each)
                if isinstance(each, machine.Received):  # begins a new wait
                    heard.add(each.connection)
            elif self._is_current(each) and each.connection not in heard:
                happenings.append(machine.WaitOver(each.connection))
        await self._carry_out_all(self._interrogation.handle(*happenings))
        if self._interrogation.is_slow:
            self.lets_others_go.set()

    def _is_current(self, tick: _Tick) -> bool:
        line = self._lines.get(tick.connection)
        return line is not None and line.waits == tick.wait

    def _tell(self, happening: machine.Happening) -> None:
        self._told.put_nowait(happening)

    def _start(self, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - raised again where the port is run
                self._told.put_nowait(error)
            except BaseException as error:  # a library's panic must not leave the port waiting
                self._told.put_nowait(RuntimeError(repr(error)))
                raise

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # What to do

    async def _carry_out_all(self, actions: list[machine.Action]) -> None:
        for action in actions:
            await self._carry_out(action)

    async def _carry_out(self, action: machine.Action) -> None:
        if isinstance(action, machine.Open | machine.Send | machine.Disconnect | machine.Report):
            self._decided(describe(action), action.reason)
        match action:
            case machine.Open():
                line = self._lines[action.connection] = _Line(self._new_conversation())
                line.opening = self._start(partial(self._open, line, action))
            case machine.Send():
                await self._send(self._lines[action.connection], action)
            case machine.Wait():
                self._wait(action.connection, action.ms / 1000)
            case machine.MatchResponse():
                self._start(partial(self._match, action))
            case machine.EndExchange():
                await self._end_exchange(self._lines[action.connection], action.ending)
            case machine.Disconnect():
                await self._disconnect(self._lines.pop(action.connection, None), action.reason)
            case machine.Warn():
                self._warn(action.reason)
            case machine.Report():
                if action.is_final:
                    self._final = action
                else:
                    self._report(action.outcome, action.service, provisional=True)

    async def _open(self, line: _Line, action: machine.Open) -> None:
        if action.after_ms:
            await asyncio.sleep(action.after_ms / 1000)
        need = Need.SLOW if self._interrogation.is_slow else Need.MORE
        is_first, self._is_begun = not self._is_begun, True
        if is_first:
            need = Need.FIRST
        await self._budget.acquire(need)
        line.has_permit = True
        await self._surroundings.gate()
        kept = self._take_kept() if is_first else None
        failure = await line.talk.connect(
            tunnel=action.tunnel, timeout_ms=round(action.timeout_ms), kept=kept
        )
        if failure:
            self._lines.pop(action.connection, None)
            self._give_back(line)
            talk = line.talk
            self._tell(
                machine.NotOpened(
                    action.connection,
                    failure,
                    talk.could_not_ask,
                    talk.was_unanswered,
                    talk.was_refused,
                )
            )
            return
        self._tls = line.talk.tls or self._tls
        opened = machine.Opened(action.connection, line.talk.connect_seconds * 1000)
        if kept is not None:
            opened = replace(opened, age_ms=kept.age * 1000, has_spoken=kept.has_spoken)
        self._tell(opened)

    async def _send(self, line: _Line, action: machine.Send) -> None:
        await self._surroundings.gate()
        await line.talk.begin_exchange(
            action.probe.name,
            action.probe.payload,
            action.reason,
            tunnel=action.tunnel,
            continues=action.continues,
        )
        self._exchanges[action.exchange] = line.talk.open_exchange
        line.reading = self._start(partial(self._read, line, action.connection))

    async def _read(self, line: _Line, connection: int) -> None:
        talk = line.talk
        length = 0
        try:
            # Nothing reads on for the rest: the machine takes its time, and some never stop.
            while length < FULL_RESPONSE_BYTES:
                data = await talk.receive(_NO_LIMIT_MS)
                length += len(data)
                self._tell(machine.Received(connection, data, talk.elapsed * 1000))
        except ConnectionEndedError as error:
            elapsed_ms = talk.elapsed * 1000
            self._tell(machine.Closed(connection, elapsed_ms, was_reset=error.was_reset))
        except OSError as error:
            reason = error.strerror or str(error)
            self._tell(machine.Failed(connection, error.errno or 0, reason))

    def _wait(self, connection: int, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        line = self._lines[connection]
        if line.timer is not None:
            line.timer.cancel()
        line.waits += 1
        due = loop.time() + seconds
        tick = _Tick(connection, line.waits)

        def over(*, is_again: bool = False) -> None:
            late = loop.time() - due
            if late > _LATE_SECONDS and not is_again:
                line.timer = loop.call_later(late, lambda: over(is_again=True))
                return
            # What arrived meanwhile is told first.
            loop.call_soon(loop.call_soon, self._told.put_nowait, tick)

        line.timer = loop.call_at(due, over)

    async def _match(self, action: machine.MatchResponse) -> None:
        exchange = self._exchanges[action.exchange]
        result = await self._surroundings.match(action.probe, action.response)
        tell_match(self._surroundings.emit, self._endpoint, exchange, result, len(action.response))
        self._tell(machine.Matched(action.probe, action.response, result.match))

    async def _end_exchange(self, line: _Line, ending: Ending) -> None:
        await _cancelled(line.reading)
        if line.talk.exchange is not None:
            line.talk.end_exchange(ending)

    async def _disconnect(self, line: _Line | None, reason: str) -> None:
        if line is None:  # it failed just now
            return
        if line.timer is not None:
            line.timer.cancel()
        await _cancelled(line.opening)
        await _cancelled(line.reading)
        await line.talk.disconnect(reason)
        self._give_back(line)

    def _give_back(self, line: _Line) -> None:
        if line.has_permit:
            line.has_permit = False
            self._budget.release()

    # Verdicts

    async def _refine_and_report(self, final: machine.Report) -> None:
        service = final.service
        if self._surroundings.postprocessors:
            await self._budget.acquire(Need.FIRST)
            talk = self._new_conversation()
            talk.tls = self._tls
            try:
                service = await Refiner(self._surroundings, talk).refined(service)
            finally:
                if talk.exchange is not None:
                    talk.end_exchange(Ending.STOPPED)
                await talk.disconnect("the port is done")
                self._budget.release()
        self._is_over = True
        self._report(final.outcome, service)

    def _report(self, outcome: Outcome, service: Service, *, provisional: bool = False) -> None:
        self._surroundings.emit(
            PortFinished(
                time=time.time(),
                endpoint=self._endpoint,
                outcome=outcome,
                service=service,
                provisional=provisional,
            )
        )
        self.lets_others_go.set()

    async def _leave(self) -> None:
        """End what is under way, without deciding anything more."""
        lines = list(self._lines.values())
        self._lines.clear()
        for line in lines:
            await self._end_exchange(line, Ending.STOPPED)
            await self._disconnect(line, "the port is done")
        for task in list(self._tasks):
            await _cancelled(task)

    def _decided(self, action: str, reason: str) -> None:
        self._surroundings.emit(
            Decided(time=time.time(), endpoint=self._endpoint, action=action, reason=reason)
        )

    def _warn(self, message: str) -> None:
        self._surroundings.emit(Warned(time=time.time(), endpoint=self._endpoint, message=message))


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait for its end."""
    if task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task])


def describe(action: machine.Open | machine.Send | machine.Disconnect | machine.Report) -> str:
    """An action in a few words, such as `send GetRequest`."""
    match action:
        case machine.Open():
            return "connect inside TLS" if action.tunnel else "connect"
        case machine.Send():
            return f"send {action.probe.name}" if action.probe.payload else "send nothing"
        case machine.Disconnect():
            return "disconnect"
        case machine.Report():
            return f"{'finish' if action.is_final else 'for now'}: {action.outcome}"
