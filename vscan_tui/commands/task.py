"""What is to be scanned and with what, read from the options before anything is sent."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vscan_tui.commands.databases import load_databases
from vscan_tui.commands.present import say, wants_screen
from vscan_tui.commands.status import ExitStatus
from vscan_tui.options.model import STANDARD_STREAM, ScanOptions
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError
from vscan_tui.scanning.targets.expressions import TargetError, split_comma_list, split_target_list
from vscan_tui.scanning.targets.hosts import TargetList
from vscan_tui.scanning.targets.names import Resolve, resolve_name
from vscan_tui.scanning.targets.port_table import PortTable, load_port_table
from vscan_tui.scanning.targets.portspec import (
    PortSelection,
    PortSpecError,
    most_common_ports,
    parse_ports,
)
from vscan_tui.scanning.transport.rate import RateLimit

if TYPE_CHECKING:
    from vscan_tui.commands.known_ports import FoundPorts

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


def _known_ports(options: ScanOptions, ports: PortSelection) -> "FoundPorts | ExitStatus":
    from vscan_tui.commands.known_ports import known_ports  # noqa: PLC0415 - many file formats
    from vscan_tui.session.importers.model import ImportFileError  # noqa: PLC0415

    try:
        return known_ports(options, ports)
    except ImportFileError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED


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
