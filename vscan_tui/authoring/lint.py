"""What is wrong, doubtful or missing in a database."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from vscan_tui.authoring.attack import ATTACK_BYTES, runs_away
from vscan_tui.authoring.finding import Finding, Severity
from vscan_tui.authoring.trials import Place, Trial, place
from vscan_tui.events import Protocol
from vscan_tui.matching import syntax
from vscan_tui.matching.pattern import check
from vscan_tui.matching.syntax import Anchor, Group, Literal, Node, Reference, Repeat
from vscan_tui.probedb.model import Probe, ProbeDatabase, Rule
from vscan_tui.probedb.templates import FIELD_NAMES, pieces

_TELLING_LITERAL = 6
"""An unanchored regex with so many bytes in a row is not found by chance."""
_BEGINNINGS = {"^", "\\A", "\\G"}


def lint(database: ProbeDatabase) -> list[Finding]:
    """Look at a database by itself, without evidence; in the order of its lines."""
    findings = [
        Finding(Severity.ERROR, "syntax", fault.file, fault.line, fault.message)
        for fault in database.faults
    ]
    findings += _probe_findings(database)
    for probe in database.probes:
        for rule in probe.rules:
            findings += rule_findings(rule)
        findings += _repeated_rules(probe)
    return sorted(findings, key=lambda finding: (finding.file, finding.line, finding.kind))


def rule_findings(rule: Rule) -> Iterator[Finding]:
    """Look at one rule."""
    fault = check(rule.pattern, rule.flags)
    if fault is not None:
        yield _finding(Severity.ERROR, "syntax", rule, fault[1])
        return
    yield from _group_findings(rule)
    yield from _anchor_findings(rule)
    letters = {letter for letter, _ in rule.templates}
    if "p" in letters and "cpe" not in letters:
        yield _finding(Severity.NOTE, "cpe", rule, "it names a product and has no CPE")
    if runs_away(rule.pattern, rule.flags) is not None:
        yield _finding(
            Severity.WARNING,
            "runaway",
            rule,
            f"its regex exceeds PCRE2's limits on a response of {ATTACK_BYTES} bytes made for it; "
            "let no two repeats take the same bytes",
        )


def _group_findings(rule: Rule) -> Iterator[Finding]:
    nodes = list(syntax.parse(rule.pattern, rule.flags).walk())
    groups = {node.number for node in nodes if isinstance(node, Group) and node.number}
    used = {
        piece.group
        for letter, template in rule.templates
        for piece in pieces(template)
        if piece.group and (letter in FIELD_NAMES or letter == "cpe")
    }
    referred = {node.group for node in nodes if isinstance(node, Reference)}
    if not any(isinstance(node, syntax.Opaque) for node in nodes):
        for number in sorted(groups - used - referred):
            yield _finding(
                Severity.WARNING,
                "group",
                rule,
                f"group {number} is captured and never used; (?:…) groups without capturing",
            )
        for number in sorted(used - groups):
            yield _finding(
                Severity.ERROR, "group", rule, f"${number} is used, and there is no group {number}"
            )


def _anchor_findings(rule: Rule) -> Iterator[Finding]:
    branches = syntax.parse(rule.pattern, rule.flags).branches
    loose = [branch for branch in branches if not _is_anchored(branch)]
    if not loose:
        return
    longest = min(_longest_literal(branch) for branch in loose)
    if longest >= _TELLING_LITERAL:
        yield _finding(
            Severity.NOTE,
            "anchor",
            rule,
            "its regex may match anywhere in a response; ^ is quicker and surer",
        )
    else:
        yield _finding(
            Severity.WARNING,
            "anchor",
            rule,
            f"its regex may match anywhere, on {longest} bytes in a row: begin it with ^, "
            "or let it say more",
        )


def _is_anchored(branch: Sequence[Node]) -> bool:
    for node in branch:
        if isinstance(node, Anchor):
            if node.kind in _BEGINNINGS:
                return True
            continue
        if isinstance(node, Group):
            return bool(node.branches) and all(_is_anchored(inner) for inner in node.branches)
        return False
    return False


def _longest_literal(branch: Sequence[Node]) -> int:
    longest = run = 0
    for node in branch:
        if isinstance(node, Literal):
            run += 1
        elif isinstance(node, Anchor):
            continue
        elif isinstance(node, Group) and node.kind in {"capture", "plain", "atomic"}:
            inner = min((_longest_literal(part) for part in node.branches), default=0)
            longest, run = max(longest, inner), 0
        elif isinstance(node, Repeat) and node.least and not isinstance(node.item, Literal):
            longest, run = max(longest, _longest_literal((node.item,))), 0
        else:
            run = 0
        longest = max(longest, run)
    return longest


def _repeated_rules(probe: Probe) -> Iterator[Finding]:
    first: dict[tuple[bytes, str], Rule] = {}
    for rule in probe.rules:
        earlier = first.setdefault((rule.pattern, rule.flags), rule)
        if earlier is not rule and (rule.soft or not earlier.soft):
            yield _finding(
                Severity.ERROR,
                "unreachable",
                rule,
                f"it never fires: {_where(earlier, rule)} has the same regex and comes first",
            )


def _probe_findings(database: ProbeDatabase) -> Iterator[Finding]:
    payloads: dict[tuple[Protocol, bytes], Probe] = {}
    for probe in database.probes:
        earlier = payloads.setdefault((probe.protocol, probe.payload), probe)
        if earlier is not probe:
            yield Finding(
                Severity.WARNING,
                "probe",
                probe.file,
                probe.line,
                f"probe {probe.name} sends what {earlier.name} sends, "
                f"{earlier.file}:{earlier.line}",
            )
        if not probe.rules and not probe.is_null and not probe.fallback:
            yield Finding(
                Severity.NOTE,
                "probe",
                probe.file,
                probe.line,
                f"probe {probe.name} has no rule and no fallback",
            )


def evidence_findings(database: ProbeDatabase, trials: Sequence[Trial]) -> list[Finding]:
    """Look at a database in the light of evidence.

    A rule must fire on some of it, and fill all its fields; a rule that only
    matches where an earlier one fires is shadowed; two that match the same
    response and say different things overlap.
    """
    findings = [
        Finding(Severity.ERROR, "evidence", trial.piece.file, trial.piece.line, trial.problem)
        for trial in trials
        if trial.problem
    ]
    fired: dict[Place, list[Trial]] = defaultdict(list)
    beaten: dict[Place, list[Rule]] = defaultdict(list)
    overlaps: dict[tuple[Place, Place], tuple[Rule, Rule, Trial]] = {}
    for trial in trials:
        match = trial.match
        if match is None:
            continue
        fired[match.file, match.line].append(trial)
        winner = next(rule for rule in trial.matching if place(rule) == (match.file, match.line))
        for rule in trial.matching:
            if rule is not winner:
                beaten[place(rule)].append(winner)
                if rule.service != winner.service and not rule.soft:
                    overlaps.setdefault((place(winner), place(rule)), (winner, rule, trial))
    for probe in database.probes:
        for rule in probe.rules:
            findings += _evidence_of(rule, fired.get(place(rule), []), beaten.get(place(rule), []))
    findings += [
        _finding(
            Severity.NOTE,
            "overlap",
            later,
            f"{_where(winner, later)} ({winner.service}) fires before it on evidence "
            f"{trial.piece.file}:{trial.piece.line}, which it matches too",
        )
        for winner, later, trial in overlaps.values()
    ]
    return sorted(findings, key=lambda finding: (finding.file, finding.line, finding.kind))


def _evidence_of(rule: Rule, trials: Sequence[Trial], winners: Sequence[Rule]) -> Iterator[Finding]:
    if not trials and winners:
        first = winners[0]
        yield _finding(
            Severity.ERROR,
            "shadowed",
            rule,
            f"{_where(first, rule)} fires before it on all evidence that it matches",
        )
        return
    if not trials:
        yield _finding(Severity.ERROR, "evidence", rule, "no evidence fires it")
        return
    for letter, template in rule.templates:
        if not any(_fills(trial, letter, template) for trial in trials):
            name = FIELD_NAMES.get(letter, letter)
            yield _finding(Severity.ERROR, "evidence", rule, f"no evidence fills its field {name}")


def _fills(trial: Trial, letter: str, template: str) -> bool:
    match = trial.match
    if match is None:
        return False
    if letter != "cpe":
        return bool(getattr(match.fields, FIELD_NAMES[letter]))
    part = template.removeprefix("cpe:").removeprefix("/")[:1]
    return any(cpe.removeprefix("cpe:/").startswith(part) for cpe in match.fields.cpes)


def _where(rule: Rule, seen_from: Rule) -> str:
    return f"line {rule.line}" if rule.file == seen_from.file else f"{rule.file}:{rule.line}"


def _finding(severity: Severity, kind: str, rule: Rule, message: str) -> Finding:
    return Finding(severity, kind, rule.file, rule.line, message)
