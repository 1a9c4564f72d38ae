"""`vscan [options] TARGET...`: a scan, put together from its parts and shown."""

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vscan_tui import __version__
from vscan_tui.commands.databases import load_databases, load_quietly
from vscan_tui.commands.present import Presentation, present, say, wants_screen
from vscan_tui.commands.status import ExitStatus
from vscan_tui.options.model import STANDARD_STREAM, ReverseDns, ScanOptions
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError
from vscan_tui.scanning.built_in import all_postprocessors
from vscan_tui.scanning.discovery import Discovery, Payloads
from vscan_tui.scanning.engine import PortDiscovery, Scan, ScanSettings
from vscan_tui.scanning.known_ports import KnownPorts
from vscan_tui.scanning.port_table import PortTable, load_port_table
from vscan_tui.scanning.portspec import (
    PortSelection,
    PortSpecError,
    most_common_ports,
    parse_ports,
)
from vscan_tui.scanning.postprocessing import LoadedPostProcessors
from vscan_tui.scanning.rate import RateLimit
from vscan_tui.scanning.targets import (
    ReverseResolver,
    TargetError,
    TargetList,
    resolve_name,
    split_comma_list,
    split_target_list,
)
from vscan_tui.scanning.timing import Timing, timing
from vscan_tui.scanning.transport import AsyncioTransport
from vscan_tui.session.importers.model import ImportFileError
from vscan_tui.session.journal import journal_folder, journal_path
from vscan_tui.session.recorder import RecordedSource, Recorder
from vscan_tui.session.source import EventSource

if TYPE_CHECKING:
    from vscan_tui.commands.known_ports import FoundPorts
    from vscan_tui.matching.investigation import Investigation

DEFAULT_TOP_PORTS = 1000
_ALL_PORTS = "0-"
MAX_LIST_BYTES = 64 * 1024 * 1024


def scan(options: ScanOptions, words: tuple[str, ...]) -> ExitStatus:
    """Scan; `words` is the command line, for the record."""
    if options.pace == "step" and not wants_screen(options.output):
        say("vscan: --pace step needs the screen: somebody has to say when each step is taken.")
        return ExitStatus.USAGE
    table = load_port_table()
    try:
        excluded = [*_separated(options.exclude), *_listed(options.exclude_files)]
        targets = TargetList(
            [*options.targets, *_listed(options.target_files)],
            excluded,
            resolve=partial(resolve_name, ipv6=options.ipv6),
        )
        ports = _selected_ports(options, table)
        known = _known_ports(options, ports) if options.port_files else None
    except ImportFileError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    except (PortSpecError, TargetError, ValueError) as error:
        say(f"vscan: {error}")
        return ExitStatus.USAGE
    except OSError as error:
        say(f"vscan: {error.filename}: cannot read it: {error.strerror or error}")
        return ExitStatus.FAILED
    for warning in ports.warnings:
        say(f"vscan: warning: {warning}")
    try:
        databases = load_databases(
            options.databases, strict=options.strict, tell=say, with_overlays=True
        )
    except DatabaseError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    rate = RateLimit(options.max_rate)
    discovery: PortDiscovery
    if known is None:
        discovery = _discovery(options, targets, ports, table, databases, rate)
    elif not known.ports:
        say("vscan: no port is left to be asked; nothing is sent.")
        return ExitStatus.FAILED
    else:
        discovery = KnownPorts(
            known.ports,
            exclude=excluded,
            resolve=partial(resolve_name, ipv6=options.ipv6),
            port_table=table,
            reverse=_reverse(options),
        )
    live = live_scan(options, words, discovery, databases, rate)
    source, recorder = _recorded(live, options)
    status = present(
        source,
        Presentation(
            options.output,
            recorder=recorder,
            trace=options.version_trace,
            investigation=_investigation(options, databases),
            by_hand=live.by_hand,
        ),
    )
    is_partial = known is not None and known.faults > 0
    return ExitStatus.FAILED if is_partial and status is ExitStatus.DONE else status


def _known_ports(options: ScanOptions, ports: PortSelection) -> "FoundPorts":
    from vscan_tui.commands.known_ports import known_ports  # noqa: PLC0415 - many file formats

    return known_ports(options, ports)


