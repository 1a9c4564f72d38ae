"""`vscan [options] TARGET...`: a scan, put together from its parts and shown."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vscan_tui import __version__
from vscan_tui.commands.consent import refused
from vscan_tui.commands.databases import load_databases, load_quietly
from vscan_tui.commands.present import (
    WITHOUT_DASK,
    Presentation,
    present,
    say,
    wants_screen,
)
from vscan_tui.commands.status import ExitStatus
from vscan_tui.options.model import STANDARD_STREAM, ReverseDns, ScanOptions
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError
from vscan_tui.scanning.discovery.discovery import Discovery
from vscan_tui.scanning.discovery.kept_answers import KeptAnswers
from vscan_tui.scanning.discovery.kept_connections import KeptConnections
from vscan_tui.scanning.discovery.prober import Payloads
from vscan_tui.scanning.discovery.timing import Timing, with_parallelism
from vscan_tui.scanning.engine import PortDiscovery, Scan, ScanSettings
from vscan_tui.scanning.postprocessing.built_in import all_postprocessors
from vscan_tui.scanning.postprocessing.protocol import LoadedPostProcessors
from vscan_tui.scanning.targets.expressions import TargetError, split_comma_list, split_target_list
from vscan_tui.scanning.targets.hosts import TargetList, Targets
from vscan_tui.scanning.targets.names import Resolve, ReverseResolver, resolve_name
from vscan_tui.scanning.targets.port_table import PortTable, load_port_table
from vscan_tui.scanning.targets.portspec import (
    PortSelection,
    PortSpecError,
    most_common_ports,
    parse_ports,
)
from vscan_tui.scanning.transport.rate import RateLimit
from vscan_tui.scanning.transport.sockets import TLS_SESSIONS_LEAK, AsyncioTransport
from vscan_tui.session.journal import journal_folder, journal_path
from vscan_tui.session.recorder import RecordedSource, Recorder
from vscan_tui.session.source import EventSource

if TYPE_CHECKING:
    from vscan_tui.commands.known_ports import FoundPorts
    from vscan_tui.matching.investigation import Investigation
    from vscan_tui.scanning.by_hand.requests import ByHand
    from vscan_tui.scanning.discovery.known_ports import KnownPort, KnownPorts

DEFAULT_TOP_PORTS = 1000
_ALL_PORTS = "0-"
MAX_LIST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be scanned, and with what."""

    options: ScanOptions
    targets: tuple[str, ...]
    """Target expressions."""
    excluded: tuple[str, ...]
    ports: PortSelection
    known: "FoundPorts | None"
    """The ports to ask, if no others are to be looked for (--from)."""
    table: PortTable
    databases: ProbeDatabases
    rate: RateLimit

    def target_list(self, *, without: Iterable[str] = ()) -> TargetList:
        """The hosts, except those that are excluded or named here; raises TargetError."""
        return TargetList(self.targets, [*self.excluded, *without], resolve=self.resolve)

    @property
    def resolve(self) -> Resolve:
        """How names are looked up."""
        return partial(resolve_name, ipv6=self.options.ipv6)


def scan(options: ScanOptions, words: tuple[str, ...]) -> ExitStatus:
    """Scan; `words` is the command line, for the record."""
    task = prepared(options)
    if isinstance(task, ExitStatus):
        return task
    if (refusal := refused(_hosts(task), may_be_many=options.may_be_many)) is not None:
        return refusal
    if task.known is not None and not task.known.ports:
        say("vscan: no port is left to be asked; nothing is sent.")
        return ExitStatus.FAILED
    if options.scheduler is not None:
        return _scan_with_workers(task, words, options.scheduler)
    discovery: PortDiscovery
    if task.known is None:
        discovery = discovery_of(task, task.target_list(), task.ports)
    else:
        discovery = discovery_of_known(task, task.known.ports)
    live = live_scan(task, words, discovery)
    source, recorder = _recorded(live, options)
    return shown(task, source, recorder, lambda: live.by_hand)


def _scan_with_workers(task: Task, words: tuple[str, ...], scheduler: str) -> ExitStatus:
    try:
        # The library is an extra, and takes its time.
        from vscan_tui.commands.cluster import ClusterError, connected  # noqa: PLC0415
        from vscan_tui.commands.sharded_scan import ShardedScan  # noqa: PLC0415
    except ImportError:
        say(f"vscan: {WITHOUT_DASK}")
        return ExitStatus.FAILED
    try:
        with connected(scheduler):
            pass  # what is wrong with it is said before anything begins
    except ClusterError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    source, recorder = _recorded(ShardedScan(task, words, scheduler), task.options)
    return shown(task, source, recorder, None)


def _hosts(task: Task) -> int:
    """How many hosts there are; names count as one each, and 0 if that cannot be told yet."""
    if task.known is not None:
        return len({port.host for port in task.known.ports})
    try:
        return asyncio.run(task.target_list().count())
    except TargetError:  # an exclusion that is unknown, which the scan tells of
        return 0


