"""Which ports: Nmap's `-p` language, and the ports that stand for the most common ones.

A specification is a list of parts separated by commas: `22`, `1000-2000`,
`-100`, `60000-`, `-`, a service name with wildcards (`http*`), and any of these
in brackets (`[1-1023]`), which keeps only ports that the port table knows.  A
prefix `T:` or `U:` holds until the next one.  Parts without a prefix mean
every protocol that is scanned.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from vscan_tui.events import Protocol
from vscan_tui.scanning.targets.port_table import LAST_PORT, PortTable

PortRange = tuple[int, int]
"""First and last port, both included."""

TCP_ONLY: tuple[Protocol, ...] = ("tcp",)

_PREFIX = re.compile(r"([A-Za-z]):")
_RANGE = re.compile(r"(\d*)(-?)(\d*)", re.ASCII)
_NUMERIC = re.compile(r"[\d-]+", re.ASCII)
_PROTOCOLS: dict[str, Protocol] = {"T": "tcp", "U": "udp"}
_SCAN_OPTIONS: dict[Protocol, str] = {"tcp": "-sT", "udp": "-sU"}


class PortSpecError(ValueError):
    """A port specification that means nothing; the message says what would be right."""


@dataclass(frozen=True, slots=True)
class PortSelection:
    """The ports to scan of each host: sorted ranges that neither touch nor overlap."""

    tcp: tuple[PortRange, ...] = ()
    udp: tuple[PortRange, ...] = ()
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What of the specification was left out, in sentences for the user."""

    def ranges(self, protocol: Protocol) -> tuple[PortRange, ...]:
        """Return the ranges of one protocol."""
        return self.tcp if protocol == "tcp" else self.udp

    def numbers(self, protocol: Protocol) -> Iterator[int]:
        """Yield the port numbers of one protocol, ascending."""
        for first, last in self.ranges(protocol):
            yield from range(first, last + 1)

    def count(self, protocol: Protocol) -> int:
        """Return how many ports of one protocol are selected."""
        return sum(last - first + 1 for first, last in self.ranges(protocol))

    def __len__(self) -> int:
        return self.count("tcp") + self.count("udp")

    def without(self, other: "PortSelection") -> "PortSelection":
        """Return the ports that are selected here and not in the other selection."""
        return PortSelection(
            _subtract(self.tcp, other.tcp), _subtract(self.udp, other.udp), self.warnings
        )

    def __str__(self) -> str:
        """Return a specification that selects the same ports."""
        return ",".join(
            f"{prefix}:{_ranges_text(self.ranges(protocol))}"
            for prefix, protocol in _PROTOCOLS.items()
            if self.ranges(protocol)
        )


def to_ranges(numbers: Iterable[int]) -> tuple[PortRange, ...]:
    """Return the sorted, disjoint ranges that hold just these port numbers."""
    return _merge((number, number) for number in numbers)


def parse_ports(
    text: str, table: PortTable, protocols: Collection[Protocol] = TCP_ONLY
) -> PortSelection:
    """Read a port specification.

    Args:
        text: the specification, as given to `-p`.
        table: gives the ports of service names and of brackets.
        protocols: what is scanned: `tcp` for -sT or no scan type, `udp` for -sU.

    Raises:
        PortSpecError: a part is malformed, or no port is left.
    """
    found: dict[Protocol, list[PortRange]] = {"tcp": [], "udp": []}
    unscanned: dict[Protocol, str] = {}
    active = tuple(protocols)
    bracketed = False
    for part, prefix, opens, closes in _parts(text):
        if prefix:
            protocol = _PROTOCOLS[prefix]
            active = (protocol,)
            if protocol not in protocols:
                unscanned.setdefault(protocol, part)
        if opens and bracketed:
            raise PortSpecError(f'"[{part}" opens a bracket inside another; write [1-9],[20-30].')
        bracketed = bracketed or opens
        if part:
            for protocol, ranges in _select(part, table, active, bracketed=bracketed).items():
                found[protocol] += ranges
        if closes and not bracketed:
            raise PortSpecError(f'"{part}]" closes a bracket that was not opened; write [1-100].')
        bracketed = bracketed and not closes
    if bracketed:
        raise PortSpecError(f'The bracket in "{text}" is not closed; write [1-1023].')
    warnings = tuple(
        f'"{prefix}:" names {protocol.upper()} ports, but no {protocol.upper()} scan '
        f"({_SCAN_OPTIONS[protocol]}) was asked for; they are left out."
        for prefix, protocol in _PROTOCOLS.items()
        if protocol in unscanned
    )
    selection = PortSelection(
        _merge(found["tcp"]) if "tcp" in protocols else (),
        _merge(found["udp"]) if "udp" in protocols else (),
        warnings,
    )
    if not len(selection):
        raise PortSpecError(" ".join(warnings) or f'"{text}" names no port; write 22,80 or 1-1000.')
    return selection


