"""A report of another program becomes events like those of a scan."""

from tests.reports.scans import answered, begin, end, identified, store_of, up
from vscan_tui.events import Fields, Match, Outcome, PortState
from vscan_tui.reports import xml
from vscan_tui.session.importers.recognise import read_ports
from vscan_tui.session.importers.recording import events_of
from vscan_tui.session.importers.report import recording_of
from vscan_tui.session.store import Stage


def match(probe, protocol, response):
    if response.startswith(b"SSH"):
        return Match(
            "own", "f", 1, probe, "ssh", soft=False, pattern=b"^SSH", flags="", templates=(),
            spans=((0, 3),), tried=0,
        )  # fmt: skip
    return None


def opened(data: bytes):
    return store_of(events_of(recording_of(read_ports(data), match, ())))


def test_nmap_xml_is_shown_with_services_and_responses():
    told = store_of(
        begin(),
        up(name="web.example"),
        identified(80, "http", Fields("nginx", "1.2"), tunnel=True),
        answered(22, ("NULL", b"SSH-2.0-x\r\n"), ("Help", b"what?")),
        end(),
    )

    store = opened("".join(xml.render(told)).encode())

    [host] = store.hosts.values()
    assert (host.address, host.name) == ("127.0.0.1", "web.example")
    ssh, http = host.sorted_ports()
    assert (http.outcome, http.service.name, http.service.tunnel) == (
        Outcome.HARD_MATCH, "http", "ssl",
    )  # fmt: skip
    assert http.service.fields.product == "nginx"
    assert ssh.outcome is Outcome.NO_MATCH  # that is what the report says
    assert [(each.probe, bytes(each.response)) for each in ssh.exchanges] == [
        ("NULL", b"SSH-2.0-x\r\n"), ("Help", b"what?"),
    ]  # fmt: skip
    assert ssh.exchanges[0].match.service == "ssh"  # and this is what we say
    assert store.ended is not None


def test_ports_of_a_list_are_shown_as_not_asked():
    store = opened(b"192.0.2.1:80\n192.0.2.1:53/udp\n")

    ports = list(store.ports.values())
    assert [str(port.endpoint) for port in ports] == ["192.0.2.1:80/tcp", "192.0.2.1:53/udp"]
    assert all(port.outcome is None and port.stage is Stage.WAITING for port in ports)
    assert all(port.state is PortState.OPEN for port in ports)
