"""`vscan [options] TARGET...`: the options of a scan, in Nmap's own words."""

import argparse
from typing import get_args

from msgspec import structs

from vscan_tui.events import Pace, Protocol
from vscan_tui.options.model import (
    FAST_PORTS,
    FULL_INTENSITY,
    LIGHT_INTENSITY,
    MANY_HOSTS,
    STANDARD_STREAM,
    ReverseDns,
    ScanOptions,
    UsageError,
)
from vscan_tui.options.parser import (
    Parser,
    add_databases,
    add_engine,
    add_general,
    add_output,
    chosen_scheduler,
    new_parser,
    only_one,
    output_options,
    value,
    whole_number,
)
from vscan_tui.probedb.model import DEFAULT_INTENSITY
from vscan_tui.scanning.discovery.timing import (
    DEFAULT_TEMPLATE,
    Timing,
    parse_duration,
    parse_rate,
    parse_template,
    timing,
    with_timeouts,
)

_WAITS = {
    "min": "default: measured, not below 150 ms, never above what the database allows",
    "max": "default: what the database allows, mostly 5 s",
}
_BOUNDS = {"min": "at least", "max": "at most"}
_RTT_TIMEOUTS = {"initial": "before one was measured", **_BOUNDS}


def scan_parser(*, with_targets: bool = True) -> Parser:
    """Describe the words of a scan.

    Args:
        with_targets: whether targets are among them, or left to what is added later.
    """
    parser = new_parser(
        "vscan [options] TARGET...\n       vscan demo\n       vscan open FILE\n"
        "       vscan match [options] [FILE]\n       vscan probes ACTION [options]\n"
        "       vscan config [--init]\n"
        "       vscan fingerprint [options] [FILE...]\n"
        "       vscan resume FILE\n       vscan rematch [options] FILE...\n"
        "       vscan diff EARLIER LATER\n       vscan merge FILE... -o FILE\n"
        "       vscan export FILE --port PORT",
        "Finds open ports, tells what listens on them, and shows why it says so.",
    )
    group = parser.add_argument_group("Target specification")
    if with_targets:
        group.add_argument(
            "targets",
            nargs="*",
            metavar="TARGET",
            help="a name, an address, a network (10.0.0.0/24) or octet ranges (10.0.0-3.1,5-20)",
        )
    _add_target_options(parser, group)
    _add_port_options(parser)
    _add_version_options(parser)
    _add_timing_options(parser)
    add_output(parser).add_argument(
        "--stats-every",
        type=value(parse_duration),
        metavar="TIME",
        help="without a screen: say every so often how far the scan is",
    )
    group = parser.add_argument_group("Journal")
    group.add_argument("--no-journal", action="store_true", help="do not record this scan")
    group.add_argument("--journal-dir", metavar="DIR", help="record in this folder")
    group.add_argument("--journal-compress", action="store_true", help="pack the journal with gzip")
    add_general(parser)
    return parser


