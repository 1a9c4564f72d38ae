r"""A rule proposed from one response, for a person to go on from.

What tells a service apart is kept as it stands; what differs from one machine,
version or minute to the next is generalised: versions, host names, addresses,
times, numbers, lengths, random bytes.  The regex is anchored, is of printable
ASCII, and always matches the response it is made from.  If it says too little,
or matches what it should not, it is made anew with less generalised.

It knows the shapes of text protocols in general and of HTTP (RFC 9112) in
particular, where what tells is in the header `Server`, in the realm of
`WWW-Authenticate`, or in the page's title, not in the first bytes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from vscan_tui.matching.pattern import LimitError, Pattern, check
from vscan_tui.probedb.model import Rule

MAX_BYTES = 4096
"""So much of a response is looked at."""
_TEXT_BYTES = 240
_BINARY_BYTES = 96
_ENOUGH = 14
"""With so many literal bytes a regex says enough to end after a line or a token."""
_LEAST = 5
"""With fewer, less is generalised."""
_SHORT = 24
"""A response of at most so many bytes is kept to its end."""
_LONGEST_TITLE = 80


class Level(IntEnum):
    """How much is generalised."""

    ALL = 0
    VERSIONS = 1
    NOTHING = 2


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed rule, and which bytes of it stand for themselves."""

    rule: Rule
    level: Level
    hits: int
    """On how many of the other responses it fires all the same."""


def draft(
    response: bytes, *, service: str = "", others: Sequence[bytes] = (), soft: bool = False
) -> Draft:
    """Propose a rule that fires on a response.

    Args:
        response: what was received; not empty.
        service: the service's name, if it is known; else it is guessed.
        others: responses of other services, on which it should not fire.
        soft: whether to propose a softmatch line.

    Raises:
        ValueError: the response is empty.
    """
    if not response:
        raise ValueError("there is no response to draft a rule from")
    data = response[:MAX_BYTES]
    best: Draft | None = None
    for level in Level:
        made = _made(data, level, is_whole=len(response) <= MAX_BYTES)
        name = service or _guessed_service(data, made.product)
        rule = Rule(name, soft, made.pattern, made.flags, made.templates(), "", 0)
        compiled = _compiled(rule)
        if compiled is None or not _fires(compiled, response):
            continue
        hits = sum(_fires(compiled, other) for other in others if other != response)
        found = Draft(rule, level, hits)
        if best is None or hits < best.hits:
            best = found
        if not hits and (made.literal >= _LEAST or level is Level.NOTHING):
            return found
    if best is None:  # nothing above can be wrong for every level, but who knows
        pattern = b"^" + _escaped(data[:_SHORT])
        best = Draft(Rule(service or "unknown", soft, pattern, "", (), "", 0), Level.NOTHING, 0)
    return best


def _compiled(rule: Rule) -> Pattern | None:
    if check(rule.pattern, rule.flags) is not None:
        return None
    return Pattern(rule.pattern, rule.flags)


def _fires(pattern: Pattern, response: bytes) -> bool:
    try:
        return pattern.search(response) is not None
    except LimitError:
        return False


@dataclass(slots=True)
class _Made:
    """A regex while it is put together."""

    pattern: bytes = b"^"
    flags: str = ""
    literal: int = 0
    """Bytes that can be no others, blanks and line ends not counted."""
    groups: int = 0
    product: str = ""
    system: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)

    def keep(self, data: bytes) -> None:
        """Go on with bytes that stand for themselves."""
        self.pattern += _escaped(data)
        self.literal += sum(byte not in b" \r\n\t\0" for byte in data)

    def generalise(self, regex: bytes) -> None:
        """Go on with bytes that may be others."""
        self.pattern += regex

    def capture(self, letter: str, regex: bytes) -> None:
        """Go on with bytes that may be others, and that tell a version field; each only once."""
        if any(key == letter for key, _ in self.fields) or self.groups >= 9:
            self.pattern += regex
            return
        self.groups += 1
        self.pattern += b"(" + regex + b")"
        self.fields.append((letter, f"${self.groups}"))

    def templates(self) -> tuple[tuple[str, str], ...]:
        """The version fields, in the usual order."""
        known = dict(self.fields)
        if self.product:
            known["p"] = self.product
        if self.system:
            known["o"] = self.system
        return tuple((letter, known[letter]) for letter in "pvihod" if letter in known)


