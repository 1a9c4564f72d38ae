"""Why a port is what it is: the rule that fired, group by group, and every decision."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from vscan_tui.events import Match
from vscan_tui.session.store import Exchange, Firing, Port
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.exchange import count_text, seconds_text, unanswered_text
from vscan_tui.tui.rendering.fields import FieldText, captures, field_texts
from vscan_tui.tui.rendering.hexdump import escaped
from vscan_tui.tui.rendering.line import (
    Line,
    Role,
    Run,
    cut,
    cut_line,
    superscript,
    wrapped,
    wrapped_words,
)
from vscan_tui.tui.rendering.pattern import pattern_runs, rule_text

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.explain import NearMiss
    from vscan_tui.probedb.model import Rule

_INDENT = 10
_ARROW = Run(" → ", Role.DIM)
_STOPS_SHOWN = 3
_MAX_SHOWN = 400
"""Bytes of a payload or of a group that are written out; the rest is counted."""


def debugger_lines(
    port: Port, exchange: Exchange | None, width: int, nearest: "Sequence[NearMiss]" = ()
) -> list[Line]:
    """Explain one exchange, with the rules it almost met, and then the decisions on its port."""
    lines: list[Line] = []
    if exchange is not None:
        match = exchange.match
        if match is not None:
            lines += _fired(exchange, exchange.firings[-1], width)
        else:
            lines += _not_fired(exchange, width)
            for miss in nearest:
                lines += _near_miss(miss, width)
        lines += _sent(exchange, width)
        lines += _labelled("why", [Run(printable(exchange.reason))], width, words=True)
        lines += _tunnel(port, exchange, width)
        lines += _earlier(exchange, width)
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


def _fired(exchange: Exchange, firing: Firing, width: int) -> list[Line]:
    match = firing.match
    kind, symbol, role = (
        ("soft match", "~", Role.SOFT) if match.soft else ("hard match", "✓", Role.HARD)
    )
    title = Line(
        (
            Run(f"{symbol} {kind} ", role),
            Run(printable(match.service), Role.STRONG),
            Run(f"  {_place(match)}", Role.DIM),
        )
    )
    lines = [cut_line(title, width)]
    lines += _labelled("regex", pattern_runs(match), width, copied=rule_text(match))
    lines += _fields(match, bytes(exchange.response), width)
    lines += _labelled("groups", _captured(match, bytes(exchange.response)), width)
    lines += _labelled("rule", [Run(_origin(match, exchange))], width, words=True)
    tried = f"{count_text(match.tried, 'rule')} tried before it"
    had = f"on {count_text(firing.length, 'byte')} of {len(exchange.response):,}"
    lines += _labelled("tried", [Run(f"{tried}, {had}")], width, words=True)
    return lines


def _place(rule: "Match | Rule") -> str:
    return f"{printable(rule.file).replace(chr(92), '/').rsplit('/', 1)[-1]}:{rule.line}"


def _origin(match: Match, exchange: Exchange) -> str:
    text = f"line {match.line} of {printable(match.file)} (database {printable(match.database)})"
    if match.probe == exchange.probe:
        return f"{text}, held by probe {printable(match.probe)}"
    return (
        f"{text}, held by probe {printable(match.probe)}, a fallback of {printable(exchange.probe)}"
    )


def _fields(match: Match, response: bytes, width: int) -> list[Line]:
    texts = field_texts(match, response)
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


def _captured(match: Match, response: bytes) -> list[Run]:
    runs: list[Run] = []
    for number, data in enumerate(captures(response, match.spans)[1:], start=1):
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


def _near_miss(miss: "NearMiss", width: int) -> list[Line]:
    rule = miss.rule
    kind = "soft " if rule.soft else ""
    text = f"{kind}{printable(rule.service)}  {_place(rule)}  {miss.score:.0%} alike"
    lines = _labelled("nearest", [Run(text)], width)
    for stop in miss.stops[:_STOPS_SHOWN]:
        found = _byte_text(stop.found)
        wanted = printable(stop.wanted)
        reason = f"at {stop.offset:#06x} stands {found}, the rule wants {wanted}"
        lines += _labelled("", [Run(reason, Role.DIM)], width)
    return lines


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
            f"{kind} match {printable(match.service)} {_place(match)} "
            f"when {count_text(firing.length, 'byte')} had come"
        )
        lines += _labelled("earlier", [Run(text)], width, words=True)
    return lines


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
