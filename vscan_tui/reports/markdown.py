"""Markdown (`-oD`): a report for people, as documents and issue trackers take it.

What a service says stands in code spans, where nothing is a link, a mention or
markup; fingerprints stand in indented blocks, which nothing in them can end.
"""

import re
from collections.abc import Iterator

from vscan_tui.events import HostState, Outcome, PortState
from vscan_tui.reports import scan
from vscan_tui.reports.dates import short_date
from vscan_tui.reports.fingerprint import fingerprint, wrapped
from vscan_tui.reports.listing import is_shown, listing
from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.session.store import Host, Port, Store
from vscan_tui.session.wording import (
    port_text,
    port_version_text,
    printable,
    readable,
    service_info,
    service_text,
)

_BACKTICKS = re.compile("`+")


def render(store: Store, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines of a report, each with its line end."""
    yield "# Services found\n\n"
    yield f"* Scan: {_code(scan.command_line(store))}\n"
    yield f"* Begun: {short_date(scan.begin_time(store))}\n"
    yield f"* Result: {scan.summary(store)}\n"
    shortfall = scan.shortfall(store)
    if shortfall:
        yield f"* Not whole: {_code(shortfall)}\n"
    for database in store.scan.databases if store.scan else ():
        rules = scan.counted(database.rules, "rule")
        yield f"* Probe database: {_code(database.name)}, {rules}, SHA-256 {database.sha256[:12]}\n"
    for notice in store.warnings:
        where = f"{notice.endpoint}: " if notice.endpoint else ""
        yield f"* Warning: {_code(where + notice.message)}\n"
    for host in store.hosts.values():
        if is_shown(host, options):
            yield from _host(host, options, scan.intensity(store))


def _host(host: Host, options: ReportOptions, intensity: int) -> Iterator[str]:
    yield f"\n## {_code(host.label)}\n\n"
    if host.state is HostState.DOWN:
        yield "The host is down.\n"
        return
    listed = listing(host, options)
    if listed.ports:
        yield "| Port | State | Service | Version | Rule |\n"
        yield "|---|---|---|---|---|\n"
        for port in listed.ports:
            yield _row(port)
        yield "\n"
    for state in listed.summed:
        for reason in state.reasons:
            noun = f"{state.state} {reason.protocol} port"
            what = scan.counted(reason.count, noun)
            yield f"Not shown: {what} ({printable(reason.reason)}).\n\n"
    info = service_info(host)
    if info:
        yield f"{_code(info)}\n\n"
    for port in listed.ports:
        if port.note:
            yield f"Note on {port_text(port)}: {_code(port.note)}\n\n"
    for port in listed.ports:
        text = fingerprint(port, intensity)
        if text:
            yield f"Fingerprint of {port_text(port)}:\n\n"
            yield from (f"    {line}\n" for line in wrapped(text))
            yield "\n"


def _row(port: Port) -> str:
    exchange = port.deciding if port.identified else None
    match = exchange.match if exchange is not None else None
    rule = f"{match.file}:{match.line}" if match is not None else _without_rule(port)
    cells = (
        port_text(port),
        port.state.replace("|", "\\|"),
        _cell(service_text(port)),
        _cell(port_version_text(port)),
        _cell(rule),
    )
    return f"| {' | '.join(cells)} |\n"


def _without_rule(port: Port) -> str:
    if port.state is not PortState.OPEN or port.outcome is None:
        return ""
    return "" if port.outcome is Outcome.EXCLUDED else str(port.outcome)


def _cell(text: str) -> str:
    # A table takes a bar for the end of a cell even in code, but for this.
    return _code(text).replace("|", "\\|")


def _code(text: str) -> str:
    """Return text as a code span (CommonMark 0.31, section 6.1), which nothing in it can end."""
    plain = " ".join(readable(text).split())
    if not plain:
        return ""
    longest = max((len(run) for run in _BACKTICKS.findall(plain)), default=0)
    fence = "`" * (longest + 1)
    space = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{space}{plain}{space}{fence}"
