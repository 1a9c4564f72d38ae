"""`vscan fingerprint`: Nmap's service fingerprints, decoded and matched, from text of any kind."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from vscan_tui import __version__
from vscan_tui.commands.databases import load_databases, load_quietly
from vscan_tui.commands.match_lines import match_answer
from vscan_tui.commands.match_wording import one_line
from vscan_tui.commands.present import Presentation, present, say, wants_screen
from vscan_tui.commands.standard_output import print_lines
from vscan_tui.commands.status import ExitStatus
from vscan_tui.events import Endpoint, Match, PortState
from vscan_tui.matching.explain import nearest_rules
from vscan_tui.matching.investigation import Investigation
from vscan_tui.matching.recorded import Judgement, RecordedMatcher, judge
from vscan_tui.options.model import STANDARD_STREAM, FingerprintOptions
from vscan_tui.probedb.sources import DatabaseError
from vscan_tui.session.importers.fingerprint_text import FingerprintResponse, ServiceFingerprint
from vscan_tui.session.importers.pasted import decode_text, find_fingerprints
from vscan_tui.session.importers.recording import (
    RecordedAnswer,
    RecordedHost,
    RecordedPort,
    Recording,
    events_of,
)
from vscan_tui.session.notation import hexdump_lines
from vscan_tui.session.replay import Replay
from vscan_tui.session.wording import version_text

MAX_BYTES = 256 * 1024 * 1024
STANDARD_INPUT = "standard input"
_NULL_PROBE = "NULL"
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Judged:
    """A fingerprint, and what the databases make of it."""

    file: str
    found: ServiceFingerprint
    matches: tuple[Match | None, ...]
    judgement: Judgement

    @property
    def match(self) -> Match | None:
        """The rule that decides."""
        number = self.judgement.deciding
        return None if number is None else self.matches[number]


def run_fingerprint(options: FingerprintOptions, stdin: BinaryIO) -> int:
    """Decode the fingerprints in some files, match them, and tell.

    Returns:
        The exit status: 0; 1 when a file cannot be read, holds no fingerprint,
        or holds one that is damaged.
    """
    try:
        databases = load_databases(options.databases, strict=options.strict, tell=say)
    except DatabaseError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    matcher = RecordedMatcher(databases)
    reader = _Reader(stdin)
    judged = (_judged(file, found, matcher) for file, found in reader.read(options.files))
    on_screen = options.screen or (not options.jsonl and wants_screen(options.output))
    if options.screen and not wants_screen(options.output):
        say("vscan: --screen needs a terminal; leave it out for text.")
        return ExitStatus.USAGE
    if on_screen or options.output.reports:
        all_judged = list(judged)
        status = reader.status
        if not all_judged:
            return status
        source = Replay(list(events_of(recording_of(all_judged, matcher))))
        note = f"{_counted(len(all_judged), 'fingerprint')}; nothing is sent."
        presentation = Presentation(
            options.output,
            note=note,
            investigation=Investigation(
                lambda: databases, partial(load_quietly, options.databases, with_overlays=True)
            ),
        )
        shown = present(source, presentation)
        return shown or status
    answers = (
        (_json_line(each) for each in judged)
        if options.jsonl
        else _text_lines(judged, matcher, options.nearest)
    )
    print_lines(answers)
    return reader.status


class _Reader:
    """Reads files, and remembers whether all was well."""

    def __init__(self, stdin: BinaryIO) -> None:
        self.status = ExitStatus.DONE
        self._stdin = stdin

    def read(self, files: Sequence[str]) -> Iterator[tuple[str, ServiceFingerprint]]:
        for file in files:
            name = STANDARD_INPUT if file == STANDARD_STREAM else file
            try:
                data = self._data(file)
            except OSError as error:
                self._complain(f"{name}: cannot read it: {error.strerror or error}")
                continue
            if len(data) > MAX_BYTES:
                self._complain(f"{name}: only the first {MAX_BYTES >> 20} MiB are read")
                data = data[:MAX_BYTES]
            count = 0
            for found in find_fingerprints(decode_text(data)):
                count += 1
                if found.problems:
                    self.status = ExitStatus.FAILED
                yield file, found
            if not count:
                self._complain(
                    f"{name}: there is no service fingerprint in it; one begins with SF-Port"
                )

    def _data(self, file: str) -> bytes:
        if file == STANDARD_STREAM:
            if self._stdin.isatty():
                say("Paste fingerprints; end with an empty line and Ctrl+D (Windows: Ctrl+Z).")
            return self._stdin.read(MAX_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)

    def _complain(self, message: str) -> None:
        self.status = ExitStatus.FAILED
        say(f"vscan: {message}")


def _judged(file: str, found: ServiceFingerprint, matcher: RecordedMatcher) -> Judged:
    protocol = found.protocol or "tcp"
    matches = tuple(
        matcher.match(response.probe, protocol, response.data) for response in found.responses
    )
    return Judged(file, found, matches, judge(matches, tunnel=found.tunnel, protocol=protocol))


# For programs ------------------------------------------------------------------------------------


def _json_line(judged: Judged) -> str:
    found = judged.found
    answer = {
        "file": judged.file,
        "line": found.line,
        "port": found.port,
        "proto": found.protocol,
        "tunnel": "ssl" if found.tunnel else None,
        "settings": dict(found.settings),
        "outcome": judged.judgement.outcome,
        "match": match_answer(judged.match),
        "responses": [
            {
                "probe": response.probe,
                "length": response.length,
                "complete": response.complete,
                "cut_by_nmap": response.cut_by_nmap,
                "data": response.data,
                "match": match_answer(match),
            }
            for response, match in zip(found.responses, judged.matches, strict=True)
        ],
        "problems": found.problems,
    }
    try:
        text = _ENCODER.encode(answer).decode()
    except UnicodeEncodeError:  # a file name that is not UTF-8 (PEP 383)
        answer["file"] = judged.file.encode("utf-8", "replace").decode()
        text = _ENCODER.encode(answer).decode()
    # ASCII goes through any terminal and any encoding of standard output.
    return (text if text.isascii() else json.dumps(json.loads(text))) + "\n"


# For people --------------------------------------------------------------------------------------


def _text_lines(
    all_judged: Iterable[Judged], matcher: RecordedMatcher, nearest: int
) -> Iterator[str]:
    for number, judged in enumerate(all_judged):
        if number:
            yield "\n"
        for line in _described(judged, matcher, nearest):
            yield f"{line}\n"


def _described(judged: Judged, matcher: RecordedMatcher, nearest: int) -> Iterator[str]:
    found = judged.found
    file = STANDARD_INPUT if judged.file == STANDARD_STREAM else judged.file
    yield f"{one_line(file)}:{found.line}: {_what(found)}"
    yield f"  {judged.judgement.outcome}: {_verdict(judged)}"
    for problem in found.problems:
        yield f"  damaged: {one_line(problem)}"
    for response, match in zip(found.responses, judged.matches, strict=True):
        yield ""
        yield f"  {_heading(response)}"
        yield f"  {_fired(match)}"
        yield from (f"    {line}" for line in hexdump_lines(response.data))
    if nearest and (judged.match is None or judged.match.soft):
        yield ""
        yield from _nearest(judged, matcher, nearest)


def _what(found: ServiceFingerprint) -> str:
    port = "unknown port" if found.port is None else f"port {found.port}"
    settings = dict(found.settings)
    parts = [
        f"{port}/{found.protocol or '?'}{' inside TLS' if found.tunnel else ''}",
        f"Nmap {settings['V']}" if "V" in settings else "",
        f"intensity {settings['I']}" if "I" in settings else "",
        _moment(settings.get("Time", "")),
        settings.get("P", ""),
    ]
    return one_line(", ".join(part for part in parts if part))


def _moment(digits: str) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(int(digits[:9], 16)))
    except (ValueError, OverflowError, OSError):
        return ""


def _verdict(judged: Judged) -> str:
    service, match = judged.judgement.service, judged.match
    if service is None or match is None:
        return f"no rule fires on any of {_counted(len(judged.matches), 'response')}"
    prefix = "ssl/" if service.tunnel else ""
    parts = [one_line(prefix + service.name), version_text(service.fields)]
    parts += [f"({one_line(cpe)})" for cpe in service.fields.cpes]
    return " ".join(part for part in parts if part)


def _heading(response: FingerprintResponse) -> str:
    name = one_line(response.probe) or "unknown probe"
    there = _counted(len(response.data), "byte")
    if response.complete:
        return f"{name}: {there}"
    if response.length is None:
        return f"{name}: {there}, of how many is unknown"
    why = ", where Nmap cut it off" if response.cut_by_nmap else ""
    return f"{name}: {there} of {response.length}{why}"


def _fired(match: Match | None) -> str:
    if match is None:
        return "no match"
    kind = "softmatch" if match.soft else "match"
    text = f"{kind} {one_line(match.service)} {version_text(match.fields)}".rstrip()
    return f"{text} ({one_line(match.file)}:{match.line})"


def _nearest(judged: Judged, matcher: RecordedMatcher, count: int) -> Iterator[str]:
    """The rules nearest to the response that tells most; one is enough, and each takes a second."""
    protocol = judged.found.protocol or "tcp"
    answers = sorted(
        zip(judged.found.responses, judged.matches, strict=True),
        key=lambda pair: (pair[1] is None, len(pair[0].data)),
        reverse=True,
    )
    for response, _ in answers[:1]:
        probe = matcher.probe(response.probe, protocol) or matcher.probe(_NULL_PROBE, protocol)
        if probe is None:
            return
        misses = nearest_rules(matcher.databases, probe, response.data, count)
        name = one_line(response.probe) or "unknown probe"
        yield f"  Nearest rules to the response to {name}:{'' if misses else ' none is near.'}"
        for miss in misses:
            rule = miss.rule
            kind = "softmatch" if rule.soft else "match"
            where = f"{one_line(rule.file)}:{rule.line}"
            yield f"    {miss.score:.2f} {kind} {one_line(rule.service)} ({where})"
            for stop in miss.stops[:1]:
                ends = "the response ends"
                there = ends if stop.found is None else f"0x{stop.found:02x} stands there"
                wanted = one_line(stop.wanted, limit=60)
                yield f"         at byte {stop.offset} {there}, wanted {wanted!r}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun if count == 1 else f'{noun}s'}"


# For the screen and the reports ------------------------------------------------------------------


def recording_of(all_judged: Sequence[Judged], matcher: RecordedMatcher) -> Recording:
    """Make a recording of fingerprints; each file takes the place of a host."""
    hosts: dict[str, list[RecordedPort]] = {}
    copies: Counter[Endpoint] = Counter()
    for judged in all_judged:
        port = _recorded_port(judged, matcher)
        # The same port may be there twice: the next gets a host of its own.
        copies[port.endpoint] += 1
        if copies[port.endpoint] > 1:
            address = f"{port.endpoint.address} ({copies[port.endpoint]})"
            port = replace(port, endpoint=msgspec.structs.replace(port.endpoint, address=address))
        hosts.setdefault(port.endpoint.address, []).append(port)
    times = [port.time for ports in hosts.values() for port in ports if port.time is not None]
    latest = max(times, default=0.0)  # years may lie between them, but no scan lasted so long
    return Recording(
        program=f"vscan {__version__}",
        hosts=tuple(
            RecordedHost(address, ports=tuple(ports), reason="recorded")
            for address, ports in hosts.items()
        ),
        databases=matcher.databases.identities,
        began=latest,
        ended=latest,
    )


def _recorded_port(judged: Judged, matcher: RecordedMatcher) -> RecordedPort:
    found = judged.found
    protocol = found.protocol or "tcp"
    file = STANDARD_INPUT if judged.file == STANDARD_STREAM else Path(judged.file).name
    answers = []
    for response, match in zip(found.responses, judged.matches, strict=True):
        probe = matcher.probe(response.probe, protocol)
        payload = b"" if probe is None else probe.payload
        missing = max(0, (response.length or 0) - len(response.data))
        answers.append(
            RecordedAnswer(response.probe or "unknown", payload, response.data, match, missing)
        )
    judgement = judged.judgement
    port = RecordedPort(
        Endpoint(one_line(file, limit=80), protocol, found.port or 0),
        PortState.OPEN,
        "recorded",
        outcome=judgement.outcome,
        answers=tuple(answers),
        problems=found.problems,
        time=_seconds(dict(found.settings).get("Time", "")),
    )
    if judgement.service is not None:
        return replace(port, service=judgement.service)
    tunnel = msgspec.structs.replace(port.service, tunnel="ssl" if found.tunnel else "")
    return replace(port, service=tunnel)


def _seconds(digits: str) -> float | None:
    try:
        return float(int(digits[:9], 16))
    except ValueError:
        return None
