"""`vscan completion`: scripts for shells, made from the options as they are."""

import argparse

import shtab

from vscan_tui.commands.standard_output import print_lines
from vscan_tui.commands.status import ExitStatus
from vscan_tui.options import whole_parser
from vscan_tui.options.model import CompletionOptions

_FILES = {"FILE", "PATH", "DATABASE", "NAME.nmap"}
_FOLDERS = {"DIR"}


def completion(options: CompletionOptions) -> ExitStatus:
    """Print the script for a shell."""
    parser = whole_parser()
    _complete_files(parser)
    print_lines([shtab.complete(parser, options.shell)])
    return ExitStatus.DONE


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Let what is a file be completed as one."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - nor another name
            for command in action.choices.values():
                _complete_files(command)
        elif action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # as shtab wants it
        elif action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
