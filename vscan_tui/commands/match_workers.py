"""Answers much input on all cores, in the order in which it came."""

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from vscan_tui.commands.match_lines import Answerer, Answers

Lines = Sequence[bytes]
Write = Callable[[Answers, Lines], None]
_Pending = tuple[Lines, Future[Answers] | None]

_answerer: Answerer | None = None


def answer_on_all_cores(answerer: Answerer, batches: Iterable[Lines], write: Write) -> None:
    """Answer batches in as many processes as there are processors.

    Args:
        answerer: answers a batch; each process has its like.
        batches: read as fast as they are answered, and no faster.
        write: takes the answers to each batch, in order, in a thread of its own.

    Raises:
        Exception: what `write` raised; no further batch is read.
    """
    workers = _cores()
    pool = _pool(answerer, workers) if workers > 1 else None
    if pool is None:
        for lines in batches:
            write(answerer.answer(lines), lines)
        return
    with pool:
        writer = _Writer(answerer, write, limit=4 * workers)
        writer.start()
        try:
            for lines in batches:
                if not writer.take(lines, _submitted(pool, lines)):
                    break
        finally:
            writer.finish()


def _pool(answerer: Answerer, workers: int) -> ProcessPoolExecutor | None:
    """Processes that are there already; None where there can be none."""
    # Where a process can be split, the others begin with all regexes that this one has compiled.
    method = "fork" if sys.platform == "linux" else "spawn"
    try:
        pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context(method),
            initializer=_begin,
            initargs=(answerer,),
        )
        pool.submit(os.getpid).result()  # splits them off before there is a second thread
    except (OSError, ImportError, BrokenProcessPool):
        return None
    return pool


def _submitted(pool: ProcessPoolExecutor, lines: Lines) -> Future[Answers] | None:
    """What will be the answers; None when processes were ended by somebody."""
    try:
        return pool.submit(_answer, lines)
    except BrokenProcessPool:
        return None


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Writer(threading.Thread):
    """Waits for the answers in order, so that reading and answering go on meanwhile."""

    def __init__(self, answerer: Answerer, write: Write, limit: int) -> None:
        super().__init__(name="answers", daemon=True)
        self._answerer = answerer
        self._write = write
        self._pending: queue.Queue[_Pending | None] = queue.Queue(limit)
        self._problem: BaseException | None = None

    def take(self, lines: Lines, answers: Future[Answers] | None) -> bool:
        """Have the answers written in their turn; False when nothing can be written any more."""
        self._pending.put((lines, answers))
        return self._problem is None

    def finish(self) -> None:
        """Wait until all is written."""
        self._pending.put(None)
        self.join()
        if self._problem is not None:
            raise self._problem

    def run(self) -> None:
        while (pending := self._pending.get()) is not None:
            if self._problem is not None:
                continue  # taken only so that the reader is not held up
            try:
                self._write(self._result(*pending), pending[0])
            except BaseException as problem:  # noqa: BLE001 - raised again where it is waited for
                self._problem = problem

    def _result(self, lines: Lines, answers: Future[Answers] | None) -> Answers:
        if answers is not None:
            with contextlib.suppress(BrokenProcessPool):
                return answers.result()
        return self._answerer.answer(lines)


def _begin(answerer: Answerer) -> None:
    global _answerer  # noqa: PLW0603 - the one thing that a process of the pool is for
    _answerer = answerer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process tells the others to end


def _answer(lines: Lines) -> Answers:
    if _answerer is None:
        raise RuntimeError("a process of the pool was not begun")
    return _answerer.answer(lines)
