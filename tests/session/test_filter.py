"""The filter language: what it finds, what it refuses, and that it refuses nothing else."""

from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vscan_tui.events import (
    Endpoint,
    Fields,
    Mark,
    Method,
    Outcome,
    PortHeld,
    PortState,
    Service,
)
from vscan_tui.session.filter import CONDITIONS, FIELDS, compiled
from vscan_tui.session.filter_completion import completions
from vscan_tui.session.filter_syntax import FilterError, Part, parts
from vscan_tui.session.store import Exchange, Host, Port, Stage


@dataclass
class Seen:
    port: Port
    host: Host | None = None
    text: str = ""


def port(
    number=80,
    address="10.1.2.3",
    *,
    service="http",
    outcome=Outcome.HARD_MATCH,
    state=PortState.OPEN,
    tunnel="",
    mark=Mark.NONE,
    note="",
    response=b"",
    text="",
    host=None,
    protocol="tcp",
    **fields,
):
    made = Port(Endpoint(address, protocol, number), state, "syn-ack")
    made.stage, made.outcome = Stage.FINISHED, outcome
    made.service = Service(service, Fields(**fields), tunnel, Method.PROBED, 10)
    made.mark, made.note = mark, note
    if response:
        made.exchanges.append(
            Exchange(1, 1, "GetRequest", b"", "", "", 0.0, response=bytearray(response))
        )
    return Seen(made, host, text)


NGINX = port(8080, product="nginx", version="1.22.1", text="8080/tcp open http nginx 1.22.1")
SSH = port(22, "10.1.2.30", service="ssh", product="OpenSSH", version="9.2p1", ostype="Linux",
           text="22/tcp open ssh openssh 9.2p1", mark=Mark.TO_DO)  # fmt: skip
HTTPS = port(443, "192.168.0.7", tunnel="ssl", product="Apache httpd", version="2.4.57",
             text="443/tcp open ssl/http apache httpd 2.4.57", mark=Mark.DONE)  # fmt: skip
UNKNOWN = port(9999, "fe80::1", service="abyss", outcome=Outcome.NO_MATCH, response=b"ERR 17\r\n",
               note="ask Müller, the owner", text="9999/tcp open abyss? unknown - 1 answer",
               host=Host("fe80::1", "printer.example", "rev.example"))  # fmt: skip
SILENT = port(7, service="echo", outcome=Outcome.NO_MATCH, text="7/tcp open echo? no answer")
FILTERED = port(
    53,
    "127.0.0.1",
    service="domain",
    state=PortState.OPEN_OR_FILTERED,
    outcome=Outcome.NO_MATCH,
    protocol="udp",
    text="53/udp open|filtered domain",
)
ALL = {"nginx": NGINX, "ssh": SSH, "https": HTTPS, "unknown": UNKNOWN, "silent": SILENT,
       "filtered": FILTERED}  # fmt: skip


