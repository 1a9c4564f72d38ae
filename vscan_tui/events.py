"""The vocabulary of events: everything that can happen in a scan.

A scan, a replayed journal, a test: each is a stream of these events, folded
by `vscan_tui.session.store` into hosts, ports, exchanges and services.

Every event has `time`, in seconds since the Unix epoch.  Text that came from
the network is Latin-1 (one character a byte), so nothing of it is lost.  Bytes
are base64 in JSON.
"""

from enum import StrEnum
from typing import Literal

import msgspec

Protocol = Literal["tcp", "udp"]
Pace = Literal["polite", "eager", "step"]
Span = tuple[int, int]
"""Half-open range of bytes: (start, end)."""
COMPOSED = "composed"
"""The name of an exchange whose payload comes from no probe."""
TUNNEL_PREFIX = "ssl/"
"""Before the name of a service in a rule: it stands for the service inside TLS."""


class PortState(StrEnum):
    """What a port scan can say of a port, in Nmap's words."""

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"
    OPEN_OR_FILTERED = "open|filtered"


class HostState(StrEnum):
    """Whether a host answered."""

    UP = "up"
    DOWN = "down"


class Outcome(StrEnum):
    """How the interrogation of a port ended."""

    HARD_MATCH = "hard match"
    SOFT_MATCH = "soft match"
    NO_MATCH = "no match"
    TCPWRAPPED = "tcpwrapped"
    INCOMPLETE = "incomplete"
    EXCLUDED = "excluded"
    STOPPED = "stopped"


class Ending(StrEnum):
    """How an exchange ended."""

    MATCHED = "matched"
    TIMED_OUT = "timed out"
    FULL = "full"
    CLOSED = "closed"
    RESET = "reset"
    FAILED = "failed"
    STOPPED = "stopped"


class ScanEnding(StrEnum):
    """How a scan ended."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Method(StrEnum):
    """Where a service name comes from."""

    PROBED = "probed"
    TABLE = "table"


class Mark(StrEnum):
    """What the user has in mind for a port."""

    NONE = ""
    TO_DO = "to do"
    DONE = "done"


class Endpoint(msgspec.Struct, frozen=True, gc=False, order=True):
    """One port of one host."""

    address: str
    protocol: Protocol
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}/{self.protocol}"


class Fields(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The version fields of a rule, filled from a response; empty when absent."""

    product: str = ""
    version: str = ""
    info: str = ""
    hostname: str = ""
    ostype: str = ""
    devicetype: str = ""
    cpes: tuple[str, ...] = ()
    """CPE 2.2 URIs, at most one for each of the parts a, h and o, in that order."""


class DatabaseIdentity(msgspec.Struct, frozen=True):
    """Which probe database was used: enough to tell whether another is the same."""

    name: str
    path: str
    rules: int
    probes: int
    sha256: str


