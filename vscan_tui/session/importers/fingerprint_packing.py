r"""Ways in which the text of a service fingerprint is packed, and how it is damaged.

Each is a function from text to text, to be tried: whether it was right, the lengths tell
that responses announce (`fingerprint_text`).  A text is the lines of one fingerprint, those
after the first with their `SF:`.

Unpacking changes nothing that a fingerprint says: HTML, URLs (RFC 3986), JSON (RFC 8259),
CSV (RFC 4180), Markdown.  A repair puts back what got lost, and has a sentence for the user.
"""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

LINE_LENGTH = 74
"""Characters of each line but the last, `SF:` included."""

_JSON_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))')
_JSON_NAMED = {"n": "\n", "r": "\r", "t": "\t", "b": "", "f": ""}
_MARKDOWN_ESCAPE = re.compile(r"\\([^A-Za-z0-9\s])")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_URL_PLUS = re.compile(r"(?<!%5C)(?<!\\)\+", re.IGNORECASE)
_URL = re.compile(r"%(?:25|3A|5C|22)", re.IGNORECASE)
_WRITTEN_LINE_END = re.compile(r"(?:\\r)?\\nSF:")
_LINE_BREAK = re.compile(r"rn(?=(?:rn)*(?:[A-Z<{\"]|$))")
"""Likely `\\r\\n` without its backslashes."""
BARE_HEX = re.compile(r"(?<!\\)x([0-9A-Fa-f]{2})")
_LACKING = re.compile(r"(?<!\\)(?:x[0-9A-Fa-f]{2}|[?\[\]*+$^|])")
"""What lost its backslash inside a line."""
_LACKING_TOO = re.compile(r"(?<!\\)[.()\"]")
_OF_THE_FRAME = re.compile(r"\"\)|%r\(|[0-9A-F],\"|;$|^SF-Port.*?%P=[^%]*")
"""Where such signs stand that are none of a response's bytes."""
_AFTER_BACKSLASH = re.compile(r"0|[rnt]|x[0-9A-Fa-f]{2}|[?\"\[\]().*+$^|\\]")
_TORN_FRAME = re.compile(
    r"(?:%r\(?|(?<=\))\(|(?<=[)A-Za-z0-9])r\()([A-Za-z][A-Za-z0-9_-]{0,60}),(?:0[xX])?([0-9A-Fa-f]{0,8}),?\""
)
_INNER_BLANK = re.compile(r"(?<=\S) (?=\S)")
_CAPITAL_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*\\)([XRNT])")

Change = Callable[[str], str]


def changes_to_unpack(text: str, quote: str) -> Iterator[Change]:
    """Yield what may take a text out of one packing, the likely first.

    Args:
        text: the lines of a fingerprint.
        quote: what stood before it, if that is a quotation mark: `"`, `'`, or nothing.
    """
    if "&" in text:
        yield html.unescape
    if _URL.search(text):
        yield _without_percent
    if quote == "`":
        yield lambda text: re.sub(r"`\s*$", "", text, flags=re.MULTILINE)
    elif quote:
        yield lambda text: _without_json_escapes(_to_closing(text, quote))
        yield lambda text: _to_doubled_closing(text, quote)
    if '\\"' in text:
        yield _without_json_escapes
        yield lambda text: text.replace('\\"', '"')
    if "\\\\" in text:
        yield lambda text: text.replace("\\\\", "\\")
    if "%r\\(" in text:
        yield lambda text: _MARKDOWN_ESCAPE.sub(r"\1", text)
    if "<" in text:
        yield lambda text: html.unescape(_TAG.sub("", text))
    if '""' in text:
        yield lambda text: text.replace('""', '"')
    if "nSF:" in text:
        yield lambda text: _WRITTEN_LINE_END.sub("\nSF:", text)
    if "\n" in text:
        yield _without_common_end


def _without_percent(text: str) -> str:
    return unquote(_URL_PLUS.sub(" ", text))


def _without_json_escapes(text: str) -> str:
    def plain(escape: re.Match[str]) -> str:
        if escape[1]:
            return chr(int(escape[1], 16))
        return _JSON_NAMED.get(escape[2], escape[2])

    return _JSON_ESCAPE.sub(plain, text)


