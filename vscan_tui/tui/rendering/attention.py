"""Which ports want a person's attention: what the keys for the next and previous one look for."""

from collections.abc import Callable
from dataclasses import dataclass

from vscan_tui.events import Mark
from vscan_tui.tui.rendering.port_entry import Entry
from vscan_tui.tui.rendering.standing import Standing


@dataclass(frozen=True, slots=True)
class Attention:
    """One kind of ports to go to."""

    name: str
    """As in "next ..."."""
    meaning: str
    wants: Callable[[Entry], bool]


def _open(entry: Entry, standing: Standing) -> bool:
    return entry.standing is standing and entry.port.mark is not Mark.DONE


def _unknown(entry: Entry) -> bool:
    return _open(entry, Standing.UNKNOWN)


def _soft(entry: Entry) -> bool:
    return _open(entry, Standing.SOFT)


def _to_do(entry: Entry) -> bool:
    return entry.port.mark is Mark.TO_DO


KINDS = (
    Attention("unknown", "unknown ports that are not marked done", _unknown),
    Attention("soft match", "soft matches that are not marked done", _soft),
    Attention("to do", "ports that you marked to do", _to_do),
    Attention(
        "open question", "unknown ports, soft matches, and what is marked to do",
        lambda entry: _unknown(entry) or _soft(entry) or _to_do(entry),
    ),
)  # fmt: skip
"""The kinds, in the order in which they are gone through."""