def _made(data: bytes, level: Level, *, is_whole: bool) -> _Made:
    made = _Made()
    if level is Level.NOTHING:
        _keep_all(made, data, is_whole=is_whole)
    elif _STATUS_LINE.match(data):
        _http(made, data, level)
    elif _is_text(data):
        _lines(made, data, level, is_whole=is_whole)
    else:
        _binary(made, data, level, is_whole=is_whole)
    begin = data[:_TEXT_BYTES]
    made.system = next((name for words, name in _SYSTEMS if words.search(begin)), "")
    return made


_SYSTEMS = (
    (re.compile(rb"\b(?:Debian|Ubuntu|Raspbian|Fedora|CentOS|Red Hat|Linux)\b"), "Linux"),
    (re.compile(rb"\bFreeBSD\b"), "FreeBSD"),
    (re.compile(rb"\b(?:Windows|Win32|Win64|Microsoft-IIS)\b"), "Windows"),
)


def _keep_all(made: _Made, data: bytes, *, is_whole: bool) -> None:
    kept = data[:_BINARY_BYTES]
    made.keep(kept)
    if is_whole and kept == data:
        made.pattern += b"$"


def _is_text(data: bytes) -> bool:
    begin = data[:512]
    odd = sum(not (0x20 <= byte <= 0x7E or byte in b"\r\n\t") for byte in begin)
    return odd * 12 <= len(begin)


def _escaped(data: bytes) -> bytes:
    out = bytearray()
    for place, byte in enumerate(data):
        following = data[place + 1 : place + 2]
        named = _NAMED.get(byte)
        if byte == 0:
            out += rb"\x00" if following.isdigit() else rb"\0"
        elif named is not None:
            out += named
        elif chr(byte) in r".^$|?*+()[]{}\\":
            out += b"\\" + bytes([byte])
        elif 0x20 <= byte <= 0x7E:
            out.append(byte)
        else:
            out += b"\\x%02x" % byte
    return bytes(out)


_NAMED = {0x0A: rb"\n", 0x0D: rb"\r", 0x09: rb"\t"}

# Text ---------------------------------------------------------------------------------------------

