"""The command line, in Nmap's own words.

`parse_options` turns arguments into one of four frozen dataclasses, one for
each thing the program does.  Options of Nmap that vscan does not have are
refused by name, with what to do instead; nothing is ignored silently.

Only light modules are imported here, because this runs before anything is
shown.
"""

import argparse
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, TypeVar, get_args

from vscan_tui import __version__
from vscan_tui.events import Pace, Protocol
from vscan_tui.scanning.timing import DEFAULT_TEMPLATE, parse_duration, parse_template

STANDARD_STREAM = "-"
"""As a file name: standard output, or standard input where something is read."""

DEFAULT_INTENSITY = 7
LIGHT_INTENSITY = 2
FULL_INTENSITY = 9
EXPLAINED_RULES = 5
FAST_PORTS = 100
"""How many of the most common ports `-F` scans."""

_T = TypeVar("_T")


class UsageError(ValueError):
    """The command line asks for something that cannot be; the message is one sentence or two."""


class ReportFormat(StrEnum):
    """What a report file holds; the value is the file suffix that `-oA` gives it."""

    NORMAL = "nmap"
    XML = "xml"
    GREPABLE = "gnmap"
    JSON_LINES = "jsonl"


class ReverseDns(StrEnum):
    """Which addresses are looked up to find their names."""

    NEVER = "never"
    HOSTS_UP = "hosts up"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report to write."""

    format: ReportFormat
    path: str
    """`-` is standard output."""


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """What is shown and written, alike for a live scan and a recorded one."""

    reports: tuple[ReportFile, ...] = ()
    headless: bool = False
    """No screen: progress and a report in the terminal."""
    verbosity: int = 0
    debugging: int = 0
    show_reasons: bool = False
    only_open: bool = False

    @property
    def on_standard_output(self) -> ReportFile | None:
        """The report that takes standard output, if one does; there is never a second."""
        return next((file for file in self.reports if file.path == STANDARD_STREAM), None)


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """`vscan [options] TARGET...`: scan."""

    targets: tuple[str, ...] = ()
    target_files: tuple[str, ...] = ()
    """Files of target expressions (-iL); `-` is standard input."""
    exclude: tuple[str, ...] = ()
    exclude_files: tuple[str, ...] = ()
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
    timing_template: int = DEFAULT_TEMPLATE
    min_parallelism: int | None = None
    max_parallelism: int | None = None
    host_timeout: float | None = None
    """Seconds."""
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
    pace: Pace = "polite"
    journal: bool = True
    journal_folder: str | None = None
    output: OutputOptions = OutputOptions()


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`vscan demo`: a recorded scan, to look around without sending anything."""

    output: OutputOptions = OutputOptions()


@dataclass(frozen=True, slots=True)
class OpenOptions:
    """`vscan open FILE`: show a journal, or a report of another program."""

    file: str
    output: OutputOptions = OutputOptions()


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """`vscan match [FILE]`: match a response without any scan."""

    file: str = STANDARD_STREAM
    probe: str | None = None
    protocol: Protocol = "tcp"
    databases: tuple[str, ...] = ()
    strict: bool = False
    jsonl: bool = False
    explain: int = 0
    """So many rules are explained, the nearest first; 0 for none."""


