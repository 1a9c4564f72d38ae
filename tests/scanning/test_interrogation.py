"""What one port is asked, in which order, and what follows from the answers."""

import errno

import pytest

from tests.scanning.playbook import (
    Closed,
    Connected,
    ConnectFailed,
    Failed,
    Outcome,
    Playbook,
    Received,
    TimedOut,
    databases,
)
from vscan_tui.events import Method
from vscan_tui.scanning.interrogation.polite import FULL_RESPONSE_BYTES, ProtocolError

BASE = r"""
Exclude T:9100-9107
Probe TCP NULL q||
totalwaitms 6000
tcpwrappedms 3000
match ssh m|^SSH-([\d.]+)-Foo_([\w.]+)| p/Foo/ v/$2/ i/protocol $1/
softmatch ftp m|^220 .*FTP|
softmatch smtp m|^220 .*SMTP|
match greedy m|^hello| p/Greeter/
match ssl/https m|^direct| p/Direct/
Probe TCP Lines q|\r\n\r\n|
rarity 1
match echo m|^\r\n\r\n$| p/Echo/
match ftp m|^220 .*\r\n500 foo\r\n|s p/FooFTP/
Probe TCP Get q|GET / HTTP/1.0\r\n\r\n|
rarity 1
ports 80,4001
sslports 443,4000
totalwaitms 1000
match http m|^HTTP/1\.[01] \d+.*Server: (\w+)|s p/$1/ o/Unix/
softmatch http m|^HTTP/1|
match ftp m|^500 get| p/GetFTP/
Probe TCP Hello q|hello there|
rarity 3
match ssl m|^\x16\x03| p/TLS/
match http m|^late| p/Late/ v/2/
Probe TCP Rare q|rare|
rarity 8
match rare m|^rare|
Probe TCP RareListing q|listing|
rarity 9
ports 4001
match listing m|^listing|
Probe TCP RareFtp q|ftp|
rarity 9
match ftp m|^250 ftp| p/RareFTP/ v/9/
Probe UDP Dns q|\x01|
rarity 1
ports 53
match domain m|^dns|
Probe UDP Other q|\x02|
rarity 4
match other m|^other|
"""


def play(port=4000, **options):
    return Playbook(databases(BASE), port, **options)


def test_a_banner_ends_the_port_before_anything_is_sent():
    book = play()(Connected(), Received(b"SSH-2.0-Foo_9.1\r\n"))
    assert book.log == [
        "connect plain 5000",
        "send NULL",
        "listen 6000",
        "end matched",
        "disconnect",
        "finish hard match",
    ]
    assert book.service.name == "ssh"
    assert book.service.fields.version == "9.1"
    assert book.service.method is Method.PROBED
    assert book.service.confidence == 10


def test_a_banner_in_two_reads_is_matched_as_a_whole():
    book = play()(Connected(), Received(b"SSH-2.0-"), Received(b"Foo_9.1\r\n"))
    assert book.service.fields.version == "9.1"
    assert book.log.count("listen 6000") == 2


def test_a_silent_port_is_sent_every_probe_within_the_intensity_in_file_order():
    book = play()(Connected(), TimedOut(), TimedOut())
    while book.finish is None:
        book(Connected(), TimedOut())
    assert book.sent == ["NULL", "Lines", "Get", "Hello"]
    assert book.outcome is Outcome.NO_MATCH
    assert book.service.name == ""


def test_probes_that_list_the_port_come_first_whatever_their_rarity():
    book = play(4001)(Connected(), TimedOut(), TimedOut())
    while book.finish is None:
        book(Connected(), TimedOut())
    assert book.sent == ["NULL", "Get", "RareListing", "Lines", "Hello"]


@pytest.mark.parametrize(
    ("intensity", "sent"),
    [
        (0, ["NULL"]),
        (2, ["NULL", "Lines", "Get"]),
        (8, ["NULL", "Lines", "Get", "Hello", "Rare"]),
        (9, ["NULL", "Lines", "Get", "Hello", "Rare", "RareListing", "RareFtp"]),
    ],
)
def test_intensity_bounds_the_rarity(intensity, sent):
    book = play(intensity=intensity)(Connected(), TimedOut())
    if book.finish is None:
        book(TimedOut())
    while book.finish is None:
        book(Connected(), TimedOut())
    assert book.sent == sent


