"""Bytes written for use elsewhere: what is read back is what was there."""

import ast
import base64
import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.probedb.parser import parse
from vscan_tui.session.notation import (
    NOTATIONS,
    Origin,
    base64_text,
    c_string,
    hexdump_lines,
    plain_text,
    probe_line,
    python_bytes,
)

ALL_BYTES = bytes(range(256))


def read_c(text):
    """What a C compiler makes of adjacent string literals, by the rules for escapes."""
    values = bytearray()
    for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', text):
        for hexadecimal, escape, plain in re.findall(
            r"\\x([0-9A-Fa-f]+)|\\([^x])|([^\\])", literal
        ):
            if hexadecimal:
                values.append(int(hexadecimal, 16))
            elif escape:
                values += {"n": b"\n", "r": b"\r", "t": b"\t", "a": b"\a"}.get(
                    escape, escape.encode()
                )
            else:
                values += plain.encode()
    return bytes(values)


@given(st.binary())
def test_a_c_string_is_read_back_as_the_same_bytes(data):
    assert read_c(c_string(data)) == data


def test_a_c_string_is_split_where_a_digit_would_join_an_escape():
    assert c_string(b"\xffabc") == r'"\xff" "abc"'


def test_a_c_string_holds_no_trigraph():
    assert c_string(b"what??!") == r'"what?\?!"'


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler here")
def test_a_compiler_reads_the_same_bytes(tmp_path):
    data = ALL_BYTES + b"\xff0??=" + b"\x00\x001"
    source = tmp_path / "a.c"
    source.write_text(
        f"#include <stdio.h>\nint main(void) {{ static const char d[] = {c_string(data)};"
        " return fwrite(d, 1, sizeof d - 1, stdout) != sizeof d - 1; }\n"
    )
    subprocess.run(["cc", "-trigraphs", "-w", "-o", tmp_path / "a", source], check=True)
    done = subprocess.run([tmp_path / "a"], check=True, capture_output=True)
    assert done.stdout == data


@given(st.binary())
def test_python_reads_its_literal_back(data):
    assert ast.literal_eval(python_bytes(data)) == data


@given(st.binary(), st.sampled_from(["tcp", "udp"]))
def test_the_line_of_a_probe_is_read_back_as_the_same_probe(data, protocol):
    line = probe_line(data, "Asked", protocol)
    parsed = parse(f"{line}\n".encode("latin-1"), "made")
    (probe,) = parsed.probes
    assert (probe.name, probe.protocol, probe.payload) == ("Asked", protocol, data)
    assert not parsed.faults


def test_what_is_no_name_does_not_become_a_probes_name():
    assert probe_line(b"x", "TLS hello q|y|").startswith("Probe TCP Copied q|")


@given(st.binary(max_size=400))
def test_base64_is_read_back_as_the_same_bytes(data):
    assert base64.b64decode(base64_text(data)) == data
    assert all(len(line) <= 76 for line in base64_text(data).splitlines())


def test_a_hexdump_counts_from_the_offset_of_its_first_byte():
    assert list(hexdump_lines(b"GET / HTTP/1.0\r\n\r\n", 0x20)) == [
        "00000020  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 30 0d 0a  GET / HTTP/1.0..",
        "00000030  0d 0a                                             ..",
    ]


def test_text_keeps_its_lines_and_nothing_that_steers_a_terminal():
    assert plain_text(b"a\r\n\x1b[2Jb\xff\rc") == "a\n.[2Jb.\nc"


@given(st.binary(max_size=200))
def test_every_notation_is_printable_ascii(data):
    for notation in NOTATIONS:
        text = notation.write(data, Origin())
        assert text.isascii()
        assert all(line.isprintable() for line in text.split("\n"))


def test_every_notation_has_a_key_of_its_own():
    assert len({notation.key for notation in NOTATIONS}) == len(NOTATIONS)
