"""SunRPC programs are found by calls with a version that cannot exist."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vscan_tui.events import Endpoint, Fields, Method, Service
from vscan_tui.scanning.postprocessing import portmapper
from vscan_tui.scanning.postprocessing.protocol import Known
from vscan_tui.scanning.postprocessing.rpc import RpcGrinder, call, replies, rpc_programs


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


LIST = ((100000, 2, 6, 111), (100003, 3, 6, 2049), (100003, 4, 6, 2049), (100227, 3, 6, 2049))
LIST += ((400_000_001, 7, 17, 700), (100024, 1, 132, 701), (100024, 1, 6, 0), (100005, 1, 6, 70000))


def listed(protocol="tcp"):
    """The portmapper's list as it answers with it, in two fragments over TCP."""
    message = struct.pack(">6I", 1, 1, 0, 0, 0, 0)
    message += b"".join(struct.pack(">5I", 1, *each) for each in LIST) + struct.pack(">I", 0)
    if protocol == "udp":
        return message
    head, tail = message[:50], message[50:]
    return struct.pack(">I", 50) + head + struct.pack(">I", 0x8000_0000 | len(tail)) + tail


def grinder_that_asked_a_portmapper(protocol="tcp"):
    grinder = RpcGrinder()
    talk = grinder.talk(known(protocol))
    question = talk.send(Server(100000, (2, 4), protocol)(next(talk)))
    assert question.name == "RPC portmapper list"
    assert not question.is_complete(listed(protocol)[:-1]) or protocol == "udp"
    assert question.is_complete(listed(protocol))
    with pytest.raises(StopIteration) as end:
        talk.send(listed(protocol))
    assert end.value.value.name == "rpcbind"
    return grinder


def at(port, protocol="tcp", name="", method=Method.TABLE, address="127.0.0.1"):
    return Known(Endpoint(address, protocol, port), Service(name, method=method), None)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("about", [at(2049), at(2049, name="rpc", method=Method.PROBED)])
def test_a_portmapper_explains_the_other_ports_of_its_host(protocol, about):
    talk = grinder_that_asked_a_portmapper(protocol).talk(about)
    with pytest.raises(StopIteration) as end:  # without a question
        next(talk)
    service = end.value.value
    assert (service.name, service.method) == ("nfs", Method.PROBED)
    assert service.fields == Fields(version="3-4", info="RPC #100003")


def test_a_program_that_only_the_portmapper_knows_has_a_number_at_least():
    talk = grinder_that_asked_a_portmapper().talk(at(700, "udp"))
    with pytest.raises(StopIteration) as end:
        next(talk)
    assert end.value.value.name == "rpc"
    assert end.value.value.fields == Fields(version="7", info="RPC #400000001")


@pytest.mark.parametrize(
    "about",
    [
        at(2049, name="http", method=Method.PROBED),
        at(2049, "udp"),
        at(2049, address="127.0.0.2"),
        at(701),
    ],
)
def test_a_portmapper_explains_nothing_else(about):
    assert grinder_that_asked_a_portmapper().talk(about) is None


def test_a_portmapper_is_asked_for_its_list_once():
    talk = grinder_that_asked_a_portmapper().talk(known())
    with pytest.raises(StopIteration) as end:
        next(talk)
    assert end.value.value.fields == Fields(version="2", info="RPC #100000")


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_as_a_list_without_complaint(data, is_stream):
    portmapper.is_whole(data, is_stream=is_stream)
    for found in portmapper.mappings(data, is_stream=is_stream):
        assert 0 < found.port < 1 << 16


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
