"""Which hosts: Nmap's target expressions, expanded one address at a time.

An expression is an address, a name, a network (`10.0.0.0/24`, `2001:db8::/64`,
also of a name), or octets with ranges, lists and `*` (`10.0.0-3.1,5-20`).  What
is excluded is written the same way.  Nothing is ever expanded as a whole: a
network is an object that can be counted, searched and walked.
"""

import asyncio
import ipaddress
import re
import socket
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from math import prod
from threading import Thread
from typing import Protocol, TypeVar, cast

import msgspec

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]
"""Looks up a name: all its addresses, the preferred first; none when it has none."""

_T = TypeVar("_T")

_ALL = (1 << 256) - 1
"""An octet set that holds every value: bit n stands for the value n."""

_OCTET_PART = re.compile(r"\*|(\d{1,3})|(\d{0,3})-(\d{0,3})", re.ASCII)
_OCTETS = re.compile(r"[\d*,-]+(\.[\d*,-]+){3}", re.ASCII)
_OCTET_LIKE = re.compile(r"[\d*.-]+", re.ASCII)
_NETWORK = re.compile(r"(.*)/(\d{1,3})", re.ASCII | re.DOTALL)
_LONGEST_EXPRESSION = 512
_NAMES_AHEAD = 16
"""How many names are looked up ahead of the scan."""


class TargetError(ValueError):
    """A target that cannot be scanned; the message is a sentence for the user.

    Targets come from files too, so the message is made printable.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else "." for c in message))


class Target(msgspec.Struct, frozen=True):
    """One host to scan."""

    address: str
    """With its scope (`fe80::1%eth0`), if it has one."""
    name: str = ""
    """The name that the user gave, if it was a name."""
    other_addresses: tuple[str, ...] = ()
    """Addresses that the name has too, and that are not scanned."""


# Sets of addresses -------------------------------------------------------------------------------


class OctetRanges(msgspec.Struct, frozen=True):
    """IPv4 addresses: for each octet the set of its values, as a bit mask.

    Every IPv4 target expression is such a product, networks too.
    """

    octets: tuple[int, int, int, int]

    def __contains__(self, address: int) -> bool:
        values = address.to_bytes(4)
        return all(mask >> value & 1 for mask, value in zip(self.octets, values, strict=True))

    def overlaps(self, other: "OctetRanges") -> bool:
        """Whether any address is in both."""
        return all(a & b for a, b in zip(self.octets, other.octets, strict=True))

    def count(self, excluding: Sequence["OctetRanges"] = ()) -> int:
        """Return how many addresses there are, without those excluded."""
        return self._count(0, tuple(box for box in excluding if box.overlaps(self)))

    def _count(self, level: int, excluding: tuple["OctetRanges", ...]) -> int:
        if not excluding:
            return prod(mask.bit_count() for mask in self.octets[level:])
        if self._is_covered(level, excluding):
            return 0
        if level == 3:
            return self._last_octets(excluding).bit_count()
        # Values with the same exclusions below them have the same count.
        groups: dict[tuple[OctetRanges, ...], int] = {}
        for value in _values(self.octets[level]):
            relevant = tuple(box for box in excluding if box.octets[level] >> value & 1)
            groups[relevant] = groups.get(relevant, 0) + 1
        return sum(times * self._count(level + 1, relevant) for relevant, times in groups.items())

    def walk(self, excluding: Sequence["OctetRanges"] = ()) -> Iterator[int]:
        """Yield the addresses in ascending order, without those excluded."""
        return self._walk(0, 0, tuple(box for box in excluding if box.overlaps(self)))

    def _walk(self, level: int, base: int, excluding: tuple["OctetRanges", ...]) -> Iterator[int]:
        if self._is_covered(level, excluding):
            return
        if level == 3:
            for value in _values(self._last_octets(excluding)):
                yield base << 8 | value
            return
        for value in _values(self.octets[level]):
            relevant = tuple(box for box in excluding if box.octets[level] >> value & 1)
            yield from self._walk(level + 1, base << 8 | value, relevant)

    def _is_covered(self, level: int, excluding: Iterable["OctetRanges"]) -> bool:
        return any(
            not any(
                mine & ~theirs
                for mine, theirs in zip(self.octets[level:], box.octets[level:], strict=True)
            )
            for box in excluding
        )

    def _last_octets(self, excluding: Iterable["OctetRanges"]) -> int:
        mask = self.octets[3]
        for box in excluding:
            mask &= ~box.octets[3]
        return mask


class Network6(msgspec.Struct, frozen=True):
    """IPv6 addresses of one network, in one scope."""

    first: int
    last: int
    scope: str = ""

    def __contains__(self, address: int) -> bool:
        return self.first <= address <= self.last

    def overlaps(self, other: "Network6") -> bool:
        """Whether any address is in both."""
        return self.scope == other.scope and self.first <= other.last and other.first <= self.last

    def count(self, excluding: Sequence["Network6"] = ()) -> int:
        """Return how many addresses there are, without those excluded."""
        return sum(last - first + 1 for first, last in self._gaps(excluding))

    def walk(self, excluding: Sequence["Network6"] = ()) -> Iterator[int]:
        """Yield the addresses in ascending order, without those excluded."""
        for first, last in self._gaps(excluding):
            address = first
            while address <= last:  # a range of more than 2**63 addresses has no len()
                yield address
                address += 1

    def _gaps(self, excluding: Sequence["Network6"]) -> Iterator[tuple[int, int]]:
        start = self.first
        for other in sorted(
            (other for other in excluding if other.overlaps(self)), key=lambda other: other.first
        ):
            if other.first > start:
                yield start, other.first - 1
            start = max(start, other.last + 1)
        if start <= self.last:
            yield start, self.last


AddressSet = OctetRanges | Network6


class NamedNetwork(msgspec.Struct, frozen=True):
    """A name that must be looked up, and how many bits of its address count."""

    name: str
    bits: int | None = None


Expression = OctetRanges | Network6 | NamedNetwork


def _values(mask: int) -> Iterator[int]:
    """Yield the values of an octet set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


