"""HTML (`-oH`): a report for people in one file, to be read, printed and sent.

No script, nothing from elsewhere, light or dark as the reader has it.  What
services say is escaped, and the page's own policy forbids everything but its
style sheet, so that nothing in a response can act.
"""

from collections.abc import Iterator, Sequence
from html import escape

from vscan_tui.events import HostState, Outcome, Span
from vscan_tui.reports import scan
from vscan_tui.reports.cpe import formatted_string
from vscan_tui.reports.dates import long_date
from vscan_tui.reports.fingerprint import fingerprint, wrapped
from vscan_tui.reports.listing import is_shown, listing
from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.session.notation import BYTES_PER_LINE
from vscan_tui.session.store import Host, Port, Store
from vscan_tui.session.wording import (
    port_text,
    port_version_text,
    readable,
    service_info,
    service_text,
)

SHOWN_BYTES = 1024
"""Of each response; the JSON lines have all."""

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; --mark: #ffd866; --ok: #0a7a3d;
 --soft: #9a6700; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --dim: #999; --mark: #6b5500; --ok: #57d68d;
 --soft: #e0b050; --bad: #ff8a80; } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto;
 padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
 border-bottom: 1px solid var(--line); }
th { font-weight: 600; } td { overflow-wrap: anywhere; }
.port { white-space: nowrap; } .dim, dt { color: var(--dim); }
.hard { color: var(--ok); } .soft { color: var(--soft); } .none { color: var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .6rem 0; }
dd { margin: 0; overflow-wrap: anywhere; } summary { cursor: pointer; }
pre, code { font: 13px/1.4 ui-monospace, Consolas, monospace; } pre { overflow-x: auto; }
mark { background: var(--mark); color: inherit; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } pre { white-space: pre-wrap; }
 tr, dl { break-inside: avoid; } details:not([open]) { display: none; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render(store: Store, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines of a report, each with its line end."""
    names = [host.label for host in store.hosts.values() if host.state is HostState.UP]
    title = f"Services of {names[0]}" if len(names) == 1 else "Services found"
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_text(_POLICY)}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="referrer" content="no-referrer">\n'
    yield f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    yield f"<h1>{_text(title)}</h1>\n"
    yield from _overview(store)
    for host in store.hosts.values():
        if is_shown(host, options):
            yield from _host(host, options, scan.intensity(store))
    yield "</body>\n</html>\n"


def _overview(store: Store) -> Iterator[str]:
    found = store.outcomes
    outcomes = ", ".join(f"{found[outcome]} {outcome}" for outcome in Outcome if found.get(outcome))
    rows = [
        ("scan", scan.command_line(store)),
        ("begun", long_date(scan.begin_time(store))),
        ("result", scan.summary(store)),
        ("ports asked", outcomes or "none"),
        ("not whole", scan.shortfall(store)),
    ]
    for database in store.scan.databases if store.scan else ():
        rules = scan.counted(database.rules, "rule")
        rows.append(("probe database", f"{database.name}: {rules}, SHA-256 {database.sha256}"))
    for notice in store.warnings:
        where = f"{notice.endpoint}: " if notice.endpoint else ""
        rows.append(("warning", where + notice.message))
    yield from _definitions(rows)


def _host(host: Host, options: ReportOptions, intensity: int) -> Iterator[str]:
    yield f"<h2>{_text(host.label)}</h2>\n"
    if host.state is HostState.DOWN:
        yield "<p>The host is down.</p>\n"
        return
    listed = listing(host, options)
    if listed.ports:
        yield "<table>\n<thead><tr><th>Port</th><th>State</th><th>Service</th><th>Version</th></tr>"
        yield "</thead>\n<tbody>\n"
        for port in listed.ports:
            yield from _port(port, intensity)
        yield "</tbody>\n</table>\n"
    for state in listed.summed:
        for reason in state.reasons:
            what = scan.counted(reason.count, f"{state.state} {reason.protocol} port")
            yield f'<p class="dim">Not shown: {_text(what)} ({_text(reason.reason)}).</p>\n'
    info = service_info(host)
    if info:
        yield f"<p>{_text(info)}</p>\n"


def _port(port: Port, intensity: int) -> Iterator[str]:
    kind = {Outcome.HARD_MATCH: "hard", Outcome.SOFT_MATCH: "soft", Outcome.NO_MATCH: "none"}
    style = kind.get(port.outcome, "dim") if port.outcome else "dim"
    version = _text(port_version_text(port))
    details = "".join(_details(port, intensity))
    if details:
        summary = version or f'<span class="dim">{_text(port.outcome or "not asked")}</span>'
        version = f"<details><summary>{summary}</summary>\n{details}</details>"
    yield (
        f'<tr><td class="port">{port_text(port)}</td><td class="port">{_text(port.state)}</td>'
        f'<td class="{style}">{_text(service_text(port))}</td><td>{version}</td></tr>\n'
    )


def _details(port: Port, intensity: int) -> Iterator[str]:
    if not port.exchanges and not port.note:
        return
    exchange = port.deciding
    firing = exchange.firings[-1] if exchange is not None and exchange.firings else None
    rows = [("note", port.note), ("outcome", str(port.outcome or ""))]
    if exchange is not None and firing is not None:
        match = firing.match
        pattern = match.pattern.decode("latin-1")
        kind = "softmatch" if match.soft else "match"
        rows += [
            ("rule", f"{match.file}:{match.line} (database {match.database})"),
            ("", f"{kind} {match.service} m|{pattern}|{match.flags}"),
            ("probe", f"{exchange.probe} (rule of {match.probe})"),
        ]
    for uri in port.service.fields.cpes:
        rows.append(("CPE", formatted_string(uri) or uri))
    rows += [("warning", warning) for warning in port.warnings]
    yield from _definitions(rows)
    yield from _exchanges(port)
    if exchange is not None and exchange.response:
        spans = firing.match.spans if firing is not None else ()
        yield f"<p>Response to {_text(exchange.probe)}:</p>\n<pre>"
        yield from _hexdump(bytes(exchange.response), spans)
        yield "</pre>\n"
    text = fingerprint(port, intensity)
    if text:
        lines = "\n".join(map(_text, wrapped(text)))
        yield f"<p>Fingerprint:</p>\n<pre>{lines}</pre>\n"


def _exchanges(port: Port) -> Iterator[str]:
    yield "<table><thead><tr><th>Probe</th><th>Sent</th><th>Received</th><th>First byte</th>"
    yield "<th>Time</th><th>End</th></tr></thead>\n<tbody>\n"
    for exchange in port.exchanges:
        cells = (
            exchange.probe,
            f"{len(exchange.payload)} bytes",
            f"{len(exchange.response)} bytes",
            _milliseconds(exchange.first_byte_seconds),
            _milliseconds(exchange.seconds),
            str(exchange.ending or ""),
        )
        yield f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>\n"
    yield "</tbody></table>\n"


def _hexdump(response: bytes, spans: Sequence[Span | None]) -> Iterator[str]:
    """Yield lines of a hexdump in which what the rule captured is marked."""
    shown = response[:SHOWN_BYTES]
    marked = bytearray(len(shown))
    for span in spans[1:]:
        if span is not None:
            start, end = max(0, span[0]), min(len(shown), span[1])
            marked[start:end] = b"\x01" * max(0, end - start)
    for offset in range(0, len(shown), BYTES_PER_LINE):
        chunk = shown[offset : offset + BYTES_PER_LINE]
        flags = marked[offset : offset + BYTES_PER_LINE]
        pairs = list(zip(chunk, flags, strict=True))
        hexadecimal = " ".join(_marked(f"{byte:02x}", flag) for byte, flag in pairs)
        padding = "   " * (BYTES_PER_LINE - len(chunk))
        text = "".join(
            _marked(escape(chr(byte) if 0x20 <= byte <= 0x7E else "."), flag)
            for byte, flag in pairs
        )
        yield f"{offset:08x}  {hexadecimal}{padding}  {text}\n".replace("</mark> <mark>", " ")
    if len(response) > len(shown):
        yield f"… {len(response) - len(shown)} more bytes\n"


def _marked(text: str, flag: int) -> str:
    return f"<mark>{text}</mark>" if flag else text


def _definitions(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>\n"
    for name, value in rows:
        if value:
            yield f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>\n"
    yield "</dl>\n"


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.1f} ms"


def _text(text: str) -> str:
    return escape(readable(text))
