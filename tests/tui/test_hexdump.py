"""Bytes as lines: hexdump, text, C escapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.scripted_scan import HOSTILE, SSH_BANNER, SSH_RULE
from vscan_tui.tui.rendering.hexdump import View, byte_groups, escaped, hex_columns, layout

spans = st.lists(
    st.one_of(st.none(), st.tuples(st.integers(0, 80), st.integers(0, 80))), max_size=12
)


def text_of(view, data, spans=(), width=80):
    laid_out = layout(view, data, spans, width)
    return [laid_out.line(index).text for index in range(laid_out.line_count)]


def test_a_hexdump_has_offset_bytes_and_characters():
    assert text_of(View.HEX, bytes(range(0x40, 0x52))) == [
        "0000  40 41 42 43 44 45 46 47  48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO",
        "0010  50 51" + " " * 45 + "PQ",
    ]


@pytest.mark.parametrize(("width", "columns"), [(40, 8), (71, 8), (73, 16), (200, 16)])
def test_a_narrow_pane_has_eight_bytes_to_a_line(width, columns):
    assert hex_columns(width) == columns


@pytest.mark.parametrize("width", [40, 72, 73, 120])
def test_no_line_of_a_hexdump_is_wider_than_its_pane(width):
    assert all(len(line) <= width for line in text_of(View.HEX, SSH_BANNER * 9, (), width))


def test_each_captured_byte_belongs_to_its_group_in_both_columns():
    line = layout(View.HEX, SSH_BANNER, SSH_RULE.spans, 80).line(0)
    assert [run.text for run in line.runs if run.group == 1] == ["¹32 2e 30", "2.0"]


def test_a_group_goes_on_in_the_next_line_without_another_number():
    lines = layout(View.HEX, SSH_BANNER, SSH_RULE.spans, 80)
    assert [run.text for run in lines.line(1).runs if run.group == 4] == ["⁴32 2b 64", "2+d"]
    assert [run.text for run in lines.line(2).runs if run.group == 4] == [
        "65 62 31 32 75 33",
        "eb12u3",
    ]


def test_the_innermost_of_nested_groups_is_shown():
    assert byte_groups(6, [(0, 6), (0, 6), (2, 4)]) == bytes([1, 1, 2, 2, 1, 1])


def test_a_group_that_took_no_part_marks_nothing():
    assert byte_groups(3, [(0, 3), None]) == bytes(3)


def test_text_breaks_at_newlines_and_hides_them():
    assert text_of(View.TEXT, b"a\r\nb\n\nc") == ["a", "b", "", "c"]


def test_escapes_are_those_of_c():
    assert escaped(b'a"\\\r\n\t\x00\x7f\xff') == r"a\"\\\r\n\t\0\x7f\xff"


def test_a_zero_byte_before_a_digit_is_not_read_as_an_octal_number():
    assert escaped(b"\x001") == r"\x001"


@pytest.mark.parametrize("view", list(View))
def test_hostile_bytes_come_out_as_printable_ascii(view):
    assert all(line.isascii() and line.isprintable() for line in text_of(view, HOSTILE))


def test_hostile_bytes_are_dots_in_text():
    assert text_of(View.TEXT, b"\x1b[2J\x9b\xe2\x80\xae") == [".[2J...."]


@given(st.binary(max_size=80), spans, st.sampled_from(View), st.integers(1, 90))
def test_every_byte_stands_on_exactly_one_line(data, spans, view, width):
    laid_out = layout(view, data, [None, *spans], width)
    ranges = [laid_out.byte_range(index) for index in range(laid_out.line_count)]
    assert b"".join(data[start:end] for start, end in ranges) == data
    for index, (start, end) in enumerate(ranges):
        assert all(laid_out.line_of(offset) == index for offset in range(start, end))
        text = laid_out.line(index).text
        assert not any(ord(character) < 0x20 or ord(character) == 0x7F for character in text)


def test_bytes_are_copied_the_way_they_are_shown():
    data = b"GET\r\n\x00"
    assert layout(View.HEX, data, (), 80).text(0, 3) == "47 45 54"
    assert layout(View.TEXT, data, (), 80).text(0, 6) == "GET ."
    assert layout(View.ESCAPES, data, (), 80).text(0, 6) == r"GET\r\n\0"


def test_offsets_beyond_64_kib_have_their_digits():
    lines = text_of(View.HEX, bytes(0x10001))
    assert lines[0].startswith("00000  ")
    assert lines[-1].startswith("10000  ")
    assert len({len(line) for line in lines[:-1]}) == 1
