"""What is written of a rule is read as the same rule."""

import pcre2
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.probedb.model import Rule
from vscan_tui.probedb.parser import parse
from vscan_tui.probedb.writing import payload_text, rule_line


def rule(pattern, flags="", templates=(), *, soft=False):
    return Rule("own", soft, pattern, flags, templates, "", 0)


def read(line):
    parsed = parse(f"Probe TCP NULL q||\n{line}\n".encode("latin-1"), "own")
    assert parsed.faults == ()
    return parsed.probes[0].rules[0]


def test_a_rule_is_written_as_people_write_it():
    written = rule_line(
        rule(rb"^SSH-([\d.]+)\r\n", "s", (("p", "Own/SSH"), ("v", "$1"), ("cpe", "a:own:ssh:$1")))
    )
    assert written == r"match own m|^SSH-([\d.]+)\r\n|s p|Own/SSH| v/$1/ cpe:/a:own:ssh:$1/"
    assert rule_line(rule(b"a|b", soft=True)) == "softmatch own m/a|b/"


@given(st.binary(max_size=30), st.sampled_from(["", "i", "is"]))
def test_what_is_written_is_read_as_a_regex_that_matches_the_same(pattern, flags):
    try:
        before = pcre2.compile(pattern, jit=False)
    except (pcre2.LibraryError, ValueError):
        return
    found = read(rule_line(rule(pattern, flags)))

    assert found.flags == flags
    after = pcre2.compile(found.pattern, jit=False)
    for text in (b"", pattern, bytes(range(256))):
        first, second = before.search(text), after.search(text)
        assert (first and first.span()) == (second and second.span())


@given(st.binary(max_size=40))
def test_a_payload_comes_back(payload):
    text = f"Probe UDP own {payload_text(payload)}\n"
    parsed = parse(text.encode("latin-1"), "own")

    assert parsed.faults == ()
    assert parsed.probes[0].payload == payload
