"""What the screen asks: every rule when it is looked at, and what each read would have given."""

import pytest
from generated import databases

from vscan_tui.matching.explain import Fate
from vscan_tui.matching.investigation import Investigation
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.sources import DatabaseError

OWN = r"""
Probe TCP NULL q||
match ftp m|^220 ([-.\w]+) Own FTP ([\d.]+) ready\r\n| p/Own FTP/ v/$2/ h/$1/
softmatch ftp m|^220 |
match ftp m|^220 Other FTP server (\d+)\r\n| p/Other/
match pop3 m|^\+OK |
"""
RESPONSE = b"220 host Own FTP 1.2 ready\r\n"


@pytest.fixture
def investigation():
    return Investigation(lambda: databases(OWN))


def test_rules_are_told_one_by_one_in_the_order_in_which_they_are_tried(investigation):
    rules = investigation.study("NULL", "tcp", RESPONSE).rules

    assert [fate.fate for fate in rules] == [
        Fate.FIRED, Fate.SHADOWED, Fate.FAILED, Fate.FAILED,
    ]  # fmt: skip
    assert (rules.fired, rules.shadowed) == (0, (1,))
    assert rules[-1].rule.service == "pop3"


def test_the_nearest_of_those_that_failed_has_the_first_rank(investigation):
    rules = investigation.study("NULL", "tcp", b"220 Other FTP server x\r\n").rules

    assert rules.nearest[0] == 2
    ranks = [rules[number].rank for number in rules.nearest]
    assert ranks == list(range(1, len(ranks) + 1))
    assert rules[1].rank is None  # it matches


def test_rules_are_found_by_words_in_service_place_fields_and_regex(investigation):
    rules = investigation.study("NULL", "tcp", RESPONSE).rules

    assert rules.found([b"ftp", b"other"]) == (2,)
    assert rules.found([b"own ftp"]) == (0,)
    assert rules.found([b":6"]) == (3,)
    assert rules.found([b"nowhere"]) == ()


def test_a_rule_that_fires_on_half_an_answer_hides_one_that_tells_more(investigation):
    reads = investigation.study("NULL", "tcp", RESPONSE, [9, len(RESPONSE)]).reads

    assert [(read.number, read.length, read.match.soft) for read in reads] == [
        (1, 9, True),
        (2, len(RESPONSE), False),
    ]


def test_of_very_many_reads_the_first_and_the_last_are_looked_at(investigation):
    reads = investigation.study("NULL", "tcp", RESPONSE * 10, range(1, 200)).reads

    assert len(reads) == 16
    assert reads[-1].number == 199


def test_a_probe_of_no_database_is_answered_with_the_rules_for_banners(investigation):
    assert investigation.match("made by hand", "tcp", RESPONSE).line == 3
    assert investigation.match("made by hand", "udp", RESPONSE) is None


def test_databases_are_read_once_and_again_when_one_has_changed():
    texts = [OWN, OWN.replace("ftp", "fish")]
    investigation = Investigation(lambda: databases(texts.pop(0)))

    assert investigation.match("NULL", "tcp", RESPONSE).service == "ftp"
    investigation.read_again()
    assert investigation.match("NULL", "tcp", RESPONSE).service == "fish"


def test_databases_that_cannot_be_read_leave_nothing_to_tell():
    def fail():
        raise DatabaseError("gone")

    investigation = Investigation(fail)
    assert investigation.databases().databases == ProbeDatabases(()).databases
    assert investigation.study("NULL", "tcp", RESPONSE) is None
