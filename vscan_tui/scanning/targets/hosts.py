"""Which hosts: target expressions, expanded one address at a time and never one twice."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from vscan_tui.scanning.targets.address_sets import (
    AddressIndex,
    AddressSet,
    Network6,
    OctetRanges,
    address_text,
)
from vscan_tui.scanning.targets.expressions import (
    Expression,
    NamedNetwork,
    TargetError,
    parse_target,
)
from vscan_tui.scanning.targets.names import Resolve

_NAMES_AHEAD = 16
"""How many names are looked up ahead of the scan."""


class Target(msgspec.Struct, frozen=True):
    """One host to scan."""

    address: str
    """With its scope (`fe80::1%eth0`), if it has one."""
    name: str = ""
    """The name that the user gave, if it was a name."""
    other_addresses: tuple[str, ...] = ()
    """Addresses that the name has too, and that are not scanned."""


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
            for number in index.walk(addresses):
                address = address_text(number, addresses)
                yield named if named and named.address == address else Target(address)
            index.add(addresses)

    async def _exclusions(self) -> AddressIndex:
        index = AddressIndex()
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
