"""`vscan demo` and `vscan open FILE`: a recorded scan."""

import argparse
import re

from vscan_tui.options.model import DemoOptions, OpenOptions, UsageError
from vscan_tui.options.parser import (
    Parser,
    add_general,
    add_output,
    new_parser,
    output_options,
    value,
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
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a journal, a report or a list of ports"
    )
    group = parser.add_argument_group("Journals")
    group.add_argument("--play", action="store_true", help="play it as fast as it happened")
    group.add_argument(
        "--speed",
        type=value(_speed),
        metavar="FACTOR",
        help="play it so many times as fast: 10 or 0.5",
    )
    add_output(parser)
    add_general(parser)
    return parser


def open_options(words: argparse.Namespace) -> OpenOptions:
    """Make options of the words of `vscan open`; raises UsageError."""
    if len(words.files) != 1:
        raise UsageError("vscan open needs one file: vscan open FILE")
    speed: float | None = words.speed or (1.0 if words.play else None)
    return OpenOptions(words.files[0], speed, output_options(words))


def _speed(text: str) -> float:
    if re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?|\.\d{1,6}", text, re.ASCII) and float(text) > 0:
        return float(text)
    raise ValueError(f'"{text}" is no speed; write 10 for ten times as fast, 0.5 for half as fast.')
