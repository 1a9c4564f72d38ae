"""An exchange as a hexdump for text2pcap; what it makes of it is read back where it is there."""

import re
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.events import (
    BytesReceived,
    Endpoint,
    ExchangeStarted,
    PortFound,
    PortState,
)
from vscan_tui.reports.text2pcap import LARGEST_SEGMENT, command, render
from vscan_tui.session.store import Store

START = 1_700_000_000.25
ALL_BYTES = bytes(range(256))
needs_text2pcap = pytest.mark.skipif(
    shutil.which("text2pcap") is None or shutil.which("tshark") is None,
    reason="Wireshark's text2pcap and tshark are not here",
)


def port_with(*exchanges, address="127.0.0.1", protocol="tcp", number=80, tunnel="", start=START):
    """A port whose exchanges go on from each other: (payload, reads)."""
    here = Endpoint(address, protocol, number)
    store = Store()
    store.apply(PortFound(time=0, endpoint=here, state=PortState.OPEN, reason=""))
    for count, (payload, reads) in enumerate(exchanges, start=1):
        store.apply(
            ExchangeStarted(
                time=start + count, endpoint=here, exchange=count, connection=1, probe="Hello\n#",
                payload=payload, reason="", continues=count - 1, tunnel=tunnel,
            )
        )  # fmt: skip
        for place, data in enumerate(reads, start=1):
            time = start + count + place / 1000
            store.apply(BytesReceived(time=time, endpoint=here, exchange=count, data=data))
    return store.ports[here]


def text_of(port, number=None):
    return "".join(render(port, port.exchange(number or len(port.exchanges)), "a.txt"))


def packets_in(text):
    """What the rules of text2pcap(1) make of a text: (direction, time, bytes) of each packet."""
    found = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        offset = re.match(r"([0-9a-f]{6})((?: [0-9a-f]{2})+)$", line)
        if offset is None:
            letter, time = line.split(" ")
            found.append((letter, time, bytearray()))
        else:
            assert int(offset[1], 16) == len(found[-1][2])
            found[-1][2].extend(bytes.fromhex(offset[2]))
    return [(letter, time, bytes(data)) for letter, time, data in found]


def test_every_payload_and_read_is_a_packet_with_direction_and_time():
    port = port_with((b"GET\r\n", [b"HTTP/1.1 ", b"200 OK\r\n"]))
    assert packets_in(text_of(port)) == [
        ("O", "2023-11-14T22:13:21.250000Z", b"GET\r\n"),
        ("I", "2023-11-14T22:13:21.251000Z", b"HTTP/1.1 "),
        ("I", "2023-11-14T22:13:21.252000Z", b"200 OK\r\n"),
    ]


def test_an_exchange_that_goes_on_from_others_comes_with_them():
    port = port_with((b"", [b"220 ready\r\n"]), (b"EHLO\r\n", [b"250 ok\r\n"]))
    assert [(letter, data) for letter, _, data in packets_in(text_of(port))] == [
        ("I", b"220 ready\r\n"), ("O", b"EHLO\r\n"), ("I", b"250 ok\r\n"),
    ]  # fmt: skip
    assert [data for *_, data in packets_in(text_of(port, 1))] == [b"220 ready\r\n"]


@given(st.binary(), st.lists(st.binary(min_size=1, max_size=60), max_size=5))
def test_no_byte_is_lost_or_added(payload, reads):
    found = packets_in(text_of(port_with((payload, reads))))
    assert b"".join(data for letter, _, data in found if letter == "O") == payload
    assert [data for letter, _, data in found if letter == "I"] == reads


def test_a_read_that_no_packet_could_hold_becomes_several():
    found = packets_in(text_of(port_with((b"", [bytes(LARGEST_SEGMENT * 2 + 5)]))))
    assert [len(data) for *_, data in found] == [LARGEST_SEGMENT, LARGEST_SEGMENT, 5]


def test_a_time_that_no_calendar_has_is_written_as_the_epoch():
    (_, time, _), *_ = packets_in(text_of(port_with((b"x", []), start=1e300)))
    assert time == "1970-01-01T00:00:00.000000Z"


def test_the_comments_are_comments_and_tell_the_command():
    first, second, *_ = text_of(port_with((b"x", []), tunnel="ssl")).splitlines()
    assert first.startswith("# 127.0.0.1:80/tcp, exchange 1, probe Hello.#, inside TLS")
    assert second.startswith("# text2pcap -D -t ISO -T 80,49152 -4 127.0.0.1,127.0.0.1 a.txt ")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.0.0.9", "-4 10.0.0.9,192.0.2.1"),
        ("2001:db8::9", "-6 2001:db8::9,2001:db8::1"),
        ("fe80::1%eth0", "-6 fe80::1,2001:db8::1"),
        ("::1", "-6 ::1,::1"),
    ],
)
def test_the_command_names_the_service_first(address, words):
    made = command(port_with((b"x", []), address=address), "a.txt")
    assert f"{words} a.txt a.txt.pcapng" in made


@needs_text2pcap
@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.9", "2001:db8::9"])
def test_wireshark_reads_the_stream_back(tmp_path, address):
    """Both directions, byte for byte, from the ports and in the order in which they went."""
    port = port_with(
        (b"", [b"220 ready\r\n"]),
        (ALL_BYTES, [ALL_BYTES * 90, b"deadbeef 00 11\r\n"]),
        address=address,
    )
    (tmp_path / "a.txt").write_text(text_of(port), encoding="ascii")
    subprocess.run(shlex.split(command(port, "a.txt")), cwd=tmp_path, check=True)
    fields = ["frame.time_epoch", "tcp.srcport", "tcp.dstport", "tcp.payload"]
    told = subprocess.run(
        ["tshark", "-r", "a.txt.pcapng", "-T", "fields",
         *(word for field in fields for word in ("-e", field))],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    rows = [line.split("\t") for line in told.splitlines()]
    assert [row[1:3] for row in rows] == [
        ["80", "49152"], ["49152", "80"], *[["80", "49152"]] * 3
    ]  # fmt: skip
    data = [bytes.fromhex(row[3]) for row in rows]
    assert data[:2] == [b"220 ready\r\n", ALL_BYTES]
    assert b"".join(data[2:]) == ALL_BYTES * 90 + b"deadbeef 00 11\r\n"
    assert float(rows[0][0]) == pytest.approx(START + 1.001, abs=2e-6)


@needs_text2pcap
def test_wireshark_reads_datagrams_back(tmp_path):
    port = port_with((b"ask", [b"answer", b"another"]), protocol="udp", number=53)
    (tmp_path / "a.txt").write_text(text_of(port), encoding="ascii")
    subprocess.run(shlex.split(command(port, "a.txt")), cwd=tmp_path, check=True)
    told = subprocess.run(
        ["tshark", "-r", "a.txt.pcapng", "-T", "fields", "-e", "udp.srcport", "-e", "udp.payload"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert [line.split("\t") for line in told.splitlines()] == [
        ["49152", b"ask".hex()], ["53", b"answer".hex()], ["53", b"another".hex()]
    ]  # fmt: skip
