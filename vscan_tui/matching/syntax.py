r"""A PCRE regex taken apart into a tree, each part with its place in the regex.

It is read for three purposes: to know which literal bytes a match must hold
(`literals`), to colour a regex and its groups on the screen, and to explain how
far a rule got.  What is not understood becomes `Opaque`, which stands for
anything, so that reading never fails and never claims too much.
"""

import re
import string
from collections.abc import Iterator

import msgspec

from vscan_tui.events import Span

ALL_BYTES = frozenset(range(256))
_NEWLINE = 0x0A
_DIGITS = frozenset(string.digits.encode())
_WORD = frozenset((string.ascii_letters + string.digits + "_").encode())
_SPACE = frozenset(b" \t\n\v\f\r")
_HORIZONTAL = frozenset(b" \t\xa0")
_VERTICAL = frozenset(b"\n\v\f\r\x85")
_ESCAPED_SETS = {
    "d": _DIGITS,
    "w": _WORD,
    "s": _SPACE,
    "h": _HORIZONTAL,
    "v": _VERTICAL,
    "N": ALL_BYTES - {_NEWLINE},
    "C": ALL_BYTES,
}
_ESCAPED_SETS |= {
    letter.upper(): ALL_BYTES - _ESCAPED_SETS[letter] for letter in ("d", "w", "s", "h", "v")
}
_ESCAPED_BYTES = {"n": 10, "r": 13, "t": 9, "f": 12, "a": 7, "e": 27}
_POSIX_SETS = {
    "alpha": frozenset(string.ascii_letters.encode()),
    "digit": _DIGITS,
    "alnum": frozenset((string.ascii_letters + string.digits).encode()),
    "upper": frozenset(string.ascii_uppercase.encode()),
    "lower": frozenset(string.ascii_lowercase.encode()),
    "space": _SPACE,
    "blank": frozenset(b" \t"),
    "punct": frozenset(string.punctuation.encode()),
    "print": frozenset(range(0x20, 0x7F)),
    "graph": frozenset(range(0x21, 0x7F)),
    "cntrl": frozenset([*range(0x20), 0x7F]),
    "xdigit": frozenset(string.hexdigits.encode()),
    "word": _WORD,
}
_QUANTIFIER = re.compile(
    r"(?:[*+?]|\{ *(?=[,\d])(?!, *\})(\d{0,5}) *(,?) *(\d{0,5}) *\})([+?]?)", re.ASCII
)
"""With the spaces and the missing lower limit that PCRE2 allows since 10.43."""
_WORD_EDGES = ("[[:<:]]", "[[:>:]]")
_HEXADECIMAL = re.compile(r"\\x(?:\{0*([0-9A-Fa-f]{1,2})\}|(?!\{)([0-9A-Fa-f]{0,2}))")
_OCTAL = re.compile(r"\\(0[0-7]{0,2})")
_CLASS_OCTAL = re.compile(r"\\([0-7]{1,3})")
_SEVERAL_DIGITS = re.compile(r"\\[1-9]\d+", re.ASCII)
_NAMED_ESCAPE = re.compile(
    r"\\(?:[pP](?:\{[^}]*\}|\w)|[gk](?:\{[^}]*\}|<[^>]*>|'[^']*'|[+-]?\d+))", re.ASCII
)
_POSIX = re.compile(r"\[:(\^?)([a-z]+):\]")
_GROUP_OPENINGS = (
    ("(?:", "plain"),
    ("(?|", "plain"),
    ("(?>", "atomic"),
    ("(?=", "ahead"),
    ("(?!", "not ahead"),
    ("(?<=", "behind"),
    ("(?<!", "not behind"),
)
_NAMED_GROUP = re.compile(r"\(\?(?:P?<|')(\w+)[>']")
_INLINE_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
_MAX_DEPTH = 200


class Literal(msgspec.Struct, frozen=True, gc=False):
    """One byte that must stand there; caseless if it is a letter and the rule says so."""

    span: Span
    byte: int
    caseless: bool = False


class ByteSet(msgspec.Struct, frozen=True, gc=False):
    r"""Any one byte of a set: a class, a dot, `\d` and their like."""

    span: Span
    members: frozenset[int]


