"""Hides addresses and host names on the screen, so that a picture of it can be shown around.

What is hidden keeps its width and its punctuation, so nothing on the screen moves.
"""

import ipaddress
import re
from collections.abc import Iterable
from itertools import islice

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from vscan_tui.session.store import Store

_LETTER = r"[^\W⁰¹²³⁴⁵⁶⁷⁸⁹]"
"""Of a word; the number of a group may stand right before or behind one."""
_ADDRESS = (
    rf"(?<!{_LETTER})(?<!\.)(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?!(?:{_LETTER}|\.)*{_LETTER})"
    rf"|(?<!{_LETTER})(?<!:)(?=[0-9A-Fa-f]*:[0-9A-Fa-f]*:)[0-9A-Fa-f:]{{2,39}}(?!{_LETTER}|:)"
)
"""IPv4, and what may be IPv6; hardware addresses are hidden too."""
_CUT_OFF = rf"(?P<cut>(?:{_LETTER}|[.:-]){{2,}}(?=…))"
"""What may be the beginning of a name for which there was no room."""
_MAX_HOSTS = 4096
_MAX_PORTS = 10_000
"""More names than these are not collected; addresses are known by their look."""
_HARDWARE = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_HIDDEN = re.compile(r"[^\W_]")


def secrets(store: Store) -> frozenset[str]:
    """Collect the addresses and names of hosts, of certificates and of answers; lower case."""
    names: set[str] = set()
    for host in islice(store.hosts.values(), _MAX_HOSTS):
        names.update((host.address, host.name, host.reverse_name, *host.other_addresses))
    for port in islice(store.ports.values(), _MAX_PORTS):
        service = port.service
        if service is not None:
            names.add(service.fields.hostname)
            names.update(service.tls.names if service.tls is not None else ())
    return frozenset(name.lower() for name in names if len(name) > 1)


class Mask(LineFilter):
    """A filter of everything that is drawn."""

    def __init__(self, names: Iterable[str]) -> None:
        """Hide these names, and everything that looks like an address.

        Args:
            names: of hosts, and their addresses; case does not matter.
        """
        super().__init__()
        self.names = frozenset(name.lower() for name in names)
        longest_first = sorted(self.names, key=lambda name: (-len(name), name))
        parts = [rf"(?<!{_LETTER}){re.escape(name)}(?!{_LETTER})" for name in longest_first]
        self._secret = re.compile("|".join([*parts, _ADDRESS, _CUT_OFF]), re.IGNORECASE)

    def hide(self, text: str) -> str:
        """Return a text of the same length in which nothing secret can be read."""
        return self._secret.sub(self._hidden, text)

    def hide_bytes(self, data: bytes) -> bytes:
        """Return bytes of the same length in which nothing secret can be read."""
        return self.hide(data.decode("latin-1")).encode("latin-1")

    def _hidden(self, found: re.Match[str]) -> str:
        text = found[0]
        if found["cut"]:
            is_begun = any(name.startswith(text.lower()) for name in self.names)
            return _HIDDEN.sub("x", text) if is_begun else text
        if ":" in text and text.lower() not in self.names and not _is_address(text):
            return text  # such as a time of day
        return _HIDDEN.sub("x", text)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Hide what is secret in a line, wherever its segments begin and end."""
        text = "".join(segment.text for segment in segments if not segment.control)
        hidden = self.hide(text)
        if hidden == text:
            return segments
        masked = []
        start = 0
        for segment in segments:
            if segment.control:
                masked.append(segment)
                continue
            end = start + len(segment.text)
            masked.append(Segment(hidden[start:end], segment.style))
            start = end
        return masked


def _is_address(text: str) -> bool:
    if _HARDWARE.fullmatch(text):
        return True
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
