"""A terminal for benchmarks: each piece of a program's output with the moment it came.

The program runs at the other end of a pseudo-terminal.  A thread takes its
output as it comes, and does nothing else; what that output made of the screen
is worked out afterwards, so that the measuring does not change what is measured.
"""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pyte

ROOT = Path(__file__).resolve().parents[2]
COLUMNS, ROWS = 120, 36
_POLL = 0.005
_BEFORE_KILL = 1.0
_PICTURE = 0.002
"""Seconds between two pieces of output from which on they are two pictures."""


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


Rows = list[dict[int, pyte.screens.Char]]
"""The cells of some rows of the screen."""


class PseudoTerminal:
    """A program in a terminal of 120x36; it ends when the terminal is closed."""

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        """Start a program."""
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._pieces: list[tuple[float, bytes]] = []
        self._played = 0
        self._ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (ROWS, COLUMNS))
        self.began = time.perf_counter()
        self._program = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **environment},
            preexec_fn=_take_terminal,  # noqa: PLW1509 - no other thread is there yet
        )  # fmt: skip
        os.close(theirs)
        self._is_closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, and see that the program has ended."""
        self._is_closed = True
        self._reader.join()
        for sent in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._program.pid, sent)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._program.wait(_BEFORE_KILL)
                break
        os.close(self._ours)

    def _read(self) -> None:
        while not self._is_closed:
            if select.select([self._ours], [], [], 0.1)[0]:
                try:
                    data = os.read(self._ours, 1 << 20)
                except OSError:  # the program has ended
                    return
                self._pieces.append((time.perf_counter(), data))

    def write(self, keys: bytes) -> float:
        """Press keys; return the moment."""
        self._play_all()
        moment = time.perf_counter()
        os.write(self._ours, keys)
        return moment

    def resize(self, columns: int, rows: int) -> float:
        """Give the terminal another size; return the moment."""
        self._play_all()
        self._screen.resize(rows, columns)
        moment = time.perf_counter()
        termios.tcsetwinsize(self._ours, (rows, columns))
        return moment

    def seconds_until(self, wanted: bytes, limit: float) -> float:
        """Return the seconds from the start until the program had written some text.

        Raises:
            TimeoutError: it did not, within so many seconds.
        """
        return self.moment_of(wanted, limit) - self.began

    def moment_of(self, wanted: bytes, limit: float) -> float:
        """Return the moment at which the program had written some text, from now on.

        Raises:
            TimeoutError: it did not, within so many seconds.
        """
        end = time.perf_counter() + limit
        written = b""
        number = self._played
        while time.perf_counter() < end:
            for moment, data in self._pieces[number:]:
                written = written[-len(wanted) :] + data
                number += 1
                if wanted in written:
                    return moment
            time.sleep(_POLL)
        raise TimeoutError(f"no {wanted!r} within {limit} s; the screen:\n{self.text()}")

    def wait(self, holds: Callable[[str], bool], limit: float) -> None:
        """Wait until what is seen fulfils something.

        Raises:
            TimeoutError: it did not, within so many seconds.
        """
        end = time.perf_counter() + limit
        while not holds(self.text()):
            if time.perf_counter() > end:
                raise TimeoutError(f"not within {limit} s; the screen:\n{self.text()}")
            time.sleep(0.05)

    def text(self) -> str:
        """Return all that is seen now."""
        self._play_all()
        return "\n".join(self._screen.display)

    def answer(self, region: range, since: float, limit: float) -> float | None:
        """Return the seconds after a moment in which the next picture was there.

        What comes in several pieces at once is one picture.

        Args:
            region: the rows that must have changed.
            since: when a key was pressed, say.
            limit: seconds to wait; None is returned if nothing changed meanwhile.
        """
        time.sleep(max(0.0, since + limit - time.perf_counter()))
        found = None
        last = since
        before = self._rows(region)
        for moment in self._play():
            if found is not None and moment - last > _PICTURE:
                break
            after = self._rows(region)
            if after != before:
                found = moment - since
            before, last = after, moment
        self._play_all()
        return found

    def _rows(self, region: range) -> Rows:
        return [dict(self._screen.buffer[row]) for row in region]

    def _play(self) -> Iterator[float]:
        """Put the output that has come on the screen, piece by piece."""
        while self._played < len(self._pieces):
            moment, data = self._pieces[self._played]
            self._pieces[self._played] = moment, b""
            self._played += 1
            self._stream.feed(data)
            yield moment

    def _play_all(self) -> None:
        for _ in self._play():
            pass
