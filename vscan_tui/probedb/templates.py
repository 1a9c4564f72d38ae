"""Version fields: templates such as `$1` and `$SUBST(1,"_",".")`, filled from captured groups.

Source: nmap-behaviour.md, "Matching one response".
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vscan_tui.events import Fields
from vscan_tui.probedb.escapes import EscapeError, unescape

FIELD_NAMES = {
    "p": "product",
    "v": "version",
    "i": "info",
    "h": "hostname",
    "o": "ostype",
    "d": "devicetype",
}
"""What each letter of a rule stands for."""

CPE_PREFIX = "cpe:/"
CPE_PARTS = "aho"
"""Application, hardware, operating system: the order in which CPEs are printed."""

_GROUP = r"\s* \+?0* (?P<{}> [1-9]) \s*"
_STRING = r'\s* "(?P<{}> (?:[^"\\]|\\.)* )" \s*'
_SUBSTITUTION = re.compile(
    rf"""
      \$ (?P<group> [1-9])
    | \$P \( {_GROUP.format("printable")} \)
    | \$SUBST \( {_GROUP.format("subst")} , {_STRING.format("old")} , {_STRING.format("new")} \)
    | \$I \( {_GROUP.format("integer")} , \s* "(?P<order> [<>])" \s* \)
    | (?P<invalid> \$)
    """,
    re.VERBOSE | re.DOTALL,
)
_NOT_PRINTABLE = re.compile(rb"[^\x20-\x7e]+")
_CPE_RESERVED = re.compile(rb"""[:/?#\[\]@!$&'()*+,;=%<>"]""")
_WHITE_SPACE = re.compile(rb"\s")
_MAX_INTEGER_BYTES = 8
_TRAILING = " \t\n\v\f\r,"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a template: literal text (group 0), or what is made of one group."""

    text: str
    group: int = 0
    helper: str = ""
    """One of "", "P", "SUBST", "I"; "?" for a substitution that cannot be applied."""
    arguments: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def pieces(template: str) -> tuple[Piece, ...]:
    """Take a template apart; the pieces' texts joined are the template."""
    found: list[Piece] = []
    position = 0
    for match in _SUBSTITUTION.finditer(template):
        if match.start() > position:
            found.append(Piece(template[position : match.start()]))
        found.append(_substitution(match))
        position = match.end()
    if position < len(template):
        found.append(Piece(template[position:]))
    return tuple(found)


def _substitution(match: re.Match[str]) -> Piece:
    text = match.group()
    if match["group"]:
        return Piece(text, int(match["group"]))
    if match["printable"]:
        return Piece(text, int(match["printable"]), "P")
    if match["subst"]:
        try:
            old, new = (unescape(match[name]).decode("latin-1") for name in ("old", "new"))
        except EscapeError:
            return Piece(text, 0, "?")
        return Piece(text, int(match["subst"]), "SUBST", (old, new))
    if match["integer"]:
        return Piece(text, int(match["integer"]), "I", (match["order"],))
    return Piece(text, 0, "?")


def piece_value(piece: Piece, groups: Sequence[bytes | None]) -> bytes | None:
    """What a piece becomes, or None when it cannot be applied.

    `groups` holds the whole match first, then each group; None for a group
    that took no part in the match.  A value ends before a NUL, as it does in
    Nmap, where values are C strings; what follows it in the template stays.
    """
    if not piece.group:
        return None if piece.helper else piece.text.encode("latin-1")
    captured = groups[piece.group] if piece.group < len(groups) else None
    if captured is None:
        return None
    match piece.helper:
        case "":
            return captured.partition(b"\0")[0]
        case "P":
            return _NOT_PRINTABLE.sub(b"", captured)
        case "SUBST":
            old, new = (argument.encode("latin-1") for argument in piece.arguments)
            return captured.replace(old, new).partition(b"\0")[0] if old else None
        case _:
            if len(captured) > _MAX_INTEGER_BYTES:
                return None
            big_endian = piece.arguments[0] == ">"
            return str(int.from_bytes(captured, "big" if big_endian else "little")).encode()


def fill(template: str, groups: Sequence[bytes | None]) -> str:
    """Fill one version field; empty when any piece of it cannot be applied."""
    if "$" not in template:
        return _trimmed(template)
    values = []
    for piece in pieces(template):
        value = piece_value(piece, groups)
        if value is None:
            return ""
        values.append(value)
    return _trimmed(b"".join(values).decode("latin-1"))


def fill_cpe(template: str, groups: Sequence[bytes | None]) -> str:
    """Fill a CPE; each substitution is lower-cased and percent-encoded before it goes in."""
    if "$" not in template:
        return CPE_PREFIX + _trimmed(template)
    values = []
    for piece in pieces(template):
        value = piece_value(piece, groups)
        if value is None:
            return ""
        values.append(_cpe_encoded(value) if piece.group else value)
    return CPE_PREFIX + _trimmed(b"".join(values).decode("latin-1"))


def _trimmed(text: str) -> str:
    return text.rstrip(_TRAILING)


def _cpe_encoded(value: bytes) -> bytes:
    value = _WHITE_SPACE.sub(b"_", value.lower())
    return _CPE_RESERVED.sub(lambda match: b"%%%02X" % match.group()[0], value)


class Filler:
    """The version fields of a rule, taken apart once to be filled often."""

    __slots__ = ("_constant", "_cpes", "_filled", "_varying", "groups")

    def __init__(self, templates: Sequence[tuple[str, str]]) -> None:
        """Take the templates of a rule apart."""
        singles = {FIELD_NAMES[key]: text for key, text in templates if key != "cpe"}
        self._cpes = [text for key, text in templates if key == "cpe"]
        self._constant = {name: fill(text, ()) for name, text in singles.items() if "$" not in text}
        self._varying = [(name, text) for name, text in singles.items() if "$" in text]
        varying = [text for _, text in self._varying] + [text for text in self._cpes if "$" in text]
        self.groups = frozenset(
            piece.group for text in varying for piece in pieces(text) if piece.group
        )
        """The groups of which the fields are made."""
        self._filled = None if varying else self._fields(())

    def fill(self, groups: Sequence[bytes | None]) -> Fields:
        """Fill all version fields; of the CPEs, one for each part is kept.

        Args:
            groups: the whole match first, then each group; None for a group
                that took no part.  Those that are not in `self.groups` may be
                None, or left out at the end.
        """
        return self._filled or self._fields(groups)

    def _fields(self, groups: Sequence[bytes | None]) -> Fields:
        values = self._constant
        if self._varying:
            values = values | {name: fill(text, groups) for name, text in self._varying}
        filled = [(text, fill_cpe(text, groups)) for text in self._cpes]
        return Fields(
            **values,
            cpes=_one_for_each_part([(_part(cpe or text), cpe) for text, cpe in filled]),
        )


def fill_all(templates: Sequence[tuple[str, str]], groups: Sequence[bytes | None]) -> Fields:
    """Fill all version fields of a rule once."""
    return Filler(templates).fill(groups)


def merged(earlier: Fields, later: Fields) -> Fields:
    """The later fields, and the earlier ones where the later are empty."""
    values = {name: getattr(later, name) or getattr(earlier, name) for name in FIELD_NAMES.values()}
    cpes = [(_part(cpe), cpe) for cpe in (*earlier.cpes, *later.cpes)]
    return Fields(**values, cpes=_one_for_each_part(cpes))


def _one_for_each_part(cpes: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Of (part, CPE), the last of each part, in the order in which they are printed.

    One that is empty, because it could not be filled, leaves its part empty, as in Nmap.
    """
    by_part = dict(cpes)
    return tuple(by_part[part] for part in CPE_PARTS if by_part.get(part))


def _part(cpe: str) -> str:
    return cpe.removeprefix(CPE_PREFIX)[:1]