Options = ScanOptions | DemoOptions | OpenOptions | MatchOptions


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line, without the program's name.

    Raises:
        UsageError: it asks for something that cannot be.
        SystemExit: after `--help` and `--version`, which print what they say.
    """
    # A host that is named like a command is scanned with `vscan -- demo`.
    command = arguments[0] if arguments else ""
    if command == "demo":
        return _demo_options(_parse(_demo_parser(), arguments[1:]))
    if command == "open":
        return _open_options(_parse(_open_parser(), arguments[1:]))
    if command == "match":
        return _match_options(_parse(_match_parser(), arguments[1:]))
    return _scan_options(_parse(_scan_parser(), arguments))


# What Nmap has and vscan has not -----------------------------------------------------------------

_CONNECT_ONLY = "vscan finds ports with a connect scan (-sT) or a UDP scan (-sU)"
_NO_RAW_PACKETS = "vscan sends no raw packets, only ordinary connections and datagrams"
_NO_PING = "vscan looks for hosts by connecting to ports 80 and 443; -Pn leaves that out"
_NO_SCRIPTS = "vscan runs no scripts"
_NO_OS = "vscan tells an operating system only where a service names it"
_TEMPLATES = "choose a timing template with -T0 to -T5"
_REDIRECT = "each report is written anew; choose another file name"

_UNSUPPORTED: dict[str, tuple[str, str]] = {
    "-sS": ("SYN scan", _CONNECT_ONLY),
    "-sA": ("ACK scan", _CONNECT_ONLY),
    "-sW": ("window scan", _CONNECT_ONLY),
    "-sM": ("Maimon scan", _CONNECT_ONLY),
    "-sN": ("null scan", _CONNECT_ONLY),
    "-sF": ("FIN scan", _CONNECT_ONLY),
    "-sX": ("Xmas scan", _CONNECT_ONLY),
    "-sI": ("idle scan", _CONNECT_ONLY),
    "-sO": ("IP protocol scan", _CONNECT_ONLY),
    "-sY": ("SCTP INIT scan", _CONNECT_ONLY),
    "-sZ": ("SCTP COOKIE-ECHO scan", _CONNECT_ONLY),
    "-sL": ("list scan", "vscan always scans; nmap -sL -n lists targets"),
    "-sn": ("host discovery alone", "vscan always scans ports; -p 80 asks for a single one"),
    "-sP": ("host discovery alone", "vscan always scans ports; -p 80 asks for a single one"),
    "-sR": ("RPC scan", "it is part of version detection, which is always on"),
    "-sC": ("script scan", _NO_SCRIPTS),
    "-b": ("FTP bounce scan", _CONNECT_ONLY),
    "-PS": ("TCP SYN ping", _NO_PING),
    "-PA": ("TCP ACK ping", _NO_PING),
    "-PU": ("UDP ping", _NO_PING),
    "-PY": ("SCTP ping", _NO_PING),
    "-PE": ("ICMP echo ping", _NO_PING),
    "-PP": ("ICMP timestamp ping", _NO_PING),
    "-PM": ("ICMP netmask ping", _NO_PING),
    "-PO": ("IP protocol ping", _NO_PING),
    "-PR": ("ARP ping", _NO_PING),
    "-P0": ("the old name of -Pn", "write -Pn"),
    "-PN": ("the old name of -Pn", "write -Pn"),
    "-PD": ("the old name of -Pn", "write -Pn"),
    "-A": ("everything at once", "vscan detects versions by itself; leave it out"),
    "-O": ("OS detection", _NO_OS),
    "-f": ("fragmented packets", _NO_RAW_PACKETS),
    "-D": ("decoys", _NO_RAW_PACKETS),
    "-S": ("another source address", _NO_RAW_PACKETS),
    "-e": ("choice of the interface", "the system chooses the interface by the route"),
    "-g": ("choice of the source port", "the system chooses source ports"),
    "-r": ("ports in sequence", "common ports come first, then the others in sequence"),
    "-M": ("parallel connects", "use --max-parallelism"),
    "-4": ("IPv4", "it is the default; leave it out"),
    "-iR": ("random targets", "vscan scans only what it is told to scan"),
    "-oS": ("script kiddie output", "choose -oN, -oX, -oG, -oJ or -oA"),
    "-oH": ("HTML output", "choose -oN, -oX, -oG, -oJ or -oA"),
    "-oM": ("the old name of -oG", "write -oG"),
    "--scanflags": ("TCP flags of one's own", _NO_RAW_PACKETS),
    "--traceroute": ("route tracing", _NO_RAW_PACKETS),
    "--script": ("scripts", _NO_SCRIPTS),
    "--script-args": ("scripts", _NO_SCRIPTS),
    "--script-args-file": ("scripts", _NO_SCRIPTS),
    "--script-trace": ("scripts", _NO_SCRIPTS),
    "--script-updatedb": ("scripts", _NO_SCRIPTS),
    "--script-help": ("scripts", _NO_SCRIPTS),
    "--script-timeout": ("scripts", _NO_SCRIPTS),
    "--osscan-limit": ("OS detection", _NO_OS),
    "--osscan-guess": ("OS detection", _NO_OS),
    "--fuzzy": ("OS detection", _NO_OS),
    "--max-os-tries": ("OS detection", _NO_OS),
    "--mtu": ("fragmented packets", _NO_RAW_PACKETS),
    "--source-port": ("choice of the source port", "the system chooses source ports"),
    "--proxies": ("proxies", "vscan connects to targets directly"),
    "--proxy": ("proxies", "vscan connects to targets directly"),
    "--data": ("payloads in packets", _NO_RAW_PACKETS),
    "--data-string": ("payloads in packets", _NO_RAW_PACKETS),
    "--data-length": ("payloads in packets", _NO_RAW_PACKETS),
    "--ip-options": ("IP options", _NO_RAW_PACKETS),
    "--ttl": ("choice of the time to live", _NO_RAW_PACKETS),
    "--spoof-mac": ("another MAC address", _NO_RAW_PACKETS),
    "--badsum": ("wrong checksums", _NO_RAW_PACKETS),
    "--adler32": ("SCTP checksums", _NO_RAW_PACKETS),
    "--send-eth": ("raw Ethernet frames", _NO_RAW_PACKETS),
    "--send-ip": ("raw IP packets", _NO_RAW_PACKETS),
    "--privileged": ("raw packets", "vscan needs no privileges; leave it out"),
    "--unprivileged": ("working without privileges", "vscan always does; leave it out"),
    "--packet-trace": ("packet trace", "--version-trace tells what is sent and received"),
    "--iflist": ("the list of interfaces", "the system has it: ip address, ifconfig or ipconfig"),
    "--route-dst": ("route look-up", "the system has it: ip route get"),
    "--dns-servers": ("DNS servers of one's own", "names are resolved by the system"),
    "--system-dns": ("the system's resolver", "it is the only one; leave it out"),
    "--resolve-all": ("all addresses of a name", "give the addresses themselves as targets"),
    "--unique": ("each target once", "vscan does that always; leave it out"),
    "--disable-arp-ping": ("ARP ping", _NO_PING),
    "--discovery-ignore-rst": ("host discovery", _NO_PING),
    "--port-ratio": ("ports by their frequency", "use --top-ports N"),
    "--allow-ports": ("a second port list", "use -p"),
    "--min-hostgroup": ("groups of hosts", _TEMPLATES),
    "--max-hostgroup": ("groups of hosts", _TEMPLATES),
    "--min-rtt-timeout": ("round-trip bounds", _TEMPLATES),
    "--max-rtt-timeout": ("round-trip bounds", _TEMPLATES),
    "--initial-rtt-timeout": ("round-trip bounds", _TEMPLATES),
    "--max-retries": ("number of retries", _TEMPLATES),
    "--scan-delay": ("pause between attempts", _TEMPLATES),
    "--max-scan-delay": ("pause between attempts", _TEMPLATES),
    "--min-rate": ("packet rate", "use --min-parallelism"),
    "--max-rate": ("packet rate", "use --max-parallelism"),
    "--defeat-rst-ratelimit": ("raw packets", _NO_RAW_PACKETS),
    "--defeat-icmp-ratelimit": ("raw packets", _NO_RAW_PACKETS),
    "--nsock-engine": ("nsock", "vscan has an event loop of its own"),
    "--append-output": ("appending to reports", _REDIRECT),
    "--resume": ("resuming from a report", "vscan open FILE shows what a journal holds"),
    "--noninteractive": ("no keyboard", "use --headless"),
    "--stylesheet": ("XML stylesheets", "name it to the program that shows the XML"),
    "--no-stylesheet": ("XML stylesheets", "reports name none; leave it out"),
    "--webxml": ("XML stylesheets", "name it to the program that shows the XML"),
    "--log-errors": ("errors in reports", "warnings are always in the reports"),
    "--stats-every": ("progress every so often", "progress is always shown"),
    "--deprecated-xml-osclass": ("OS detection", _NO_OS),
    "--datadir": ("a folder of data files", "use --versiondb FILE, or set NMAPDIR"),
    "--servicedb": ("a services file", "set NMAPDIR to its folder"),
    "--interactive": ("interactive mode", "the screen is interactive"),
}

_SHORT_WITHOUT_SUPPORT = frozenset(name[1] for name in _UNSUPPORTED if len(name) == 2)
_REPORT_OPTIONS: dict[str, tuple[ReportFormat, ...]] = {
    "-oN": (ReportFormat.NORMAL,),
    "-oX": (ReportFormat.XML,),
    "-oG": (ReportFormat.GREPABLE,),
    "-oJ": (ReportFormat.JSON_LINES,),
    "-oA": tuple(ReportFormat),
}
_INCOMPLETE = {
    "-s": "write -sT, -sU or -sV",
    "-P": "write -Pn",
    "-i": "write -iL FILE",
    "-o": "choose -oN, -oX, -oG, -oJ or -oA",
}
_REPEATED = re.compile(r"-([vd])(\d{1,2})", re.ASCII)


def _refuse(name: str) -> NoReturn:
    what, instead = _UNSUPPORTED[name]
    raise UsageError(f"{name} ({what}) is not supported: {instead}.")


def _plain_words(arguments: Sequence[str], known: Iterable[str]) -> Iterator[str]:
    """Rewrite Nmap's ways to write options into plain ones; refuse those not supported.

    Nmap reads `-sTU` as two scan types, `-exclude` as `--exclude`,
    `--version_light` as `--version-light`, and what follows `-p` as its value
    even if that begins with a dash.
    """
    long_names = {name for name in (*known, *_UNSUPPORTED) if name.startswith("--")}
    words = iter(arguments)
    for word in words:
        if word == "--":
            yield word
            yield from words
            return
        if len(word) < 2 or word[0] != "-":
            yield word
            continue
        name, equals, value = word.partition("=")
        name = "--" + name.lstrip("-").replace("_", "-")
        if name in long_names and (len(name) > 3 or word.startswith("--")):
            if name in _UNSUPPORTED:
                _refuse(name)
            yield name + equals + value
        elif word == "-p":
            following = next(words, None)
            yield word if following is None else word + following
        elif word.startswith("--"):
            yield word
        else:
            yield from _plain_short_word(word)


def _plain_short_word(word: str) -> Iterator[str]:
    repeated = _REPEATED.fullmatch(word)
    if repeated:
        yield from (f"-{repeated[1]}" for _ in range(int(repeated[2])))
    elif word[1] in "sP" and len(word) > 2:
        # -sTU holds several scan types; -PS80 one ping type with its ports.
        for letter in word[2:] if word[1] == "s" else word[2]:
            name = f"-{word[1]}{letter}"
            if name in _UNSUPPORTED:
                _refuse(name)
            yield name
    elif word[:3] in _UNSUPPORTED:
        _refuse(word[:3])
    elif word[1] in _SHORT_WITHOUT_SUPPORT:
        _refuse(word[:2])
    elif word in _INCOMPLETE:
        raise UsageError(f"{word} is incomplete: {_INCOMPLETE[word]}.")
    elif word[1] == "o":
        if word[:3] not in _REPORT_OPTIONS:
            raise UsageError(f'"{word}" is no report format: choose -oN, -oX, -oG, -oJ or -oA.')
        if len(word) > 3:
            raise UsageError(f'"{word}" needs a space before the file name: {word[:3]} {word[3:]}')
        yield word
    else:
        yield word


# What vscan has ----------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and leaves it to the caller to end the program."""

    def error(self, message: str) -> NoReturn:
        matched = re.fullmatch(r"argument ([^:]+): (.*)", message, re.DOTALL)
        if matched is None:
            raise UsageError(message[:1].upper() + message[1:] + ".")
        name, problem = matched[1].split("/")[0], matched[2]
        if problem.startswith("expected"):
            raise UsageError(f"{name} needs a value; vscan --help tells which.")
        if problem.startswith("ignored explicit argument"):
            raise UsageError(f"{name} takes no value.")
        raise UsageError(f"{name}: {problem}")


