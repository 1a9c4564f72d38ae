"""`vscan fingerprint [FILE...]`: service fingerprints that were pasted or saved."""

import argparse

from vscan_tui.options.model import STANDARD_STREAM, FingerprintOptions, UsageError
from vscan_tui.options.parser import (
    Parser,
    add_databases,
    add_general,
    add_output,
    new_parser,
    output_options,
    whole_number,
)

NEAREST = 3


def fingerprint_parser() -> Parser:
    """Describe the words of `vscan fingerprint`."""
    parser = new_parser(
        "vscan fingerprint [options] [FILE...]",
        "Decodes Nmap's service fingerprints (SF-Port...) in text of any kind, and matches them.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: standard input")
    group = parser.add_argument_group("Fingerprints")
    group.add_argument("--jsonl", action="store_true", help="one JSON object for each fingerprint")
    group.add_argument("--screen", action="store_true", help="show them in the screen")
    group.add_argument(
        "--nearest",
        type=whole_number(0, 1000),
        default=NEAREST,
        metavar="N",
        help=f"tell the N rules that were almost met; default {NEAREST}",
    )
    add_databases(group)
    add_output(parser)
    add_general(parser)
    return parser


def fingerprint_options(words: argparse.Namespace) -> FingerprintOptions:
    """Make options of the words of `vscan fingerprint`; raises UsageError."""
    output = output_options(words)
    if words.jsonl and (words.screen or output.reports):
        other = "--screen" if words.screen else "a report (-oX and its like)"
        raise UsageError(f"--jsonl and {other} contradict each other; leave one out.")
    if words.screen and output.headless:
        raise UsageError("--screen and --headless contradict each other; leave one out.")
    files = tuple(words.files) or (STANDARD_STREAM,)
    if files.count(STANDARD_STREAM) > 1:
        raise UsageError("Standard input (-) can be read only once.")
    return FingerprintOptions(
        files=files,
        jsonl=words.jsonl,
        screen=words.screen,
        nearest=words.nearest,
        databases=tuple(words.versiondb),
        strict=words.strict,
        output=output,
    )
