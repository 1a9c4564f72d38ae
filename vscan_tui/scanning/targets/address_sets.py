"""Sets of addresses that are counted, searched and walked, and never expanded as a whole."""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from math import prod

import msgspec


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
        for value in values(self.octets[level]):
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
            for value in values(self._last_octets(excluding)):
                yield base << 8 | value
            return
        for value in values(self.octets[level]):
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


def values(mask: int) -> Iterator[int]:
    """Yield the values of an octet set, ascending."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


class AddressIndex(msgspec.Struct):
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
        """File a set."""
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


def address_text(number: int, addresses: AddressSet) -> str:
    """Write an address of a set out, with its scope if it has one."""
    if isinstance(addresses, Network6):
        address = str(ipaddress.IPv6Address(number))
        return f"{address}%{addresses.scope}" if addresses.scope else address
    return ".".join(map(str, number.to_bytes(4)))
