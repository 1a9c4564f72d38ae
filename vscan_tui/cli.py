"""The program `vscan`: reads the command line and hands over to a command."""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from vscan_tui.commands.status import ExitStatus
from vscan_tui.options import parse_options
from vscan_tui.options.model import (
    CompletionOptions,
    ConfigOptions,
    DemoOptions,
    DiffOptions,
    ExportOptions,
    FingerprintOptions,
    MatchOptions,
    MergeOptions,
    OpenOptions,
    Options,
    ProbesOptions,
    RematchOptions,
    ResumeOptions,
    ScanOptions,
    UsageError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit status (see `ExitStatus`)."""
    _replace_closed_streams()
    words = tuple(sys.argv[1:] if arguments is None else arguments)
    try:
        return _run(parse_options(words), words)
    except UsageError as error:
        for sentence in str(error).splitlines():
            print(f"vscan: {sentence}", file=sys.stderr)  # noqa: T201
        return ExitStatus.USAGE
    except KeyboardInterrupt:
        print("vscan: interrupted", file=sys.stderr)  # noqa: T201
        return ExitStatus.INTERRUPTED


def _replace_closed_streams() -> None:
    """Let what is written to a standard stream that the caller has closed go nowhere.

    The next file to be opened would take its number, and get what was meant for it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for good


def _run(options: Options, words: tuple[str, ...]) -> int:  # noqa: PLR0912 - one for each command
    # A command is imported when it runs: matching one response needs no screen.
    match options:
        case ScanOptions():
            gc.disable()  # a fifteenth of the time, and modules are there to stay
            from vscan_tui.commands.scan import scan  # noqa: PLC0415

            gc.enable()
            return scan(options, words)
        case DemoOptions():
            from vscan_tui.commands.recorded import demo  # noqa: PLC0415

            return demo(options)
        case OpenOptions():
            from vscan_tui.commands.recorded import open_file  # noqa: PLC0415

            return open_file(options)
        case MatchOptions():
            from vscan_tui.commands.match import run_match  # noqa: PLC0415

            return run_match(options, sys.stdin.buffer, sys.stdout, sys.stderr)
        case ConfigOptions():
            from vscan_tui.commands.config import config  # noqa: PLC0415

            return config(options)
        case FingerprintOptions():
            from vscan_tui.commands.fingerprint import run_fingerprint  # noqa: PLC0415

            return run_fingerprint(options, sys.stdin.buffer)
        case ProbesOptions():
            from vscan_tui.commands.probes import probes  # noqa: PLC0415

            return probes(options, sys.stdin.buffer)
        case CompletionOptions():
            from vscan_tui.commands.completion import completion  # noqa: PLC0415

            return completion(options)
        case DiffOptions():
            from vscan_tui.commands.diff import diff  # noqa: PLC0415

            return diff(options)
        case MergeOptions():
            from vscan_tui.commands.merge import merge  # noqa: PLC0415

            return merge(options)
        case ExportOptions():
            from vscan_tui.commands.export import export  # noqa: PLC0415

            return export(options)
        case RematchOptions():
            from vscan_tui.commands.rematch import rematch  # noqa: PLC0415

            return rematch(options)
        case ResumeOptions():
            from vscan_tui.commands.resume import resume  # noqa: PLC0415

            return resume(options)
