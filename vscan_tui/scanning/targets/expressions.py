"""Nmap's target expressions: an address, a name, a network, or octets with ranges.

Octets may be ranges, lists and `*` (`10.0.0-3.1,5-20`); a network may be that of a
name (`host.example/24`).  What is excluded is written the same way.
"""

import ipaddress
import re

import msgspec

from vscan_tui.scanning.targets.address_sets import Network6, OctetRanges, values

_ALL = (1 << 256) - 1
"""An octet set that holds every value: bit n stands for the value n."""

_OCTET_PART = re.compile(r"\*|(\d{1,3})|(\d{0,3})-(\d{0,3})", re.ASCII)
_OCTETS = re.compile(r"[\d*,-]+(\.[\d*,-]+){3}", re.ASCII)
_OCTET_LIKE = re.compile(r"[\d*.-]+", re.ASCII)
_NUMBERS = re.compile(r"(0x[\da-f]+|\d+)(\.(0x[\da-f]+|\d+))*\.?", re.ASCII | re.IGNORECASE)
_NETWORK = re.compile(r"(.*)/(\d{1,3})", re.ASCII | re.DOTALL)
_LONGEST_EXPRESSION = 512


class TargetError(ValueError):
    """A target that cannot be scanned; the message is a sentence for the user.

    Targets come from files too, so the message is made printable.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else "." for c in message))


class NamedNetwork(msgspec.Struct, frozen=True):
    """A name that must be looked up, and how many bits of its address count."""

    name: str
    bits: int | None = None


Expression = OctetRanges | Network6 | NamedNetwork


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
    if _NUMBERS.fullmatch(expression):
        # The system's resolver would make a host of it that nobody meant: 10.0.0 is 10.0.0.0.
        raise TargetError(f'"{text}" is no IPv4 address; write all four numbers: 10.0.0.1.')
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
        for value in values(mask):
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
