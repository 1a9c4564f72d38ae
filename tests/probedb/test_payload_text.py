"""Payloads as a person writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.probedb.payload_text import Form, PayloadFault, read_payloads, write_payloads


@pytest.mark.parametrize(
    ("text", "form", "payloads"),
    [
        ("", Form.TEXT, [b""]),
        (r"GET / HTTP/1.0\r\n\r\n", Form.TEXT, [b"GET / HTTP/1.0\r\n\r\n"]),
        ("one\\n\ntwo", Form.TEXT, [b"one\ntwo"]),
        ("HELP\\r\\n\n---\nQUIT\\r\\n", Form.TEXT, [b"HELP\r\n", b"QUIT\r\n"]),
        ("---\nx", Form.TEXT, [b"", b"x"]),
        (r"\x00\0\\ é", Form.TEXT, [b"\x00\x00\\ \xe9"]),
        ("47 45:54,20\n0a", Form.HEX, [b"GET \n"]),
        ("47\n---\n45", Form.HEX, [b"G", b"E"]),
    ],
)
def test_what_a_text_stands_for(text, form, payloads):
    assert read_payloads(text, form).payloads == tuple(payloads)
    assert read_payloads(text, form).fault is None


@pytest.mark.parametrize(
    ("text", "form", "line", "column", "part"),
    [
        (r"GET \q", Form.TEXT, 1, 5, r"unknown escape \q"),
        ("ok\nab\\x4", Form.TEXT, 2, 3, r"unknown escape \x"),
        ("a€", Form.TEXT, 1, 2, r"\xe2\x82\xac"),
        ("47 4", Form.HEX, 1, 4, "two hexadecimal digits"),
        ("47 zz", Form.HEX, 1, 4, "'z' is no hexadecimal digit"),
    ],
)
def test_a_fault_is_told_with_its_place(text, form, line, column, part):
    fault = read_payloads(text, form).fault
    assert isinstance(fault, PayloadFault)
    assert (fault.line, fault.column) == (line, column)
    assert part in str(fault)


def test_what_stands_before_a_fault_is_still_shown():
    assert read_payloads("GET \\q", Form.TEXT).payloads == (b"GET ",)


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=4), st.sampled_from(Form))
def test_what_is_written_is_read_again(payloads, form):
    text = write_payloads(payloads, form)
    assert read_payloads(text, form).payloads == tuple(payloads)
    assert text.isascii()


def test_a_payload_that_looks_like_a_separator_is_none():
    assert read_payloads(write_payloads([b"---", b"x"], Form.TEXT), Form.TEXT).payloads == (
        b"---", b"x",
    )  # fmt: skip
