"""What is compared: each scenario is a server with a script, and what it is asked with."""

import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.differential.servers import Datagrams, DatagramScript, Script, Talk

IPV4, IPV6 = "127.0.0.1", "::1"
LATE = 0.9
"""Seconds: too late to be tcpwrapped, in time for the NULL probe."""

LINES = b"\r\n\r\n"
GET = b"GET / HTTP/1.0\r\n\r\n"
HELP = b"HELP\r\n"


@dataclass(frozen=True)
class Scenario:
    """A server, how it is scanned, and what is known to differ."""

    name: str
    script: Script | DatagramScript
    service: str = ""
    """The name that Nmap reports; so the scenario shows what it is meant to show.

    Empty where only the port table, or nothing, has a name.
    """
    protocol: Literal["tcp", "udp"] = "tcp"
    address: str = IPV4
    target: str = ""
    """What the scanners are told to scan, if not the address."""
    options: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """The probes whose `ports` have the port."""
    lists_inside: tuple[str, ...] = ()
    """The probes whose `sslports` have the port."""
    excluded: bool = False
    """Whether the database's `Exclude` has the port."""
    answers_finder: bool = False
    """Whether the port finder's datagram is answered."""
    refuses_all: bool = False
    """Whether only the port finder gets a connection."""
    differs: Mapping[str, str] = field(default_factory=dict)
    """What is not the same, by the name of the fact, and the reason for it."""


RULES = Path(__file__).parent / "service-probes"
_LISTS = re.compile(r"^(ports|sslports) <(\w+)>\n", re.MULTILINE)


def rules(hello: bytes, listed: Callable[[str, str], str], excluded: str) -> str:
    """The database of all scenarios.

    Args:
        hello: what a TLS client says first.
        listed: the ports that a probe lists, by its name and the directive's; perhaps none.
        excluded: the ports for `Exclude`; perhaps none.
    """
    # Letters as they are, for Nmap reads no line of more than 2 KiB.
    payload = re.sub(r"[^0-9A-Za-z]", lambda it: f"\\x{ord(it[0]):02x}", hello.decode("latin-1"))

    def directive(found: re.Match[str]) -> str:
        ports = listed(found[2], found[1])
        return f"{found[1]} {ports}\n" if ports else ""

    text = _LISTS.sub(directive, RULES.read_text(encoding="latin-1"))
    text = text.replace("Exclude <excluded>\n", f"Exclude {excluded}\n" if excluded else "")
    return text.replace("<hello>", payload)


# What servers do -------------------------------------------------------------------------------


def silent(talk: Talk) -> None:
    talk.hear_all()


def says(*parts: bytes, pause: float = 0.0) -> Script:
    """Says something in parts, and waits for the client to leave."""

    def script(talk: Talk) -> None:
        for number, part in enumerate(parts):
            if number:
                talk.pause(pause)
            talk.say(part)
        talk.hear_all()

    return script


def answers(answers: Mapping[bytes, bytes], first: bytes = b"", otherwise: bytes = b"") -> Script:
    """Says something at first, then answers what it knows."""

    def script(talk: Talk) -> None:
        if first:
            talk.say(first)
        while True:
            said = talk.hear()
            answer = answers.get(said, otherwise)
            if answer:
                talk.say(answer)

    return script


def echo(talk: Talk) -> None:
    while True:
        talk.say(talk.hear())


def chargen(talk: Talk) -> None:
    """Sends without end, but for pauses until it is told something.

    Who leaves with bytes unread resets the connection, and what was said is lost.
    """
    line = bytes(range(0x21, 0x6B)) + b"\r\n"
    while True:
        talk.say(line * 70)
        talk.hear()


def close_at_once(talk: Talk) -> None:
    talk.close()


def close_late(talk: Talk) -> None:
    talk.pause(LATE)


def hang_up_on_all(talk: Talk) -> None:
    """Too late for tcpwrapped at first, then on every probe."""
    if talk.number == 0:
        talk.pause(LATE)
    else:
        talk.hear()


def wait_once(talk: Talk) -> None:
    """Lets one probe wait, hangs up on all others."""
    if talk.number == 1:
        talk.hear_all()
    hang_up_on_all(talk)


