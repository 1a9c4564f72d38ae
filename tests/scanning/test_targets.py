"""Target expressions: read, counted and walked without ever being expanded."""

import asyncio
import ipaddress
import itertools
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vscan_tui.scanning.targets import names as module
from vscan_tui.scanning.targets.address_sets import Network6, OctetRanges
from vscan_tui.scanning.targets.expressions import (
    NamedNetwork,
    TargetError,
    parse_target,
    split_comma_list,
    split_target_list,
)
from vscan_tui.scanning.targets.hosts import Target, TargetList
from vscan_tui.scanning.targets.names import ReverseResolver, resolve_name

NAMES = {
    "one.example": ("192.0.2.1",),
    "many.example": ("192.0.2.7", "192.0.2.8", "192.0.2.9"),
    "six.example": ("2001:db8::5", "2001:db8::6"),
}


async def resolve(name):
    await asyncio.sleep(0)
    return NAMES.get(name, ())


async def expand(*expressions: str, exclude=(), limit=100):
    """Return the targets and the sentences about those that are none."""
    errors = []
    listed = TargetList(expressions, exclude, resolve=resolve)
    found = []
    async for target in listed.expand(lambda error: errors.append(str(error))):
        found.append(target)
        if len(found) == limit:
            break
    return found, errors


async def addresses(*expressions: str, exclude=(), limit=100):
    found, errors = await expand(*expressions, exclude=exclude, limit=limit)
    assert errors == []
    return [target.address for target in found]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("10.0.0.1", ["10.0.0.1"]),
        ("10.0.0.010", ["10.0.0.10"]),
        ("10.0.0.1,3,5", ["10.0.0.1", "10.0.0.3", "10.0.0.5"]),
        ("10.0.0.5,1,5", ["10.0.0.1", "10.0.0.5"]),
        ("10.0.0.-2", ["10.0.0.0", "10.0.0.1", "10.0.0.2"]),
        ("10.0.0.254-", ["10.0.0.254", "10.0.0.255"]),
        ("10.0.0-1.1-2", ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.0.1.2"]),
        ("10.0.0.6/30", ["10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7"]),
        ("10.0.1-2.5/31", ["10.0.1.4", "10.0.1.5", "10.0.2.4", "10.0.2.5"]),
        ("10.0.0.1/32", ["10.0.0.1"]),
        ("::1", ["::1"]),
        ("[::1]", ["::1"]),
        ("2001:DB8::3/127", ["2001:db8::2", "2001:db8::3"]),
        ("fe80::1%eth0", ["fe80::1%eth0"]),
    ],
)
async def test_expressions_are_walked_in_nmaps_order(expression, expected):
    assert await addresses(expression) == expected


