"""Why a port is what it is: the rule that fired, group by group, and every decision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vscan_tui.events import Ending, Match, Span
from vscan_tui.probedb.writing import pattern_text, rule_line
from vscan_tui.session.store import Exchange, Port
from vscan_tui.session.wording import printable, readable
from vscan_tui.tui.rendering.exchange import count_text, seconds_text, unanswered_text
from vscan_tui.tui.rendering.fields import FieldText, captures, field_texts
from vscan_tui.tui.rendering.hexdump import escaped
from vscan_tui.tui.rendering.line import (
    Layer,
    Line,
    Role,
    Run,
    cut,
    cut_line,
    in_cells,
    superscript,
    wrapped,
    wrapped_words,
)
from vscan_tui.tui.rendering.pattern import pattern_runs

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.explain import Fate, NearMiss, Stop
    from vscan_tui.matching.investigation import Study
    from vscan_tui.matching.parts import Dissection
    from vscan_tui.probedb.model import Rule

_INDENT = 10
_ARROW = Run(" → ", Role.DIM)
_STOPS_SHOWN = 3
NEAREST = 4
"""So many of the nearest rules are told, if they come near at all."""
_FEW_READS = 2
_MAX_SHOWN = 400
"""Bytes of a payload or of a group that are written out; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rule that is looked at, and what is known of it."""

    rule: "Match | Rule"
    fate: "Fate"
    database: str
    probe: str
    """That holds the rule."""
    place: int | None = None
    """In the order in which rules are tried, from 0; None if it is not among them."""
    dissection: "Dissection | None" = None
    """None until it is known."""
    part: int | None = None
    """The part of the regex that is selected."""

    def with_dissection(self, dissection: "Dissection") -> "Chosen":
        """The same, with what is known of its parts."""
        return replace(self, dissection=dissection)

    def at(self, place: int | None) -> "Chosen":
        """The same, with its place in the order known."""
        return replace(self, place=place)

    def with_part(self, part: int) -> "Chosen":
        """The same, with a part of its regex selected."""
        return replace(self, part=part)


def laid_over(chosen: Chosen) -> tuple[tuple[Span, Layer], ...]:
    """Which bytes of the response the parts of a rule met; of one that matches, the selected."""
    found = chosen.dissection
    if found is None:
        return ()
    layers: list[tuple[Span, Layer]] = []
    if not found.matches:
        layers += [(place, Layer.MET) for place in found.places if place is not None]
        layers += [((stop.offset, stop.offset + 1), Layer.STOP) for stop in found.stops]
    if chosen.part is not None:
        place = found.places[chosen.part]
        if place is not None and place[0] < place[1]:
            layers.append((place, Layer.PART))
    return tuple(layers)


def debugger_lines(
    port: Port,
    exchange: Exchange | None,
    width: int,
    chosen: Chosen | None = None,
    study: "Study | None" = None,
) -> list[Line]:
    """Explain one exchange by one rule, and then the decisions on its port.

    Args:
        port: the port.
        exchange: what was sent and received; None: only the decisions are told.
        width: of the lines, in cells.
        chosen: the rule to explain it by; None: none was found yet.
        study: the fate of all rules; None until it is known.
    """
    lines: list[Line] = []
    if exchange is not None:
        if exchange.match is None:
            lines += _not_fired(exchange, width)
        if chosen is not None:
            lines += _rule(exchange, chosen, study, width)
        if study is not None:
            lines += _others(chosen, study, width)
            lines += _reads(exchange, study, width)
        if exchange.ending is Ending.FULL:
            text = f"not read on after {count_text(len(exchange.response), 'byte')}"
            lines += _labelled("cut", [Run(text)], width, words=True)
        lines += _sent(exchange, width)
        lines += _labelled("why", [Run(printable(exchange.reason))], width, words=True)
        lines += _tunnel(port, exchange, width)
        lines += _earlier(exchange, width)
    lines += _note(port, width)
    lines += _warnings(port, width)
    lines += _decisions(port, width)
    return lines


def _labelled(
    label: str, runs: Iterable[Run], width: int, *, words: bool = False, copied: str = ""
) -> list[Line]:
    """Put a label before the first line, and align the others under it."""
    runs = list(runs)
    if not any(run.text for run in runs):
        return []
    if words:
        role = runs[0].role
        prose = wrapped_words("".join(run.text for run in runs), width - _INDENT)
        found = [Line((Run(" " * _INDENT), Run(text, role))) for text in prose]
    else:
        found = wrapped(runs, width, _INDENT)
    first, *rest = found
    head = Run(f"  {label}".ljust(_INDENT), Role.LABEL)
    text = copied or "".join(run.text for run in runs)
    return [Line((head, *first.runs[1:]), text), *(Line(line.runs, text) for line in rest)]


def _rule(exchange: Exchange, chosen: Chosen, study: "Study | None", width: int) -> list[Line]:
    rule, found = chosen.rule, chosen.dissection
    response = bytes(exchange.response)
    lines = [cut_line(_title(chosen, study), width)]
    lit, failed = _selected(chosen)
    runs = pattern_runs(rule, lit=lit, failed=failed)
    lines += _part(chosen, response, width)  # first: a long regex would push it out of sight
    lines += _labelled("regex", runs, width, copied=rule_line(rule))
    if found is not None and found.hit_limit:
        text = "PCRE2 gave up on this regex: it hit a limit, which counts as no match"
        lines += _labelled("limit", [Run(text, Role.ALERT)], width, words=True)
    for label, stop in zip(["stopped", *[""] * _STOPS_SHOWN], _stops(found), strict=False):
        lines += _labelled(label, [Run(_stop_text(stop))], width)
    spans = _spans(chosen)
    if spans:
        lines += _fields(rule, spans, response, width)
        lines += _labelled("groups", _captured(spans, response), width)
    lines += _labelled("rule", [Run(_origin(chosen, exchange))], width, words=True)
    if isinstance(rule, Match):
        tried = f"{count_text(rule.tried, 'rule')} tried before it"
        had = f"on {count_text(exchange.firings[-1].length, 'byte')} of {len(response):,}"
        lines += _labelled("tried", [Run(f"{tried}, {had}")], width, words=True)
    return lines


def _title(chosen: Chosen, study: "Study | None") -> Line:
    rule = chosen.rule
    kind = "soft match" if rule.soft else "hard match"
    place = Run(f"  {place_text(rule)}", Role.DIM)
    service = Run(printable(rule.service), Role.STRONG)
    match chosen.fate:
        case "fired":
            symbol, role = ("~", Role.SOFT) if rule.soft else ("✓", Role.HARD)
            return Line((Run(f"{symbol} {kind} ", role), service, place))
        case "shadowed":
            why = Run("  would fire too: a rule before it did", Role.DIM)
            return Line((Run(f"◦ shadowed {kind} ", Role.SOFT), service, place, why))
        case _:
            near = Run(f"✘ {_nearness(chosen, study)} ", Role.UNKNOWN)
            return Line((near, service, place, Run(_held_text(chosen.dissection), Role.DIM)))


def _nearness(chosen: Chosen, study: "Study | None") -> str:
    if study is None or chosen.place is None:
        return "did not match"
    rank = study.rules.rank(chosen.place)
    if rank is None:
        return "has nothing in common with it"
    return "nearest" if rank == 1 else f"{ordinal(rank)} nearest"


def _held_text(found: "Dissection | None") -> str:
    """How far a rule that failed went."""
    if found is None or not found.stops:
        return ""
    held, failed = count_text(found.held, "part"), len(found.failed)
    return f"  {held} held, {failed} failed, first at {found.stops[0].offset:#06x}"


def _miss_text(miss: "NearMiss") -> str:
    """What would have to be otherwise for a rule to match."""
    if not miss.stops:
        return "some of its words are there, not in its order"
    first = f"{miss.stops[0].offset:#06x}"
    if miss.changes is None:
        return f"fits up to {first}"
    if miss.changes == 1:
        return f"matches but for 1 byte, at {first}"
    return f"matches but for {miss.changes} bytes, the first at {first}"


def ordinal(number: int) -> str:
    """Write a rank, such as 1st, 22nd, 113th."""
    if number % 100 in {11, 12, 13}:
        return f"{number:,}th"
    return f"{number:,}{({1: 'st', 2: 'nd', 3: 'rd'}).get(number % 10, 'th')}"


def _selected(chosen: Chosen) -> tuple[Span | None, tuple[Span, ...]]:
    """The selected part of the regex, and those that did not fit."""
    found = chosen.dissection
    if found is None:
        return None, ()
    lit = None if chosen.part is None else found.parts[chosen.part].span
    return lit, tuple(found.parts[number].span for number in found.failed)


def _spans(chosen: Chosen) -> tuple[Span | None, ...]:
    if isinstance(chosen.rule, Match):
        return chosen.rule.spans
    return chosen.dissection.spans if chosen.dissection is not None else ()


def _stops(found: "Dissection | None") -> "tuple[Stop, ...]":
    return () if found is None else found.stops[:_STOPS_SHOWN]


def _stop_text(stop: "Stop") -> str:
    wanted = printable(stop.wanted)
    return f"at {stop.offset:#06x} stands {_byte_text(stop.found)}, the rule wants {wanted}"


def _part(chosen: Chosen, response: bytes, width: int) -> list[Line]:
    found = chosen.dissection
    if found is None or chosen.part is None:
        return []
    part, place = found.parts[chosen.part], found.places[chosen.part]
    inside = f" in group {part.group}" if part.group else ""
    text = pattern_text(chosen.rule.pattern[slice(*part.span)])
    head = f"{chosen.part + 1} of {len(found.parts)}  {part.kind}{inside}  "
    lines = _labelled("part", [Run(head), Run(text, Role.PLAIN, layer=Layer.PART)], width)
    if chosen.part in found.failed:
        runs = [Run("does not fit here", Role.UNKNOWN)]
        if place is not None:
            met = response[slice(*place)]
            told = f"fits {count_text(len(met), 'byte')} at {place[0]:#06x} and no more  "
            runs = [Run(told, Role.UNKNOWN), Run(_shortened(met), layer=Layer.PART)]
        return lines + _labelled("", runs, width)
    if place is None:
        told = "took no part" if found.matches else "not reached, or met by nothing"
        return lines + _labelled("", [Run(told, Role.DIM)], width)
    start, end = place
    if start == end:
        return lines + _labelled("", [Run(f"no bytes, at {start:#06x}", Role.DIM)], width)
    size = count_text(end - start, "byte")
    runs = [
        Run(f"{size} at {start:#06x}  ", Role.DIM),
        Run(_shortened(response[start:end]), layer=Layer.PART),
    ]
    return lines + _labelled("", runs, width)


def _others(chosen: Chosen | None, study: "Study", width: int) -> list[Line]:
    """The rules that match too, and those that nearly do."""
    rules = study.rules
    shown = chosen.place if chosen is not None else None
    lines: list[Line] = []
    others = [place for place in rules.shadowed if place != shown]
    for label, place in zip(["shadows", "", ""], others, strict=False):
        rule = rules.rule(place)
        kind = "soft " if rule.soft else ""
        text = f"{kind}{printable(rule.service)}  {place_text(rule)}  would have fired too"
        lines += _labelled(label, [Run(text)], width)
    if len(others) > _STOPS_SHOWN:
        text = f"and {count_text(len(others) - _STOPS_SHOWN, 'more rule')} would have fired"
        lines += _labelled("", [Run(text, Role.DIM)], width)
    if rules.fired is not None:
        return lines
    near = [place for place in rules.near(NEAREST) if place != shown]
    if not near and shown is None and rules.nearest:
        text = "no rule: the nearest have next to nothing of their own in common with it"
        return lines + _labelled("near", [Run(text, Role.DIM)], width, words=True)
    for label, place in zip(["near", "", ""], near, strict=False):
        rule = rules.rule(place)
        kind = "soft " if rule.soft else ""
        miss = rules.miss(place)
        told = f"  {_miss_text(miss)}" if miss is not None else ""
        text = f"{kind}{printable(rule.service)}  {place_text(rule)}{told}"
        lines += _labelled(label, [Run(text, Role.DIM)], width)
    return lines


def _reads(exchange: Exchange, study: "Study", width: int) -> list[Line]:
    """On which read the rule fired, and what more of the answer would have given."""
    reads = study.reads
    if exchange.match is None or len(reads) < _FEW_READS:
        return []
    had = exchange.firings[-1].length
    on = next((read for read in reads if read.length >= had), reads[-1])
    text = f"fired on read {on.number} of {len(exchange.chunks)}, {count_text(had, 'byte')}"
    lines = _labelled("reads", [Run(text)], width, words=True)
    last = reads[-1]
    fired, whole = exchange.match, last.match
    if had >= last.length:
        return lines
    if whole is not None and (whole.pattern, whole.line) == (fired.pattern, fired.line):
        same = whole.fields == fired.fields
        text = "the whole answer gives the same" if same else "the whole answer tells more by it"
        return lines + _labelled("", [Run(text, Role.DIM)], width, words=True)
    told = "no rule" if whole is None else f"{printable(whole.service)} {place_text(whole)}"
    text = f"half an answer: the whole of {count_text(last.length, 'byte')} gives {told}"
    return lines + _labelled("", [Run(text, Role.ALERT)], width, words=True)


def place_text(rule: "Match | Rule") -> str:
    """Name the file, without its folder, and the line of a rule."""
    return f"{printable(rule.file).replace(chr(92), '/').rsplit('/', 1)[-1]}:{rule.line}"


def _origin(chosen: Chosen, exchange: Exchange) -> str:
    rule = chosen.rule
    place = f"line {rule.line} of {printable(rule.file)}"
    text = (
        f"{place} (database {printable(chosen.database)}), held by probe {printable(chosen.probe)}"
    )
    if chosen.probe == exchange.probe:
        return text
    return f"{text}, a fallback of {printable(exchange.probe)}"


def _fields(
    rule: "Match | Rule", spans: Sequence[Span | None], response: bytes, width: int
) -> list[Line]:
    texts = field_texts(rule.templates, spans, response)
    if not texts:
        return _labelled("fields", [Run("this rule names no version fields", Role.DIM)], width)
    room = width - _INDENT
    aligned = max(
        (length for length in map(_template_width, texts) if length <= room // 3), default=0
    )
    lines: list[Line] = []
    for text in texts:
        value = text.value or (Run("(left out: a group took no part)", Role.DIM),)
        copied = "".join(run.text for run in text.value)
        blank = Run(" " * max(0, aligned - _template_width(text)))
        whole = Line((*text.template, blank, _ARROW, *value))
        if whole.width <= room:
            found = [Line((Run(" " * _INDENT), *whole.runs), copied)]
        else:  # the template on lines of its own, and what became of it below
            found = wrapped(text.template, width, _INDENT)
            first, *rest = wrapped(value, width, _INDENT + len(_ARROW.text))
            found.append(Line((Run(" " * _INDENT), _ARROW, *first.runs[1:])))
            found += rest
        lines += [Line(line.runs, copied) for line in found]
    label = Run("  fields".ljust(_INDENT), Role.LABEL)
    return [Line((label, *lines[0].runs[1:]), lines[0].copied), *lines[1:]]


def _template_width(text: FieldText) -> int:
    return sum(len(run.text) for run in text.template)


def _captured(spans: Sequence[Span | None], response: bytes) -> list[Run]:
    runs: list[Run] = []
    for number, data in enumerate(captures(response, spans)[1:], start=1):
        if runs:
            runs.append(Run("  "))
        runs.append(Run(superscript(number), Role.PLAIN, number))
        if data is None:
            runs.append(Run("took no part", Role.DIM))
        else:
            runs.append(Run(_shortened(data) or "(empty)", Role.PLAIN, number))
    return runs


def _not_fired(exchange: Exchange, width: int) -> list[Line]:
    if exchange.response:
        if exchange.ending is None:
            text = f"{count_text(len(exchange.response), 'byte')} so far; no rule matches yet."
        else:
            rules = "1 rule was" if exchange.tried == 1 else f"{exchange.tried:,} rules were"
            text = f"No rule matched; {rules} tried."
        symbol, role = "? ", Role.UNKNOWN
    else:
        text, symbol, role = unanswered_text(exchange), "○ ", Role.DIM
    first, *rest = wrapped_words(text, width - 2)
    return [
        Line((Run(symbol, role), Run(first, role))),
        *(Line((Run("  "), Run(line, role))) for line in rest),
    ]


def _byte_text(byte: int | None) -> str:
    if byte is None:
        return "the end"
    return "a space" if byte == ord(" ") else escaped(bytes([byte]))


def _sent(exchange: Exchange, width: int) -> list[Line]:
    if not exchange.payload:
        text = "nothing: this probe connects and listens"
        return _labelled("sent", [Run(text, Role.DIM)], width, words=True)
    size = Run(f"{count_text(len(exchange.payload), 'byte')}  ", Role.DIM)
    payload = f'"{_shortened(exchange.payload)}"'
    return _labelled("sent", [size, Run(payload)], width, copied=escaped(exchange.payload))


def _tunnel(port: Port, exchange: Exchange, width: int) -> list[Line]:
    connection = port.connections.get(exchange.connection)
    if connection is None or connection.tls is None:
        return []
    tls = connection.tls
    parts = (tls.version, tls.cipher, f"ALPN {tls.alpn}" if tls.alpn else "")
    text = printable(", ".join(part for part in parts if part))
    resumed = " (resumed)" if tls.resumed else ""
    return [
        *_labelled("tls", [Run(text + resumed)], width, words=True),
        *_certificate(port, width),
    ]


def _certificate(port: Port, width: int) -> list[Line]:
    findings = port.service.tls
    if findings is None:
        return []
    validity = f"{findings.not_before[:10]} to {findings.not_after[:10]}"
    told = (
        ("spoken", ", ".join(findings.versions)),
        ("names", ", ".join(findings.names)),
        ("issuer", findings.issuer),
        ("valid", validity if findings.not_before else ""),
    )
    return [
        line
        for label, text in told
        if text
        for line in _labelled(label, [Run(printable(text))], width, words=True)
    ]


def _shortened(data: bytes) -> str:
    if len(data) <= _MAX_SHOWN:
        return escaped(data)
    return f"{escaped(data[:_MAX_SHOWN])}… ({len(data) - _MAX_SHOWN:,} more bytes)"


def _earlier(exchange: Exchange, width: int) -> list[Line]:
    lines: list[Line] = []
    for firing in exchange.firings[:-1]:
        match = firing.match
        kind = "soft" if match.soft else "hard"
        text = (
            f"{kind} match {printable(match.service)} {place_text(match)} "
            f"when {count_text(firing.length, 'byte')} had come"
        )
        lines += _labelled("earlier", [Run(text)], width, words=True)
    return lines


def _note(port: Port, width: int) -> list[Line]:
    note = " ".join(in_cells(readable(port.note)).split())
    return _labelled("note", [Run(note, Role.STRONG)], width, words=True)


def _warnings(port: Port, width: int) -> list[Line]:
    lines: list[Line] = []
    for warning in port.warnings:
        lines += _labelled("warning", [Run(printable(warning), Role.ALERT)], width, words=True)
    return lines


def _decisions(port: Port, width: int) -> list[Line]:
    if not port.decisions:
        return []
    begin = port.started if port.started is not None else port.decisions[0].time
    lines = [Line(), Line((Run("Decisions on this port", Role.HEADING),))]
    for decision in port.decisions:
        when = seconds_text(max(0.0, decision.time - begin)).rjust(8)
        action, reason = printable(decision.action), printable(decision.reason)
        head = (Run(f"{when}  ", Role.DIM), Run(action))
        room = width - 10 - len(action) - 3
        if room >= len(reason):
            lines.append(Line((*head, Run(f" - {reason}", Role.DIM)), f"{action} - {reason}"))
            continue
        lines.append(Line((head[0], Run(cut(action, max(1, width - 10)))), f"{action} - {reason}"))
        lines += [
            Line((Run(" " * 12), Run(text, Role.DIM)), f"{action} - {reason}")
            for text in wrapped_words(reason, width - 12)
        ]
    return lines