_DAYS = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTHS = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_ENDINGS = (
    rb"(?:com|org|net|edu|gov|mil|int|info|local|lan|home|internal|localdomain|arpa|test|example"
    rb"|invalid|dev|cloud|[a-z]{2})"
)
_TOKEN = re.compile(
    rb"(?P<date>"
    + _DAYS
    + rb",? (?:\d{1,2}[ -]"
    + _MONTHS
    + rb"[ -]\d{2,4}|"
    + _MONTHS
    + rb" +\d{1,2})(?: [\d:]{5,8})?(?: [A-Z]{3,4}\b| ?[+-]\d{4})?(?: \d{4})?(?: \([A-Z]+\))?"
    rb"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?"
    rb"|\b\d\d?:\d\d:\d\d\b)"
    rb"|(?P<stamp><[^<>\s@]+@[^<>\s]+>)"
    rb"|(?P<uuid>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    rb"|(?P<address>(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])(?::\d+)?)"
    rb"|(?P<host>(?<![\w./@-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+(?i:"
    + _ENDINGS
    + rb")(?![\w/.-])|\blocalhost\b)"
    rb"|(?P<version>(?<![\d.])\d+(?:\.\d+)+(?:[-+~._]?(?:\d[\da-z]*|[a-z]{1,5}\d+[a-z]*\d*)|[a-z])*(?!\w))"
    rb"|(?P<random>(?<![\w+/=-])(?=[\w+/-]*\d[\w+/-]*[a-zA-Z][\w+/-]*\d)(?:[0-9a-f]{12,}"
    rb"|[0-9A-F]{12,}|(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?:[\w+-]{20,}|[\w+/-]{32,})={0,2})"
    rb"(?![\w+/-]))"
    rb"|(?P<revision>(?<![\w.])\d+[+~][\w.+~]+)"
    rb"|(?P<number>(?<![\w.])\d+(?![\w.]|\.\d))",
)
_STATUS = re.compile(rb"(?:\d{3}(?=[ -])|[+*] ?OK\b|-ERR\b)")
_NAMED_HOST = re.compile(
    rb"(?P<code>\d{3}[ -])(?P<host>[A-Za-z0-9][\w.-]*)(?= [^\r\n]*(?:SMTP|FTP|POP3|IMAP|NNTP|LMTP))"
)
_PROTOCOLS = re.compile(
    rb"(?:<\?xml version=.|\b(?:SSH|HTTP|RTSP|SIP|RFB|IMAP|MIME|XML|TLS|SSL|UPnP|AMQP|ICY|VNC"
    rb"|protocol)[-/ ]?(?:version )?)$",
    re.IGNORECASE,
)
_PRODUCT = re.compile(
    rb"(?P<name>[A-Za-z][A-Za-z0-9+.]*(?:[ -][A-Z][A-Za-z0-9+.]*){0,2})"
    rb"(?:[/_ :(-]{1,2}(?:[vV](?:er(?:sion)?)?\.?[ :]?)?|,? [vV]ersion:? )$"
)
_DECLARATION = re.compile(rb"<\?xml |<!DOCTYPE html", re.IGNORECASE)
_CAPITALISED = re.compile(
    rb"\b[A-Z][A-Za-z0-9+-]*[a-z][A-Za-z0-9+-]*(?: [A-Z][A-Za-z0-9+-]*[a-z]\w*)*"
)
_COMMON = frozenset(
    (  # noqa: SIM905 - words are easier to read than a list of strings
        "welcome ready hello server service error not the please login password connection"
        " connected from your you this access unknown invalid command ok date connect user host"
        " closed protocol content-type content-length bad request unauthorized forbidden internal"
        " authentication required message username missing failed no too many file path mac"
        " address press enter debian ubuntu linux freebsd windows raspbian cseq via software"
        " version supports esmtp smtp ftp pop3 imap imap4rev1 at on for to by"
    ).split()
)
_CLASSES = (
    (re.compile(rb"[\d.]+"), rb"[\d.]+"),
    (re.compile(rb"[\w.]+"), rb"[\w.]+"),
    (re.compile(rb"[\w.-]+"), rb"[\w.-]+"),
)


def _class_for(data: bytes) -> bytes:
    """The narrowest class of characters for a version."""
    return next((found for whole, found in _CLASSES if whole.fullmatch(data)), rb"[\w.+~-]+")


def _general(made: _Made, text: bytes, level: Level) -> None:
    """Go on with text, what differs from machine to machine generalised."""
    place = 0
    status = _STATUS.match(text)
    if status is not None:
        made.keep(status.group())
        place = status.end()
    named = _NAMED_HOST.match(text)
    if named is not None and level is Level.ALL:
        made.keep(text[place : named.start("host")])
        made.capture("h", rb"[\w.-]+")
        place = named.end()
    for token in _TOKEN.finditer(text, place):
        made.keep(text[place : token.start()])
        _token(made, token.lastgroup or "", token.group(), text[place : token.start()], level)
        place = token.end()
    made.keep(text[place:])


_CHANGING = {
    "date": rb"[\w ,:.()+-]+?",
    "stamp": rb"<[^<>\r\n]+>",
    "address": rb"[\d.:]+",
    "uuid": rb"[\w+/=-]+",
    "random": rb"[\w+/=-]+",
    "revision": rb"[\w.+~]+",
}


