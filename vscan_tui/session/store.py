"""Fold events into hosts, ports, exchanges and services.

The store is the one picture of a scan that the screen and the reports read.
It holds no clock, no socket and no file: the same events give the same store.
Its objects hold no cycles, and the garbage collector has no need to go through them:
with 100,000 services it took a third of a second each time.
"""

from collections import Counter
from enum import StrEnum
from sys import intern
from typing import TypeVar, cast

import msgspec

from vscan_tui.events import (
    TUNNEL_PREFIX,
    BytesReceived,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionOpened,
    Decided,
    DiscoveryProgressed,
    Ending,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    HostFound,
    HostNamed,
    HostState,
    InterrogationStarted,
    Mark,
    Match,
    Outcome,
    PortFinished,
    PortFound,
    PortHeld,
    PortMarked,
    PortNoted,
    PortReleased,
    PortsScanned,
    PortState,
    Protocol,
    RuleFired,
    ScanFinished,
    ScanPaused,
    ScanPlanned,
    ScanResumed,
    ScanStarted,
    Service,
    Span,
    TlsDetails,
    Warned,
)

_Shared = TypeVar("_Shared", Service, Match)
_IDENTIFIED = frozenset({Outcome.HARD_MATCH, Outcome.SOFT_MATCH})


class Stage(StrEnum):
    """How far the interrogation of a port has come."""

    WAITING = "waiting"
    PROBING = "probing"
    FINISHED = "finished"


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """One read of a response: when, and which bytes (offset, length)."""

    time: float
    offset: int
    length: int


class Decision(msgspec.Struct, frozen=True, gc=False):
    """An action on a port with its reason."""

    time: float
    action: str
    reason: str


class Firing(msgspec.Struct, frozen=True, gc=False):
    """A rule that fired, and how many bytes of the response were there then."""

    match: Match
    length: int


class Exchange(msgspec.Struct, gc=False):
    """One probe and its response."""

    number: int
    connection: int
    probe: str
    payload: bytes
    tunnel: str
    reason: str
    started: float
    ended: float | None = None
    ending: Ending | None = None
    tried: int = 0
    response: bytearray = msgspec.field(default_factory=bytearray)
    """All that the rules see, from its first byte on the connection."""
    by_hand: bool = False
    """Whether the user chose or wrote what was sent."""
    carried: int = 0
    """How many of its bytes came already during the exchange before, on the same connection."""
    continues: int = 0
    """The number of that exchange; 0 for none."""
    chunks: list[Chunk] = msgspec.field(default_factory=list)
    firings: list[Firing] = msgspec.field(default_factory=list)

    @property
    def match(self) -> Match | None:
        """The last rule that fired; a hard match, if any, is always the last."""
        return self.firings[-1].match if self.firings else None

    @property
    def seconds(self) -> float | None:
        """How long it took from the probe to the end; None while it lasts."""
        return None if self.ended is None else self.ended - self.started

    @property
    def first_byte_seconds(self) -> float | None:
        """How long the service took to begin its answer."""
        return self.chunks[0].time - self.started if self.chunks else None


class Connection(msgspec.Struct, gc=False):
    """One connection to a port."""

    number: int
    opened: float
    seconds: float
    tls: TlsDetails | None = None
    closed: float | None = None
    reason: str = ""


