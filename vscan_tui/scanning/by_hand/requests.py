"""What the user asks by hand, while a scan runs and after it: steps, and payloads of their own."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence

import msgspec

from vscan_tui.events import (
    COMPOSED,
    MATCH_CONFIDENCE,
    TUNNEL_PREFIX,
    Decided,
    Ending,
    Endpoint,
    Event,
    Match,
    Method,
    Outcome,
    PortFinished,
    PortHeld,
    PortReleased,
    PortState,
    Service,
    Warned,
)
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.scanning.by_hand.breakpoints import Breakpoint, Breakpoints
from vscan_tui.scanning.gate import open_gate
from vscan_tui.scanning.interrogation.conversation import Conversation, Emit, Numbering, tell_match
from vscan_tui.scanning.interrogation.eager_runner import EagerRunner
from vscan_tui.scanning.interrogation.matching_thread import MatchingThread
from vscan_tui.scanning.interrogation.polite import (
    CONNECT_TIMEOUT_MS,
    TLS_CONNECT_TIMEOUT_MS,
    Interrogation,
)
from vscan_tui.scanning.interrogation.runner import PortRunner
from vscan_tui.scanning.interrogation.stepping import (
    BY_HAND,
    Command,
    Hold,
    NotPossibleError,
    Run,
    Stop,
)
from vscan_tui.scanning.interrogation.surroundings import Surroundings
from vscan_tui.scanning.postprocessing.protocol import PostProcessor
from vscan_tui.scanning.transport.sockets import ConnectionEndedError, Transport

ANY_PROBE = ""
"""Match with the rules of all probes."""
MAX_RESPONSE_BYTES = 1024 * 1024
_TAKEN_OVER = "asked by hand from now on"
_EAGER_REASON = (
    "it was asked on several connections at a time: a step asks it anew, one action at a time; "
    "run lets it go on"
)


class Means(msgspec.Struct, frozen=True):
    """What it takes to ask a port."""

    databases: ProbeDatabases
    transport: Transport
    matching: MatchingThread
    intensity: int
    postprocessors: Sequence[PostProcessor] = ()


class Subject(msgspec.Struct, frozen=True):
    """A port to ask, with what is known of it."""

    endpoint: Endpoint
    state: PortState = PortState.OPEN
    table_name: str = ""
    server_name: str = ""
    """The name that the user gave for the host; empty for none."""
    exchanges: int = 0
    """How many it has had."""
    connections: int = 0
    is_identified: bool = False


class Composition(msgspec.Struct, frozen=True):
    """Payloads to send, and what to do with the answers."""

    payloads: tuple[bytes, ...]
    """Sent one after the other, each an exchange; an empty one only listens (over TCP)."""
    tunnel: bool = False
    probe: str = ANY_PROBE
    """Answers are matched as those to this probe; `ANY_PROBE`: with the rules of all."""
    wait_ms: int = 5_000
    """How long to wait for each answer."""
    one_connection: bool = True
    """All on one connection, as long as the other side keeps it; else each on its own."""
    reason: str = "composed by hand"


class _Eager(msgspec.Struct):
    """What asks a port on several connections."""

    task: asyncio.Task[object] | None
    lets_others_go: asyncio.Event
    is_taken_over: bool = False


class ByHand:
    """The ports that the user holds, steps or writes to, and the breakpoints."""

    def __init__(self, means: Means | Callable[[], Means]) -> None:
        """Be ready.

        Args:
            means: what it takes to ask, or what loads it: called in a thread, when
                something is first to be sent.
        """
        self.breakpoints = Breakpoints()
        self._load = (lambda: means) if isinstance(means, Means) else means
        self._means = means if isinstance(means, Means) else None
        self._loading = asyncio.Lock()
        self._emit_event: Emit | None = None
        self._runners: dict[Endpoint, PortRunner] = {}
        self._eager: dict[Endpoint, _Eager] = {}
        self._frozen: dict[Endpoint, asyncio.Event] = {}
        self._begun: set[Endpoint] = set()
        self._numberings: dict[Endpoint, Numbering] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, emit: Emit) -> None:
        """Tell `emit` from now on what happens to ports that the user asks."""
        self._emit_event = emit

    async def close(self) -> None:
        """Stop what is under way by hand; each port reports how it stands, none is asked again."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._means is not None:
            self._means.matching.end()

    async def means(self) -> Means:
        """Return what it takes to ask; loads it when it is first wanted."""
        async with self._loading:
            if self._means is None:
                self._means = await asyncio.to_thread(self._load)
            return self._means

    # For the user

    def is_under_way(self, endpoint: Endpoint) -> bool:
        """Whether the port takes commands: it is being asked, or held."""
        return endpoint in self._runners or endpoint in self._frozen

    def is_stepped(self, endpoint: Endpoint) -> bool:
        """Whether the user says when each action on the port is carried out."""
        runner = self._runners.get(endpoint)
        return endpoint in self._frozen or (runner is not None and runner.is_stepped)

    async def hold(self, subject: Subject) -> None:
        """Hold a port before its next action; one that is not being asked is asked anew."""
        runner = self._runners.get(subject.endpoint)
        if runner is not None:
            runner.obey(Hold())
            return
        await self._take_over(subject.endpoint)
        await self._begin(subject)

    async def obey(self, subject: Subject, command: Command) -> None:
        """Let a port that is held or being asked do what the user says.

        Raises:
            NotPossibleError: it makes no sense now; the message says why.
        """
        endpoint = subject.endpoint
        runner = self._runners.get(endpoint)
        if runner is not None:
            runner.obey(command)
        elif endpoint in self._frozen and isinstance(command, Run):
            self._thaw(endpoint)
            self._emit(PortReleased(time=time.time(), endpoint=endpoint))
        elif endpoint in self._frozen and isinstance(command, Stop):
            await self._take_over(endpoint)
        elif endpoint in self._frozen:
            await self.hold(subject)
        else:
            raise NotPossibleError("This port is not being asked; s asks it anew.")

    def release_all(self) -> int:
        """Let all ports that are held go on; returns how many take commands."""
        for runner in self._runners.values():
            runner.obey(Run())
        for endpoint in list(self._frozen):
            self._thaw(endpoint)
            self._emit(PortReleased(time=time.time(), endpoint=endpoint))
        return len(self._runners)

    async def send(self, subject: Subject, composition: Composition) -> None:
        """Begin to send payloads; what happens is told as events."""
        means = await self.means()
        self._start(self._send_all(means, subject, composition))

    # For the scan

    def numbering(self, endpoint: Endpoint, known: Numbering | None = None) -> Numbering:
        """The numbering of connections and exchanges that all who ask a port share.

        Args:
            endpoint: the port.
            known: how many it has had, if nobody has asked it since.
        """
        return self._numberings.setdefault(endpoint, known or Numbering())

    def has_begun(self, endpoint: Endpoint) -> bool:
        """Whether the user has asked a port before it was its turn."""
        return endpoint in self._begun

    def register(self, endpoint: Endpoint, runner: PortRunner | EagerRunner) -> None:
        """The task that runs now asks a port."""
        if isinstance(runner, PortRunner):
            self._runners[endpoint] = runner
        else:
            self._eager[endpoint] = _Eager(asyncio.current_task(), runner.lets_others_go)

    def unregister(self, endpoint: Endpoint) -> str:
        """The task is over; returns why the user ended it, or nothing."""
        self._runners.pop(endpoint, None)
        eager = self._eager.pop(endpoint, None)
        self._thaw(endpoint)
        if self._emit_event is None:  # nobody is there who could ask it again
            self._numberings.pop(endpoint, None)
        return _TAKEN_OVER if eager is not None and eager.is_taken_over else ""

    def observe(self, event: Event) -> None:
        """Hold the port of an event that hits a breakpoint."""
        hit = self.breakpoints.hit_by(event)
        endpoint: Endpoint | None = getattr(event, "endpoint", None)
        if hit is not None and endpoint is not None:
            self._hit(endpoint, hit)

    async def released(self, endpoint: Endpoint) -> None:
        """Wait while a port that is asked on several connections is held."""
        frozen = self._frozen.get(endpoint)
        if frozen is not None:
            await frozen.wait()

    # Steps

    def _hit(self, endpoint: Endpoint, hit: Breakpoint) -> None:
        cause = f"breakpoint: {hit}"
        runner = self._runners.get(endpoint)
        if runner is not None:
            runner.obey(Hold(cause, by_breakpoint=True))
        elif endpoint in self._eager and endpoint not in self._frozen:
            self._frozen[endpoint] = asyncio.Event()
            self._eager[endpoint].lets_others_go.set()
            self._emit(
                PortHeld(
                    time=time.time(),
                    endpoint=endpoint,
                    cause=cause,
                    action="",
                    reason=_EAGER_REASON,
                    by_breakpoint=True,
                )
            )

    def _thaw(self, endpoint: Endpoint) -> None:
        frozen = self._frozen.pop(endpoint, None)
        if frozen is not None:
            frozen.set()

    async def _take_over(self, endpoint: Endpoint) -> None:
        """End what the scan does on several connections."""
        eager = self._eager.get(endpoint)
        if eager is not None and eager.task is not None:
            eager.is_taken_over = True
            eager.task.cancel()
            await asyncio.wait([eager.task])

    async def _begin(self, subject: Subject) -> None:
        self._begun.add(subject.endpoint)
        means = await self.means()
        if subject.endpoint in self._runners:  # the key was pressed twice
            return
        surroundings = Surroundings(
            means.matching.match, self._emit, open_gate, means.postprocessors
        )
        interrogation = Interrogation(
            means.databases,
            subject.endpoint.protocol,
            subject.endpoint.port,
            intensity=means.intensity,
            table_name=subject.table_name,
            probe_excluded=True,
        )
        talk = self._conversation(means, subject)
        runner = PortRunner(surroundings, interrogation, talk, held=True, by_hand=True)
        self._runners[subject.endpoint] = runner
        self._start(self._run(subject.endpoint, runner))

    async def _run(self, endpoint: Endpoint, runner: PortRunner) -> None:
        reason = "stopped by the user"
        try:
            await runner.run()
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the program
            reason = self._tell_of_fault(endpoint, error)
        finally:
            self._runners.pop(endpoint, None)
            runner.stop(reason)

    # Payloads

    async def _send_all(self, means: Means, subject: Subject, composition: Composition) -> None:
        talk = self._conversation(means, subject)
        is_named = False
        try:
            for payload in composition.payloads:
                if not talk.is_connected and not await self._connect(talk, composition):
                    return
                service = await self._exchange(means, subject, talk, composition, payload)
                if service is not None and not is_named:  # what follows is a talk with a service
                    self._report(subject, service)  # that is known, such as "+OK" to QUIT
                    is_named = not service[0].soft
                if not composition.one_connection:
                    await talk.disconnect("each of these payloads gets a fresh connection")
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the program
            self._tell_of_fault(subject.endpoint, error)
        finally:
            if talk.exchange is not None:
                talk.end_exchange(Ending.STOPPED)
            await talk.disconnect("all is sent")

    async def _connect(self, talk: Conversation, composition: Composition) -> bool:
        tunnel = composition.tunnel
        self._decided(talk.endpoint, "connect inside TLS" if tunnel else "connect", composition)
        timeout_ms = TLS_CONNECT_TIMEOUT_MS if tunnel else CONNECT_TIMEOUT_MS
        failure = await talk.connect(tunnel=tunnel, timeout_ms=timeout_ms)
        if failure:
            message = f"Nothing was sent: {failure}"
            self._emit(Warned(time=time.time(), endpoint=talk.endpoint, message=message))
        return not failure

    async def _exchange(
        self,
        means: Means,
        subject: Subject,
        talk: Conversation,
        composition: Composition,
        payload: bytes,
    ) -> "tuple[Match, Service] | None":
        """Send one payload and listen; returns what it says the service is."""
        self._decided(talk.endpoint, f"send {len(payload)} bytes", composition)
        await talk.begin_exchange(
            composition.probe or COMPOSED,
            payload,
            composition.reason,
            tunnel=composition.tunnel,
            by_hand=True,
        )
        answer = b""
        match: Match | None = None
        ending = Ending.FULL
        try:
            while len(answer) < MAX_RESPONSE_BYTES and (match is None or match.soft):
                answer += await talk.receive(composition.wait_ms)
                match = await self._match(means, talk, composition, answer) or match
            if match is not None and not match.soft:
                ending = Ending.MATCHED
        except TimeoutError:
            ending = Ending.TIMED_OUT
        except ConnectionEndedError as error:
            ending = Ending.RESET if error.was_reset else Ending.CLOSED
        except OSError:
            ending = Ending.FAILED
        talk.end_exchange(ending)
        if ending in {Ending.CLOSED, Ending.RESET, Ending.FAILED}:
            await talk.disconnect("the other side ended the connection")
        return None if match is None else (match, _service_of(match, composition, subject))

    async def _match(
        self, means: Means, talk: Conversation, composition: Composition, answer: bytes
    ) -> Match | None:
        probe = means.databases.find(composition.probe, talk.endpoint.protocol)
        if probe is not None:
            result = await means.matching.match(probe, answer)
        else:
            result = await means.matching.match_any(talk.endpoint.protocol, answer)
        tell_match(self._emit, talk.endpoint, talk.open_exchange, result, len(answer))
        return result.match

    def _report(self, subject: Subject, found: "tuple[Match, Service]") -> None:
        """Tell what the service is; a soft match adds nothing to what is identified."""
        match, service = found
        if match.soft and subject.is_identified:
            return
        outcome = Outcome.SOFT_MATCH if match.soft else Outcome.HARD_MATCH
        self._emit(
            PortFinished(
                time=time.time(),
                endpoint=subject.endpoint,
                outcome=outcome,
                service=service,
                by_hand=True,
            )
        )

    # Both

    def _conversation(self, means: Means, subject: Subject) -> Conversation:
        return Conversation(
            subject.endpoint,
            means.transport,
            self._emit,
            state=subject.state,
            server_name=subject.server_name,
            numbering=self.numbering(
                subject.endpoint, Numbering(subject.connections, subject.exchanges)
            ),
        )

    def _decided(self, endpoint: Endpoint, action: str, composition: Composition) -> None:
        reason = composition.reason or BY_HAND
        self._emit(Decided(time=time.time(), endpoint=endpoint, action=action, reason=reason))

    def _tell_of_fault(self, endpoint: Endpoint, error: Exception) -> str:
        message = f"internal error: {type(error).__name__}: {error}"
        self._emit(Warned(time=time.time(), endpoint=endpoint, message=message, partial=True))
        return message

    def _emit(self, event: Event) -> None:
        if self._emit_event is not None:
            self._emit_event(event)
        self.observe(event)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _service_of(match: Match, composition: Composition, subject: Subject) -> Service:
    name = match.service.removeprefix(TUNNEL_PREFIX)
    is_inside = composition.tunnel or name != match.service
    return Service(
        name,
        match.fields,
        "ssl" if is_inside and subject.endpoint.protocol == "tcp" else "",
        Method.PROBED,
        MATCH_CONFIDENCE,
    )
