"""Cases, a line of JSON each, to their answers: what `vscan match --jsonl` does with its input."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from vscan_tui.commands.match_wording import one_line
from vscan_tui.events import Fields, Match, Protocol
from vscan_tui.matching.matcher import Fired, Matcher, overrun_notice
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.model import Rule

MAX_LINE_BYTES = 16 * 1024 * 1024
READ_BYTES = 256 * 1024


class _Case(msgspec.Struct):
    """A line of input; other keys are passed over."""

    response: bytes
    probe: str
    id: str | int | float | None = None
    proto: Protocol = "tcp"


class _Matched(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    service: str
    soft: bool
    line: int
    rule_probe: str
    product: str = ""
    version: str = ""
    info: str = ""
    hostname: str = ""
    ostype: str = ""
    devicetype: str = ""
    cpe_a: str = ""
    cpe_h: str = ""
    cpe_o: str = ""
    cpe: tuple[str, ...]


class _Answer(msgspec.Struct, omit_defaults=True):
    id: object
    match: _Matched | None
    nearest: list[dict[str, object]] | msgspec.UnsetType = msgspec.UNSET


class _Fault(msgspec.Struct):
    id: object
    error: str


_CASES = msgspec.json.Decoder(_Case)
_ENCODER = msgspec.json.Encoder()
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers to some lines."""

    text: str
    """A line of JSON for each line that was not empty."""
    lines: int
    """Of how many lines these are the answers."""
    faults: tuple[tuple[int, str], ...]
    """Lines that are no case: how many are before it, and what is wrong."""
    notices: tuple[str, ...] = ()
    """What else a user should know."""


class Answerer:
    """Answers cases."""

    def __init__(self, databases: ProbeDatabases, explained: int) -> None:
        """Answer with these databases, and with so many of the nearest rules."""
        self._databases = databases
        self._explained = explained
        self._overrun: list[Rule] = []
        self._matcher = Matcher(databases, self._overrun.append)
        self._probes: dict[tuple[str, Protocol], CombinedProbe | None] = {}

    def __reduce__(self) -> tuple[type["Answerer"], tuple[ProbeDatabases, int]]:
        """What another process makes it of; regexes are compiled there again."""
        return Answerer, (self._databases, self._explained)

    def answer(self, batch: bytes) -> Answers:
        """Answer some whole lines, in their order."""
        lines = batch.removesuffix(b"\n").split(b"\n")
        answers: list[_Answer | _Fault] = []
        faults: list[tuple[int, str]] = []
        for number, line in enumerate(lines):
            answer = self._answer(line)
            if answer is None:
                continue
            answers.append(answer)
            if isinstance(answer, _Fault):
                faults.append((number, answer.error))
        notices = tuple(overrun_notice(rule) for rule in self._overrun)
        self._overrun.clear()
        return Answers(_json_lines(answers), len(lines), tuple(faults), notices)

    def _answer(self, line: bytes) -> _Answer | _Fault | None:
        try:
            case = _CASES.decode(line)
        except _UNREADABLE as error:
            return _fault(_id_of(line), f"not a case: {error}") if line.strip() else None
        if len(line) > MAX_LINE_BYTES:
            return _fault(case.id, f"longer than {MAX_LINE_BYTES >> 20} MiB")
        probe = self._probe(case.probe, case.proto)
        if probe is None:
            return _fault(case.id, f"no {case.proto} probe is named {one_line(case.probe)!r}")
        fired = self._matcher.fired(probe, case.response)
        answer = _Answer(case.id, None if fired is None else _fired(fired))
        if self._explained:
            from vscan_tui.commands.match_explanation import nearest  # noqa: PLC0415 - start time

            answer.nearest = nearest(self._databases, probe, case.response, self._explained)
        return answer

    def _probe(self, name: str, protocol: Protocol) -> CombinedProbe | None:
        key = name, protocol
        if key not in self._probes:
            probe = self._databases.find(name, protocol)
            if probe is None:
                return None  # not remembered: anybody can make up names
            self._probes[key] = probe
        return self._probes[key]


def _fault(case_id: object, message: str) -> _Fault:
    return _Fault(case_id, one_line(message, limit=300))


def _id_of(line: bytes) -> object:
    """The id of a line that is otherwise unreadable, if it has one."""
    try:
        found = msgspec.json.decode(line)
    except _UNREADABLE:
        return None
    case_id = found.get("id") if isinstance(found, dict) else None
    return case_id if isinstance(case_id, (str, int, float)) else None


def match_answer(match: Match | None) -> dict[str, object] | None:
    """What programs are told of a rule that fired; None if none did."""
    if match is None:
        return None
    told = _matched(match.service, match.probe, match.fields, line=match.line, soft=match.soft)
    answer: dict[str, object] = msgspec.to_builtins(told)
    return answer


def _fired(fired: Fired) -> _Matched:
    rule = fired.rule
    return _matched(rule.service, fired.probe.name, fired.fields(), line=rule.line, soft=rule.soft)


def _matched(service: str, probe: str, fields: Fields, *, line: int, soft: bool) -> _Matched:
    cpe_a = cpe_h = cpe_o = ""
    for cpe in fields.cpes:
        if cpe.startswith("cpe:/a"):
            cpe_a = cpe
        elif cpe.startswith("cpe:/h"):
            cpe_h = cpe
        else:
            cpe_o = cpe
    return _Matched(
        service=service,
        soft=soft,
        line=line,
        rule_probe=probe,
        product=fields.product,
        version=fields.version,
        info=fields.info,
        hostname=fields.hostname,
        ostype=fields.ostype,
        devicetype=fields.devicetype,
        cpe_a=cpe_a,
        cpe_h=cpe_h,
        cpe_o=cpe_o,
        cpe=fields.cpes,
    )


def _json_lines(answers: Sequence[_Answer | _Fault]) -> str:
    """The answers as lines of ASCII: it goes through any terminal and any encoding of a stream."""
    encoded = _ENCODER.encode_lines(answers)
    text = encoded.decode()
    return text if encoded.isascii() else _BEYOND_ASCII.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be")
    return "".join([f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)])


def batches(stream: BinaryIO, at_once: int | None = None) -> Iterator[bytes]:
    """Whole lines of a stream, as many at once as are there already.

    Of a line that is longer than `MAX_LINE_BYTES` only so much is kept that
    it shows.

    Args:
        stream: of bytes.
        at_once: so many bytes are read at once, if not `READ_BYTES`.
    """
    read = getattr(stream, "read1", stream.read)
    begun: list[bytes] = []
    size = 0
    while chunk := read(at_once or READ_BYTES):
        end = chunk.rfind(b"\n") + 1
        first = chunk[: chunk.find(b"\n") + 1] or chunk
        if size <= MAX_LINE_BYTES:
            begun.append(first)
            size += len(first)
        elif end:
            begun.append(b"\n")
        if end:
            yield b"".join([*begun, chunk[len(first) : end]])
            begun = [chunk[end:]]
            size = len(chunk) - end
    if size:
        yield b"".join(begun)
