r"""Find text, bytes or a regex in up to several MiB of a response.

A search is meant to run in a thread of its own while the program goes on.
PCRE2 and Python's own search hold the interpreter for as long as one call
lasts, so the bytes are searched window by window, and the windows of a regex
become smaller when a call took long.
"""

import re
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from vscan_tui.events import Span
from vscan_tui.matching.pattern import LimitError, Pattern

MAX_HITS = 100_000
MAX_SECONDS = 20.0
MATCH_LIMIT = 5_000
"""PCRE2's limit for each place; a tenth of what a rule has, for it is searched at every byte."""
LONGEST_HIT = 65_536
"""Bytes; a longer hit of a regex is cut."""

_WINDOW = 262_144
_SMALLEST_WINDOW = 64
_LOOKED_BACK = 256
"""Bytes before a window that a regex may look back at."""
_OVERLAP = 4_096
"""Bytes behind a window that a hit may reach into."""
_SMALLEST_OVERLAP = 256
_TOO_LONG, _SHORT = 0.008, 0.002
"""Seconds of one call after which windows become smaller, and below which larger."""
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([0nrt\\])|(.?))", re.DOTALL)
_ESCAPED = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
_HEX_PREFIX, _REGEX_PREFIX = "hex:", "re:"
_SEPARATORS = re.compile(r"[\s:,]+|0[xX]|\\x")


class QueryError(ValueError):
    """What was typed cannot be searched for; the message is one sentence."""


