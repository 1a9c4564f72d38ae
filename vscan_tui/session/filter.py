r"""The filter language: which ports a person wants to see.

    state:open service:http version~1\.2[0-9] !identified port:8000-9000 "two words"

Terms are separated by blanks, and all of them must hold.  A term is a plain word
that the port's line must contain, the name of a condition (`identified`), or a
field with what it must contain (`service:http`) or match (`version~regex`).
Commas separate alternatives (`port:80,443`), `!` negates, quotes keep blanks and
commas together.  Case never counts.  A field whose value is still missing asks
for nothing yet.
"""

import difflib
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from vscan_tui.events import Mark, Outcome, PortState
from vscan_tui.session.filter_syntax import FilterError, Item, Term, parse
from vscan_tui.session.store import Host, Port, Stage

MAX_PORT = 65535
MAX_SEARCHED = 1 << 20
"""So many bytes of each response are searched."""


class Subject(Protocol):
    """What a filter looks at."""

    @property
    def port(self) -> Port:
        """The port."""
        ...

    @property
    def host(self) -> Host | None:
        """Its host."""
        ...

    @property
    def text(self) -> str:
        """Its line as it is shown, in lower case: what plain words are looked for in."""
        ...


Test = Callable[[Subject], bool]


@dataclass(frozen=True, slots=True)
class Field:
    """A name that may stand before `:` or `~`."""

    name: str
    help: str
    choices: tuple[str, ...] = ()
    """The values that it may have; empty when it may have any."""
    numbers: bool = False
    """Whether its values are numbers or ranges of them."""
    network: bool = False
    """Whether its values may be addresses and networks."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A name that says something of a port by itself."""

    name: str
    help: str
    holds: Callable[[Port], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that can be applied."""

    source: str
    """As it was typed."""
    tests: tuple[Test, ...] = ()
    is_costly: bool = False
    """Whether one port may take a millisecond."""

    def __bool__(self) -> bool:
        return bool(self.tests)

    def matches(self, subject: Subject) -> bool:
        """Whether all terms hold for a port."""
        return all(test(subject) for test in self.tests)


EVERYTHING = Filter("")
"""The filter that shows every port."""


# Each look at a member of an enumeration costs as much as the rest of a test.
_FINISHED = Stage.FINISHED
_HARD, _SOFT, _NO_MATCH = Outcome.HARD_MATCH, Outcome.SOFT_MATCH, Outcome.NO_MATCH


def _outcome(*outcomes: Outcome) -> Callable[[Port], bool]:
    wanted = frozenset(outcomes)
    return lambda port: port.stage is _FINISHED and port.outcome in wanted


CONDITIONS = (
    Condition("identified", "a rule named the service",
        lambda port: port.outcome is _HARD or port.outcome is _SOFT),
    Condition("hard", "a hard match", _outcome(Outcome.HARD_MATCH)),
    Condition("soft", "a soft match", _outcome(Outcome.SOFT_MATCH)),
    Condition(
        "unknown", "it answered, and no rule matched",
        lambda port: port.outcome is _NO_MATCH and port.answered,
    ),
    Condition(
        "silent", "it answered no probe",
        lambda port: port.outcome is _NO_MATCH and not port.answered,
    ),
    Condition("wrapped", "it closed without a word", _outcome(Outcome.TCPWRAPPED)),
    Condition(
        "incomplete", "the connection failed, or the scan was stopped",
        _outcome(Outcome.INCOMPLETE, Outcome.STOPPED),
    ),
    Condition("excluded", "the database says not to probe it", _outcome(Outcome.EXCLUDED)),
    Condition("waiting", "not asked yet", lambda port: port.stage is Stage.WAITING),
    Condition("probing", "being asked now", lambda port: port.stage is Stage.PROBING),
    Condition("finished", "the verdict is there", lambda port: port.stage is _FINISHED),
    Condition("tls", "spoken to through TLS", lambda port: bool(port.service.tunnel)),
    Condition("held", "it waits for your word", lambda port: port.held is not None),
    Condition("byhand", "the verdict was made by hand", lambda port: bool(port.by_hand)),
    Condition("marked", "you marked it", lambda port: port.mark is not Mark.NONE),
    Condition("noted", "you wrote a note on it", lambda port: bool(port.note)),
    Condition("warned", "a warning concerns it", lambda port: bool(port.warnings)),
)  # fmt: skip
"""What can be asked by a name alone, or as `is:name`."""

_MARKS = {"todo": (Mark.TO_DO,), "done": (Mark.DONE,), "none": (Mark.NONE,),
          "any": (Mark.TO_DO, Mark.DONE)}  # fmt: skip

FIELDS = (
    Field("state", "state of the port", tuple(str(state) for state in PortState)),
    Field("service", "name of the service, as in ssl/http"),
    Field("version", "what stands under VERSION"),
    Field("port", "port number, or a range such as 8000-9000", numbers=True),
    Field("host", "address, network such as 10.0.0.0/8, or name", network=True),
    Field("is", "how the port stands", tuple(condition.name for condition in CONDITIONS)),
    Field("mark", "your mark", tuple(_MARKS)),
    Field("note", "your note"),
    Field("protocol", "tcp or udp", ("tcp", "udp")),
    Field("product", "product"),
    Field("info", "extra information"),
    Field("hostname", "host name that the service told"),
    Field("os", "operating system that the service told"),
    Field("device", "type of device that the service told"),
    Field("cpe", "CPE"),
    Field("probe", "a probe that was sent to it"),
    Field("rule", "file:line of the rule that fired"),
    Field("reason", "why the port has its state"),
    Field("response", "bytes that came back"),
)

_FIELDS = {field.name: field for field in FIELDS}
_CONDITIONS = {condition.name: condition for condition in CONDITIONS}


def _rules(subject: Subject) -> str:
    exchanges = subject.port.exchanges
    matches = (exchange.match for exchange in exchanges)
    return " ".join(f"{match.file}:{match.line}" for match in matches if match is not None)


def _version(subject: Subject) -> str:
    fields = subject.port.service.fields
    info = f"({fields.info})" if fields.info else ""
    return f"{fields.product} {fields.version} {info}"


_TEXTS: dict[str, Callable[[Subject], str]] = {
    "state": lambda subject: subject.port.state,
    "service": lambda subject: (
        f"{'ssl/' if subject.port.service.tunnel else ''}{subject.port.service.name}"
    ),
    "version": _version,
    "port": lambda subject: str(subject.port.endpoint.port),
    "host": lambda subject: f"{subject.port.endpoint.address} {_names(subject.host)}",
    "note": lambda subject: subject.port.note,
    "protocol": lambda subject: subject.port.endpoint.protocol,
    "product": lambda subject: subject.port.service.fields.product,
    "info": lambda subject: subject.port.service.fields.info,
    "hostname": lambda subject: subject.port.service.fields.hostname,
    "os": lambda subject: subject.port.service.fields.ostype,
    "device": lambda subject: subject.port.service.fields.devicetype,
    "cpe": lambda subject: " ".join(subject.port.service.fields.cpes),
    "probe": lambda subject: " ".join(exchange.probe for exchange in subject.port.exchanges),
    "rule": _rules,
    "reason": lambda subject: subject.port.reason,
}


def _names(host: Host | None) -> str:
    return f"{host.name} {host.reverse_name}" if host is not None else ""


def field_text(name: str) -> Callable[[Subject], str]:
    """Return what reads a field of a port as text."""
    return _TEXTS[name]


def compiled(text: str) -> Filter:
    """Make a filter of what was typed.

    Raises:
        FilterError: it cannot be one; the error says what is wrong, and where.
    """
    costed = [costed for term in parse(text) if (costed := _test(term)) is not None]
    costed.sort(key=lambda pair: pair[0])  # what is cheap decides first
    return Filter(
        text, tuple(test for _, test in costed), any(cost >= _REGEX for cost, _ in costed)
    )


_ATTRIBUTE, _TEXT, _REGEX, _RESPONSE = range(4)
_Costed = tuple[int, Test]


def _test(term: Term) -> _Costed | None:
    found = _of_field(term) if term.field else _of_word(term)
    if found is None or not term.negated:
        return found
    cost, test = found
    return cost, lambda subject: not test(subject)


def _of_word(term: Term) -> _Costed | None:
    (item,) = term.items
    word = item.text.lower()
    if not word:
        return None
    condition = None if item.quoted else _CONDITIONS.get(word)
    if condition is not None:
        holds = condition.holds
        return _ATTRIBUTE, lambda subject: holds(subject.port)
    return _TEXT, lambda subject: word in subject.text


def _of_field(term: Term) -> _Costed | None:
    field = _FIELDS.get(term.field)
    if field is None:
        raise FilterError(_unknown_field(term.field), term.name_start, term.name_end)
    items = [item for item in term.items if item.text]
    if not items:
        return None
    if term.operator == "~":
        return _of_regex(field, items[0])
    if field.choices:
        return _of_choice(field, items)
    if field.numbers:
        return _ATTRIBUTE, _of_numbers(items)
    if field.network:
        return _TEXT, _of_hosts(items)
    if field.name == "response":
        return _of_response([_literal(item) for item in items])
    words = tuple(item.text.lower() for item in items)
    text = _TEXTS[field.name]
    return _TEXT, _remembering(text, lambda value: any(word in value.lower() for word in words))


def _unknown_field(name: str) -> str:
    near = difflib.get_close_matches(name, _FIELDS, 1, 0.6)
    hint = f"; did you mean {near[0]}?" if near else "; quotes make it plain text"
    return f"there is no field “{name}”{hint}"


def _remembering(text: Callable[[Subject], str], holds: Callable[[str], bool]) -> Test:
    """Ask only once about each text: most ports share theirs with many others."""
    remembered = lru_cache(maxsize=4096)(holds)
    return lambda subject: remembered(text(subject))


def _of_choice(field: Field, items: Sequence[Item]) -> _Costed:
    chosen = {choice for item in items for choice in _chosen(field, item)}
    match field.name:
        case "is":
            conditions = tuple(_CONDITIONS[name].holds for name in chosen)
            return _ATTRIBUTE, lambda subject: any(holds(subject.port) for holds in conditions)
        case "mark":
            marks = {mark for name in chosen for mark in _MARKS[name]}
            return _ATTRIBUTE, lambda subject: subject.port.mark in marks
        case _:
            text = _TEXTS[field.name]
            return _ATTRIBUTE, lambda subject: text(subject) in chosen


def _chosen(field: Field, item: Item) -> Iterable[str]:
    """The choices that are meant; a part of one, still being typed, means all that begin so."""
    typed = item.text.lower()
    if typed in field.choices:
        return (typed,)
    begun = [choice for choice in field.choices if choice.startswith(typed)]
    if not begun:
        known = ", ".join(field.choices)
        raise FilterError(f"{field.name} is one of {known}", item.start, item.end)
    return begun


def _of_numbers(items: Sequence[Item]) -> Test:
    spans = tuple(_span(item) for item in items)
    if len(spans) == 1:
        ((low, high),) = spans
        return lambda subject: low <= subject.port.endpoint.port <= high
    return lambda subject: any(low <= subject.port.endpoint.port <= high for low, high in spans)


def _span(item: Item) -> tuple[int, int]:
    first, dash, last = item.text.partition("-")
    low = _number(first, item) if first else 0
    high = _number(last, item) if last else (MAX_PORT if dash else low)
    if low > high:
        raise FilterError(f"the range {item.text} ends before it begins", item.start, item.end)
    return low, high


def _number(digits: str, item: Item) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise FilterError("a port is a number or a range, such as 8000-9000", item.start, item.end)
    if len(digits) > 9 or int(digits) > MAX_PORT:
        raise FilterError(f"a port is at most {MAX_PORT}", item.start, item.end)
    return int(digits)


def _of_hosts(items: Sequence[Item]) -> Test:
    tests = tuple(_host_test(item) for item in items)
    return lambda subject: any(test(subject) for test in tests)


def _host_test(item: Item) -> Test:
    typed = item.text.lower()
    network = _network(typed, item)
    if network is None:
        text = _TEXTS["host"]
        return lambda subject: typed in text(subject).lower()

    @lru_cache(maxsize=65536)
    def contains(address: str) -> bool:
        parsed = _address(address)
        return parsed is not None and parsed.version == network.version and parsed in network

    return lambda subject: contains(subject.port.endpoint.address)


def _network(typed: str, item: Item) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """Read an address or a network; None for what can only be a name or a part of an address."""
    address, slash, length = typed.partition("/")
    if _address(address) is None:
        return None
    if slash and not length:
        raise FilterError("a network has a length, as in 10.0.0.0/8", item.start, item.end)
    try:
        return ipaddress.ip_network(typed, strict=False)
    except ValueError as error:
        raise FilterError(
            f"{item.text} is no network: an example is 10.0.0.0/8", item.start, item.end
        ) from error


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _literal(item: Item) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in item.text.encode("utf-8", "replace"))


def _of_regex(field: Field, item: Item) -> _Costed:
    pattern = item.text.encode("utf-8", "replace")
    if field.name == "response":
        return _of_response([pattern], item)
    text = _TEXTS.get(field.name)
    if text is None:
        raise FilterError(
            f"{field.name} has no text to match; write {field.name}:", item.start, item.end
        )
    search = _searcher(pattern, item)
    return _REGEX, _remembering(text, lambda value: search(value.encode("utf-8", "replace")))


def _of_response(patterns: Sequence[bytes], item: Item | None = None) -> _Costed:
    searches = tuple(_searcher(pattern, item) for pattern in patterns)

    def test(subject: Subject) -> bool:
        return any(
            search(bytes(exchange.response[:MAX_SEARCHED]))
            for exchange in subject.port.exchanges
            if exchange.response
            for search in searches
        )

    return _RESPONSE, test


def _searcher(pattern: bytes, item: Item | None) -> Callable[[bytes], bool]:
    """Compile a regex; a search that exceeds PCRE2's limits finds nothing, as with rules."""
    # Imported when somebody writes a regex: few do, and everybody waits for the first paint.
    from vscan_tui.matching.pattern import LimitError, Pattern, check  # noqa: PLC0415

    try:
        compiled_pattern = Pattern(pattern, "i")
    except ValueError as error:
        offset, reason = check(pattern, "i") or (0, str(error))
        start, end = (item.start + item.quoted, item.end) if item is not None else (0, 0)
        where = min(end, start + len(pattern[:offset].decode("utf-8", "ignore")))
        raise FilterError(reason, min(where, max(start, end - 1)), end) from error

    def search(data: bytes) -> bool:
        try:
            return compiled_pattern.search(data) is not None
        except LimitError:
            return False

    return search