def test_the_first_probe_after_null_reuses_its_connection_and_its_response():
    book = play()(Connected(), Received(b"220 foo FTP\r\n"), TimedOut())
    assert book.log[-2:] == ["send Lines again", "listen 5000"]
    book(Received(b"500 foo\r\n"))
    assert book.service.fields.product == "FooFTP"


def test_later_probes_get_a_fresh_connection():
    book = play()(Connected(), TimedOut(), TimedOut())
    assert book.log[-2:] == ["disconnect", "connect plain 5000"]


def test_a_closed_null_connection_is_not_reused():
    book = play()(Connected(), Received(b"what?"), Closed(10))
    assert book.log[-3:] == ["end closed", "disconnect", "connect plain 5000"]


def test_after_a_soft_match_only_probes_that_know_the_service_are_sent():
    book = play()(Connected(), Received(b"220 foo FTP\r\n"), TimedOut(), TimedOut())
    book(Connected(), TimedOut(), Connected(), Received(b"250 ftp"))
    assert book.sent == ["NULL", "Lines", "Get", "RareFtp"]
    assert book.service.fields.product == "RareFTP"


def test_intensity_9_is_not_narrowed():
    book = play(intensity=9)(Connected(), Received(b"220 foo FTP\r\n"), TimedOut(), TimedOut())
    while book.finish is None:
        book(Connected(), TimedOut())
    assert book.sent == ["NULL", "Lines", "Get", "Hello", "Rare", "RareListing", "RareFtp"]
    assert book.outcome is Outcome.SOFT_MATCH


def test_a_soft_match_alone_names_the_service():
    book = play()(Connected(), Received(b"220 foo FTP\r\n"), TimedOut(), TimedOut())
    while book.finish is None:
        book(Connected(), TimedOut())
    assert book.outcome is Outcome.SOFT_MATCH
    assert book.service.name == "ftp"


def test_a_later_soft_match_of_another_service_is_ignored_with_a_warning():
    book = play()(Connected(), Received(b"220 foo FTP\r\n"), TimedOut(), TimedOut())
    book(Connected(), Received(b"220 SMTP\r\n"), TimedOut())
    assert "smtp" in book.warnings[0]
    while book.finish is None:
        book(Connected(), TimedOut())
    assert book.service.name == "ftp"


def test_a_later_soft_match_of_the_same_service_adds_nothing():
    rules = r"""
Probe TCP NULL q||
softmatch foo m|^a (\w+) more| p/Second/ v/2/
softmatch foo m|^a (\w+)| p/First/
"""
    book = Playbook(databases(rules))(Connected(), Received(b"a b"), Received(b" more"), TimedOut())
    assert (book.service.fields.product, book.service.fields.version) == ("First", "")
    assert book.warnings == []


def test_fields_that_a_hard_match_lacks_stay_from_the_soft_match():
    rules = r"""
Probe TCP NULL q||
softmatch foo m|^a (\w+)$| h/$1/ v/old/ cpe:/a:x:soft/ cpe:/o:x:os/
match foo m|b (\w+)| v/$1/ cpe:/a:x:hard:$1/
"""
    book = Playbook(databases(rules))(Connected(), Received(b"a host"), Received(b" b new"))
    fields = book.service.fields
    assert (fields.hostname, fields.version) == ("host", "new")
    assert fields.cpes == ("cpe:/a:x:hard:new", "cpe:/o:x:os")


def test_closing_at_once_without_a_word_is_tcpwrapped():
    book = play(table_name="smtp")(Connected(), Closed(1500))
    assert book.outcome is Outcome.TCPWRAPPED
    assert book.service.name == "tcpwrapped"
    assert book.service.confidence == 8


