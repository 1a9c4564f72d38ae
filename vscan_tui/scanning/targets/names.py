"""Names and their addresses, as the system's resolver tells them, without waiting for ever."""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar, cast

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]
"""Looks up a name: all its addresses, the preferred first; none when it has none."""

_T = TypeVar("_T")

NAME_PATIENCE = 20.0
"""Seconds after which a name counts as unknown; name servers that are down may take for ever."""
MOST_TIMEOUTS = 8
"""So many look-ups of addresses in a row may get no answer before no more are made."""


async def resolve_name(name: str, *, ipv6: bool = False) -> tuple[str, ...]:
    """Look up all addresses of a name of one family, in the system's order of preference.

    An unknown name has none; so has what no name can be, and what takes too long.
    """
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    try:
        async with asyncio.timeout(NAME_PATIENCE):
            found = await _in_thread(
                lambda: socket.getaddrinfo(name, None, family=family, type=socket.SOCK_STREAM)
            )
    except (OSError, UnicodeError, ValueError):  # of the first, TimeoutError is one
        return ()
    return tuple(dict.fromkeys(_with_scope(entry[4]) for entry in found))


def _with_scope(address: tuple[str | int | bytes, ...]) -> str:
    text = str(address[0])
    has_scope = len(address) == 4 and address[3] and "%" not in text
    return f"{text}%{address[3]!r}" if has_scope else text


async def _in_thread(function: Callable[[], _T]) -> _T:
    """Run a function that cannot be stopped, such that nothing ever waits for its thread.

    The threads of an executor are waited for when the program ends, which a
    name server that does not answer would hold up for half a minute.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def finish(result: _T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(cast(_T, result))
        else:
            answer.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as problem:  # noqa: BLE001  # it is raised where it is awaited
            error = problem
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(finish, result, error)

    Thread(target=run, name="name-look-up", daemon=True).start()
    return await answer


class ReverseResolver:
    """Finds the names of addresses by reverse DNS; answers are remembered.

    A name server that does not answer `MOST_TIMEOUTS` times in a row is not asked again.

    Args:
        parallelism: how many look-ups are under way at a time.
        patience: seconds after which an address counts as nameless.  The
            system's look-up cannot be stopped; it goes on unheeded.
        remember: how many answers are kept.
    """

    def __init__(self, parallelism: int = 8, patience: float = 5.0, remember: int = 4096) -> None:
        """Begin with no answers."""
        self._free = asyncio.Semaphore(parallelism)
        self._patience = patience
        self._remember = remember
        self._answers: OrderedDict[str, asyncio.Task[str]] = OrderedDict()
        self._timeouts = 0
        """How many look-ups got no answer in time since the last that got one."""
        self._limits: set[asyncio.Timeout] = set()
        """Of the look-ups under way."""
        self.tell: Callable[[str], None] = lambda _: None
        """Told once, in a sentence, if it is not asked again."""

    async def name(self, address: str) -> str:
        """Return the name of an address, or nothing."""
        task = self._answers.get(address)
        if task is None:
            task = self._answers[address] = asyncio.ensure_future(self._look_up(address))
            if len(self._answers) > self._remember:
                self._answers.popitem(last=False)
        return await asyncio.shield(task)

    def close(self) -> None:
        """Give up all look-ups."""
        for task in self._answers.values():
            task.cancel()

    async def _look_up(self, address: str) -> str:
        async with self._free:
            if self._timeouts >= MOST_TIMEOUTS:
                return ""
            try:
                async with asyncio.timeout(self._patience) as limit:
                    self._limits.add(limit)
                    name = await _in_thread(lambda: _reverse(address))
            except TimeoutError:
                self._timed_out()
                return ""
            finally:
                self._limits.discard(limit)
        self._timeouts = 0
        return name

    def _timed_out(self) -> None:
        self._timeouts += 1
        if self._timeouts == MOST_TIMEOUTS:
            now = asyncio.get_running_loop().time()
            for limit in self._limits:
                if not limit.expired():
                    limit.reschedule(now)  # one that began meanwhile would get no answer either
            self.tell(
                f"No answer to {MOST_TIMEOUTS} look-ups of addresses in a row, so no more are made "
                "and names are missing; -n looks up none at all."
            )


def _reverse(address: str) -> str:
    try:
        name, _ = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)
    except (OSError, UnicodeError):
        return ""
    return name.rstrip(".")
