"""The status lines: where the knowledge comes from, where it goes, and what the host is."""

from collections import Counter

from vscan_tui.events import Endpoint, Fields, PortState
from vscan_tui.session.store import Host, Port, Store
from vscan_tui.session.wording import printable, service_info
from vscan_tui.tui.rendering.exchange import count_text
from vscan_tui.tui.rendering.line import Line, Role, Run, cut, cut_line

_ROOMY = 80
_JOURNAL_ROOM = 54
"""Cells for the labels and the end of the journal's path."""


class HostFacts:
    """What the services of each host say about it, kept as ports finish.

    Collecting it from all ports each time would take seconds on a host with
    tens of thousands of them; most ports say nothing or the same.
    """

    def __init__(self) -> None:
        self._tellers: dict[str, dict[Fields, Port]] = {}

    def learn(self, port: Port) -> None:
        """Take note of a port."""
        fields = port.service.fields
        cpes = tuple(cpe for cpe in fields.cpes if cpe.startswith(("cpe:/h", "cpe:/o")))
        said = Fields(
            hostname=fields.hostname,
            ostype=fields.ostype,
            devicetype=fields.devicetype,
            cpes=cpes,
        )
        if port.state is not PortState.OPEN or said == Fields():
            return
        tellers = self._tellers.setdefault(port.endpoint.address, {})
        known = tellers.get(said)
        if known is None or port.endpoint < known.endpoint:
            tellers[said] = port

    def text(self, host: Host) -> str:
        """Return Nmap's `Service Info` line for a host, or nothing."""
        tellers = self._tellers.get(host.address, {})
        ports: dict[Endpoint, Port] = {port.endpoint: port for port in tellers.values()}
        return service_info(Host(host.address, host.name, ports=ports))


def host_line(text: str, host: Host | None, width: int) -> Line:
    """Draw what is known of the host, and how many ports are not worth a row.

    Args:
        text: the `Service Info` line; may be empty.
        host: of the selected port; None before there is one.
        width: in cells.
    """
    if host is None:
        return Line()
    hidden = not_shown_text(host)
    end = (Run("  Not shown: ", Role.LABEL), Run(hidden)) if hidden else ()
    if not text:
        silent = f" {printable(host.label)}: no service has told about its host yet"
        return cut_line(Line((Run(silent, Role.DIM), *end)), width)
    before, label, rest = text.partition("Service Info:")
    return cut_line(Line((Run(f" {before}{label}", Role.LABEL), Run(rest), *end), text), width)


def not_shown_text(host: Host) -> str:
    """Count the ports of each state that many ports share, such as `987 closed`."""
    counts: Counter[str] = Counter()
    for group, spans in host.groups.items():
        counts[group.state] += sum(last - first + 1 for first, last in spans)
    return ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)


def sources_line(store: Store, journal: str, width: int) -> Line:
    """Draw which probe databases are used and which journal is written."""
    runs: list[Run] = []
    if store.scan is not None:
        databases = [
            f"{printable(database.name)} ({count_text(database.rules, 'rule')})"
            for database in store.scan.databases
        ]
        if journal and sum(map(len, databases)) > width - _JOURNAL_ROOM:
            databases = [printable(database.name) for database in store.scan.databases]
        noun = "Probe database" if width >= _ROOMY else "Database"
        noun += ":" if len(databases) == 1 else "s:"
        runs += [Run(f" {noun} ", Role.LABEL), Run(", ".join(databases) or "none")]
    if journal:
        label = Run("  Journal: " if runs else " Journal: ", Role.LABEL)
        room = width - 1 - Line((*runs, label)).width
        runs += [label, Run(shortened_path(printable(journal), max(12, room)))]
    return cut_line(Line(tuple(runs)), width)


def shortened_path(path: str, width: int) -> str:
    """Shorten a path from its left end: the file name matters most."""
    return path if len(path) <= width else "…" + path[len(path) - width + 1 :]


def warnings_text(store: Store) -> str:
    """Return the newest warning that concerns the whole scan, with a count."""
    general = [notice for notice in store.warnings if notice.endpoint is None]
    if not general:
        return ""
    more = f" (and {count_text(len(general) - 1, 'earlier warning')})" if len(general) > 1 else ""
    return f"Warning: {printable(general[-1].message)}{more}"


def notice_line(text: str, role: Role, width: int) -> Line:
    """Draw a sentence for the user."""
    return Line((Run(" " + cut(text, width - 2), role),), text)
