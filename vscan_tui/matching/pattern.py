"""The one place that knows PCRE2 and its limits.

Rules are PCRE2 over raw bytes: no UTF, caseless and dotall only where flagged,
unanchored search, and limits for each call.
Source: nmap-behaviour.md, "The probe database".
"""

import re
import time
from collections.abc import Callable, Container
from dataclasses import dataclass

import pcre2

from vscan_tui.events import Span

MATCH_LIMIT = 50_000
DEPTH_LIMIT = 1_000
SEARCH_SECONDS = 0.5
"""Of processor time that a search may take.

PCRE2 counts its limits anew at each place where a match may begin, so a regex
that may begin anywhere can take thousands of times as long as one that is
anchored; and the interpreter waits meanwhile.
"""
_OFTEN = 0.002
"""Seconds of processor time after which a search that takes long lets others have their turn."""
UNGUARDED_BYTES = 256
"""In so few no search takes long: it is not looked at while it is under way."""
HEAP_LIMIT_KIB = 10_240


def _limits(match_limit: int) -> bytes:
    return (
        f"(*LIMIT_MATCH={match_limit})(*LIMIT_DEPTH={DEPTH_LIMIT})(*LIMIT_HEAP={HEAP_LIMIT_KIB})"
    ).encode()


_LIMITS = _limits(MATCH_LIMIT)

# The binding compiles with PCRE2_ALT_BSUX and PCRE2_NEVER_BACKSLASH_C, which
# change what these escapes mean; they are spelled out instead.
_TRANSLATED = re.compile(
    rb"\\(?: x\{0*(?P<braced>[0-9A-Fa-f]{1,2})\} | x(?!\{[0-9A-Fa-f])(?P<digits>[0-9A-Fa-f]{0,2})"
    rb"| (?P<any>C) | (?P<unsupported>[uUlL]|x) | Q(?s:.*?)(?:\\E|\Z) | (?s:.) )",
    re.VERBOSE,
)


_PERHAPS_TRANSLATED = re.compile(rb"\\(?:x(?![0-9A-Fa-f]{2})|[CuUlL])")
"""Stands in every regex of which something is translated; `\\x` and two digits mean the same."""

_VERBS = re.compile(rb"(?:\(\*[A-Z_]+(?:=[0-9]+)?\))*")
"""They count only at the very beginning of a regex."""
_STRUCTURE = re.compile(rb"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]", re.DOTALL)

_OPTIONS = {
    (False, False): pcre2.NOFLAG,
    (True, False): pcre2.IGNORECASE,
    (False, True): pcre2.DOTALL,
    (True, True): pcre2.IGNORECASE | pcre2.DOTALL,
}
"""By whether a regex is caseless, and whether its dot matches a newline."""


@dataclass(frozen=True, slots=True)
class PatternFault:
    """Why a regex cannot be used, and where (offset in bytes)."""

    offset: int
    message: str


class LimitError(Exception):
    """A search ran into one of PCRE2's limits, which counts as no match."""


class OverrunError(LimitError):
    """A search took longer than `SEARCH_SECONDS`, which counts as no match too."""


class Pattern:
    """A compiled regex of a rule."""

    __slots__ = ("_groups", "_guard", "_regex", "_search", "_worked")

    def __init__(
        self,
        pattern: bytes,
        flags: str,
        *,
        match_limit: int = MATCH_LIMIT,
        finds_empty: bool = True,
        worked: Callable[[], None] = lambda: None,
    ) -> None:
        """Compile.

        Args:
            pattern: the regex, as between the delimiters of a rule.
            flags: any of "i" and "s".
            match_limit: PCRE2's, for each place where a match may begin.
            finds_empty: whether the empty string counts as a match.
            worked: called now and then in a search that takes long; it may rest.

        Raises:
            ValueError: PCRE2 refuses the regex.
        """
        limits = _LIMITS if match_limit == MATCH_LIMIT else _limits(match_limit)
        start = limits if finds_empty else limits + b"(*NOTEMPTY)"
        self._regex = start, _translated(pattern), _OPTIONS["i" in flags, "s" in flags]
        begin, body, options = self._regex
        try:
            # JIT counts its limits differently, and costs more to compile than
            # is ever won back on a handful of searches.
            compiled = pcre2.compile(begin + body, options, jit=False)
        except pcre2.PatternError as error:
            raise ValueError(str(error)) from error
        self._search = compiled.search
        self._groups: int = compiled.groups
        self._guard: Callable[[bytes, int], pcre2.Match | None] | None = None
        self._worked = worked

    def search(self, response: bytes, start: int = 0) -> tuple[Span | None, ...] | None:
        """Find the first place where the regex matches.

        Args:
            response: what is searched.
            start: no match begins before it; what is before it can be looked back at.

        Returns:
            The spans of the whole match and of each group, None for a group
            that took no part; or None when nothing matches.

        Raises:
            LimitError: PCRE2 gave up.
        """
        found = self.find(response, start)
        return None if found is None else found.spans()

    def find(self, response: bytes, start: int = 0) -> "Found | None":
        """Find the first place where the regex matches, of which little may be asked.

        As `search` otherwise.

        Raises:
            LimitError: PCRE2 gave up.
        """
        search = self._search
        if len(response) > UNGUARDED_BYTES:
            search = self._guard or self._guarded()
        try:
            match = search(response, start)
        except pcre2.LibraryError as error:
            raise LimitError(str(error)) from error
        return None if match is None else Found(match, self._groups)

    def _guarded(self) -> "Callable[[bytes, int], pcre2.Match | None]":
        """A search that is given up after a while, where it may take long."""
        begin, body, options = self._regex
        if _is_anchored(body):
            self._guard = self._search
        else:
            self._guard = _Guard(begin, body, options, self._worked).search
        return self._guard