def close_after(data: bytes) -> Script:
    """Says something, and leaves without having listened."""

    def script(talk: Talk) -> None:
        talk.say(data)
        talk.pause(0.3)

    return script


def reset_at_once(talk: Talk) -> None:
    talk.reset()


def reset_late(talk: Talk) -> None:
    talk.pause(LATE)
    talk.reset()


def reset_after_banner(talk: Talk) -> None:
    talk.say(b"well\r\n")
    talk.pause(0.2)
    talk.reset()


def reset_after_probe(talk: Talk) -> None:
    talk.hear()
    talk.reset()


def close_after_probe(talk: Talk) -> None:
    talk.hear()


def close_when_heard(talk: Talk) -> None:
    talk.say(b"see you\r\n")
    talk.pause(0.3)
    talk.hear()
    talk.say(b"bye\r\n")
    talk.pause(0.3)


def close_after_answer(talk: Talk) -> None:
    talk.hear()
    talk.say(b"no idea\r\n")


def refuse_second(talk: Talk) -> None:
    talk.refuse_connections()
    talk.hear_all()


def refuse_second_after_soft(talk: Talk) -> None:
    talk.refuse_connections()
    talk.say(b"220 soft fields kept\r\n")
    talk.hear_all()


def refuse_second_after_close(talk: Talk) -> None:
    talk.refuse_connections()
    talk.pause(LATE)


def refuse_third_after_closes(talk: Talk) -> None:
    if talk.number == 1:
        talk.refuse_connections()
        talk.hear()
    else:
        talk.pause(LATE)


def refuse_third_after_a_word(talk: Talk) -> None:
    if talk.number == 1:
        talk.refuse_connections()
        talk.say(b"oh\r\n")
        talk.pause(0.3)
    else:
        talk.pause(LATE)


def ignore_second(talk: Talk) -> None:
    talk.ignore_connections()
    talk.hear_all()


def ignore_second_after_close(talk: Talk) -> None:
    talk.ignore_connections()
    talk.pause(LATE)


def refuse_after_answer(talk: Talk) -> None:
    talk.refuse_connections()
    talk.say(b"what now?\r\n")
    talk.hear_all()


def accept_then_close_second(talk: Talk) -> None:
    if talk.number == 0:
        talk.hear_all()


def close_first_only(talk: Talk) -> None:
    if talk.number == 0:
        talk.pause(LATE)
        return
    answers({GET: http(b"Patient/3")})(talk)


def half_close(talk: Talk) -> None:
    talk.say(b"before\r\n")
    talk.say_no_more()
    talk.hear_all()


def half_close_silent(talk: Talk) -> None:
    talk.pause(LATE)
    talk.say_no_more()
    talk.hear_all()


def half_close_with_answer(talk: Talk) -> None:
    if talk.hear() == GET:
        talk.say(http(b"Half/1"))
    talk.say_no_more()
    talk.hear_all()


def late_banner(talk: Talk) -> None:
    """Speaks only after the NULL probe's time, unasked."""
    talk.pause(1.9)
    talk.say(b"early bird\r\n")
    talk.hear_all()


def banner_once_asked(talk: Talk) -> None:
    talk.hear()
    talk.say(b"fallen angel\r\n")
    talk.hear_all()


def delayed_answer(talk: Talk) -> None:
    talk.hear()
    talk.pause(0.3)
    talk.say(b"late answer\r\n")
    talk.hear_all()


def answer_too_late(talk: Talk) -> None:
    """On the first connection, after the wait of the probe that asked."""
    talk.hear()
    talk.pause(1.4)
    talk.say(b"late answer\r\n")
    talk.hear_all()


def http(server: bytes) -> bytes:
    return b"HTTP/1.0 200 OK\r\nServer: " + server + b"\r\nContent-Length: 0\r\n\r\n"


def two_softs(talk: Talk) -> None:
    """Another soft match on each connection."""
    talk.say(b"220 soft ftp\r\n" if talk.number == 0 else b"220 soft smtp\r\n")
    talk.hear_all()


