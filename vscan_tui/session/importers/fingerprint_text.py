r"""One service fingerprint, Nmap's `SF-Port` text, taken apart again.

    SF-Port5672-TCP:V=7.93%I=7%D=11/16%Time=65571A5E%P=x86_64-pc-linux-gnu%r(
    SF:GetRequest,89,"AMQP\x03\x01\0\0…")%r(…);

What was pasted has been through editors, mails and web pages.  White space and
typographic characters never stand in a fingerprint, each response says how
long it is, and each line but the last has 74 characters: that tells which
reading of a damaged text is right.  What no reading makes whole is named.

Source: nmap-behaviour.md, "The service fingerprint", and fingerprints that
people published.
"""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from vscan_tui.events import Protocol

LINE_LENGTH = 74
"""Characters of each line but the last, `SF:` included."""
CUTS = (900, 1300)
"""So many bytes of a longer response Nmap writes down: as a rule, and when debugging."""
MOST_RESPONSES = 1000
MOST_PROBLEMS = 50
MAX_CHARACTERS = 1 << 17
"""Nmap ends a fingerprint after some 12,000."""

_START = re.compile(r"SF\\?-Port(\d{1,9})\\?-(TCP|UDP|SCTP)\b:?", re.IGNORECASE)
_HEADER = re.compile(r"""%r\(([A-Za-z0-9_.:+/-]{1,60}),([0-9A-Fa-f]{1,8}),(["'`])""")
_LAST_QUOTE = {
    '"': re.compile(r'(?<!\\)(?:\\\\)*"$'),
    "'": re.compile("'$"),
    "`": re.compile("`$"),
}
_OTHER_QUOTE = re.compile(r"%r\([^()\"]{1,60},[0-9A-Fa-f\s]{1,20},\s{0,9}(?:SF:)?['`]")
_ESCAPED_OTHER_QUOTE = re.compile(r"\\['`]")
_TORN_HEADER = re.compile(r'(?<!\\)([A-Za-z0-9_-]{0,60}),([0-9A-Fa-f]{1,8}),(")')
"""What is left of the beginning of a response when a line before it is lost."""
_SETTING = re.compile(r"(?:^|[:%])([A-Z][A-Za-z]{0,9})=([^%]{0,80})")
_TOKEN = re.compile(
    r"\\x(?P<hex>[0-9A-Fa-f]{2})|\\(?P<named>[0rnt])|\\(?P<mark>[^\sA-Za-z0-9])"
    r"|(?P<odd>\\)|(?P<bare>[?\"\[\]().*+$^|])|(?P<plain>[!-~])|(?P<alien>.)",
    re.DOTALL,
)
_NAMED = {"0": 0, "r": 13, "n": 10, "t": 9}
_BARE_HEX = re.compile(r"(?<!\\)x([0-9A-Fa-f]{2})")
_LINE_BREAK = re.compile(r"rn(?=(?:rn)*(?:[A-Z<{\"]|$))")
"""Likely `\\r\\n` without its backslashes."""
_CONTINUATION = re.compile(r"\s+SF:")
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(["\\/bfnrt]))')
_MARKDOWN_ESCAPE = re.compile(r"\\([^A-Za-z0-9\s])")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_JSON_NAMED = {"n": "\n", "r": "\r", "t": "\t", "b": "", "f": ""}
_LACKING = re.compile(r"(?<!\\)(?:x[0-9A-Fa-f]{2}|[?\[\]*+$^|])")
"""What lost its backslash inside a line."""
_AFTER_BACKSLASH = re.compile(r"0|[rnt]|x[0-9A-Fa-f]{2}|[?\"\[\]().*+$^|\\]")

_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02"
_SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u2032"
HYPHENS = "\u2010\u2011\u2012\u2013\u2212"
_DASH = "\u2014"
_ELLIPSIS = "\u2026"
_CHANGED = frozenset((*_DOUBLE_QUOTES, *_SINGLE_QUOTES, *HYPHENS, _DASH, _ELLIPSIS))
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys(_DOUBLE_QUOTES, '"'),
        **dict.fromkeys(_SINGLE_QUOTES, "'"),
        **dict.fromkeys(HYPHENS, "-"),
        _DASH: "--",
        _ELLIPSIS: "...",
        **dict.fromkeys(_INVISIBLE, ""),
    }
)