# Reading expressions -----------------------------------------------------------------------------


def parse_target(text: str) -> Expression:
    """Read one target expression.

    Raises:
        TargetError: it is malformed.
    """
    expression, bits = text, None
    if len(text) > _LONGEST_EXPRESSION:
        raise TargetError(f'The target "{text[:40]}..." is too long to be a host or a network.')
    if "/" in text:
        matched = _NETWORK.fullmatch(text)
        if matched is None or not matched[1]:
            raise TargetError(
                f'"{text}" is no network; write an address and its bits: 10.0.0.0/24.'
            )
        expression, bits = matched[1], int(matched[2])
    if expression.startswith("[") and expression.endswith("]"):
        expression = expression[1:-1]
    if ":" in expression:
        return _ipv6(text, expression, bits)
    if _OCTETS.fullmatch(expression):
        octets = tuple(_octet(text, part) for part in expression.split("."))
        box = OctetRanges((octets[0], octets[1], octets[2], octets[3]))
        return box if bits is None else _network4(text, box, bits)
    if not expression or any(character.isspace() for character in expression):
        raise TargetError(f'"{text}" is no target; write a name, an address or a network.')
    if bits is not None and bits > 128:
        raise _bad_bits(text, 128)
    return NamedNetwork(expression, bits)


def _bad_bits(text: str, most: int) -> TargetError:
    return TargetError(f'"{text}" is no network; the number after / goes from 0 to {most}.')


def _octet(text: str, octet: str) -> int:
    mask = 0
    for part in octet.split(","):
        matched = _OCTET_PART.fullmatch(part)
        if matched is None:
            raise TargetError(
                f'"{part or octet}" in "{text}" is no octet; write a number from 0 to 255, '
                "a range (1-20), a list (1,5) or *."
            )
        if part == "*":
            mask |= _ALL
            continue
        low = int(matched[1] or matched[2] or 0)
        high = low if matched[1] else int(matched[3] or 255)
        if high > 255:
            raise TargetError(f'"{part}" in "{text}" is out of range; octets go from 0 to 255.')
        if low > high:
            raise TargetError(f'"{part}" in "{text}" is backwards; write {high}-{low}.')
        mask |= (1 << (high + 1)) - (1 << low)
    return mask


def _network4(text: str, box: OctetRanges, bits: int) -> OctetRanges:
    if bits > 32:
        raise _bad_bits(text, 32)
    widened = []
    for position, mask in enumerate(box.octets):
        free = 8 - min(max(bits - 8 * position, 0), 8)
        wide = 0
        for value in _values(mask):
            start = value >> free << free
            wide |= ((1 << (1 << free)) - 1) << start
        widened.append(wide)
    return OctetRanges((widened[0], widened[1], widened[2], widened[3]))


def _ipv6(text: str, expression: str, bits: int | None) -> Network6:
    address, _, scope = expression.partition("%")
    try:
        number = int(ipaddress.IPv6Address(address))
    except ValueError:
        raise TargetError(f'"{text}" is no IPv6 address; write one such as 2001:db8::1.') from None
    if "%" in expression and not re.fullmatch(r"[\w.:@-]{1,64}", scope, re.ASCII):
        raise TargetError(f'"{text}" has no interface after the %; write fe80::1%eth0.')
    if bits is None:
        bits = 128
    if bits > 128:
        raise _bad_bits(text, 128)
    free = 128 - bits
    first = number >> free << free
    return Network6(first, first + (1 << free) - 1, scope)