def big(size: int, ending: bytes = b"") -> Script:
    """Answers GET with so many bytes, the last of them given."""
    return answers({GET: b"x" * (size - len(ending)) + ending})


def big_then_ending(size: int) -> Script:
    """Answers GET with so many bytes, and after a while with some that a rule knows."""

    def script(talk: Talk) -> None:
        while talk.hear() != GET:
            pass
        talk.say(b"x" * size)
        talk.pause(0.3)
        talk.say(b"END OF IT")
        talk.hear_all()

    return script


def by_turns(*scripts: Script) -> Script:
    """Another script for each connection; the last one for all that follow."""

    def script(talk: Talk) -> None:
        scripts[min(talk.number, len(scripts) - 1)](talk)

    return script


# Inside TLS ------------------------------------------------------------------------------------

CONTEXTS: dict[str, ssl.SSLContext] = {}
"""By version, such as `TLSv1.2`; filled when the certificate has been made."""


def tls(script: Script, version: str = "TLSv1.3") -> Script:
    def inside(talk: Talk) -> None:
        talk.begin_tls(CONTEXTS[version])
        script(talk)

    return inside


def close_politely(talk: Talk) -> None:
    talk.end_tls()


def alert_after_hello(talk: Talk) -> None:
    """Knows TLS, wants no part in it."""
    talk.hear_hello()
    talk.say(b"\x15\x03\x01\0\x02\x02\x28")


def hello_then_plain(talk: Talk) -> None:
    """A server hello to the first who says hello, plain text to all others."""
    talk.hear_hello()
    if talk.said_probe_hello:
        talk.say(b"\x16\x03\x03\0\x04\x02\0\0\0")
    else:
        talk.say(b"not tls at all\r\n")
    talk.hear_all()


def hello_then_silence(talk: Talk) -> None:
    talk.hear_hello()
    if talk.said_probe_hello:
        talk.say(b"\x16\x03\x03\0\x04\x02\0\0\0")
    talk.hear_all()


def hello_then_refuse(talk: Talk) -> None:
    talk.hear_hello()
    if talk.said_probe_hello:
        talk.refuse_connections()
        talk.say(b"\x16\x03\x03\0\x04\x02\0\0\0")
    talk.hear_all()


# Over UDP --------------------------------------------------------------------------------------


def udp_silent(client: Datagrams, said: bytes) -> None:
    pass


def udp_answers(known: Mapping[bytes, tuple[bytes, ...]]) -> DatagramScript:
    def script(client: Datagrams, said: bytes) -> None:
        for answer in known.get(said, ()):
            client.say(answer)

    return script


def udp_answers_first_socket(client: Datagrams, said: bytes) -> None:
    """Answers the first probe when the second arrives, to where the first came from."""
    if said == SECOND:
        client.say_to_first(b"behind time")


def udp_goes_away(client: Datagrams, said: bytes) -> None:
    client.go_away()


def udp_goes_away_after_answer(client: Datagrams, said: bytes) -> None:
    client.say(b"many things")
    client.go_away()


ASK, SECOND, THIRD = b"\x01ask", b"\x02second\0", b"\x03"

HELPERS = b"H\x01\x12\x34\x01\x02\x03\x02Na\x01me\xe9 X\x03Some_Thing_1\x04"
NASTY_BYTES = b"B\0\xffa\0b\x1b[31m|v\xe9\xff<&>\"'|i\x7f\t|\n"
ALL = b"ALL one two\r\n"

KEPT_WHOLE = "vscan keeps a field that outgrows Nmap's buffer, and shows it whole"
TICKETS = (
    "vscan goes on with its session in TLS 1.3 too; "
    "Nmap takes the session before the server has sent the ticket that it needs"
)
UNASKED = "Nmap calls a UDP port tcpwrapped that it had nothing to ask; vscan calls it nothing"
EMPTY = "an empty datagram shows that the port is open; Nmap takes it for an end, not for an answer"


