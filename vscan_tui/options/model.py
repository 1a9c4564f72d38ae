"""What the command line can ask for: one frozen dataclass for each thing the program does."""

from enum import StrEnum

import msgspec

from vscan_tui.events import Pace, Protocol
from vscan_tui.probedb.model import DEFAULT_INTENSITY
from vscan_tui.scanning.discovery.timing import DEFAULT_TEMPLATE, TEMPLATES, Timing

STANDARD_STREAM = "-"
"""As a file name: standard output, or standard input where something is read."""

LIGHT_INTENSITY = 2
FULL_INTENSITY = 9
EXPLAINED_RULES = 5
FAST_PORTS = 100
"""How many of the most common ports `-F` scans."""


class UsageError(ValueError):
    """The command line asks for something that cannot be; the message is one sentence or two."""


class ReportFormat(StrEnum):
    """What a report file holds; the value is the file suffix that `-oA` gives it."""

    NORMAL = "nmap"
    XML = "xml"
    GREPABLE = "gnmap"
    JSON_LINES = "jsonl"
    CSV = "csv"
    MARKDOWN = "md"
    HTML = "html"


class ReverseDns(StrEnum):
    """Which addresses are looked up to find their names."""

    NEVER = "never"
    HOSTS_UP = "hosts up"
    ALWAYS = "always"


class ReportFile(msgspec.Struct, frozen=True):
    """A report to write."""

    format: ReportFormat
    path: str
    """`-` is standard output."""


class OutputOptions(msgspec.Struct, frozen=True):
    """What is shown and written, alike for a live scan and a recorded one."""

    reports: tuple[ReportFile, ...] = ()
    headless: bool = False
    """No screen: progress and a report in the terminal."""
    verbosity: int = 0
    debugging: int = 0
    stats_every: float | None = None
    """Seconds; without a screen, it is said so often how far a scan is."""
    show_reasons: bool = False
    only_open: bool = False

    @property
    def on_standard_output(self) -> ReportFile | None:
        """The report that takes standard output, if one does; there is never a second."""
        return next((file for file in self.reports if file.path == STANDARD_STREAM), None)


MANY_HOSTS = 4096
"""A scan of more hosts than that is asked about first: it may well be a slip of the pen."""


class ScanOptions(msgspec.Struct, frozen=True):
    """`vscan [options] TARGET...`: scan."""

    targets: tuple[str, ...] = ()
    target_files: tuple[str, ...] = ()
    """Files of target expressions (-iL); `-` is standard input."""
    port_files: tuple[str, ...] = ()
    """Files of other programs that name ports (--from); only those are asked."""
    exclude: tuple[str, ...] = ()
    exclude_files: tuple[str, ...] = ()
    may_be_many: bool = False
    """More than `MANY_HOSTS` hosts are scanned without a question."""
    ports: str | None = None
    """The port specification as written; None means the most common ports."""
    exclude_ports: str | None = None
    top_ports: int | None = None
    """How many of the most common ports; None means `ports`, or 1000 without that."""
    protocols: tuple[Protocol, ...] = ("tcp",)
    ipv6: bool = False
    """Names resolve to IPv6 addresses."""
    reverse_dns: ReverseDns = ReverseDns.HOSTS_UP
    assume_up: bool = False
    timing: Timing = TEMPLATES[DEFAULT_TEMPLATE]
    max_parallelism: int | None = None
    """The bound that the user set; `timing` is within it, and interrogation's connections are."""
    in_sequence: bool = False
    """Port discovery goes through the ports in ascending order (-r)."""
    host_timeout: float | None = None
    """Seconds."""
    min_wait: float | None = None
    """Seconds; pace eager waits at least so long for an answer."""
    max_wait: float | None = None
    """Seconds; pace eager never waits longer for an answer."""
    max_rate: float | None = None
    """Connections and datagrams a second, of port discovery and interrogation together."""
    intensity: int = DEFAULT_INTENSITY
    version_trace: bool = False
    postprocess: bool = True
    """A service that is known may be asked one question more."""
    all_ports: bool = False
    """Ports that the probe database excludes are probed too."""
    databases: tuple[str, ...] = ()
    """Probe database files, instead of the one found."""
    strict: bool = False
    """A fault in a probe database ends the program."""
    pace: Pace = "eager"
    scheduler: str | None = None
    """Address of the dask scheduler whose workers scan; None: this machine does."""
    journal: bool = True
    journal_folder: str | None = None
    journal_compressed: bool = False
    output: OutputOptions = OutputOptions()


