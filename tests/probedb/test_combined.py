"""Several databases act as one."""

from vscan_tui.events import DatabaseIdentity
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import ProbeDatabase
from vscan_tui.probedb.parser import parse


def database(name, text):
    parsed = parse(text.encode(), name)
    assert parsed.faults == ()
    return ProbeDatabase(DatabaseIdentity(name, name, 0, 0, ""), parsed.probes, parsed.exclusions)


FIRST = database(
    "first",
    """Exclude T:9100
Probe TCP NULL q||
match own m|^A|
Probe TCP Ask q|ask|
rarity 3
ports 7
totalwaitms 4000
match own m|^B|
""",
)
SECOND = database(
    "second",
    """Exclude U:53
Probe TCP Silent q||
tcpwrappedms 3000
Probe TCP Question q|ask|
rarity 2
ports 8
sslports 9
totalwaitms 6000
match other m|^C|
Probe UDP Ask q|ask|
""",
)


def test_a_probe_with_the_same_protocol_and_payload_is_sent_once():
    combined = ProbeDatabases((FIRST, SECOND))

    assert [(probe.protocol, probe.payload) for probe in combined.probes] == [
        ("tcp", b""), ("tcp", b"ask"), ("udp", b"ask"),
    ]  # fmt: skip
    assert [probe.name for probe in combined.of_protocol("tcp")] == ["NULL", "Ask"]


def test_every_name_of_a_probe_finds_it():
    combined = ProbeDatabases((FIRST, SECOND))

    assert combined.find("Ask", "tcp") is combined.find("Question", "tcp")
    assert combined.find("NULL", "tcp") is combined.find("Silent", "tcp")
    assert combined.find("Question", "udp") is None


def test_what_is_sent_once_serves_all_databases():
    ask = ProbeDatabases((FIRST, SECOND)).find("Ask", "tcp")

    assert ask.rarity == 2
    assert ask.totalwaitms == 6000
    assert ask.tcpwrappedms == 2000
    assert ask.services == {"own", "other"}
    assert ask.lists(7, tunnel=False)
    assert ask.lists(8, tunnel=False)
    assert not ask.lists(9, tunnel=False)
    assert ask.lists(9, tunnel=True)


def test_a_port_is_excluded_if_any_database_says_so():
    combined = ProbeDatabases((FIRST, SECOND))

    assert combined.excludes("tcp", 9100)
    assert combined.excludes("udp", 53)
    assert not combined.excludes("tcp", 53)


def test_the_chain_of_a_tcp_probe_is_its_own_rules_its_fallbacks_and_the_null_probe():
    own = database(
        "own",
        "Probe TCP NULL q||\nProbe TCP A q|a|\nfallback B,C,A\nProbe TCP B q|b|\n"
        "fallback A\nProbe UDP C q|c|\nProbe UDP B q|u|\nfallback B\n",
    )
    named = {(probe.protocol, probe.name): probe for probe in own.probes}

    def chain(protocol, name):
        return [(probe.protocol, probe.name) for probe in own.chain(named[protocol, name])]

    assert chain("tcp", "A") == [("tcp", "A"), ("tcp", "B"), ("udp", "C"), ("tcp", "NULL")]
    assert chain("udp", "B") == [("udp", "B")]
    assert chain("udp", "C") == [("udp", "C")]
    assert chain("tcp", "NULL") == [("tcp", "NULL")]


def test_a_database_that_has_two_probes_with_the_same_payload_sends_both():
    twice = database(
        "twice", "Probe TCP A q|ask|\nmatch a m|^A|\nProbe TCP B q|ask|\nmatch b m|^B|\n"
    )
    combined = ProbeDatabases((FIRST, twice))

    assert [probe.name for probe in combined.of_protocol("tcp")] == ["NULL", "Ask", "B"]
    assert combined.find("A", "tcp") is combined.find("Ask", "tcp")
    assert combined.find("B", "tcp").services == {"b"}
