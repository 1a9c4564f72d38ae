r"""Finds service fingerprints in text of any kind: a report, a mail, a web page, a log.

A fingerprint begins with `SF-Port` anywhere in a line; its further lines begin
with `SF:`, after what mails, editors and logs put before lines.  Lines that
were wrapped once more, and lines that do not belong, are told apart by their
length and by what follows.
"""

import html
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from vscan_tui.session.importers.fingerprint_packing import LINE_LENGTH
from vscan_tui.session.importers.fingerprint_text import (
    HYPHENS,
    MAX_CHARACTERS,
    ServiceFingerprint,
    decode_fingerprint,
)

MOST_FINGERPRINTS = 100_000
_LOOK_AHEAD = 4
"""So many lines that do not belong may stand inside a fingerprint."""

_DASH = rf"\\?[-{HYPHENS}]"
_START = re.compile(rf"SF{_DASH}Port(?=\d{{1,9}}{_DASH}(?:TCP|UDP|SCTP)\b)", re.IGNORECASE)
_BEFORE = re.compile(r"(?:[\s>|:;#*/+\-\d.)\]}`~$%]|<[^<>]{0,100}>|[A-Za-z]{1,8}>)*")
"""What may stand before `SF:`: signs of quotation, line numbers, tags."""
_MARKED = re.compile(r"(.{0,200}?)(?:SF ?[:;\uff1a]|sf ?:|(?<![^\s>|])F:)(.*)", re.DOTALL)
"""`SF:`, also where a letter of it was lost or changed on the way."""
_MARK = "SF:"
_INNER = re.compile(r"\s+SF:|(?:<[^<>]{1,100}>)+SF:")
"""Where lines were joined, with what stands between them now."""
_BORDER = re.compile(r"\s+[|\u2502\u2503\\]\s*$")
"""The right side of a table, or the sign that a line goes on."""
_TERMINAL = re.compile(
    r"(?:\x1b|\^\[)(?:\[[0-9;:?]{0,30}[ -/]?[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[()]B)"
)
"""Colours and links of a terminal (ECMA-48)."""
_DONE = re.compile(r"(?<!\\)(?:\"|&quot;|”)\s*\)\s*;")
_LONGEST_END = 20
"""Characters in which the end of a fingerprint has room, and the backslash that would unmake it."""
_TAG_AT_END = re.compile(r"\s*</?[A-Za-z][^<>]{0,100}>$")
_QUOTED_PRINTABLE = re.compile(r"SF-Port\d{1,9}-[A-Z]{3,4}:V=3D")
_ENTITIES = re.compile(
    r"&#(?:83|x53);&#(?:70|x46);|(?:SF|&#70;|&#x46;)&#(?:0*45|x2d);"
    r"|SF-Port\d{1,9}-[A-Z]{3,4}(?:&#58;|&#x3a;|&colon;)",
    re.IGNORECASE,
)
"""Where not only the signs that HTML needs are written as entities."""
_DIGITS = re.compile(r"\d+")


