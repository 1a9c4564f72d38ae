"""SunRPC: which program listens on a port, in which versions.

Each known program number is called with a version that cannot exist; the
answer "program version mismatch" carries the versions that do.  A portmapper
is asked for its list, too, which names the programs of the host's other ports
without a question to them.
Sources: RFC 5531; nmap-behaviour.md, "SunRPC".
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from vscan_tui.bundled import bundled
from vscan_tui.events import MATCH_CONFIDENCE, Fields, Method, Service
from vscan_tui.installed_nmap import nmap_file
from vscan_tui.scanning.postprocessing import portmapper
from vscan_tui.scanning.postprocessing.protocol import Known, Question, Talk

RPC_SERVICES = frozenset({"rpcbind", "rpc"})
IMPOSSIBLE_VERSION = 0x7FFF_FF00
TCP_BATCH = 400
UDP_BATCH = 40
_FIRST_XID = 0x7653_0000
_CALL = struct.Struct(">10I")
_REPLY = struct.Struct(">6I")
_VERSIONS = struct.Struct(">2I")
_RECORD = struct.Struct(">I")
_LAST_FRAGMENT = 0x8000_0000
_MSG_REPLY, _MSG_ACCEPTED = 1, 0
_SUCCESS, _PROGRAM_MISMATCH = 0, 2
_MAX_LIST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An accepted reply to a call."""

    xid: int
    status: int
    """`accept_stat` of RFC 5531, section 9."""
    versions: tuple[int, int] | None = None
    """Lowest and highest version served, if the version was wrong."""


def call(
    xid: int,
    program: int,
    *,
    is_stream: bool,
    version: int = IMPOSSIBLE_VERSION,
    procedure: int = 0,
) -> bytes:
    """A call without arguments; by default of procedure 0, in a version that cannot exist."""
    message = _CALL.pack(xid, 0, 2, program, version, procedure, 0, 0, 0, 0)
    return _RECORD.pack(_LAST_FRAGMENT | len(message)) + message if is_stream else message


def replies(data: bytes, *, is_stream: bool) -> Iterator[Reply]:
    """Read replies until something is no whole, accepted reply.

    Datagrams may stand one after the other: the length of a reply follows from it.
    """
    offset = 0
    while True:
        end = len(data)
        if is_stream:
            if offset + _RECORD.size > len(data):
                return
            (mark,) = _RECORD.unpack_from(data, offset)
            offset += _RECORD.size
            end = offset + (mark & ~_LAST_FRAGMENT)
        if offset + _REPLY.size > min(end, len(data)):
            return
        xid, kind, accepted, _, verifier_length, status = _REPLY.unpack_from(data, offset)
        if kind != _MSG_REPLY or accepted != _MSG_ACCEPTED or verifier_length:
            return
        offset += _REPLY.size
        versions = None
        if status == _PROGRAM_MISMATCH:
            if offset + _VERSIONS.size > min(end, len(data)):
                return
            versions = _VERSIONS.unpack_from(data, offset)
            offset += _VERSIONS.size
        yield Reply(xid, status, versions)
        if is_stream:
            offset = end


