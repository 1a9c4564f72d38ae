"""Many cases are answered as one by one: in order, each at once, on all cores."""

import base64
import io
import json
import os

import pytest
from generated import databases

from vscan_tui.commands import match as match_command
from vscan_tui.commands import match_lines, match_workers
from vscan_tui.commands.match import run_match
from vscan_tui.commands.match_lines import Answerer, batches
from vscan_tui.commands.match_workers import answer_on_all_cores
from vscan_tui.options.model import MatchOptions

OWN = "Probe TCP NULL q||\nmatch own m|^OWN (\\d+)| v/$1/\n"


def case(number, probe="NULL"):
    response = base64.b64encode(b"OWN %d" % number).decode()
    return json.dumps({"id": number, "probe": probe, "response": response}).encode()


def versions(text):
    return [(answer["id"], answer["match"]["version"]) for answer in map(json.loads, text)]


class Trickle(io.RawIOBase):
    """A stream that has only so much at a time."""

    def __init__(self, *parts):
        self._parts = list(parts)

    def read1(self, _size):
        return self._parts.pop(0) if self._parts else b""


def test_lines_are_whole_however_they_come():
    stream = Trickle(b"on", b"e\n", b"two\nthr", b"ee\nfour\nfi", b"ve")

    assert list(batches(stream)) == [b"one\n", b"two\n", b"three\nfour\n", b"five"]


def test_an_endless_line_is_not_kept_whole(monkeypatch):
    monkeypatch.setattr(match_lines, "MAX_LINE_BYTES", 10)
    stream = Trickle(*[b"x" * 8] * 50, b"\nnext\n")

    long, *others = b"".join(batches(stream)).splitlines()
    assert (10 < len(long) < 30, others) == (True, [b"next"])


def test_answers_written_by_other_processes_come_in_order():
    written = []
    sent = [b"\n".join(case(10 * batch + number) for number in range(10)) for batch in range(40)]
    answer_on_all_cores(
        Answerer(databases(OWN), 0), sent, lambda answers, _: written.append(answers.text)
    )

    assert versions("".join(written).splitlines()) == [(n, str(n)) for n in range(400)]


def test_what_ends_writing_ends_reading():
    def gone(_answers, _batch):
        raise BrokenPipeError

    endless = iter(lambda: case(1), None)
    with pytest.raises(BrokenPipeError):
        answer_on_all_cores(Answerer(databases(OWN), 0), endless, gone)


class Deadly:
    """Ends any process that answers a certain batch but the first."""

    def __init__(self):
        self._first = os.getpid()

    def answer(self, batch):
        if batch == 1 and os.getpid() != self._first:
            os._exit(1)
        return batch


def test_a_process_that_is_ended_loses_no_answer():
    written = []
    answer_on_all_cores(Deadly(), range(40), lambda answer, _: written.append(answer))

    assert written == list(range(40))


def test_much_input_is_answered_by_several_processes_as_by_one(tmp_path, monkeypatch):
    path = tmp_path / "own-probes"
    path.write_text(OWN)
    sent = [case(number) for number in range(3000)]
    sent[2500] = case(2500, "Nobody")
    found = []
    for worth in (10**9, 100):
        monkeypatch.setattr(match_command, "WORTH_WORKERS", worth)
        monkeypatch.setattr(match_lines, "READ_BYTES", 4096)
        out, err = io.StringIO(), io.StringIO()
        options = MatchOptions(databases=(str(path),), jsonl=True)
        status = run_match(options, io.BytesIO(b"\n".join(sent)), out, err)
        found.append((status, out.getvalue(), err.getvalue()))

    assert found[0] == found[1]
    assert found[1][0] == 1
    assert found[1][2] == "vscan: line 2501: no tcp probe is named 'Nobody'\n"


@pytest.mark.parametrize("explain", [0, 2])
def test_lines_are_explained_by_several_processes_already_when_they_are_few(
    tmp_path, monkeypatch, explain
):
    path = tmp_path / "own-probes"
    path.write_text(OWN)
    shared = []

    def answer_here(answerer, batches, write):
        for batch in batches:
            shared.append(batch)
            write(answerer.answer(batch), batch)

    monkeypatch.setattr(match_workers, "answer_on_all_cores", answer_here)
    sent = [case(number) for number in range(400)]
    out = io.StringIO()
    options = MatchOptions(databases=(str(path),), jsonl=True, explain=explain)
    status = run_match(options, io.BytesIO(b"\n".join(sent)), out, io.StringIO())

    assert (status, len(out.getvalue().splitlines())) == (0, 400)
    assert bool(shared) == bool(explain)


def test_a_reader_that_leaves_is_no_fault(tmp_path):
    class Gone(io.StringIO):
        def write(self, _text):
            raise BrokenPipeError

    path = tmp_path / "own-probes"
    path.write_text(OWN)
    options = MatchOptions(databases=(str(path),), jsonl=True)

    assert run_match(options, io.BytesIO(case(1)), Gone(), io.StringIO()) == 0