def decode_text(data: bytes) -> str:
    """Return what a file says, whatever its encoding: UTF-8, UTF-16 with a mark, or Latin-1."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def find_fingerprints(text: str) -> Iterator[ServiceFingerprint]:
    """Yield every fingerprint in a text, decoded, in order."""
    if _QUOTED_PRINTABLE.search(text):
        text = quopri.decodestring(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    if _ENTITIES.search(text):
        text = html.unescape(text)
    lines = re.split(r"\r\n|[\r\n\u2028\u2029]", _TERMINAL.sub("", text))
    for _, block in zip(range(MOST_FINGERPRINTS), _blocks(lines), strict=False):
        found = decode_fingerprint(f"\n{_MARK}".join(block.pieces), block.line, block.quote)
        if block.left_out:
            told = ", ".join(map(str, block.left_out[:5]))
            problem = f"Lines that do not belong to it are left out: {told}."
            found = replace(found, problems=(*found.problems, problem))
        if found.port is not None or found.responses:
            yield found


@dataclass(slots=True)
class _Block:
    """The lines of one fingerprint, without what stands before them."""

    line: int
    pieces: list[str]
    before: str = ""
    """What stands before the first line; digits do not count."""
    left_out: list[int] = field(default_factory=list)
    characters: int = 0

    def add(self, piece: str) -> None:
        # Nothing beyond the limit will be read; a gigabyte need not be kept for that.
        if self.characters <= MAX_CHARACTERS:
            self.pieces.append(piece)
            self.characters += len(piece)

    @property
    def quote(self) -> str:
        """The quotation mark before it, if there is one."""
        return self.before[-1:] if self.before.endswith(('"', "'", "`")) else ""

    @property
    def is_done(self) -> bool:
        return _DONE.search(self.pieces[-1]) is not None

    @property
    def last_length(self) -> int:
        return len(self.pieces[-1]) + (3 if len(self.pieces) > 1 else 0)


def _blocks(lines: list[str]) -> Iterator[_Block]:
    block: _Block | None = None
    index = 0
    while index < len(lines):
        line, taken = lines[index], 1
        starts = [each.start() for each in _START.finditer(line)]
        rest = None if starts else _continuation(line, block)
        if starts:
            if block is not None:
                yield block
            *whole, block = _begun(line, starts, index + 1)
            yield from whole
        elif rest is not None and block is None:
            before = _without_digits(line[: line.find(_MARK)])
            block = _Block(index + 1, _parts(rest), before)
        elif rest is not None and block is not None:
            for piece in _parts(rest):
                block.add(piece)
        elif block is not None:
            taken = _wrapped_residue(lines, index, block)
            if not taken and not _goes_on(lines, index + 1, block):
                yield block
                block = None
            elif not taken and line.strip():
                block.left_out.append(index + 1)
        index += max(1, taken)
    if block is not None:
        yield block


def _begun(line: str, starts: list[int], number: int) -> list[_Block]:
    """The fingerprints that begin in a line."""
    before = _without_digits(line[: starts[0]])
    return [
        _Block(number, _parts(line[start:end]), before)
        for start, end in zip(starts, [*starts[1:], len(line)], strict=True)
    ]


def _parts(text: str) -> list[str]:
    """The lines that a line is made of, if some were joined; without what HTML puts around."""
    if text[LINE_LENGTH:].startswith(_MARK):  # joined without anything between
        places = range(LINE_LENGTH, len(text), LINE_LENGTH)
        joined = [text[place : place + LINE_LENGTH].removeprefix(_MARK) for place in places]
        return [text[:LINE_LENGTH], *map(_without_tags, joined)]
    return [_without_tags(_BORDER.sub("", part).rstrip()) for part in _INNER.split(text)]


def _without_tags(text: str) -> str:
    # A response may have tags too: those within the length of a line are its own, unless
    # the page has written its own ones otherwise.
    bare = text
    while len(bare) > LINE_LENGTH - len(_MARK) and (tag := _TAG_AT_END.search(bare)):
        bare = bare[: tag.start()]
    is_line = len(bare) in {LINE_LENGTH, LINE_LENGTH - len(_MARK)}
    return bare if is_line or "&" in text else text


def _without_digits(text: str) -> str:
    return "".join(_DIGITS.sub("", text).split())[-80:]


def _continuation(line: str, block: _Block | None) -> str | None:
    """What stands after `SF:` in a line, if that is where a fingerprint goes on."""
    marked = _MARKED.match(line)
    if marked is None:
        return None
    before = marked[1]
    known = block is not None and _without_digits(before) == block.before
    return marked[2] if known or _BEFORE.fullmatch(before) else None


def _wrapped_residue(lines: list[str], index: int, block: _Block) -> int:
    """Take the rest of a line that was wrapped once more, if that is what stands here.

    Returns how many lines were taken; none if they are something else.
    """
    if block.is_done:
        return 0
    taken: list[str] = []
    length, tail = block.last_length, block.pieces[-1]
    is_wrapped_by_nmap = len(block.pieces) > 1
    for line in lines[index : index + 100_000]:
        text = line.strip().removeprefix(block.before).strip()
        if _START.search(line) or _continuation(line, block) is not None:
            break
        if not text or any(letter.isspace() for letter in text):
            break
        length += len(text)
        if is_wrapped_by_nmap and length > LINE_LENGTH + 1:
            break
        taken.append(text)
        tail = tail[-_LONGEST_END:] + text
        if _DONE.search(tail):
            break
    following = lines[index + len(taken)] if index + len(taken) < len(lines) else ""
    is_followed = _continuation(following, block) is not None
    if not taken or not (is_followed or _DONE.search(tail)):
        return 0
    block.pieces[-1] += "".join(taken)
    block.characters += sum(map(len, taken))
    return len(taken)


def _goes_on(lines: list[str], index: int, block: _Block) -> bool:
    """Whether an unfinished fingerprint goes on within a few lines."""
    if block.is_done:
        return False
    for line in lines[index : index + _LOOK_AHEAD]:
        if _START.search(line):
            return False
        if _continuation(line, block) is not None:
            return True
    return False