class Port(msgspec.Struct, gc=False):
    """One port that may have a service."""

    endpoint: Endpoint
    state: PortState
    reason: str
    latency: float | None = None
    stage: Stage = Stage.WAITING
    outcome: Outcome | None = None
    service: Service = msgspec.field(default_factory=Service)
    started: float | None = None
    finished: float | None = None
    exchanges: list[Exchange] = msgspec.field(default_factory=list)
    connections: dict[int, Connection] = msgspec.field(default_factory=dict)
    by_hand: bool = False
    """Whether the verdict comes from what the user asked by hand."""
    by_new_rule: bool = False
    """Whether it comes from a rule that was saved after the port had been asked."""
    is_stepped: bool = False
    """Whether the user says when each action is carried out."""
    held: PortHeld | None = None
    """What the port is held before; None while it is not held."""
    decisions: list[Decision] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)
    mark: Mark = Mark.NONE
    note: str = ""

    @property
    def is_provisional(self) -> bool:
        """Whether there is a verdict that a late answer may still change."""
        return self.outcome is not None and self.stage is Stage.PROBING

    @property
    def is_unfinished(self) -> bool:
        """Whether it was not, or not yet, asked to the end."""
        return self.stage is not Stage.FINISHED or self.outcome is Outcome.STOPPED

    @property
    def identified(self) -> bool:
        """Whether a rule, not the port table, gave the service."""
        return self.outcome in _IDENTIFIED

    @property
    def answered(self) -> bool:
        """Whether anything came back from it."""
        return any(exchange.response for exchange in self.exchanges)

    @property
    def deciding(self) -> Exchange | None:
        """The exchange that explains the verdict best.

        The newest hard match that says what the verdict says; a soft match; what the
        service says unasked; the longest answer that does not merely repeat what was sent.
        """
        matched = [exchange for exchange in self.exchanges if exchange.match is not None]
        hard = [each for each in matched if each.match is not None and not each.match.soft]
        if hard:
            return max(reversed(hard), key=self._agreement)
        if matched:
            return matched[0]
        answered = [exchange for exchange in self.exchanges if exchange.response]
        return max(answered, key=_telling, default=None)

    def _agreement(self, exchange: Exchange) -> tuple[bool, bool]:
        """Whether what fired on an exchange names the service of the verdict, and its version."""
        match = exchange.match
        if match is None:
            return False, False
        name = match.service.removeprefix(TUNNEL_PREFIX)
        return name == self.service.name, match.fields == self.service.fields

    def exchange(self, number: int) -> Exchange:
        """Return the exchange of that number; numbers count from 1."""
        return self.exchanges[number - 1]


def _telling(exchange: Exchange) -> tuple[bool, bool, int]:
    """How much an answer tells that no rule matched; the greatest tells most."""
    response = exchange.response
    is_echo = bool(exchange.payload) and exchange.payload in response
    return not exchange.payload, not is_echo, len(response)


class PortGroup(msgspec.Struct, frozen=True, gc=False):
    """Ports of one host in the same state for the same reason."""

    protocol: Protocol
    state: PortState
    reason: str


class Host(msgspec.Struct, gc=False):
    """One scanned host."""

    address: str
    name: str = ""
    reverse_name: str = ""
    state: HostState = HostState.UP
    reason: str = ""
    latency: float | None = None
    other_addresses: tuple[str, ...] = ()
    first: float = 0.0
    last: float = 0.0
    ports: dict[Endpoint, Port] = msgspec.field(default_factory=dict)
    groups: dict[PortGroup, list[Span]] = msgspec.field(default_factory=dict)

    @property
    def label(self) -> str:
        """The host as Nmap prints it: name (address), or the address alone."""
        name = self.name or self.reverse_name
        return f"{name} ({self.address})" if name else self.address

    def sorted_ports(self) -> list[Port]:
        """All ports, TCP before UDP, by number."""
        return [self.ports[endpoint] for endpoint in sorted(self.ports)]


class Notice(msgspec.Struct, frozen=True, gc=False):
    """A warning that concerns the whole scan or one port."""

    time: float
    message: str
    endpoint: Endpoint | None
    partial: bool


class Tally(msgspec.Struct, gc=False):
    """What is left of hosts that are known by their number only."""

    hosts_up: int = 0
    hosts_down: int = 0
    ports: int = 0
    unfinished_ports: int = 0


MAX_HOSTS_DOWN = 1024
"""So many hosts that are down are known one by one; the others are counted only."""
_MAX_SHARED = 4096
_MAX_KEPT_ANSWERS = 8
"""A service fingerprint has room for fewer."""