def _to_closing(text: str, quote: str) -> str:
    """Each line up to the quotation mark that closes it, if there is one."""
    field = re.compile(rf"((?:[^{quote}\\]|\\.)*){quote}")
    found = ((line, field.match(line)) for line in text.split("\n"))
    return "\n".join(line if match is None else match[1] for line, match in found)


def _to_doubled_closing(text: str, quote: str) -> str:
    field = re.compile(rf"((?:[^{quote}]|{quote}{quote})*){quote}")
    lines = text.split("\n")
    found = ((line, field.match(line)) for line in lines)
    cut = (line if match is None else match[1] for line, match in found)
    return "\n".join(line.replace(quote * 2, quote) for line in cut)


def _without_common_end(text: str) -> str:
    """Without that in which all lines but the last end, as the signs of a program's text."""
    *lines, last = (line.rstrip() for line in text.split("\n"))
    if len(lines) < 2:  # a line has its end in common with itself
        return text
    same = 0
    for letters in zip(*map(reversed, lines), strict=False):
        if len(set(letters)) > 1:
            break
        same += 1
    if not same:
        return text
    end = lines[0][-same:]
    return "\n".join((*(line.removesuffix(end) for line in lines), last.removesuffix(end)))


# Repairs -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Repair:
    """Something that puts back what got lost."""

    change: Change
    told: str
    """For the user."""
    is_certain: bool = True
    """Whether responses of the announced lengths show that it was right."""
    needs_gain: bool = True
    """Whether it is believed only if more responses have their announced lengths then."""


ALL_BACKSLASHES = Repair(
    lambda text: _LINE_BREAK.sub(r"\\r\\n", BARE_HEX.sub(r"\\x\1", text)),
    "It has lost all its backslashes; those that are likely are put back.",
    is_certain=False,
    needs_gain=False,
)
_LINE_ENDS = "Some lines are too short: the backslashes that they lost at their ends are put back."


def repairs(text: str) -> Iterator[Repair]:
    """Yield what may repair a text that no unpacking makes whole."""
    if "\\" not in text:
        yield ALL_BACKSLASHES
        return
    yield Repair(
        lambda text: _CAPITAL_ESCAPE.sub(
            lambda each: each[1] + each[2].lower(), text.replace("%R(", "%r(")
        ),
        "Small letters were changed to capital ones: which ones is not known.",
        is_certain=False,
    )
    yield Repair(lambda text: _with_line_ends(text, bold=True), _LINE_ENDS)
    # The same length says nothing against it: one byte may have become another.
    yield Repair(lambda text: _with_line_ends(text, bold=False), _LINE_ENDS, needs_gain=False)
    yield Repair(
        lambda text: _TORN_FRAME.sub(r'%r(\1,\2,"', text),
        "Where a response begins, signs or its length are lost; the signs are put back.",
    )
    yield Repair(
        lambda text: _INNER_BLANK.sub(r"\\x20", text),
        r"Blanks stand where \x20 was; they are put back.",
    )
    yield Repair(_without_repeated_lines, "Some lines are there twice; one of each is left out.")


def _with_line_ends(text: str, *, bold: bool) -> str:
    r"""Put back a `\` that got lost between two lines, one of which is too short for its place.

    Unless `bold`, not where something else explains why the line is short.
    """
    lines = text.split("\n")
    lengths = [len(line.rstrip()) for line in lines]
    if sum(length == LINE_LENGTH for length in lengths) * 2 < len(lines) - 1:
        return text  # it was not wrapped by Nmap
    for index, following in enumerate(lines[1:]):
        is_short = lengths[index] < LINE_LENGTH and (bold or not _LACKING.search(lines[index]))
        if is_short and _AFTER_BACKSLASH.match(following.lstrip().removeprefix("SF:")):
            lines[index] = lines[index].rstrip() + "\\"
    return "\n".join(lines)


def _without_repeated_lines(text: str) -> str:
    lines = text.split("\n")
    kept = [line for before, line in zip(["", *lines], lines, strict=False) if line != before]
    return "\n".join(kept)


def lost_characters(line: str) -> int:
    """How many characters a line lacks (not the last one of a fingerprint) that nothing explains.

    What lacks its backslash explains one each: the byte is the same without.
    """
    bare = len(_LACKING.findall(line)) + len(_LACKING_TOO.findall(_OF_THE_FRAME.sub("", line)))
    return max(0, LINE_LENGTH - len(line) - bare)