class Anchor(msgspec.Struct, frozen=True, gc=False):
    r"""A condition on the place, such as `^`, `$` or `\b`."""

    span: Span
    kind: str


class Group(msgspec.Struct, frozen=True):
    """A parenthesis: capturing if it has a number."""

    span: Span
    branches: "tuple[Sequence, ...]"
    kind: str
    """One of capture, plain, atomic, ahead, not ahead, behind, not behind."""
    number: int | None = None

    @property
    def consumes(self) -> bool:
        """Whether what it matches is part of the match."""
        return self.kind in {"capture", "plain", "atomic"}


class Repeat(msgspec.Struct, frozen=True):
    """A part with a quantifier."""

    span: Span
    item: "Node"
    least: int
    most: int | None
    """None for no upper limit."""


class Reference(msgspec.Struct, frozen=True, gc=False):
    """What a group captured, again."""

    span: Span
    group: int


class Opaque(msgspec.Struct, frozen=True, gc=False):
    """A construct that is not understood; it may match anything."""

    span: Span


Node = Literal | ByteSet | Anchor | Group | Repeat | Reference | Opaque
Sequence = tuple[Node, ...]


class Regex(msgspec.Struct, frozen=True):
    """A whole regex: its branches at top level, of which one must match."""

    pattern: bytes
    branches: tuple[Sequence, ...]

    def walk(self) -> Iterator[Node]:
        """All nodes, outer before inner, in the order in which they are written."""
        for branch in self.branches:
            yield from _walk(branch)


def _walk(nodes: Sequence) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, Repeat):
            yield from _walk((node.item,))
        elif isinstance(node, Group):
            for branch in node.branches:
                yield from _walk(branch)


def parse(pattern: bytes, flags: str = "") -> Regex:
    """Take a regex apart; never fails.

    Args:
        pattern: the regex as bytes, as between the delimiters of a rule.
        flags: any of "i" and "s".
    """
    reader = _Reader(pattern.decode("latin-1"), caseless="i" in flags, dot_all="s" in flags)
    try:
        return Regex(pattern, reader.whole())
    except _NotUnderstoodError:
        return Regex(pattern, ((Opaque((0, len(pattern))),),))


def group_spans(pattern: bytes) -> tuple[Span, ...]:
    """Where each capturing group stands in the regex, in order of their numbers.

    The spans are half-open ranges of bytes of the pattern, parentheses included.
    """
    groups = [
        node
        for node in parse(pattern).walk()
        if isinstance(node, Group) and node.number is not None
    ]
    return tuple(group.span for group in sorted(groups, key=lambda group: group.number or 0))


class _NotUnderstoodError(Exception):
    pass


