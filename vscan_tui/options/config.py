"""`vscan config`: the user's settings."""

import argparse

from vscan_tui.options.model import ConfigOptions
from vscan_tui.options.parser import Parser, add_general, new_parser


def config_parser() -> Parser:
    """Describe the words of `vscan config`."""
    parser = new_parser(
        "vscan config [--init]", "Tells where the settings are, what is set, and what is wrong."
    )
    parser.add_argument(
        "--init", action="store_true", help="write a commented file of all defaults, to be changed"
    )
    add_general(parser)
    return parser


def config_options(words: argparse.Namespace) -> ConfigOptions:
    """Make options of the words of `vscan config`."""
    return ConfigOptions(init=words.init)