@dataclass(frozen=True, slots=True)
class FingerprintResponse:
    """What a service answered to one probe, as far as the text tells."""

    probe: str
    """Empty if the text has lost it."""
    length: int | None
    """Bytes of the whole response as announced; None if the text has lost that."""
    data: bytes

    @property
    def complete(self) -> bool:
        """Whether all bytes that were announced are there."""
        return len(self.data) == self.length

    @property
    def cut_by_nmap(self) -> bool:
        """Whether Nmap itself wrote down no more than the beginning."""
        return self.length is not None and self.length > len(self.data) and len(self.data) in CUTS


@dataclass(frozen=True, slots=True)
class ServiceFingerprint:
    """One fingerprint, taken apart."""

    line: int
    """Where it begins in the text, counted from 1."""
    port: int | None
    """None if the text has lost it."""
    protocol: Protocol | None
    tunnel: bool
    settings: tuple[tuple[str, str], ...]
    """`V` version of the scanner, `I` intensity, `D` day, `Time`, `P` platform, as written."""
    responses: tuple[FingerprintResponse, ...]
    problems: tuple[str, ...]
    """What is damaged, in sentences for the user."""

    @property
    def whole(self) -> bool:
        """Whether every response that is left is complete, or cut by Nmap and not later."""
        return bool(self.responses) and all(
            response.complete or response.cut_by_nmap for response in self.responses
        )


@dataclass(frozen=True, slots=True)
class _Decoded:
    """Some escaped text, decoded."""

    data: bytes
    bare: int = 0
    """Characters that lack their backslash, without harm."""
    odd: int = 0
    """Backslashes that no escape of Nmap begins with."""
    alien: int = 0
    """Characters that no fingerprint holds."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a text, and how well it goes."""

    responses: tuple[FingerprintResponse, ...]
    problems: tuple[str, ...]
    repair: str = ""

    @property
    def rank(self) -> tuple[int, int, int]:
        """More responses that fit, then more responses, then fewer bytes amiss."""
        return (
            sum(map(_fits, self.responses)),
            len(self.responses),
            -sum(abs((each.length or 0) - len(each.data)) for each in self.responses),
        )

    @property
    def fits(self) -> bool:
        return bool(self.responses) and all(map(_fits, self.responses))


def decode_fingerprint(text: str, line: int = 1) -> ServiceFingerprint:
    """Take a fingerprint apart; never fails, says what it cannot read.

    Args:
        text: the lines of one fingerprint, from `SF-Port` (or, if that is lost,
            from a later line) on; the lines after the first without `SF:`.
        line: where it begins, for the record.
    """
    problems: list[str] = []
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS]
        problems.append(f"It is longer than {MAX_CHARACTERS} characters; the rest is left out.")
    plain = text.translate(_TYPOGRAPHIC)
    if not _CHANGED.isdisjoint(text):
        problems.append("Quotes or dashes were changed to typographic ones; they are put back.")
    if _OTHER_QUOTE.search(plain):
        # Nmap escapes the double quote alone: an escaped other one was one.
        plain = _ESCAPED_OTHER_QUOTE.sub(r'\\"', plain)
        problems.append("Double quotes were changed to others; they are put back.")
    reading = _best_reading(plain)
    if reading.repair:
        problems.append(reading.repair)
    port, protocol, settings = _header(plain, problems)
    problems += reading.problems
    if not reading.responses:
        problems.append("No response can be read.")
    if len(problems) > MOST_PROBLEMS:
        problems[MOST_PROBLEMS:] = [f"There are {len(problems) - MOST_PROBLEMS} more problems."]
    return ServiceFingerprint(
        line,
        port,
        protocol,
        any(setting == ("T", "SSL") for setting in settings),
        settings,
        reading.responses,
        tuple(problems),
    )


