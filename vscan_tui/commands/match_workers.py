"""Answers much input on all cores, in the order in which it came."""

import contextlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, Protocol, TypeVar, cast

_READ_AHEAD = 16
"""So many batches for each process are read before one is answered."""
_AHEAD = 4
"""So many times answers may come before those of what was read earlier."""

_Batch = TypeVar("_Batch")
_Batch_contra = TypeVar("_Batch_contra", contravariant=True)
_Answers = TypeVar("_Answers")
_Answers_co = TypeVar("_Answers_co", covariant=True)


class Answering(Protocol[_Batch_contra, _Answers_co]):
    """Answers batches; it is taken to other processes as it is."""

    def answer(self, batch: _Batch_contra, /) -> _Answers_co:
        """Answer one batch."""
        ...


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
        write: takes the answers to each batch, in order, in other threads, one at a time.
        jobs: so many processes, instead of one for each processor.

    Raises:
        Exception: what `write` raised; no further batch is read.
    """
    workers = jobs or _cores()
    processes = _processes(answerer, workers) if workers > 1 else []
    if not processes:
        for batch in batches:
            write(answerer.answer(batch), batch)
        return
    crew = _Crew(answerer, write, [connection for _, connection in processes])
    try:
        for batch in batches:
            if not crew.take(batch):
                break
    finally:
        crew.finish()
        for process, connection in processes:
            connection.close()  # which ends it
            process.join()


def _cores() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processes(
    answerer: Answering[_Batch, _Answers], workers: int
) -> list[tuple[BaseProcess, Connection]]:
    """Start processes, before there is a second thread; as many as there can be."""
    # Where a process can be split, the others begin with all regexes that this one has compiled.
    splits = sys.platform == "linux"
    context = (
        multiprocessing.get_context("fork") if splits else multiprocessing.get_context("spawn")
    )
    started: list[tuple[BaseProcess, Connection]] = []
    with contextlib.suppress(OSError, ImportError):
        for _ in range(workers):
            ours, theirs = context.Pipe()
            inherited = [*(connection for _, connection in started), ours] if splits else []
            process = context.Process(
                target=_serve, args=(theirs, inherited, answerer), daemon=True
            )
            process.start()
            theirs.close()
            started.append((process, ours))
    return started


def _serve(
    connection: Connection,
    inherited: Sequence[Connection],
    answerer: Answering[_Batch, _Answers],
) -> None:
    """Answer what the first process sends, until it closes the connection."""
    for other in inherited:  # else they are not closed when the first process closes them
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process tells the others to end
    with contextlib.suppress(EOFError, OSError):
        while True:
            connection.send([answerer.answer(batch) for batch in connection.recv()])


class _Crew(Generic[_Batch, _Answers]):
    """A thread for each process: hands it what is next, and writes its answers in their turn."""

    def __init__(
        self,
        answerer: Answering[_Batch, _Answers],
        write: Callable[[_Answers, _Batch], None],
        connections: Sequence[Connection],
    ) -> None:
        self._answerer = answerer
        self._write = write
        self._waiting: queue.Queue[_Batch | None] = queue.Queue(_READ_AHEAD * len(connections))
        self._taking = threading.Lock()
        self._taken = 0
        self._is_over = False
        self._alone = threading.Lock()
        self._turn = threading.Condition()
        self._done: dict[int, tuple[list[_Batch], list[_Answers]]] = {}
        self._written = 0
        self._problem: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._work, args=(connection,), name="answers", daemon=True)
            for connection in connections
        ]
        for thread in self._threads:
            thread.start()

    def take(self, batch: _Batch) -> bool:
        """Have a batch answered; False when nothing can be written any more."""
        self._waiting.put(batch)
        return self._problem is None

    def finish(self) -> None:
        """Wait until all is written."""
        self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        if self._problem is not None:
            raise self._problem

    def _work(self, connection: Connection) -> None:
        while taken := self._next():
            number, batches = taken
            if self._problem is not None:
                continue  # taken only so that the reader is not held up
            try:
                self._put(number, batches, self._answers(connection, batches))
            except BaseException as problem:  # noqa: BLE001 - raised again where it is waited for
                self._problem = problem
                with self._turn:
                    self._turn.notify_all()

    def _next(self) -> tuple[int, list[_Batch]] | None:
        """What is there already, this thread's share of it; at least one batch, waited for."""
        with self._taking:
            batches: list[_Batch] = []
            share = 1
            while not self._is_over and len(batches) < share:
                batch = self._waiting.get()
                if batch is None:
                    self._is_over = True
                    break
                batches.append(batch)
                share = max(share, self._waiting.qsize() // len(self._threads))
            self._taken += bool(batches)
            return (self._taken - 1, batches) if batches else None

    def _answers(self, connection: Connection, batches: list[_Batch]) -> list[_Answers]:
        with contextlib.suppress(OSError, EOFError):  # somebody ended the process
            connection.send(batches)
            return cast(list[_Answers], connection.recv())
        with self._alone:
            return [self._answerer.answer(batch) for batch in batches]

    def _put(self, number: int, batches: list[_Batch], answers: list[_Answers]) -> None:
        """Write all of which the turn has come; wait where these are too far ahead of it."""
        with self._turn:
            self._done[number] = batches, answers
            while self._written in self._done and self._problem is None:
                for batch, answer in zip(*self._done.pop(self._written), strict=True):
                    self._write(answer, batch)
                self._written += 1
            self._turn.notify_all()
            self._turn.wait_for(
                lambda: number - self._written < _AHEAD or self._problem is not None
            )
