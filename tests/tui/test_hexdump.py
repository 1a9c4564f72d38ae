"""Bytes as lines: hexdump, text, C escapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.scripted_scan import HOSTILE, SSH_BANNER, SSH_RULE
from vscan_tui.matching.search import find, parse_query
from vscan_tui.session.conversation import Read
from vscan_tui.tui.rendering.hexdump import (
    View,
    byte_groups,
    escaped,
    frame,
    hex_columns,
    lines_of,
    part,
    written,
)
from vscan_tui.tui.rendering.layers import Layers
from vscan_tui.tui.rendering.line import Layer, Line

spans = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(0, 80), st.integers(0, 80))), max_size=12
)


def reads_at(*offsets, every=0.0034):
    """Reads that begin at some bytes, each a while after the one before."""
    reads = [
        Read(number, offset, 1, number * every, number * every)
        for number, offset in enumerate(offsets, start=1)
    ]
    return lambda start, end: [read for read in reads if start <= read.offset < end]


def part_of(view, data, width=80, *, has_brackets=False, span=None, reads=None):
    shape = frame(view, len(data), width, has_brackets=has_brackets)
    made = part(data, span or (0, len(data)), shape, reads or (lambda start, end: ()))
    made.advance(lambda: False)
    return made


def text_of(view, data, width=80, **given):
    return [line.text.rstrip() for line in lines_of(part_of(view, data, width, **given))]


def line_of(data, layers, number=0, **given):
    return Line(tuple(part_of(View.HEX, data, **given).runs(number, layers)))


def test_a_hexdump_has_offset_bytes_and_characters():
    assert text_of(View.HEX, bytes(range(0x40, 0x52))) == [
        "0000  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO",
        "0010  50 51" + " " * 45 + "PQ",
    ]


@pytest.mark.parametrize(
    ("width", "columns"),
    [(20, 8), (40, 8), (71, 8), (72, 16), (137, 16), (138, 32), (500, 32)],
)
def test_a_line_has_as_many_bytes_as_there_is_room_for(width, columns):
    assert hex_columns(width) == columns


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("width", [40, 72, 73, 138, 200])
def test_no_line_is_wider_than_its_pane(width, view):
    data = SSH_BANNER * 90
    reads = reads_at(0, 1, 2, 3, 100, 200)
    assert all(len(line) <= width for line in text_of(view, data, width, reads=reads))


def test_each_captured_byte_belongs_to_its_group_in_both_columns():
    line = line_of(SSH_BANNER, Layers(SSH_RULE.spans))
    assert [run.text for run in line.runs if run.group == 1] == ["¹32 2e 30", "2.0"]


def test_a_group_goes_on_in_the_next_line_without_another_number():
    layers = Layers(SSH_RULE.spans)
    assert [run.text for run in line_of(SSH_BANNER, layers, 1).runs if run.group == 4] == [
        "⁴32 2b 64",
        "2+d",
    ]
    assert [run.text for run in line_of(SSH_BANNER, layers, 2).runs if run.group == 4] == [
        "65 62 31 32 75 33",
        "eb12u3",
    ]


@given(st.integers(0, 90), spans)
def test_layers_know_the_same_groups_as_the_whole(start, found):
    layers = Layers((None, *found))
    whole = byte_groups(120, (None, *found))
    assert layers.owners(start, start + 30) == whole[start : start + 30]


def test_the_innermost_of_nested_groups_is_shown():
    assert byte_groups(6, [(0, 6), (0, 6), (2, 4)]) == bytes([1, 1, 2, 2, 1, 1])


def test_a_group_that_took_no_part_marks_nothing():
    assert byte_groups(3, [(0, 3), None]) == bytes(3)


def test_text_breaks_at_newlines_and_hides_them():
    assert text_of(View.TEXT, b"a\r\nb\n\nc") == ["0000  a", "0003  b", "0005", "0006  c"]


def test_a_return_without_a_newline_takes_room():
    assert text_of(View.TEXT, b"a\r\rb\r\n") == ["0000  a..b"]


def test_escapes_are_those_of_c():
    assert escaped(b'a"\\\r\n\t\x00\x7f\xff') == r"a\"\\\r\n\t\0\x7f\xff"


def test_a_zero_byte_before_a_digit_is_not_read_as_an_octal_number():
    assert escaped(b"\x001") == r"\x001"


@pytest.mark.parametrize("view", list(View))
def test_hostile_bytes_come_out_as_printable_ascii(view):
    assert all(line.isascii() and line.isprintable() for line in text_of(view, HOSTILE))


def test_hostile_bytes_are_dots_in_text():
    assert text_of(View.TEXT, b"\x1b[2J\x9b\xe2\x80\xae") == ["0000  .[2J...."]


@given(
    st.binary(max_size=80),
    st.sampled_from(View),
    st.integers(1, 90),
    st.sets(st.integers(0, 80)),
    st.booleans(),
)
def test_every_byte_stands_on_exactly_one_line(data, view, width, borders, brackets):
    shown = part_of(view, data, width, has_brackets=brackets, reads=reads_at(*sorted(borders)))
    ranges = [shown.span(number) for number in range(shown.line_count)]
    assert b"".join(data[start:end] for start, end in ranges) == data
    for number, (start, end) in enumerate(ranges):
        assert all(shown.line_of(offset) == number for offset in range(start, end))
        text = "".join(run.text for run in shown.runs(number, Layers(cursor=start)))
        assert text.isprintable()


@given(st.binary(min_size=1, max_size=200), st.sampled_from(View), st.integers(40, 150))
def test_the_mouse_finds_the_byte_that_is_drawn_under_it(data, view, width):
    shown = part_of(view, data, width, reads=reads_at(3, 4, 50))
    for number in range(shown.line_count):
        for offset in range(*shown.span(number)):
            cell = 0
            for run in shown.runs(number, Layers(cursor=offset)):
                is_drawn = run.layer is Layer.CURSOR and run.text != "·"
                for extra in range(len(run.text) if is_drawn else 0):
                    assert shown.offset_at(number, cell + extra) == offset
                cell += len(run.text)


def test_bytes_are_copied_the_way_they_are_shown():
    data = b"GET\r\n\x00"
    assert written(View.HEX, data[:3]) == "47 45 54"
    assert written(View.TEXT, data) == "GET ."
    assert written(View.ESCAPES, data) == r"GET\r\n\0"


def test_offsets_beyond_64_kib_have_their_digits():
    lines = text_of(View.HEX, bytes(0x10001))
    assert lines[0].startswith("00000  ")
    assert lines[-1].startswith("10000  ")
    assert len({len(line) for line in lines[:-1]}) == 1


def test_a_part_shows_its_range_with_the_offsets_of_the_whole():
    data = b"220 ready\r\n250 ok\r\n"
    assert text_of(View.HEX, data, 40, span=(11, 19)) == ["000b  32 35 30 20 6f 6b 0d 0a  250 ok.."]


def test_the_border_of_two_reads_stands_between_their_bytes_and_their_times_at_the_edge():
    lines = text_of(View.HEX, b"0123456789abcdef" * 2, 72 + 20, reads=reads_at(0, 5, 16))
    assert "34╎35" in lines[0]
    assert lines[0].endswith(" reads 1-2 +3.4 ms")
    assert "0010 ╎30" in lines[1]
    assert lines[1].endswith(" read 3 +10.2 ms")


def test_the_time_of_a_read_is_shorter_where_there_is_less_room():
    data = b"0123456789abcdef"
    for width, text in [(79, " +3.4ms"), (80, " +3.4 ms"), (82, " 1 +3.4 ms"), (78, "abcdef")]:
        assert text_of(View.HEX, data, width, reads=reads_at(0))[0].endswith(text)


@pytest.mark.parametrize("view", [View.TEXT, View.ESCAPES])
def test_the_border_of_two_reads_stands_in_the_text(view):
    assert text_of(view, b"HTTP/1.1 200 OK", 60, reads=reads_at(0, 5))[0].startswith(
        "0000  HTTP/╎1.1 200 OK"
    )


def layers_in(runs):
    return [(run.layer, run.text) for run in runs if run.layer is not Layer.NONE]


def test_every_layer_is_told_apart():
    hits = find(parse_query("7"), b"0123456789abcdef")
    layers = Layers(
        met=((0, 2),), stops=(3,), hits=hits, selection=(4, 6), cursor=5,
    )  # fmt: skip
    drawn = layers_in(line_of(b"0123456789abcdef", layers).runs)
    assert drawn[: len(drawn) // 2] == [
        (Layer.MET, "30 31"), (Layer.STOP, "33"), (Layer.SELECTED, "34 "), (Layer.CURSOR, "35"),
        (Layer.HIT, "37"),
    ]  # fmt: skip
    assert [text for _, text in drawn[len(drawn) // 2 :]] == ["01", "3", "4", "5", "7"]


def test_the_selection_lies_over_hits_and_hits_over_what_a_rule_met():
    data = b"0123456789abcdef"
    hits = find(parse_query("12"), data)
    layers = Layers(met=((0, 6),), hits=hits, hit=0, selection=(2, 4))
    assert [layer for layer, _ in layers_in(line_of(data, layers).runs)][:4] == [
        Layer.MET, Layer.CURRENT_HIT, Layer.SELECTED, Layer.MET
    ]  # fmt: skip


def test_without_colours_layers_stand_in_brackets():
    data = b"0123456789abcdef" * 2
    hits = find(parse_query("9a"), data)
    layers = Layers(met=((0, 2),), stops=(3,), hits=hits, hit=1, selection=(13, 20))
    lines = [
        line_of(data, layers, number, has_brackets=True).text[:54].rstrip() for number in (0, 1)
    ]
    assert lines == [
        "0000 (30 31)32✗33 34 35 36 37  38<39 61>62 63[64 65 66",
        "0010  30 31 32 33]34 35 36 37  38«39 61»62 63 64 65 66",
    ]


def test_a_bracket_at_the_end_of_a_line_closes_there():
    data = b"0123456789abcdef0"
    assert "66] 0123" in line_of(data, Layers(selection=(14, 16)), has_brackets=True).text
    assert "66  0123" in line_of(data, Layers(selection=(14, 17)), has_brackets=True).text
    last = line_of(data, Layers(selection=(16, 17)), 1, has_brackets=True).text
    assert last.startswith("0010 [30]")


def test_text_is_broken_into_lines_bit_by_bit():
    data = b"".join(b"%d line\r\n" % number for number in range(20_000))
    shape = frame(View.TEXT, len(data), 80)
    shown = part(data, (0, len(data)), shape)
    counts = []
    while not shown.is_complete:
        shown.advance(lambda: True)
        counts.append(shown.line_count)
    assert len(counts) > 5
    assert counts == sorted(set(counts))
    assert counts[-1] == 20_000
    whole = part_of(View.TEXT, data)
    assert all(shown.span(number) == whole.span(number) for number in range(20_000))


def test_a_line_that_is_not_known_yet_is_not_guessed():
    data = b"line\n" * 20_000
    shown = part(data, (0, len(data)), frame(View.TEXT, len(data), 80))
    shown.advance(lambda: True)
    assert shown.line_of(0) == 0
    assert shown.line_of(len(data) - 1) is None


@given(st.lists(st.binary(max_size=40), max_size=8), st.sampled_from(View))
def test_a_response_that_grows_is_shown_as_one_that_was_there(chunks, view):
    data = bytearray()
    shape = frame(view, 400, 46)
    grown = part(data, (0, 0), shape)
    for chunk in chunks:
        data += chunk
        grown.grow(len(data))
        grown.advance(lambda: False)
    whole = part(bytes(data), (0, len(data)), shape)
    whole.advance(lambda: False)
    assert grown.line_count == whole.line_count
    assert all(grown.span(n) == whole.span(n) for n in range(whole.line_count))
