"""Nmap's grepable output (`-oG`): one line for each host, made for `grep`, `awk` and `cut`.

    Host: 127.0.0.1 (localhost)<TAB>Ports: 80/open/tcp//http//nginx 1.22.1/, …

The seven fields of a port: number, state, protocol, owner (empty), service,
RPC information (empty), version.  Measured on Nmap 7.93: a slash in a value
becomes `|`, a comma stays; the summed-up state is named if there is only one.
"""

from collections.abc import Iterator

from vscan_tui.events import HostState, Protocol
from vscan_tui.reports import scan
from vscan_tui.reports.dates import long_date
from vscan_tui.reports.fingerprint import fingerprint
from vscan_tui.reports.listing import count_of, is_shown, listing, ranges_text, scanned_ports
from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.reports.parts import Parts
from vscan_tui.session.store import Host, Port, Store
from vscan_tui.session.wording import printable, service_text, version_text


def render(store: Store, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines of a report, each with its line end."""
    return PARTS.whole(store, options)


def _head(store: Store, options: ReportOptions) -> Iterator[str]:
    begun = long_date(scan.begin_time(store))
    yield f"# {scan.program(store)} scan initiated {begun} as: {scan.command_line(store)}\n"
    if options.verbosity > 0:
        tcp, udp = _scanned(store, "tcp"), _scanned(store, "udp")
        yield f"# Ports scanned: TCP({tcp}) UDP({udp}) SCTP(0;) PROTOCOLS(0;)\n"


def _tail(store: Store, _options: ReportOptions) -> Iterator[str]:
    name, shortfall = scan.program_name(store), scan.shortfall(store)
    if shortfall:
        yield f"# {name} {shortfall}\n"
    done = f"{name} as of" if shortfall else f"{name} done at"
    yield f"# {done} {long_date(scan.end_time(store))} -- {scan.summary(store)}\n"


def _host_lines(store: Store, host: Host, options: ReportOptions) -> Iterator[str]:
    if not is_shown(host, options):
        return
    # Nmap names the host by reverse DNS here, never by what the user typed.
    label = f"Host: {printable(host.address)} ({printable(host.reverse_name)})"
    if host.state is HostState.DOWN:
        yield f"{label}\tStatus: Down\n"
        return
    yield f"{label}\tStatus: Up\n"
    listed = listing(host, options)
    if not listed.total:
        return
    intensity = scan.intensity(store)
    ports = ", ".join(_port_text(port, intensity) for port in listed.ports)
    ignored = ""
    if len(listed.summed) == 1:
        [state] = listed.summed
        ignored = f"\tIgnored State: {state.state} ({state.count})"
    yield f"{label}\tPorts: {ports}{ignored}\n"


def _port_text(port: Port, intensity: int) -> str:
    service = port.service
    known = service.name or service.tunnel or fingerprint(port, intensity)
    name = service_text(port) if known else ""
    values = (
        str(port.endpoint.port),
        port.state,
        port.endpoint.protocol,
        "",
        name,
        "",
        version_text(service.fields),
    )
    return "/".join(value.replace("/", "|") for value in values) + "/"


def _scanned(store: Store, protocol: Protocol) -> str:
    ranges = scanned_ports(store, protocol)
    return f"{count_of(ranges)};{ranges_text(ranges)}"


PARTS = Parts(_head, _host_lines, _tail)