def prepared(options: ScanOptions) -> Task | ExitStatus:
    """Read all that a scan needs; what is wrong is told, and its exit status returned."""
    if options.pace == "step" and not wants_screen(options.output):
        say("vscan: --pace step needs the screen: somebody has to say when each step is taken.")
        return ExitStatus.USAGE
    table = load_port_table()
    try:
        targets = (*options.targets, *_listed(options.target_files))
        excluded = (*_separated(options.exclude), *_listed(options.exclude_files))
        ports = _selected_ports(options, table)
        TargetList((), excluded, resolve=resolve_name)  # says at once what is malformed
    except (PortSpecError, TargetError, ValueError) as error:
        say(f"vscan: {error}")
        return ExitStatus.USAGE
    except OSError as error:
        say(f"vscan: {error.filename}: cannot read it: {error.strerror or error}")
        return ExitStatus.FAILED
    known = _known_ports(options, ports) if options.port_files else None
    if isinstance(known, ExitStatus):
        return known
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
    return Task(options, targets, excluded, ports, known, table, databases, rate)


def shown(
    task: Task,
    source: EventSource,
    recorder: Recorder | None,
    by_hand: "Callable[[], ByHand] | None",
) -> ExitStatus:
    """Show a scan to its end, and report it."""
    options = task.options
    status = present(
        source,
        Presentation(
            options.output,
            recorder=recorder,
            trace=options.version_trace,
            investigation=_investigation(options, task.databases),
            by_hand=by_hand,
        ),
    )
    is_partial = task.known is not None and task.known.faults > 0
    return ExitStatus.FAILED if is_partial and status is ExitStatus.DONE else status


def _known_ports(options: ScanOptions, ports: PortSelection) -> "FoundPorts | ExitStatus":
    from vscan_tui.commands.known_ports import known_ports  # noqa: PLC0415 - many file formats
    from vscan_tui.session.importers.model import ImportFileError  # noqa: PLC0415

    try:
        return known_ports(options, ports)
    except ImportFileError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED


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


def discovery_of(
    task: Task, targets: Targets, ports: PortSelection, *, assume_up: bool = False
) -> Discovery:
    """Look for these ports of these hosts."""
    options = task.options
    return Discovery(
        targets,
        ports,
        timing=_timing(options),
        port_table=task.table,
        in_sequence=options.in_sequence,
        assume_up=assume_up or options.assume_up,
        payloads=_payloads(task.databases) if "udp" in options.protocols else {},
        reverse=_reverse(options),
        name_hosts_down=options.reverse_dns is ReverseDns.ALWAYS,
        host_timeout=options.host_timeout,
        rate=task.rate,
    )


def discovery_of_known(task: Task, ports: "Iterable[KnownPort]") -> "KnownPorts":
    """Look for no ports, because these are known; raises TargetError."""
    from vscan_tui.scanning.discovery.known_ports import KnownPorts  # noqa: PLC0415 - for --from alone

    return KnownPorts(
        ports,
        exclude=task.excluded,
        resolve=task.resolve,
        port_table=task.table,
        reverse=_reverse(task.options),
    )


def live_scan(task: Task, words: tuple[str, ...], discovery: PortDiscovery) -> Scan:
    """Put a scan together of the ports that `discovery` finds."""
    options = task.options
    settings = ScanSettings(
        program=f"vscan {__version__}",
        arguments=words,
        pace=options.pace,
        intensity=options.intensity,
        parallel_interrogations=_timing(options).parallel_interrogations,
        host_timeout=options.host_timeout,
        probe_excluded=options.all_ports,
        ports_were_seen=isinstance(discovery, Discovery),
        max_connections=options.max_parallelism,
        min_wait=options.min_wait,
        max_wait=options.max_wait,
    )
    loaded = all_postprocessors() if options.postprocess else LoadedPostProcessors()
    for problem in loaded.problems:
        say(f"vscan: warning: {problem}")
    # Polite resumes as Nmap does; eager, which opens several at once, only where it costs nothing.
    resumes_tls = options.pace != "eager" or not TLS_SESSIONS_LEAK
    transport = AsyncioTransport(task.rate, resumes_tls=resumes_tls)
    answers = KeptAnswers()
    connections = KeptConnections()
    if isinstance(discovery, Discovery):
        discovery.on_answer = answers.keep
        discovery.on_open = connections.keep
    live = Scan(
        settings,
        task.databases,
        discovery,
        transport,
        loaded.postprocessors,
        answers,
        connections=connections,
    )
    transport.tell = live.warn
    return live


def _timing(options: ScanOptions) -> Timing:
    # A worker of a cluster gets a share of the parallelism.
    return with_parallelism(options.timing, None, options.max_parallelism)


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
