"""`vscan match`: which rule fires on a response, without any scan.

One response is answered for a person to read; with `--jsonl`, each line of
standard input is a case and each line of standard output its answer.
"""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import msgspec

from vscan_tui.commands.databases import load_databases
from vscan_tui.commands.match_wording import one_line
from vscan_tui.commands.status import ExitStatus
from vscan_tui.events import Match, Protocol
from vscan_tui.matching.matcher import MAX_RESPONSE_BYTES, Matcher, MatchResult
from vscan_tui.options.model import STANDARD_STREAM, MatchOptions
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError
from vscan_tui.probedb.templates import CPE_PREFIX, FIELD_NAMES

MAX_LINE_BYTES = 16 * 1024 * 1024


class _Problem(Exception):  # noqa: N818 - it ends the command with a sentence, not a traceback
    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class _Case(msgspec.Struct):
    """A line of input; other keys are passed over."""

    response: bytes
    probe: str
    id: str | int | float | None = None
    proto: Protocol = "tcp"


_CASES = msgspec.json.Decoder(_Case)
_ENCODER = msgspec.json.Encoder()


def run_match(options: MatchOptions, stdin: BinaryIO, stdout: TextIO, stderr: TextIO) -> int:
    """Match one response, or with `options.jsonl` one for each line.

    Returns:
        The exit status: 0; 1 when a database, the response or a line cannot
        be used; 2 when the command line asks for a probe that is not there.
    """
    try:
        if options.jsonl:
            with _without_collector():
                lines = _Lines(options, _databases(options, stderr), stdout, stderr)
            return lines.answer_all(stdin)
        with _without_collector():
            databases = _databases(options, stderr)
            return _answer_one(options, databases, _response(options, stdin), stdout)
    except _Problem as problem:
        print(f"vscan: {problem}", file=stderr)
        return problem.status


