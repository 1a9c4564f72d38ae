"""`vscan probes`: checks, tests and shows probe databases, for those who write them."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from vscan_tui.authoring.coverage import Coverage, coverage
from vscan_tui.authoring.difference import Difference, differences
from vscan_tui.authoring.evidence import Expected, Piece, read_evidence
from vscan_tui.authoring.finding import Finding, Severity
from vscan_tui.authoring.lint import evidence_findings, lint
from vscan_tui.authoring.trials import Trial, Trials
from vscan_tui.bundled import bundled
from vscan_tui.commands.present import say
from vscan_tui.commands.standard_output import print_lines
from vscan_tui.commands.status import ExitStatus
from vscan_tui.matching.draft import draft
from vscan_tui.matching.pattern import check
from vscan_tui.options.model import STANDARD_STREAM, ProbesAction, ProbesOptions
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import Probe, ProbeDatabase, Rule
from vscan_tui.probedb.sources import BUNDLED_FOLDER, DatabaseError, chosen_sources, load
from vscan_tui.probedb.writing import rule_line
from vscan_tui.session.wording import readable

_EVIDENCE_FOLDER = "evidence"
_WATCH_SECONDS = 0.5
_MAX_RESPONSE_BYTES = 16 * 1024 * 1024
_MAX_PAYLOAD_SHOWN = 60


def probes(options: ProbesOptions, stdin: BinaryIO) -> ExitStatus:
    """Do what is asked; 1 when something is wrong with a database or its evidence."""
    try:
        match options.action:
            case ProbesAction.LINT:
                return _lint(options)
            case ProbesAction.TEST:
                return _watched_test(options) if options.watch else _test(options)
            case ProbesAction.COVERAGE:
                return _coverage(options)
            case ProbesAction.SHOW:
                return _show(options)
            case ProbesAction.SEARCH:
                return _search(options)
            case ProbesAction.DIFF:
                return _diff(options)
            case ProbesAction.NEW:
                return _new(options, stdin)
    except DatabaseError as error:
        say(f"vscan: {error}")
    except OSError as error:
        say(f"vscan: {error.filename}: cannot read it: {error.strerror or error}")
    return ExitStatus.FAILED


def _databases(options: ProbesOptions) -> list[ProbeDatabase]:
    files = [Path(file) for file in options.databases] or [bundled(BUNDLED_FOLDER)]
    sources = chosen_sources(files)
    return [load(source, check_pattern=check) for source in sources]


def _evidence(options: ProbesOptions) -> tuple[list[Piece], list[Finding]]:
    """Read the evidence that is named; that of the bundled database goes with no other."""
    paths = [Path(path) for path in options.evidence]
    if not paths and not options.databases and bundled(_EVIDENCE_FOLDER).is_dir():
        paths = [bundled(_EVIDENCE_FOLDER)]
    return read_evidence(paths)


def _trials(databases: Sequence[ProbeDatabase], pieces: Sequence[Piece]) -> list[Trial]:
    return Trials(ProbeDatabases(tuple(databases))).of(pieces)


def _lint(options: ProbesOptions) -> ExitStatus:
    databases = _databases(options)
    pieces, findings = _evidence(options)
    if not pieces:
        say("vscan: no evidence; what only evidence proves is not looked at (--evidence PATH)")
    for database in databases:
        findings += lint(database)
        if pieces:
            findings += evidence_findings(database, _trials([database], pieces))
    told = [
        finding for finding in findings if options.notes or finding.severity is not Severity.NOTE
    ]
    if options.json:
        _print_json(told)
    else:
        print_lines(f"{readable(str(finding))}\n" for finding in told)
        counts = ", ".join(
            f"{sum(finding.severity is severity for finding in findings)} {severity.value}s"
            for severity in Severity
        )
        rules = sum(database.identity.rules for database in databases)
        hidden = len(findings) - len(told)
        more = "; --notes tells the notes too" if hidden else ""
        say(f"{rules} rules, {len(pieces)} pieces of evidence: {counts}{more}")
    is_clean = all(finding.severity is Severity.NOTE for finding in findings)
    return ExitStatus.DONE if is_clean else ExitStatus.FAILED


def _test(options: ProbesOptions) -> ExitStatus:
    pieces, findings = _evidence(options)
    if not pieces and not findings:
        say("vscan: there is no evidence to test with; name it with --evidence PATH")
        return ExitStatus.FAILED
    trials = _trials(_databases(options), pieces)
    findings += [
        Finding(Severity.ERROR, "evidence", trial.piece.file, trial.piece.line, trial.problem)
        for trial in trials
        if trial.problem
    ]
    if options.json:
        _print_json(findings)
    else:
        print_lines(f"{readable(str(finding))}\n" for finding in findings)
        failed = sum(bool(trial.problem) for trial in trials)
        say(f"{len(trials) - failed} of {len(trials)} pieces of evidence yield what they must")
    return ExitStatus.FAILED if findings else ExitStatus.DONE


def _watched_test(options: ProbesOptions) -> ExitStatus:
    """Test after every change of a file, until the user interrupts it."""
    seen: object = None
    while True:
        stamp = [(str(path), path.stat().st_mtime_ns) for path in _watched(options)]
        if stamp != seen:
            seen = stamp
            try:
                _test(options)
            except DatabaseError as error:
                say(f"vscan: {error}")
        time.sleep(_WATCH_SECONDS)


def _watched(options: ProbesOptions) -> Iterator[Path]:
    named = [Path(path) for path in (*options.databases, *options.evidence)]
    if not options.databases:
        named += [bundled(BUNDLED_FOLDER), bundled(_EVIDENCE_FOLDER)]
    for path in named:
        yield from sorted(path.iterdir()) if path.is_dir() else [path]


def _coverage(options: ProbesOptions) -> ExitStatus:
    databases = _databases(options)
    pieces, _ = _evidence(options)
    for database in databases:
        counted = coverage(database, _trials([database], pieces))
        if options.json:
            _print_json(counted)
        else:
            print_lines(_coverage_lines(counted))
    return ExitStatus.DONE


def _coverage_lines(counted: Coverage) -> Iterator[str]:
    titles = ("family", "services", "probes", "rules", "proved", "recorded", "specified")
    rows = [
        (
            family.name,
            len(family.services),
            family.probes,
            family.rules,
            family.rules_with_evidence,
            family.recorded,
            family.specified,
        )
        for family in counted.families
    ]
    total = (
        "all",
        len(counted.services),
        counted.probes,
        counted.rules,
        counted.rules_with_evidence,
        counted.recorded,
        counted.specified,
    )
    width = max(len(str(row[0])) for row in (titles, *rows, total))
    for row in (titles, *rows, total):
        numbers = "".join(f"{value:>11}" for value in row[1:])
        yield f"{readable(str(row[0])):<{width}}{numbers}\n"


def _show(options: ProbesOptions) -> ExitStatus:
    lines: list[str] = []
    for database in _databases(options):
        for probe in database.probes:
            if probe.name == options.text:
                lines += _probe_lines(probe)
        for rule in _rules(database):
            if rule.service == options.text:
                lines.append(_rule_text(rule))
    if not lines:
        say(f"vscan: no probe and no service is named {options.text}; vscan probes search TEXT")
        return ExitStatus.FAILED
    print_lines(lines)
    return ExitStatus.DONE


def _probe_lines(probe: Probe) -> Iterator[str]:
    payload = readable(probe.payload.decode("latin-1"))
    if len(payload) > _MAX_PAYLOAD_SHOWN:
        payload = payload[:_MAX_PAYLOAD_SHOWN] + "…"
    yield f"{probe.file}:{probe.line}: {probe.protocol} probe {probe.name}\n"
    sent = f"{len(probe.payload)} bytes: {payload}" if probe.payload else "nothing"
    yield f"  sends     {sent}\n"
    yield f"  rarity    {probe.rarity}\n"
    yield f"  waits     {probe.totalwaitms} ms\n"
    for name, spans in (("ports", probe.ports), ("sslports", probe.sslports)):
        if spans:
            shown = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)
            yield f"  {name:<9} {shown}\n"
    if probe.fallback:
        yield f"  fallback  {', '.join(probe.fallback)}\n"
    services = sorted({rule.service for rule in probe.rules})
    yield f"  rules     {len(probe.rules)}, of {len(services)} services\n"
    for rule in probe.rules:
        yield f"  {_rule_text(rule)}"


def _search(options: ProbesOptions) -> ExitStatus:
    wanted = options.text.lower()
    found = [
        _rule_text(rule)
        for database in _databases(options)
        for rule in _rules(database)
        if wanted in rule_line(rule).lower()
    ]
    print_lines(found)
    if not found:
        say(f"vscan: no rule has “{options.text}” in it")
    return ExitStatus.DONE if found else ExitStatus.FAILED


def _rules(database: ProbeDatabase) -> Iterator[Rule]:
    return (rule for probe in database.probes for rule in probe.rules)


def _rule_text(rule: Rule) -> str:
    return readable(f"{rule.file}:{rule.line}: {rule_line(rule)}") + "\n"


def _diff(options: ProbesOptions) -> ExitStatus:
    before, after = (ProbeDatabases((database,)) for database in _databases(options))
    paths = [Path(path) for path in options.evidence] or [bundled(_EVIDENCE_FOLDER)]
    pieces, findings = read_evidence(paths)
    for finding in findings:
        say(f"vscan: {finding}")
    if not pieces:
        say("vscan: there are no responses to compare on; name them with --evidence PATH")
        return ExitStatus.FAILED
    found = list(differences(before, after, pieces))
    if options.json:
        _print_json(found)
    else:
        print_lines(_difference_line(difference) for difference in found)
        say(f"{len(pieces) - len(found)} of {len(pieces)} responses: the same")
    return ExitStatus.DONE


def _difference_line(difference: Difference) -> str:
    old, new = _verdict(difference.before), _verdict(difference.after)
    return readable(f"{difference.file}:{difference.line}: {old} → {new}") + "\n"


def _verdict(said: Expected | None) -> str:
    if said is None:
        return "nothing"
    words = [said.service + ("?" if said.soft else ""), said.product, said.version]
    if said.info:
        words.append(f"({said.info})")
    return " ".join(word for word in words if word)


def _new(options: ProbesOptions, stdin: BinaryIO) -> ExitStatus:
    if options.text == STANDARD_STREAM:
        response = stdin.read(_MAX_RESPONSE_BYTES)
    else:
        with Path(options.text).open("rb") as file:
            response = file.read(_MAX_RESPONSE_BYTES)
    if not response:
        say("vscan: the response is empty; there is nothing to draft a rule from")
        return ExitStatus.FAILED
    pieces, _ = _evidence(options)
    others = [piece.evidence.response for piece in pieces]
    made = draft(response, service=options.service, others=others, soft=options.soft)
    print_lines([f"{rule_line(made.rule)}\n"])
    if made.hits:
        say(f"vscan: it fires on {made.hits} other responses too; let it say more")
    return ExitStatus.DONE


def _print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
