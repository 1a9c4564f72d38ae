"""Ports that others found are handed over as they are; what is excluded is not."""

import asyncio

import pytest

from vscan_tui.events import (
    HostFinished,
    HostFound,
    HostNamed,
    PortFound,
    PortState,
    ScanPlanned,
    Warned,
)
from vscan_tui.scanning.discovery.known_ports import KnownPort, KnownPorts
from vscan_tui.scanning.targets.expressions import TargetError
from vscan_tui.scanning.targets.port_table import Entry, build_port_table

TABLE = build_port_table("a table", [Entry("known", "tcp", 22, 0.5)])


async def resolve(name):
    return {"a.example": ("192.0.2.1", "192.0.2.9"), "b.example": ("192.0.2.2",)}.get(name, ())


class Reverse:
    async def name(self, address):
        return f"{address}.example"


async def handed_over(*ports, exclude=(), reverse=None):
    events = []
    discovery = KnownPorts(
        ports, exclude=exclude, resolve=resolve, port_table=TABLE, reverse=reverse
    )
    await discovery.run(events.append)
    return events


def endpoints(events):
    return [str(event.endpoint) for event in events if isinstance(event, PortFound)]


async def test_only_the_known_ports_are_handed_over_with_their_state_and_name_by_number():
    events = await handed_over(
        KnownPort("192.0.2.1", "tcp", 22, name="one.example"),
        KnownPort("2001:db8::1", "udp", 53, PortState.OPEN_OR_FILTERED, "no-response"),
    )

    first, second = (event for event in events if isinstance(event, PortFound))
    assert (str(first.endpoint), first.state, first.table_name) == (
        "192.0.2.1:22/tcp", PortState.OPEN, "known",
    )  # fmt: skip
    assert (second.state, second.reason) == (PortState.OPEN_OR_FILTERED, "no-response")
    hosts = [event for event in events if isinstance(event, HostFound)]
    assert [(host.address, host.name) for host in hosts] == [
        ("192.0.2.1", "one.example"), ("2001:db8::1", ""),
    ]  # fmt: skip
    [planned] = [event for event in events if isinstance(event, ScanPlanned)]
    assert (planned.hosts, planned.ports) == (2, 1)


async def test_a_port_that_is_named_twice_is_asked_once():
    events = await handed_over(
        KnownPort("a.example", "tcp", 80),
        KnownPort("192.0.2.1", "tcp", 80, reason="syn-ack"),
        KnownPort("192.0.2.1", "tcp", 81),
    )

    assert endpoints(events) == ["192.0.2.1:80/tcp", "192.0.2.1:81/tcp"]
    [host] = [event for event in events if isinstance(event, HostFound)]
    assert host.name == "a.example"


async def test_a_name_without_an_address_is_told_and_the_rest_goes_on():
    events = await handed_over(
        KnownPort("nowhere.example", "tcp", 80), KnownPort("b.example", "tcp", 80)
    )

    [warning] = [event for event in events if isinstance(event, Warned)]
    assert "nowhere.example" in warning.message
    assert warning.partial
    assert endpoints(events) == ["192.0.2.2:80/tcp"]


async def test_what_is_excluded_is_not_handed_over_by_whatever_name():
    ports = [KnownPort(host, "tcp", 80) for host in ("a.example", "192.0.2.2", "198.51.100.1")]

    events = await handed_over(*ports, exclude=["192.0.2.1", "b.example"])

    assert endpoints(events) == ["198.51.100.1:80/tcp"]


async def test_an_exclusion_that_is_not_known_ends_it_before_anything_is_handed_over():
    with pytest.raises(TargetError):
        await handed_over(KnownPort("192.0.2.1", "tcp", 80), exclude=["nowhere.example"])
    with pytest.raises(TargetError):
        KnownPorts([], exclude=["10.0.0.0/99"], resolve=resolve, port_table=TABLE)


async def test_addresses_get_the_names_that_reverse_dns_tells():
    events = await handed_over(KnownPort("192.0.2.1", "tcp", 80), reverse=Reverse())

    assert [event.name for event in events if isinstance(event, HostNamed)] == ["192.0.2.1.example"]


async def test_nothing_is_handed_over_while_it_is_held():
    events = []
    discovery = KnownPorts([KnownPort("192.0.2.1", "tcp", 80)], resolve=resolve, port_table=TABLE)
    discovery.pause()
    running = asyncio.create_task(discovery.run(events.append))
    for _ in range(20):
        await asyncio.sleep(0)
    assert endpoints(events) == []

    discovery.resume()
    await running
    assert endpoints(events) == ["192.0.2.1:80/tcp"]


async def test_each_host_is_finished_after_its_ports():
    events = await handed_over(KnownPort("192.0.2.1", "tcp", 22), KnownPort("192.0.2.2", "tcp", 23))
    order = [
        getattr(event, "address", "") or event.endpoint.address
        for event in events
        if isinstance(event, PortFound | HostFinished)
    ]
    assert order == ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"]
    assert sum(isinstance(event, HostFinished) for event in events) == 2
    [planned] = [event for event in events if isinstance(event, ScanPlanned)]
    assert planned.tcp == ((22, 23),)
