"""Nmap's normal output (`-oN`, and what a scan without a screen prints).

Line by line what Nmap 7.93 writes for the same facts, so that scripts which
read its output go on working.  Its own words are where Nmap speaks of itself:
the first and last lines, the databases, and what introduces fingerprints.
"""

from collections.abc import Iterable, Iterator

from vscan_tui.events import HostState, Outcome
from vscan_tui.reports import scan
from vscan_tui.reports.dates import exact_date, long_date, short_date, whole_seconds
from vscan_tui.reports.fingerprint import fingerprint, wrapped
from vscan_tui.reports.listing import Listing, SummedState, is_shown, listing
from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.reports.parts import Parts
from vscan_tui.session.store import Host, Port, Store
from vscan_tui.session.wording import (
    latency_text,
    port_text,
    printable,
    readable,
    service_info,
    service_text,
    version_text,
)

MOST_FINGERPRINTS = 9
"""So many fingerprints are printed for a host, as by Nmap; the other reports have them all."""
NEXT_FINGERPRINT = " next fingerprint ".center(74, "=")


def render(store: Store, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines of a report for a file, each with its line end."""
    return PARTS.whole(store, options)


def render_for_terminal(store: Store, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines that a scan without a screen prints; no warnings, which are printed live."""
    return TERMINAL_PARTS.whole(store, options)


def _head(store: Store, _options: ReportOptions) -> Iterator[str]:
    begun = long_date(scan.begin_time(store))
    yield f"# {scan.program(store)} scan initiated {begun} as: {scan.command_line(store)}\n"


def _tail(store: Store, _options: ReportOptions) -> Iterator[str]:
    yield from warning_lines(store)
    yield from database_lines(store)
    yield from _service_lines(store)
    ended = long_date(scan.end_time(store))
    name, shortfall = scan.program_name(store), scan.shortfall(store)
    if shortfall:
        yield f"# {name} {shortfall}\n"
    done = f"{name} done at" if not shortfall else f"{name} as of"
    yield f"# {done} {ended} -- {scan.summary(store)}\n"


def _opening_line(store: Store, _options: ReportOptions) -> Iterator[str]:
    yield f"Starting {scan.program(store)} at {short_date(scan.begin_time(store))}\n"


def _closing_lines(store: Store, _options: ReportOptions) -> Iterator[str]:
    yield from database_lines(store)
    yield from _service_lines(store)
    name, shortfall = scan.program_name(store), scan.shortfall(store)
    if shortfall:
        yield f"{name}: {shortfall}\n"
    yield f"{name}{'' if shortfall else ' done'}: {scan.summary(store)}\n"


def host_lines(store: Store, host: Host, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines on one host, the last one empty; none if the host is not shown."""
    if not is_shown(host, options):
        return
    label = printable(host.label)
    tells_reason = options.tells_reasons and host.reason
    received = f", received {printable(host.reason)}" if tells_reason else ""
    if host.state is HostState.DOWN:
        yield f"Nmap scan report for {label} [host down{received}]\n"
        return
    yield f"Nmap scan report for {label}\n"
    seconds = scan.latency(host)
    latency = f" ({latency_text(seconds)} latency)" if seconds is not None else ""
    yield f"Host is up{received}{latency}.\n"
    if host.name and host.other_addresses:
        others = printable(" ".join(host.other_addresses))
        yield f"Other addresses for {printable(host.name)} (not scanned): {others}\n"
    if host.name and host.reverse_name and host.name != host.reverse_name:
        yield f"rDNS record for {printable(host.address)}: {printable(host.reverse_name)}\n"
    if options.is_detailed:
        seconds = max(0, whole_seconds(host.last) - whole_seconds(host.first))
        yield f"Scanned at {exact_date(host.first)} for {seconds}s\n"
    listed = listing(host, options)
    yield from _summed_lines(label, listed)
    if listed.ports:
        if not listed.summed:
            yield "\n"
        yield from _table(_rows(listed.ports, options))
        yield from _excluded_lines(listed.ports)
        yield from _fingerprint_lines(listed.ports, scan.intensity(store))
        info = service_info(host)
        if info:
            yield f"{info}\n"
    yield "\n"


def database_lines(store: Store) -> Iterator[str]:
    """Yield a line for each probe database in use."""
    for database in store.scan.databases if store.scan else ():
        probes = scan.counted(database.probes, "probe")
        rules = scan.counted(database.rules, "rule")
        path = f" from {readable(database.path)}" if database.path else ""
        yield f"Probe database: {readable(database.name)}{path} ({probes}, {rules})\n"


def _service_lines(store: Store) -> Iterator[str]:
    """Yield what scripts look for to see that services were looked at, in Nmap's words."""
    if scan.hosts_up(store):
        yield "Service detection performed.\n"


def warning_lines(store: Store) -> Iterator[str]:
    """Yield a line for each warning of the scan."""
    for notice in store.warnings:
        where = f"{printable(str(notice.endpoint))}: " if notice.endpoint else ""
        yield f"Warning: {where}{readable(notice.message)}\n"


def _summed_lines(label: str, listed: Listing) -> Iterator[str]:
    if not listed.summed:
        return
    if not listed.ports:
        yield f"All {listed.total} scanned ports on {label} are in ignored states.\n"
    yield f"Not shown: {', '.join(_summed_texts(listed.summed))}\n"


def _summed_texts(states: Iterable[SummedState]) -> Iterator[str]:
    for state in states:
        for reason in state.reasons:
            noun = f"{state.state} {reason.protocol} port"
            yield f"{scan.counted(reason.count, noun)} ({printable(reason.reason)})"


def _rows(ports: Iterable[Port], options: ReportOptions) -> Iterator[tuple[str, ...]]:
    reason = ("REASON",) if options.tells_reasons else ()
    yield ("PORT", "STATE", "SERVICE", *reason, "VERSION")
    for port in ports:
        reason = (printable(port.reason),) if options.tells_reasons else ()
        version = version_text(port.service.fields)
        yield (port_text(port), port.state, service_text(port), *reason, version)


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"{' '.join(cells).rstrip()}\n"


def _excluded_lines(ports: Iterable[Port]) -> Iterator[str]:
    excluded = [port_text(port) for port in ports if port.outcome is Outcome.EXCLUDED]
    if excluded:
        yield f"Excluded from version scan by the probe database: {', '.join(excluded)}\n"


def _fingerprint_lines(ports: Iterable[Port], intensity: int) -> Iterator[str]:
    fingerprints = [text for port in ports if (text := fingerprint(port, intensity))]
    if not fingerprints:
        return
    shown = fingerprints[:MOST_FINGERPRINTS]
    what = scan.counted(len(fingerprints), "service")
    rest = (
        f"; the first {len(shown)} follow, the XML and JSON lines reports have all"
        if len(fingerprints) > len(shown)
        else ""
    )
    yield f"{what} answered without being fully identified{rest}:\n"
    for text in shown:
        if len(shown) > 1:
            yield f"{NEXT_FINGERPRINT}\n"
        yield from (f"{line}\n" for line in wrapped(text))


PARTS = Parts(_head, host_lines, _tail)
TERMINAL_PARTS = Parts(_opening_line, host_lines, _closing_lines)