def _parse(parser: _Parser, arguments: Sequence[str]) -> argparse.Namespace:
    known = list(parser._option_string_actions)  # noqa: SLF001  # argparse has no other list
    words = list(_plain_words(arguments, known))
    namespace, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        name = unknown[0].partition("=")[0]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}?" if near else "vscan --help lists all options."
        raise UsageError(f'Unknown option "{name}": {hint}')
    return namespace


def _value(read: Callable[[str], _T]) -> Callable[[str], _T]:
    """Let argparse show the message of a ValueError as it is."""

    def convert(text: str) -> _T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _whole_number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f'"{text}" is no whole number from {low} to {high}.')
        return int(text)

    return _value(read)


class _AddReport(argparse.Action):
    """Collects `-oX FILE` and its like."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        path, option = str(values), str(option_string)
        formats = _REPORT_OPTIONS[option]
        if not path or (path.startswith("-") and path != STANDARD_STREAM):
            parser.error(f"argument {option}: expected a file name")
        if len(formats) > 1 and path == STANDARD_STREAM:
            raise UsageError("-oA needs a file name to add suffixes to; it cannot be -.")
        files = [
            ReportFile(kind, f"{path}.{kind.value}" if len(formats) > 1 else path)
            for kind in formats
        ]
        namespace.reports = (*(namespace.reports or ()), *files)


def _new_parser(usage: str, description: str) -> _Parser:
    parser = _Parser(
        prog="vscan", usage=usage, description=description, add_help=False, allow_abbrev=False
    )
    parser.set_defaults(reports=())
    return parser


def _add_general(parser: _Parser) -> None:
    group = parser.add_argument_group("Miscellaneous")
    group.add_argument("-h", "--help", action="help", help="show this and exit")
    group.add_argument(
        "-V", "--version", action="version", version=f"vscan {__version__}", help="show the version"
    )


def _add_output(parser: _Parser) -> None:
    group = parser.add_argument_group("Output (- as FILE is standard output)")
    for option, text in (
        ("-oN", "normal report, as Nmap prints it"),
        ("-oX", "XML report, as Nmap writes it"),
        ("-oG", "grepable report, one line for each host"),
        ("-oJ", "JSON lines, one for each port"),
    ):
        group.add_argument(option, action=_AddReport, metavar="FILE", help=text)
    group.add_argument(
        "-oA",
        action=_AddReport,
        metavar="NAME",
        help="all of them: NAME.nmap, .xml, .gnmap, .jsonl",
    )
    group.add_argument(
        "-v", action="count", default=0, dest="verbosity", help="tell more; -vv even more"
    )
    group.add_argument(
        "-d", action="count", default=0, dest="debugging", help="tell all; -dd even more"
    )
    group.add_argument(
        "--reason", action="store_true", help="show why a port is in the state it is in"
    )
    group.add_argument(
        "--open", action="store_true", dest="only_open", help="show only ports that may be open"
    )
    group.add_argument(
        "--headless", action="store_true", help="no screen: progress and a report in the terminal"
    )


def _add_databases(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--versiondb",
        action="append",
        default=[],
        metavar="FILE",
        help="use this probe database; may be given several times",
    )
    group.add_argument(
        "--strict", action="store_true", help="a fault in a probe database ends the program"
    )


def _scan_parser() -> _Parser:
    parser = _new_parser(
        "vscan [options] TARGET...\n       vscan demo\n       vscan open FILE\n"
        "       vscan match [options] [FILE]",
        "Finds open ports, tells what listens on them, and shows why it says so.",
    )
    _add_target_options(parser)
    _add_port_options(parser)
    _add_version_options(parser)
    _add_timing_options(parser)
    _add_output(parser)
    group = parser.add_argument_group("Journal")
    group.add_argument("--no-journal", action="store_true", help="do not record this scan")
    group.add_argument("--journal-dir", metavar="DIR", help="record in this folder")
    _add_general(parser)
    return parser


def _add_target_options(parser: _Parser) -> None:
    group = parser.add_argument_group("Target specification")
    group.add_argument(
        "targets",
        nargs="*",
        metavar="TARGET",
        help="a name, an address, a network (10.0.0.0/24) or octet ranges (10.0.0-3.1,5-20)",
    )
    group.add_argument(
        "-iL", action="append", default=[], metavar="FILE", help="read targets; - is standard input"
    )
    group.add_argument(
        "--exclude", action="append", default=[], metavar="HOST,...", help="leave out these targets"
    )
    group.add_argument(
        "--excludefile", action="append", default=[], metavar="FILE", help="leave out those in FILE"
    )
    group.add_argument(
        "-6", action="store_true", dest="ipv6", help="resolve names to IPv6 addresses"
    )
    group = parser.add_argument_group("Host discovery")
    group.add_argument("-Pn", action="store_true", help="take every host for up")
    group.add_argument("-n", action="store_true", help="never look up the names of addresses")
    group.add_argument("-R", action="store_true", help="look them up even of hosts that are down")


def _add_port_options(parser: _Parser) -> None:
    group = parser.add_argument_group("Scan techniques")
    group.add_argument("-sT", action="store_true", help="find TCP ports by connecting (default)")
    group.add_argument("-sU", action="store_true", help="find UDP ports")
    group = parser.add_argument_group("Ports (default: the 1000 most common)")
    group.add_argument(
        "-p", metavar="PORTS", help="such as 22,80,8000-8100,http* or T:1-1023,U:53, or - for all"
    )
    group.add_argument("--exclude-ports", metavar="PORTS", help="leave out these ports")
    group.add_argument("-F", action="store_true", help=f"only the {FAST_PORTS} most common")
    group.add_argument(
        "--top-ports", type=_whole_number(1, 65536), metavar="N", help="only the N most common"
    )


def _add_version_options(parser: _Parser) -> None:
    group = parser.add_argument_group("Service and version detection")
    group.add_argument("-sV", action="store_true", help="accepted; it is always done")
    group.add_argument(
        "--version-intensity",
        type=_whole_number(0, 9),
        metavar="N",
        help=f"0 (few probes) to 9 (all); default {DEFAULT_INTENSITY}",
    )
    group.add_argument(
        "--version-light", action="store_true", help=f"intensity {LIGHT_INTENSITY}: likely probes"
    )
    group.add_argument(
        "--version-all", action="store_true", help=f"intensity {FULL_INTENSITY}: every probe"
    )
    group.add_argument("--version-trace", action="store_true", help="tell every step")
    group.add_argument(
        "--allports", action="store_true", help="probe ports that the probe database excludes too"
    )
    group.add_argument(
        "--no-postprocess",
        action="store_true",
        help="ask a known service nothing more (no SunRPC program numbers)",
    )
    _add_databases(group)


def _add_timing_options(parser: _Parser) -> None:
    group = parser.add_argument_group("Timing and performance (times: 500ms, 30s, 5m, 2h)")
    group.add_argument(
        "-T",
        type=_value(parse_template),
        default=DEFAULT_TEMPLATE,
        metavar="0-5",
        help=f"timing template: 0 (paranoid) to 5 (insane); default {DEFAULT_TEMPLATE}",
    )
    group.add_argument(
        "--host-timeout",
        type=_value(parse_duration),
        metavar="TIME",
        help="give up on a host after",
    )
    for bound, text in (("min", "at least"), ("max", "at most")):
        group.add_argument(
            f"--{bound}-parallelism",
            type=_whole_number(1, 10_000),
            metavar="N",
            help=f"{text} so many ports at a time",
        )
    group.add_argument(
        "--pace", choices=get_args(Pace), default="polite", help="order and waits of the probes"
    )


def _demo_parser() -> _Parser:
    parser = _new_parser("vscan demo [options]", "Shows a recorded scan; nothing is sent.")
    _add_output(parser)
    _add_general(parser)
    return parser


def _open_parser() -> _Parser:
    parser = _new_parser(
        "vscan open [options] FILE",
        "Shows a recorded scan, or a report of another program; nothing is sent.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a journal or a report")
    _add_output(parser)
    _add_general(parser)
    return parser


def _match_parser() -> _Parser:
    parser = _new_parser(
        "vscan match [options] [FILE]",
        "Matches a response, read from FILE or standard input; nothing is sent.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: standard input")
    group = parser.add_argument_group("Matching")
    group.add_argument("--probe", metavar="NAME", help="the probe that the response answers")
    group.add_argument("--protocol", choices=get_args(Protocol), default="tcp")
    group.add_argument("--jsonl", action="store_true", help="read and write JSON lines")
    group.add_argument(
        "--explain",
        nargs="?",
        type=_whole_number(1, 1_000_000),
        const=EXPLAINED_RULES,
        default=0,
        metavar="N",
        help=f"why rules fire or not, and the N nearest of those; default {EXPLAINED_RULES}",
    )
    _add_databases(group)
    _add_general(parser)
    return parser


# From words to options ---------------------------------------------------------------------------


def _output_options(words: argparse.Namespace) -> OutputOptions:
    reports: tuple[ReportFile, ...] = words.reports
    paths = [file.path for file in reports]
    repeated = next((path for path in paths if paths.count(path) > 1), None)
    if repeated == STANDARD_STREAM:
        raise UsageError(
            "Only one report can be written to standard output; name a file (-oX FILE)."
        )
    if repeated is not None:
        raise UsageError(f'Two reports cannot both be written to "{repeated}".')
    return OutputOptions(
        reports=reports,
        headless=words.headless,
        verbosity=words.verbosity,
        debugging=words.debugging,
        show_reasons=words.reason,
        only_open=words.only_open,
    )


def _demo_options(words: argparse.Namespace) -> DemoOptions:
    return DemoOptions(_output_options(words))


def _open_options(words: argparse.Namespace) -> OpenOptions:
    if len(words.files) != 1:
        raise UsageError("vscan open needs one file: vscan open FILE")
    return OpenOptions(words.files[0], _output_options(words))


def _match_options(words: argparse.Namespace) -> MatchOptions:
    if len(words.files) > 1:
        raise UsageError("vscan match reads one file, or standard input: vscan match [FILE]")
    return MatchOptions(
        file=words.files[0] if words.files else STANDARD_STREAM,
        probe=words.probe,
        protocol=words.protocol,
        databases=tuple(words.versiondb),
        strict=words.strict,
        jsonl=words.jsonl,
        explain=words.explain,
    )


def _scan_options(words: argparse.Namespace) -> ScanOptions:
    _only_one(
        {"-p": words.p is not None, "-F": words.F, "--top-ports": words.top_ports is not None}
    )
    _only_one({"-n": words.n, "-R": words.R})
    _only_one({"--no-journal": words.no_journal, "--journal-dir": words.journal_dir is not None})
    low, high = words.min_parallelism, words.max_parallelism
    if low is not None and high is not None and low > high:
        raise UsageError(f"--min-parallelism {low} is more than --max-parallelism {high}.")
    if not words.targets and not words.iL:
        raise UsageError("No target: vscan TARGET..., such as vscan 127.0.0.1; or vscan --help.")
    return ScanOptions(
        targets=tuple(words.targets),
        target_files=tuple(words.iL),
        exclude=tuple(words.exclude),
        exclude_files=tuple(words.excludefile),
        ports=words.p,
        exclude_ports=words.exclude_ports,
        top_ports=FAST_PORTS if words.F else words.top_ports,
        protocols=_protocols(tcp=words.sT, udp=words.sU),
        ipv6=words.ipv6,
        reverse_dns=_reverse_dns(never=words.n, always=words.R),
        assume_up=words.Pn,
        timing_template=words.T,
        min_parallelism=low,
        max_parallelism=high,
        host_timeout=words.host_timeout,
        intensity=_intensity(words),
        version_trace=words.version_trace,
        postprocess=not words.no_postprocess,
        all_ports=words.allports,
        databases=tuple(words.versiondb),
        strict=words.strict,
        pace=words.pace,
        journal=not words.no_journal,
        journal_folder=words.journal_dir,
        output=_output_options(words),
    )


def _only_one(given: dict[str, bool]) -> None:
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise UsageError(f"{names[0]} and {names[1]} contradict each other; leave one out.")


def _protocols(*, tcp: bool, udp: bool) -> tuple[Protocol, ...]:
    if not udp:
        return ("tcp",)
    return ("tcp", "udp") if tcp else ("udp",)


def _reverse_dns(*, never: bool, always: bool) -> ReverseDns:
    if never:
        return ReverseDns.NEVER
    return ReverseDns.ALWAYS if always else ReverseDns.HOSTS_UP


def _intensity(words: argparse.Namespace) -> int:
    given: int | None = words.version_intensity
    _only_one(
        {
            "--version-light": words.version_light,
            "--version-all": words.version_all,
            "--version-intensity": given is not None,
        }
    )
    if words.version_light:
        return LIGHT_INTENSITY
    if words.version_all:
        return FULL_INTENSITY
    return DEFAULT_INTENSITY if given is None else given
