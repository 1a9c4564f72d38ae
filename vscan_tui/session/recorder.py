"""Writes a journal for as long as the program runs: what a scan does, then what its user does."""

import asyncio
import errno
import os
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vscan_tui.events import Event, Warned
from vscan_tui.session.journal import encode, header_line
from vscan_tui.session.packing import Packer, is_cut_off, is_packed, is_packed_name, mend
from vscan_tui.session.source import Emit, EventSource

if TYPE_CHECKING:
    from aiofiles.threadpool.binary import AsyncBufferedIOBase

FLUSH_SECONDS = 0.25
"""No event stays unwritten for much longer, whatever ends the program."""
_BATCH = 1000
"""Events that are written at once; encoding them takes a millisecond or two."""


class Recorder:
    """Appends events to a journal, in the order in which it was told of them.

    A journal that cannot be written is reported once, as a warning; the program
    goes on, and everything stays in memory.
    """

    def __init__(self, path: Path, *, continues: bool = False) -> None:
        """Be ready to write.

        Args:
            path: the journal; one whose name ends in `.gz` is packed.
            continues: append to a journal that is there already, and touch it only
                when there is something to write; else begin a new file.
        """
        self.path = path
        self.error = ""
        """Why the journal could not be written; empty if it could."""
        self.written = 0
        """How many events are in the file because of this recorder."""
        self._continues = continues
        self._packer: Packer | None = None
        self._header = b""
        self._pending: deque[Event] = deque()
        self._stop = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def note(self, event: Event) -> None:
        """Take an event; costs nothing."""
        if not self.error:
            self._pending.append(event)

    @asynccontextmanager
    async def running(self, tell: Emit) -> AsyncIterator[None]:
        """Write as long as the context lasts; when it is left, everything is on disk.

        Args:
            tell: takes the warning when the journal cannot be written.
        """
        self._writing = asyncio.create_task(self._write(tell), name="journal")
        try:
            yield
        finally:
            await self.close()

    async def close(self) -> None:
        """Write what is left, and no more after that."""
        self._stop.set()
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def _write(self, tell: Emit) -> None:
        try:
            if self._continues and not await self._something_to_write():
                return
            file = await self._open()
            try:
                while not self._stop.is_set():
                    await self._write_pending(file)
                    await _set_within(self._stop, FLUSH_SECONDS)
                await self._write_pending(file)
                if self._packer is not None:
                    await file.write(self._packer.end())
            finally:
                await file.close()
        except OSError as error:
            self.error = error.strerror or str(error)
            self._pending.clear()
            tell(Warned(time=time.time(), message=self._failure()))

    async def _something_to_write(self) -> bool:
        while not self._pending and not self._stop.is_set():
            await _set_within(self._stop, FLUSH_SECONDS)
        return bool(self._pending)

    async def _open(self) -> "AsyncBufferedIOBase":
        import aiofiles  # noqa: PLC0415 - not for the first picture of a recording

        if self._continues:
            if await asyncio.to_thread(_has_packing, self.path):
                self._packer = Packer()
                if await asyncio.to_thread(is_cut_off, self.path):
                    await asyncio.to_thread(mend, self.path)
                return await aiofiles.open(self.path, "ab", opener=_existing)
            is_torn = await asyncio.to_thread(_is_cut_off, self.path)
            file = await aiofiles.open(self.path, "ab", opener=_existing)
            await file.write(b"\n" if is_torn else b"")
            return file
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = await aiofiles.open(self.path, "xb", opener=_private)
        self._packer = Packer() if is_packed_name(self.path) else None
        self._header = header_line()
        return file

    def _packed(self, data: bytes) -> bytes:
        return data if self._packer is None else self._packer.pack(data)

    async def _write_pending(self, file: "AsyncBufferedIOBase") -> None:
        while self._pending or self._header:
            count = min(len(self._pending), _BATCH)
            lines = b"".join(encode(self._pending.popleft()) for _ in range(count))
            # With the first events, so that there is hardly a moment without them.
            await file.write(self._packed(self._header + lines))
            self._header = b""
            await file.flush()
            self.written += count
            if os.fstat(file.fileno()).st_nlink == 0:
                raise FileNotFoundError(errno.ENOENT, "the file has been deleted")

    def _failure(self) -> str:
        if self._continues:
            return f"{self.path}: what you do now is not recorded: {self.error}"
        return f"{self.path}: the scan is not recorded: {self.error}; it goes on without a journal"


@asynccontextmanager
async def recording(recorder: Recorder | None, tell: Emit) -> AsyncIterator[None]:
    """Let a recorder, if there is one, write as long as the context lasts."""
    if recorder is None:
        yield
    else:
        async with recorder.running(tell):
            yield


class RecordedSource:
    """An `EventSource` whose events a recorder takes note of as they happen."""

    def __init__(self, source: EventSource, recorder: Recorder) -> None:
        """Record `source`."""
        self.is_recording = source.is_recording
        self._source = source
        self._recorder = recorder

    def pause(self) -> None:
        """See `EventSource.pause`."""
        self._source.pause()

    def resume(self) -> None:
        """See `EventSource.resume`."""
        self._source.resume()

    async def run(self, emit: Emit) -> None:
        """Run the source."""
        note = self._recorder.note

        def emit_and_note(event: Event) -> None:
            note(event)
            emit(event)

        await self._source.run(emit_and_note)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _existing(path: str, flags: int) -> int:
    return os.open(path, flags & ~os.O_CREAT)


def _has_packing(path: Path) -> bool:
    with path.open("rb") as file:
        return is_packed(file.read(2))


def _is_cut_off(path: Path) -> bool:
    """Whether the last line has no end: something ended the program that wrote it."""
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
