"""The SF text of services that no rule knows."""

import pytest

from tests.reports.scans import ADDRESS, answered, exchange, found, identified, only_port, store_of
from tests.reports.scans import finished as verdict
from vscan_tui.events import Ending, Endpoint, Fields, Outcome, Service
from vscan_tui.reports.dates import local
from vscan_tui.reports.fingerprint import escaped, fingerprint, wrapped


def of(*events, intensity=7):
    return fingerprint(
        only_port(store_of(*events)), intensity, version="7.93", platform="x86_64-pc-linux-gnu"
    )


def test_a_fingerprint_has_all_responses_in_order():
    text = of(answered(9999, ("NULL", b"Q|x\r\n"), ("Silent", b""), ("One", b"Q|y 10.0\r\n")))
    # The first answer was noted 1.5 s after the scan began.
    today = local(1_795_388_161)
    assert text == (
        f"SF-Port9999-TCP:V=7.93%I=7%D={today.tm_mon}/{today.tm_mday}%Time=6B037301"
        r'%P=x86_64-pc-linux-gnu%r(NULL,5,"Q\|x\r\n")%r(One,A,"Q\|y\x2010\.0\r\n");'
    )


def test_inside_a_tunnel_it_says_so_and_forgets_what_was_outside():
    endpoint = Endpoint(ADDRESS, "tcp", 443)
    text = of(
        found(443),
        exchange(endpoint, 1, "TLSSessionReq", b"\x16\x03"),
        exchange(endpoint, 2, "GetRequest", b"hi", tunnel=True),
        verdict(443, Outcome.NO_MATCH, Service(tunnel="ssl")),
    )
    assert "-TCP:V=7.93%T=SSL%I=7%" in text
    assert "TLSSessionReq" not in text
    assert text.endswith('%r(GetRequest,2,"hi");')


def test_a_response_that_went_on_from_a_greeting_has_the_greeting_too():
    endpoint = Endpoint(ADDRESS, "tcp", 7)
    text = of(
        found(7),
        exchange(endpoint, 1, "NULL", b"hello "),
        exchange(endpoint, 2, "GenericLines", b"what?", continues=1),
        verdict(7, Outcome.NO_MATCH, Service()),
    )
    assert text.endswith(r'%r(NULL,6,"hello\x20")%r(GenericLines,B,"hello\x20what\?");')


def test_udp_is_named():
    assert of(answered(53, ("Q", b"x"), protocol="udp")).startswith("SF-Port53-UDP:")


@pytest.mark.parametrize("outcome", [Outcome.SOFT_MATCH, Outcome.NO_MATCH, Outcome.INCOMPLETE])
def test_a_port_without_a_hard_match_has_one(outcome):
    assert of(answered(7, ("NULL", b"x"), outcome=outcome))


@pytest.mark.parametrize(
    "outcome", [Outcome.HARD_MATCH, Outcome.EXCLUDED, Outcome.TCPWRAPPED, Outcome.STOPPED]
)
def test_a_port_that_is_known_or_was_not_asked_to_the_end_has_none(outcome):
    assert of(answered(7, ("NULL", b"x"), outcome=outcome)) == ""


def test_a_silent_port_has_none():
    assert of(answered(7, ("NULL", b""))) == ""


def test_a_port_still_being_asked_has_none():
    assert of(found(7), exchange(Endpoint(ADDRESS, "tcp", 7), 1, "NULL", b"x")) == ""


@pytest.mark.parametrize("outcome", [Outcome.SOFT_MATCH, Outcome.INCOMPLETE])
def test_a_scan_that_asks_little_tells_of_no_half_known_service(outcome):
    events = list(answered(7, ("NULL", b"x"), outcome=outcome))
    assert of(events, intensity=6) == ""
    assert "%I=9%" in of(events, intensity=9)


def test_a_scan_that_asks_little_tells_of_unknown_services_all_the_same():
    assert "%I=0%" in of(answered(7, ("NULL", b"x")), intensity=0)


@pytest.mark.parametrize("ending", [Ending.RESET, Ending.FAILED])
def test_a_response_that_was_cut_off_is_left_out(ending):
    store = store_of(answered(7, ("NULL", b"x"), ("Get", b"y")))
    only_port(store).exchanges[0].ending = ending
    assert fingerprint(only_port(store), 7).endswith('%r(Get,1,"y");')
    assert "NULL" not in fingerprint(only_port(store), 7)


def test_a_tunnel_in_which_nothing_was_said_has_none():
    endpoint = Endpoint(ADDRESS, "tcp", 443)
    assert not of(
        found(443),
        exchange(endpoint, 1, "TLSSessionReq", b"\x16\x03"),
        verdict(443, Outcome.NO_MATCH, Service(tunnel="ssl")),
    )


def test_an_identified_port_has_none():
    assert of(identified(22, "ssh", Fields("OpenSSH"))) == ""


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\0", r"\0"),
        (b"\0a", r"\0a"),
        (b"\0" + b"7", r"\x007"),
        (b"\0\0" + b"7", r"\0\x007"),
        (b"\r\n\t", r"\r\n\t"),
        (b"\x0b\x1b\x7f\x80\xff", r"\x0b\x1b\x7f\x80\xff"),
        (b" ", r"\x20"),
        (b'\\?"[]().*+$^|', r"\\\?\"\[\]\(\)\.\*\+\$\^\|"),
        (b"!#%&',-/:;<=>@_`{}~", "!#%&',-/:;<=>@_`{}~"),
        (b"azAZ09", "azAZ09"),
    ],
)
def test_bytes_are_escaped(data, text):
    assert escaped(data) == text


def test_the_length_is_of_the_whole_response_and_the_bytes_are_the_first_900():
    text = of(answered(7, ("NULL", b"A" * 5000)))
    assert text.endswith(f'%r(NULL,1388,"{"A" * 900}");')


@pytest.mark.parametrize(("dots", "goes_on"), [(242, True), (243, False)])
def test_nothing_is_added_past_2200_characters_with_the_line_ends(dots, goes_on):
    # Measured: with 242 dots the first two responses take 2200 characters, with 243, 2202.
    greeting = b"." * dots + b"x" * (600 - dots)
    text = of(
        answered(
            24301, ("NULL", greeting), ("One", greeting + greeting[::-1]), ("Two", b"too much")
        )
    )
    assert ("%r(Two," in text) is goes_on


def test_lines_have_74_characters_and_continuations_a_prefix():
    text = of(answered(7, ("NULL", b"A" * 300)))
    lines = list(wrapped(text))
    assert {len(line) for line in lines[:-1]} == {74}
    assert all(line.startswith("SF:") for line in lines[1:])
    assert lines[0] + "".join(line.removeprefix("SF:") for line in lines[1:]) == text


def test_the_last_semicolon_never_begins_a_line():
    body = "x" * (74 + 71)
    assert list(wrapped(f"{body};")) == ["x" * 74, "SF:" + "x" * 71 + ";"]
    assert list(wrapped(f"{body}y;")) == ["x" * 74, "SF:" + "x" * 71, "SF:y;"]


def test_a_probe_name_of_any_database_stays_printable():
    text = of(answered(7, ("\x1b[31m\xe9", b"x")))
    assert text.isascii()
    assert text.isprintable()


def test_a_date_that_no_calendar_has_does_no_harm():
    port = only_port(store_of(answered(7, ("NULL", b"x"))))
    port.exchanges[0].ended = 1e300
    assert "%D=1/1%" in fingerprint(port, 7)