def found(text, among=ALL):
    chosen = compiled(text)
    return {name for name, subject in among.items() if chosen.matches(subject)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set(ALL)),
        ("  \t ", set(ALL)),
        ("nginx", {"nginx"}),
        ("NGINX", {"nginx"}),
        ("open 2", {"nginx", "ssh", "https"}),
        ('"httpd 2"', {"https"}),
        ("!open", set()),
        ("!!nginx", {"nginx"}),
        ("state:open", {"nginx", "ssh", "https", "unknown", "silent"}),
        ("state:open|filtered", {"filtered"}),
        ("state:op", set(ALL)),
        ("service:http", {"nginx", "https"}),
        ("service:ssl/", {"https"}),
        ("service:ssh,echo", {"ssh", "silent"}),
        ("!service:http", {"ssh", "unknown", "silent", "filtered"}),
        (r"version~1\.2[0-9]", {"nginx"}),
        (r"version~^nginx", {"nginx"}),
        ('version:"httpd 2.4"', {"https"}),
        ('version~"httpd +2"', {"https"}),
        ("product:OPENSSH", {"ssh"}),
        ("identified", {"nginx", "ssh", "https"}),
        ("!identified", {"unknown", "silent", "filtered"}),
        ("is:identified", {"nginx", "ssh", "https"}),
        ("unknown", {"unknown"}),
        ('"unknown"', {"unknown"}),
        ("is:silent,tls", {"silent", "filtered", "https"}),
        ("port:8000-9000", {"nginx"}),
        ("port:22,443", {"ssh", "https"}),
        ("port:-100", {"ssh", "silent", "filtered"}),
        ("port:8080-", {"nginx", "unknown"}),
        ("port~80", {"nginx"}),
        ("host:10.0.0.0/8", {"nginx", "ssh", "silent"}),
        ("host:10.1.2.3", {"nginx", "silent"}),
        ("host:10.1.2.", {"nginx", "ssh", "silent"}),
        ("host:fe80::/10", {"unknown"}),
        ("host:FE80::1", {"unknown"}),
        ("host:printer", {"unknown"}),
        ("host:rev.example,127.0.0.1", {"unknown", "filtered"}),
        ("mark:todo", {"ssh"}),
        ("mark:any", {"ssh", "https"}),
        ("!mark:none", {"ssh", "https"}),
        ("marked noted", set()),
        ("noted", {"unknown"}),
        ("note:müller", {"unknown"}),
        ('note:"müller, the"', {"unknown"}),
        ("note~m.{1,2}ller", {"unknown"}),
        ("protocol:udp", {"filtered"}),
        ("os:linux", {"ssh"}),
        ("response:err", {"unknown"}),
        (r"response~\d\d\r\n$", {"unknown"}),
        ("response:[", set()),
        ("probe:get", {"unknown"}),
        (
            r"state:open service:http version~1\.2[0-9] identified port:8000-9000 host:10.0.0.0/8",
            {"nginx"},
        ),
    ],
)
def test_a_filter_finds(text, expected):
    assert found(text) == expected


WAITING, ASKED, HELD = port(81), port(82), port(83)
WAITING.port.stage, WAITING.port.outcome = Stage.WAITING, None
ASKED.port.stage, ASKED.port.outcome = Stage.PROBING, None
HELD.port.stage, HELD.port.outcome = Stage.PROBING, None
HELD.port.held = PortHeld(time=0.0, endpoint=HELD.port.endpoint, cause="by hand", action="send")
BY_HAND = port(84)
BY_HAND.port.by_hand = True
STAGES = {"waiting": WAITING, "asked": ASKED, "held": HELD, "by hand": BY_HAND,
          "soft": port(85, outcome=Outcome.SOFT_MATCH),
          "wrapped": port(86, outcome=Outcome.TCPWRAPPED),
          "failed": port(87, outcome=Outcome.INCOMPLETE),
          "stopped": port(88, outcome=Outcome.STOPPED),
          "excluded": port(89, outcome=Outcome.EXCLUDED)}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("waiting", {"waiting"}),
        ("probing", {"asked", "held"}),
        ("held", {"held"}),
        ("!finished", {"waiting", "asked", "held"}),
        ("byhand", {"by hand"}),
        ("hard", {"by hand"}),
        ("soft", {"soft"}),
        ("identified", {"by hand", "soft"}),
        ("wrapped", {"wrapped"}),
        ("incomplete", {"failed", "stopped"}),
        ("excluded", {"excluded"}),
    ],
)
def test_a_filter_finds_how_far_a_port_is_and_how_it_ended(text, expected):
    assert found(text, among=STAGES) == expected


