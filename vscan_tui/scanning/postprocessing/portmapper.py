"""The portmapper's list: which RPC program has which port of a host.

Source: RFC 1833, section 3 (program 100000, version 2, procedure 4).
"""

import struct
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vscan_tui.events import Endpoint, Protocol

PROGRAM = 100_000
VERSION = 2
DUMP = 4
_ACCEPTED_REPLY = struct.Struct(">6I")
_MAPPING = struct.Struct(">5I")
_RECORD = struct.Struct(">I")
_LAST_FRAGMENT = 0x8000_0000
_PROTOCOLS: dict[int, Protocol] = {6: "tcp", 17: "udp"}
_MOST_HOSTS = 4_096


@dataclass(frozen=True, slots=True)
class Mapping:
    """One line of the list."""

    program: int
    version: int
    protocol: Protocol
    port: int


@dataclass(frozen=True, slots=True)
class Registered:
    """A program with a port of its own, in its lowest and highest version there."""

    program: int
    versions: tuple[int, int]


class PortMaps:
    """What the portmappers of hosts told, the latest few thousand of them."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._hosts: OrderedDict[str, dict[tuple[Protocol, int], dict[int, set[int]]]]
        self._hosts = OrderedDict()

    def __contains__(self, address: str) -> bool:
        return address in self._hosts

    def learn(self, address: str, mappings: Iterable[Mapping]) -> None:
        """Take the list of a host."""
        ports: dict[tuple[Protocol, int], dict[int, set[int]]] = {}
        for each in mappings:
            programs = ports.setdefault((each.protocol, each.port), {})
            programs.setdefault(each.program, set()).add(each.version)
        self._hosts[address] = ports
        if len(self._hosts) > _MOST_HOSTS:
            self._hosts.popitem(last=False)

    def registered(self, endpoint: Endpoint) -> list[Registered]:
        """The programs of a port, as its host's portmapper told them."""
        programs = self._hosts.get(endpoint.address, {}).get((endpoint.protocol, endpoint.port), {})
        return [
            Registered(program, (min(versions), max(versions)))
            for program, versions in programs.items()
        ]


def mappings(answer: bytes, *, is_stream: bool) -> Iterator[Mapping]:
    """Read the list until something is no part of it."""
    message = b"".join(_fragments(answer)) if is_stream else answer
    if len(message) < _ACCEPTED_REPLY.size:
        return
    _, kind, accepted, _, verifier_length, status = _ACCEPTED_REPLY.unpack_from(message)
    if (kind, accepted, verifier_length, status) != (1, 0, 0, 0):
        return
    for offset in range(_ACCEPTED_REPLY.size, len(message) - _MAPPING.size + 1, _MAPPING.size):
        follows, program, version, number, port = _MAPPING.unpack_from(message, offset)
        if follows != 1:
            return
        protocol = _PROTOCOLS.get(number)
        if protocol is not None and 0 < port <= 0xFFFF:
            yield Mapping(program, version, protocol, port)


def is_whole(answer: bytes, *, is_stream: bool) -> bool:
    """Whether nothing of the answer is missing; a datagram is one answer."""
    if not is_stream:
        return bool(answer)
    offset = 0
    while offset + _RECORD.size <= len(answer):
        mark: int = _RECORD.unpack_from(answer, offset)[0]
        offset += _RECORD.size + (mark & ~_LAST_FRAGMENT)
        if mark & _LAST_FRAGMENT:
            return offset <= len(answer)
    return False


def _fragments(data: bytes) -> Iterator[bytes]:
    """The fragments of the first record (RFC 5531, section 11); the last may be cut off."""
    offset = 0
    while offset + _RECORD.size <= len(data):
        (mark,) = _RECORD.unpack_from(data, offset)
        offset += _RECORD.size
        length = mark & ~_LAST_FRAGMENT
        yield data[offset : offset + length]
        offset += length
        if mark & _LAST_FRAGMENT:
            return