class QueryKind(StrEnum):
    """What is searched for."""

    TEXT = "text"
    HEX = "hex"
    REGEX = "regex"


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for."""

    kind: QueryKind
    wanted: bytes
    """The bytes, or the regex."""
    caseless: bool = False
    """Whether upper and lower case of ASCII are the same."""


def parse_query(text: str) -> Query:
    r"""Understand what was typed.

    `hex: 0d 0a` are bytes; `re: ^HTTP/1\.[01]` is a regex as rules have it;
    anything else is text, with the escapes `\\`, `\0`, `\n`, `\r`, `\t` and
    `\xHH`.  Text without an upper-case letter is found in any case.

    Raises:
        QueryError: it is neither.
    """
    if text.startswith(_HEX_PREFIX):
        digits = _SEPARATORS.sub("", text.removeprefix(_HEX_PREFIX))
        try:
            wanted = bytes.fromhex(digits)
        except ValueError as error:
            raise QueryError("Bytes are pairs of hexadecimal digits, as in hex: 0d 0a.") from error
        if not wanted:
            raise QueryError("Type the bytes, as in hex: 0d 0a.")
        return Query(QueryKind.HEX, wanted)
    if text.startswith(_REGEX_PREFIX):
        regex = _latin1(text.removeprefix(_REGEX_PREFIX).lstrip())
        if not regex:
            raise QueryError(r"Type a regex, as in re: nginx/[\d.]+")
        _compiled(regex)
        return Query(QueryKind.REGEX, regex)
    wanted = _latin1(_unescaped(text))
    if not wanted:
        raise QueryError("Type what to find.")
    return Query(QueryKind.TEXT, wanted, caseless=wanted == wanted.lower())


def _latin1(text: str) -> bytes:
    """A character is the byte of its number; one beyond is the bytes of its UTF-8."""
    return b"".join(
        bytes([ord(letter)]) if ord(letter) < 0x100 else letter.encode("utf-8", "replace")
        for letter in text
    )


def _unescaped(text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        digits, named, other = match.groups()
        if digits is not None:
            return chr(int(digits, 16))
        if named is not None:
            return _ESCAPED[named]
        raise QueryError(
            rf"\{other} is no escape; there are \\ \0 \n \r \t \xHH, and re: for a regex."
        )

    return _ESCAPE.sub(replaced, text)


@lru_cache(maxsize=8)
def _compiled(regex: bytes) -> Pattern:
    try:
        return Pattern(regex, "", match_limit=MATCH_LIMIT, finds_empty=False)
    except ValueError as error:
        reason = re.sub(r" at position \d+", "", str(error)).strip().rstrip(".")
        raise QueryError(f"This regex cannot be used: {reason}.") from error


@dataclass(frozen=True, slots=True)
class Hits:
    """Where something was found: in order, and none inside another."""

    starts: "array[int]"
    ends: "array[int]"
    note: str = ""
    """Why there may be more; empty when these are all."""

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, number: int) -> Span:
        return self.starts[number], self.ends[number]

    def within(self, start: int, end: int) -> Iterator[tuple[int, Span]]:
        """Yield the hits that have a byte in a range, with their numbers from 0."""
        number = bisect_right(self.ends, start)
        while number < len(self.starts) and self.starts[number] < end:
            yield number, self[number]
            number += 1


def no_hits(note: str = "") -> Hits:
    """Return nothing found."""
    return Hits(array("q"), array("q"), note)


class _Stopped(Exception):  # noqa: N818 - no error: enough was found, or nobody waits any more
    """Why a search ends before its time."""


def find(
    query: Query,
    data: bytes,
    *,
    is_wanted: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> Hits:
    """Find all places, up to `MAX_HITS` and for at most `MAX_SECONDS`.

    Args:
        query: what to find.
        data: where to look.
        is_wanted: asked now and then; when it says no, the search ends.
        clock: seconds from any beginning.
    """
    starts, ends = array("q"), array("q")
    end_of_time = clock() + MAX_SECONDS

    def check() -> None:
        if not is_wanted():
            raise _Stopped("stopped")
        if len(starts) >= MAX_HITS:
            raise _Stopped(f"only the first {MAX_HITS:,} are counted")
        if clock() > end_of_time:
            raise _Stopped(f"stopped after {MAX_SECONDS:g} s")

    windows = _Regex(data) if query.kind is QueryKind.REGEX else _Literal(data)
    try:
        for start, end in windows.hits(query, check):
            if len(starts) >= MAX_HITS:
                check()
            starts.append(start)
            ends.append(end)
    except _Stopped as stopped:
        return Hits(starts, ends, str(stopped))
    return Hits(starts, ends, windows.note)


class _Literal:
    note = ""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def hits(self, query: Query, check: Callable[[], None]) -> Iterator[Span]:
        wanted, length = query.wanted, len(query.wanted)
        position = 0
        while position < len(self._data):
            check()
            piece = self._data[position : position + _WINDOW + length - 1]
            if query.caseless:
                piece = piece.lower()
            place = piece.find(wanted)
            after = 0
            while place >= 0:
                after = place + length
                yield position + place, position + after
                place = piece.find(wanted, after)
            position += max(_WINDOW, after)


class _Regex:
    def __init__(self, data: bytes) -> None:
        self.note = ""
        self._data = data
        self._window = _WINDOW

    def hits(self, query: Query, check: Callable[[], None]) -> Iterator[Span]:
        pattern = _compiled(query.wanted)
        position = 0
        while position < len(self._data):
            check()
            began = time.thread_time()  # not what other threads and programs took
            found: list[Span] = []
            try:
                position = self._search(pattern, position, found, check)
            except LimitError:
                # What was searched before the place that is too much has no other hit.
                position = max([position, *(end for _, end in found)])
                if self._window > 1:
                    self._window = max(1, self._window // 16)
                else:
                    self.note = "some places were too much work for the regex"
                    position += 1
            else:
                seconds = time.thread_time() - began
                if seconds > _TOO_LONG:
                    self._window = max(_SMALLEST_WINDOW, self._window // 4)
                elif seconds < _SHORT:
                    self._window = min(_WINDOW, self._window * 2)
            yield from found

    def _search(
        self, pattern: Pattern, position: int, found: list[Span], check: Callable[[], None]
    ) -> int:
        """Search one window; return where the next begins."""
        data = self._data
        overlap = min(_OVERLAP, max(_SMALLEST_OVERLAP, self._window))
        base = max(0, position - _LOOKED_BACK)
        limit = min(len(data), position + self._window)
        end_of_piece = min(len(data), limit + overlap)
        piece = data[base:end_of_piece]
        while position < limit:
            if len(found) % 1000 == 999:
                check()
            spans = pattern.search(piece, position - base)
            if spans is None or spans[0] is None:
                return limit
            start, end = spans[0][0] + base, spans[0][1] + base
            if start >= limit:
                return limit
            if end == end_of_piece < len(data):
                end = self._end_of_long(pattern, base, start)
            if end > start:
                found.append((start, end))
            position = max(end, start + 1)
        return position

    def _end_of_long(self, pattern: Pattern, base: int, start: int) -> int:
        """Where a hit ends that reached the end of its window; its start if it is none."""
        piece = self._data[base : start + LONGEST_HIT]
        spans = pattern.search(piece, start - base)
        if spans is None or spans[0] is None or spans[0][0] + base != start:
            return start
        return spans[0][1] + base