def _token(made: _Made, kind: str, data: bytes, before: bytes, level: Level) -> None:
    match kind:
        case "address" if _is_version(data, before):
            _token(made, "version", data, before, level)
        case "version" if _PROTOCOLS.search(before):
            made.generalise(_class_for(data)) if level is Level.ALL else made.keep(data)
        case "version":
            product = _PRODUCT.search(before)
            if product is not None and not made.product:
                made.product = _own_words(product["name"])
            made.capture("v", _class_for(data))
        case "host" if data.lower() in {b"asp.net", b"vb.net"}:
            made.keep(data)
        case "host":
            made.capture("h", rb"[\w.-]+")
        case _ if kind in _CHANGING:
            made.generalise(_CHANGING[kind])
        case _ if level is Level.ALL:
            made.generalise(rb"\d+")
        case _:
            made.keep(data)


def _is_version(data: bytes, before: bytes) -> bool:
    """Whether four numbers are a version and no address: right behind a name."""
    product = _PRODUCT.search(before)
    if product is None or b":" in data:
        return False
    last = product["name"].split()[-1]
    return last[:1].isupper() or before.endswith((b"/", b"_"))


def _readable(text: bytes) -> str:
    return "".join(chr(byte) for byte in text if 0x20 <= byte <= 0x7E).strip()


def _lines(made: _Made, data: bytes, level: Level, *, is_whole: bool) -> None:
    used = 0
    for line in data.splitlines(keepends=True):
        body = line.rstrip(b"\r\n")
        end = line[len(body) :]
        room = _TEXT_BYTES - used
        _general(made, body[:room], level)
        used += len(line)
        if len(body) > room:
            break
        if end:
            made.pattern += rb"\r?\n" if end in {b"\r\n", b"\n"} else _escaped(end)
        if _DECLARATION.match(body):  # everybody's
            made.literal = 0
        if made.literal >= _ENOUGH or used >= _TEXT_BYTES:
            break
    if is_whole and used >= len(data) and len(data) <= _SHORT:
        made.pattern += b"$"
    if not made.product:
        made.product = _product_of(data[:_TEXT_BYTES])


def _own_words(name: bytes) -> str:
    """A name without the words that are everybody's."""
    words = _readable(name).split()
    return " ".join(
        word for word in words if re.split(r"[^a-z0-9]", word.lower())[0] not in _COMMON
    )


def _product_of(data: bytes) -> str:
    """A name in a text that tells no version: capitalised words that are not everybody's."""
    for found in _CAPITALISED.finditer(data):
        words = _own_words(found.group()).split()
        if words:
            return " ".join(words[:3])
    return ""


# HTTP ---------------------------------------------------------------------------------------------