class RpcGrinder:
    """Finds out the program behind a port that speaks SunRPC: a `PostProcessor`."""

    name = "RPC grinder"

    def __init__(self) -> None:
        """Know of no portmapper yet."""
        self._port_maps = portmapper.PortMaps()

    def talk(self, known: Known) -> Talk | None:
        """See `PostProcessor.talk`."""
        service, programs = known.service, rpc_programs()
        is_named = service.method is Method.PROBED
        if is_named and service.name not in RPC_SERVICES:
            return None
        if registered := self._port_maps.registered(known.endpoint):
            ranks = {program: rank for rank, program in enumerate(programs)}
            first = min(registered, key=lambda each: ranks.get(each.program, len(ranks)))
            return _told(_service(service, first.program, programs, first.versions))
        return self._ask(known, programs) if is_named else None

    def _ask(self, known: Known, programs: Mapping[int, str]) -> Talk:
        service = yield from _grind(known, programs)
        address, is_stream = known.endpoint.address, known.endpoint.protocol == "tcp"
        is_portmapper = service is not None and service.fields.info == _info(portmapper.PROGRAM)
        if is_portmapper and address not in self._port_maps:
            answer = yield Question(
                name="RPC portmapper list",
                payloads=(
                    call(
                        _FIRST_XID,
                        portmapper.PROGRAM,
                        version=portmapper.VERSION,
                        procedure=portmapper.DUMP,
                        is_stream=is_stream,
                    ),
                ),
                reason="it knows the programs of the host's other ports",
                wait_ms=2_000,
                is_complete=partial(portmapper.is_whole, is_stream=is_stream),
                fresh=True,  # on the old one, answers to the other calls still come
            )
            self._port_maps.learn(address, portmapper.mappings(answer, is_stream=is_stream))
        return service


def _told(service: Service) -> Talk:
    """Ask nothing."""
    yield from ()
    return service


def _grind(known: Known, programs: Mapping[int, str]) -> Talk:
    is_stream = known.endpoint.protocol == "tcp"
    size = TCP_BATCH if is_stream else UDP_BATCH
    numbers = list(programs)
    for start in range(0, len(numbers), size):
        batch = numbers[start : start + size]
        calls = tuple(
            call(_FIRST_XID + index, program, is_stream=is_stream)
            for index, program in enumerate(batch)
        )
        answer = yield Question(
            name="RPC program numbers",
            payloads=(b"".join(calls),) if is_stream else calls,
            reason=f"which of {len(batch)} programs answers with its versions",
            wait_ms=2_000,
            is_complete=partial(_is_answered, wanted=len(batch), is_stream=is_stream),
        )
        for reply in replies(answer, is_stream=is_stream):
            index = reply.xid - _FIRST_XID
            if 0 <= index < len(batch) and reply.status in {_SUCCESS, _PROGRAM_MISMATCH}:
                return _service(known.service, batch[index], programs, reply.versions)
        if not answer:
            break
    fields = Fields(info="RPC program that is not in the list of known ones")
    return Service(
        known.service.name, fields, known.service.tunnel, Method.PROBED, MATCH_CONFIDENCE
    )


def _is_answered(data: bytes, *, wanted: int, is_stream: bool) -> bool:
    count = 0
    for reply in replies(data, is_stream=is_stream):
        if reply.status in {_SUCCESS, _PROGRAM_MISMATCH}:
            return True
        count += 1
    return count >= wanted


def _service(
    service: Service, program: int, names: Mapping[int, str], versions: tuple[int, int] | None
) -> Service:
    version = ""
    if versions is not None:
        low, high = versions
        version = str(low) if low == high else f"{low}-{high}"
    fields = Fields(version=version, info=_info(program))
    return Service(
        names.get(program, "rpc"), fields, service.tunnel, Method.PROBED, MATCH_CONFIDENCE
    )


def _info(program: int) -> str:
    return f"RPC #{program}"


@cache
def rpc_programs() -> Mapping[int, str]:
    """Program numbers and their names, the likeliest first.

    The bundled list says which are tried first; more come from the user's
    Nmap copy where one is installed, and from the system's `/etc/rpc`.
    """
    own = dict(_parse_programs(_read(bundled("rpc") / "programs.tsv")))
    installed = nmap_file("nmap-rpc")
    others = [installed] if installed else []
    for path in (*others, Path("/etc/rpc")):
        for number, name in _parse_programs(_read(path)):
            own.setdefault(number, name)
    return own


def _parse_programs(text: str) -> Iterator[tuple[int, str]]:
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) >= 2 and words[1].isascii() and words[1].isdigit():
            number = int(words[1][:10])
            if number < 1 << 32:
                yield number, words[0]


def _read(path: Path) -> str:
    try:
        with path.open(encoding="latin-1") as stream:
            return stream.read(_MAX_LIST_BYTES)
    except OSError:
        return ""
