"""The states of ports, with the reasons, on real sockets."""

import socket

import pytest

from tests.farm import program
from tests.farm.servers import IPV4, IPV6, free_numbers, has_ipv6

QUICK_DATABASE = """
Probe TCP NULL q||
totalwaitms 500
match greeter m|^hello|

Probe UDP Ask q|ask|
rarity 1
totalwaitms 500
match greeter m|^hello|
"""

needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")


@pytest.fixture
def scan(tmp_path):
    """Scan ports with a small database; returns the line of each, by protocol and number."""
    database = tmp_path / "quick"
    database.write_text(QUICK_DATABASE)

    def scan_ports(spec: str, address: str = IPV4):
        done = program.run(
            "--headless", "-sT", "-sU", "-n", "-T5", "--versiondb", database, "-p", spec,
            "-oJ", "-", *(["-6"] if address == IPV6 else []), address,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        lines = program.json_lines(done.stdout, "port")
        return {(line["protocol"], line["port"]): line for line in lines}

    return scan_ports


@pytest.fixture
def free_number() -> int:
    """A port that nobody listens on."""
    return list(free_numbers())[-1]


@pytest.mark.parametrize("address", [IPV4, pytest.param(IPV6, marks=needs_ipv6)])
def test_ports_that_nobody_listens_on_are_closed(scan, free_number, address):
    found = scan(f"T:{free_number},U:{free_number}", address)

    tcp, udp = found["tcp", free_number], found["udp", free_number]
    assert (tcp["state"], tcp["reason"]) == ("closed", "conn-refused")
    assert (udp["state"], udp["reason"]) == ("closed", "port-unreach")
    assert tcp["exchanges"] == udp["exchanges"] == []


def test_a_udp_port_that_says_nothing_may_be_open_or_filtered(scan):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind((IPV4, 0))
        number = mute.getsockname()[1]
        line = scan(f"U:{number}")["udp", number]

    assert (line["state"], line["reason"]) == ("open|filtered", "no-response")
    assert line["outcome"] == "no match"


def test_a_tcp_port_that_says_nothing_is_open_and_unknown(scan):
    with socket.create_server((IPV4, 0)) as mute:
        number = mute.getsockname()[1]
        line = scan(f"T:{number}")["tcp", number]

    assert (line["state"], line["reason"]) == ("open", "syn-ack")
    assert line["outcome"] == "no match"
    assert line["fingerprint"] == ""