def _header(
    text: str, problems: list[str]
) -> tuple[int | None, Protocol | None, tuple[tuple[str, str], ...]]:
    start = _START.match(text)
    if start is None:
        problems.append("Its first line (SF-Port…) is missing: port and protocol are unknown.")
        return None, None, ()
    begin = text.find("%r(", start.end())
    # The settings may be wrapped too; no white space is ever part of one.
    written = "".join(text[start.end() - 1 : begin if begin >= 0 else start.end() + 400].split())
    settings = tuple((name, value) for name, value in _SETTING.findall(written[:400]))
    number, protocol = int(start[1]), start[2].upper()
    port = number if number <= 65535 else None
    if port is None:
        problems.append(f"{number} is no port: ports go up to 65535.")
    if protocol == "SCTP":
        problems.append("It is of an SCTP port; vscan knows no rules for SCTP.")
        return port, None, settings
    return port, "tcp" if protocol == "TCP" else "udp", settings


# Ways to read a text -----------------------------------------------------------------------------


def _best_reading(plain: str) -> _Reading:
    """Read a text in every way that its look suggests, and keep the one that fits best."""
    best = _read(plain)
    if best.fits and "\\" in plain:
        return best
    text = plain
    for unpack in _packings(plain):
        unpacked = unpack(plain)
        reading = _read(unpacked)
        if reading.rank > best.rank:
            best, text = reading, unpacked
    if "\\" not in text:
        restored = replace(_read(_with_all_backslashes(text)), repair=_ALL_BACKSLASHES)
        # Text that needs no backslash is read as well without.
        if restored.rank > best.rank or (restored.rank == best.rank and best.problems):
            return restored
    elif not best.fits:
        bold = replace(_read(_with_line_ends(text, bold=True)), repair=_LINE_ENDS)
        if bold.rank > best.rank:
            return bold
        # The same length says nothing against it: one byte may have become another.
        careful = _with_line_ends(text, bold=False)
        if careful != text:
            best = max(best, replace(_read(careful), repair=_LINE_ENDS), key=_rank_if_repaired)
    return best


def _rank_if_repaired(reading: _Reading) -> tuple[tuple[int, int, int], bool]:
    return reading.rank, bool(reading.repair)


_LINE_ENDS = "Some lines are too short: the backslashes that they lost at their ends are put back."
_ALL_BACKSLASHES = "It has lost all its backslashes; those that are likely are put back."


def _packings(plain: str) -> Iterator[Callable[[str], str]]:
    """Formats that a text may be packed in."""
    if "&" in plain:
        yield _without_entities
        yield lambda text: _without_entities(_without_entities(text))
    if '\\"' in plain:
        yield _without_json_escapes
        yield lambda text: _without_json_escapes(_without_json_escapes(text))
        yield lambda text: text.replace('\\"', '"')
    if "\\\\" in plain:
        yield _without_double_backslashes
        yield lambda text: _without_double_backslashes(_without_double_backslashes(text))
    if "%r\\(" in plain:
        yield lambda text: _MARKDOWN_ESCAPE.sub(r"\1", text)
    if "<" in plain:
        yield lambda text: _without_entities(_TAG.sub("", text))
    if '""' in plain:
        yield lambda text: text.replace('""', '"')


def _without_entities(text: str) -> str:
    return html.unescape(text)


def _without_double_backslashes(text: str) -> str:
    return text.replace("\\\\", "\\")


def _without_json_escapes(text: str) -> str:
    def plain(escape: re.Match[str]) -> str:
        if escape[1]:
            return chr(int(escape[1], 16))
        return _JSON_NAMED.get(escape[2], escape[2])

    return _JSON_ESCAPE.sub(plain, text)


