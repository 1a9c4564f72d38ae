"""A match line while it is written: which part of it is what, and what may come next.

Reads a line that is not finished; nothing has to be right in it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vscan_tui.events import Span
from vscan_tui.matching.colouring import Kind, coloured
from vscan_tui.probedb.templates import pieces

MAX_OPTIONS = 8


class Zone(StrEnum):
    """What a piece of a match line is, besides the regex."""

    DIRECTIVE = "directive"
    SERVICE = "service"
    DELIMITER = "delimiter"
    FLAGS = "flags"
    FIELD = "field"
    TEXT = "text"
    SUBSTITUTION = "substitution"
    STRAY = "stray"


Token = tuple[Span, Zone | Kind]

_FIELDS = (
    ("p/", "product"),
    ("v/", "version"),
    ("i/", "more about it"),
    ("h/", "host name"),
    ("o/", "operating system"),
    ("d/", "kind of device"),
    ("cpe:/a:", "CPE of the application: vendor, product, version"),
    ("cpe:/o:", "CPE of the operating system"),
    ("cpe:/h:", "CPE of the hardware"),
)
_DIRECTIVES = (
    ("match ", "names the service for good"),
    ("softmatch ", "names the service; more probes are sent to learn the version"),
)
_WORD = re.compile(r"\S*")
_SPACES = re.compile(r"[ \t]*")
_KEY = re.compile(r"cpe:|[a-zA-Z]")
_UNFINISHED = re.compile(r"\$[A-Z]*\(?[^)$]*$")


@dataclass(frozen=True, slots=True)
class _Parts:
    """Where the pieces of a line are."""

    directive: Span
    service: Span
    regex: Span | None
    """Without its delimiters."""
    flags: Span
    fields: tuple[tuple[str, Span, bool], ...]
    """The key, the place of the text, and whether it is closed."""


def _parts(line: str) -> _Parts:
    directive = _WORD.match(line)
    end = directive.end() if directive else 0
    begin = _end_of(_SPACES, line, end)
    service = (begin, _end_of(_WORD, line, begin))
    place = _end_of(_SPACES, line, service[1])
    if place + 1 >= len(line) or line[place] != "m":
        return _Parts((0, end), service, None, (place, place), ())
    regex_begin = place + 2
    close = line.find(line[place + 1], regex_begin)
    if close < 0:
        return _Parts((0, end), service, (regex_begin, len(line)), (len(line), len(line)), ())
    flags = (close + 1, close + 1)
    while flags[1] < len(line) and line[flags[1]].isalpha():
        flags = (flags[0], flags[1] + 1)
    return _Parts((0, end), service, (regex_begin, close), flags, tuple(_fields(line, flags[1])))


def _end_of(pattern: re.Pattern[str], line: str, place: int) -> int:
    found = pattern.match(line, place)
    return found.end() if found else place


def _fields(line: str, place: int) -> Iterator[tuple[str, Span, bool]]:
    while True:
        place = _end_of(_SPACES, line, place)
        key = _KEY.match(line, place)
        if key is None or key.end() >= len(line):
            return
        begin = key.end() + 1
        close = line.find(line[key.end()], begin)
        if close < 0:
            yield key.group(), (begin, len(line)), False
            return
        yield key.group(), (begin, close), True
        place = close + 1
        while place < len(line) and line[place].isalpha():
            place += 1


def tokens(line: str) -> tuple[Token, ...]:
    """Say what the pieces of a line are, in order; blanks are left out."""
    parts = _parts(line)
    found: list[Token] = []
    _add(found, parts.directive, Zone.DIRECTIVE)
    _add(found, parts.service, Zone.SERVICE)
    if parts.regex is None:
        _add(found, (parts.flags[0], len(line)), Zone.STRAY)
        return tuple(found)
    begin, end = parts.regex
    _add(found, (begin - 2, begin), Zone.DELIMITER)
    text = line[begin:end].encode("latin-1", "replace")
    found += [((begin + start, begin + stop), kind) for (start, stop), kind in coloured(text)]
    if end < len(line):
        _add(found, (end, end + 1), Zone.DELIMITER)
    _add(found, parts.flags, Zone.FLAGS)
    rest = parts.flags[1]
    for key, (start, stop), is_closed in parts.fields:
        _add(found, (start - 1 - len(key), start), Zone.FIELD)
        place = start
        for piece in pieces(line[start:stop]):
            zone = Zone.SUBSTITUTION if piece.group else Zone.TEXT
            _add(found, (place, place + len(piece.text)), zone)
            place += len(piece.text)
        if is_closed:
            _add(found, (stop, stop + 1), Zone.FIELD)
        rest = stop + is_closed
    _add(found, (rest, len(line)), Zone.STRAY)
    return tuple(found)


def _add(found: list[Token], span: Span, zone: Zone) -> None:
    if span[0] < span[1]:
        found.append((span, zone))


def regex_span(line: str) -> Span | None:
    """Where the regex stands in a line, without its delimiters."""
    return _parts(line).regex


@dataclass(frozen=True, slots=True)
class Option:
    """Something that may be typed next."""

    text: str
    help: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What may stand at the cursor."""

    begin: int
    """What is typed from here to the cursor is replaced by an option."""
    options: tuple[Option, ...] = ()


def completion(
    line: str,
    column: int,
    *,
    captured: Sequence[str | None] = (),
    services: Iterable[str] = (),
) -> Completion:
    """Say what may be typed at a place of a line.

    Args:
        line: as far as it is written.
        column: of the cursor, from 0.
        captured: what the groups of the regex captured, from group 1 on.
        services: names of services that are known.
    """
    before = line[:column]
    parts = _parts(before)
    if column <= parts.directive[1]:
        return _matching(0, before, _DIRECTIVES)
    if parts.regex is None:
        if column <= parts.service[1]:
            begin = parts.service[0]
            names = sorted({name for name in services if name.startswith(before[begin:])})
            return _matching(begin, before[begin:], ((f"{name} ", "") for name in names))
        rest = before[parts.flags[0] :]
        return _matching(parts.flags[0], rest, (("m|^", "the regex, between two of any sign"),))
    if parts.regex[1] == len(before):
        return Completion(column)
    last = parts.fields[-1] if parts.fields else None
    if last is not None and not last[2]:
        return _substitution(before, last[1][0], captured)
    begin = max(before.rfind(" "), before.rfind("\t")) + 1
    if begin <= parts.flags[0]:
        return Completion(column)
    used = {key for key, _, _ in _parts(line).fields if key != "cpe:"}
    return _matching(begin, before[begin:], (entry for entry in _FIELDS if entry[0][0] not in used))


def _substitution(before: str, start: int, captured: Sequence[str | None]) -> Completion:
    typed = _UNFINISHED.search(before, start)
    if typed is None:
        return Completion(len(before))
    options = []
    for number, text in enumerate(captured[:9], start=1):
        told = "took no part" if text is None else f'"{text[:24]}"'
        options.append((f"${number}", told))
    for number in range(1, min(len(captured), 9) + 1):
        options += [
            (f"$P({number})", "only what is printable of it"),
            (f'$SUBST({number},"_",".")', "with one text put for another"),
            (f'$I({number},">")', "as a number, the highest byte first"),
        ]
    return _matching(typed.start(), typed.group(), options)


def _matching(begin: int, typed: str, entries: Iterable[tuple[str, str]]) -> Completion:
    found = tuple(
        Option(text, told)
        for text, told in entries
        if text.startswith(typed) and text.strip() != typed
    )
    return Completion(begin, found[:MAX_OPTIONS])