def split_target_list(text: str) -> list[str]:
    """Split a list of expressions as in the text of `-iL` and `--excludefile`.

    They stand between white space; `#` begins a comment.
    """
    return [word for line in text.splitlines() for word in line.partition("#")[0].split()]


def split_comma_list(text: str) -> list[str]:
    """Split a list of expressions as in `--exclude`, at commas.

    A comma inside octets belongs to them: `10.0.0.1,3,10.0.1.1` is two targets.
    """
    expressions: list[str] = []
    for piece in (piece.strip() for piece in text.split(",")):
        before = expressions[-1] if expressions else ""
        if (
            before
            and _OCTET_LIKE.fullmatch(piece)
            and _OCTET_LIKE.fullmatch(before.replace(",", ""))
            and before.count(".") + piece.count(".") <= 3
        ):
            expressions[-1] = f"{before},{piece}"
        elif piece:
            expressions.append(piece)
    return expressions


# Addresses not to scan ---------------------------------------------------------------------------


class _AddressIndex(msgspec.Struct):
    """Many address sets, so that those that may overlap with another are found fast.

    Single addresses are the usual case in files of targets: those are in a
    set, and all sets of IPv4 addresses within one /16 are filed under it.
    """

    singles: dict[tuple[int, str], set[int]] = msgspec.field(default_factory=dict)
    """Single addresses by the network they are in: a /16, or a /64 and its scope."""
    narrow: dict[tuple[int, int], list[OctetRanges]] = msgspec.field(default_factory=dict)
    wide: list[OctetRanges] = msgspec.field(default_factory=list)
    networks: list[Network6] = msgspec.field(default_factory=list)

    def add(self, addresses: AddressSet) -> None:
        single = _single(addresses)
        if single is not None:
            self.singles.setdefault(_file_of(*single), set()).add(single[0])
        elif isinstance(addresses, Network6):
            self.networks.append(addresses)
        else:
            first, second = addresses.octets[:2]
            if first.bit_count() == second.bit_count() == 1:
                self.narrow.setdefault((first, second), []).append(addresses)
            else:
                self.wide.append(addresses)

    def count(self, addresses: AddressSet) -> int:
        """Return how many of the addresses are not in the index."""
        single = _single(addresses)
        if single is not None:
            return 0 if self._holds(single, addresses) else 1
        if isinstance(addresses, Network6):
            networks = [network for network in self.networks if network.overlaps(addresses)]
            return addresses.count(networks) - sum(
                number in addresses and not any(number in network for network in networks)
                for number in self._singles_near(addresses)
            )
        boxes = self._near(addresses)
        return addresses.count(boxes) - sum(
            number in addresses and not any(number in box for box in boxes)
            for number in self._singles_near(addresses)
        )

    def walk(self, addresses: AddressSet) -> Iterator[int]:
        """Yield the addresses that are not in the index, ascending."""
        if isinstance(addresses, Network6):
            scope, numbers = addresses.scope, addresses.walk(self.networks)
        else:
            scope, numbers = _IPV4, addresses.walk(self._near(addresses))
        return (
            number
            for number in numbers
            if number not in self.singles.get(_file_of(number, scope), ())
        )

    def _singles_near(self, addresses: AddressSet) -> Iterator[int]:
        if isinstance(addresses, Network6):
            low, high, scope = addresses.first >> 64, addresses.last >> 64, addresses.scope
        elif addresses.octets[0].bit_count() == addresses.octets[1].bit_count() == 1:
            low = high = next(addresses.walk()) >> 16
            scope = _IPV4
        else:
            low, high, scope = 0, 0xFFFF, _IPV4
        if low == high:
            yield from self.singles.get((low, scope), ())
            return
        for (network, its_scope), numbers in self.singles.items():
            if its_scope == scope and low <= network <= high:
                yield from numbers

    def _holds(self, single: tuple[int, str], addresses: AddressSet) -> bool:
        if single[0] in self.singles.get(_file_of(*single), ()):
            return True
        if isinstance(addresses, Network6):
            return any(addresses.overlaps(network) for network in self.networks)
        return any(addresses.overlaps(box) for box in self._near(addresses))

    def _near(self, addresses: OctetRanges) -> list[OctetRanges]:
        first, second = addresses.octets[:2]
        if first.bit_count() == second.bit_count() == 1:
            return [*self.wide, *self.narrow.get((first, second), ())]
        near = list(self.wide)
        for (high, low), boxes in self.narrow.items():
            if first & high and second & low:
                near += boxes
        return near