class _Guard:
    """A search that is looked at wherever PCRE2 tries to begin a match.

    Then other threads have their turn too, which they have not while PCRE2 works.
    """

    def __init__(self, begin: bytes, body: bytes, options: int, worked: Callable[[], None]) -> None:
        verbs = _VERBS.match(body)
        place = verbs.end() if verbs else 0
        regex = begin + body[:place] + b"(?C1)" + body[place:]
        self._compiled = pcre2.compile(regex, options, jit=False, callout=self._look)
        self._worked = worked
        self._until = self._due = 0.0
        self._is_over = False

    def search(self, response: bytes, start: int) -> pcre2.Match | None:
        began = time.thread_time()
        self._until, self._due = began + SEARCH_SECONDS, began + _OFTEN
        self._is_over = False
        match = self._compiled.search(response, start)
        if self._is_over:
            message = f"it took longer than {SEARCH_SECONDS:g} s"
            raise OverrunError(message)
        return match

    def _look(self, _block: pcre2.CalloutBlock) -> pcre2.CalloutReturn | None:
        now = time.thread_time()
        if now < self._due:
            return None
        if now >= self._until:
            self._is_over = True
            return pcre2.CalloutReturn.ABORT
        self._due = now + _OFTEN
        self._worked()
        return None


def _is_anchored(body: bytes) -> bool:
    """Whether a match can begin at one place only; False when in doubt."""
    if not body.startswith((b"^", b"\\A")):
        return False
    if b"|" not in body:
        return True
    depth = 0
    for part in _STRUCTURE.finditer(body):
        if part[0] == b"(":
            depth += 1
        elif part[0] == b")":
            depth -= 1
        elif part[0] == b"|" and depth <= 0:
            return False
    return True


class Found:
    """Where a regex matches."""

    __slots__ = ("_groups", "_match")

    def __init__(self, match: pcre2.Match, groups: int) -> None:
        """Of a match of PCRE2, and of how many groups its regex has."""
        self._match = match
        self._groups = groups

    def spans(self) -> tuple[Span | None, ...]:
        """The spans of the whole match and of each group; None for one that took no part."""
        spans: list[Span] = [self._match.span(group) for group in range(self._groups + 1)]
        return tuple([None if span[0] < 0 else span for span in spans])

    def captured(self, wanted: Container[int]) -> list[bytes | None]:
        """The bytes of the whole match and of each group; None for those that are not wanted."""
        match = self._match
        return [match[group] if group in wanted else None for group in range(self._groups + 1)]


def check(pattern: bytes, flags: str) -> tuple[int, str] | None:
    """Say where (offset in bytes) and why a regex cannot be used in a rule; None if it can."""
    try:
        compiled = Pattern(pattern, flags)
    except ValueError as error:
        position = re.search(r"position (\d+); (.*)", str(error))
        if position is None:
            return 0, f"PCRE2 refuses the regex: {error}"
        offset = max(0, int(position[1]) - len(_LIMITS))
        return min(offset, len(pattern)), f"PCRE2 refuses the regex: {position[2]}"
    try:
        if compiled.search(b"") is not None:
            return 0, "the regex can match the empty string, so it would match anything"
    except LimitError as error:
        return 0, f"the regex exceeds PCRE2's limits on an empty response: {error}"
    return None


def _translated(pattern: bytes) -> bytes:
    if _PERHAPS_TRANSLATED.search(pattern) is None:
        return pattern
    return _TRANSLATED.sub(_translation, pattern)


def _translation(match: re.Match[bytes]) -> bytes:
    digits = match["braced"] if match["braced"] is not None else match["digits"]
    if digits is not None:
        return rb"\x" + digits.rjust(2, b"0")
    if match["any"]:
        return rb"[\x00-\xff]"
    if match["unsupported"]:
        return rb"(*UNSUPPORTED)"  # refused by PCRE2, as in any program that is not JavaScript
    return match.group()
