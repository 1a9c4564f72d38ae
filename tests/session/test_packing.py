"""Packed journals: nothing is lost when the program that writes them is killed."""

import gzip
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vscan_tui.events import Warned
from vscan_tui.session.journal import encode, header_line, journal_path, read_events
from vscan_tui.session.packing import Packer, is_cut_off, is_packed, mend, unpacked
from vscan_tui.session.recorder import Recorder

EVENTS = [Warned(time=float(number), message=f"event {number} " * 20) for number in range(200)]


def packed(*writes: bytes, ended: bool = True) -> bytes:
    packer = Packer()
    data = b"".join(packer.pack(write) for write in writes)
    return data + (packer.end() if ended else b"")


def read_back(data: bytes) -> bytes:
    return b"".join(unpacked(BytesIO(data)))


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=5), st.booleans())
def test_what_was_written_is_read_back_ended_or_not(writes, ended):
    data = packed(*writes, ended=ended)

    assert is_packed(data)
    assert read_back(data) == b"".join(writes)


def test_other_programs_read_it():
    assert gzip.decompress(packed(b"one\n", b"two\n")) == b"one\ntwo\n"


def test_members_one_after_another_are_one_file():
    assert read_back(packed(b"one\n") + packed(b"two\n") + gzip.compress(b"three\n")) == (
        b"one\ntwo\nthree\n"
    )


@settings(max_examples=200)
@given(st.data())
def test_a_file_that_is_cut_off_anywhere_is_read_up_to_there(data):
    writes = [b"line %d\n" % number * 3 for number in range(20)]
    whole = packed(*writes)
    at = data.draw(st.integers(0, len(whole)))

    read = read_back(whole[:at])

    assert b"".join(writes).startswith(read.removesuffix(b"\n")) or read == b""


@settings(max_examples=200)
@given(st.data())
def test_damage_in_the_middle_costs_nothing_of_what_comes_before(data):
    first, second = packed(b"first\n" * 50), packed(b"second\n" * 50)
    at = data.draw(st.integers(0, len(first)))

    read = read_back(first[:at] + data.draw(st.binary(max_size=20)) + second)

    assert read.startswith(read_back(first[:at]))


def test_after_a_member_that_is_damaged_the_next_is_read():
    first, second = packed(b"first\n", b"gone\n"), packed(b"second\n")

    read = read_back(first[:-9] + second)

    assert read.startswith(b"first\n")
    assert b"second\n" in read


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_failing(data):
    read_back(b"\x1f\x8b" + data)
    read_back(packed(b"x" * 50) + data)


def test_a_small_file_that_holds_a_gigabyte_is_read_in_small_parts():
    bomb = gzip.compress(bytes(50_000_000))

    assert max(map(len, unpacked(BytesIO(bomb)))) <= 1 << 20


def test_a_file_that_was_cut_off_is_mended_so_that_more_can_follow(tmp_path):
    path = tmp_path / "journal.gz"
    path.write_bytes(packed(b"one\n", b"two\nthr", ended=False))
    assert is_cut_off(path)

    mend(path)

    assert not is_cut_off(path)
    assert gzip.decompress(path.read_bytes()) == b"one\ntwo\nthr\n"
    assert list(tmp_path.iterdir()) == [path]


async def record(path, events, *, continues=False):
    recorder = Recorder(path, continues=continues)
    async with recorder.running(lambda warning: pytest.fail(str(warning))):
        for event in events:
            recorder.note(event)


async def test_a_journal_whose_name_ends_so_is_packed_and_read_again(tmp_path):
    path = journal_path(tmp_path, "x", 0.0, packed=True)

    await record(path, EVENTS)

    assert path.name.endswith(".vscan.jsonl.gz")
    assert gzip.decompress(path.read_bytes()) == header_line() + b"".join(map(encode, EVENTS))
    assert path.stat().st_size * 5 < sum(map(len, map(encode, EVENTS)))
    assert list(read_events(path)) == EVENTS


@pytest.mark.parametrize("lost", [0, 1, 9, 40])
async def test_a_packed_journal_is_continued_even_after_a_kill(tmp_path, lost):
    path = tmp_path / "journal.vscan.jsonl.gz"
    data = packed(header_line(), *map(encode, EVENTS[:100]), ended=False)
    path.write_bytes(data[: len(data) - lost])

    await record(path, EVENTS[100:], continues=True)

    faults = []
    read = list(read_events(path, faults))
    assert read[-100:] == EVENTS[100:]
    assert read[:95] == EVENTS[:95]
    assert lost > 0 or len(read) == 200