_IPV4 = "IPv4"
"""Stands for the scope of IPv4 addresses, which have none."""


def _file_of(number: int, scope: str) -> tuple[int, str]:
    return number >> (16 if scope is _IPV4 else 64), scope


def _single(addresses: AddressSet) -> tuple[int, str] | None:
    if isinstance(addresses, Network6):
        only = addresses.first == addresses.last
        return (addresses.first, addresses.scope) if only else None
    if all(mask.bit_count() == 1 for mask in addresses.octets):
        return next(addresses.walk()), _IPV4
    return None


# The list of targets -----------------------------------------------------------------------------


class Targets(Protocol):
    """Hosts to scan."""

    async def count(self) -> int:
        """Return how many there are."""
        ...

    def expand(self, on_error: Callable[[TargetError], None]) -> AsyncIterator[Target]:
        """Yield them; tell `on_error` of what cannot be scanned."""
        ...


class ListedTargets:
    """Targets that somebody else has looked up."""

    def __init__(self, targets: Sequence[Target]) -> None:
        """Scan these."""
        self._targets = targets

    async def count(self) -> int:
        """See `Targets.count`."""
        return len(self._targets)

    async def expand(self, on_error: Callable[[TargetError], None]) -> AsyncIterator[Target]:  # noqa: ARG002
        """See `Targets.expand`."""
        for target in self._targets:
            yield target


class TargetList:
    """All targets of a scan, in the order in which they were given; none comes twice.

    Args:
        expressions: what to scan.
        exclude: what to leave out.
        resolve: how names are looked up.

    Raises:
        TargetError: an exclusion is malformed.  Targets that are malformed or
            unknown are reported by `expand`, and the others go on.
    """

    def __init__(
        self, expressions: Iterable[str], exclude: Iterable[str] = (), *, resolve: Resolve
    ) -> None:
        """Read the expressions; nothing is looked up yet."""
        self._resolve = resolve
        self._expressions: list[Expression | TargetError] = []
        for text in expressions:
            try:
                self._expressions.append(parse_target(text))
            except TargetError as error:
                self._expressions.append(error)
        self._excluded = [parse_target(text) for text in exclude]

    async def count(self) -> int:
        """Return how many hosts there are, without expanding anything.

        Names count as one host each, or as many as their network has: whether
        they exist, or coincide with another target, is only known later.

        Raises:
            TargetError: a name that is excluded is unknown.
        """
        index = await self._exclusions()
        total = 0
        for expression in self._expressions:
            match expression:
                case NamedNetwork(bits=None):
                    total += 1
                case NamedNetwork(bits=int(bits)):
                    total += 1 << max(32 - bits, 0)
                case OctetRanges() | Network6():
                    total += index.count(expression)
                    index.add(expression)
                case TargetError():
                    pass
        return total

    async def expand(self, on_error: Callable[[TargetError], None]) -> AsyncIterator[Target]:
        """Yield the targets.

        Args:
            on_error: told of every expression that cannot be scanned.

        Raises:
            TargetError: a name that is excluded is unknown, so that what must
                not be scanned is not known.
        """
        index = await self._exclusions()
        async for expression, answer in self._resolved():
            try:
                addresses, named = _place(expression, answer)
            except TargetError as error:
                on_error(error)
                continue
            scope = addresses.scope if isinstance(addresses, Network6) else ""
            for number in index.walk(addresses):
                address = _address_text(number, scope, addresses)
                yield named if named and named.address == address else Target(address)
            index.add(addresses)

    async def _exclusions(self) -> _AddressIndex:
        index = _AddressIndex()
        for expression in self._excluded:
            if not isinstance(expression, NamedNetwork):
                index.add(expression)
                continue
            answer = await self._resolve(expression.name)
            if not answer:
                raise TargetError(
                    f'Failed to resolve "{expression.name}", which is to be excluded; '
                    "nothing is scanned, so that it is not scanned by mistake."
                )
            for address in answer:
                index.add(_place(expression, (address,))[0])
        return index

    async def _resolved(
        self,
    ) -> AsyncIterator[tuple[Expression | TargetError, tuple[str, ...]]]:
        """Yield the expressions with the addresses of their names, some looked up ahead."""
        waiting: deque[tuple[Expression | TargetError, asyncio.Future[tuple[str, ...]] | None]] = (
            deque()
        )
        expressions = iter(self._expressions)
        try:
            while True:
                while len(waiting) < _NAMES_AHEAD:
                    expression = next(expressions, None)
                    if expression is None:
                        break
                    look_up = None
                    if isinstance(expression, NamedNetwork):
                        look_up = asyncio.ensure_future(self._resolve(expression.name))
                    waiting.append((expression, look_up))
                if not waiting:
                    return
                expression, answer = waiting.popleft()
                yield expression, (await answer if answer is not None else ())
        finally:
            for _, answer in waiting:
                if answer is not None:
                    answer.cancel()


