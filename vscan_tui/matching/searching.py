"""Regexes of anybody's, searched in a process of their own that can be ended.

PCRE2's limits hold for each place that a search begins at, and a search holds
the interpreter: a careless regex over long responses would freeze the program
for minutes.  So one that is still being written is tried elsewhere, with a
limit in seconds.
"""

import asyncio
import contextlib
import struct
import sys
from collections.abc import Sequence

import msgspec

from vscan_tui.events import Span
from vscan_tui.matching.matcher import MAX_RESPONSE_BYTES

SECONDS = 1.5
"""How long all responses may take together."""
MAX_RESPONSES = 4000
MAX_TOTAL_BYTES = 16 * 1024 * 1024
_START_SECONDS = 20.0
_LENGTH = struct.Struct(">I")


class Responses(msgspec.Struct, tag=True):
    """What to search in from now on."""

    responses: list[bytes]


class Search(msgspec.Struct, tag=True):
    """What to search for."""

    pattern: bytes
    flags: str


class Found(msgspec.Struct):
    """Which responses match, by their place, with the spans; which hit a limit."""

    spans: dict[int, tuple[Span | None, ...]] = {}
    limits: list[int] = []
    error: str = ""


class TooSlowError(Exception):
    """A regex took longer than `SECONDS` on these responses."""


class SearchError(Exception):
    """Nothing can be searched; the message says why."""


class Searcher:
    """Searches responses for one regex after the other; from one task at a time."""

    def __init__(self, responses: Sequence[bytes], *, seconds: float = SECONDS) -> None:
        """Be ready to search.

        Args:
            responses: what to search in; of very many or very long ones, the first.
            seconds: how long a search may take.
        """
        self._responses = _bounded(responses)
        self._seconds = seconds
        self._process: asyncio.subprocess.Process | None = None

    @property
    def count(self) -> int:
        """How many of the responses are searched."""
        return len(self._responses)

    async def search(self, pattern: bytes, flags: str) -> Found:
        """Search all responses.

        Raises:
            TooSlowError: it takes too long; the process is ended.
            SearchError: there is no process that searches.
        """
        process = await self._running()
        try:
            async with asyncio.timeout(self._seconds):
                return await _ask(process, Search(pattern, flags))
        except TimeoutError as error:
            await self.close()
            raise TooSlowError from error
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            await self.close()
            raise SearchError(f"the process that searches has ended: {error!r}") from error
        except asyncio.CancelledError:
            await self.close()  # what it answers would be taken for another's answer
            raise

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "vscan_tui.matching.search_process",
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL,
                )
                async with asyncio.timeout(_START_SECONDS):
                    await _ask(self._process, Responses(self._responses))
            except (OSError, EOFError, TimeoutError, msgspec.MsgspecError) as error:
                await self.close()
                raise SearchError(f"no process can be begun that searches: {error!r}") from error
            except asyncio.CancelledError:
                await self.close()
                raise
        return self._process


def _bounded(responses: Sequence[bytes]) -> list[bytes]:
    found: list[bytes] = []
    total = 0
    for response in responses[:MAX_RESPONSES]:
        part = response[:MAX_RESPONSE_BYTES]
        total += len(part)
        if total > MAX_TOTAL_BYTES:
            break
        found.append(part)
    return found


async def _ask(process: asyncio.subprocess.Process, request: Responses | Search) -> Found:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(frame(msgspec.msgpack.encode(request)))
    await process.stdin.drain()
    header = await process.stdout.readexactly(_LENGTH.size)
    data = await process.stdout.readexactly(_LENGTH.unpack(header)[0])
    return msgspec.msgpack.decode(data, type=Found)


def frame(data: bytes) -> bytes:
    """Put its length before a message."""
    return _LENGTH.pack(len(data)) + data


def length_of(header: bytes) -> int:
    """Read the length of a message."""
    return int(_LENGTH.unpack(header)[0])


HEADER_BYTES = _LENGTH.size
