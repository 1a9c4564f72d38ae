"""Facts on the scan as a whole that every report begins and ends with."""

import shlex

from vscan_tui import __version__
from vscan_tui.events import HostState, ScanEnding
from vscan_tui.probedb.model import DEFAULT_INTENSITY
from vscan_tui.session.store import Host, Store
from vscan_tui.session.wording import readable

PROGRAM = "vscan"


def program(store: Store) -> str:
    """Return name and version of the program that scanned."""
    return readable(store.scan.program) if store.scan else f"{PROGRAM} {__version__}"


def program_name(store: Store) -> str:
    """Return the name of the program that scanned, without its version."""
    return program(store).partition(" ")[0] or PROGRAM


def program_version(store: Store) -> str:
    """Return the version of the program that scanned."""
    return program(store).partition(" ")[2] or __version__


def command_line(store: Store) -> str:
    """Return the command that began the scan, quoted for a shell where needed."""
    arguments = store.scan.arguments if store.scan else ()
    return readable(" ".join((program_name(store), *map(shlex.quote, arguments))))


def intensity(store: Store) -> int:
    """Return the intensity of the scan."""
    return store.scan.intensity if store.scan else DEFAULT_INTENSITY


def begin_time(store: Store) -> float:
    """Return when the scan began, in seconds since the epoch."""
    return store.scan.time if store.scan else store.first_time or 0.0


def end_time(store: Store) -> float:
    """Return when the scan ended, or when it was last heard of."""
    return store.ended.time if store.ended else store.last_time or begin_time(store)


def elapsed(store: Store) -> float:
    """Return how many seconds the scan has taken."""
    return max(0.0, end_time(store) - begin_time(store))


def hosts_up(store: Store) -> int:
    """Return how many hosts answered."""
    return store.counted_only.hosts_up + sum(
        host.state is HostState.UP for host in store.hosts.values()
    )


def hosts_total(store: Store) -> int:
    """Return how many hosts were looked for so far."""
    counted = store.counted_only
    return len(store.hosts) + counted.hosts_up + counted.hosts_down


def ports_total(store: Store) -> int:
    """Return how many ports were found that may have a service."""
    return len(store.ports) + store.counted_only.ports


def latency(host: Host) -> float | None:
    """Return how many seconds a host takes to answer, or None if none of its answers was timed.

    A host that the user says is up was not measured itself, but its ports were.
    """
    if host.latency is not None:
        return host.latency
    return min(
        (port.latency for port in host.ports.values() if port.latency is not None), default=None
    )


def is_done(store: Store) -> bool:
    """Tell whether the scan came to its natural end."""
    return store.ended is not None and store.ended.ending is ScanEnding.DONE


def shortfall(store: Store) -> str:
    """Return what keeps a scan from being whole, or nothing if it is done."""
    if is_done(store):
        return ""
    unfinished = store.counted_only.unfinished_ports
    unfinished += sum(port.is_unfinished for port in store.ports.values())
    ended = store.ended
    what = f"scan {ended.ending}" if ended else "scan not ended yet"
    if ended and ended.reason:
        what += f" ({readable(ended.reason)})"
    if unfinished:
        what += f", {unfinished} of {counted(ports_total(store), 'port')} not asked to the end"
    return what


def summary(store: Store) -> str:
    """Return the sentence that ends a scan: `1 IP address (1 host up) scanned in 1.23 seconds`."""
    addresses = counted(hosts_total(store), "IP address", "IP addresses")
    up = counted(hosts_up(store), "host")
    return f"{addresses} ({up} up) scanned in {elapsed(store):.2f} seconds"


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: `1 port`, `2 ports`, `2 IP addresses`."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