def _with_line_ends(text: str, *, bold: bool) -> str:
    r"""Put back a `\` that got lost between two lines, one of which is too short for its place.

    Unless `bold`, not where something else explains why the line is short.
    """
    lines = text.split("\n")
    lengths = [len(line.rstrip()) + (3 if index else 0) for index, line in enumerate(lines)]
    if sum(length == LINE_LENGTH for length in lengths) * 2 < len(lines) - 1:
        return text  # it was not wrapped by Nmap
    for index, following in enumerate(lines[1:]):
        is_short = lengths[index] < LINE_LENGTH and (bold or not _LACKING.search(lines[index]))
        if is_short and _AFTER_BACKSLASH.match(following.lstrip()):
            lines[index] = lines[index].rstrip() + "\\"
    return "\n".join(lines)


def _with_all_backslashes(text: str) -> str:
    return _LINE_BREAK.sub(r"\\r\\n", _BARE_HEX.sub(r"\\x\1", text))


# Responses ---------------------------------------------------------------------------------------


def _fits(response: FingerprintResponse) -> bool:
    return response.complete or response.cut_by_nmap


def _read(text: str) -> _Reading:
    # Nmap escapes white space: what there is, is of the wrapping.
    text = "".join(_CONTINUATION.sub("", text).split())
    problems: list[str] = []
    found = list(_HEADER.finditer(text))
    responses: list[FingerprintResponse] = []
    if _START.match(text) is None:
        torn = text[: found[0].start()] if found else text
        responses += _torn_responses(torn, problems)
    elif found and text[: found[0].start()].count("%r("):
        problems.append("A response before the first readable one is lost.")
    if len(found) > MOST_RESPONSES:
        problems.append(f"It has more than {MOST_RESPONSES} responses; the rest are left out.")
    for number, header in enumerate(found[:MOST_RESPONSES]):
        is_last = number + 1 == len(found)
        end = len(text) if is_last else found[number + 1].start()
        responses += _response(header, text[header.end() : end], problems, is_last=is_last)
    return _Reading(tuple(responses), tuple(problems))


def _response(
    header: re.Match[str], body: str, problems: list[str], *, is_last: bool
) -> Iterator[FingerprintResponse]:
    probe, length, quote = header[1], int(header[2], 16), header[3]
    body, after = _body(body, length, quote, is_last=is_last)
    decoded = _decoded(body)
    response = FingerprintResponse(probe, length, decoded.data)
    following: tuple[FingerprintResponse, ...] = ()
    if not _fits(response):
        response, decoded, following = _mended(response, decoded, body, problems)
    problems += _told(response, decoded, ended=after is not None)
    if after and not (is_last and after.startswith(";")):
        problems.append(f"{_named(response)}: what comes after it cannot be read.")
    yield response
    yield from following


def _body(text: str, length: int, quote: str, *, is_last: bool) -> tuple[str, str | None]:
    r"""Return the escaped bytes up to the closing quote, and what comes after that, if it is there.

    An unescaped quote closes; if the bytes before it are too few, it may be
    one that lost its backslash, and a later one closes.
    """
    closing = re.compile(rf"(?<!\\)(?:\\\\)*({quote}\))" if quote == '"' else rf"({quote}\))")
    ends = [each.start(1) for each in _some(closing.finditer(text))]
    if not ends:
        if is_last and _LAST_QUOTE[quote].search(text):
            return text[:-1], ""  # no more than the parenthesis is lost
        return text, None
    for end in ends:
        if _fits(FingerprintResponse("", length, _decoded(text[:end]).data)):
            break
    else:
        # After the last response there may be anything: what surrounds it on a page.
        end = ends[0] if is_last else ends[-1]
    return text[:end], text[end + 2 :]


