"""How fast responses are matched and explained, beside a C program that tries every rule in order.

    python -m tests.benchmarks.matching [--database FILE] [--cases FILE] [--seed N] [SECTION...]

Sections: mix, html, mutated, start, hostile, nearest; default all.  Times of the two
programs are CPU seconds of one pass over the same responses, the best of
several, regexes compiled before; ours from lines of JSON to lines of JSON.  The command on all
cores is measured by the clock, where the C program still has one.  Needs a C compiler and
libpcre2-8 with its headers (Debian: libpcre2-dev) for mix, html and mutated, which also count the
responses for which another rule is named.
"""

import argparse
import base64
import gzip
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from vscan_tui.commands.match_lines import Answerer
from vscan_tui.matching.explain import explain, nearest_rules
from vscan_tui.matching.literals import conditions
from vscan_tui.matching.matcher import MAX_RESPONSE_BYTES, Matcher
from vscan_tui.matching.pattern import check
from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.sources import DatabaseSource, load

SHARED = Path(__file__).parents[2].parent / "shared"
SECTIONS = ("mix", "html", "mutated", "start", "hostile", "nearest")
PASSES = 20
BATCH = 64
SHORT_AND_LONG = (8, 48)
TRIALS = 400
HOSTILE = 1000
HTML_BYTES = 8192


@dataclass(frozen=True)
class Case:
    probe: CombinedProbe
    response: bytes
    line: int | None = None
    is_hard: bool = False
    kind: str = ""


class Peer:
    """The C program of this folder."""

    def __init__(self, databases, folder):
        self._folder = folder
        self._database = databases.databases[0]
        self._rules = [rule for probe in self._database.probes for rule in probe.rules]
        self._number = {id(rule): number for number, rule in enumerate(self._rules)}
        source = Path(__file__).with_name("in_order.c")
        command = ["cc", "-O2", "-o", str(folder / "in_order"), str(source), "-lpcre2-8"]
        subprocess.run(command, check=True)
        rules = [struct.pack("=I", len(self._rules))]
        for rule in self._rules:
            options = ("i" in rule.flags) + 2 * ("s" in rule.flags)
            rules.append(struct.pack("=II", options, len(rule.pattern)) + rule.pattern)
        (folder / "rules").write_bytes(b"".join(rules))

    def run(self, cases):
        """(seconds of the best pass, line of the rule that matched for each case)"""
        chains, chain_parts, case_parts = {}, [], []
        for case in cases:
            if case.probe not in chains:
                chains[case.probe] = len(chains)
                numbers = [
                    self._number[id(rule)]
                    for probe in self._database.chain(case.probe.members[0].probe)
                    for rule in probe.rules
                ]
                chain_parts.append(struct.pack(f"=I{len(numbers)}I", len(numbers), *numbers))
            head = struct.pack("=II", chains[case.probe], len(case.response))
            case_parts.append(head + case.response)
        (self._folder / "cases").write_bytes(
            struct.pack("=I", len(chains)) + b"".join(chain_parts)
            + struct.pack("=I", len(cases)) + b"".join(case_parts)
        )  # fmt: skip
        words = [str(self._folder / name) for name in ("in_order", "rules", "cases")]
        done = subprocess.run([*words, "1"], check=True, capture_output=True, text=True)
        *answers, seconds = done.stdout.splitlines()
        lines = [self._rules[int(answer)].line if answer != "-1" else None for answer in answers]
        return float(seconds.split()[1]), lines


def measured(databases, cases):
    """(CPU seconds of the best pass, line of the rule that matched for each case)

    Of one process, from lines of JSON to lines of JSON.
    """
    lines = [line_of(case) for case in cases]
    batches = [b"\n".join(lines[at : at + BATCH]) for at in range(0, len(lines), BATCH)]
    answerer = Answerer(databases, 0)
    for _ in range(2):
        answers = "".join([answerer.answer(batch).text for batch in batches])
    best = float("inf")
    for _ in range(PASSES):
        begun = time.process_time()
        for batch in batches:
            answerer.answer(batch)
        best = min(best, time.process_time() - begun)
    matches = [json.loads(answer)["match"] for answer in answers.splitlines()]
    return best, [match and match["line"] for match in matches]


