"""Nmap's XML output (`-oX`): what `ndiff` and the many readers of Nmap's XML read.

Valid against Nmap's DTD.  Readers demand `scanner="nmap"`; who really scanned
stands in `args`, in `version` and in the comment at the top.

Text from the network is printable ASCII before it gets here, so no character
that XML cannot hold is left; what the user typed keeps its script.
"""

from collections.abc import Iterator

from vscan_tui.events import HostState, Protocol
from vscan_tui.reports import scan
from vscan_tui.reports.dates import long_date, whole_seconds
from vscan_tui.reports.fingerprint import fingerprint
from vscan_tui.reports.listing import (
    SummedState,
    count_of,
    is_shown,
    listing,
    ranges_text,
    scanned_ports,
)
from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.reports.parts import Parts
from vscan_tui.session.store import Host, Port, Store
from vscan_tui.session.wording import printable

XML_OUTPUT_VERSION = "1.05"

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"})
_SCAN_TYPES: tuple[tuple[Protocol, str], ...] = (("tcp", "connect"), ("udp", "udp"))


def render(store: Store, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines of a report, each with its line end; whole at any time of a scan."""
    return PARTS.whole(store, options)


def _opening(store: Store, options: ReportOptions) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield "<!DOCTYPE nmaprun>\n"
    begun = scan.begin_time(store)
    command = scan.command_line(store)
    comment = f"{scan.program(store)} scan initiated {long_date(begun)} as: {command}"
    # Two hyphens must not stand in a comment, nor one at its end.
    yield f"<!-- {comment.replace('--', '-&#45;')} -->\n"
    yield (
        _element(
            "nmaprun",
            scanner="nmap",
            args=command,
            start=str(whole_seconds(begun)),
            startstr=long_date(begun),
            version=scan.program_version(store),
            xmloutputversion=XML_OUTPUT_VERSION,
        )
        + "\n"
    )
    for protocol, scan_type in _SCAN_TYPES:
        ranges = scanned_ports(store, protocol)
        if ranges:
            yield (
                _element(
                    "scaninfo/",
                    type=scan_type,
                    protocol=protocol,
                    numservices=str(count_of(ranges)),
                    services=ranges_text(ranges),
                )
                + "\n"
            )
    yield _element("verbose/", level=str(options.verbosity)) + "\n"
    yield _element("debugging/", level=str(options.debugging)) + "\n"


def _host(store: Store, host: Host, options: ReportOptions) -> Iterator[str]:
    if not is_shown(host, options):
        return
    status = _element("status/", state=host.state, reason=printable(host.reason), reason_ttl="0")
    first, last = str(whole_seconds(host.first)), str(whole_seconds(host.last))
    yield _element("host", starttime=first, endtime=last) + status + "\n"
    family = "ipv6" if ":" in host.address else "ipv4"
    yield _element("address/", addr=printable(host.address), addrtype=family) + "\n"
    if host.state is HostState.UP:
        yield "<hostnames>\n"
        for name, kind in ((host.name, "user"), (host.reverse_name, "PTR")):
            if name:
                yield _element("hostname/", name=printable(name), type=kind) + "\n"
        yield "</hostnames>\n"
        yield from _ports(host, options, scan.intensity(store))
        seconds = scan.latency(host)
        if seconds is not None:
            # Microseconds; -1 is what Nmap writes for what it did not measure.
            yield (
                _element("times/", srtt=str(whole_seconds(seconds * 1e6)), rttvar="-1", to="-1")
                + "\n"
            )
    yield "</host>\n"


def _ports(host: Host, options: ReportOptions, intensity: int) -> Iterator[str]:
    listed = listing(host, options)
    yield "<ports>"
    for state in listed.summed:
        yield from _extraports(state)
    for port in listed.ports:
        yield _port(port, intensity) + "\n"
    yield "</ports>\n"


def _extraports(state: SummedState) -> Iterator[str]:
    yield _element("extraports", state=state.state, count=str(state.count)) + "\n"
    for reason in state.reasons:
        yield (
            _element(
                "extrareasons/",
                reason=printable(reason.reason),
                count=str(reason.count),
                proto=reason.protocol,
                ports=ranges_text(reason.ranges),
            )
            + "\n"
        )
    yield "</extraports>\n"


def _port(port: Port, intensity: int) -> str:
    endpoint = port.endpoint
    opening = _element("port", protocol=endpoint.protocol, portid=str(endpoint.port))
    state = _element("state/", state=port.state, reason=printable(port.reason), reason_ttl="0")
    return f"{opening}{state}{_service(port, intensity)}</port>"


def _service(port: Port, intensity: int) -> str:
    service, fields = port.service, port.service.fields
    servicefp = fingerprint(port, intensity)
    if not (service.name or service.tunnel or servicefp):
        return ""
    cpes = "".join(f"<cpe>{_text(cpe)}</cpe>" for cpe in fields.cpes)
    optional = {
        "product": fields.product,
        "version": fields.version,
        "extrainfo": fields.info,
        "hostname": fields.hostname,
        "ostype": fields.ostype,
        "devicetype": fields.devicetype,
        "servicefp": servicefp,
        "tunnel": service.tunnel,
    }
    attributes = {
        "name": printable(service.name) or "unknown",
        **{name: printable(value) for name, value in optional.items() if value},
        "method": service.method,
        "conf": str(min(max(service.confidence, 0), 10)),
    }
    if not cpes:
        return _element("service/", **attributes)
    return f"{_element('service', **attributes)}{cpes}</service>"


def _closing(store: Store, _options: ReportOptions) -> Iterator[str]:
    ended, shortfall = scan.end_time(store), scan.shortfall(store)
    name = scan.program_name(store)
    done = f"{name} as of" if shortfall else f"{name} done at"
    error = {"errormsg": shortfall} if shortfall else {}
    up, total = scan.hosts_up(store), scan.hosts_total(store)
    finished = _element(
        "finished/",
        time=str(whole_seconds(ended)),
        timestr=long_date(ended),
        summary=f"{done} {long_date(ended)}; {scan.summary(store)}",
        elapsed=f"{scan.elapsed(store):.2f}",
        exit="error" if shortfall else "success",
        **error,
    )
    hosts = _element("hosts/", up=str(up), down=str(total - up), total=str(total))
    yield f"<runstats>{finished}{hosts}\n"
    yield "</runstats>\n"
    yield "</nmaprun>\n"


def _element(tag: str, **attributes: str) -> str:
    """Return a tag that opens an element, or with `/` after its name, an empty element."""
    end = "/>" if tag.endswith("/") else ">"
    pairs = "".join(f' {name}="{_escape(value)}"' for name, value in attributes.items())
    return f"<{tag.removesuffix('/')}{pairs}{end}"


def _text(text: str) -> str:
    return _escape(printable(text))


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


PARTS = Parts(_opening, _host, _closing)
