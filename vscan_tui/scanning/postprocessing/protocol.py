"""One question more: small pieces that refine a service once it is known.

A post-processor is any object with the shape of `PostProcessor`.  It opens no
socket: it yields questions, is sent the answers, and returns what it learnt.
Others can be added through the entry point group `vscan_tui.postprocessors`,
each entry naming a callable without arguments that returns one.
"""

from collections.abc import Callable, Generator, Iterable
from importlib.metadata import entry_points
from typing import Protocol

import msgspec

from vscan_tui.events import Endpoint, Service, TlsDetails

ENTRY_POINT_GROUP = "vscan_tui.postprocessors"
MAX_QUESTIONS = 200
"""A post-processor that asks more than this of one port is stopped."""
MAX_ANSWER_BYTES = 256 * 1024


class Known(msgspec.Struct, frozen=True):
    """What is known of a port when it is asked more."""

    endpoint: Endpoint
    service: Service
    tls: TlsDetails | None
    """What the last TLS handshake told; None outside a tunnel."""


def _never(_: bytes) -> bool:
    return False


class Question(msgspec.Struct, frozen=True):
    """What to send; the answer is all that comes back, in one piece."""

    name: str
    """Stands where the probe's name stands in the exchanges."""
    payloads: tuple[bytes, ...]
    """Sent one after the other; for UDP, a datagram each."""
    reason: str
    wait_ms: int = 5_000
    is_complete: Callable[[bytes], bool] = _never
    """Whether the answer so far is whole, so that no more is waited for."""
    tunnel: bool | None = None
    """Whether to speak inside TLS; None: as the service does."""
    fresh: bool = False
    """On a connection of its own, not on that of the question before."""


Talk = Generator[Question, bytes, Service | None]
"""Yields questions, is sent answers (empty for none), returns the refined service or None."""


class PostProcessor(Protocol):
    """Refines a service."""

    name: str

    def talk(self, known: Known) -> Talk | None:
        """Begin to ask a port, or return None if there is nothing to ask it."""
        ...


class LoadedPostProcessors(msgspec.Struct, frozen=True):
    """The post-processors in use, and what kept others from being loaded."""

    postprocessors: tuple[PostProcessor, ...] = ()
    problems: tuple[str, ...] = ()


def load_postprocessors(built_in: Iterable[PostProcessor]) -> LoadedPostProcessors:
    """The built-in post-processors and those of installed packages; never raises."""
    found = list(built_in)
    problems = []
    for entry_point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            found.append(entry_point.load()())
        except Exception as error:  # noqa: BLE001 - other people's code must not end ours
            problems.append(f"post-processor {entry_point.name} cannot be loaded: {error!r}")
    return LoadedPostProcessors(tuple(found), tuple(problems))
