"""A scan on disk can be read again, whatever happened to the file."""

import asyncio
import stat
import sys

import pytest

from vscan_tui.events import (
    BytesReceived,
    Endpoint,
    ExchangeStarted,
    InterrogationStarted,
    PortFound,
    PortState,
    ScanEnding,
    ScanFinished,
    Warned,
)
from vscan_tui.session.journal import (
    JournalError,
    encode,
    journal_path,
    read_events,
)
from vscan_tui.session.recorder import RecordedSource, Recorder
from vscan_tui.session.replay import Replay
from vscan_tui.session.store import Store

ENDPOINT = Endpoint("127.0.0.1", "tcp", 80)
EVENTS = [
    PortFound(time=1.0, endpoint=ENDPOINT, state=PortState.OPEN, reason="syn-ack"),
    InterrogationStarted(time=1.5, endpoint=ENDPOINT),
    ExchangeStarted(
        time=2.0,
        endpoint=ENDPOINT,
        exchange=1,
        connection=1,
        probe="NULL",
        payload=b"",
        reason="first",
    ),
    BytesReceived(time=2.5, endpoint=ENDPOINT, exchange=1, data=bytes(range(256))),
    ScanFinished(time=3.0, ending=ScanEnding.DONE),
]


async def record(path, events=EVENTS):
    emitted = []
    recorder = Recorder(path)
    async with recorder.running(emitted.append):
        await RecordedSource(Replay(events), recorder).run(emitted.append)
    return recorder, emitted


async def test_what_is_recorded_is_read_again(tmp_path):
    path = tmp_path / "a.jsonl"
    _, emitted = await record(path)
    assert emitted == EVENTS
    assert list(read_events(path)) == EVENTS


async def test_the_folder_is_made_when_it_is_missing(tmp_path):
    path = tmp_path / "new" / "folder" / "a.jsonl"
    await record(path)
    assert len(list(read_events(path))) == len(EVENTS)


@pytest.mark.skipif(sys.platform == "win32", reason="no such permissions")
async def test_only_the_user_may_read_a_journal(tmp_path):
    path = tmp_path / "a.jsonl"
    await record(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_an_existing_file_is_never_overwritten(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("precious")
    recorder, _ = await record(path)
    assert path.read_text() == "precious"
    assert recorder.error


async def test_a_journal_that_cannot_be_written_is_said_once_and_the_scan_goes_on(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    _, emitted = await record(blocker / "a.jsonl")
    assert [event for event in emitted if not isinstance(event, Warned)] == EVENTS
    warnings = [event for event in emitted if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert str(blocker) in warnings[0].message


async def test_a_cancelled_scan_is_on_disk_up_to_its_end(tmp_path):
    class Endless:
        is_recording = False

        async def run(self, emit):
            emit(EVENTS[0])
            try:
                await asyncio.Event().wait()
            finally:
                emit(EVENTS[-1])

        def pause(self): ...

        def resume(self): ...

    path = tmp_path / "a.jsonl"
    recorder = Recorder(path)

    async def scan():
        async with recorder.running(lambda event: None):
            await RecordedSource(Endless(), recorder).run(lambda event: None)

    task = asyncio.create_task(scan())
    while not path.exists():
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(read_events(path)) == [EVENTS[0], EVENTS[-1]]


async def test_a_line_that_was_cut_off_is_left_out_and_named(tmp_path):
    path = tmp_path / "a.jsonl"
    await record(path)
    path.write_bytes(path.read_bytes()[:-20])
    faults = []
    assert list(read_events(path, faults)) == EVENTS[:-1]
    assert [fault.line for fault in faults] == [6]


@pytest.mark.parametrize(
    "line", [b"{}", b"\xff\xfe", b"[" * 100_000, b'{"event":"nonsense"}', b"1"]
)
async def test_a_damaged_line_does_not_hide_the_others(tmp_path, line):
    path = tmp_path / "a.jsonl"
    await record(path)
    lines = path.read_bytes().split(b"\n")
    lines.insert(2, line)
    path.write_bytes(b"\n".join(lines))
    faults = []
    assert list(read_events(path, faults)) == EVENTS
    assert [fault.line for fault in faults] == [3]


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"{}\n" * 3, b'{"journal":"vscan","version":99}\n', b"\0" * 100]
)
def test_another_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(JournalError, match="other"):
        list(read_events(path))


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(JournalError, match="nowhere"):
        list(read_events(tmp_path / "nowhere"))


def test_file_names_hold_nothing_that_a_target_could_smuggle_in(tmp_path):
    path = journal_path(tmp_path, "../../etc/passwd\x1b[31m;rm -rf", 0)
    assert path.parent == tmp_path
    assert path.name.isprintable()
    assert "/" not in path.name


def test_two_scans_at_once_get_two_files(tmp_path):
    first = journal_path(tmp_path, "a", 0)
    first.write_text("")
    assert journal_path(tmp_path, "a", 0) != first


def test_a_response_that_continues_begins_with_what_came_before():
    store = Store()
    for event in EVENTS[:-1]:
        store.apply(event)
    store.apply(
        ExchangeStarted(
            time=3.0,
            endpoint=ENDPOINT,
            exchange=2,
            connection=1,
            probe="Lines",
            payload=b"\r\n",
            reason="next",
            continues=1,
        )
    )
    store.apply(BytesReceived(time=3.5, endpoint=ENDPOINT, exchange=2, data=b"more"))
    exchange = store.ports[ENDPOINT].exchange(2)
    assert bytes(exchange.response) == bytes(range(256)) + b"more"
    assert exchange.carried == 256


def test_events_of_unknown_ports_and_exchanges_are_ignored():
    store = Store()
    for event in (EVENTS[3], EVENTS[0], EVENTS[3]):
        store.apply(event)
    assert store.ports[ENDPOINT].exchanges == []


def test_an_event_is_one_line():
    assert encode(Warned(time=0.0, message="two\nlines")).count(b"\n") == 1
