"""The journal is written for as long as the program runs, and a finished one can go on."""

import asyncio
import os
import sys

import pytest

from tests.session.test_journal import ENDPOINT, EVENTS, record
from vscan_tui.events import Mark, PortMarked, PortNoted, ScanEnding, ScanFinished, Warned
from vscan_tui.session.journal import read_events
from vscan_tui.session.recorder import RecordedSource, Recorder
from vscan_tui.session.replay import Replay
from vscan_tui.session.store import Store

MARKED = PortMarked(time=4.0, endpoint=ENDPOINT, mark=Mark.TO_DO)
NOTED = PortNoted(time=5.0, endpoint=ENDPOINT, note="ask the owner: Müller\n")


def nothing(event):
    raise AssertionError(f"nothing was to be told, but {event}")


def folded(events):
    store = Store()
    for event in events:
        store.apply(event)
    return store


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_what_the_user_does_after_the_scan_follows_it_in_the_journal(tmp_path):
    path = tmp_path / "a.jsonl"
    recorder = Recorder(path)
    async with recorder.running(nothing):
        await RecordedSource(Replay(EVENTS), recorder).run(lambda event: None)
        recorder.note(MARKED)
    assert list(read_events(path)) == [*EVENTS, MARKED]


async def test_events_reach_the_disk_while_the_program_runs(tmp_path):
    path = tmp_path / "a.jsonl"
    recorder = Recorder(path)
    async with recorder.running(nothing):
        await until(lambda: path.exists() and path.stat().st_size)
        recorder.note(MARKED)
        await until(lambda: list(read_events(path)) == [MARKED])


async def test_a_finished_journal_goes_on(tmp_path):
    path = tmp_path / "a.jsonl"
    await record(path)
    recorder = Recorder(path, continues=True)
    async with recorder.running(nothing):
        recorder.note(MARKED)
        recorder.note(NOTED)
    port = folded(read_events(path)).ports[ENDPOINT]
    assert (port.mark, port.note) == (Mark.TO_DO, "ask the owner: Müller\n")


async def test_a_journal_that_is_only_looked_at_stays_as_it_is(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"whatever")
    recorder = Recorder(path, continues=True)
    async with recorder.running(nothing):
        pass
    assert path.read_bytes() == b"whatever"
    assert recorder.written == 0


async def test_a_line_that_was_cut_off_does_not_swallow_what_follows(tmp_path):
    path = tmp_path / "a.jsonl"
    await record(path)
    path.write_bytes(path.read_bytes()[:-20])
    recorder = Recorder(path, continues=True)
    async with recorder.running(nothing):
        recorder.note(MARKED)
    assert list(read_events(path, faults := [])) == [*EVENTS[:-1], MARKED]
    assert len(faults) == 1


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="no such permissions, or above them"
)
async def test_a_journal_that_may_not_be_written_is_said_once(tmp_path):
    path = tmp_path / "a.jsonl"
    await record(path)
    path.chmod(0o400)
    await _said_once(path)


async def test_a_journal_that_has_gone_is_said_once(tmp_path):
    await _said_once(tmp_path / "a.jsonl")
    assert not (tmp_path / "a.jsonl").exists()


async def _said_once(path):
    told = []
    recorder = Recorder(path, continues=True)
    async with recorder.running(told.append):
        recorder.note(MARKED)
        await until(lambda: told)
        recorder.note(NOTED)
    assert [type(event) for event in told] == [Warned]
    assert str(path) in told[0].message


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
async def test_a_journal_that_is_deleted_under_the_program_is_said_once(tmp_path):
    path = tmp_path / "a.jsonl"
    told = []
    recorder = Recorder(path)
    async with recorder.running(told.append):
        recorder.note(EVENTS[0])
        await until(lambda: recorder.written)
        path.unlink()
        for event in EVENTS[1:]:
            recorder.note(event)
            await asyncio.sleep(0)
        await until(lambda: told)
        recorder.note(MARKED)
    assert ["deleted" in event.message for event in told] == [True]


async def test_a_program_that_fails_leaves_all_on_disk(tmp_path):
    path = tmp_path / "a.jsonl"
    recorder = Recorder(path)

    async def fail():
        async with recorder.running(nothing):
            recorder.note(MARKED)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert list(read_events(path)) == [MARKED]


def test_marks_and_notes_take_no_time_of_the_scan():
    store = folded([*EVENTS, MARKED, NOTED])
    assert store.seconds == EVENTS[-1].time - EVENTS[0].time
    assert store.hosts[ENDPOINT.address].last == EVENTS[-2].time


def test_a_mark_on_an_unknown_port_is_ignored():
    assert folded([MARKED, NOTED]).ports == {}


def test_the_last_mark_and_note_count():
    port = folded(
        [
            EVENTS[0], MARKED, NOTED,
            PortMarked(time=6.0, endpoint=ENDPOINT, mark=Mark.DONE),
            PortNoted(time=7.0, endpoint=ENDPOINT, note=""),
            ScanFinished(time=8.0, ending=ScanEnding.DONE),
        ]
    ).ports[ENDPOINT]  # fmt: skip
    assert (port.mark, port.note) == (Mark.DONE, "")
