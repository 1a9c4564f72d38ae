"""The parser reads every directive, names every fault, and never loses the rest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.matching.pattern import check
from vscan_tui.probedb.model import Exclusions
from vscan_tui.probedb.parser import parse

NULL = "Probe TCP NULL q||\n"


def read(text, **arguments):
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    return parse(data, "own", check_pattern=check, **arguments)


def faults(text):
    return [(fault.line, fault.column, fault.message) for fault in read(text).faults]


def only_fault(text):
    (fault,) = faults(text)
    return fault


WHOLE = r"""# a comment

Exclude 53,T:9100-9107,U:30000-40000
Probe TCP NULL q||
totalwaitms 6000
tcpwrappedms 3000
match own m|^OWN ([\d.]+)\r\n|s p/Own server/ v/$1/ i/a/ h/b/ o/c/ d/d/ cpe:/a:own:server:$1/a
softmatch own m/^OWN/i
Probe UDP Ask q=\x00\\\0\n\r\t?= no-payload
rarity 3
ports 1,5-7
sslports 443
fallback NULL
"""


def test_every_directive_of_a_whole_text():
    parsed = read(WHOLE)

    assert parsed.faults == ()
    assert parsed.exclusions == Exclusions(((53, 53), (9100, 9107)), ((53, 53), (30000, 40000)))
    null, ask = parsed.probes
    assert (null.protocol, null.name, null.payload, null.line) == ("tcp", "NULL", b"", 4)
    assert (null.totalwaitms, null.tcpwrappedms, null.rarity) == (6000, 3000, 5)
    assert null.is_null
    assert (ask.protocol, ask.payload) == ("udp", b"\x00\\\x00\n\r\t?")
    assert ask.no_payload
    assert ask.rarity == 3
    assert ask.ports == ((1, 1), (5, 7))
    assert ask.sslports == ((443, 443),)
    assert ask.fallback == ("NULL",)


def test_a_rule_keeps_what_is_written():
    hard, soft = read(WHOLE).probes[0].rules

    assert (hard.service, hard.soft, hard.flags, hard.line) == ("own", False, "s", 7)
    assert hard.pattern == rb"^OWN ([\d.]+)\r\n"
    assert dict(hard.templates) == {
        "p": "Own server", "v": "$1", "i": "a", "h": "b", "o": "c", "d": "d",
        "cpe": "a:own:server:$1",
    }  # fmt: skip
    assert (soft.soft, soft.flags, soft.templates) == (True, "i", ())


def test_a_repeated_field_replaces_the_earlier_one_and_cpes_accumulate():
    parsed = read(NULL + "match own m|^A| p/one/ p/two/ cpe:/a:x/ cpe:/o:y/\n")

    assert parsed.probes[0].rules[0].templates == (
        ("p", "two"), ("cpe", "a:x"), ("cpe", "o:y"),
    )  # fmt: skip


def test_any_character_may_delimit():
    parsed = read(NULL + "match own m=^A=s p+B/C+ v%1%\nmatch own m}^B}\n")

    assert [rule.pattern for rule in parsed.probes[0].rules] == [b"^A", b"^B"]
    assert dict(parsed.probes[0].rules[0].templates) == {"p": "B/C", "v": "1"}


def test_two_probes_may_share_a_name_if_their_protocols_differ():
    parsed = read("Probe TCP Ask q|a|\nProbe UDP Ask q|a|\n")

    assert [probe.protocol for probe in parsed.probes] == ["tcp", "udp"]
    assert parsed.faults == ()


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("nonsense", 1, "unknown directive 'nonsense'; known are match"),
        ("  match own m|^A|", 1, "a line must begin with a directive"),
        ("match", 6, "match needs a value"),
        ("match own ", 10, "here should be a regex"),
        ("match own |^A|", 11, "must begin with m"),
        ("match own m", 12, "the regex has no delimiter"),
        ("match own m|^A", 12, "the regex is not closed: no second '|'"),
        ("match own m|^A|x", 16, "unknown regex flag 'x'"),
        ("match own m|^A| q/B/", 17, "unknown version field 'q'"),
        ("match own m|^A| p/B", 18, "the version field p is not closed"),
        ("match own m|^A| p/B/v/C/", 22, "a space is missing"),
        ("match own m|^A| p/B/!", 21, "a space is missing"),
        ("match own m|^A| p/B/\xe9", 21, "a space is missing"),
        ("match own m|^A| cpe:/a:b", 21, "the CPE is not closed"),
        ("match own m|^A(|", 16, "PCRE2 refuses the regex"),
        ("match own m|A*|", 13, "can match the empty string"),
        ("softmatch own m|x??|", 17, "can match the empty string"),
        ("ports", 6, "ports needs a value"),
        ("fallback ,", 10, "fallback names no probe"),
        ("ports 1,,2", 9, "an empty part in a list"),
        ("ports 1,x", 9, "'x' is no port and no range of ports"),
        ("ports 1,9-2", 9, "'9-2' is not within 0 to 65535, low to high"),
        ("sslports 65536", 10, "'65536' is not within 0 to 65535"),
        ("totalwaitms 99", 13, "totalwaitms must be a number from 100 to 300000, not '99'"),
        ("tcpwrappedms 300001", 14, "tcpwrappedms must be a number from 100 to 300000"),
        ("rarity 0", 8, "rarity must be a number from 1 to 9, not '0'"),
        ("rarity \xb2", 8, "rarity must be a number"),
        ("fallback " + ",".join(["NULL"] * 21), 10, "at most 20 fallbacks; the last of these 21"),
        ("fallback Nobody", 1, "fallback to unknown probe 'Nobody'"),
        ("Exclude T:1", 1, "Exclude must stand before the first Probe"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_with_line_and_column_and_the_rest_is_kept(line, column, words):
    text = NULL + "match own m|^FIRST|\n" + line + "\nmatch own m|^LAST|\n"
    parsed = read(text)

    assert [rule.pattern for rule in parsed.probes[0].rules] == [b"^FIRST", b"^LAST"]
    (fault,) = parsed.faults
    assert (fault.file, fault.line, fault.column) == ("own", 3, column)
    assert words in fault.message


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("Probe", 6, "Probe needs a value"),
        ("Probe SCTP Ask q|a|", 7, "the protocol must be TCP or UDP, not 'SCTP'"),
        ("Probe TCP", 10, "here should be a probe name"),
        ("Probe TCP Ask", 14, "here should be a payload"),
        ("Probe TCP Ask |a|", 15, "the payload must begin with q"),
        ("Probe TCP Ask q|a", 16, "the payload is not closed"),
        (r"Probe TCP Ask q|ab\y|", 19, r"unknown escape \y in the payload"),
        (r"Probe TCP Ask q|\x4|", 17, r"unknown escape \x in the payload"),
        ("Probe TCP Empty q||", 1, "a second NULL probe"),
        ("Probe TCP NULL q|a|", 11, "a second TCP probe named 'NULL'"),
    ],
)
def test_lines_of_a_bad_probe_do_not_fall_to_the_probe_before_it(line, column, words):
    parsed = read(NULL + line + "\nmatch own m|^LOST|\nProbe UDP Next q|n|\nrarity 2\n")

    first, second = parsed.faults
    assert (first.line, first.column) == (2, column)
    assert words in first.message
    assert (second.line, second.message) == (
        3, "match left out: it belongs to a probe that is at fault",
    )  # fmt: skip
    assert [probe.name for probe in parsed.probes] == ["NULL", "Next"]
    assert parsed.probes[0].rules == ()
    assert parsed.probes[1].rarity == 2


def test_what_belongs_to_a_probe_must_stand_after_one():
    assert only_fault("rarity 3\n" + NULL) == (1, 1, "rarity must stand after a Probe")


def test_of_two_excludes_the_first_counts_and_lists_of_ports_add_up():
    parsed = read("Exclude 1\nExclude 2\n" + NULL + "ports 3\nports 4\n")

    assert parsed.exclusions.tcp == ((1, 1),)
    assert parsed.probes[0].ports == ((3, 3), (4, 4))
    assert [fault.line for fault in parsed.faults] == [2]


def test_of_a_list_of_ports_what_is_at_fault_is_left_out_and_the_rest_counts():
    parsed = read("Exclude 1,T:http,2,U:,9-8,3\n" + NULL + "ports 80,,81-x,82\n")

    assert parsed.exclusions == Exclusions(((1, 1), (2, 2)), ((1, 1), (3, 3)))
    assert parsed.probes[0].ports == ((80, 80), (82, 82))
    assert [(fault.line, fault.column) for fault in parsed.faults] == [
        (1, 13), (1, 22), (1, 23), (3, 10), (3, 11),
    ]  # fmt: skip


def test_names_of_fallbacks_stand_between_commas_and_blanks():
    parsed = read(NULL + "fallback ,NULL NULL,\tNULL, \n")

    assert parsed.probes[0].fallback == ("NULL", "NULL", "NULL")
    assert not parsed.faults


def test_of_too_many_fallbacks_the_first_count():
    parsed = read(NULL + "fallback " + ",".join(["NULL"] * 21) + "\n")

    assert parsed.probes[0].fallback == ("NULL",) * 20


@pytest.mark.parametrize("value", ["3x", "+3", "3.9", "03", "3 # often"])
def test_what_follows_a_number_is_left_out(value):
    parsed = read(NULL + f"rarity {value}\n")

    assert parsed.probes[0].rarity == 3
    assert len(parsed.faults) == (not value.strip("+").isdigit())


def test_letters_after_a_version_field_mean_nothing_however_many():
    parsed = read(NULL + "match own m|^A| p/B/abcdef v/C/ cpe:|/a:b|xyzzy i=D=flags\n")

    (rule,) = parsed.probes[0].rules
    assert rule.templates == (("p", "B"), ("v", "C"), ("i", "D"), ("cpe", "/a:b"))
    assert not parsed.faults


def test_all_escapes_of_a_payload():
    parsed = read(r"Probe TCP All q|\\\0\a\b\f\n\r\t\v\x7F\'\"\?\_\ |" + "\n")

    assert parsed.probes[0].payload == b"\\\0\a\b\f\n\r\t\v\x7f'\"?_ "
    assert not parsed.faults


def test_a_prefix_of_exclude_holds_until_the_next():
    parsed = read("Exclude 1,T:2,3,U:4\n")

    assert parsed.exclusions == Exclusions(((1, 1), (2, 2), (3, 3)), ((1, 1), (4, 4)))


def test_a_fallback_may_name_a_probe_of_another_file_or_protocol():
    text = "Probe TCP A q|a|\nfallback Other,B\nProbe UDP B q|b|\n"

    assert read(text, known_probes=frozenset({"Other"})).faults == ()


def test_an_unknown_fallback_is_left_out_and_the_known_are_kept():
    parsed = read("Probe TCP A q|a|\nfallback B,Nobody\nProbe TCP B q|b|\n")

    assert parsed.probes[0].fallback == ("B",)


def test_crlf_is_reported_once_and_read():
    plain, crlf = read(WHOLE), read(WHOLE.replace("\n", "\r\n"))

    assert crlf.probes == plain.probes
    (fault,) = crlf.faults
    assert (fault.line, fault.message) == (1, "lines end in CR LF: the CR is left out")


def test_a_byte_order_mark_is_reported_and_left_out():
    parsed = read(b"\xef\xbb\xbf" + NULL.encode() + b"match own m|^A|\n")

    assert "byte order mark" in parsed.faults[0].message
    assert len(parsed.probes[0].rules) == 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_reported_and_converted(encoding):
    mark = "\ufeff".encode(encoding)
    parsed = read(mark + (NULL + "match own m|^A|\n").encode(encoding))

    assert "UTF-16" in parsed.faults[0].message
    assert parsed.probes[0].rules[0].pattern == b"^A"


def test_a_line_of_100_kilobytes_is_read_or_reported_with_its_column():
    long = "x" * 100_000
    parsed = read(NULL + f"match own m|^{long}|\nmatch own m|^{long}\nmatch own m|^A|\n")

    assert len(parsed.probes[0].rules[-1].pattern) == 2
    assert all(fault.line in {2, 3} for fault in parsed.faults)
    assert all(len(str(fault)) < 300 for fault in parsed.faults)


def test_bytes_above_ascii_are_kept_as_they_are():
    parsed = read(b"Probe TCP NULL q||\nmatch own m|^\xe9\xff| p/\xe9/\n")

    assert parsed.probes[0].rules[0].pattern == b"^\xe9\xff"
    assert parsed.probes[0].rules[0].templates == (("p", "\xe9"),)


FRAGMENTS = st.sampled_from(
    ["Probe ", "TCP ", "UDP ", "NULL ", "q||", "q|", "match ", "softmatch ", "m|", "|", " p/", "/",
     "cpe:/", "$1", "\\x", "ports ", "1-2,", "rarity ", "9", "fallback ", "Exclude ", "T:", "\n",
     "\r\n", " ", "#", "(", ")", "[", "*", "\x00", "\xff", "totalwaitms "]
)  # fmt: skip


@given(st.binary(max_size=300) | st.lists(FRAGMENTS, max_size=40).map("".join))
def test_nothing_that_is_read_ever_raises(text):
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    parsed = read(data)

    lines = data.count(b"\n") + 1
    assert all(1 <= fault.line <= lines and fault.column >= 1 for fault in parsed.faults)


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=5))
def test_garbage_before_and_after_never_loses_a_good_rule(lines):
    garbage = [b"# " + line if line.startswith((b"Probe", b"Exclude")) else line for line in lines]
    garbage = [line for line in garbage if not line.startswith((b"\xef\xbb", b"\xff", b"\xfe"))]
    text = b"\n".join(
        [*garbage, b"Probe TCP Own q|own|", *garbage, b"match own m|^GOOD|", *garbage, b""]
    )
    (probe,) = read(text).probes

    assert b"^GOOD" in [rule.pattern for rule in probe.rules]