SCENARIOS: tuple[Scenario, ...] = (
    # Who says nothing, and who speaks first.
    Scenario("silent", silent),
    Scenario("banner", says(b"SSH-2.0-Foo_9.1\r\n"), "ssh"),
    Scenario("banner with all fields", says(ALL), "all"),
    Scenario("split banner", says(b"two parts", b" and done\r\n", pause=0.3), "two"),
    Scenario("slow drip", says(b"drip", b" ", b"d", b"r", b"o", b"p", pause=0.1), "drip"),
    Scenario("banner that no rule knows", says(b"Good day.\r\n")),
    Scenario("late banner", late_banner, "early"),
    Scenario("banner once asked", banner_once_asked, "fallen"),
    Scenario("echo", echo, "echo"),
    Scenario("chargen", chargen),
    Scenario("NUL and binary bytes", says(NASTY_BYTES), "bytes"),
    Scenario("helpers", says(HELPERS), "helpers"),
    Scenario(
        "helpers with blanks and escapes, a zero byte, an empty group, a CPE without its group",
        says(b'W"a"b\0c~\x01\x02~~'),
        "written",
    ),
    Scenario("white space and commas at the end", says(b"trim a, ,.b \t.\r\n"), "trims"),
    Scenario(
        "a field that outgrows Nmap's buffer",
        says(b"ALL " + b"o" * 200 + b" two\r\n"),
        "all",
        differs=dict.fromkeys(("product", "hostname", "devicetype", "cpe"), KEPT_WHOLE),
    ),
    # Who leaves.
    Scenario("close at once", close_at_once, "tcpwrapped"),
    Scenario("close late", close_late),
    Scenario("close after banner", close_after(b"SSH-2.0-Foo_9.1\r\n"), "ssh"),
    Scenario("close after unknown banner", close_after(b"bye\r\n")),
    Scenario("close after the probe", close_after_probe),
    Scenario("close late, then after every probe", hang_up_on_all, "tcpwrapped"),
    Scenario("close late, and let one probe wait", wait_once),
    Scenario(
        "intensity 0, close late", close_late, "tcpwrapped", options=("--version-intensity", "0")
    ),
    Scenario("close after unknown banner and answer", close_when_heard),
    Scenario("close after an unknown answer", close_after_answer),
    Scenario("close once, then serve", close_first_only, "http"),
    Scenario("reset at once", reset_at_once, "tcpwrapped"),
    Scenario("reset late", reset_late),
    Scenario("reset after banner", reset_after_banner),
    Scenario("reset after the probe", reset_after_probe),
    Scenario("refuse the second connection", refuse_second),
    Scenario("refuse after a close", refuse_second_after_close, "tcpwrapped"),
    Scenario("refuse from the start", silent, "tcpwrapped", refuses_all=True),
    Scenario(
        "refuse the third connection after two closes", refuse_third_after_closes, "tcpwrapped"
    ),
    Scenario("refuse the third connection after a word", refuse_third_after_a_word),
    Scenario("ignore the second connection", ignore_second),
    Scenario("ignore the second connection after a close", ignore_second_after_close, "tcpwrapped"),
    Scenario("refuse after a soft match", refuse_second_after_soft, "fields"),
    Scenario("refuse after an answer", refuse_after_answer),
    Scenario("accept, then close the second", accept_then_close_second),
    Scenario("half-close after banner", half_close),
    Scenario("half-close in silence", half_close_silent),
    Scenario("half-close after the answer", half_close_with_answer, "http"),
    # Soft matches.
    Scenario("soft only", says(b"220 soft ftp\r\n"), "ftp"),
    Scenario(
        "soft, then hard on the same connection",
        answers({LINES: b"500 same yes\r\n"}, b"220 soft ftp\r\n"),
        "ftp",
    ),
    Scenario(
        "soft, then hard on a new connection",
        by_turns(answers({}, b"220 soft ftp\r\n"), answers({GET: b"500 anew yes\r\n"})),
        "ftp",
    ),
    Scenario(
        "soft, then hard by a rare probe",
        by_turns(
            answers({}, b"220 soft ftp\r\n"), silent, answers({b"rare\r\n": b"250 rare yes\r\n"})
        ),
        "ftp",
    ),
    Scenario("two different softs", two_softs, "ftp"),
    Scenario(
        "soft of another service, then hard of it",
        by_turns(answers({}, b"220 soft ftp\r\n"), answers({GET: http(b"Other/1")})),
        "http",
    ),
    Scenario("soft with fields", says(b"220 soft fields foo\r\n"), "fields"),
    Scenario(
        "soft with fields, then hard that lacks them",
        answers({LINES: b"hard"}, b"220 soft fields foo\r\n"),
        "fields",
    ),
    Scenario(
        "soft, then softer with other fields",
        says(b"220 grows one\r\n", b"more two\r\n", pause=0.3),
        "grows",
    ),
    Scenario("soft for something inside TLS", says(b"softly ssl\r\n"), "ssl/softly"),
    Scenario("soft for TLS itself", says(b"just soft ssl\r\n"), "ssl"),
    Scenario(
        "soft by one probe, hard by another",
        answers({LINES: http(b"x"), GET: http(b"Foo/2")}),
        "http",
    ),
    # Which probes, and whose rules.
    Scenario("GET", answers({GET: http(b"Foo/2.1")}), "http"),
    Scenario("GET on a listed port", answers({GET: http(b"Foo/2.1")}), "http", lists=("Get",)),
    Scenario("two probes list the port", silent, lists=("Help", "Get")),
    Scenario(
        "rare probe lists the port", answers({b"rare\r\n": b"rare indeed"}), "rare", lists=("Rare",)
    ),
    Scenario("rare probe does not list the port", answers({b"rare\r\n": b"rare indeed"})),
    Scenario("rule of the fallback probe", answers({HELP: http(b"Fallen/1")}), "http"),
    Scenario("rule of the second fallback probe", answers({HELP: b"late answer\r\n"}), "late"),
    Scenario("rule of NULL by another probe", answers({HELP: b"fallen down"}), "fallen"),
    Scenario("rule of another probe does not count", answers({LINES: b"by get"})),
    Scenario("binary payload", answers({b"\0\xff|\\\r": b"\0\xff|\\\r!"}), "binary"),
    Scenario("delayed answer", delayed_answer, "late"),
    Scenario("answer after the probe's time", answer_too_late),
    Scenario(
        "banner and answer run together",
        by_turns(answers({LINES: b"two\r\n"}, b"one\r\n")),
        "lastly",
    ),
    Scenario("excluded", says(b"SSH-2.0-Foo_9.1\r\n"), excluded=True),
    Scenario(
        "excluded, and all ports wanted",
        says(b"SSH-2.0-Foo_9.1\r\n"),
        "ssh",
        excluded=True,
        options=("--allports",),
    ),
    Scenario("intensity 0", silent, options=("--version-intensity", "0")),
    Scenario(
        "intensity 0 on a listed port",
        silent,
        options=("--version-intensity", "0"),
        lists=("Help",),
    ),
    Scenario(
        "intensity 0, soft", says(b"220 soft ftp\r\n"), "ftp", options=("--version-intensity", "0")
    ),
    Scenario("intensity 2", silent, options=("--version-light",)),
    Scenario("intensity 9", silent, options=("--version-all",)),
    Scenario("intensity 9, soft", says(b"220 soft ftp\r\n"), "ftp", options=("--version-all",)),
    Scenario(
        "intensity 6, refuse after an answer",
        refuse_after_answer,
        options=("--version-intensity", "6"),
    ),
    Scenario(
        "intensity 6, soft",
        says(b"220 soft ftp\r\n"),
        "ftp",
        options=("--version-intensity", "6"),
    ),
    Scenario(
        "intensity 6, unknown banner", says(b"Good day.\r\n"), options=("--version-intensity", "6")
    ),
    # How much.
    Scenario("answer of 4095 bytes", big(4095), "size"),
    Scenario("answer of 4096 bytes", big(4096)),
    Scenario("answer of 4 KiB with a match at its end", big(4096, b"END OF IT"), "huge"),
    Scenario("4094 bytes, then more that matches", big_then_ending(4094), "huge"),
    Scenario("4096 bytes, then more that would match", big_then_ending(4096)),
    Scenario("answer of 64 KiB", big(65536)),
    Scenario("answer of 1 MiB", big(1 << 20)),
    Scenario("answer of 4096 bytes in two parts", says(b"y" * 4000, b"y" * 96, pause=0.3)),
    # TLS.
    Scenario("TLS 1.0 with a banner", tls(says(b"220 inner one\r\n"), "TLSv1"), "inner"),
    Scenario("TLS 1.1 with a banner", tls(says(b"220 inner one\r\n"), "TLSv1.1"), "inner"),
    Scenario("TLS 1.2 with a banner", tls(says(b"220 inner one\r\n"), "TLSv1.2"), "inner"),
    Scenario("TLS 1.3 with a banner", tls(says(b"220 inner one\r\n"), "TLSv1.3"), "inner"),
    Scenario("TLS 1.0 with HTTP", tls(answers({GET: http(b"In/1")}), "TLSv1"), "http"),
    Scenario("TLS 1.1 with HTTP", tls(answers({GET: http(b"In/1")}), "TLSv1.1"), "http"),
    Scenario("TLS 1.2 with HTTP", tls(answers({GET: http(b"In/1")}), "TLSv1.2"), "http"),
    Scenario(
        "TLS 1.3 with HTTP",
        tls(answers({GET: http(b"In/1")}), "TLSv1.3"),
        "http",
        differs={"resumed": TICKETS},
    ),
    Scenario("TLS 1.0, silent inside", tls(silent, "TLSv1")),
    Scenario("TLS 1.1, silent inside", tls(silent, "TLSv1.1")),
    Scenario("TLS 1.2, silent inside", tls(silent, "TLSv1.2")),
    Scenario("TLS 1.3, silent inside", tls(silent, "TLSv1.3"), differs={"resumed": TICKETS}),
    Scenario(
        "TLS with HTTP on a port that a probe lists inside",
        tls(answers({GET: http(b"In/1")})),
        "http",
        lists=("Hello",),
        lists_inside=("Get",),
    ),
    Scenario(
        "TLS with an unknown banner",
        tls(says(b"Good day, insider.\r\n")),
        differs={"resumed": TICKETS},
    ),
    Scenario(
        "TLS with a soft match inside",
        tls(says(b"220 soft fields in\r\n")),
        "fields",
        lists=("Hello",),
    ),
    Scenario(
        "TLS that closes without goodbye",
        tls(close_at_once),
        lists=("Hello",),
        differs={"resumed": TICKETS},
    ),
    Scenario(
        "TLS that says goodbye at once",
        tls(close_politely),
        lists=("Hello",),
        differs={"resumed": TICKETS},
    ),
    Scenario(
        "TLS that closes after an unknown banner",
        tls(close_after(b"out\r\n")),
        lists=("Hello",),
        differs={"resumed": TICKETS},
    ),
    Scenario(
        "TLS that closes after unknown answers",
        tls(close_when_heard),
        lists=("Hello",),
        differs={"resumed": TICKETS},
    ),
    Scenario(
        "TLS that resets after an unknown banner",
        tls(reset_after_banner),
        lists=("Hello",),
        differs={"resumed": TICKETS},
    ),
    Scenario(
        "TLS within TLS",
        tls(answers({}, otherwise=b"\x16\x03\x03\0\x04\x02\0\0\0")),
        "ssl",
        lists=("Hello",),
        differs={"resumed": TICKETS},
    ),
    Scenario(
        "TLS with 64 KiB inside", tls(big(65536)), lists=("Hello",), differs={"resumed": TICKETS}
    ),
    Scenario("alert to the hello", alert_after_hello),
    Scenario("hello, then plain text", hello_then_plain),
    Scenario("hello, then silence", hello_then_silence),
    Scenario("hello, then refused", hello_then_refuse, lists=("Hello",)),
    Scenario(
        "plain text to the hello",
        answers({}, otherwise=b"not tls at all\r\n"),
        "deep",
        lists=("Hello",),
    ),
    Scenario("rule of a service inside TLS", says(b"TLS inside 1.2\r\n"), "direct"),
    Scenario(
        "rule of a service inside TLS, found inside TLS",
        tls(says(b"TLS inside 1.2\r\n")),
        "direct",
        lists=("Hello",),
    ),
    Scenario(
        "soft, and no word of TLS", says(b"220 soft fields plain\r\n"), "fields", lists=("Hello",)
    ),
    Scenario(
        "soft for TLS, then TLS",
        by_turns(answers({LINES: b"just soft ssl\r\n"}), tls(says(b"220 inner one\r\n"))),
        "inner",
    ),
    Scenario(
        "DTLS over TCP",
        by_turns(answers({LINES: b"dtls"}), tls(says(b"220 inner one\r\n"))),
        "dtls",
    ),
    Scenario(
        "TLS to a host with a name",
        tls(says(b"220 inner one\r\n")),
        "inner",
        lists=("Hello",),
        target="localhost",
    ),
    # UDP.
    Scenario("UDP, silent", udp_silent, protocol="udp"),
    Scenario("UDP, answered", udp_answers({ASK: (b"\x01answer yes",)}), "ask", protocol="udp"),
    Scenario(
        "UDP, answered to a later probe",
        udp_answers({SECOND: (b"\x02answer",)}),
        "second",
        protocol="udp",
    ),
    Scenario(
        "UDP, listed",
        udp_answers({SECOND: (b"\x02answer",)}),
        "second",
        protocol="udp",
        lists=("Second",),
    ),
    Scenario(
        "UDP, rare and listed",
        udp_answers({THIRD: (b"\x03answer",)}),
        "third",
        protocol="udp",
        lists=("Third",),
    ),
    Scenario("UDP, rare and not listed", udp_answers({THIRD: (b"\x03answer",)}), protocol="udp"),
    Scenario(
        "UDP, two datagrams that match together",
        udp_answers({ASK: (b"one;", b"two")}),
        "parts",
        protocol="udp",
    ),
    Scenario(
        "UDP, the second datagram would match", udp_answers({ASK: (b"one", b"two")}), protocol="udp"
    ),
    Scenario(
        "UDP, answer after the probe's time", udp_answers_first_socket, "behind", protocol="udp"
    ),
    Scenario("UDP, unknown answer", udp_answers({ASK: (b"huh?",)}), protocol="udp"),
    Scenario(
        "UDP, soft, then hard",
        udp_answers({ASK: (b"many",), SECOND: (b"lots of it",)}),
        "many",
        protocol="udp",
    ),
    Scenario(
        "UDP, empty answer",
        udp_answers({ASK: (b"",)}),
        protocol="udp",
        differs=dict.fromkeys(("state", "reason"), EMPTY),
    ),
    Scenario("UDP, fallback", udp_answers({SECOND: (b"\x01answer late",)}), "ask", protocol="udp"),
    Scenario("UDP, goes away after a probe", udp_goes_away, protocol="udp"),
    Scenario("UDP, goes away after an answer", udp_goes_away_after_answer, "many", protocol="udp"),
    Scenario("UDP, port finder answered", udp_silent, protocol="udp", answers_finder=True),
    Scenario(
        "UDP, nothing to ask",
        udp_silent,
        "tcpwrapped",
        protocol="udp",
        options=("--version-intensity", "0"),
        differs=dict.fromkeys(("name", "method", "conf"), UNASKED),
    ),
    Scenario("UDP, DTLS", udp_answers({ASK: (b"dtls",)}), "dtls", protocol="udp"),
    Scenario("UDP, excluded", udp_silent, protocol="udp", excluded=True),
    # IPv6.
    Scenario("IPv6, silent", silent, address=IPV6),
    Scenario("IPv6, banner", says(b"SSH-2.0-Foo_9.1\r\n"), "ssh", address=IPV6),
    Scenario("IPv6, GET", answers({GET: http(b"Six/6")}), "http", address=IPV6),
    Scenario(
        "IPv6, TLS with HTTP",
        tls(answers({GET: http(b"In/6")})),
        "http",
        address=IPV6,
        differs={"resumed": TICKETS},
    ),
    Scenario("IPv6, close at once", close_at_once, "tcpwrapped", address=IPV6),
    Scenario(
        "IPv6, UDP", udp_answers({ASK: (b"\x01answer six",)}), "ask", protocol="udp", address=IPV6
    ),
    Scenario("IPv6, UDP, silent", udp_silent, protocol="udp", address=IPV6),
)