def _place(
    expression: Expression | TargetError, answer: tuple[str, ...]
) -> tuple[AddressSet, Target | None]:
    """Return the addresses of an expression, and the target that bears its name.

    Raises:
        TargetError: the name has no address, or the expression was malformed.
    """
    if isinstance(expression, TargetError):
        raise expression
    if not isinstance(expression, NamedNetwork):
        return expression, None
    if not answer:
        raise TargetError(f'Failed to resolve "{expression.name}".')
    named = Target(answer[0], expression.name, answer[1:])
    suffix = "" if expression.bits is None else f"/{expression.bits}"
    addresses = parse_target(answer[0] + suffix)
    if isinstance(addresses, NamedNetwork):
        raise TargetError(f'Failed to resolve "{expression.name}".')
    return addresses, named


def _address_text(number: int, scope: str, addresses: AddressSet) -> str:
    if isinstance(addresses, Network6):
        address = str(ipaddress.IPv6Address(number))
        return f"{address}%{scope}" if scope else address
    return ".".join(map(str, number.to_bytes(4)))


# Names -------------------------------------------------------------------------------------------


NAME_PATIENCE = 20.0
"""Seconds after which a name counts as unknown; name servers that are down may take for ever."""


async def resolve_name(name: str, *, ipv6: bool = False) -> tuple[str, ...]:
    """Look up all addresses of a name of one family, in the system's order of preference.

    An unknown name has none; so has what no name can be, and what takes too long.
    """
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    try:
        async with asyncio.timeout(NAME_PATIENCE):
            found = await _in_thread(
                lambda: socket.getaddrinfo(name, None, family=family, type=socket.SOCK_STREAM)
            )
    except (OSError, UnicodeError, ValueError):  # of the first, TimeoutError is one
        return ()
    return tuple(dict.fromkeys(_with_scope(entry[4]) for entry in found))


def _with_scope(address: tuple[str | int | bytes, ...]) -> str:
    text = str(address[0])
    has_scope = len(address) == 4 and address[3] and "%" not in text
    return f"{text}%{address[3]!r}" if has_scope else text


async def _in_thread(function: Callable[[], _T]) -> _T:
    """Run a function that cannot be stopped, such that nothing ever waits for its thread.

    The threads of an executor are waited for when the program ends, which a
    name server that does not answer would hold up for half a minute.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_T] = loop.create_future()

    def finish(result: _T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(cast(_T, result))
        else:
            answer.set_exception(error)

    def run() -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as problem:  # noqa: BLE001  # it is raised where it is awaited
            error = problem
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(finish, result, error)

    Thread(target=run, name="name-look-up", daemon=True).start()
    return await answer


class ReverseResolver:
    """Finds the names of addresses by reverse DNS; answers are remembered.

    Args:
        parallelism: how many look-ups are under way at a time.
        patience: seconds after which an address counts as nameless.  The
            system's look-up cannot be stopped; it goes on unheeded.
        remember: how many answers are kept.
    """

    def __init__(self, parallelism: int = 8, patience: float = 5.0, remember: int = 4096) -> None:
        """Begin with no answers."""
        self._free = asyncio.Semaphore(parallelism)
        self._patience = patience
        self._remember = remember
        self._answers: OrderedDict[str, asyncio.Task[str]] = OrderedDict()

    async def name(self, address: str) -> str:
        """Return the name of an address, or nothing."""
        task = self._answers.get(address)
        if task is None:
            task = self._answers[address] = asyncio.ensure_future(self._look_up(address))
            if len(self._answers) > self._remember:
                self._answers.popitem(last=False)
        return await asyncio.shield(task)

    def close(self) -> None:
        """Give up all look-ups."""
        for task in self._answers.values():
            task.cancel()

    async def _look_up(self, address: str) -> str:
        async with self._free:
            try:
                async with asyncio.timeout(self._patience):
                    return await _in_thread(lambda: _reverse(address))
            except TimeoutError:
                return ""


def _reverse(address: str) -> str:
    try:
        name, _ = socket.getnameinfo((address, 0), socket.NI_NAMEREQD)
    except (OSError, UnicodeError):
        return ""
    return name.rstrip(".")
