r"""One service fingerprint, Nmap's `SF-Port` text, taken apart again.

    SF-Port5672-TCP:V=7.93%I=7%D=11/16%Time=65571A5E%P=x86_64-pc-linux-gnu%r(
    SF:GetRequest,89,"AMQP\x03\x01\0\0…")%r(…);

What was pasted has been through editors, mails and web pages.  White space and
typographic characters never stand in a fingerprint, each response says how
long it is, and each line but the last has 74 characters: that tells which
reading of a damaged text is right.  What no reading makes whole is named, and
a response some bytes of which are no more than likely never counts as complete.

Source: nmap-behaviour.md, "The service fingerprint", and fingerprints that
people published.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vscan_tui.events import Protocol
from vscan_tui.session.importers.fingerprint_packing import (
    BARE_HEX,
    Repair,
    changes_to_unpack,
    lost_characters,
    repairs,
)

CUTS = (900, 1300)
"""So many bytes of a longer response Nmap writes down: as a rule, and when debugging."""
MOST_RESPONSES = 1000
MOST_PROBLEMS = 50
MOST_READINGS = 40
"""Packings within packings are tried, but so many at most."""
MAX_CHARACTERS = 1 << 17
"""Nmap ends a fingerprint after some 12,000."""

_START = re.compile(r"SF\\?-Port(\d{1,9})\\?-(TCP|UDP|SCTP)\b:?", re.IGNORECASE)
_HEADER = re.compile(r"""%r\(([A-Za-z0-9_.:+/-]{1,60}),([0-9A-Fa-f]{0,8}),(["'`])""")
_LAST_QUOTE = {
    '"': re.compile(r'(?<!\\)(?:\\\\)*"$'),
    "'": re.compile("'$"),
    "`": re.compile("`$"),
}
_OTHER_QUOTE = re.compile(r"%r\([^()\"]{1,60},[0-9A-Fa-f\s]{1,20},\s{0,9}(?:SF:)?['`]")
_ESCAPED_OTHER_QUOTE = re.compile(r"(?<!\\)((?:\\\\)*)\\['`]")
_TORN_HEADER = re.compile(r'(?<!\\)([A-Za-z0-9_-]{0,60}),([0-9A-Fa-f]{1,8}),(")')
"""What is left of the beginning of a response when a line before it is lost."""
_SETTING = re.compile(r"(?:^|[:%])([A-Z][A-Za-z]{0,9})=([^%]{0,80})")
_TOKEN = re.compile(
    r"\\x(?P<hex>[0-9A-Fa-f]{2})|\\(?P<named>[0rnt])|\\(?P<mark>[^\sA-Za-z0-9])"
    r"|(?P<odd>\\)|(?P<bare>[?\"\[\]().*+$^|])|(?P<plain>[!-~])|(?P<alien>.)",
    re.DOTALL,
)
_NAMED = {"0": 0, "r": 13, "n": 10, "t": 9}
_CONTINUATION = re.compile(r"\s+SF:")

_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb\uff02"
_SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\u2032"
HYPHENS = "\u2010\u2011\u2012\u2013\u2212"
_BACKSLASHES = "\uff3c\u2216"
_DASH = "\u2014"
_ELLIPSIS = "\u2026"
_CHANGED = frozenset((*_DOUBLE_QUOTES, *_SINGLE_QUOTES, *HYPHENS, *_BACKSLASHES, _DASH, _ELLIPSIS))
_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys(_DOUBLE_QUOTES, '"'),
        **dict.fromkeys(_SINGLE_QUOTES, "'"),
        **dict.fromkeys(HYPHENS, "-"),
        **dict.fromkeys(_BACKSLASHES, "\\"),
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
    is_certain: bool = True
    """Whether each byte of `data` is known, not only likely."""

    @property
    def complete(self) -> bool:
        """Whether all bytes that were announced are there, and known."""
        return self.is_certain and len(self.data) == self.length

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
            response.is_certain and _fits(response) for response in self.responses
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

    text: str
    responses: tuple[FingerprintResponse, ...]
    problems: tuple[str, ...]

    @property
    def rank(self) -> tuple[int, int, int]:
        """More responses that fit, then more responses, then fewer bytes amiss."""
        return (
            sum(map(_fits, self.responses)),
            len(self.responses),
            -sum(
                abs(each.length - len(each.data))
                for each in self.responses
                if each.length is not None
            ),
        )

    @property
    def is_whole(self) -> bool:
        """Whether nothing better can be; without any backslash, some may be lost."""
        return bool(self.responses) and all(map(_fits, self.responses)) and "\\" in self.text


def decode_fingerprint(text: str, line: int = 1, quote: str = "") -> ServiceFingerprint:
    """Take a fingerprint apart; never fails, says what it cannot read.

    Args:
        text: the lines of one fingerprint, from `SF-Port` (or, if that is lost,
            from a later line) on.
        line: where it begins, for the record.
        quote: the quotation mark before it, if there is one.
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
        plain = _ESCAPED_OTHER_QUOTE.sub(r'\1\\"', plain)
        problems.append("Double quotes were changed to others; they are put back.")
    reading, repaired = _best_reading(plain, quote)
    problems += [repair.told for repair in repaired]
    is_certain = all(repair.is_certain for repair in repaired)
    if not _keeps_case(reading.text):
        is_certain = False
        problems.append("All letters are small or all capital: which they were is not known.")
    port, protocol, settings = _header(reading.text, problems)
    if not is_certain:
        reading = replace(
            reading, responses=tuple(replace(each, is_certain=False) for each in reading.responses)
        )
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


def _keeps_case(text: str) -> bool:
    """Whether small letters are small still, and capital ones capital, as far as can be told."""
    start = _START.match(text)
    return start is None or not (start[0].islower() or start[0].isupper())


def _header(
    text: str, problems: list[str]
) -> tuple[int | None, Protocol | None, tuple[tuple[str, str], ...]]:
    start = _START.match(text)
    if start is None:
        problems.append("Its first line (SF-Port…) is missing: port and protocol are unknown.")
        return None, None, ()
    # The settings may be wrapped too; no white space is ever part of one.
    joined = _joined(text)
    begin = joined.find("%r(")
    written = joined[len(_joined(start[0])) - 1 : begin if begin >= 0 else None]
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


def _best_reading(plain: str, quote: str) -> tuple[_Reading, list[Repair]]:
    """What is damaged may only look as if it were packed: the repaired text may be read better."""
    unpacked, done = _repaired(_unpacked(plain, quote))
    if unpacked.is_whole or unpacked.text == plain:
        return unpacked, done
    return max((unpacked, done), _repaired(_read(plain)), key=lambda each: each[0].rank)


def _unpacked(plain: str, quote: str) -> _Reading:
    """Read a text out of each packing that its look suggests, and out of those in it."""
    best = _read(plain)
    texts, seen = [plain], {plain}
    while texts and not best.is_whole:
        text = texts.pop(0)
        for change in changes_to_unpack(text, quote):
            unpacked = change(text)
            if unpacked in seen or len(seen) >= MOST_READINGS:
                continue
            seen.add(unpacked)
            texts.append(unpacked)
            best = max(best, _read(unpacked), key=lambda reading: reading.rank)
    return best


def _repaired(best: _Reading) -> tuple[_Reading, list[Repair]]:
    """Put back what got lost, where that makes it better."""
    done: list[Repair] = []
    for repair in repairs(best.text):
        text = repair.change(best.text)
        if best.is_whole or text == best.text:
            continue
        reading = _read(text)
        # Text that needs no backslash is read as well without.
        is_as_good = reading.rank == best.rank and bool(best.problems)
        if reading.rank > best.rank or (is_as_good and not repair.needs_gain):
            best = reading
            done.append(repair)
    return best, done


# Responses ---------------------------------------------------------------------------------------


def _fits(response: FingerprintResponse) -> bool:
    return len(response.data) == response.length or response.cut_by_nmap


def _read(text: str) -> _Reading:
    joined = _joined(text)
    problems: list[str] = []
    found = list(_HEADER.finditer(joined))
    placed: list[_Placed] = []
    if _START.match(joined) is None:
        end = found[0].start() if found else len(joined)
        torn = _torn_responses(joined[:end], problems)
        placed += (_Placed(response, 0, end) for response in torn)
    elif found and joined[: found[0].start()].count("%r("):
        problems.append("A response before the first readable one is lost.")
    if len(found) > MOST_RESPONSES:
        problems.append(f"It has more than {MOST_RESPONSES} responses; the rest are left out.")
    for number, header in enumerate(found[:MOST_RESPONSES]):
        is_last = number + 1 == len(found)
        end = len(joined) if is_last else found[number + 1].start()
        some = _response(
            header,
            joined[header.end() : end],
            problems,
            is_last=is_last,
            is_in_lines="\nSF:" in text,
        )
        placed += (_Placed(response, header.start(), end) for response in some)
    for begin, end in _short_lines(text):
        _doubt(placed, begin, end, problems)
    return _Reading(text, tuple(each.response for each in placed), tuple(problems))


@dataclass(slots=True)
class _Placed:
    """A response, and where it stands in the joined text."""

    response: FingerprintResponse
    begin: int
    end: int


def _joined(text: str) -> str:
    # Nmap escapes white space: what there is, is of the wrapping.
    return "".join(_CONTINUATION.sub("", text).split())


def _short_lines(text: str) -> Iterator[tuple[int, int]]:
    """Where in the joined text lines begin and end that have lost characters."""
    place = 0
    for line in re.split(r"\s*\n\s*(?=SF:)", text.strip())[:-1]:
        whole = "".join(line.split())
        end = place + len(whole.removeprefix("SF:"))
        if lost_characters(whole):
            yield place, end
        place = end


def _doubt(placed: Sequence[_Placed], begin: int, end: int, problems: list[str]) -> None:
    """Take back that the responses in a line that is too short are known, if all seem whole."""
    touched = [each for each in placed if each.begin < end and begin < each.end]
    if not all(_fits(each.response) for each in touched):
        return  # what is missing in the line is known already
    for each in touched:
        if each.response.is_certain:
            each.response = replace(each.response, is_certain=False)
            problems.append(
                f"{_named(each.response)}: a line is too short: some bytes may be other ones."
            )


def _response(
    header: re.Match[str], body: str, problems: list[str], *, is_last: bool, is_in_lines: bool
) -> Iterator[FingerprintResponse]:
    probe, quote = header[1], header[3]
    length = int(header[2], 16) if header[2] else None
    body, after = _body(body, length, quote, is_last=is_last)
    decoded = _decoded(body)
    response = FingerprintResponse(probe, length, decoded.data)
    following: tuple[FingerprintResponse, ...] = ()
    if not _fits(response):
        response, decoded, following = _mended(
            response, decoded, body, problems, is_in_lines=is_in_lines
        )
    problems += _told(response, decoded, ended=after is not None)
    if after and not (is_last and after.startswith(";")):
        problems.append(f"{_named(response)}: what comes after it cannot be read.")
    yield response
    yield from following


def _body(text: str, length: int | None, quote: str, *, is_last: bool) -> tuple[str, str | None]:
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
    response: FingerprintResponse,
    decoded: _Decoded,
    body: str,
    problems: list[str],
    *,
    is_in_lines: bool,
) -> tuple[FingerprintResponse, _Decoded, tuple[FingerprintResponse, ...]]:
    """Try what may be amiss with a response that is not as long as announced."""
    length = response.length or 0
    excess, bare = len(response.data) - length, BARE_HEX.findall(body)
    if excess > 0 and excess == 2 * len(bare):
        restored = _decoded(BARE_HEX.sub(r"\\x\1", body))
        if len(restored.data) == length:
            what = "a backslash" if len(bare) == 1 else f"{len(bare)} backslashes"
            problems.append(f"{_named(response)}: {what} before x was lost; put back.")
            # Others may have got lost as well; not the length, but that of the lines would tell.
            mended = replace(response, data=restored.data, is_certain=is_in_lines)
            return mended, restored, ()
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
    if length is None:
        told.append(f"{name}: how long it was is lost.")
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
