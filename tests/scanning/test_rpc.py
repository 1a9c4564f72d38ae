"""SunRPC programs are found by calls with a version that cannot exist."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.events import Endpoint, Fields, Method, Service
from vscan_tui.scanning.postprocessing import Known
from vscan_tui.scanning.rpc import RpcGrinder, call, replies, rpc_programs


def known(protocol="tcp", name="rpcbind", method=Method.PROBED):
    endpoint = Endpoint("127.0.0.1", protocol, 111)
    return Known(endpoint, Service(name, Fields(), "", method, 10), None)


def reply(xid, status, *versions, is_stream=True):
    message = struct.pack(">6I", xid, 1, 0, 0, 0, status) + b"".join(
        struct.pack(">I", version) for version in versions
    )
    return struct.pack(">I", 0x8000_0000 | len(message)) + message if is_stream else message


def calls_in(payloads, *, is_stream):
    data = b"".join(payloads)
    size = 44 if is_stream else 40
    for offset in range(0, len(data), size):
        words = struct.unpack(">10I", data[offset + size - 40 : offset + size])
        yield words[0], words[3]


class Server:
    """Answers like a server of one program."""

    def __init__(self, program, versions, protocol="tcp"):
        self.program, self.versions = program, versions
        self.is_stream = protocol == "tcp"

    def __call__(self, question):
        answer = b""
        for xid, program in calls_in(question.payloads, is_stream=self.is_stream):
            if program == self.program:
                answer += reply(xid, 2, *self.versions, is_stream=self.is_stream)
            else:
                answer += reply(xid, 1, is_stream=self.is_stream)
        return answer


def grind(server, about):
    talk = RpcGrinder().talk(about)
    question = next(talk)
    questions = [question]
    while True:
        answer = server(question)
        assert not answer or question.is_complete(answer)
        try:
            question = talk.send(answer)
        except StopIteration as end:
            return end.value, questions
        questions.append(question)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_program_is_named_with_its_versions(protocol):
    service, _ = grind(Server(100005, (1, 3), protocol), known(protocol))
    assert service.name == "mountd"
    assert service.fields == Fields(version="1-3", info="RPC #100005")


def test_a_single_version_is_no_range():
    service, _ = grind(Server(100024, (1, 1)), known())
    assert service.fields.version == "1"


def test_a_program_that_the_list_lacks_is_reported_as_such():
    service, questions = grind(Server(400_000_001, (1, 1)), known())
    assert service.name == "rpcbind"
    assert "not in the list" in service.fields.info
    asked = [p for q in questions for _, p in calls_in(q.payloads, is_stream=True)]
    assert asked == list(rpc_programs())


def test_a_silent_server_is_asked_once():
    _, questions = grind(lambda question: b"", known())
    assert len(questions) == 1


@pytest.mark.parametrize(
    "about", [known(name="http"), known(method=Method.TABLE), known(name="rpcbind?")]
)
def test_other_services_are_not_asked(about):
    assert RpcGrinder().talk(about) is None


def test_the_likeliest_programs_are_tried_first():
    assert list(rpc_programs())[:3] == [100000, 100003, 100005]


def test_a_stream_frames_each_call_as_a_record():
    framed = call(1, 100000, is_stream=True)
    assert framed[:4] == struct.pack(">I", 0x8000_0028)
    assert framed[4:] == call(1, 100000, is_stream=False)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_without_complaint(data, is_stream):
    for found in replies(data, is_stream=is_stream):
        assert 0 <= found.xid < 1 << 32
