"""Answers much input on all cores, in the order in which it came."""

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, Protocol, TypeVar, cast

_Batch = TypeVar("_Batch")
_Batch_contra = TypeVar("_Batch_contra", contravariant=True)
_Answers = TypeVar("_Answers")
_Answers_co = TypeVar("_Answers_co", covariant=True)


class Answering(Protocol[_Batch_contra, _Answers_co]):
    """Answers batches; it is taken to other processes as it is."""

    def answer(self, batch: _Batch_contra, /) -> _Answers_co:
        """Answer one batch."""
        ...


_answerer: Answering[object, object] | None = None


def answer_on_all_cores(
    answerer: Answering[_Batch, _Answers],
    batches: Iterable[_Batch],
    write: Callable[[_Answers, _Batch], None],
    *,
    jobs: int | None = None,
) -> None:
    """Answer batches in as many processes as there are processors.

    Args:
        answerer: answers a batch; each process has its like.
        batches: read as fast as they are answered, and no faster.
        write: takes the answers to each batch, in order, in a thread of its own.
        jobs: so many processes, instead of one for each processor.

    Raises:
        Exception: what `write` raised; no further batch is read.
    """
    workers = jobs or _cores()
    pool = _pool(answerer, workers) if workers > 1 else None
    if pool is None:
        for lines in batches:
            write(answerer.answer(lines), lines)
        return
    with pool:
        writer = _Writer(answerer, write, 4 * workers)
        writer.start()
        try:
            for lines in batches:
                if not writer.take(lines, _submitted(pool, lines)):
                    break
        finally:
            writer.finish()


def _pool(answerer: Answering[_Batch, _Answers], workers: int) -> ProcessPoolExecutor | None:
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


def _submitted(pool: ProcessPoolExecutor, batch: object) -> Future[object] | None:
    """What will be the answers; None when processes were ended by somebody."""
    try:
        return pool.submit(_answer, batch)
    except BrokenProcessPool:
        return None


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Writer(threading.Thread, Generic[_Batch, _Answers]):
    """Waits for the answers in order, so that reading and answering go on meanwhile."""

    def __init__(
        self,
        answerer: Answering[_Batch, _Answers],
        write: Callable[[_Answers, _Batch], None],
        limit: int,
    ) -> None:
        super().__init__(name="answers", daemon=True)
        self._answerer = answerer
        self._write = write
        self._pending: queue.Queue[tuple[_Batch, Future[object] | None] | None] = queue.Queue(limit)
        self._problem: BaseException | None = None

    def take(self, batch: _Batch, answers: Future[object] | None) -> bool:
        """Have the answers written in their turn; False when nothing can be written any more."""
        self._pending.put((batch, answers))
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

    def _result(self, batch: _Batch, answers: Future[object] | None) -> _Answers:
        if answers is not None:
            with contextlib.suppress(BrokenProcessPool):
                return cast(_Answers, answers.result())
        return self._answerer.answer(batch)


def _begin(answerer: Answering[_Batch, _Answers]) -> None:
    global _answerer  # noqa: PLW0603 - the one thing that a process of the pool is for
    _answerer = cast(Answering[object, object], answerer)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process tells the others to end


def _answer(batch: object) -> object:
    if _answerer is None:
        raise RuntimeError("a process of the pool was not begun")
    return _answerer.answer(batch)