class _Reader:
    """A recursive-descent reader of one regex."""

    def __init__(self, text: str, *, caseless: bool, dot_all: bool) -> None:
        self._text = text
        self._caseless = caseless
        self._dot_all = dot_all
        self._groups = 0
        self.position = 0

    def whole(self) -> tuple[Sequence, ...]:
        """Read to the end."""
        branches = self.branches(depth=0)
        if self.position < len(self._text):  # an unbalanced parenthesis
            raise _NotUnderstoodError
        return branches

    def branches(self, depth: int) -> tuple[Sequence, ...]:
        """Read alternatives up to a closing parenthesis or the end."""
        if depth > _MAX_DEPTH:
            raise _NotUnderstoodError
        caseless, dot_all = self._caseless, self._dot_all
        found: list[Sequence] = []
        nodes: list[Node] = []
        while self.position < len(self._text):
            character = self._text[self.position]
            if character == ")":
                break
            if character == "|":
                found.append(tuple(nodes))
                nodes = []
                self.position += 1
                continue
            nodes.extend(self._quantified(self._atoms(depth)))
        found.append(tuple(nodes))
        self._caseless, self._dot_all = caseless, dot_all
        return tuple(found)

    def _atoms(self, depth: int) -> list[Node]:
        r"""Read one atom; several for `\Q...\E`, none for inline flags."""
        start = self.position
        character = self._text[start]
        match character:
            case "(":
                return self._group(depth)
            case "[" if self._text.startswith(_WORD_EDGES, start):
                self.position += len(_WORD_EDGES[0])
                return [Anchor((start, self.position), self._text[start : self.position])]
            case "[":
                return [self._class()]
            case "\\":
                return self._escape()
            case ".":
                self.position += 1
                members = ALL_BYTES if self._dot_all else ALL_BYTES - {_NEWLINE}
                return [ByteSet((start, self.position), members)]
            case "^" | "$":
                self.position += 1
                return [Anchor((start, self.position), character)]
            case _:
                self.position += 1
                return [self._literal(start, ord(character))]

    def _literal(self, start: int, byte: int) -> Literal:
        caseless = self._caseless and chr(byte).isalpha() and byte < 0x80
        return Literal((start, self.position), byte, caseless)

    def _quantified(self, atoms: list[Node]) -> list[Node]:
        quantifier = _QUANTIFIER.match(self._text, self.position)
        if quantifier is None:
            return atoms
        if not atoms:  # it belongs to what stands before a comment or before \E
            raise _NotUnderstoodError
        self.position = quantifier.end()
        if _QUANTIFIER.match(self._text, self.position):  # refused by PCRE2
            raise _NotUnderstoodError
        least, most = _bounds(quantifier)
        item = atoms[-1]
        atoms[-1] = Repeat((item.span[0], self.position), item, least, most)
        return atoms

    def _group(self, depth: int) -> list[Node]:
        start = self.position
        text = self._text
        if text.startswith("(?#", start):
            end = text.find(")", start)
            if end < 0:
                raise _NotUnderstoodError
            self.position = end + 1
            return []
        if text.startswith("(*", start):
            raise _NotUnderstoodError
        if text.startswith("(?", start):
            for opening, kind in _GROUP_OPENINGS:
                if text.startswith(opening, start):
                    if opening == "(?|":  # numbers groups anew in each branch
                        raise _NotUnderstoodError
                    self.position = start + len(opening)
                    return [self._group_rest(start, depth, kind, None)]
            flags = _INLINE_FLAGS.match(text, start)
            if flags is not None:
                return self._inline_flags(flags, depth)
            named = _NAMED_GROUP.match(text, start)
            if named is None:
                raise _NotUnderstoodError
            self.position = named.end()
        else:
            self.position = start + 1
        self._groups += 1
        return [self._group_rest(start, depth, "capture", self._groups)]

    def _group_rest(self, start: int, depth: int, kind: str, number: int | None) -> Group:
        branches = self.branches(depth + 1)
        if self.position >= len(self._text):
            raise _NotUnderstoodError
        self.position += 1
        return Group((start, self.position), branches, kind, number)

    def _inline_flags(self, flags: re.Match[str], depth: int) -> list[Node]:
        switched_on, switched_off, end = flags.groups()
        if set(switched_on + (switched_off or "")) - set("is"):
            raise _NotUnderstoodError
        before = self._caseless, self._dot_all
        for letters, state in ((switched_on, True), (switched_off or "", False)):
            self._caseless = state if "i" in letters else self._caseless
            self._dot_all = state if "s" in letters else self._dot_all
        self.position = flags.end()
        if end == ")":  # holds to the end of the group around it, which restores them
            return []
        group = self._group_rest(flags.start(), depth, "plain", None)
        self._caseless, self._dot_all = before
        return [group]

    def _escape(self) -> list[Node]:
        start = self.position
        text = self._text
        letter = text[start + 1 : start + 2]
        if not letter:
            raise _NotUnderstoodError
        if letter == "Q":
            return self._quoted(start)
        if letter == "E":
            self.position += 2
            return []
        if letter in _ESCAPED_SETS:
            self.position += 2
            return [ByteSet((start, self.position), _ESCAPED_SETS[letter])]
        if letter in "bBAzZG":
            self.position += 2
            return [Anchor((start, self.position), "\\" + letter)]
        if letter in "123456789":
            several = _SEVERAL_DIGITS.match(text, start)
            if several is not None:  # a group or an octal byte, by the number of groups
                self.position = several.end()
                return [Opaque((start, self.position))]
            self.position += 2
            return [Reference((start, self.position), int(letter))]
        if letter in "pPgk":
            named = _NAMED_ESCAPE.match(text, start)
            if named is None:
                raise _NotUnderstoodError
            self.position = named.end()
            return [Opaque((start, self.position))]
        if letter.isalpha() and letter not in "xonrtfaec":
            self.position += 2
            return [Opaque((start, self.position))]
        return [self._literal(start, self._escaped_byte())]

    def _quoted(self, start: int) -> list[Node]:
        end = self._text.find("\\E", start)
        stop = end if end >= 0 else len(self._text)
        nodes: list[Node] = []
        for self.position in range(start + 3, stop + 1):
            place = self.position - 1
            nodes.append(self._literal(place, ord(self._text[place])))
        self.position = stop + 2 if end >= 0 else stop
        return nodes

    def _escaped_byte(self) -> int:
        """Read an escape that stands for one byte; the position is at the backslash."""
        text, start = self._text, self.position
        letter = text[start + 1]
        if letter in _ESCAPED_BYTES:
            self.position += 2
            return _ESCAPED_BYTES[letter]
        hexadecimal = _HEXADECIMAL.match(text, start)
        if hexadecimal is not None:
            self.position = hexadecimal.end()
            return int(hexadecimal[1] or hexadecimal[2] or "0", 16)
        octal = _OCTAL.match(text, start)
        if octal is not None:
            self.position = octal.end()
            return int(octal[1], 8)
        if letter.isalnum():
            raise _NotUnderstoodError
        self.position += 2
        return ord(letter)

    def _class(self) -> ByteSet:
        start = self.position
        text = self._text
        self.position += 1
        negated = text.startswith("^", self.position)
        self.position += negated
        members: set[int] = set()
        first = True
        while True:
            if self.position >= len(text):
                raise _NotUnderstoodError
            if text[self.position] == "]" and not first:
                break
            first = False
            members |= self._class_part()
        self.position += 1
        if self._caseless:
            members |= {ord(chr(byte).swapcase()) for byte in members if byte < 0x80}
        found = ALL_BYTES - members if negated else frozenset(members)
        return ByteSet((start, self.position), found)

    def _class_part(self) -> frozenset[int]:
        text = self._text
        posix = _POSIX.match(text, self.position)
        if posix is not None:
            if posix[2] not in _POSIX_SETS:
                raise _NotUnderstoodError
            self.position = posix.end()
            members = _POSIX_SETS[posix[2]]
            return ALL_BYTES - members if posix[1] else members
        if text[self.position] == "\\":
            letter = text[self.position + 1 : self.position + 2]
            if letter in _ESCAPED_SETS and letter:
                self.position += 2
                return _ESCAPED_SETS[letter]
        low = self._class_byte()
        if (
            text.startswith("-", self.position)
            and not text.startswith("-]", self.position)
            and not (
                text[self.position + 1 : self.position + 2] == "\\"
                and text[self.position + 2 : self.position + 3] in _ESCAPED_SETS
            )
        ):
            self.position += 1
            high = self._class_byte()
            return frozenset(range(low, high + 1))
        return frozenset([low])

    def _class_byte(self) -> int:
        if self.position >= len(self._text):
            raise _NotUnderstoodError
        if self._text[self.position] != "\\":
            self.position += 1
            return ord(self._text[self.position - 1])
        letter = self._text[self.position + 1 : self.position + 2]
        if letter == "b":
            self.position += 2
            return 8
        octal = _CLASS_OCTAL.match(self._text, self.position)
        if octal is not None:
            self.position = octal.end()
            return int(octal[1], 8) & 0xFF
        if not letter:
            raise _NotUnderstoodError
        return self._escaped_byte()


def _bounds(quantifier: re.Match[str]) -> tuple[int, int | None]:
    match quantifier.group()[0]:
        case "*":
            return 0, None
        case "+":
            return 1, None
        case "?":
            return 0, 1
        case _:
            least = int(quantifier[1] or "0")
            if not quantifier[2]:
                return least, least
            return least, int(quantifier[3]) if quantifier[3] else None
