"""CSV (`-oC`): one row for each port, for spreadsheets and databases.

RFC 4180, in ASCII, the first row naming the columns.  A cell that a spreadsheet
would take for a formula gets an apostrophe before it (CWE-1236).
"""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from vscan_tui.events import HostState
from vscan_tui.reports.cpe import formatted_string
from vscan_tui.reports.listing import is_shown, listing
from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.reports.parts import Parts
from vscan_tui.session.store import Host, Port, Store
from vscan_tui.session.wording import printable

COLUMNS = (
    "address", "name", "protocol", "port", "state", "reason", "service", "tunnel", "product",
    "version", "info", "hostname", "ostype", "devicetype", "cpe", "cpe23", "method", "confidence",
    "outcome", "rule", "probe", "seconds", "note",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""How a cell begins that some spreadsheet runs."""


def render(store: Store, options: ReportOptions = DEFAULT_OPTIONS) -> Iterator[str]:
    """Yield the lines of a report, each with its line end."""
    return PARTS.whole(store, options)


def _head(_store: Store, _options: ReportOptions) -> Iterator[str]:
    yield _row(COLUMNS)


def _host(_store: Store, host: Host, options: ReportOptions) -> Iterator[str]:
    if host.state is HostState.UP and is_shown(host, options):
        for port in listing(host, options).ports:
            yield _row(_cells(host, port))


def _tail(_store: Store, _options: ReportOptions) -> Iterator[str]:
    yield from ()


def _cells(host: Host, port: Port) -> Iterator[str]:
    service, fields = port.service, port.service.fields
    exchange = port.deciding if port.identified else None
    match = exchange.match if exchange is not None else None
    begun, ended = port.started, port.finished
    yield from (host.address, host.name or host.reverse_name)
    yield from (port.endpoint.protocol, str(port.endpoint.port), port.state, port.reason)
    yield from (service.name, service.tunnel, fields.product, fields.version, fields.info)
    yield from (fields.hostname, fields.ostype, fields.devicetype)
    yield " ".join(fields.cpes)
    yield " ".join(filter(None, map(formatted_string, fields.cpes)))
    yield from (service.method, str(service.confidence), port.outcome or "")
    yield f"{match.file}:{match.line}" if match is not None else ""
    yield exchange.probe if exchange is not None else ""
    yield "" if begun is None or ended is None else f"{max(0.0, ended - begun):.3f}"
    yield port.note


def _row(cells: Iterable[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(_harmless(cell) for cell in cells)
    return text.getvalue()


def _harmless(cell: str) -> str:
    plain = printable(cell)
    return f"'{plain}" if plain.lstrip(" ").startswith(_FORMULA) else plain


PARTS = Parts(_head, _host, _tail)