def most_common_ports(
    table: PortTable, count: int, protocols: Collection[Protocol] = TCP_ONLY
) -> PortSelection:
    """Return the most common ports of each protocol: 1000 by default, 100 with `-F`.

    Fewer are returned where fewer are ranked; a warning says so.
    """
    chosen: dict[Protocol, tuple[PortRange, ...]] = {"tcp": (), "udp": ()}
    warnings = []
    for protocol in protocols:
        ports = table.most_common(protocol, count)
        chosen[protocol] = to_ranges(ports)
        if len(ports) < count:
            warnings.append(
                f"Only {len(ports)} {protocol.upper()} ports are ranked in {table.source}, "
                f"not {count}; use -p to scan others."
            )
    return PortSelection(chosen["tcp"], chosen["udp"], tuple(warnings))


def _parts(text: str) -> Iterator[tuple[str, str, bool, bool]]:
    """Yield (part without decoration, prefix letter, opens bracket, closes bracket)."""
    pieces = text.split(",")
    if len(pieces) > 1 and not pieces[-1].strip():
        pieces.pop()  # Nmap allows one comma at the end
    for piece in pieces:
        part, prefix, opens = piece.strip(), "", False
        while True:
            matched = _PREFIX.match(part)
            if matched and not prefix:
                prefix = matched[1].upper()
                if prefix not in _PROTOCOLS:
                    raise PortSpecError(
                        f'"{part}" has an unknown protocol prefix; write T: for TCP or U: for UDP.'
                    )
                part = part[2:].lstrip()
            elif part.startswith("[") and not opens:
                opens = True
                part = part[1:].lstrip()
            else:
                break
        closes = part.endswith("]")
        part = part.removesuffix("]").rstrip()
        if not part and not prefix:
            raise PortSpecError(f'"{text}" has an empty part; write 22,80 or 1-1000.')
        yield part, prefix, opens, closes


def _select(
    part: str, table: PortTable, active: Collection[Protocol], *, bracketed: bool
) -> dict[Protocol, list[PortRange]]:
    if _NUMERIC.fullmatch(part):
        first, last = _numeric(part)
        if not bracketed:
            return {protocol: [(first, last)] for protocol in active}
        return {
            protocol: [
                (number, number) for number in table.numbers(protocol) if first <= number <= last
            ]
            for protocol in active
        }
    named = {
        protocol: [(number, number) for number in table.numbers_named(part, protocol)]
        for protocol in active
    }
    if not any(named.values()):
        kinds = " or ".join(protocol.upper() for protocol in active)
        raise PortSpecError(
            f'"{part}" is no port number and no {kinds} service known in {table.source}; '
            "write a number (80), a range (1-1000) or a name (http*)."
        )
    return named


def _numeric(part: str) -> PortRange:
    matched = _RANGE.fullmatch(part)
    if matched is None:
        raise PortSpecError(f'"{part}" is no port range; write first-last, such as 1000-2000.')
    low, dash, high = matched.groups()
    if len(low) > 5 or len(high) > 5 or int(low or 0) > LAST_PORT or int(high or 0) > LAST_PORT:
        raise PortSpecError(f'"{part}" is out of range; ports go from 0 to {LAST_PORT}.')
    # Port 0 is only ever scanned when it is written out.
    first = int(low) if low else 1
    last = (int(high) if high else LAST_PORT) if dash else first
    if first > last:
        raise PortSpecError(f'"{part}" is backwards; write {last}-{first}.')
    return first, last


def _merge(ranges: Iterable[PortRange]) -> tuple[PortRange, ...]:
    merged: list[PortRange] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _subtract(
    ranges: tuple[PortRange, ...], others: tuple[PortRange, ...]
) -> tuple[PortRange, ...]:
    left: list[PortRange] = []
    for first, last in ranges:
        start = first
        for low, high in others:
            if high < start or low > last:
                continue
            if low > start:
                left.append((start, low - 1))
            start = high + 1
        if start <= last:
            left.append((start, last))
    return tuple(left)


def _ranges_text(ranges: tuple[PortRange, ...]) -> str:
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
