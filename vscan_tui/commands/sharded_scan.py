"""A scan whose hosts are shared out among the workers of a dask scheduler.

Each worker scans a shard of hosts at a time, as the program does without a screen,
and tells what happens in lines of a journal.  They are put together here to one
stream of events: ports are numbered and judged one by one, so nothing collides.
"""

import asyncio
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import Protocol, cast

from distributed import Client
from msgspec import structs

from vscan_tui import __version__
from vscan_tui.commands.cluster import (
    CONNECT_SECONDS,
    ClusterError,
    checked,
    silence,
    unreachable,
    version,
)
from vscan_tui.commands.live_scan import discovery_of, discovery_of_known, live_scan
from vscan_tui.commands.task import Task
from vscan_tui.events import (
    DiscoveryProgressed,
    Event,
    ScanEnding,
    ScanFinished,
    ScanPaused,
    ScanPlanned,
    ScanResumed,
    ScanStarted,
    Warned,
)
from vscan_tui.scanning.discovery.known_ports import KnownPort
from vscan_tui.scanning.discovery.timing import with_parallelism
from vscan_tui.scanning.engine import Scan
from vscan_tui.scanning.targets.expressions import TargetError
from vscan_tui.scanning.targets.hosts import ListedTargets, Target
from vscan_tui.scanning.transport.rate import RateLimit
from vscan_tui.session.journal import decode, encode
from vscan_tui.session.source import Emit

_MOST_HOSTS = 256
"""In a shard; fewer where that leaves each worker without some to choose from."""
_SHARDS_A_WORKER = 4
_MOST_BYTES = 16 << 20
"""A worker that has so much to tell begins nothing new before it is asked."""
_TAKE_SECONDS = 0.5
_PATIENCE = 30.0
"""Seconds: a worker that does not answer for so long is lost, and one that is not asked ends."""
_STOP_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Shard:
    """Some of the hosts."""

    targets: tuple[Target, ...] = ()
    ports: tuple[KnownPort, ...] = ()
    """The ports to ask, if no others are to be looked for (--from)."""

    @property
    def hosts(self) -> int:
        """How many hosts it has."""
        return len(self.targets) or len({port.host for port in self.ports})


