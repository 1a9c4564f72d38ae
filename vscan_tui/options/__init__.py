"""The command line, in Nmap's own words.

`parse_options` turns arguments into a frozen dataclass of `options.model`, one
for each thing the program does; each command has its module here.  Options of
Nmap that vscan does not have are refused by name, with what to do instead;
nothing is ignored silently.

Only light modules are imported here, because this runs before anything is
shown.
"""

import argparse
from collections.abc import Callable, Sequence

from vscan_tui.options.completion import completion_options, completion_parser
from vscan_tui.options.config import config_options, config_parser
from vscan_tui.options.fingerprint import fingerprint_options, fingerprint_parser
from vscan_tui.options.match import match_options, match_parser
from vscan_tui.options.model import Options
from vscan_tui.options.parser import Parser, parse
from vscan_tui.options.probes import probes_options, probes_parser
from vscan_tui.options.recorded import demo_options, demo_parser, open_options, open_parser
from vscan_tui.options.scan import scan_options, scan_parser
from vscan_tui.options.sessions import (
    diff_options,
    diff_parser,
    export_options,
    export_parser,
    merge_options,
    merge_parser,
    rematch_options,
    rematch_parser,
    resume_options,
    resume_parser,
)

_COMMANDS: dict[str, tuple[Callable[[], Parser], Callable[[argparse.Namespace], Options]]] = {
    "demo": (demo_parser, demo_options),
    "open": (open_parser, open_options),
    "match": (match_parser, match_options),
    "probes": (probes_parser, probes_options),
    "config": (config_parser, config_options),
    "completion": (completion_parser, completion_options),
    "fingerprint": (fingerprint_parser, fingerprint_options),
    "diff": (diff_parser, diff_options),
    "merge": (merge_parser, merge_options),
    "export": (export_parser, export_options),
    "rematch": (rematch_parser, rematch_options),
    "resume": (resume_parser, resume_options),
}
"""How the words after a command are read, and what becomes of them."""


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line, without the program's name.

    Raises:
        UsageError: it asks for something that cannot be.
        SystemExit: after `--help` and `--version`, which print what they say.
    """
    # A host that is named like a command is scanned with `vscan -- demo`.
    if arguments and arguments[0] in _COMMANDS:
        parser, options = _COMMANDS[arguments[0]]
        return options(parse(parser(), arguments[1:]))
    return scan_options(parse(scan_parser(), arguments))


def whole_parser() -> Parser:
    """Describe the words of all commands at once, for a shell's completion and the manual."""
    parser = scan_parser(with_targets=False)
    commands = parser.add_subparsers(title="Commands", metavar="COMMAND")
    for name, (describe, _) in _COMMANDS.items():
        described = describe()
        commands.add_parser(name, parents=[described], add_help=False, help=described.description)
    return parser