def test_a_reset_at_once_is_tcpwrapped_too():
    assert play()(Connected(), Closed(1, was_reset=True)).outcome is Outcome.TCPWRAPPED


def test_closing_late_is_not_tcpwrapped():
    book = play()(Connected(), Closed(3000))
    assert book.finish is None
    assert book.log[-1] == "connect plain 5000"


def test_closing_after_a_word_is_not_tcpwrapped():
    assert play()(Connected(), Received(b"?"), Closed(1)).finish is None


@pytest.mark.parametrize("closes", [0, 1, 2])
def test_a_port_that_only_ever_hung_up_and_then_refuses_is_tcpwrapped(closes):
    book = play()
    for _ in range(closes):
        book(Connected(), Closed(3500))
    book(ConnectFailed("the connection was refused by the other side"))
    assert book.outcome is Outcome.TCPWRAPPED


def test_a_port_that_hangs_up_on_every_probe_is_tcpwrapped():
    book = play()
    while book.finish is None:
        book(Connected(), Closed(3500))
    assert book.sent == ["NULL", "Lines", "Get", "Hello"]
    assert book.outcome is Outcome.TCPWRAPPED


def test_a_port_that_waits_once_and_else_hangs_up_is_not_tcpwrapped():
    book = play()(Connected(), Closed(3500), Connected(), TimedOut())
    while book.finish is None:
        book(Connected(), Closed(1))
    assert book.outcome is Outcome.NO_MATCH


def test_a_port_whose_probes_are_skipped_is_not_tcpwrapped():
    book = play()(Connected(), Closed(3500))
    while book.finish is None:
        book.skip()
    assert book.outcome is Outcome.NO_MATCH


@pytest.mark.parametrize("before", [TimedOut(), Received(b"?")])
def test_a_port_that_said_something_or_waited_is_not_tcpwrapped_when_it_refuses(before):
    book = play()(Connected(), Closed(3500), Connected(), before)
    if book.log[-1].startswith("listen"):
        book(Closed(1))
    assert book(ConnectFailed("refused")).outcome is Outcome.INCOMPLETE


def test_a_connection_that_this_system_cannot_open_says_nothing_of_the_port():
    book = play()(ConnectFailed("too many open files", was_ours=True))
    assert book.outcome is Outcome.INCOMPLETE


def test_a_refused_second_connection_leaves_the_port_incomplete():
    book = play(table_name="http")(Connected(), TimedOut(), TimedOut())
    book(ConnectFailed("refused"))
    assert book.outcome is Outcome.INCOMPLETE
    assert book.service.name == "http"
    assert book.service.method is Method.TABLE


def test_a_soft_match_outlives_a_refused_connection():
    book = play()(Connected(), Received(b"220 foo FTP\r\n"), TimedOut(), TimedOut())
    book(ConnectFailed("refused"))
    assert book.outcome is Outcome.SOFT_MATCH


def test_errors_of_the_packet_go_on_with_the_next_probe():
    book = play()(Connected(), TimedOut(), Failed(errno.EPIPE, "broken pipe"))
    assert book.log[-1] == "connect plain 5000"


def test_an_unreachable_host_ends_the_port():
    book = play()(Connected(), TimedOut(), Failed(errno.EHOSTUNREACH, "no route"))
    assert book.outcome is Outcome.INCOMPLETE


def test_a_full_response_is_not_read_on():
    book = play()(Connected(), Received(b"x" * FULL_RESPONSE_BYTES))
    assert book.log[-3:] == ["end full", "send Lines again", "listen 5000"]


def test_tls_starts_the_port_over_inside_the_tunnel():
    book = play()(Connected(), Received(b"220 odd FTP\r\n"), Closed(1), Connected())
    book = play()(Connected(), TimedOut(), TimedOut(), Connected(), TimedOut(), Connected())
    book(Received(b"\x16\x03"))
    assert book.log[-2:] == ["disconnect", "connect tls 8000"]
    book(Connected())
    assert book.log[-2:] == ["send NULL", "listen 6000"]
    book(TimedOut())
    assert book.log[-2:] == ["send Get again", "listen 1000"], "sslports has 4000"
    book(Received(b"HTTP/1.1 200 OK\r\nServer: Foo\r\n"))
    assert (book.service.name, book.service.tunnel) == ("http", "ssl")