def _some(matches: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    """The first few and no more: each is a reading to try."""
    for _, match in zip(range(20), matches, strict=False):
        yield match


def _mended(
    response: FingerprintResponse, decoded: _Decoded, body: str, problems: list[str]
) -> tuple[FingerprintResponse, _Decoded, tuple[FingerprintResponse, ...]]:
    """Try what may be amiss with a response that is not as long as announced."""
    length = response.length or 0
    excess, bare = len(response.data) - length, _BARE_HEX.findall(body)
    if excess > 0 and excess == 2 * len(bare):
        restored = _decoded(_BARE_HEX.sub(r"\\x\1", body))
        if len(restored.data) == length:
            what = "a backslash" if len(bare) == 1 else f"{len(bare)} backslashes"
            problems.append(f"{_named(response)}: {what} before x was lost; put back.")
            return replace(response, data=restored.data), restored, ()
    for torn in _some(_TORN_HEADER.finditer(body)):
        if torn.start(3) and body[torn.start(3) - 1] != "\\":
            later, its_problems = _torn_response(torn, body[torn.end() :])
            if later is not None and _fits(later):
                kept = _decoded(body[: torn.start()])
                problems += its_problems
                return replace(response, data=kept.data), kept, (later,)
    return response, decoded, ()


def _torn_responses(text: str, problems: list[str]) -> list[FingerprintResponse]:
    """What stands before the first whole beginning of a response."""
    torn = next(_some(_TORN_HEADER.finditer(text)), None)
    if torn is not None and (torn.start(3) == 0 or text[torn.start(3) - 1] != "\\"):
        response, its_problems = _torn_response(torn, text[torn.end() :])
        problems += its_problems
        if response is not None:
            return [response]
    closing = text.rfind('")')
    data = _decoded(text[:closing] if closing >= 0 else text).data
    if not data:
        return []
    problems.append("The beginning of the first response is lost, and which probe it answers.")
    return [FingerprintResponse("", None, data)]


def _torn_response(
    torn: re.Match[str], text: str
) -> tuple[FingerprintResponse | None, tuple[str, ...]]:
    length = int(torn[2], 16)
    body, after = _body(text, length, '"', is_last=True)
    decoded = _decoded(body)
    if not decoded.data:
        return None, ()
    response = FingerprintResponse("", length, decoded.data)
    name = f"of the name {torn[1]!r} is left" if torn[1] else "its name is lost"
    problem = f"The beginning of a response is lost, and which probe it answers: {name}."
    return response, (problem, *_told(response, decoded, ended=after is not None))


def _told(response: FingerprintResponse, decoded: _Decoded, *, ended: bool) -> Sequence[str]:
    """What is wrong with a response, in sentences."""
    name, there, length = _named(response), len(response.data), response.length
    told = []
    if not _fits(response) and length is not None:
        what = "the rest is missing" if there < length else "some of them are not its own"
        told.append(f"{name}: {length} bytes are announced, {there} can be read: {what}.")
    if not ended:
        told.append(f"{name}: its end is missing.")
    if decoded.bare:
        told.append(f"{name}: {_counted(decoded.bare, 'character')} lost the backslash before it.")
    if decoded.odd:
        told.append(f"{name}: {_counted(decoded.odd, 'backslash')} mean nothing; read as written.")
    if decoded.alien:
        told.append(
            f"{name}: {_counted(decoded.alien, 'character')} that no fingerprint holds, left out."
        )
    return told


def _named(response: FingerprintResponse) -> str:
    return response.probe or "A response to an unknown probe"


def _counted(count: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("sh") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _decoded(text: str) -> _Decoded:
    data = bytearray()
    bare = odd = alien = 0
    for token in _TOKEN.finditer(text):
        kind, value = token.lastgroup, token[0]
        match kind:
            case "hex":
                data.append(int(token["hex"], 16))
            case "named":
                data.append(_NAMED[token["named"]])
            case "mark" if token["mark"].isascii():
                data += token["mark"].encode()
            case "plain" | "bare":
                data += value.encode()
                bare += kind == "bare"
            case "odd" if token.end() < len(text):
                data += b"\\"
                odd += 1
            case "odd":
                pass  # the beginning of an escape whose rest was cut off
            case _:
                alien += 1
    return _Decoded(bytes(data), bare, odd, alien)
