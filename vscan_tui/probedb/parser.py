"""Text in the `nmap-service-probes` format to a model.

The format is a matter of bytes; everything is read as Latin-1, so that a
column is a byte.  A faulty line is left out and reported with file, line and
column; the rest is used.
Source: nmap-behaviour.md, "The probe database".
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from vscan_tui.events import Protocol, Span
from vscan_tui.probedb.escapes import EscapeError, unescape
from vscan_tui.probedb.model import Exclusions, Fault, Probe, Rule

PatternCheck = Callable[[bytes, str], tuple[int, str] | None]
"""Says where (offset in bytes) and why a regex with its flags cannot be used; None if it can."""

MAX_FALLBACKS = 20
_WAIT_LIMITS_MS = (100, 300_000)
_RARITY_LIMITS = (1, 9)
_PORT_LIMIT = 65_535
_FIELD_LETTERS = "pvihod"
_RULE_HEAD = re.compile(r"[ \t]*([^ \t]+)[ \t]+m(.)", re.DOTALL)
_REGEX_FLAGS = re.compile(r"([is]*)(?:[ \t]+|\Z)")
_USUAL_FIELD = re.compile(
    r"(?:(?P<letter>[pvihod])|cpe:)(?:/(?P<slash>[^/]*)/|\|(?P<bar>[^|]*)\|)"
    r"[A-Za-z]*(?:[ \t]+|\Z)"
)
_SPACES = re.compile(r"[ \t]+")
_NO_SPACE = re.compile(r"[^ \t]+")
_LETTERS = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"\+?(\d{1,9})(.*)", re.ASCII | re.DOTALL)
_BETWEEN_NAMES = re.compile(r"[ \t,]+")


class _LineFault(Exception):  # noqa: N818 - it is control flow inside this module, not an API
    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


@dataclass(frozen=True, slots=True)
class ParsedText:
    """What a text of the format says."""

    probes: tuple[Probe, ...]
    exclusions: Exclusions
    faults: tuple[Fault, ...]


@dataclass(slots=True)
class _OpenProbe:
    """A probe whose lines are still being read."""

    protocol: Protocol
    name: str
    payload: bytes
    no_payload: bool
    line: int
    numbers: dict[str, int] = field(default_factory=dict)
    ranges: dict[str, tuple[Span, ...]] = field(default_factory=dict)
    fallback: tuple[str, ...] = ()
    fallback_line: int = 0
    rules: list[Rule] = field(default_factory=list)

    def close(self, file: str) -> Probe:
        defaults = Probe(self.protocol, self.name, self.payload, file, self.line)
        return Probe(
            protocol=self.protocol,
            name=self.name,
            payload=self.payload,
            file=file,
            line=self.line,
            no_payload=self.no_payload,
            ports=self.ranges.get("ports", ()),
            sslports=self.ranges.get("sslports", ()),
            totalwaitms=self.numbers.get("totalwaitms", defaults.totalwaitms),
            tcpwrappedms=self.numbers.get("tcpwrappedms", defaults.tcpwrappedms),
            rarity=self.numbers.get("rarity", defaults.rarity),
            fallback=self.fallback,
            rules=tuple(self.rules),
        )


def parse(
    data: bytes,
    file: str,
    *,
    check_pattern: PatternCheck | None = None,
    known_probes: frozenset[str] = frozenset(),
) -> ParsedText:
    """Read a whole text.

    Args:
        data: the text, of any length.
        file: its name, for faults and for the rules.
        check_pattern: says whether a regex can be used.
        known_probes: names of probes of other files that `fallback` may name too.

    Never raises for bad content: what is wrong is in `faults`.
    """
    return _Parser(file, check_pattern, known_probes).parse(data)


class _Parser:
    def __init__(
        self, file: str, check_pattern: PatternCheck | None, known_probes: frozenset[str]
    ) -> None:
        self._file = file
        self._check_pattern = check_pattern
        self._known_probes = known_probes
        self._probes: list[_OpenProbe] = []
        self._skipping_probe = False
        self._exclusions: Exclusions | None = None
        self._faults: list[Fault] = []
        self._directives: dict[str, Callable[[str, int, int], None]] = {
            "match": self._rule,
            "softmatch": self._soft_rule,
            "Probe": self._probe,
            "Exclude": self._exclude,
            "ports": self._ports,
            "sslports": self._sslports,
            "totalwaitms": self._totalwaitms,
            "tcpwrappedms": self._tcpwrappedms,
            "rarity": self._rarity,
            "fallback": self._fallback,
        }

    def parse(self, data: bytes) -> ParsedText:
        text = self._decode(data)
        carriage_return_seen = False
        for number, raw_line in enumerate(text.split("\n"), 1):
            line = raw_line
            if line.endswith("\r"):
                line = line[:-1]
                if not carriage_return_seen:
                    self._fault(number, len(line), "lines end in CR LF: the CR is left out")
                    carriage_return_seen = True
            if not line or line.startswith("#"):
                continue
            try:
                self._line(line, number)
            except _LineFault as fault:
                self._fault(number, fault.offset, fault.message)
        self._check_fallbacks()
        return ParsedText(
            tuple(probe.close(self._file) for probe in self._probes),
            self._exclusions or Exclusions(),
            tuple(self._faults),
        )

    def _decode(self, data: bytes) -> str:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            self._fault(1, 0, "the text is UTF-16; the format is bytes, one a character: converted")
            return data.decode("utf-16", "replace").encode("latin-1", "replace").decode("latin-1")
        if data.startswith(b"\xef\xbb\xbf"):
            self._fault(1, 0, "the text begins with a UTF-8 byte order mark: left out")
            data = data[3:]
        return data.decode("latin-1")

    def _fault(self, line: int, offset: int, message: str) -> None:
        self._faults.append(Fault(self._file, line, offset + 1, message))

    def _line(self, line: str, number: int) -> None:
        word = _NO_SPACE.match(line)
        if word is None:
            if line.strip():
                raise _LineFault(0, "a line must begin with a directive")
            return
        directive = self._directives.get(word.group())
        if directive is None:
            known = ", ".join(self._directives)
            raise _LineFault(0, f"unknown directive {word.group()[:40]!r}; known are {known}")
        if word.group() == "Probe":
            self._skipping_probe = True  # until the line proves right
        spaces = _SPACES.match(line, word.end())
        if spaces is None or spaces.end() == len(line):
            raise _LineFault(word.end(), f"{word.group()} needs a value")
        directive(line, spaces.end(), number)

    # Directives: (line, offset where the value begins, line number)

    def _exclude(self, line: str, offset: int, number: int) -> None:
        if self._exclusions is not None:
            raise _LineFault(0, "a second Exclude; only the first counts")
        if self._probes:
            raise _LineFault(0, "Exclude must stand before the first Probe")
        ranges: dict[str, list[Span]] = {"T": [], "U": []}
        kinds = "TU"
        for start, part in _comma_parts(line, offset):
            begin, text = start, part
            if part[:2] in {"T:", "U:"}:
                kinds, begin, text = part[0], start + 2, part[2:]
            for span in self._spans([(begin, text)], number):
                for kind in kinds:
                    ranges[kind].append(span)
        self._exclusions = Exclusions(tuple(ranges["T"]), tuple(ranges["U"]))

    def _probe(self, line: str, offset: int, number: int) -> None:
        protocol_word = _NO_SPACE.match(line, offset)
        protocol: Protocol
        match protocol_word and protocol_word.group():
            case "TCP":
                protocol = "tcp"
            case "UDP":
                protocol = "udp"
            case other:
                raise _LineFault(offset, f"the protocol must be TCP or UDP, not {other!r}")
        offset = _after_space(line, offset + 3, "a probe name")
        name_word = _NO_SPACE.match(line, offset)
        name = name_word.group() if name_word else ""
        if any(probe.name == name and probe.protocol == protocol for probe in self._probes):
            raise _LineFault(offset, f"a second {protocol.upper()} probe named {name!r}")
        offset = _after_space(
            line, offset + len(name), "a payload such as q|GET / HTTP/1.0\\r\\n\\r\\n|"
        )
        if line[offset] != "q":
            raise _LineFault(offset, "the payload must begin with q and a delimiter")
        payload_text, begin, offset = _delimited(line, offset + 1, "the payload")
        payload = _unescape(payload_text, begin)
        flags = line[offset:].split()  # Nmap's newer ones, as source=500, change no match
        if (
            protocol == "tcp"
            and not payload
            and any(probe.protocol == "tcp" and not probe.payload for probe in self._probes)
        ):
            raise _LineFault(0, "a second NULL probe (TCP with an empty payload)")
        self._skipping_probe = False
        self._probes.append(_OpenProbe(protocol, name, payload, "no-payload" in flags, number))

    def _current(self, directive: str) -> _OpenProbe:
        if self._skipping_probe:
            raise _LineFault(0, f"{directive} left out: it belongs to a probe that is at fault")
        if not self._probes:
            raise _LineFault(0, f"{directive} must stand after a Probe")
        return self._probes[-1]

    def _range_list(self, directive: str, line: str, offset: int, number: int) -> None:
        probe = self._current(directive)
        spans = tuple(self._spans(_comma_parts(line, offset), number))
        probe.ranges[directive] = probe.ranges.get(directive, ()) + spans  # lines add up

    def _spans(self, parts: Iterable[tuple[int, str]], number: int) -> Iterator[Span]:
        """The ranges of ports of a list; a part at fault is left out, and the rest counts."""
        for start, part in parts:
            try:
                yield _port_range(part, start)
            except _LineFault as fault:
                self._fault(number, fault.offset, fault.message)

    def _ports(self, line: str, offset: int, number: int) -> None:
        self._range_list("ports", line, offset, number)

    def _sslports(self, line: str, offset: int, number: int) -> None:
        self._range_list("sslports", line, offset, number)

    def _number(
        self, directive: str, line: str, offset: int, number: int, limits: tuple[int, int]
    ) -> None:
        probe = self._current(directive)
        text = line[offset:].strip()
        lowest, highest = limits
        found = _NUMBER.fullmatch(text)
        if found is None or not lowest <= int(found[1]) <= highest:
            raise _LineFault(
                offset,
                f"{directive} must be a number from {lowest} to {highest}, not {text[:40]!r}",
            )
        if found[2]:
            self._fault(
                number, offset + found.end(1), f"{found[2][:40]!r} after a number: left out"
            )
        probe.numbers[directive] = int(found[1])

    def _totalwaitms(self, line: str, offset: int, number: int) -> None:
        self._number("totalwaitms", line, offset, number, _WAIT_LIMITS_MS)

    def _tcpwrappedms(self, line: str, offset: int, number: int) -> None:
        self._number("tcpwrappedms", line, offset, number, _WAIT_LIMITS_MS)

    def _rarity(self, line: str, offset: int, number: int) -> None:
        self._number("rarity", line, offset, number, _RARITY_LIMITS)

    def _fallback(self, line: str, offset: int, number: int) -> None:
        probe = self._current("fallback")
        names = tuple(filter(None, _BETWEEN_NAMES.split(line[offset:])))
        if not names:
            raise _LineFault(offset, "fallback names no probe")
        if len(names) > MAX_FALLBACKS:
            message = f"at most {MAX_FALLBACKS} fallbacks; the last of these {len(names)} left out"
            self._fault(number, offset, message)
        probe.fallback, probe.fallback_line = names[:MAX_FALLBACKS], number

    def _check_fallbacks(self) -> None:
        known = self._known_probes | {probe.name for probe in self._probes}
        for probe in self._probes:
            for name in probe.fallback:
                if name not in known:
                    self._fault(probe.fallback_line, 0, f"fallback to unknown probe {name!r}")
            probe.fallback = tuple(name for name in probe.fallback if name in known)

    def _rule(self, line: str, offset: int, number: int) -> None:
        self._match_line("match", line, offset, number)

    def _soft_rule(self, line: str, offset: int, number: int) -> None:
        self._match_line("softmatch", line, offset, number)

    def _match_line(self, directive: str, line: str, offset: int, number: int) -> None:
        probe = self._current(directive)
        head = _RULE_HEAD.match(line, offset)
        end = line.find(head[2], head.end()) if head else -1
        flags = _REGEX_FLAGS.match(line, end + 1)
        if head is None or end < 0 or flags is None:
            raise _rule_fault(line, offset)
        begin = head.end()
        templates = _version_fields(line, flags.end())
        pattern = line[begin:end].encode("latin-1")
        if self._check_pattern is not None:
            problem = self._check_pattern(pattern, flags[1])
            if problem is not None:
                raise _LineFault(begin + problem[0], problem[1])
        probe.rules.append(
            Rule(
                head[1], directive == "softmatch", pattern, flags[1], templates, self._file, number
            )
        )


def _rule_fault(line: str, offset: int) -> _LineFault:
    """What is wrong before the version fields of a rule, whose service is at an offset."""
    word = _NO_SPACE.match(line, offset)
    try:
        offset = _after_space(
            line, offset + len(word.group() if word else ""), "a regex such as m|^SSH-|"
        )
        if line[offset] != "m":
            return _LineFault(offset, "the regex must begin with m and a delimiter")
        _, _, offset = _delimited(line, offset + 1, "the regex")
    except _LineFault as fault:
        return fault
    while offset < len(line) and line[offset] in "is":
        offset += 1
    return _LineFault(offset, f"unknown regex flag {line[offset]!r}; known are i and s")


def _after_space(line: str, offset: int, wanted: str) -> int:
    spaces = _SPACES.match(line, offset)
    if spaces is None or spaces.end() == len(line):
        raise _LineFault(offset, f"here should be {wanted}")
    return spaces.end()


def _delimited(line: str, offset: int, what: str) -> tuple[str, int, int]:
    """Return (text between delimiters, its offset, the offset after the closing one)."""
    if offset >= len(line):
        raise _LineFault(offset, f"{what} has no delimiter")
    delimiter = line[offset]
    end = line.find(delimiter, offset + 1)
    if end < 0:
        raise _LineFault(offset, f"{what} is not closed: no second {delimiter!r}")
    return line[offset + 1 : end], offset + 1, end + 1


def _version_fields(line: str, offset: int) -> tuple[tuple[str, str], ...]:
    singles: dict[str, str] = {}
    cpes: list[str] = []
    while usual := _USUAL_FIELD.match(line, offset):
        text = usual["slash"] if usual["bar"] is None else usual["bar"]
        if usual["letter"] is None:
            cpes.append(text)
        else:
            singles[usual["letter"]] = text
        offset = usual.end()
    offset -= offset > 0 and line[offset - 1] in " \t"  # a space must be before the next
    while True:
        spaces = _SPACES.match(line, offset)
        offset = spaces.end() if spaces else offset
        if offset >= len(line):
            break
        if spaces is None:
            raise _LineFault(offset, "a space is missing before this version field")
        if line.startswith("cpe:", offset):
            text, _, offset = _delimited(line, offset + 4, "the CPE")
            cpes.append(text)
        elif line[offset] in _FIELD_LETTERS:
            letter = line[offset]
            singles[letter], _, offset = _delimited(line, offset + 1, f"the version field {letter}")
        else:
            raise _LineFault(
                offset, f"unknown version field {line[offset]!r}; known are p v i h o d and cpe:"
            )
        letters = _LETTERS.match(line, offset)
        offset = letters.end() if letters else offset
    return (*singles.items(), *(("cpe", text) for text in cpes))


def _comma_parts(line: str, offset: int) -> list[tuple[int, str]]:
    parts = []
    for part in line[offset:].split(","):
        parts.append((offset, part.strip()))
        offset += len(part) + 1
    return parts


def _port_range(text: str, offset: int) -> Span:
    if not text:
        raise _LineFault(offset, "an empty part in a list")
    first, dash, last = text.partition("-")
    last = last if dash else first
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise _LineFault(offset, f"{text[:40]!r} is no port and no range of ports")
    span = int(first[:9]), int(last[:9])
    if not 0 <= span[0] <= span[1] <= _PORT_LIMIT:
        raise _LineFault(offset, f"{text[:40]!r} is not within 0 to {_PORT_LIMIT}, low to high")
    return span


def _unescape(text: str, offset: int) -> bytes:
    try:
        return unescape(text)
    except EscapeError as error:
        raise _LineFault(offset + error.offset, error.message) from error
