"""What the parsers of all commands share."""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar

from vscan_tui import __version__
from vscan_tui.options.model import (
    STANDARD_STREAM,
    OutputOptions,
    ReportFile,
    UsageError,
)
from vscan_tui.options.nmap_words import REPORT_OPTIONS, plain_words

_T = TypeVar("_T")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and leaves it to the caller to end the program."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError; argparse calls this."""
        matched = re.fullmatch(r"argument ([^:]+): (.*)", message, re.DOTALL)
        if matched is None:
            raise UsageError(message[:1].upper() + message[1:] + ".")
        name, problem = matched[1].split("/")[0], matched[2]
        if problem.startswith("expected"):
            raise UsageError(f"{name} needs a value; vscan --help tells which.")
        if problem.startswith("ignored explicit argument"):
            raise UsageError(f"{name} takes no value.")
        raise UsageError(f"{name}: {problem}")


def parse(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    """Read words as Nmap does; raises UsageError for those that are unknown."""
    known = list(parser._option_string_actions)  # noqa: SLF001  # argparse has no other list
    words = plain_words(arguments, known)
    namespace, unknown = parser.parse_known_intermixed_args(words)
    if unknown:
        import difflib  # noqa: PLC0415 - most words are known

        name = unknown[0].partition("=")[0]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
        hint = f"did you mean {near[0]}?" if near else "vscan --help lists all options."
        raise UsageError(f'Unknown option "{name}": {hint}')
    return namespace


def value(read: Callable[[str], _T]) -> Callable[[str], _T]:
    """Let argparse show the message of a ValueError as it is."""

    def convert(text: str) -> _T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Make a reader of whole numbers within bounds, both included, for `add_argument`."""

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or not low <= int(text) <= high:
            raise ValueError(f'"{text}" is no whole number from {low} to {high}.')
        return int(text)

    return value(read)


class _AddReport(argparse.Action):
    """Collects `-oX FILE` and its like."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,
    ) -> None:
        path, option = str(values), str(option_string)
        formats = REPORT_OPTIONS[option]
        if not path or (path.startswith("-") and path != STANDARD_STREAM):
            parser.error(f"argument {option}: expected a file name")
        if len(formats) > 1 and path == STANDARD_STREAM:
            raise UsageError("-oA needs a file name to add suffixes to; it cannot be -.")
        files = [
            ReportFile(kind, f"{path}.{kind.value}" if len(formats) > 1 else path)
            for kind in formats
        ]
        namespace.reports = (*(namespace.reports or ()), *files)


def new_parser(usage: str, description: str) -> Parser:
    """Begin a parser without options."""
    parser = Parser(
        prog="vscan", usage=usage, description=description, add_help=False, allow_abbrev=False
    )
    parser.set_defaults(reports=())
    return parser


def add_general(parser: Parser) -> None:
    """Add help and version."""
    group = parser.add_argument_group("Miscellaneous")
    group.add_argument("-h", "--help", action="help", help="show this and exit")
    group.add_argument(
        "-V", "--version", action="version", version=f"vscan {__version__}", help="show the version"
    )


def add_output(parser: Parser) -> argparse._ArgumentGroup:
    """Add what `output_options` reads: reports, and how much they tell; returns their group."""
    group = parser.add_argument_group("Output (- as FILE is standard output)")
    for option, text in (
        ("-oN", "normal report, as Nmap prints it"),
        ("-oX", "XML report, as Nmap writes it"),
        ("-oG", "grepable report, one line for each host"),
        ("-oJ", "JSON lines, one for each port"),
        ("-oC", "CSV, a row for each port"),
        ("-oD", "a document in Markdown"),
        ("-oH", "a page in HTML: one file, no scripts"),
    ):
        group.add_argument(option, action=_AddReport, metavar="FILE", help=text)
    group.add_argument(
        "-oA",
        action=_AddReport,
        metavar="NAME",
        help="the first four: NAME.nmap, .xml, .gnmap, .jsonl",
    )
    group.add_argument(
        "-v", action="count", default=0, dest="verbosity", help="tell more; -vv even more"
    )
    group.add_argument(
        "-d", action="count", default=0, dest="debugging", help="tell all; -dd even more"
    )
    group.add_argument(
        "--reason", action="store_true", help="show why a port is in the state it is in"
    )
    group.add_argument(
        "--open", action="store_true", dest="only_open", help="show only ports that may be open"
    )
    group.add_argument(
        "--headless", action="store_true", help="no screen: progress and a report in the terminal"
    )
    return group


def add_databases(group: argparse._ArgumentGroup) -> None:
    """Add the choice of probe databases."""
    group.add_argument(
        "--versiondb",
        action="append",
        default=[],
        metavar="FILE",
        help="use this probe database; may be given several times",
    )
    group.add_argument(
        "--strict", action="store_true", help="a fault in a probe database ends the program"
    )


def add_engine(group: argparse._ArgumentGroup) -> None:
    """Add the choice of who does the work; see `chosen_scheduler`."""
    group.add_argument(
        "--engine",
        choices=("local", "dask"),
        default="local",
        help="done on this machine, or by the workers of a dask scheduler",
    )
    group.add_argument(
        "--scheduler", metavar="ADDRESS", help="of the dask scheduler, such as 192.0.2.1:8786"
    )


def chosen_scheduler(words: argparse.Namespace) -> str | None:
    """The dask scheduler's address; None for this machine; raises UsageError."""
    scheduler: str | None = words.scheduler
    if words.engine == "dask" and not scheduler:
        raise UsageError("--engine dask needs the scheduler's address: --scheduler HOST:PORT.")
    if words.engine != "dask" and scheduler is not None:
        raise UsageError("--scheduler is for --engine dask.")
    return scheduler


def output_options(words: argparse.Namespace) -> OutputOptions:
    """Make options of the words of `add_output`; raises UsageError."""
    reports: tuple[ReportFile, ...] = words.reports
    paths = [file.path for file in reports]
    repeated = next((path for path in paths if paths.count(path) > 1), None)
    if repeated == STANDARD_STREAM:
        raise UsageError(
            "Only one report can be written to standard output; name a file (-oX FILE)."
        )
    if repeated is not None:
        raise UsageError(f'Two reports cannot both be written to "{repeated}".')
    return OutputOptions(
        reports=reports,
        headless=words.headless,
        verbosity=words.verbosity,
        debugging=words.debugging,
        show_reasons=words.reason,
        only_open=words.only_open,
    )


def only_one(given: dict[str, bool]) -> None:
    """Raise UsageError if more than one of these options is given."""
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise UsageError(f"{names[0]} and {names[1]} contradict each other; leave one out.")
