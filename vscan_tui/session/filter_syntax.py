"""How a filter is written: text to terms, with the place of every part."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

MAX_LENGTH = 1000
MAX_TERMS = 50
_NAME = re.compile(r"([A-Za-z]+)([:~])")
_BLANKS = re.compile(r"\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class FilterError(Exception):
    """A text is no filter: what is wrong, and where in the text (start, end) it is."""

    def __init__(self, message: str, start: int, end: int) -> None:
        """Say what and where, in characters."""
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class Item:
    """One value, or a plain word."""

    text: str
    start: int
    end: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Term:
    """One condition as written."""

    start: int
    end: int
    negated: bool
    field: str
    """In lower case; empty for a plain word."""
    operator: str
    """`:`, `~`, or nothing for a plain word."""
    name_start: int
    name_end: int
    items: tuple[Item, ...]


class Part(Enum):
    """What a part of a filter is, for its colour."""

    NEGATION = "negation"
    FIELD = "field"
    VALUE = "value"
    REGEX = "regex"
    WORD = "word"


def parse(text: str) -> list[Term]:
    """Read a filter.

    Raises:
        FilterError: a quote has no end, or there is too much of it.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter has at most {MAX_LENGTH} characters", MAX_LENGTH, len(text))
    terms = list(_terms(text))
    if len(terms) > MAX_TERMS:
        raise FilterError(
            f"a filter has at most {MAX_TERMS} terms", terms[MAX_TERMS].start, len(text)
        )
    return terms


def parts(text: str) -> list[tuple[int, int, Part]]:
    """Say what each part of a filter is; what cannot be read is left out."""
    found: list[tuple[int, int, Part]] = []
    try:
        terms = parse(text)
    except FilterError:
        return found
    for term in terms:
        if term.negated:
            found.append((term.start, term.start + 1, Part.NEGATION))
        if term.field:
            found.append((term.name_start, term.name_end + 1, Part.FIELD))
        kind = {":": Part.VALUE, "~": Part.REGEX}.get(term.operator, Part.WORD)
        found += [(item.start, item.end, kind) for item in term.items if item.end > item.start]
    return found


def _terms(text: str) -> Iterator[Term]:
    position = _blanks(text, 0)
    while position < len(text):
        start = position
        negated = False
        while text[position : position + 1] == "!":
            negated = not negated
            position += 1
        name = _NAME.match(text, position)
        if name is None:
            item = _item(text, position, commas=False)
            yield Term(start, item.end, negated, "", "", position, position, (item,))
            position = item.end
        else:
            items = list(_items(text, name.end(), commas=name[2] == ":"))
            position = items[-1].end
            field = name[1].lower()
            yield Term(
                start, position, negated, field, name[2], name.start(), name.end(1), tuple(items)
            )
        position = _blanks(text, position)


def _blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _items(text: str, position: int, *, commas: bool) -> Iterator[Item]:
    item = _item(text, position, commas=commas)
    yield item
    while commas and text[item.end : item.end + 1] == ",":
        item = _item(text, item.end + 1, commas=True)
        yield item


def _item(text: str, start: int, *, commas: bool) -> Item:
    """Read one value: quoted, or up to a blank (or a comma, where they separate)."""
    if text[start : start + 1] == '"':
        match = _QUOTED.match(text, start)
        if match is None:
            raise FilterError("this quote has no end", start, len(text))
        return Item(match[1].replace('\\"', '"'), start, match.end(), quoted=True)
    end = start
    while end < len(text) and not text[end].isspace() and not (commas and text[end] == ","):
        end += 1
    return Item(text[start:end], start, end)