@contextmanager
def _without_collector() -> Iterator[None]:
    """Build a database without the garbage collector, which would look through it again and again.

    A quarter of the time that one match takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _databases(options: MatchOptions, stderr: TextIO) -> ProbeDatabases:
    def tell(line: str) -> None:
        print(one_line(line), file=stderr)

    try:
        return load_databases(options.databases, strict=options.strict, tell=tell)
    except DatabaseError as error:
        raise _Problem(str(error), ExitStatus.FAILED) from error


def _probe(databases: ProbeDatabases, name: str, protocol: Protocol) -> CombinedProbe:
    probe = databases.find(name, protocol)
    if probe is not None:
        return probe
    other: Protocol = "udp" if protocol == "tcp" else "tcp"
    if databases.find(name, other) is not None:
        raise _Problem(
            f"{one_line(name)!r} is a probe of {other}, not of {protocol}", ExitStatus.USAGE
        )
    raise _Problem(f"no {protocol} probe is named {one_line(name)!r}", ExitStatus.USAGE)


def _response(options: MatchOptions, stdin: BinaryIO) -> bytes:
    try:
        if options.file == STANDARD_STREAM:
            return stdin.read(MAX_RESPONSE_BYTES)
        with Path(options.file).open("rb") as file:
            return file.read(MAX_RESPONSE_BYTES)
    except OSError as error:
        reason = error.strerror or str(error)
        raise _Problem(
            f"cannot read {one_line(options.file)}: {reason}", ExitStatus.FAILED
        ) from error


# For a person ------------------------------------------------------------------------------------


def _answer_one(
    options: MatchOptions, databases: ProbeDatabases, response: bytes, stdout: TextIO
) -> int:
    matcher = Matcher(databases)
    explained = options.explain
    if explained and options.probe is None:
        null = next((each.name for each in databases.of_protocol(options.protocol)), "NAME")
        raise _Problem(
            f"--explain needs the probe that the response answers: --probe {one_line(null)}",
            ExitStatus.USAGE,
        )
    if options.probe is None:
        result = matcher.match_any(options.protocol, response)
    else:
        probe = _probe(databases, options.probe, options.protocol)
        result = matcher.match(probe, response)
        if explained:
            from vscan_tui.commands.match_explanation import explained_lines  # noqa: PLC0415 - start time

            fates = explained_lines(databases, probe, response, explained)
            stdout.writelines(f"{line}\n" for line in fates)
            return ExitStatus.DONE
    lines = _described(result.match, response) if result.match else [_nothing(result, options)]
    stdout.write("".join(f"{line}\n" for line in lines))
    stdout.flush()
    return ExitStatus.DONE


def _nothing(result: MatchResult, options: MatchOptions) -> str:
    where = "all probes" if options.probe is None else f"probe {one_line(options.probe)}"
    return f"No match: none of {result.tried} {options.protocol} rules ({where}) fires."


def _described(match: Match, response: bytes) -> Iterator[str]:
    yield f"{'softmatch' if match.soft else 'match'} {one_line(match.service)}"
    for name in FIELD_NAMES.values():
        value = getattr(match.fields, name)
        if value:
            yield f"  {name:<11} {one_line(value)}"
    for cpe in match.fields.cpes:
        yield f"  {'cpe':<11} {one_line(cpe)}"
    yield f"  {'rule':<11} {one_line(match.file)}:{match.line}, probe {one_line(match.probe)}"
    yield f"  {'regex':<11} m|{one_line(match.pattern.decode('latin-1'))}|{match.flags}"
    yield f"  {'tried':<11} {match.tried} rules before it"
    for number, span in enumerate(match.spans):
        name = f"${number}" if number else "matched"
        if span is None:
            yield f"  {name:<11} took no part"
        else:
            text = one_line(response[slice(*span)].decode("latin-1"), limit=120)
            yield f"  {name:<11} {span[0]}-{span[1]} {text}"


# For programs ------------------------------------------------------------------------------------


class _Lines:
    """Answers cases, a line each."""

    def __init__(
        self, options: MatchOptions, databases: ProbeDatabases, stdout: TextIO, stderr: TextIO
    ) -> None:
        self._explained = options.explain
        self._databases = databases
        self._matcher = Matcher(databases)
        self._stdout = stdout
        self._stderr = stderr
        self._faulty = False

    def answer_all(self, stdin: BinaryIO) -> int:
        """Answer every line of a stream, each as soon as it is read."""
        for number, line in enumerate(_lines(stdin), 1):
            if line.strip():
                self._stdout.write(self._answer(line, number))
                self._stdout.flush()
        return ExitStatus.FAILED if self._faulty else ExitStatus.DONE

    def _answer(self, line: bytes, number: int) -> str:
        try:
            case = _CASES.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return self._fault(_id_of(line), number, f"not a case: {error}")
        if len(line) > MAX_LINE_BYTES:
            return self._fault(case.id, number, f"longer than {MAX_LINE_BYTES >> 20} MiB")
        probe = self._databases.find(case.probe, case.proto)
        if probe is None:
            message = f"no {case.proto} probe is named {one_line(case.probe)!r}"
            return self._fault(case.id, number, message)
        result = self._matcher.match(probe, case.response)
        answer: dict[str, object] = {"id": case.id, "match": match_answer(result.match)}
        if self._explained:
            from vscan_tui.commands.match_explanation import nearest  # noqa: PLC0415 - start time

            answer["nearest"] = nearest(self._databases, probe, case.response, self._explained)
        return _json_line(answer)

    def _fault(self, case_id: object, number: int, message: str) -> str:
        self._faulty = True
        message = one_line(message, limit=300)
        print(f"vscan: line {number}: {message}", file=self._stderr, flush=True)
        return _json_line({"id": case_id, "error": message})


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream; of an endless one only the beginning, never split in two."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE_BYTES + 1)
        yield line


def _id_of(line: bytes) -> object:
    """The id of a line that is otherwise unreadable, if it has one."""
    try:
        found = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    case_id = found.get("id") if isinstance(found, dict) else None
    return case_id if isinstance(case_id, (str, int, float)) else None


def match_answer(match: Match | None) -> dict[str, object] | None:
    """What programs are told of a rule that fired; None if none did."""
    if match is None:
        return None
    answer: dict[str, object] = {
        "service": match.service,
        "soft": match.soft,
        "line": match.line,
        "rule_probe": match.probe,
    }
    for name in FIELD_NAMES.values():
        value = getattr(match.fields, name)
        if value:
            answer[name] = value
    for cpe in match.fields.cpes:
        answer[f"cpe_{cpe.removeprefix(CPE_PREFIX)[0]}"] = cpe
    answer["cpe"] = list(match.fields.cpes)
    return answer


def _json_line(answer: dict[str, object]) -> str:
    encoded = _ENCODER.encode(answer)
    # ASCII goes through any terminal and any encoding of standard output.
    text = encoded.decode() if encoded.isascii() else json.dumps(answer)
    return text + "\n"