def line_of(case):
    response = base64.b64encode(case.response).decode()
    words = {"probe": case.probe.name, "proto": case.probe.protocol, "response": response}
    return json.dumps(words).encode()


def compare(name, databases, cases, peer):
    theirs, their_lines = peer.run(cases)
    ours, our_lines = measured(databases, cases)
    different = sum(mine != other for mine, other in zip(our_lines, their_lines, strict=True))
    count = len(cases)
    print(
        f"{name:<28} {count:6} responses  vscan {count / ours:10,.0f}/s  "
        f"C {count / theirs:8,.0f}/s  {theirs / ours:6.1f} times  {different} answers differ"
    )
    return count / theirs


def on_all_cores(database, cases, peers_rate):
    """Wall clock of the command, its start left out: the difference of a long and a short input.

    Both are files of the same cases again and again.
    """
    once = b"".join([line_of(case) + b"\n" for case in cases])
    command = [sys.executable, "-m", "vscan_tui", "match", "--versiondb", str(database), "--jsonl"]
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for times in SHORT_AND_LONG:
            path = Path(folder) / f"{times}.jsonl"
            path.write_bytes(once * times)
            walls = []
            for _ in range(3):
                with path.open("rb") as lines:
                    begun = time.perf_counter()
                    subprocess.run(command, stdin=lines, check=True, stdout=subprocess.DEVNULL)
                    walls.append(time.perf_counter() - begun)
            took.append(min(walls))
    short, long = SHORT_AND_LONG
    rate = (long - short) * len(cases) / (took[1] - took[0])
    whole = long * len(cases) / took[1]
    print(
        f"the command on {os.cpu_count()} cores        vscan {rate:,.0f}/s by the clock, "
        f"{rate / peers_rate:.1f} times the C program on one; {whole:,.0f}/s with its start, "
        f"for {long * len(cases):,} lines"
    )


def html_cases(databases):
    """Pages of 8 KiB, of which some carry a header that a rule knows."""
    rng = random.Random(8)
    probe = databases.find("GetRequest", "tcp")
    servers = [
        "Apache/2.4.57 (Debian)",
        "nginx/1.22.1",
        "Own/1.0",
        "Microsoft-IIS/10.0",
        "lighttpd",
    ]
    words = ["<p>", "</p>", "<div class='a'>", "</div>", "server", "login", "title", "the", "of",
             "<a href='/index.html'>", "</a>", "\n", "200", "admin", "<td>", "</td>"]  # fmt: skip
    cases = []
    for number in range(100):
        head = (f"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:{number % 60:02} GMT\r\n"
                f"Server: {rng.choice(servers)}\r\nContent-Type: text/html\r\n\r\n"
                "<html><head><title>Page</title></head><body>")  # fmt: skip
        body = " ".join(rng.choice(words) for _ in range(2500))
        cases.append(Case(probe, (head + body).encode()[:HTML_BYTES]))
    return cases


def mutated_cases(cases, seed):
    """The responses damaged, joined and cut, so that rules match that were not meant to."""
    rng = random.Random(seed)
    return [Case(case.probe, mutated(rng, case.response, rng.choice(cases))) for case in cases]


def mutated(rng, response, other):
    changed = bytearray(response)
    for _ in range(rng.randint(1, 4)):
        place = rng.randint(0, len(changed))
        match rng.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                changed[place:place] = rng.randbytes(rng.randint(1, 3))
            case 2:
                del changed[place : place + rng.randint(1, 8)]
            case 3:
                changed[place:] = other.response[rng.randint(0, len(other.response)) :]
            case 4:
                changed[place : place + 8] = changed[place : place + 8].swapcase()
            case _:
                changed[place:place] = rng.choice([b"\r\n", b"\n", b"\0", b" ", b"/1."])
    return bytes(changed)


