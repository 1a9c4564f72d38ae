"""`vscan match`: which rule fires on a response, without any scan.

One response is answered for a person to read; with `--jsonl`, each line of
standard input is a case and each line of standard output its answer.
"""

import contextlib
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from vscan_tui.commands.databases import load_databases
from vscan_tui.commands.match_lines import Answerer, Answers, batches
from vscan_tui.commands.match_wording import one_line
from vscan_tui.commands.status import ExitStatus
from vscan_tui.events import Match, Protocol
from vscan_tui.matching.matcher import MAX_RESPONSE_BYTES, Matcher, MatchResult, overrun_notice
from vscan_tui.options.model import STANDARD_STREAM, MatchOptions
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.model import Rule
from vscan_tui.probedb.sources import DatabaseError
from vscan_tui.probedb.templates import FIELD_NAMES

WORTH_WORKERS = 4096
"""After so many lines in one go, more are taken to come, and further processes to pay."""
_MANY = 16
"""Who sends fewer lines at a time waits for the answers."""
_WORTH_EXPLAINERS = 16
"""To explain a line takes some thousand times as long as to match it."""
_EXPLAINED_BYTES = 8 * 1024
"""As much input as is explained at once: a second's work, so that no process waits for another."""


class _Problem(Exception):  # noqa: N818 - it ends the command with a sentence, not a traceback
    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def run_match(options: MatchOptions, stdin: BinaryIO, stdout: TextIO, stderr: TextIO) -> int:
    """Match one response, or with `options.jsonl` one for each line.

    Returns:
        The exit status: 0; 1 when a database, the response or a line cannot
        be used; 2 when the command line asks for a probe that is not there.
    """
    try:
        with _without_collector():
            databases = _databases(options, stderr)
            if not options.jsonl:
                return _answer_one(options, databases, _response(options, stdin), stdout, stderr)
    except _Problem as problem:
        print(f"vscan: {problem}", file=stderr)
        return problem.status
    gc.freeze()  # what is there now stays, so it need not be looked through again
    output = _Output(stdout, stderr)
    try:
        _answer_lines(options, databases, stdin, output)
    except BrokenPipeError:
        _close(stdout)
    return output.status


@contextlib.contextmanager
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
    options: MatchOptions,
    databases: ProbeDatabases,
    response: bytes,
    stdout: TextIO,
    stderr: TextIO,
) -> int:
    overrun: list[Rule] = []
    matcher = Matcher(databases, overrun.append)
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
    for rule in overrun:
        print(f"vscan: {one_line(overrun_notice(rule))}", file=stderr)
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


def _answer_lines(
    options: MatchOptions, databases: ProbeDatabases, stdin: BinaryIO, output: "_Output"
) -> None:
    """Answer every line of a stream, each as soon as it is read."""
    answerer = Answerer(databases, options.explain)
    if options.explain:
        waiting, many, worth = batches(stdin, _EXPLAINED_BYTES), 1, _WORTH_EXPLAINERS
    else:
        waiting, many, worth = batches(stdin), _MANY, WORTH_WORKERS
    in_one_go = 0
    for batch in waiting:
        answers = answerer.answer(batch)
        output.write(answers, batch)
        in_one_go = in_one_go + answers.lines if answers.lines >= many else 0
        if in_one_go >= worth:
            # Imported when they pay: one response needs no processes.
            from vscan_tui.commands.match_workers import answer_on_all_cores  # noqa: PLC0415

            answer_on_all_cores(answerer, waiting, output.write)


def _close(stream: TextIO) -> None:
    """Let go of a stream that nobody reads any more; else the interpreter complains at its end."""
    with contextlib.suppress(BrokenPipeError):
        stream.close()


class _Output:
    """Where answers go, and what is wrong with lines."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._lines = 0
        self._noticed: set[str] = set()
        self.status = ExitStatus.DONE

    def write(self, answers: Answers, _batch: bytes) -> None:
        """Write the answers to the next lines."""
        for number, message in answers.faults:
            self.status = ExitStatus.FAILED
            print(f"vscan: line {self._lines + number + 1}: {message}", file=self._stderr)
        self._lines += answers.lines
        for notice in answers.notices:
            if notice not in self._noticed:  # each process finds it out for itself
                self._noticed.add(notice)
                print(f"vscan: {one_line(notice)}", file=self._stderr, flush=True)
        if answers.faults:
            self._stderr.flush()
        self._stdout.write(answers.text)
        self._stdout.flush()