async def test_a_star_is_every_value_of_an_octet():
    assert len(await addresses("10.0.0.*", limit=1000)) == 256
    assert await addresses("*.1.2.3", limit=2) == ["0.1.2.3", "1.1.2.3"]


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("10.0.0.0/8", 1 << 24),
        ("0.0.0.0/0", 1 << 32),
        ("*.*.*.*", 1 << 32),
        ("10.0.0-3.1-20", 80),
        ("2001:db8::/32", 1 << 96),
        ("::/0", 1 << 128),
    ],
)
async def test_vast_networks_are_counted_at_once_and_begun_at_once(expression, count):
    assert await TargetList([expression], resolve=resolve).count() == count
    assert len(await addresses(expression, limit=3)) == 3


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("10.0.0.256", '"256" in "10.0.0.256" is out of range'),
        ("10.0.0.5-3", "backwards; write 3-5"),
        ("10.0.0.1,,2", "is no octet"),
        ("10.0.0.1--2", "is no octet"),
        ("10.0.0.1/33", "goes from 0 to 32"),
        ("::1/129", "goes from 0 to 128"),
        ("10.0.0.1/", "is no network"),
        ("/24", "is no network"),
        ("10.0.0.1/2/3", "Failed to resolve"),
        ("::gg", "is no IPv6 address"),
        ("fe80::1%", "after the %"),
        ("fe80::1%\x1b[31m", "after the %"),
        ("", "is no target"),
        ("x" * 600, "too long"),
        ("nosuch.example", 'Failed to resolve "nosuch.example".'),
    ],
)
async def test_a_bad_target_is_told_and_the_others_are_scanned(expression, sentence):
    found, errors = await expand(expression, "192.0.2.99")
    assert found == [Target("192.0.2.99")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert errors[0].isprintable()


async def test_a_name_keeps_the_addresses_that_are_not_scanned():
    found, _ = await expand("many.example")
    assert found == [Target("192.0.2.7", "many.example", ("192.0.2.8", "192.0.2.9"))]


async def test_a_network_of_a_name_names_only_the_address_of_the_name():
    found, _ = await expand("one.example/30")
    assert [(target.address, target.name) for target in found] == [
        ("192.0.2.0", ""),
        ("192.0.2.1", "one.example"),
        ("192.0.2.2", ""),
        ("192.0.2.3", ""),
    ]


async def test_names_and_addresses_stay_in_the_order_given():
    given_order = ["192.0.2.50", "many.example", "10.0.0.1", "six.example", "one.example"]
    assert await addresses(*given_order) == [
        "192.0.2.50", "192.0.2.7", "10.0.0.1", "2001:db8::5", "192.0.2.1",
    ]  # fmt: skip


async def test_no_address_is_scanned_twice():
    assert await addresses("10.0.0.1-3", "10.0.0.2", "10.0.0.2-4", "10.0.0.2", "10.0.0.0/29") == [
        *("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"),
        *("10.0.0.0", "10.0.0.5", "10.0.0.6", "10.0.0.7"),
    ]
    assert await addresses("2001:db8::1", "2001:db8::/126", "2001:db8::1") == [
        *("2001:db8::1", "2001:db8::", "2001:db8::2", "2001:db8::3"),
    ]
    assert (
        await TargetList(["10.0.0.1-3", "10.0.0.0/29", "::1", "::1"], resolve=resolve).count() == 9
    )


async def test_exclusions_take_away_without_expanding_anything():
    exclude = split_comma_list("10.0.0.0/9,10.200.0.0/16,10.255.255.0-254")
    listed = TargetList(["10.0.0.0/8"], exclude, resolve=resolve)
    assert await listed.count() == (1 << 23) - (1 << 16) - 255
    assert await addresses("10.0.0.0/8", exclude=exclude, limit=1) == ["10.128.0.0"]
    assert await addresses("2001:db8::/64", exclude=["2001:db8::/65"], limit=1) == [
        "2001:db8:0:0:8000::"
    ]


async def test_names_can_be_excluded_with_all_their_addresses():
    assert await addresses("192.0.2.6-9", exclude=["many.example"]) == ["192.0.2.6"]


async def test_an_unknown_exclusion_stops_everything():
    listed = TargetList(["192.0.2.1"], ["nosuch.example"], resolve=resolve)
    with pytest.raises(TargetError, match="nothing is scanned"):
        await listed.count()
    with pytest.raises(TargetError, match=r"nosuch\.example"):
        await anext(listed.expand(lambda _: None))


def test_a_malformed_exclusion_is_refused():
    with pytest.raises(TargetError, match="backwards"):
        TargetList(["192.0.2.1"], ["10.0.0.9-1"], resolve=resolve)


async def test_scopes_keep_equal_addresses_apart():
    assert await addresses("fe80::1%a", "fe80::1%b", exclude=["fe80::1%a"]) == ["fe80::1%b"]


async def test_a_long_list_of_single_addresses_is_no_trouble():
    many = [f"10.{n >> 8 & 255}.{n & 255}.1" for n in range(20_000)]
    listed = TargetList([*many, "10.0.0.0/16", "10.1.0.0-255"], many[:10_000], resolve=resolve)
    assert await listed.count() == 10_000 + (1 << 16) - 256 + 256 - 1


def test_files_of_targets_may_have_comments_and_any_white_space():
    text = "a.example 10.0.0.1\t::1 # the first\n\n# nothing\n  10.0.0.0/24\r\nb#c"
    assert split_target_list(text) == ["a.example", "10.0.0.1", "::1", "10.0.0.0/24", "b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b", ["a", "b"]),
        ("10.0.0.1,3,5", ["10.0.0.1,3,5"]),
        ("10.0.0.1,10.0.0.3-4", ["10.0.0.1", "10.0.0.3-4"]),
        ("10.0.1,3.1-5,x", ["10.0.1,3.1-5", "x"]),
        ("10.0.0.0/24,::1, c ,", ["10.0.0.0/24", "::1", "c"]),
    ],
)
def test_commas_between_targets_and_inside_octets_are_told_apart(text, expected):
    assert split_comma_list(text) == expected


octet_sets = st.sets(st.integers(0, 255), min_size=1, max_size=3)
boxes = st.tuples(octet_sets, octet_sets, octet_sets, octet_sets)


def written(box):
    return ".".join(",".join(map(str, sorted(octet))) for octet in box)


def members(box):
    return {".".join(map(str, octets)) for octets in itertools.product(*box)}