def _investigation(options: ScanOptions, databases: ProbeDatabases) -> "Investigation | None":
    if not wants_screen(options.output):
        return None
    from vscan_tui.matching.investigation import Investigation  # noqa: PLC0415 - takes its time

    reload = partial(load_quietly, options.databases, with_overlays=True)
    return Investigation(lambda: databases, reload)


def _listed(files: Sequence[str]) -> list[str]:
    """The target expressions in some files; `-` is standard input."""
    expressions: list[str] = []
    for file in files:
        if file == STANDARD_STREAM:
            text = sys.stdin.read(MAX_LIST_BYTES)
        else:
            with Path(file).open(encoding="utf-8", errors="replace") as stream:
                text = stream.read(MAX_LIST_BYTES)
        expressions += split_target_list(text)
    return expressions


def _selected_ports(options: ScanOptions, table: PortTable) -> PortSelection:
    if options.ports is not None:
        selected = parse_ports(options.ports, table, options.protocols)
    elif options.port_files:
        selected = parse_ports(_ALL_PORTS, table, options.protocols)
    else:
        count = options.top_ports or DEFAULT_TOP_PORTS
        selected = most_common_ports(table, count, options.protocols)
    if options.exclude_ports is not None:
        selected = selected.without(parse_ports(options.exclude_ports, table, options.protocols))
    return selected


def _separated(lists: Sequence[str]) -> list[str]:
    """The target expressions of `--exclude`, which are separated by commas."""
    return [expression for text in lists for expression in split_comma_list(text)]


def _reverse(options: ScanOptions) -> ReverseResolver | None:
    return None if options.reverse_dns is ReverseDns.NEVER else ReverseResolver()


def _discovery(
    options: ScanOptions,
    targets: TargetList,
    ports: PortSelection,
    table: PortTable,
    databases: ProbeDatabases,
    rate: RateLimit,
) -> Discovery:
    return Discovery(
        targets,
        ports,
        timing=_timing(options),
        port_table=table,
        assume_up=options.assume_up,
        payloads=_payloads(databases) if "udp" in options.protocols else {},
        reverse=_reverse(options),
        name_hosts_down=options.reverse_dns is ReverseDns.ALWAYS,
        host_timeout=options.host_timeout,
        rate=rate,
    )


def live_scan(
    options: ScanOptions,
    words: tuple[str, ...],
    discovery: PortDiscovery,
    databases: ProbeDatabases,
    rate: RateLimit,
) -> Scan:
    """Put a scan together of the ports that `discovery` finds."""
    settings = ScanSettings(
        program=f"vscan {__version__}",
        arguments=words,
        pace=options.pace,
        intensity=options.intensity,
        parallel_interrogations=_timing(options).parallel_interrogations,
        host_timeout=options.host_timeout,
        probe_excluded=options.all_ports,
        max_connections=options.max_parallelism,
        min_wait=options.min_wait,
        max_wait=options.max_wait,
    )
    loaded = all_postprocessors() if options.postprocess else LoadedPostProcessors()
    for problem in loaded.problems:
        say(f"vscan: warning: {problem}")
    return Scan(settings, databases, discovery, AsyncioTransport(rate), loaded.postprocessors)


def _timing(options: ScanOptions) -> Timing:
    return timing(
        options.timing_template,
        min_parallelism=options.min_parallelism,
        max_parallelism=options.max_parallelism,
    )


def _payloads(databases: ProbeDatabases) -> Payloads:
    """What port discovery sends to UDP ports: the probes that list them."""
    payloads: dict[int, list[bytes]] = {}
    for probe in databases.of_protocol("udp"):
        for member in probe.members:
            if member.probe.no_payload:
                continue
            for first, last in member.probe.ports:
                for port in range(first, last + 1):
                    known = payloads.setdefault(port, [])
                    if probe.payload not in known:
                        known.append(probe.payload)
    return payloads


def _recorded(live: EventSource, options: ScanOptions) -> tuple[EventSource, Recorder | None]:
    if not options.journal:
        return live, None
    folder = Path(options.journal_folder) if options.journal_folder else journal_folder()
    files = (*options.target_files, *options.port_files)
    subject = "-".join([*options.targets, *(Path(file).name for file in files)])
    path = journal_path(folder, subject, time.time(), packed=options.journal_compressed)
    recorder = Recorder(path)
    return RecordedSource(live, recorder), recorder