class DemoOptions(msgspec.Struct, frozen=True):
    """`vscan demo`: a recorded scan, to look around without sending anything."""

    output: OutputOptions = OutputOptions()


class OpenOptions(msgspec.Struct, frozen=True):
    """`vscan open FILE`: show a journal, or a report of another program."""

    file: str
    speed: float | None = None
    """1.0 plays it as fast as it happened; None shows it at once."""
    output: OutputOptions = OutputOptions()


class MatchOptions(msgspec.Struct, frozen=True):
    """`vscan match [FILE]`: match a response without any scan."""

    file: str = STANDARD_STREAM
    probe: str | None = None
    protocol: Protocol = "tcp"
    databases: tuple[str, ...] = ()
    strict: bool = False
    jsonl: bool = False
    explain: int = 0
    """So many rules are explained, the nearest first; 0 for none."""


class ConfigOptions(msgspec.Struct, frozen=True):
    """`vscan config`: where the user's settings are, and what they say."""

    init: bool = False
    """Write a commented file of all defaults."""


class FingerprintOptions(msgspec.Struct, frozen=True):
    """`vscan fingerprint [FILE...]`: decode and match service fingerprints."""

    files: tuple[str, ...] = (STANDARD_STREAM,)
    jsonl: bool = False
    screen: bool = False
    nearest: int = 3
    """So many rules that were almost met are told."""
    databases: tuple[str, ...] = ()
    strict: bool = False
    output: OutputOptions = OutputOptions()


class ProbesAction(StrEnum):
    """What `vscan probes` does; the value is how it is asked for."""

    LINT = "lint"
    TEST = "test"
    COVERAGE = "coverage"
    SHOW = "show"
    SEARCH = "search"
    DIFF = "diff"
    NEW = "new"


class ProbesOptions(msgspec.Struct, frozen=True):
    """`vscan probes ACTION`: for those who write probe databases."""

    action: ProbesAction
    text: str = ""
    """What is shown or searched for; for `new`, the file of the response."""
    databases: tuple[str, ...] = ()
    """Files or folders; none for the bundled one."""
    evidence: tuple[str, ...] = ()
    """Files or folders; none for that of the bundled database."""
    json: bool = False
    notes: bool = False
    watch: bool = False
    service: str = ""
    soft: bool = False


class CompletionOptions(msgspec.Struct, frozen=True):
    """`vscan completion SHELL`: a script that completes vscan's words."""

    shell: str


class DiffOptions(msgspec.Struct, frozen=True):
    """`vscan diff A B`: what is different between two scans."""

    earlier: str
    later: str
    json: bool = False


class MergeOptions(msgspec.Struct, frozen=True):
    """`vscan merge A B -o FILE`: several sessions as one journal."""

    files: tuple[str, ...]
    output: str


class ExportOptions(msgspec.Struct, frozen=True):
    """`vscan export FILE --port PORT`: an exchange for text2pcap."""

    file: str
    port: str
    """As `127.0.0.1:80/tcp`; less will do where it is clear."""
    exchange: int | None = None
    """None for the one that decided."""


class RematchOptions(msgspec.Struct, frozen=True):
    """`vscan rematch FILE...`: recorded responses through other databases."""

    files: tuple[str, ...]
    jsonl: bool = False
    unchanged: bool = False
    """Tell what stays the same, too."""
    jobs: int | None = None
    """Processes; None for one for each core."""
    scheduler: str | None = None
    """Address of the dask scheduler whose workers do it; None for processes here."""
    databases: tuple[str, ...] = ()
    strict: bool = False
    output: OutputOptions = OutputOptions()


class ResumeOptions(msgspec.Struct, frozen=True):
    """`vscan resume FILE`: a scan goes on where it stopped."""

    file: str
    output: OutputOptions = OutputOptions()


Options = (
    ScanOptions
    | DemoOptions
    | OpenOptions
    | MatchOptions
    | ConfigOptions
    | FingerprintOptions
    | ProbesOptions
    | CompletionOptions
    | DiffOptions
    | MergeOptions
    | ExportOptions
    | RematchOptions
    | ResumeOptions
)
