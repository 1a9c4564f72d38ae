"""A live scan, put together from its parts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vscan_tui import __version__
from vscan_tui.commands.present import say
from vscan_tui.commands.task import Task
from vscan_tui.options.model import ReverseDns, ScanOptions
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.scanning.discovery.discovery import Discovery
from vscan_tui.scanning.discovery.kept_answers import KeptAnswers
from vscan_tui.scanning.discovery.kept_connections import KeptConnections
from vscan_tui.scanning.discovery.prober import Payloads
from vscan_tui.scanning.engine import PortDiscovery, Scan, ScanSettings
from vscan_tui.scanning.postprocessing.built_in import all_postprocessors
from vscan_tui.scanning.postprocessing.protocol import LoadedPostProcessors
from vscan_tui.scanning.targets.hosts import Targets
from vscan_tui.scanning.targets.names import ReverseResolver
from vscan_tui.scanning.targets.portspec import PortSelection
from vscan_tui.scanning.transport.sockets import TLS_SESSIONS_LEAK, AsyncioTransport

if TYPE_CHECKING:
    from vscan_tui.scanning.discovery.known_ports import KnownPort, KnownPorts


def live_scan(task: Task, words: tuple[str, ...], discovery: PortDiscovery) -> Scan:
    """Put a scan together of the ports that `discovery` finds."""
    options = task.options
    settings = ScanSettings(
        program=f"vscan {__version__}",
        arguments=words,
        pace=options.pace,
        intensity=options.intensity,
        parallel_interrogations=options.timing.parallel_interrogations,
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


def discovery_of(
    task: Task, targets: Targets, ports: PortSelection, *, assume_up: bool = False
) -> Discovery:
    """Look for these ports of these hosts."""
    options = task.options
    return Discovery(
        targets,
        ports,
        timing=options.timing,
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


def _reverse(options: ScanOptions) -> ReverseResolver | None:
    return None if options.reverse_dns is ReverseDns.NEVER else ReverseResolver()


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