def _add_target_options(parser: Parser, group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-iL", action="append", default=[], metavar="FILE", help="read targets; - is standard input"
    )
    group.add_argument(
        "--from",
        dest="port_files",
        action="append",
        default=[],
        metavar="FILE",
        help="ask only the open ports in FILE: Nmap's XML or grepable output, masscan's or "
        "naabu's, or host:port lines; - is standard input",
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
    group.add_argument(
        "--yes",
        action="store_true",
        help=f"do not ask before scanning more than {MANY_HOSTS:,} hosts",
    )
    group = parser.add_argument_group("Host discovery")
    group.add_argument("-Pn", action="store_true", help="take every host for up")
    group.add_argument("-n", action="store_true", help="never look up the names of addresses")
    group.add_argument("-R", action="store_true", help="look them up even of hosts that are down")


def _add_port_options(parser: Parser) -> None:
    group = parser.add_argument_group("Scan techniques")
    group.add_argument("-sT", action="store_true", help="find TCP ports by connecting (default)")
    group.add_argument("-sU", action="store_true", help="find UDP ports")
    group = parser.add_argument_group("Ports (default: the 1000 most common)")
    group.add_argument(
        "-p", metavar="PORTS", help="such as 22,80,8000-8100,http* or T:1-1023,U:53, or - for all"
    )
    group.add_argument("--exclude-ports", metavar="PORTS", help="leave out these ports")
    group.add_argument(
        "-r", action="store_true", help="look at ports in ascending order, not common ones first"
    )
    group.add_argument("-F", action="store_true", help=f"only the {FAST_PORTS} most common")
    group.add_argument(
        "--top-ports", type=whole_number(1, 65536), metavar="N", help="only the N most common"
    )


def _add_version_options(parser: Parser) -> None:
    group = parser.add_argument_group("Service and version detection")
    group.add_argument("-sV", action="store_true", help="accepted; it is always done")
    group.add_argument(
        "--version-intensity",
        type=whole_number(0, 9),
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
    add_databases(group)


def _add_timing_options(parser: Parser) -> None:
    group = parser.add_argument_group("Timing and performance (times: 500ms, 30s, 5m, 2h)")
    group.add_argument(
        "-T",
        type=value(parse_template),
        default=DEFAULT_TEMPLATE,
        metavar="0-5",
        help=f"timing template: 0 (paranoid) to 5 (insane); default {DEFAULT_TEMPLATE}",
    )
    group.add_argument(
        "--host-timeout",
        type=value(parse_duration),
        metavar="TIME",
        help="leave a host after so long; what is known of it is kept, and called partial",
    )
    for bound, text in _BOUNDS.items():
        group.add_argument(
            f"--{bound}-parallelism",
            type=whole_number(1, 10_000),
            metavar="N",
            help=f"{text} so many ports at a time",
        )
        group.add_argument(
            f"--{bound}-wait",
            type=value(parse_duration),
            metavar="TIME",
            help=f"pace eager waits {text} so long for an answer; {_WAITS[bound]}",
        )
    group.add_argument(
        "--max-rate",
        type=value(parse_rate),
        metavar="N",
        help="at most N connections a second, those of port discovery included",
    )
    _add_discovery_timing(group)
    add_engine(group)
    group.add_argument(
        "--pace",
        choices=get_args(Pace),
        default="eager",
        help="order and waits of the probes; step: you say when each action is taken",
    )


def _add_discovery_timing(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-retries",
        type=whole_number(0, 50),
        metavar="N",
        help="ask a port that does not answer at most N times again whether it is open",
    )
    group.add_argument(
        "--scan-delay",
        type=value(parse_duration),
        metavar="TIME",
        help="port discovery pauses so long between two attempts at the same host",
    )
    for bound, text in _RTT_TIMEOUTS.items():
        group.add_argument(
            f"--{bound}-rtt-timeout",
            type=value(parse_duration),
            metavar="TIME",
            help=f"how long port discovery waits for an answer: {text}",
        )
    for bound, text in _BOUNDS.items():
        group.add_argument(
            f"--{bound}-hostgroup",
            type=whole_number(1, 10_000),
            metavar="N",
            help=f"look for the ports of {text} N hosts at a time",
        )


def scan_options(words: argparse.Namespace) -> ScanOptions:
    """Make options of the words of a scan; raises UsageError."""
    only_one({"-p": words.p is not None, "-F": words.F, "--top-ports": words.top_ports is not None})
    only_one({"-n": words.n, "-R": words.R})
    only_one({"--no-journal": words.no_journal, "--journal-dir": words.journal_dir is not None})
    only_one({"--no-journal": words.no_journal, "--journal-compress": words.journal_compress})
    if None not in (words.min_wait, words.max_wait) and words.min_wait > words.max_wait:
        raise UsageError("--min-wait is more than --max-wait.")
    if words.pace != "eager" and (words.min_wait, words.max_wait) != (None, None):
        raise UsageError(
            f"--min-wait and --max-wait are for pace eager; pace {words.pace} waits as Nmap does."
        )
    if words.pace == "step" and words.engine == "dask":
        raise UsageError("--pace step is done on this machine; --engine dask is not for it.")
    if words.port_files:
        _check_port_files(words)
    elif not words.targets and not words.iL:
        raise UsageError("No target: vscan TARGET..., such as vscan 127.0.0.1; or vscan --help.")
    return ScanOptions(
        targets=tuple(words.targets),
        target_files=tuple(words.iL),
        port_files=tuple(words.port_files),
        exclude=tuple(words.exclude),
        exclude_files=tuple(words.excludefile),
        ports=words.p,
        exclude_ports=words.exclude_ports,
        top_ports=FAST_PORTS if words.F else words.top_ports,
        protocols=(
            _protocols(tcp=words.sT, udp=words.sU)
            if words.sT or words.sU or not words.port_files
            else ("tcp", "udp")
        ),
        may_be_many=words.yes,
        ipv6=words.ipv6,
        reverse_dns=_reverse_dns(never=words.n, always=words.R),
        assume_up=words.Pn,
        timing=_timing(words),
        max_parallelism=words.max_parallelism,
        in_sequence=words.r,
        host_timeout=words.host_timeout,
        min_wait=words.min_wait,
        max_wait=words.max_wait,
        max_rate=words.max_rate,
        intensity=_intensity(words),
        version_trace=words.version_trace,
        postprocess=not words.no_postprocess,
        all_ports=words.allports,
        databases=tuple(words.versiondb),
        strict=words.strict,
        pace=words.pace,
        scheduler=chosen_scheduler(words),
        journal=not words.no_journal,
        journal_folder=words.journal_dir,
        journal_compressed=words.journal_compress,
        output=structs.replace(output_options(words), stats_every=words.stats_every),
    )


def _timing(words: argparse.Namespace) -> Timing:
    fewest, most = words.min_hostgroup, words.max_hostgroup
    if None not in (fewest, most) and fewest > most:
        raise UsageError(f"--min-hostgroup {fewest} is more than --max-hostgroup {most}.")
    try:
        chosen = timing(
            words.T,
            min_parallelism=words.min_parallelism,
            max_parallelism=words.max_parallelism,
        )
        chosen = with_timeouts(
            chosen, words.initial_rtt_timeout, words.min_rtt_timeout, words.max_rtt_timeout
        )
    except ValueError as error:
        raise UsageError(str(error)) from None
    hosts = max(chosen.parallel_hosts, fewest or 1)
    return structs.replace(
        chosen,
        parallel_hosts=hosts if most is None else min(hosts, most),
        retries=chosen.retries if words.max_retries is None else words.max_retries,
        scan_delay=chosen.scan_delay if words.scan_delay is None else words.scan_delay,
    )


def _check_port_files(words: argparse.Namespace) -> None:
    for name, is_given in (
        ("TARGET", bool(words.targets)),
        ("-iL", bool(words.iL)),
        ("-F", words.F),
        ("--top-ports", words.top_ports is not None),
    ):
        if is_given:
            raise UsageError(
                f"{name} and --from contradict each other: --from FILE says which ports of "
                "which hosts are asked; -p and --exclude choose among them."
            )
    if [*words.port_files, *words.iL, *words.excludefile].count(STANDARD_STREAM) > 1:
        raise UsageError("Standard input (-) can be read only once.")


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
    only_one(
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