def test_a_silent_tunnel_is_reported_as_one():
    book = play()(Connected(), TimedOut(), TimedOut(), Connected(), TimedOut(), Connected())
    book(Received(b"\x16\x03"), ConnectFailed("handshake"))
    assert book.outcome is Outcome.INCOMPLETE
    assert (book.service.name, book.service.tunnel) == ("", "ssl")


def test_a_tunnel_that_is_closed_at_once_is_not_tcpwrapped():
    book = play()(Connected(), TimedOut(), TimedOut(), Connected(), TimedOut(), Connected())
    book(Received(b"\x16\x03"), Connected(), Closed(1))
    assert book.log[-1] == "connect tls 8000"


def test_a_hard_match_of_dtls_over_tcp_opens_no_tunnel():
    book = Playbook(databases("Probe TCP NULL q||\nmatch dtls m|^dtls|\n"))
    book(Connected(), Received(b"dtls"))
    assert (book.service.name, book.service.tunnel) == ("dtls", "")


def test_a_soft_match_of_a_service_inside_ssl_is_no_tunnel():
    book = Playbook(databases("Probe TCP NULL q||\nsoftmatch ssl/foo m|^foo|\n"))
    book(Connected(), Received(b"foo"), TimedOut())
    assert (book.service.name, book.service.tunnel) == ("ssl/foo", "")


def test_a_rule_of_a_service_inside_ssl_needs_no_second_connection():
    book = play()(Connected(), Received(b"direct"))
    assert (book.service.name, book.service.tunnel) == ("https", "ssl")
    assert book.sent == ["NULL"]


def test_excluded_ports_are_reported_and_not_probed():
    book = play(9100, table_name="jetdirect")
    assert book.log == ["finish excluded"]
    assert book.service.name == "jetdirect"


def test_excluded_ports_are_probed_when_the_user_wants_it():
    assert play(9100, probe_excluded=True).log == ["connect plain 5000"]


def test_udp_begins_with_the_probe_that_lists_the_port():
    book = play(53, protocol="udp")(Connected(), TimedOut(), Received(b"other"))
    assert book.sent == ["Dns", "Other"]
    assert book.service.name == "other"


def test_all_udp_probes_share_one_socket_and_each_response_begins_anew():
    book = play(53, protocol="udp")(Connected(), Received(b"ot"), TimedOut())
    assert book.log[-2:] == ["send Other", "listen 5000"]
    book(Received(b"her"), TimedOut())
    assert book.outcome is Outcome.NO_MATCH
    assert "connect plain 5000" not in book.log[1:]


def test_udp_goes_on_with_the_same_socket_after_a_refusal():
    book = play(53, protocol="udp")(Connected(), Closed(1, was_reset=True))
    assert book.log[-3:] == ["end reset", "send Other", "listen 5000"]


def test_stopping_keeps_what_was_found():
    book = play()(Connected(), Received(b"220 foo FTP\r\n")).stop("enough")
    assert book.outcome is Outcome.STOPPED
    assert book.service.name == "ftp"


def test_nothing_happens_after_the_end():
    book = play()(Connected(), Received(b"hello"))
    with pytest.raises(ProtocolError):
        book(Received(b"more"))


def test_two_databases_send_the_same_payload_once_and_both_match_it():
    mine = r"""
Probe TCP Mine q|GET / HTTP/1.0\r\n\r\n|
rarity 1
softmatch http m|^HTTP/|
"""
    theirs = r"""
Probe TCP Theirs q|GET / HTTP/1.0\r\n\r\n|
rarity 2
match http m|^HTTP/.*Foo| p/Foo/
"""
    book = Playbook(databases(mine, theirs))
    book(Connected(), Received(b"HTTP/1.0 Foo"))
    assert book.sent == ["Mine"]
    assert book.service.fields.product == "Foo"
