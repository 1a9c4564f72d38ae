"""Many ports at once: discovery feeds interrogations, bounded in number, that can be held."""

import asyncio
import contextlib
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from weakref import WeakValueDictionary

import msgspec

from vscan_tui.events import (
    Endpoint,
    Event,
    HostFinished,
    HostFound,
    Pace,
    PortFound,
    ScanEnding,
    ScanFinished,
    ScanPaused,
    ScanResumed,
    ScanStarted,
    Warned,
)
from vscan_tui.matching.matcher import Matcher, overrun_notice
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import Rule
from vscan_tui.scanning.by_hand.requests import ByHand, Means
from vscan_tui.scanning.discovery.descriptors import raise_descriptor_limit
from vscan_tui.scanning.discovery.kept_answers import AnsweredTransport, KeptAnswers
from vscan_tui.scanning.discovery.kept_connections import KEPT_SECONDS, KeptConnections
from vscan_tui.scanning.gate import Gate
from vscan_tui.scanning.interrogation.conversation import Conversation, Emit
from vscan_tui.scanning.interrogation.eager import MAX_CONNECTIONS, EagerInterrogation
from vscan_tui.scanning.interrogation.eager_runner import EagerRunner
from vscan_tui.scanning.interrogation.matching_thread import GivesWay, MatchingThread
from vscan_tui.scanning.interrogation.polite import Interrogation
from vscan_tui.scanning.interrogation.runner import PortRunner
from vscan_tui.scanning.interrogation.silence import Silence
from vscan_tui.scanning.interrogation.surroundings import Surroundings
from vscan_tui.scanning.interrogation.waits import WaitLimits, Waits
from vscan_tui.scanning.postprocessing.protocol import PostProcessor
from vscan_tui.scanning.transport.budget import ConnectionBudget, FairQueue
from vscan_tui.scanning.transport.sockets import Transport

EAGER_PORTS = 2
"""Pace `eager` asks so many times more ports at a time: most of what it does is to wait."""
DESCRIPTORS_PER_KEPT_CONNECTION = 8
"""Of so many descriptors that this process may have, one may hold a port's first connection."""


class PortDiscovery(Protocol):
    """Finds the ports to interrogate; see `vscan_tui.scanning.discovery.discovery`."""

    async def run(self, emit: Emit, may_begin: Gate) -> None:
        """Emit `HostFound`, `PortFound` and their like until all ports are looked at.

        Args:
            emit: takes them; a host's last is `HostFinished`.
            may_begin: awaited before each host: there may be enough to ask as it is.
        """
        ...

    def pause(self) -> None:
        """Begin nothing new until `resume`."""
        ...

    def resume(self) -> None:
        """Go on."""
        ...


