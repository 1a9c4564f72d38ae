"""The probe database: what to send, and what to expect in return.

Source of the meaning: nmap-behaviour.md, "The probe database".
"""

from collections.abc import Iterator

import msgspec

from vscan_tui.events import DatabaseIdentity, Protocol, Span

DEFAULT_RARITY = 5
DEFAULT_INTENSITY = 7
"""Of a scan: probes of at most this rarity are sent to ports that they do not list."""
DEFAULT_WAIT_MS = 5000
DEFAULT_TCPWRAPPED_MS = 2000


class Fault(msgspec.Struct, frozen=True):
    """Something wrong in a database: where (line and column count from 1) and what."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class Rule(msgspec.Struct, frozen=True, gc=False):
    """A match or softmatch line."""

    service: str
    soft: bool
    pattern: bytes
    flags: str
    """Any of "i" (caseless) and "s" (the dot matches a newline too)."""
    templates: tuple[tuple[str, str], ...]
    """The version fields as written: (letter or "cpe", template), Latin-1."""
    file: str
    line: int


class Probe(msgspec.Struct, frozen=True):
    """A Probe directive with all that belongs to it."""

    protocol: Protocol
    name: str
    payload: bytes
    file: str
    line: int
    no_payload: bool = False
    """Not to be sent as a port scan's payload."""
    ports: tuple[Span, ...] = ()
    """Ranges, first and last port both included."""
    sslports: tuple[Span, ...] = ()
    totalwaitms: int = DEFAULT_WAIT_MS
    tcpwrappedms: int = DEFAULT_TCPWRAPPED_MS
    rarity: int = DEFAULT_RARITY
    fallback: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    @property
    def is_null(self) -> bool:
        """Whether this is the probe that sends nothing and listens."""
        return self.protocol == "tcp" and not self.payload


class Exclusions(msgspec.Struct, frozen=True):
    """Ports that are reported and not probed; ranges, both ends included."""

    tcp: tuple[Span, ...] = ()
    udp: tuple[Span, ...] = ()

    def covers(self, protocol: Protocol, port: int) -> bool:
        """Whether this port is excluded."""
        return in_ranges(port, self.tcp if protocol == "tcp" else self.udp)


class ProbeDatabase(msgspec.Struct, frozen=True):
    """One database, from one file or from the files of one folder."""

    identity: DatabaseIdentity
    probes: tuple[Probe, ...]
    exclusions: Exclusions = Exclusions()
    faults: tuple[Fault, ...] = ()

    def chain(self, probe: Probe) -> Iterator[Probe]:
        """The probes whose rules are tried on a response to `probe`, in order.

        Its own, those of its fallbacks, and for TCP those of the NULL probe
        (nmap-behaviour.md, "Matching one response").
        """
        yield probe
        for name in probe.fallback:
            fallback = self.find(name, probe.protocol)
            if fallback is not None and fallback is not probe:
                yield fallback
        if probe.protocol == "tcp" and not probe.is_null:
            yield from (other for other in self.probes if other.is_null)

    def find(self, name: str, protocol: Protocol) -> Probe | None:
        """The probe of that name: of that protocol if there is one, else of the other."""
        named = [probe for probe in self.probes if probe.name == name]
        return next((probe for probe in named if probe.protocol == protocol), None) or next(
            iter(named), None
        )


def in_ranges(port: int, ranges: tuple[Span, ...]) -> bool:
    """Whether a port lies in one of some ranges (both ends included)."""
    return any(first <= port <= last for first, last in ranges)
