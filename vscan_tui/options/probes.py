"""`vscan probes`: for those who write probe databases."""

import argparse

from vscan_tui.options.model import STANDARD_STREAM, ProbesAction, ProbesOptions, UsageError
from vscan_tui.options.parser import Parser, add_general, new_parser

_USAGE = """\
vscan probes lint [DATABASE...]
       vscan probes test [DATABASE...] [--watch]
       vscan probes coverage [DATABASE...]
       vscan probes show NAME [DATABASE...]
       vscan probes search TEXT [DATABASE...]
       vscan probes diff DATABASE DATABASE
       vscan probes new [FILE] [--service NAME]"""


_ACTIONS = """\
actions:
  lint       what is wrong, doubtful or missing
  test       whether all evidence yields what it must
  coverage   how many services, rules and pieces of evidence, by family
  show       a probe, or all rules of a service
  search     rules in whose service, regex or fields a text is
  diff       what two databases say of the same responses
  new        a rule drafted from a response"""
_WITH_ONE_WORD = {ProbesAction.SHOW: "NAME", ProbesAction.SEARCH: "TEXT"}


def probes_parser() -> Parser:
    """Describe the words of `vscan probes`."""
    parser = new_parser(
        _USAGE,
        "Checks, tests and shows probe databases: files or folders in the format of "
        "nmap-service-probes; without one, the bundled database.\n\n" + _ACTIONS,
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("words", nargs="*", metavar="WORD", help=argparse.SUPPRESS)
    group = parser.add_argument_group("Options")
    group.add_argument(
        "--evidence",
        action="append",
        default=[],
        metavar="PATH",
        help="files or folders of evidence; default: that of the bundled database",
    )
    group.add_argument("--json", action="store_true", help="findings and counts as JSON")
    group.add_argument("--notes", action="store_true", help="lint: tell notes too")
    group.add_argument("--watch", action="store_true", help="test: again after every change")
    group.add_argument("--service", default="", metavar="NAME", help="new: the service's name")
    group.add_argument("--soft", action="store_true", help="new: a softmatch line")
    add_general(parser)
    return parser


def probes_options(words: argparse.Namespace) -> ProbesOptions:
    """Make options of the words of `vscan probes`; raises UsageError."""
    names = [action.value for action in ProbesAction]
    given: list[str] = words.words
    if not given or given[0] not in names:
        raise UsageError(f"vscan probes needs an action: {', '.join(names)}.")
    action, rest = ProbesAction(given[0]), tuple(given[1:])
    text = ""
    if action in _WITH_ONE_WORD:
        if not rest:
            raise UsageError(f"vscan probes {action.value} needs one: {_WITH_ONE_WORD[action]}.")
        text, rest = rest[0], rest[1:]
    if action is ProbesAction.NEW:
        if len(rest) > 1:
            raise UsageError("vscan probes new reads one response, from a file or standard input.")
        text, rest = rest[0] if rest else STANDARD_STREAM, ()
    if action is ProbesAction.DIFF and len(rest) != 2:
        raise UsageError("vscan probes diff compares two: vscan probes diff DATABASE DATABASE.")
    return ProbesOptions(
        action,
        text,
        databases=rest,
        evidence=tuple(words.evidence),
        json=words.json,
        notes=words.notes,
        watch=words.watch,
        service=words.service,
        soft=words.soft,
    )