class Store:
    """All that is known of a scan; `apply` is the only way in."""

    def __init__(self, *, keeps_exchanges: bool = True) -> None:
        """Begin with nothing known.

        Args:
            keeps_exchanges: whether what was sent and received stays known once a
                port is finished; if not, only what its fingerprint is made of does,
                so that a scan of very many ports stays small.
        """
        self._keeps_exchanges = keeps_exchanges
        self.counted_only = Tally()
        """Hosts that are not in `hosts`, and their ports."""
        self.scan: ScanStarted | None = None
        self.planned: ScanPlanned | None = None
        self.ended: ScanFinished | None = None
        self.paused = False
        self.discovered = 0
        self.to_discover = 0
        self.first_time: float | None = None
        self.last_time: float | None = None
        self.hosts: dict[str, Host] = {}
        self.ports: dict[Endpoint, Port] = {}
        """All ports of all hosts, in the order in which they were found."""
        self.warnings: list[Notice] = []
        self.stages: Counter[Stage] = Counter()
        self.outcomes: Counter[Outcome] = Counter()
        self._rows_down = 0
        self._shared: dict[Service | Match, Service | Match] = {}

    @property
    def seconds(self) -> float:
        """From the first event to the last of the scan; what the user did later takes no time."""
        if self.first_time is None or self.last_time is None:
            return 0.0
        return self.last_time - self.first_time

    def apply(self, event: Event) -> Endpoint | None:
        """Fold in one event; return the port that it changed, if it was one.

        Events of unknown ports or exchanges (a damaged journal) are ignored.
        """
        if self.first_time is None:
            self.first_time = event.time
        if self.ended is None or isinstance(event, ScanStarted):
            self.last_time = event.time
        endpoint: Endpoint | None = getattr(event, "endpoint", None)
        if isinstance(event, PortMarked | PortNoted):
            return self._apply_by_user(event)
        if endpoint is None or isinstance(event, Warned):
            self._apply_to_scan(event)
            return endpoint
        if isinstance(event, PortFound):
            self._port_found(self._host(endpoint.address, event.time), event)
        else:
            port = self.ports.get(endpoint)
            if port is None:
                return None
            self._host(endpoint.address, event.time)
            if port.decisions is not _NO_DECISIONS or not isinstance(event, _FORGOTTEN):
                self._apply_to_port(port, event)
        return endpoint

    def let_go(self, address: str) -> None:
        """Keep no more of a host than that it was there; does nothing if it is unknown."""
        host = self.hosts.pop(address, None)
        if host is None:
            return
        if host.state is HostState.DOWN:
            self._rows_down -= 1
            self.counted_only.hosts_down += 1
        else:
            self.counted_only.hosts_up += 1
        self.counted_only.ports += len(host.ports)
        for endpoint, port in host.ports.items():
            self.counted_only.unfinished_ports += port.is_unfinished
            del self.ports[endpoint]

    def _host(self, address: str, time: float) -> Host:
        host = self.hosts.get(address)
        if host is None:
            host = self.hosts[address] = Host(address, first=time)
        if self.ended is None:
            host.last = time
        return host

    def _apply_by_user(self, event: PortMarked | PortNoted) -> Endpoint | None:
        port = self.ports.get(event.endpoint)
        if port is None:
            return None
        if isinstance(event, PortMarked):
            port.mark = event.mark
        else:
            port.note = event.note
        return event.endpoint

    def _apply_to_scan(self, event: Event) -> None:
        match event:
            case ScanStarted():
                self.scan = event
                self.ended = None
            case ScanPlanned():
                self.planned = event
            case HostFound():
                self._host_found(event)
            case HostNamed():
                self._host(event.address, event.time).reverse_name = event.name
            case DiscoveryProgressed():
                self.discovered, self.to_discover = event.done, event.total
            case PortsScanned():
                self._ports_scanned(event)
            case Warned():
                self.warnings.append(
                    Notice(event.time, event.message, event.endpoint, event.partial)
                )
                if event.endpoint in self.ports:
                    self.ports[event.endpoint].warnings.append(event.message)
            case ScanPaused():
                self.paused = True
            case ScanResumed():
                self.paused = False
            case ScanFinished():
                self.ended = event
                self.paused = False
            case _:
                pass

    def _port_found(self, host: Host, event: PortFound) -> None:
        port = self.ports.get(event.endpoint)
        if port is None:
            port = Port(event.endpoint, event.state, intern(event.reason), event.latency)
            port.service = self._share(Service(event.table_name))
            self.ports[event.endpoint] = host.ports[event.endpoint] = port
            self.stages[port.stage] += 1
        else:
            port.state, port.reason = event.state, event.reason

    def _enter(self, port: Port, stage: Stage) -> None:
        self.stages[port.stage] -= 1
        self.stages[stage] += 1
        port.stage = stage

    def _apply_to_port(self, port: Port, event: Event) -> None:
        match event:
            case InterrogationStarted():
                self._enter(port, Stage.PROBING)
                port.started = event.time
            case Decided():
                if port.held is not None and port.held.action:
                    port.held = None  # a port held on several connections still ends what it had
                port.decisions.append(
                    Decision(event.time, intern(event.action), intern(event.reason))
                )
            case ConnectionOpened() | ConnectionFailed() | ConnectionClosed():
                _apply_to_connection(port, event)
            case ExchangeStarted():
                port.exchanges.append(_started(port, event))
            case BytesReceived() | RuleFired() | ExchangeEnded():
                if 1 <= event.exchange <= len(port.exchanges):
                    self._apply_to_exchange(port.exchange(event.exchange), event)
            case PortFinished():
                self._port_finished(port, event)
            case PortHeld():
                port.is_stepped, port.held = True, event
            case PortReleased():
                port.is_stepped, port.held = False, None
            case _:
                pass

    def _share(self, value: _Shared) -> _Shared:
        """Return one object for all that are equal: in a large network, most are."""
        if len(self._shared) > _MAX_SHARED:
            self._shared.clear()
        try:
            return cast(_Shared, self._shared.setdefault(value, value))
        except TypeError:  # a post-processor put something into it that cannot be hashed
            return value

    def _apply_to_exchange(
        self, exchange: Exchange, event: BytesReceived | RuleFired | ExchangeEnded
    ) -> None:
        match event:
            case BytesReceived():
                chunk = Chunk(event.time, len(exchange.response), len(event.data))
                exchange.chunks.append(chunk)
                exchange.response += event.data
            case RuleFired():
                exchange.firings.append(Firing(self._share(event.match), event.length))
            case ExchangeEnded():
                exchange.ended, exchange.ending = event.time, event.ending
                exchange.tried = event.tried

    def _host_found(self, event: HostFound) -> None:
        if event.state is HostState.DOWN and event.address not in self.hosts:
            self._rows_down += 1
            if self._rows_down > MAX_HOSTS_DOWN:
                self.counted_only.hosts_down += 1
                return
        host = self._host(event.address, event.time)
        host.name, host.state, host.reason = event.name, event.state, event.reason
        host.latency, host.other_addresses = event.latency, event.other_addresses

    def _ports_scanned(self, event: PortsScanned) -> None:
        host = self._host(event.address, event.time)
        group = PortGroup(event.protocol, event.state, event.reason)
        host.groups.setdefault(group, []).extend(event.ports)
        if host.latency is None:
            host.latency = event.latency

    def _port_finished(self, port: Port, event: PortFinished) -> None:
        """Take a verdict; without a match it replaces none that was found or asked by hand."""
        if not event.provisional:
            self._enter(port, Stage.FINISHED)
            port.finished = event.time
            port.is_stepped, port.held = False, None
        is_better = event.outcome in _IDENTIFIED
        if port.identified and not is_better and (event.by_hand or port.by_hand):
            return
        if port.outcome is not None:
            self.outcomes[port.outcome] -= 1
        self.outcomes[event.outcome] += 1
        port.outcome, port.by_hand = event.outcome, event.by_hand
        port.service = self._share(event.service)
        port.by_new_rule = event.new_rule
        if not event.provisional and not self._keeps_exchanges:
            _condense(port)


