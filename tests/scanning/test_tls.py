"""What TLS tells of itself: from real servers, damaged bytes and hostile certificates."""

import shutil
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scanning.loopback import certificate, says, silent, tcp_server
from vscan_tui.events import Endpoint, Method, Service, TlsFindings
from vscan_tui.scanning.postprocessing.certificate import certificate_findings
from vscan_tui.scanning.postprocessing.protocol import Known
from vscan_tui.scanning.postprocessing.tls import TlsInspector
from vscan_tui.scanning.postprocessing.tls_hello import (
    VERSIONS,
    client_hello,
    is_whole_flight,
    read_flight,
)
from vscan_tui.scanning.transport.sockets import AsyncioTransport, ConnectionEndedError

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")
LONG = 20.0


async def ask(endpoint, question):
    """Answer a question as the engine does."""
    connection = await AsyncioTransport().connect(
        endpoint, tunnel=bool(question.tunnel), server_name="", within=LONG
    )
    answer = b""
    try:
        await connection.send(question.payloads[0])
        while not question.is_complete(answer):
            answer += await connection.receive(LONG)
    except ConnectionEndedError:
        pass
    finally:
        await connection.close()
    return answer


async def inspect(endpoint):
    service = Service("http", tunnel="ssl", method=Method.PROBED, confidence=10)
    talk = TlsInspector().talk(Known(endpoint, service, None))
    try:
        question = next(talk)
        while True:
            question = talk.send(await ask(endpoint, question))
    except StopIteration as end:
        return end.value.tls


@needs_openssl
@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (ssl.TLSVersion.TLSv1_2, ("TLSv1.2",)),
        (ssl.TLSVersion.TLSv1_3, ("TLSv1.3",)),
        (None, ("TLSv1.2", "TLSv1.3")),
    ],
)
async def test_the_versions_that_a_server_speaks_are_found(tmp_path, version, expected):
    context = certificate(tmp_path)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    async with tcp_server(silent, tls=context) as endpoint:
        assert (await inspect(endpoint)).versions == expected


@needs_openssl
async def test_the_certificate_is_read_from_the_open_part_of_the_handshake(tmp_path):
    async with tcp_server(silent, tls=certificate(tmp_path)) as endpoint:
        findings = await inspect(endpoint)
    assert findings.names == ("vscan.example",)
    assert findings.subject == findings.issuer == "CN=vscan.example"
    assert findings.not_before < findings.not_after


@needs_openssl
async def test_the_protocol_chosen_by_alpn_is_told(tmp_path):
    context = certificate(tmp_path)
    context.set_alpn_protocols(["http/1.1"])
    async with tcp_server(silent, tls=context) as endpoint:
        assert (await inspect(endpoint)).alpn == "http/1.1"


async def test_a_server_that_speaks_no_tls_tells_nothing():
    async with tcp_server(says(b"220 no TLS here\r\n")) as endpoint:
        assert await inspect(endpoint) == TlsFindings()


def test_services_without_tls_are_not_asked():
    known = Known(Endpoint("127.0.0.1", "tcp", 80), Service("http"), None)
    assert TlsInspector().talk(known) is None


@pytest.mark.parametrize("certificate_bytes", [b"", b"\x30\x03\x02\x01", b"\xff" * 10_000])
def test_a_certificate_that_is_none_tells_nothing(certificate_bytes):
    assert certificate_findings(certificate_bytes) == TlsFindings()


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_complaint(data):
    read_flight(data)


@given(st.binary(max_size=200))
def test_any_handshake_is_read_without_complaint(body):
    message = b"\x02" + len(body).to_bytes(3) + body
    flight = read_flight(b"\x16\x03\x03" + len(message).to_bytes(2) + message)
    assert flight.hello is None or flight.hello.version >= 0


def test_nothing_is_no_whole_answer_and_an_alert_is():
    assert not is_whole_flight(b"")
    assert is_whole_flight(b"\x15\x03\x01\x00\x02\x02\x28")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hello_is_one_well_formed_record(version):
    hello = client_hello(version, server_name="vscan.example", protocols=("h2",))
    assert hello[0] == 22
    assert int.from_bytes(hello[3:5]) == len(hello) - 5
    assert int.from_bytes(hello[6:9]) == len(hello) - 9


def test_a_server_that_answers_in_an_older_version_speaks_only_that_one():
    body = (0x0302).to_bytes(2) + bytes(32) + b"\0" + b"\x00\x2f\0"
    hello = b"\x02" + len(body).to_bytes(3) + body
    done = b"\x0e\0\0\0"
    answer = b"\x16\x03\x02" + len(hello + done).to_bytes(2) + hello + done
    service = Service("http", tunnel="ssl", method=Method.PROBED, confidence=10)
    talk = TlsInspector().talk(Known(Endpoint("127.0.0.1", "tcp", 443), service, None))
    question, refined = next(talk), None
    while question is not None:
        try:
            question = talk.send(answer)
        except StopIteration as end:
            question, refined = None, end.value
    assert refined.tls.versions == ("TLSv1.1",)


def test_who_finished_no_handshake_and_stalls_is_asked_no_more():
    service = Service("", tunnel="ssl", method=Method.PROBED, confidence=10)
    talk = TlsInspector().talk(Known(Endpoint("127.0.0.1", "tcp", 443), service, None))
    next(talk)
    with pytest.raises(StopIteration) as end:
        talk.send(b"\x16\x03\x03\x00\x2a\x02\x00")  # the beginning of a record
    assert end.value.value.tls.versions == ()
