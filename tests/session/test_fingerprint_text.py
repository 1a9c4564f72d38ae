"""Service fingerprints: what was pasted is decoded, and what is damaged is said."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.session.pastes import BINARY, HARMLESS, RESPONSES, lines, one_line, pasted
from vscan_tui.reports.fingerprint import escaped
from vscan_tui.session.importers.fingerprint_text import (
    MAX_CHARACTERS,
    ServiceFingerprint,
    decode_fingerprint,
)
from vscan_tui.session.importers.pasted import decode_text, find_fingerprints

PUBLISHED = Path(__file__).resolve().parents[2].parent / "shared" / "fingerprints"
WITHOUT_PROBLEMS = {"typographic quotes", "dashes in the first line"}
"""Harmless, but told."""


def only(text: str) -> ServiceFingerprint:
    [found] = find_fingerprints(text)
    return found


def told(found: ServiceFingerprint) -> list[tuple[str, bytes]]:
    return [(response.probe, response.data) for response in found.responses]


def test_a_fingerprint_tells_port_protocol_tunnel_and_settings():
    found = only(pasted(port=443, tunnel=True))

    assert (found.line, found.port, found.protocol, found.tunnel) == (1, 443, "tcp", True)
    assert dict(found.settings) == {
        "V": "7.93", "T": "SSL", "I": "7", "D": "11/16", "Time": "65571A5E",
        "P": "x86_64-pc-linux-gnu",
    }  # fmt: skip


def test_a_udp_port_outside_a_tunnel_is_told_apart():
    found = only(pasted(port=53, protocol="UDP"))

    assert (found.port, found.protocol, found.tunnel) == (53, "udp", False)


@pytest.mark.parametrize("way", HARMLESS)
def test_what_a_fingerprint_goes_through_on_its_way_does_no_harm(way):
    found = only(HARMLESS[way](pasted()))

    assert told(found) == list(RESPONSES)
    assert found.whole
    assert (found.problems == ()) is (way not in WITHOUT_PROBLEMS)


_ANSWERS = st.tuples(st.sampled_from(["NULL", "GetRequest", "x-y_Z9"]), st.binary(min_size=1))


@given(
    st.lists(_ANSWERS, min_size=1, max_size=5),
    st.sampled_from(["as it is", "quoted in a mail", "indented", "an XML attribute", "JSON"]),
)
def test_any_responses_are_decoded_to_the_byte(responses, way):
    found = only(HARMLESS[way](pasted(responses)))

    assert told(found) == responses
    assert found.whole
    assert found.problems == ()


@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=200))
@example(b"\0001\0a")
@example(b'\\x41")%r(NULL,5,"')
@example(b"burnXx20")
def test_escaped_bytes_decode_to_themselves(data):
    found = decode_fingerprint(f'SF-Port1-TCP:V=1%r(P,{len(data):X},"{escaped(data)}");')

    assert told(found) == [("P", data)]


def test_a_response_that_nmap_cut_off_is_not_damaged_but_not_complete():
    found = only(f'SF-Port80-TCP:V=7.93%r(GetRequest,1C48,"{"A" * 900}");')

    [response] = found.responses
    assert (response.length, response.complete, response.cut_by_nmap) == (0x1C48, False, True)
    assert found.whole
    assert found.problems == ()


def test_several_fingerprints_in_one_text_are_told_with_their_lines():
    text = f"first\n{pasted(port=1)}=== next ===\n{pasted(port=2)}{pasted(port=3)}the end\n"

    found = list(find_fingerprints(text))

    assert [each.port for each in found] == [1, 2, 3]
    assert [text.splitlines()[each.line - 1][:10] for each in found] == [
        "SF-Port1-T", "SF-Port2-T", "SF-Port3-T",
    ]  # fmt: skip
    assert all(each.whole for each in found)


def test_several_fingerprints_in_one_line_are_told_apart():
    found = list(find_fingerprints(f"<a b='{one_line(port=1)}'/> <a b='{one_line(port=2)}'/>"))

    assert [each.port for each in found] == [1, 2]
    assert all(each.whole for each in found)


def test_a_mail_that_mentions_fingerprints_has_none():
    assert (
        list(find_fingerprints("Send me the SF-Port lines.\nSF-Port80 is what they look like."))
        == []
    )


# Damage ------------------------------------------------------------------------------------------


def without(number: int) -> str:
    kept = lines()
    del kept[number]
    return "\n".join(kept)


def test_without_its_last_lines_the_beginning_is_decoded_and_the_rest_missed():
    found = only("\n".join(lines()[:-4]))

    assert told(found)[:2] == list(RESPONSES[:2])
    probe, data = told(found)[2]
    assert (probe, BINARY.startswith(data)) == ("TerminalServer", True)
    assert not found.responses[2].complete
    assert any("256 bytes are announced" in problem for problem in found.problems)
    assert any("its end is missing" in problem for problem in found.problems)


def test_a_lost_line_spoils_its_response_only():
    found = only(without(3))

    assert told(found)[0] == RESPONSES[0]
    assert told(found)[2] == RESPONSES[2]
    assert [response.complete for response in found.responses] == [True, False, True]
    assert [problem.split(":")[0] for problem in found.problems] == ["GetRequest"]


def test_every_lost_line_is_noticed():
    whole = lines()
    for number in range(1, len(whole)):
        assert only(without(number)).problems, number


def test_without_the_first_line_the_port_is_unknown_and_the_rest_decoded():
    found = only(without(0))

    assert (found.port, found.protocol) == (None, None)
    assert told(found)[-2:] == list(RESPONSES[1:])
    assert any("first line" in problem for problem in found.problems)


def test_a_response_whose_name_is_lost_is_kept_without_it():
    text = one_line((("NULL", b"hello\r\n, you"), ("GetRequest", b"world")))
    lost = r',\x20you")%r(GetR'
    assert lost in text

    found = only(text.replace(lost, ""))

    assert told(found) == [("NULL", b"hello\r\n"), ("", b"world")]
    assert found.responses[1].complete
    assert not found.responses[0].complete
    assert found.problems


def test_a_backslash_that_was_eaten_before_x_is_put_back():
    text = pasted((("GetRequest", b"HTTP/1.1 200 OK\r\nServer: no one\r\n\r\n"),))

    found = only(text.replace(r"\x20200", "x20200"))

    assert told(found) == [("GetRequest", b"HTTP/1.1 200 OK\r\nServer: no one\r\n\r\n")]
    assert any("backslash" in problem for problem in found.problems)


def test_a_backslash_lost_where_the_length_does_not_tell_makes_a_response_unsure():
    # NUL and the digit 0 are one byte each: a line that is too short tells all the same.
    data = b"a\0b" * 60

    found = only(pasted((("NULL", b"hello"), ("Help", data))).replace(r"a\0b", "a0b", 1))

    [_, response] = found.responses
    assert (response.length, response.complete, found.whole) == (len(data), False, False)
    assert any("too short" in problem for problem in found.problems)


@pytest.mark.parametrize("data", [b"\0\0\1", b"ok\r\n\x01"])
def test_without_any_backslash_no_response_counts_as_complete(data):
    found = only(one_line((("NULL", data),)).replace("\\", ""))

    assert not found.responses[0].complete
    assert not found.whole
    assert found.problems


@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_where_all_letters_were_changed_no_response_counts_as_complete(change):
    found = only(change(pasted()))

    assert [(found.port, found.protocol), len(found.responses)] == [(8080, "tcp"), 3]
    assert not any(response.complete for response in found.responses)
    assert found.problems


@pytest.mark.parametrize(
    "torn",
    [
        lambda text: text.replace("%r(", "%r"),
        lambda text: text.replace("%r(", "r("),
        lambda text: re.sub(r',([0-9A-F]+),"', r',0x\1,"', text),
        lambda text: re.sub(r',([0-9A-F]+),"', r',\1"', text),
        lambda text: text.replace(r"\x20", " "),
    ],
)
def test_signs_that_are_lost_everywhere_are_put_back_and_told(torn):
    found = only(torn(one_line()))

    assert told(found) == list(RESPONSES)
    assert found.problems


def test_a_response_whose_announced_length_is_lost_is_not_complete():
    found = only(re.sub(r",[0-9A-F]+,", ",,", one_line()))

    assert told(found) == list(RESPONSES)
    assert [response.length for response in found.responses] == [None, None, None]
    assert not any(response.complete for response in found.responses)
    assert found.problems


def test_lines_that_are_there_twice_count_once():
    found = only("".join(f"{line}\n{line}\n" for line in lines()[1:]).join([lines()[0] + "\n", ""]))

    assert told(found) == list(RESPONSES)
    assert any("twice" in problem for problem in found.problems)


def test_where_it_is_not_sure_which_backslash_was_eaten_none_is_put_back():
    # The page itself has an x20, which is as likely.
    found = only(pasted().replace(r"\x20200", "x20200"))

    assert told(found)[1][1] == RESPONSES[1][1].replace(b" 200", b"x20200", 1)
    assert not found.whole
    assert found.problems


def test_backslashes_eaten_before_punctuation_do_no_harm_and_are_told():
    # Markdown eats them so.
    eaten = re.sub(r"\\([.*()\[\]|?+$^])", r"\1", pasted())

    found = only(eaten)

    assert told(found) == list(RESPONSES)
    assert any("lost the backslash" in problem for problem in found.problems)


def test_backslashes_eaten_before_quotes_do_no_harm():
    found = only(pasted().replace(r"\"", '"'))

    assert told(found) == list(RESPONSES)
    assert found.problems


@pytest.mark.parametrize("quote", ["'", "`"])
def test_quotes_that_were_all_changed_are_put_back(quote):
    data = b'say "hello", it\'s `me`\r\n'

    found = only(pasted((("NULL", data), ("Help", b"x"))).replace('"', quote))

    assert told(found) == [("NULL", data), ("Help", b"x")]
    assert any("quotes" in problem for problem in found.problems)


def test_backslashes_lost_at_line_ends_are_put_back_by_the_length_of_the_lines():
    cut = pasted().replace("\\\n", "\n")
    assert cut != pasted()

    found = only(cut)

    assert told(found) == list(RESPONSES)
    assert any("too short" in problem for problem in found.problems)


def test_without_any_backslash_the_announced_length_tells_how_to_read():
    data = b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n"
    found = only(one_line((("GetRequest", data),)).replace("\\", ""))

    assert told(found) == [("GetRequest", data)]
    assert found.problems


def test_a_line_that_does_not_belong_is_left_out_and_told():
    mixed = lines()
    mixed.insert(4, "--- page 2 of 3 ---")

    found = only("\n".join(mixed))

    assert told(found) == list(RESPONSES)
    assert found.problems == ("Lines that do not belong to it are left out: 5.",)


def test_a_name_of_a_probe_that_cannot_be_is_not_taken_for_one():
    found = only('SF-Port1-TCP:V=1%r(Get\u00be\x82,1,"x")%r(NULL,1,"y");')

    assert told(found) == [("NULL", b"y")]
    assert all(problem.isprintable() for problem in found.problems)
    assert found.problems


def test_a_port_that_cannot_be_is_told():
    found = only(pasted(port=70000))

    assert found.port is None
    assert any("65535" in problem for problem in found.problems)


def test_an_endless_fingerprint_is_read_to_the_limit():
    found = only(f'SF-Port1-TCP:V=1%r(P,5,"{"a" * (2 * MAX_CHARACTERS)}')

    assert len(found.responses[0].data) <= MAX_CHARACTERS
    assert any("longer than" in problem for problem in found.problems)


# Anything at all ---------------------------------------------------------------------------------

_FRAGMENTS = st.sampled_from(
    [
        *("SF-Port80-TCP:", "SF:", "\n", "\nSF:", "%r(NULL,5,", '"', '")', ";", "\\", "\\x", "x20"),
        *("&quot;", "&#xa;", '\\"', '""', "> ", " ", "V=7.93%I=7", "\x1b[31m", "\u201c", "\u2014"),
        *("\0", "=3D", "rn", one_line(), pasted()[:200]),
    ]
)


@settings(max_examples=400)
@given(st.lists(st.one_of(_FRAGMENTS, st.text(max_size=8)), max_size=60).map("".join))
def test_any_text_is_read_without_failing(text):
    for found in find_fingerprints(text):
        assert found.port is None or 0 <= found.port <= 65535
        assert sum(len(response.data) for response in found.responses) <= len(text)
        assert all(problem.isprintable() for problem in found.problems)


@settings(max_examples=300)
@given(st.data())
def test_a_fingerprint_damaged_anywhere_never_counts_as_whole_with_other_bytes_of_another_length(
    data,
):
    text = pasted()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 100)))
    filling = data.draw(st.text(max_size=10))

    for found in find_fingerprints(text[:start] + filling + text[end:]):
        for response in found.responses:
            assert not response.complete or len(response.data) == response.length


@given(st.binary(max_size=300))
def test_any_file_has_a_text(data):
    decode_text(data)
    decode_text(b"\xff\xfe" + data)


def test_a_file_of_powershell_is_utf_16():
    assert only(decode_text(pasted().encode("utf-16"))).whole


def test_the_time_to_read_grows_with_the_text_only():
    def seconds(text: str) -> float:
        begun = time.perf_counter()
        list(find_fingerprints(text))
        return time.perf_counter() - begun

    # What could be read in many ways: a thousand ends, a thousand beginnings, no end.
    for piece in ('%r(A,5,"x")', '")', ',5,"', "\\", "SF:", '%r(A,5,"', "\nx"):
        small, large = f"SF-Port1-TCP:{piece * 2_000}", f"SF-Port1-TCP:{piece * 16_000}"
        assert seconds(large) < 40 * max(seconds(small), 0.005), piece


# Those that people published ---------------------------------------------------------------------


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published fingerprints are not here")
def test_published_fingerprints_decode_completely_and_damage_is_told():
    for entry in json.loads((PUBLISHED / "index.json").read_text()):
        found = only(decode_text((PUBLISHED / entry["file"]).read_bytes()))
        assert (found.port, found.protocol) == (entry["port"], entry["proto"].lower())
        assert found.tunnel is (entry["tunnel"] == "ssl")
        if entry["file"].startswith("damaged/"):
            assert found.responses
            assert found.problems
            assert not found.whole
            continue
        cut = sum(not response.complete for response in found.responses)
        assert found.whole, entry["file"]
        assert found.problems == (), entry["file"]
        assert len(found.responses) == entry["responses"]
        assert cut == entry["responses_truncated_by_nmap"]
