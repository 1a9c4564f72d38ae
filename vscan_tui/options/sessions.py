"""`vscan diff`, `merge`, `export`, `rematch` and `resume`: what is done with recorded sessions."""

import argparse

from vscan_tui.options.model import (
    DiffOptions,
    ExportOptions,
    MergeOptions,
    RematchOptions,
    ResumeOptions,
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
    output_options,
    whole_number,
)

_FILES = "a journal, packed or not, or a report of another program"


def diff_parser() -> Parser:
    """Describe the words of `vscan diff`."""
    parser = new_parser(
        "vscan diff [options] EARLIER LATER",
        "Tells which services are new, gone or changed. "
        "Exit status: 0 if none is, 1 if some are, 2 if a file cannot be read.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help=_FILES)
    group = parser.add_argument_group("Output")
    group.add_argument("--json", action="store_true", help="a JSON object for each difference")
    add_general(parser)
    return parser


def diff_options(words: argparse.Namespace) -> DiffOptions:
    """Make options of the words of `vscan diff`; raises UsageError."""
    if len(words.files) != 2:
        raise UsageError("vscan diff needs two files: vscan diff EARLIER LATER")
    return DiffOptions(words.files[0], words.files[1], words.json)


def merge_parser() -> Parser:
    """Describe the words of `vscan merge`."""
    parser = new_parser(
        "vscan merge FILE... -o FILE",
        "Makes one journal of several sessions; of a port that several have, the latest counts.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help=_FILES)
    group = parser.add_argument_group("Output")
    # -o is the first letter of Nmap's report options, so this one has a long name as well.
    group.add_argument(
        "-o", "--output", metavar="FILE", help="the new journal; a name in .gz packs it"
    )
    add_general(parser)
    return parser


def merge_options(words: argparse.Namespace) -> MergeOptions:
    """Make options of the words of `vscan merge`; raises UsageError."""
    if not words.files or not words.output:
        raise UsageError("vscan merge needs files, and a name: vscan merge A B -o FILE")
    return MergeOptions(tuple(words.files), words.output)


def export_parser() -> Parser:
    """Describe the words of `vscan export`."""
    parser = new_parser(
        "vscan export FILE --port PORT [--exchange N]",
        "Prints an exchange as a hexdump that Wireshark's text2pcap makes a capture of; "
        "the command for it stands in the second line.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a journal, packed or not")
    group = parser.add_argument_group("Exchange")
    group.add_argument(
        "--port", metavar="PORT", help="127.0.0.1:80/tcp; 80 alone where no other host has it"
    )
    group.add_argument(
        "--exchange",
        type=whole_number(1, 1_000_000),
        metavar="N",
        help="its number; default: the one that the verdict rests on",
    )
    add_general(parser)
    return parser


def export_options(words: argparse.Namespace) -> ExportOptions:
    """Make options of the words of `vscan export`; raises UsageError."""
    if len(words.files) != 1 or not words.port:
        raise UsageError("vscan export needs a journal and a port: vscan export FILE --port PORT")
    return ExportOptions(words.files[0], words.port, words.exchange)


def rematch_parser() -> Parser:
    """Describe the words of `vscan rematch`."""
    parser = new_parser(
        "vscan rematch [options] FILE...",
        "Matches all recorded responses anew, with other probe databases; nothing is sent.",
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="journals, JSON lines with probe and response (base64), zgrab2's records, "
        "or folders of these",
    )
    group = parser.add_argument_group("Matching")
    group.add_argument("--jsonl", action="store_true", help="a JSON object for each port or record")
    group.add_argument("--all", action="store_true", help="tell what stays the same, too")
    group.add_argument(
        "--jobs", type=whole_number(1, 1024), metavar="N", help="processes; default: all cores"
    )
    add_engine(group)
    add_databases(group)
    add_output(parser)
    add_general(parser)
    return parser


def rematch_options(words: argparse.Namespace) -> RematchOptions:
    """Make options of the words of `vscan rematch`; raises UsageError."""
    output = output_options(words)
    if not words.files:
        raise UsageError("vscan rematch needs files or folders: vscan rematch FILE...")
    if words.jsonl and output.reports:
        raise UsageError("--jsonl and reports (-oX and its like) contradict each other.")
    if output.reports and len(words.files) > 1:
        raise UsageError("Reports are written of one journal; merge several first (vscan merge).")
    scheduler = chosen_scheduler(words)
    if scheduler is not None and words.jobs is not None:
        raise UsageError("--jobs is for processes here; --engine dask uses all workers there are.")
    if scheduler is not None and output.reports:
        raise UsageError("--engine dask tells lines; reports (-oX and its like) are made here.")
    return RematchOptions(
        files=tuple(words.files),
        jsonl=words.jsonl,
        unchanged=words.all,
        jobs=words.jobs,
        scheduler=scheduler,
        databases=tuple(words.versiondb),
        strict=words.strict,
        output=output,
    )


def resume_parser() -> Parser:
    """Describe the words of `vscan resume`."""
    parser = new_parser(
        "vscan resume [options] FILE",
        "Goes on with a scan where it stopped; what was asked to the end is not asked again.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="the journal of the scan")
    add_output(parser)
    add_general(parser)
    return parser


def resume_options(words: argparse.Namespace) -> ResumeOptions:
    """Make options of the words of `vscan resume`; raises UsageError."""
    if len(words.files) != 1:
        raise UsageError("vscan resume needs one journal: vscan resume FILE")
    return ResumeOptions(words.files[0], output_options(words))
