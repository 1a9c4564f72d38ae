"""`vscan resume FILE`: a scan goes on where it stopped; the journal goes on with it."""

import asyncio
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from vscan_tui.commands.live_scan import discovery_of, discovery_of_known, live_scan
from vscan_tui.commands.present import say
from vscan_tui.commands.recorded import show_journal
from vscan_tui.commands.scan import shown
from vscan_tui.commands.status import ExitStatus
from vscan_tui.commands.task import Task, prepared
from vscan_tui.events import (
    Endpoint,
    Event,
    HostFinished,
    HostFound,
    PortFound,
    Protocol,
    ScanFinished,
    Span,
)
from vscan_tui.options import parse_options
from vscan_tui.options.model import OutputOptions, ResumeOptions, ScanOptions, UsageError
from vscan_tui.scanning.discovery.continued import ContinuedDiscovery, Discovering
from vscan_tui.scanning.interrogation.conversation import Numbering
from vscan_tui.scanning.targets.hosts import TargetList
from vscan_tui.scanning.targets.portspec import PortSelection, to_ranges
from vscan_tui.session.journal import JournalError, JournalFault, check_journal, read_events
from vscan_tui.session.recorder import RecordedSource, Recorder
from vscan_tui.session.remainder import PartialHost, partial_hosts, unfinished_ports
from vscan_tui.session.replay import BATCH
from vscan_tui.session.source import Emit, EventSource
from vscan_tui.session.store import Host, Port, Store

_PROTOCOLS: tuple[Protocol, ...] = ("tcp", "udp")
FAULTS_TOLD = 5


def resume(options: ResumeOptions) -> ExitStatus:
    """Go on with a scan; what was asked to the end is not asked again."""
    path = Path(options.file)
    try:
        check_journal(path)
        faults: list[JournalFault] = []
        events = list(read_events(path, faults))
    except JournalError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    for fault in faults[:FAULTS_TOLD]:
        say(f"vscan: {path}:{fault.line}: left out: {fault.message}")
    store = Store()
    for event in events:
        store.apply(event)
    if store.scan is None:
        say(f"vscan: {path}: the scan had not begun when the journal ended; start it anew")
        return ExitStatus.FAILED
    words = store.scan.arguments
    scanned = _options(path, words, options.output)
    if scanned is None:
        return ExitStatus.FAILED
    task = prepared(scanned)
    if isinstance(task, ExitStatus):
        return task
    if store.scan.databases != task.databases.identities:
        say(
            "vscan: warning: the probe databases are not those that the scan began with; "
            "vscan rematch tells what that changes"
        )
    remainder = _remainder(store, task)
    if remainder is None:
        say(f"vscan: {path}: the scan is complete; nothing is left to be asked")
        return show_journal(path, scanned.output)
    live = live_scan(task, words, remainder)
    for endpoint, port in store.ports.items():
        live.by_hand.numbering(endpoint, _numbering(port))
    recorder = Recorder(path, continues=True)
    source = _Continued(events, RecordedSource(live, recorder), remainder.hosts)
    return shown(task, source, recorder, lambda: live.by_hand)


def _options(path: Path, words: tuple[str, ...], output: OutputOptions) -> ScanOptions | None:
    """The options that the scan began with; what is shown and written is chosen anew."""
    try:
        options = parse_options(words)
    except (UsageError, SystemExit) as error:
        say(f"vscan: {path}: its command line cannot be read: {error}")
        return None
    if not isinstance(options, ScanOptions):
        say(f"vscan: {path}: it was not recorded by a scan, so there is nothing to go on with")
        return None
    if not output.reports:
        output = msgspec.structs.replace(output, reports=options.output.reports)
    if options.scheduler is not None:
        say("vscan: the workers' part is done; what is left is asked from this machine.")
    return msgspec.structs.replace(options, output=output, journal=True, scheduler=None)


def _remainder(store: Store, task: Task) -> ContinuedDiscovery | None:
    """What is left to do; None if nothing is."""
    unfinished = unfinished_ports(store)
    others: list[Discovering] = []
    partial: list[PartialHost] = []
    if task.known is not None:
        left = [
            port
            for port in task.known.ports
            if Endpoint(port.host, port.protocol, port.port) not in store.ports
        ]
        if left:
            others.append(discovery_of_known(task, left))
    elif _is_looking(store):
        partial = partial_hosts(store, _wanted(task.ports))
        others += [_rest_of(each, task) for each in partial]
        targets = task.target_list(without=store.hosts)
        if asyncio.run(targets.count()):
            others.append(discovery_of(task, targets, task.ports))
    if not unfinished and not others:
        return None
    hosts = {address: _as_found(host) for address, host in store.hosts.items()}
    ports = [_as_port_found(port, task) for port in unfinished]
    partly = {each.host.address for each in partial}
    return ContinuedDiscovery(hosts, ports, others, store.to_discover, partly)


def _is_looking(store: Store) -> bool:
    """Whether ports were still looked for when the scan stopped."""
    return not store.to_discover or store.discovered < store.to_discover


def _wanted(selection: PortSelection) -> Iterator[tuple[Protocol, Span]]:
    for protocol in _PROTOCOLS:
        for span in selection.ranges(protocol):
            yield protocol, span


def _rest_of(partial: PartialHost, task: Task) -> Discovering:
    """Look for the ports of a host that were not looked at."""
    selection = task.ports.without(
        PortSelection(
            to_ranges(port for protocol, port in partial.covered if protocol == "tcp"),
            to_ranges(port for protocol, port in partial.covered if protocol == "udp"),
        )
    )
    targets = TargetList([partial.host.address], task.excluded, resolve=task.resolve)
    return discovery_of(task, targets, selection, assume_up=True)


def _as_found(host: Host) -> HostFound:
    return HostFound(
        time=host.first,
        address=host.address,
        state=host.state,
        reason=host.reason,
        name=host.name,
        other_addresses=host.other_addresses,
        latency=host.latency,
    )


def _as_port_found(port: Port, task: Task) -> PortFound:
    endpoint = port.endpoint
    return PortFound(
        time=time.time(),
        endpoint=endpoint,
        state=port.state,
        reason=port.reason,
        latency=port.latency,
        table_name=task.table.name(endpoint.protocol, endpoint.port),
    )


def _numbering(port: Port) -> Numbering:
    return Numbering(max(port.connections, default=0), len(port.exchanges))


class _Continued:
    """A recorded scan and then its continuation: one `EventSource`."""

    is_recording = False

    def __init__(self, events: list[Event], live: EventSource, again: Collection[str]) -> None:
        self._events = events
        self._live = live
        self._again = again
        """The hosts of which more will be told."""

    def pause(self) -> None:
        """See `EventSource.pause`."""
        self._live.pause()

    def resume(self) -> None:
        """See `EventSource.resume`."""
        self._live.resume()

    async def run(self, emit: Emit) -> None:
        """Emit what happened, then go on."""
        for number, event in enumerate(self._events):
            if number % BATCH == 0:
                await asyncio.sleep(0)
            if not self._has_not_ended(event):
                emit(event)
        await self._live.run(emit)

    def _has_not_ended(self, event: Event) -> bool:
        """Whether an event tells an end that was none after all."""
        return isinstance(event, ScanFinished) or (
            isinstance(event, HostFinished) and event.address in self._again
        )