@pytest.mark.parametrize(
    "text", ["service:", "port:", "state: open", "!", "mark:,", "note~", "is:"]
)
def test_what_is_still_being_typed_asks_for_nothing(text):
    assert found(text) == found(text.partition(" ")[2])


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("open prot:80", "prot", "did you mean port?"),
        ("fnord:80", "fnord", "quotes"),
        ("port:http", "http", "number"),
        ("port:22,x", "x", "number"),
        ("port:70000", "70000", "65535"),
        ("port:9-8", "9-8", "ends before"),
        ("port:²", "²", "number"),
        ("state:ajar", "ajar", "open, closed"),
        ("mark:x", "x", "todo, done"),
        ("is:x", "x", "identified"),
        ("host:10.0.0.0/", "10.0.0.0/", "length"),
        ("host:10.0.0.0/99", "10.0.0.0/99", "network"),
        ('open "two words', '"two words', "no end"),
        ("version~(a", "", "PCRE2"),
        ("version~a**", "*", "PCRE2"),
        ("mark~x", "x", "mark:"),
        ("x" * 1001, "x", "1000"),
        ("x " * 51, "x ", "50 terms"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, place, message):
    with pytest.raises(FilterError) as caught:
        compiled(text)
    assert message in caught.value.message
    assert text[caught.value.start : caught.value.end].endswith(place)


def test_a_runaway_regex_finds_nothing_and_comes_back():
    slow = port(product="a" * 5000)
    assert not compiled("product~(a+)+$b").matches(slow)


def test_every_field_and_condition_can_be_asked_for():
    for field_ in FIELDS:
        value = field_.choices[0] if field_.choices else "1"
        compiled(f"{field_.name}:{value}").matches(UNKNOWN)
    for condition in CONDITIONS:
        compiled(condition.name).matches(UNKNOWN)


def attempt(text):
    try:
        return compiled(text), None
    except FilterError as error:
        return None, error


PIECES = st.sampled_from(
    [
        *(f"{item.name}:" for item in FIELDS), *(f"{item.name}~" for item in FIELDS),
        *(item.name for item in CONDITIONS), "!", '"', ",", " ", "\\", "-", "/", "80", "10.0.0.0/8",
        "::1", "todo", "(a+)+$", "[", "(?", "*", "{1,", "\\x{", "\\Q", "(*UTF)", "(?C1)", "\ud800",
        "é", "\0", "(?R)", "\\K", "(*COMMIT)",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))


@settings(max_examples=1500, deadline=None)
@given(TEXTS, st.integers(0, 60))
@example("version~\ud800", 3)
@example("version~(*LIMIT_MATCH=4000000000)(a+)+$", 0)
def test_any_text_is_a_filter_or_the_documented_error(text, cursor):
    parts(text)
    for completion in completions(text, min(cursor, len(text)), lambda field: [("a b", 2)]):
        completion.applied(text)
    chosen, error = attempt(text)
    if error is not None:
        assert error.message
        assert 0 <= error.start <= error.end <= len(text)
        return
    for subject in ALL.values():
        assert chosen.matches(subject) in (True, False)


def completed(text, values=()):
    return [
        completion.applied(text)[0]
        for completion in completions(text, len(text), lambda field: values)
    ]


def test_names_are_completed():
    assert completed("st") == ["state:"]
    assert completed("open !unk") == ["open !unknown"]
    assert "service:" in completed("")


def test_values_are_completed_the_most_frequent_first():
    assert completed("state:o") == ["state:open", "state:open|filtered"]
    assert completed("service:", [("http", 3), ("ssh", 7)]) == ["service:ssh", "service:http"]
    assert completed("service:ssh,h", [("http", 3)]) == ["service:ssh,http"]
    assert completed("product:", [("Apache httpd", 1)]) == ['product:"Apache httpd"']


def test_what_is_complete_offers_nothing():
    assert completed("mark:todo") == []
    assert completed('service:"ss') == []


def test_parts_are_told_apart():
    assert parts('!service:http version~1 "two words"') == [
        (0, 1, Part.NEGATION), (1, 9, Part.FIELD), (9, 13, Part.VALUE),
        (14, 22, Part.FIELD), (22, 23, Part.REGEX), (24, 35, Part.WORD),
    ]  # fmt: skip