class ShardScanner:
    """Scans on a worker, one shard after the other: an actor of dask."""

    def __init__(self, task: Task, words: tuple[str, ...]) -> None:
        """Be ready; nothing is sent yet."""
        self._task, self._words = task, words
        self._lock = threading.Condition()
        self._lines: list[bytes] = []
        self._size = 0
        self._is_over = True
        self._is_full = self._is_paused = False
        self._asked = time.monotonic()
        self._live: Scan | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None

    def clock(self) -> float:
        """The time here."""
        return time.time()

    def begin(self, shard: Shard) -> None:
        """Scan a shard, in a thread."""
        self._is_over, self._asked = False, time.monotonic()
        threading.Thread(target=self._run, args=(shard,), name="shard", daemon=True).start()

    def take(self) -> tuple[bytes, bool]:
        """What happened since, in lines of a journal, and whether the shard has come to its end."""
        self._asked = time.monotonic()
        with self._lock:
            self._lock.wait_for(lambda: self._lines or self._is_over, _TAKE_SECONDS)
            lines = b"".join(self._lines)
            self._lines.clear()
            self._size, self._is_full = 0, False
            is_over = self._is_over
        self._call(self._hold_or_go)
        return lines, is_over

    def pause(self) -> None:
        """Begin nothing new."""
        self._is_paused = True
        self._call(self._hold_or_go)

    def resume(self) -> None:
        """Go on."""
        self._is_paused = False
        self._call(self._hold_or_go)

    def stop(self) -> None:
        """End the shard before its time; what is known is still to be taken."""
        self._call(lambda: self._running is not None and self._running.cancel())

    def _call(self, act: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(act)

    def _run(self, shard: Shard) -> None:
        try:
            asyncio.run(self._scan(shard))
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - told where it can be read
            reason = f"{type(error).__name__}: {error}"
            self._emit(ScanFinished(time=time.time(), ending=ScanEnding.FAILED, reason=reason))
        with self._lock:
            self._is_over = True
            self._lock.notify_all()

    async def _scan(self, shard: Shard) -> None:
        task = self._task
        discovery = (
            discovery_of_known(task, shard.ports)
            if shard.ports
            else discovery_of(task, ListedTargets(shard.targets), task.ports)
        )
        self._loop = asyncio.get_running_loop()
        self._live = live_scan(task, self._words, discovery)
        self._running = asyncio.create_task(self._live.run(self._emit))
        self._hold_or_go()
        while not self._running.done():
            await asyncio.wait([self._running], timeout=1.0)
            if time.monotonic() - self._asked > _PATIENCE:  # nobody wants to know any more
                self._running.cancel()
        await self._running

    def _hold_or_go(self) -> None:
        if self._live is not None:
            (self._live.pause if self._is_paused or self._is_full else self._live.resume)()

    def _emit(self, event: Event) -> None:
        if isinstance(event, ScanStarted | ScanPaused | ScanResumed):
            return
        line = encode(event)
        with self._lock:
            self._lines.append(line)
            self._size += len(line)
            self._is_full = self._size > _MOST_BYTES
            self._lock.notify_all()
        if self._is_full:
            self._hold_or_go()


class _Remote(Protocol):
    """`ShardScanner`, from afar."""

    async def clock(self) -> float: ...
    async def begin(self, shard: Shard) -> None: ...
    async def take(self) -> tuple[bytes, bool]: ...
    async def pause(self) -> None: ...
    async def resume(self) -> None: ...
    async def stop(self) -> None: ...


class ShardedScan:
    """One scan by many workers: an `EventSource`."""

    is_recording = False

    def __init__(self, task: Task, words: tuple[str, ...], scheduler: str) -> None:
        """Be ready to run once; `words` is the command line, for the record."""
        self._task, self._words, self._scheduler = task, words, scheduler
        self._emit: Emit = lambda _: None
        self._scanners: dict[str, _Remote] = {}
        self._talks: set[asyncio.Future[None]] = set()
        self._go = asyncio.Event()
        self._go.set()
        self._turn = asyncio.Lock()
        self._done: dict[str, int] = {}
        """How many ports each worker has looked for in its shard."""
        self._behind: dict[str, float] = {}
        """By how many seconds the clock of each worker is behind the one here."""
        self._done_before = 0
        self._total = 0

    def pause(self) -> None:
        """Begin no shard, and nothing new in those under way, until `resume`."""
        if self._go.is_set():
            self._go.clear()
            self._tell(lambda scanner: scanner.pause())
            self._emit(ScanPaused(time=time.time()))

    def resume(self) -> None:
        """Go on."""
        if not self._go.is_set():
            self._go.set()
            self._tell(lambda scanner: scanner.resume())
            self._emit(ScanResumed(time=time.time()))

    async def run(self, emit: Emit) -> None:
        """Scan; the last event is always `ScanFinished`.

        If cancelled, what was found is reported before the cancellation goes on.
        """
        self._emit = emit
        options = self._task.options
        emit(
            ScanStarted(
                time=time.time(),
                program=f"vscan {__version__}",
                arguments=self._words,
                pace=options.pace,
                intensity=options.intensity,
                databases=self._task.databases.identities,
            )
        )
        ending, reason = ScanEnding.FAILED, "the program failed"
        try:
            try:
                await self._scan()
                ending, reason = ScanEnding.DONE, ""
            except (ClusterError, TargetError) as error:
                reason = str(error)
        except asyncio.CancelledError:
            ending, reason = ScanEnding.INTERRUPTED, "stopped by the user"
            raise
        finally:
            emit(ScanFinished(time=time.time(), ending=ending, reason=reason))

    async def _scan(self) -> None:
        task, known = self._task, self._task.known
        by_host = _by_host(known.ports if known is not None else ())
        hosts = len(by_host) if known is not None else await task.target_list().count()
        ports = max(map(len, by_host), default=0) if known is not None else len(task.ports)
        self._total = sum(map(len, by_host)) if known is not None else hosts * ports
        self._emit(ScanPlanned(time=time.time(), hosts=hosts, ports=ports))
        async with _connected(self._scheduler) as client:
            versions = await client.run(version, on_error="return")
            workers = checked(self._scheduler, versions)[: task.options.max_parallelism]
            own = _share(task, len(workers))
            size = max(1, min(_MOST_HOSTS, -(-hosts // (_SHARDS_A_WORKER * len(workers)))))
            shards = self._known_shards(by_host, size) if by_host else self._shards(size)
            # An actor finds its client by that.
            with client.as_current():
                async with asyncio.TaskGroup() as tasks:
                    for address in workers:
                        tasks.create_task(self._drive(client, address, own, shards))
            if await self._next(shards) is not None:
                raise ClusterError("no worker is left, and not all hosts were looked at")

    async def _shards(self, size: int) -> AsyncIterator[Shard]:
        def tell(error: TargetError) -> None:
            self._emit(Warned(time=time.time(), message=str(error), partial=True))

        targets: list[Target] = []
        async for target in self._task.target_list().expand(tell):
            targets.append(target)
            if len(targets) == size:
                yield Shard(tuple(targets))
                targets.clear()
        if targets:
            yield Shard(tuple(targets))

    async def _known_shards(self, hosts: list[list[KnownPort]], size: int) -> AsyncIterator[Shard]:
        for start in range(0, len(hosts), size):
            yield Shard(ports=tuple(chain.from_iterable(hosts[start : start + size])))

    async def _next(self, shards: AsyncIterator[Shard]) -> Shard | None:
        async with self._turn:
            await self._go.wait()
            return await anext(shards, None)

    async def _drive(
        self, client: Client, address: str, task: Task, shards: AsyncIterator[Shard]
    ) -> None:
        """Give one worker shard after shard, for as long as there are some and it lives."""
        shard: Shard | None = None
        try:
            async with asyncio.timeout(_PATIENCE):
                scanner = cast(
                    _Remote,
                    await client.submit(
                        ShardScanner, task, self._words,
                        actor=True, workers=[address], allow_other_workers=False, pure=False,
                    ),
                )  # fmt: skip
            async with asyncio.timeout(_PATIENCE):
                asked = time.time()
                told = await scanner.clock()
                self._behind[address] = clock_behind(asked, told, time.time())
            self._scanners[address] = scanner
            while (shard := await self._next(shards)) is not None:
                await self._follow(address, scanner, shard)
        except Exception as error:  # noqa: BLE001 - the library has many ways to say it
            left = f"; {shard.hosts} of its hosts were not scanned to the end" if shard else ""
            reason = str(error) or type(error).__name__
            self._warn(f"the worker {address} was lost{left} ({reason})")
        finally:
            self._scanners.pop(address, None)

    async def _follow(self, address: str, scanner: _Remote, shard: Shard) -> None:
        await scanner.begin(shard)
        taking = asyncio.create_task(self._take_all(address, scanner))
        try:
            # What is on its way when the scan is stopped is taken, too.
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            with suppress(Exception):
                async with asyncio.timeout(_STOP_SECONDS):
                    await scanner.stop()
                    await taking
            taking.cancel()
            raise
        self._done_before += self._done.pop(address, 0)

    async def _take_all(self, address: str, scanner: _Remote) -> None:
        is_over = False
        while not is_over:
            async with asyncio.timeout(_PATIENCE):
                lines, is_over = await scanner.take()
            for event in decode(lines):
                self._take(address, event)

    def _take(self, address: str, event: Event) -> None:
        """Pass on what a worker told, in the time here, but for what only holds of its shard."""
        if behind := self._behind.get(address, 0.0):
            event = structs.replace(event, time=event.time + behind)
        match event:
            case ScanPlanned():
                pass
            case DiscoveryProgressed(done=done):
                self._done[address] = done
                done = min(self._done_before + sum(self._done.values()), self._total)
                self._emit(structs.replace(event, done=done, total=self._total))
            case ScanFinished(ending=ScanEnding.FAILED, reason=reason):
                self._warn(f"the worker {address} failed: {reason}")
            case ScanFinished():
                pass
            case _:
                self._emit(event)

    def _warn(self, message: str) -> None:
        self._emit(Warned(time=time.time(), message=message, partial=True))

    def _tell(self, word: Callable[[_Remote], Awaitable[None]]) -> None:
        async def tell(scanner: _Remote) -> None:
            with suppress(Exception):  # a worker that is lost is told of where it is waited for
                await word(scanner)

        for scanner in self._scanners.values():
            talk = asyncio.create_task(tell(scanner))
            self._talks.add(talk)
            talk.add_done_callback(self._talks.discard)


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[Client]:
    silence()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # versions are compared here
        try:
            client = await Client(
                address, asynchronous=True, timeout=CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise unreachable(address) from error
        try:
            yield client
        finally:
            with suppress(Exception):
                async with asyncio.timeout(2):
                    await client.close()


def clock_behind(asked: float, told: float, answered: float) -> float:
    """By how many seconds another clock is behind, asked for its time between two times here.

    It is 0 where the two may be the same: nothing is known more exactly than the question lasted.
    """
    return 0.0 if asked <= told <= answered else (asked + answered) / 2 - told


def _share(task: Task, workers: int) -> Task:
    """What one of so many workers does: the budgets are for all of them together."""
    options = task.options
    at_a_time = options.max_parallelism and max(1, options.max_parallelism // workers)
    rate = options.max_rate and options.max_rate / workers
    return replace(
        task,
        options=structs.replace(
            options,
            timing=with_parallelism(options.timing, None, at_a_time),
            max_parallelism=at_a_time,
            max_rate=rate,
        ),
        targets=(),
        known=None,
        rate=RateLimit(rate),
    )


def _by_host(ports: Iterable[KnownPort]) -> list[list[KnownPort]]:
    hosts: dict[str, list[KnownPort]] = {}
    for port in ports:
        hosts.setdefault(port.host, []).append(port)
    return list(hosts.values())