_STATUS_LINE = re.compile(rb"(?P<protocol>HTTP/1\.[01]|RTSP/1\.0|SIP/2\.0) (?P<rest>[^\r\n]*)\r?\n")
_TITLE = re.compile(rb"<title[^>]*>\s*([^<]+?)\s*</title>", re.IGNORECASE)
_HEADER = re.compile(rb"^([A-Za-z][\w-]*):[ \t]*([^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
_TELLING = (b"server", b"www-authenticate", b"x-powered-by", b"user-agent")
_PLAIN_SERVERS = re.compile(
    rb"(?:nginx|Apache|lighttpd|Microsoft-IIS|openresty|cloudflare|Caddy)\b", re.IGNORECASE
)
_EVERYBODYS = re.compile(
    rb"(?:date|content-.*|connection|cache-control|expires|pragma|last-modified|etag|vary|age"
    rb"|location|transfer-encoding|accept-ranges|keep-alive|strict-transport-security|via|allow"
    rb"|access-control-.*|x-content-type-options|x-frame-options|x-xss-protection|referrer-policy"
    rb"|x-request-id|set-cookie|server|www-authenticate|x-powered-by|retry-after|upgrade|link"
    rb"|permissions-policy|proxy-.*)"
)
_SAYS_NOTHING = re.compile(
    rb"(?:error|\d{3})?[ :.-]*(?:\d{3} )?(?:bad request|not found|forbidden|unauthorized|ok|error"
    rb"|internal server error|document( error)?|home|index|login|index of /?|untitled"
    rb"|moved permanently|found|redirect.*|service unavailable|method not allowed)?\W*",
    re.IGNORECASE,
)
_TAG = re.compile(rb"<[^>]*>|&\w+;|Bad Request|Not Found|Forbidden|Unauthorized")
_FREE_VALUES = frozenset(
    {b"date", b"content-length", b"etag", b"last-modified", b"expires", b"set-cookie", b"age"}
)
_LINES_BETWEEN = rb"(?:[^\r\n]*\r?\n)*?"


def _http(made: _Made, data: bytes, level: Level) -> None:
    head, _, body = data.partition(b"\r\n\r\n") if b"\r\n\r\n" in data else data.partition(b"\n\n")
    status, _, fields = head.partition(b"\n")
    headers = [(found[1], found[2]) for found in _HEADER.finditer(fields)]
    told = [pair for pair in headers if pair[0].lower() in _TELLING and pair[1]]
    begin = _STATUS_LINE.match(data)
    is_http = begin is None or begin["protocol"].startswith(b"HTTP")
    made.generalise(rb"HTTP/1\.[01] " if is_http else _escaped(status.partition(b" ")[0]) + b" ")
    if level is Level.ALL:
        made.generalise(rb"\d\d\d[^\r\n]*\r?\n")
    else:
        made.keep(status.rstrip(b"\r").partition(b" ")[2])
        made.generalise(rb"\r?\n")
    own = [name for name, _ in headers if not _EVERYBODYS.fullmatch(name.lower())]
    is_plain = all(_PLAIN_SERVERS.match(value) for _, value in told)
    for name, value in told[:2]:
        made.generalise(_LINES_BETWEEN)
        made.pattern += _escaped(name) + b": "  # of which nothing tells
        _general(made, value[:_LONGEST_TITLE], level)
        if len(value) <= _LONGEST_TITLE:
            made.generalise(rb"\r?\n")
    if is_plain and own:
        _in_any_header(made, own[0])
    title = _TITLE.search(body)
    if title is not None and _SAYS_NOTHING.fullmatch(title[1]):
        title = None
    words = _TAG.sub(b"", body[: _TEXT_BYTES // 2])
    if title is not None and (is_plain or not told):
        made.flags = "s"
        made.generalise(rb".*?")
        made.keep(b"<title" if body[title.start() + 6 : title.start() + 7] != b">" else b"<title>")
        made.generalise(rb"[^>]*>\s*" if not made.pattern.endswith(b">") else rb"\s*")
        text = title[1][:_LONGEST_TITLE]
        _general(made, text, level)
        if not made.product:
            made.product = _product_of(text) or _readable(text)
    elif not told and len(re.findall(rb"[A-Za-z]", words)) >= _ENOUGH:
        if level is Level.VERSIONS:
            _each_header(made, headers)
        made.flags = "s"
        made.generalise(rb".*?\r?\n\r?\n")
        _general(made, body[: _TEXT_BYTES // 3], level)
    elif not told or level is Level.VERSIONS:
        _each_header(made, headers)
        made.generalise(rb"\r?\n")
        made.keep(body[:_SHORT])
    if not made.product and told:
        made.product = _readable(told[0][1].partition(b"/")[0].partition(b" ")[0])


def _each_header(made: _Made, headers: Sequence[tuple[bytes, bytes]]) -> None:
    """The names of all headers in their order, where nothing else tells."""
    for name, value in headers:
        made.keep(name + b":")
        if name.lower() in _FREE_VALUES:
            made.generalise(rb"[^\r\n]*\r?\n")
        else:
            made.pattern += rb" *"
            _general(made, value[:_LONGEST_TITLE], Level.ALL)
            made.generalise(rb"[^\r\n]*\r?\n")


def _in_any_header(made: _Made, name: bytes) -> None:
    """A header that not everybody sends tells much, wherever it stands."""
    ahead = rb"(?=" + _LINES_BETWEEN + _escaped(name) + rb":)"
    made.pattern = b"^" + ahead + made.pattern[1:]
    made.literal += len(name)


# Binary -------------------------------------------------------------------------------------------

_RUN = re.compile(rb"[\x20-\x7e]{4,}")
_LENGTHS = ((4, "big"), (4, "little"), (3, "little"), (2, "big"), (2, "little"))
_RANDOM_BYTES = 8


def _binary(made: _Made, data: bytes, level: Level, *, is_whole: bool) -> None:
    made.flags = "s"
    place = _length(made, data) if is_whole else 0
    end = min(len(data), _BINARY_BYTES)
    while place < end:
        run = _RUN.match(data, place)
        if run is not None:
            stop = min(run.end(), end)
            if _is_random(run.group()):
                made.generalise(b".{%d}" % (stop - place))
            else:
                _general(made, data[place:stop], level)
            place = stop
        else:
            following = _RUN.search(data, place)
            stop = min(following.start() if following is not None else end, end)
            _binary_bytes(made, data[place:stop])
            place = stop
        if made.literal >= _ENOUGH + 2 and place >= _SHORT:
            break
    if is_whole and place >= len(data) and len(data) <= _SHORT:
        made.pattern += b"$"
    if not made.product:
        runs = [run.group() for run in _RUN.finditer(data[:_TEXT_BYTES])]
        told = [run for run in runs if re.search(rb"[A-Za-z]{5}", run) and not _is_random(run)]
        made.product = _product_of(b"\n".join(told))


def _length(made: _Made, data: bytes) -> int:
    """Generalise a length at the very beginning; returns how many bytes it has."""
    for size, order in _LENGTHS:
        value = int.from_bytes(data[:size], order)  # type: ignore[arg-type]
        if value and value in {len(data) - size, len(data), len(data) - size - 1, len(data) - 1}:
            for byte in data[:size]:
                made.generalise(rb"\0" if not byte else b".")
            return size
    return 0


def _binary_bytes(made: _Made, data: bytes) -> None:
    """Bytes that are no text: kept, but for long stretches that look random."""
    place = 0
    while place < len(data):
        stretch = data[place : place + _RANDOM_BYTES]
        if (
            0 not in stretch
            and len(stretch) == _RANDOM_BYTES
            and len(set(stretch)) >= _RANDOM_BYTES - 1
            and (sum(byte >= 0x20 for byte in stretch) >= _RANDOM_BYTES - 1)
        ):
            made.generalise(b".{%d}" % len(stretch))
        else:
            stretch = stretch[:1]
            made.keep(stretch)
        place += len(stretch)


def _is_random(text: bytes) -> bool:
    """Whether printable bytes look like chance: many kinds of characters, few letters in a row."""
    letters = max((len(run) for run in re.findall(rb"[A-Za-z]+", text)), default=0)
    signs = len(re.findall(rb"[^\w .:/,()-]", text))
    return letters < 4 and signs * 5 >= len(text)


# Names --------------------------------------------------------------------------------------------

_SERVICES: tuple[tuple[bytes, str], ...] = (
    (rb"HTTP/1\.[01] ", "http"),
    (rb"SSH-", "ssh"),
    (rb"RTSP/1", "rtsp"),
    (rb"SIP/2", "sip"),
    (rb"RFB \d", "vnc"),
    (rb"\d{3}[ -][^\r\n]*E?SMTP", "smtp"),
    (rb"\d{3}[ -][^\r\n]*FTP", "ftp"),
    (rb"\d{3}[ -][^\r\n]*NNTP", "nntp"),
    (rb"\+OK ", "pop3"),
    (rb"\* OK ", "imap"),
    (rb"AMQP", "amqp"),
    (rb"\xff[\xfb-\xfe]", "telnet"),
)


def _guessed_service(data: bytes, product: str) -> str:
    for pattern, name in _SERVICES:
        if re.match(pattern, data):
            return name
    slug = re.sub(r"[^a-z0-9]+", "-", product.lower()).strip("-")
    return slug[:24] or "unknown"


def responses_of(data: Iterable[bytes]) -> tuple[bytes, ...]:
    """Different responses, each once, as `others` of a draft."""
    return tuple(dict.fromkeys(response[:MAX_BYTES] for response in data if response))
