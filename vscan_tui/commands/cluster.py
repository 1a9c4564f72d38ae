"""The workers of a dask scheduler: found, checked, and given batches to answer.

Imported only where `--engine dask` is asked for, because distributed is an extra.
The workers need vscan in the same version; what else they need is sent to them.
"""

import logging
import pickle
import threading
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import TypeVar, cast

from distributed import Client, Future, Worker, WorkerPlugin, get_worker
from distributed.scheduler import KilledWorker

from vscan_tui import __version__
from vscan_tui.commands.match_workers import Answering

CONNECT_SECONDS = 10
IN_FLIGHT = 2
"""So many batches are under way for each thread of the workers."""
_LOOK_SECONDS = 2.0
"""So often it is looked whether there are workers at all, while an answer is awaited."""
_LOOKS_WITHOUT_WORKERS = 10
_LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application")

_Batch = TypeVar("_Batch")
_Answers = TypeVar("_Answers")


class ClusterError(Exception):
    """The workers cannot do it; the message is a sentence that says why."""


def silence() -> None:
    """Keep the library from writing to the terminal: what happens is told in sentences."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def version() -> str:
    """Asked of each worker."""
    return __version__


def checked(address: str, versions: Mapping[str, object]) -> list[str]:
    """The addresses of the workers, given what each said when asked for its version.

    Raises:
        ClusterError: there is none, or one that is not of this version.
    """
    if not versions:
        raise ClusterError(f"the dask scheduler at {address} has no workers; start some")
    for worker, told in sorted(versions.items()):
        if isinstance(told, BaseException):
            raise ClusterError(
                f"the worker {worker} cannot run vscan; install vscan {__version__} there "
                f"({type(told).__name__}: {told})"
            )
        if told != __version__:
            raise ClusterError(
                f"the worker {worker} has vscan {told}, and this is {__version__}; "
                "install the same version everywhere"
            )
    return sorted(versions)


def unreachable(address: str) -> ClusterError:
    """What is said when a scheduler does not answer."""
    return ClusterError(
        f"no dask scheduler answers at {address}; is it running, and of dask's version here?"
    )


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """A connection to a scheduler whose workers are of this version; raises ClusterError."""
    silence()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # large batches are meant; versions are compared here
        try:
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="vscan")
        except (OSError, TimeoutError, ValueError) as error:
            raise unreachable(address) from error
        try:
            checked(address, client.run(version, on_error="return"))
            yield client
        except (OSError, CancelledError) as error:
            raise ClusterError(f"the connection to the dask scheduler at {address} broke") from (
                error
            )
        finally:
            with suppress(OSError, TimeoutError, CancelledError):
                client.close(timeout=1)


class _Answerers(WorkerPlugin):
    """Brings what answers to each worker, also to those that come later: content, not a path."""

    def __init__(self, answerer: Answering[object, object]) -> None:
        self._packed = pickle.dumps(answerer)

    def setup(self, worker: Worker) -> None:  # noqa: ARG002 - as the library calls it
        self._own = threading.local()

    def answer(self, batch: object) -> object:
        """Answer a batch; each thread of the worker has an answerer of its own."""
        answerer = getattr(self._own, "answerer", None)
        if answerer is None:
            answerer = self._own.answerer = pickle.loads(self._packed)  # noqa: S301 - our own
        return cast(Answering[object, object], answerer).answer(batch)


def _answer(plugin: str, batch: object) -> object:
    return cast(_Answerers, get_worker().plugins[plugin]).answer(batch)


def answer_on_cluster(
    address: str,
    answerer: Answering[_Batch, _Answers],
    batches: Iterable[_Batch],
    write: Callable[[_Answers, _Batch], None],
    killed: Callable[[_Batch], _Answers],
) -> None:
    """Answer batches on the workers of a scheduler.

    A batch whose worker dies is answered by another one.

    Args:
        address: of the scheduler.
        answerer: answers a batch; each worker gets its like.
        batches: read as fast as they are answered, and no faster.
        write: takes the answers to each batch, in order.
        killed: stands for the answers to a batch that several workers died over.

    Raises:
        ClusterError: there is no scheduler, or no worker, or not any more.
    """
    plugin = f"vscan-{uuid.uuid4().hex}"
    with connected(address) as client:
        client.register_plugin(_Answerers(cast(Answering[object, object], answerer)), name=plugin)
        pending: deque[tuple[Future[object], _Batch]] = deque()
        most = IN_FLIGHT * max(1, sum(client.nthreads().values()))

        def write_next() -> None:
            future, batch = pending[0]
            try:
                answers = cast(_Answers, _result(client, future))
            except KilledWorker:
                answers = killed(batch)
            pending.popleft()
            write(answers, batch)

        try:
            for batch in batches:
                pending.append((client.submit(_answer, plugin, batch, pure=False), batch))
                while len(pending) >= most:
                    write_next()
            while pending:
                write_next()
        finally:
            with suppress(OSError, TimeoutError, CancelledError):
                client.cancel([future for future, _ in pending])
                client.unregister_worker_plugin(plugin)


def _result(client: Client, future: "Future[object]") -> object:
    without_workers = 0
    while True:
        try:
            return future.result(timeout=_LOOK_SECONDS)
        except TimeoutError:
            without_workers = 0 if client.scheduler_info()["workers"] else without_workers + 1
            if without_workers >= _LOOKS_WITHOUT_WORKERS:
                raise ClusterError("the dask scheduler has no worker left") from None