MAX_PORTS_IN_HAND = 1000
"""While so many ports wait to be asked, or are being asked, no more hosts are looked at."""


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How to scan."""

    program: str
    """Name and version of the program, for the record."""
    arguments: tuple[str, ...]
    """The command line, for the record."""
    intensity: int
    parallel_interrogations: int
    """Ports that are asked at a time; pace `eager` has several connections to each."""
    pace: Pace = "polite"
    host_timeout: float | None = None
    """Seconds after which a host is left as it stands; None for no limit."""
    probe_excluded: bool = False
    ports_were_seen: bool = True
    """Whether this scan has seen itself that the ports are open; else a first connection tells."""
    max_connections: int | None = None
    """Of all interrogations at a time; None: as many as the ports that are asked at a time need."""
    min_wait: float | None = None
    """Seconds; pace `eager` waits for an answer at least so long, if the database allows."""
    max_wait: float | None = None
    """Seconds; pace `eager` never waits longer for an answer."""


class Scan:
    """One scan, from the first event to the last: an `EventSource`."""

    is_recording = False

    def __init__(
        self,
        settings: ScanSettings,
        databases: ProbeDatabases,
        discovery: PortDiscovery,
        transport: Transport,
        postprocessors: Sequence[PostProcessor] = (),
        answers: KeptAnswers | None = None,
        *,
        connections: KeptConnections | None = None,
    ) -> None:
        """Be ready to run once; `answers` and `connections` are those of port discovery."""
        self._postprocessors = postprocessors
        self._settings = settings
        self._databases = databases
        self._discovery = discovery
        self._transport = (
            transport if answers is None else AnsweredTransport(transport, answers, self._decides)
        )
        self._matching = MatchingThread(Matcher(databases, self._warn_of_overrun, GivesWay()))
        self._emit_event: Emit | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._go = asyncio.Event()
        self._go.set()
        self._host_names: dict[str, str] = {}
        self._deadlines: dict[str, float] = {}
        self._timed_out: set[str] = set()
        self._silence = Silence()
        self._found: FairQueue[PortFound] = FairQueue()
        self._ports_at_a_time = settings.parallel_interrogations
        self._in_hand: Counter[str] = Counter()
        """Ports that wait or are being asked, by address."""
        self._count_in_hand = 0
        self._has_room = asyncio.Event()
        self._has_room.set()
        self._looked_at: set[str] = set()
        """Hosts whose ports are all found, and not all asked."""
        self._connections_per_port = min(MAX_CONNECTIONS, settings.parallel_interrogations)
        if settings.pace == "eager" and settings.parallel_interrogations > 1:
            self._ports_at_a_time *= EAGER_PORTS
        most = settings.max_connections or self._ports_at_a_time * self._connections_per_port
        self._budget = ConnectionBudget(most)
        self._kept = connections or KeptConnections()
        self._most_kept = 0
        if settings.pace == "eager":
            spare = raise_descriptor_limit() // DESCRIPTORS_PER_KEPT_CONNECTION
            self._most_kept = min(self._ports_at_a_time, most, spare)
        self._waits: WeakValueDictionary[str, Waits] = WeakValueDictionary()
        """By address, as long as a port of the host is being asked."""
        means = Means(
            databases, transport, self._matching, settings.intensity, tuple(postprocessors)
        )
        self.by_hand = ByHand(means)
        """What the user does while the scan runs, and after it."""

    def pause(self) -> None:
        """Begin no new action until `resume`; what is under way comes to its end."""
        if self._go.is_set():
            self._go.clear()
            self._discovery.pause()
            self._kept.refuse()
            self._emit(ScanPaused(time=time.time()))

    def resume(self) -> None:
        """Go on."""
        if not self._go.is_set():
            self._go.set()
            self._kept.accept(self._most_kept)
            self._discovery.resume()
            self._emit(ScanResumed(time=time.time()))

    def warn(self, message: str) -> None:
        """Tell the user something of the scan as a whole."""
        self._emit(Warned(time=time.time(), message=message))

    async def run(self, emit: Emit) -> None:
        """Scan; every event goes to `emit`, the last is always `ScanFinished`.

        If cancelled, what was found is reported before the cancellation goes on.
        """
        self._emit_event = emit
        settings = self._settings
        self._loop = asyncio.get_running_loop()
        self._emit(
            ScanStarted(
                time=time.time(),
                program=settings.program,
                arguments=settings.arguments,
                pace=settings.pace,
                intensity=settings.intensity,
                databases=self._databases.identities,
            )
        )
        ending, reason = ScanEnding.FAILED, "the program failed"
        try:
            self._kept.accept(self._most_kept)
            match = self._matching.match
            surroundings = Surroundings(match, self._emit, self._go.wait, self._postprocessors)
            failure = await self._scan(surroundings)
            await self._transport.leave()
            ending, reason = (ScanEnding.FAILED, failure) if failure else (ScanEnding.DONE, "")
        except asyncio.CancelledError:
            ending, reason = ScanEnding.INTERRUPTED, "stopped by the user"
            await self._transport.leave()  # a second interruption does not wait for that either
            raise
        finally:
            self._kept.refuse()
            self._emit(ScanFinished(time=time.time(), ending=ending, reason=reason))

    async def _decides(self, payload: bytes, answer: bytes) -> bool:
        """Whether a rule matches the answer to a UDP payload hard."""
        for probe in self._databases.of_protocol("udp"):
            if probe.payload == payload:
                match = (await self._matching.match(probe, answer)).match
                return match is not None and not match.soft
        return False

    def _warn_of_overrun(self, rule: Rule) -> None:
        """Tell of a rule that takes too long; called in the matching thread."""
        event = Warned(time=time.time(), message=overrun_notice(rule))
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the event loop has ended
                self._loop.call_soon_threadsafe(self._emit, event)

    def _emit(self, event: Event) -> None:
        if self._emit_event is not None:
            self._emit_event(event)
        self.by_hand.observe(event)
        if sentence := self._silence.observe(event):
            self._emit(Warned(time=time.time(), message=sentence, partial=True))

    async def _scan(self, surroundings: Surroundings) -> str:
        """Scan to the end; returns why ports were not all looked for, or nothing if they were."""
        failure = ""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._ports_at_a_time):
                tasks.create_task(self._interrogate_found(surroundings, tasks))
            try:
                await self._discovery.run(self._note, self._has_room.wait)
            except Exception as error:  # noqa: BLE001 - the ports that were found are still asked
                failure = str(error) or type(error).__name__
            self._found.close()
        return failure

    def _note(self, event: Event) -> None:
        """Pass on an event of discovery, and queue the ports that it found."""
        if isinstance(event, HostFinished):
            self._looked_at.add(event.address)
            self._finish_host(event.address)
            return
        self._emit(event)
        if isinstance(event, HostFound):
            if event.name:
                self._host_names[event.address] = event.name
        elif isinstance(event, PortFound):
            address = event.endpoint.address
            self._in_hand[address] += 1
            self._count_in_hand += 1
            if self._count_in_hand >= MAX_PORTS_IN_HAND:
                self._has_room.clear()
            self._found.put(address, event)
            if event.endpoint in self._kept:
                loop = asyncio.get_running_loop()
                loop.call_later(KEPT_SECONDS, self._kept.drop, event.endpoint)

    def _port_is_done(self, endpoint: Endpoint) -> None:
        self._kept.drop(endpoint)
        address = endpoint.address
        self._in_hand[address] -= 1
        self._count_in_hand -= 1
        if self._count_in_hand < MAX_PORTS_IN_HAND:
            self._has_room.set()
        if not self._in_hand[address]:
            del self._in_hand[address]
            self._finish_host(address)

    def _finish_host(self, address: str) -> None:
        """Tell that a host is finished, if it is, and forget it."""
        if address in self._looked_at and address not in self._in_hand:
            self._looked_at.remove(address)
            self._host_names.pop(address, None)
            self._deadlines.pop(address, None)
            self._timed_out.discard(address)
            self._emit(HostFinished(time=time.time(), address=address))

    async def _interrogate_found(
        self, surroundings: Surroundings, tasks: asyncio.TaskGroup
    ) -> None:
        while (found := await self._found.get()) is not None:
            if self.by_hand.has_begun(found.endpoint):
                self._port_is_done(found.endpoint)
                continue
            new_runner = self._eager_runner if self._settings.pace == "eager" else self._runner
            runner = new_runner(surroundings, found)
            tasks.create_task(self._interrogate(runner, found.endpoint))
            # A port that is held, or mostly waited for, does not hold up the others.
            await runner.lets_others_go.wait()

    async def _interrogate(self, runner: PortRunner | EagerRunner, endpoint: Endpoint) -> None:
        reason = "the scan was stopped"
        deadline = self._deadline(endpoint.address)
        self.by_hand.register(endpoint, runner)
        try:
            async with asyncio.timeout_at(deadline) as limit:
                if isinstance(runner, PortRunner):
                    runner.limit = limit
                await runner.run()
        except TimeoutError:
            reason = "the host's time is up"
            self._warn_of_timeout(endpoint.address)
        except Exception as error:  # noqa: BLE001 - a fault of ours on one port must not end the others
            reason = f"internal error: {type(error).__name__}: {error}"
            self._emit(Warned(time=time.time(), endpoint=endpoint, message=reason, partial=True))
        finally:
            taken_over = self.by_hand.unregister(endpoint)
            runner.stop(taken_over or reason)
            if taken_over:
                self._port_is_done(endpoint)
        if not taken_over:
            self._port_is_done(endpoint)

    def _runner(self, surroundings: Surroundings, found: PortFound) -> PortRunner:
        held = self._settings.pace == "step"
        return PortRunner(
            surroundings, self._interrogation(found), self._conversation(found), held=held
        )

    def _eager_runner(self, surroundings: Surroundings, found: PortFound) -> EagerRunner:
        endpoint = found.endpoint
        surroundings = msgspec.structs.replace(surroundings, gate=partial(self._gate, endpoint))
        interrogation = EagerInterrogation(
            partial(self._interrogation, found),
            self._databases,
            endpoint.protocol,
            endpoint.port,
            self._waits_for(endpoint.address),
            max_connections=self._connections_per_port,
        )
        new_conversation = partial(self._conversation, found)
        return EagerRunner(
            surroundings,
            endpoint,
            interrogation,
            new_conversation,
            self._budget,
            partial(self._kept.take, endpoint),
        )

    async def _gate(self, endpoint: Endpoint) -> None:
        await self._go.wait()
        await self.by_hand.released(endpoint)

    def _interrogation(self, found: PortFound) -> Interrogation:
        return Interrogation(
            self._databases,
            found.endpoint.protocol,
            found.endpoint.port,
            intensity=self._settings.intensity,
            table_name=found.table_name,
            probe_excluded=self._settings.probe_excluded,
            was_seen=self._settings.ports_were_seen,
        )

    def _conversation(self, found: PortFound) -> Conversation:
        return Conversation(
            found.endpoint,
            self._transport,
            self._emit,
            state=found.state,
            was_seen=self._settings.ports_were_seen,
            server_name=self._host_names.get(found.endpoint.address, ""),
            numbering=self.by_hand.numbering(found.endpoint),
        )

    def _waits_for(self, address: str) -> Waits:
        waits = self._waits.get(address)
        if waits is None:
            low, high = self._settings.min_wait, self._settings.max_wait
            limits = WaitLimits(
                0.0 if low is None else low * 1000, math.inf if high is None else high * 1000
            )
            waits = self._waits[address] = Waits(limits)
        return waits

    def _deadline(self, address: str) -> float | None:
        """When a host's time is up, on the event loop's clock; it begins with its first port."""
        if self._settings.host_timeout is None:
            return None
        now = asyncio.get_running_loop().time()
        return self._deadlines.setdefault(address, now + self._settings.host_timeout)

    def _warn_of_timeout(self, address: str) -> None:
        if address not in self._timed_out:
            self._timed_out.add(address)
            message = (
                f"{address}: --host-timeout of {self._settings.host_timeout:g} s is over; "
                "what was found until then is kept, so the result is partial"
            )
            self._emit(Warned(time=time.time(), message=message, partial=True))