def start(database):
    """Wall clock and CPU of the whole command, the interpreter's start included.

    With compiled modules, as after an installation; they are compiled before.
    """
    response = b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\n"
    command = [sys.executable, "-m", "vscan_tui", "match", "--versiondb", str(database), "--probe",
               "GetRequest"]  # fmt: skip
    with tempfile.TemporaryDirectory() as cache:
        environment = os.environ | {
            "XDG_CACHE_HOME": f"{cache}/data",
            "LOCALAPPDATA": f"{cache}/data",
            "PYTHONPYCACHEPREFIX": f"{cache}/modules",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        other = Path(cache) / "other"
        other.write_text("Probe TCP NULL q||\nmatch a m|^a|\n")
        subprocess.run([*command[:5], str(other)], input=b"a", env=environment, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        walls, processors = [], []
        for _ in range(8):
            begun, used = time.perf_counter(), children_cpu()
            subprocess.run(command, input=response, env=environment, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
            walls.append(time.perf_counter() - begun)
            processors.append(children_cpu() - used)
    warm = sorted(walls[1:])
    print(
        f"start of one match            cold {walls[0]:.2f} s ({processors[0]:.2f} s of CPU), warm "
        f"{warm[len(warm) // 2]:.2f} s (best {warm[0]:.2f} s, {min(processors[1:]):.2f} s of CPU)"
    )


def children_cpu():
    times = os.times()
    return times.children_user + times.children_system


def hostile(databases):
    """Responses built from the rules' own literals, and from what their repeats like to take."""
    rng = random.Random(5)
    matcher = Matcher(databases)
    database = databases.databases[0]
    pool = [(probe, rule) for probe in database.probes for rule in probe.rules]
    for size in (4096, MAX_RESPONSE_BYTES):
        times = []
        for _ in range(HOSTILE):
            holder, rule = rng.choice(pool)
            response = hostile_response(rng, conditions(rule.pattern, rule.flags)[0], size)
            probe = databases.find(holder.name, holder.protocol)
            matcher.match(probe, response[:64])
            begun = time.perf_counter()
            matcher.match(probe, response)
            times.append(time.perf_counter() - begun)
        times.sort()
        worst, hundredth, median = times[-1], times[len(times) * 99 // 100], times[len(times) // 2]
        print(
            f"hostile, {size:6} bytes         worst {worst * 1000:.0f} ms, "
            f"99 % within {hundredth * 1000:.0f} ms, median {median * 1000:.2f} ms"
        )


def hostile_response(rng, condition, size):
    runs = list(condition.runs) or [b"q"]
    begin = condition.prefix.replace(b"http/1.", b"HTTP/1.1 200 OK\r\n")
    filler = rng.choice(
        [b"a", b" ", b"\r\n", b"\0", b"1.", b"a b ", b"<p>", b"\xff\xfb\x01", b"0", runs[0]]
    )
    if rng.random() < 0.5:
        shown = rng.randint(0, len(runs))
        body = filler.join(runs[:shown]) + filler * (size // len(filler))
    else:
        share = size // len(runs)
        body = b"".join((run + filler) * (share // len(run + filler) + 1) for run in runs)
    return (begin + body)[: size - 1] + b"\x01"


def nearest(databases, cases, seed):
    """Responses with one to three bytes changed so that nothing matches: is the rule found?"""
    rng = random.Random(seed)
    matcher = Matcher(databases)
    hard = [case for case in cases if case.is_hard and case.response]
    rng.shuffle(hard)
    services = {
        rule.line: rule.service for probe in databases.databases[0].probes for rule in probe.rules
    }
    first = five = service = pointed = count = 0
    times = []
    for case in hard:
        found = unmatched(rng, matcher, case)
        if found is None:
            continue
        response, changed = found
        nearest_rules(databases, case.probe, b"", 1)  # what is made once for each probe
        begun = time.perf_counter()
        near = nearest_rules(databases, case.probe, response, 5)
        times.append(time.perf_counter() - begun)
        lines = [miss.rule.line for miss in near]
        count += 1
        first += lines[:1] == [case.line]
        five += case.line in lines
        service += bool(near) and near[0].rule.service == services[case.line]
        pointed += bool(near) and not changed.isdisjoint(stop.offset for stop in near[0].stops)
        if count == TRIALS:
            break
    times.sort()
    shares = [f"{100 * hits / count:.1f} %" for hits in (first, five, service, pointed)]
    print(
        f"near misses, {count} trials       right rule first {shares[0]}, among five {shares[1]}, "
        f"right service first {shares[2]}, changed byte pointed at {shares[3]}; "
        f"median {times[count // 2] * 1000:.0f} ms, worst {times[-1] * 1000:.0f} ms"
    )
    response = (b"HTTP/1.1 200 OK\r\nServer: ngixx/1.2.3\r\nContent-Type: text/html\r\n\r\n"
                + b"<html>some words <p>" * 200)[:2048]  # fmt: skip
    probe = databases.find("GetRequest", "tcp")
    explain(databases, probe, response[:10])
    begun = time.perf_counter()
    rules = len(explain(databases, probe, response).fates)
    print(
        f"explain                       {rules} rules, 2 KiB: {time.perf_counter() - begun:.2f} s"
    )


def unmatched(rng, matcher, case):
    """(the response with one to three bytes changed so that nothing matches, which)"""
    for _ in range(30):
        response = bytearray(case.response)
        places = rng.sample(range(len(response)), min(len(response), rng.randint(1, 3)))
        for place in places:
            response[place] = rng.choice([byte for byte in range(256) if byte != response[place]])
        if matcher.match(case.probe, bytes(response)).match is None:
            return bytes(response), set(places)
    return None


def conformance(databases, path):
    cases = []
    with gzip.open(path) as lines:
        for line in lines:
            found = json.loads(line)
            probe = databases.find(found["probe"], found["proto"])
            expected = found["expect"]
            cases.append(Case(probe, base64.b64decode(found["response"]),
                              expected and expected["line"],
                              bool(expected) and not expected["soft"], found["kind"]))  # fmt: skip
    return cases


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--database", type=Path, default=SHARED / "nmap-data" / "nmap-service-probes"
    )
    parser.add_argument(
        "--cases", type=Path, default=SHARED / "conformance" / "match-cases.jsonl.gz"
    )
    parser.add_argument("--seed", type=int, default=9, help="of mutated and nearest")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    words = parser.parse_args()
    chosen = words.sections or SECTIONS
    source = DatabaseSource(words.database.name, words.database)
    databases = ProbeDatabases((load(source, check_pattern=check),))
    cases = conformance(databases, words.cases)
    if {"mix", "html", "mutated"} & set(chosen):
        with tempfile.TemporaryDirectory() as folder:
            peer = Peer(databases, Path(folder))
            if "mix" in chosen:
                rate = compare("conformance mix", databases, cases, peer)
                on_all_cores(words.database, cases, rate)
            if "html" in chosen:
                compare("HTML of 8 KiB", databases, html_cases(databases), peer)
            if "mutated" in chosen:
                damaged = mutated_cases(cases, words.seed)
                compare(f"mutated, seed {words.seed}", databases, damaged, peer)
    if "start" in chosen:
        start(words.database)
    if "hostile" in chosen:
        hostile(databases)
    if "nearest" in chosen:
        nearest(databases, [case for case in cases if case.kind in {"match", "sf"}], words.seed)


if __name__ == "__main__":
    main()
