"""Ports that somebody else has found: they are interrogated, and no others are looked for."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from vscan_tui.events import (
    DiscoveryProgressed,
    Endpoint,
    Event,
    HostFinished,
    HostFound,
    HostNamed,
    HostState,
    PortFound,
    PortState,
    Protocol,
    ScanPlanned,
    Span,
    Warned,
)
from vscan_tui.scanning.gate import Gate, open_gate
from vscan_tui.scanning.targets.expressions import NamedNetwork, TargetError, parse_target
from vscan_tui.scanning.targets.hosts import TargetList
from vscan_tui.scanning.targets.names import Resolve, ReverseResolver
from vscan_tui.scanning.targets.port_table import PortTable
from vscan_tui.scanning.targets.portspec import to_ranges

_BATCH = 200
"""So many ports are handed over before others get a turn."""
_REASON = "user-set"
_NAMES_AT_A_TIME = 16


class KnownPort(msgspec.Struct, frozen=True):
    """A port that is said to be there."""

    host: str
    """An address, or a name that is looked up."""
    protocol: Protocol
    port: int
    state: PortState = PortState.OPEN
    reason: str = ""
    name: str = ""
    """A name of the host, if `host` is an address."""


class KnownPorts:
    """Hands over known ports; takes the place of discovery, and sends nothing to them.

    Args:
        ports: the ports; one that comes twice counts once.
        exclude: target expressions; what they cover is not scanned.
        resolve: how names are looked up.
        port_table: gives ports the names that they have by number.
        reverse: finds names of addresses; None for no names (-n).

    Raises:
        TargetError: an exclusion is malformed.
    """

    def __init__(
        self,
        ports: Iterable[KnownPort],
        *,
        exclude: Iterable[str] = (),
        resolve: Resolve,
        port_table: PortTable,
        reverse: ReverseResolver | None = None,
    ) -> None:
        """Be ready to run once."""
        self._ports = list(dict.fromkeys(ports))
        self._exclude = list(exclude)
        TargetList((), self._exclude, resolve=resolve)  # says at once what is malformed
        self._resolve = resolve
        self._table = port_table
        self._reverse = reverse
        self._go = asyncio.Event()
        self._go.set()

    def pause(self) -> None:
        """Hand over no more ports until `resume`."""
        self._go.clear()

    def resume(self) -> None:
        """Go on."""
        self._go.set()

    async def run(self, emit: Callable[[Event], None], may_begin: Gate = open_gate) -> None:
        """Emit `ScanPlanned`, then each host with its ports.

        Args:
            emit: called on the event loop.
            may_begin: awaited before each host.

        Raises:
            TargetError: a name that is to be excluded is unknown.
        """
        if self._reverse is not None:
            self._reverse.tell = lambda text: emit(Warned(time=time.time(), message=text))
        hosts = await self._by_address(emit)
        allowed = await self._allowed(hosts, emit)
        total = sum(len(hosts[address][1]) for address in allowed)
        most = max((len(hosts[address][1]) for address in allowed), default=0)
        emit(
            ScanPlanned(
                time=time.time(),
                hosts=len(allowed),
                ports=most,
                tcp=_ranges(hosts, allowed, "tcp"),
                udp=_ranges(hosts, allowed, "udp"),
            )
        )
        naming: set[asyncio.Task[None]] = set()
        done = 0
        for address in allowed:
            name, ports = hosts[address]
            await self._go.wait()
            await may_begin()
            emit(
                HostFound(
                    time=time.time(),
                    address=address,
                    state=HostState.UP,
                    reason=_REASON,
                    name=name,
                )
            )
            for port in ports:
                emit(self._found(address, port))
                done += 1
                if done % _BATCH == 0:
                    emit(DiscoveryProgressed(time=time.time(), done=done, total=total))
                    await asyncio.sleep(0)
            if self._reverse is None:
                emit(HostFinished(time=time.time(), address=address))
            else:
                task = asyncio.create_task(_name(self._reverse, address, emit))
                naming.add(task)
                task.add_done_callback(naming.discard)
        emit(DiscoveryProgressed(time=time.time(), done=total, total=total))
        if naming:
            await asyncio.wait(naming)

    def _found(self, address: str, port: KnownPort) -> PortFound:
        return PortFound(
            time=time.time(),
            endpoint=Endpoint(address, port.protocol, port.port),
            state=port.state,
            reason=port.reason or _REASON,
            table_name=self._table.name(port.protocol, port.port),
        )

    async def _by_address(
        self, emit: Callable[[Event], None]
    ) -> dict[str, tuple[str, list[KnownPort]]]:
        """Sort the ports by address: for each the name that was given, and its ports."""
        addresses = await self._looked_up(emit)
        hosts: dict[str, tuple[str, list[KnownPort]]] = {}
        known: set[Endpoint] = set()
        for port in self._ports:
            address = addresses.get(port.host, port.host)
            if address is None:
                continue
            endpoint = Endpoint(address, port.protocol, port.port)
            if endpoint in known:
                continue
            known.add(endpoint)
            name = port.host if port.host in addresses else port.name
            given, ports = hosts.setdefault(address, (name, []))
            if name and not given:
                hosts[address] = (name, ports)
            ports.append(msgspec.structs.replace(port, host=address))
        return hosts

    async def _looked_up(self, emit: Callable[[Event], None]) -> dict[str, str | None]:
        """The address of each name; None, and a warning, for one that has none."""
        names = [host for host in dict.fromkeys(p.host for p in self._ports) if _is_name(host)]
        turn = asyncio.Semaphore(_NAMES_AT_A_TIME)

        async def look_up(name: str) -> str | None:
            async with turn:
                answer = await self._resolve(name)
            if not answer:
                message = f'Failed to resolve "{name}"; its ports are left out.'
                emit(Warned(time=time.time(), message=message, partial=True))
            return answer[0] if answer else None

        return dict(zip(names, await asyncio.gather(*map(look_up, names)), strict=True))

    async def _allowed(
        self, hosts: dict[str, tuple[str, list[KnownPort]]], emit: Callable[[Event], None]
    ) -> list[str]:
        if not self._exclude:
            return list(hosts)

        def tell(error: TargetError) -> None:
            emit(Warned(time=time.time(), message=str(error), partial=True))

        targets = TargetList(hosts, self._exclude, resolve=self._resolve)
        left = {target.address async for target in targets.expand(tell)}
        return [address for address in hosts if address in left]


def _is_name(host: str) -> bool:
    try:
        return isinstance(parse_target(host), NamedNetwork)
    except TargetError:
        return False


async def _name(reverse: ReverseResolver, address: str, emit: Callable[[Event], None]) -> None:
    name = await reverse.name(address)
    if name:
        emit(HostNamed(time=time.time(), address=address, name=name))
    emit(HostFinished(time=time.time(), address=address))


def _ranges(
    hosts: Mapping[str, tuple[str, list[KnownPort]]], allowed: Iterable[str], protocol: Protocol
) -> tuple[Span, ...]:
    return to_ranges(
        port.port for address in allowed for port in hosts[address][1] if port.protocol == protocol
    )