@settings(max_examples=60, deadline=None)
@given(st.lists(boxes, min_size=1, max_size=3), st.lists(boxes, max_size=3), st.data())
def test_what_is_walked_and_counted_is_the_set_difference(included, excluded, data):
    # Exclusions that share octets with what is included, so that they do meet.
    shared = [
        tuple(octet | data.draw(st.sampled_from(included))[n] for n, octet in enumerate(box))
        for box in excluded
    ]
    expected = set().union(*map(members, included)) - set().union(*map(members, shared))
    listed = TargetList(map(written, included), map(written, shared), resolve=resolve)

    async def gather():
        return [target.address async for target in listed.expand(lambda _: None)]

    found = asyncio.run(gather())
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert asyncio.run(listed.count()) == len(expected)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(20, 32))
def test_ipv4_networks_agree_with_the_standard_library(number, bits):
    network = ipaddress.ip_network((number, bits), strict=False)
    parsed = parse_target(f"{ipaddress.IPv4Address(number)}/{bits}")
    assert isinstance(parsed, OctetRanges)
    assert parsed.count() == network.num_addresses
    assert [*parsed.walk()] == [int(address) for address in network]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**128 - 1), st.integers(0, 128))
def test_ipv6_networks_agree_with_the_standard_library(number, bits):
    network = ipaddress.IPv6Network((number, bits), strict=False)
    assert parse_target(f"{ipaddress.IPv6Address(number)}/{bits}") == Network6(
        int(network[0]), int(network[-1])
    )


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.,-*/:%[]ax\x1b ", max_size=20))
def test_any_text_is_an_expression_or_a_sentence(text):
    try:
        parsed = parse_target(text)
    except TargetError as error:
        parsed = error
    assert isinstance(parsed, OctetRanges | Network6 | NamedNetwork) or str(parsed).isprintable()


async def test_the_system_resolves_localhost():
    assert "127.0.0.1" in await resolve_name("localhost")


@pytest.mark.parametrize("name", ["", "a..b", "x" * 300, "a\0b", "nosuch.invalid"])
async def test_what_no_name_can_be_has_no_address(name):
    assert await resolve_name(name) == ()


@pytest.mark.parametrize("text", ["10.0.0", "10", "2130706433", "0x7f.1", "10.0.0.1.", "10.1/16"])
def test_numbers_that_are_no_address_are_not_given_to_the_resolver(text):
    with pytest.raises(TargetError, match="all four numbers"):
        parse_target(text)


async def test_reverse_names_are_looked_up_once(monkeypatch):
    asked = []

    def answer(address):
        asked.append(address)
        return f"name-of-{address}"

    monkeypatch.setattr(module, "_reverse", answer)
    resolver = ReverseResolver()
    names = await asyncio.gather(*(resolver.name("192.0.2.1") for _ in range(5)))
    assert names == ["name-of-192.0.2.1"] * 5
    assert asked == ["192.0.2.1"]
    resolver.close()


async def test_no_more_look_ups_than_allowed_are_under_way(monkeypatch):
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Barrier(3)

    def answer(address):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(10)
        with lock:
            running -= 1
        return ""

    monkeypatch.setattr(module, "_reverse", answer)
    resolver = ReverseResolver(parallelism=3)
    await asyncio.gather(*(resolver.name(f"192.0.2.{n}") for n in range(9)))
    assert most == 3


async def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    answered = threading.Event()

    def answer(address):
        answered.wait(30)
        return "too late"

    monkeypatch.setattr(module, "_reverse", answer)
    resolver = ReverseResolver(patience=0.05)
    assert await resolver.name("192.0.2.1") == ""
    answered.set()


async def test_a_name_server_that_never_answers_is_not_asked_for_ever(monkeypatch):
    asked, told, answered = [], [], threading.Event()

    def answer(address):
        asked.append(address)
        answered.wait(30)
        return "too late"

    monkeypatch.setattr(module, "_reverse", answer)
    resolver = ReverseResolver(parallelism=6, patience=0.05)
    resolver.tell = told.append
    names = await asyncio.gather(*(resolver.name(f"192.0.2.{n}") for n in range(100)))
    answered.set()
    assert set(names) == {""}
    assert len(asked) < module.MOST_TIMEOUTS + 6  # others were under way
    assert len(told) == 1
    assert "-n" in told[0]


async def test_an_answer_now_and_then_keeps_a_slow_name_server_asked(monkeypatch):
    answered = threading.Event()

    def answer(address):
        if address.endswith("0"):
            return "tenth"
        answered.wait(30)
        return ""

    monkeypatch.setattr(module, "_reverse", answer)
    monkeypatch.setattr(module, "MOST_TIMEOUTS", 10)
    resolver = ReverseResolver(parallelism=1, patience=0.01)
    names = [await resolver.name(f"192.0.2.{n}") for n in range(31)]
    answered.set()
    assert names.count("tenth") == 4


async def test_loopback_has_a_name_or_none():
    resolver = ReverseResolver()
    assert isinstance(await resolver.name("127.0.0.1"), str)
    assert await resolver.name("fe80::1%nosuch") == ""