class Match(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A rule that fired on a response, with all that is needed to show why."""

    database: str
    file: str
    line: int
    probe: str
    """The probe that holds the rule; differs from the probe sent after a fallback."""
    service: str
    soft: bool
    pattern: bytes
    flags: str
    templates: tuple[tuple[str, str], ...]
    """The version fields as written: (letter or "cpe", template)."""
    spans: tuple[Span | None, ...]
    """The whole match, then each group; None for a group that took no part."""
    tried: int
    """How many rules were tried before this one."""
    fields: Fields = Fields()


class TlsFindings(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a look at the TLS of a service told."""

    names: tuple[str, ...] = ()
    """Host names in the certificate."""
    subject: str = ""
    issuer: str = ""
    """Distinguished names as RFC 4514 writes them."""
    not_before: str = ""
    not_after: str = ""
    """When the certificate is valid; ISO 8601, UTC."""
    versions: tuple[str, ...] = ()
    """The versions spoken, oldest first, such as `TLSv1.2`."""
    alpn: str = ""
    """The protocol chosen by ALPN."""


MATCH_CONFIDENCE = 10
TCPWRAPPED_CONFIDENCE = 8
TABLE_CONFIDENCE = 3
"""How sure a service is, from 0 to 10, by what tells it: Nmap's numbers."""


class Service(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What listens on a port, as far as known."""

    name: str = ""
    fields: Fields = Fields()
    tunnel: Literal["", "ssl"] = ""
    method: Method = Method.TABLE
    confidence: int = TABLE_CONFIDENCE
    tls: TlsFindings | None = None


class TlsDetails(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a TLS handshake told."""

    version: str = ""
    cipher: str = ""
    alpn: str = ""
    certificate: bytes = b""
    """The server's certificate, DER."""
    resumed: bool = False


class Prospect(msgspec.Struct, frozen=True):
    """What would follow from an action that was not carried out yet."""

    happening: str
    """What may happen, such as "no answer"."""
    consequence: str


class _Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="event", kw_only=True):
    time: float


class ScanStarted(_Event, frozen=True, tag="scan started"):
    """The first event of every scan."""

    program: str
    """Name and version of the program."""
    arguments: tuple[str, ...]
    pace: str
    intensity: int
    databases: tuple[DatabaseIdentity, ...]


class ScanPlanned(_Event, frozen=True, tag="scan planned"):
    """How much there is to do, as soon as it is known."""

    hosts: int
    ports: int
    """Ports for each host, both protocols together."""
    tcp: tuple[Span, ...] = ()
    udp: tuple[Span, ...] = ()
    """Which ports, as ranges, first and last port both included; those of all hosts together."""


class HostFound(_Event, frozen=True, tag="host found"):
    """A host was looked for."""

    address: str
    state: HostState
    reason: str
    name: str = ""
    """The name that the user gave, if it was a name."""
    other_addresses: tuple[str, ...] = ()
    """Addresses that the name has too, and that are not scanned."""
    latency: float | None = None
    """Seconds."""


class HostNamed(_Event, frozen=True, tag="host named"):
    """A name was found for an address by reverse DNS."""

    address: str
    name: str


class HostFinished(_Event, frozen=True, tag="host finished"):
    """Nothing more will be found out about a host: its ports were looked for, and asked."""

    address: str


class DiscoveryProgressed(_Event, frozen=True, tag="discovery progressed"):
    """So many of the ports to look for have been looked for, on all hosts."""

    done: int
    total: int


class PortFound(_Event, frozen=True, tag="port found"):
    """The state of one port that may have a service: open or open|filtered."""

    endpoint: Endpoint
    state: PortState
    reason: str
    latency: float | None = None
    """Seconds."""
    table_name: str = ""
    """The service name that the port table has for this port number."""


class PortsScanned(_Event, frozen=True, tag="ports scanned"):
    """The same state of many ports of a host."""

    address: str
    protocol: Protocol
    state: PortState
    reason: str
    ports: tuple[Span, ...]
    """Ranges, first and last port both included."""
    latency: float | None = None
    """Seconds that the host took to answer for them, smoothed; None where it did not answer."""


class InterrogationStarted(_Event, frozen=True, tag="interrogation started"):
    """A port is asked what it is, perhaps anew."""

    endpoint: Endpoint
    by_hand: bool = False
    """Because the user asked for it, not because it was the port's turn."""


class Decided(_Event, frozen=True, tag="decided"):
    """An action on a port, announced before it happens, with its reason."""

    endpoint: Endpoint
    action: str
    reason: str


class PortHeld(_Event, frozen=True, tag="port held"):
    """A port waits for the user's word before its next action."""

    endpoint: Endpoint
    cause: str
    """Why it is held: by hand, or the breakpoint that was hit."""
    action: str
    """What comes next; empty if that is not known before the user says so."""
    reason: str = ""
    payload: bytes = b""
    """What would be sent."""
    outlook: tuple[Prospect, ...] = ()
    by_breakpoint: bool = False


class PortReleased(_Event, frozen=True, tag="port released"):
    """A port that was held goes on by itself."""

    endpoint: Endpoint


class ConnectionOpened(_Event, frozen=True, tag="connection opened"):
    """A connection (for UDP: a socket) is ready for use."""

    endpoint: Endpoint
    connection: int
    seconds: float
    tls: TlsDetails | None = None
    kept_for: float | None = None
    """Seconds since it found the port open, if it is port discovery's."""


class ConnectionFailed(_Event, frozen=True, tag="connection failed"):
    """A connection could not be opened."""

    endpoint: Endpoint
    connection: int
    reason: str
    unanswered: bool = False
    """Whether nothing came back: no word of the port, not even that it is closed."""


class ConnectionClosed(_Event, frozen=True, tag="connection closed"):
    """A connection ended."""

    endpoint: Endpoint
    connection: int
    reason: str


class ExchangeStarted(_Event, frozen=True, tag="exchange started"):
    """A probe was sent (the NULL probe: nothing was), and an answer is awaited."""

    endpoint: Endpoint
    exchange: int
    connection: int
    probe: str
    payload: bytes
    reason: str
    tunnel: Literal["", "ssl"] = ""
    continues: int = 0
    """The exchange on the same connection whose response this one's goes on from; 0 for none."""
    by_hand: bool = False
    """Whether the user chose or wrote what was sent."""


class BytesReceived(_Event, frozen=True, tag="bytes received"):
    """One read, or one datagram, of a response."""

    endpoint: Endpoint
    exchange: int
    data: bytes


class RuleFired(_Event, frozen=True, tag="rule fired"):
    """A rule matched the response so far."""

    endpoint: Endpoint
    exchange: int
    match: Match
    length: int
    """Bytes of the response that were there when it fired."""


class ExchangeEnded(_Event, frozen=True, tag="exchange ended"):
    """Nothing more is awaited from this exchange."""

    endpoint: Endpoint
    exchange: int
    ending: Ending
    tried: int = 0
    """How many rules were tried on the whole response."""


class PortFinished(_Event, frozen=True, tag="port finished"):
    """The verdict on a port."""

    endpoint: Endpoint
    outcome: Outcome
    service: Service
    provisional: bool = False
    """Whether a late answer may still change it; another verdict follows."""
    by_hand: bool = False
    """Whether it comes from what the user asked by hand."""
    new_rule: bool = False
    """Whether it comes from a rule that was saved after the port had been asked."""


class Warned(_Event, frozen=True, tag="warned"):
    """Something that the user should know."""

    message: str
    endpoint: Endpoint | None = None
    partial: bool = False
    """Whether the result lacks something because of it."""


class ScanPaused(_Event, frozen=True, tag="scan paused"):
    """No new action is begun until `ScanResumed`."""


class ScanResumed(_Event, frozen=True, tag="scan resumed"):
    """The scan goes on."""


class ScanFinished(_Event, frozen=True, tag="scan finished"):
    """The last event of every scan; only what the user does may follow it."""

    ending: ScanEnding
    reason: str = ""


class PortMarked(_Event, frozen=True, tag="port marked"):
    """The user marked a port, or took its mark away."""

    endpoint: Endpoint
    mark: Mark


class PortNoted(_Event, frozen=True, tag="port noted"):
    """The user wrote a note on a port; an empty one takes the note away."""

    endpoint: Endpoint
    note: str


Event = (
    ScanStarted
    | ScanPlanned
    | HostFound
    | HostNamed
    | HostFinished
    | DiscoveryProgressed
    | PortFound
    | PortsScanned
    | InterrogationStarted
    | Decided
    | PortHeld
    | PortReleased
    | ConnectionOpened
    | ConnectionFailed
    | ConnectionClosed
    | ExchangeStarted
    | BytesReceived
    | RuleFired
    | ExchangeEnded
    | PortFinished
    | Warned
    | ScanPaused
    | ScanResumed
    | ScanFinished
    | PortMarked
    | PortNoted
)
