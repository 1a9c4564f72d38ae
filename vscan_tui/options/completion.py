"""`vscan completion SHELL`: a script that lets a shell complete vscan's words."""

import argparse

from vscan_tui.options.model import CompletionOptions, UsageError
from vscan_tui.options.parser import Parser, add_general, new_parser

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def completion_parser() -> Parser:
    """Describe the words of `vscan completion`."""
    parser = new_parser(
        f"vscan completion {{{','.join(SHELLS)}}}",
        "Prints a script for a shell, such as: source <(vscan completion bash)",
    )
    parser.add_argument("shell", nargs="*", metavar="SHELL", help=", ".join(SHELLS))
    add_general(parser)
    return parser


def completion_options(words: argparse.Namespace) -> CompletionOptions:
    """Make options of the words of `vscan completion`; raises UsageError."""
    if len(words.shell) != 1 or words.shell[0] not in SHELLS:
        raise UsageError(f"vscan completion needs a shell: {', '.join(SHELLS)}.")
    return CompletionOptions(words.shell[0])