_NO_DECISIONS: list[Decision] = []
_NO_CONNECTIONS: dict[int, Connection] = {}
_NO_EXCHANGES: list[Exchange] = []
"""Shared by all ports that are condensed, which nothing is added to any more."""
_FORGOTTEN = (
    Decided,
    ConnectionOpened,
    ConnectionFailed,
    ConnectionClosed,
    ExchangeStarted,
    BytesReceived,
    RuleFired,
    ExchangeEnded,
)
"""What adds to them."""


def _condense(port: Port) -> None:
    """Forget how a verdict was come to, but for the answers that nothing matched."""
    port.decisions, port.connections = _NO_DECISIONS, _NO_CONNECTIONS
    answered = [exchange for exchange in port.exchanges if exchange.response]
    has_fingerprint = port.outcome is not Outcome.HARD_MATCH and answered
    port.exchanges = answered[:_MAX_KEPT_ANSWERS] if has_fingerprint else _NO_EXCHANGES


def _started(port: Port, event: ExchangeStarted) -> Exchange:
    exchange = Exchange(
        event.exchange,
        event.connection,
        intern(event.probe),
        event.payload,
        event.tunnel,
        intern(event.reason),
        event.time,
        by_hand=event.by_hand,
    )
    if 1 <= event.continues <= len(port.exchanges):
        exchange.response += port.exchange(event.continues).response
        exchange.carried = len(exchange.response)
        exchange.continues = event.continues
    return exchange


def _apply_to_connection(
    port: Port, event: ConnectionOpened | ConnectionFailed | ConnectionClosed
) -> None:
    match event:
        case ConnectionOpened():
            opened = event.time - event.seconds - (event.kept_for or 0.0)
            port.connections[event.connection] = Connection(
                event.connection, opened, event.seconds, event.tls
            )
        case ConnectionFailed():
            port.connections[event.connection] = Connection(
                event.connection, event.time, 0.0, None, event.time, intern(event.reason)
            )
        case ConnectionClosed():
            connection = port.connections.get(event.connection)
            if connection is not None:
                connection.closed, connection.reason = event.time, intern(event.reason)
