"""`vscan demo` and `vscan open FILE`: a recorded scan."""

import argparse

from vscan_tui.options.model import DemoOptions, OpenOptions, UsageError
from vscan_tui.options.parser import (
    Parser,
    add_general,
    add_output,
    new_parser,
    output_options,
)


def demo_parser() -> Parser:
    """Describe the words of `vscan demo`."""
    parser = new_parser("vscan demo [options]", "Shows a recorded scan; nothing is sent.")
    add_output(parser)
    add_general(parser)
    return parser


def demo_options(words: argparse.Namespace) -> DemoOptions:
    """Make options of the words of `vscan demo`."""
    return DemoOptions(output_options(words))


def open_parser() -> Parser:
    """Describe the words of `vscan open`."""
    parser = new_parser(
        "vscan open [options] FILE",
        "Shows a recorded scan, or a report of another program; nothing is sent.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="a journal or a report")
    add_output(parser)
    add_general(parser)
    return parser


def open_options(words: argparse.Namespace) -> OpenOptions:
    """Make options of the words of `vscan open`; raises UsageError."""
    if len(words.files) != 1:
        raise UsageError("vscan open needs one file: vscan open FILE")
    return OpenOptions(words.files[0], output_options(words))
