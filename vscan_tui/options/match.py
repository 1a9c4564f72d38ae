"""`vscan match [FILE]`: a response without a scan."""

import argparse
from typing import get_args

from vscan_tui.events import Protocol
from vscan_tui.options.model import EXPLAINED_RULES, STANDARD_STREAM, MatchOptions, UsageError
from vscan_tui.options.parser import (
    Parser,
    add_databases,
    add_general,
    new_parser,
    whole_number,
)


def match_parser() -> Parser:
    """Describe the words of `vscan match`."""
    parser = new_parser(
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
        type=whole_number(1, 1_000_000),
        const=EXPLAINED_RULES,
        default=0,
        metavar="N",
        help=f"why rules fire or not, and the N nearest of those; default {EXPLAINED_RULES}",
    )
    add_databases(group)
    add_general(parser)
    return parser


def match_options(words: argparse.Namespace) -> MatchOptions:
    """Make options of the words of `vscan match`; raises UsageError."""
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
