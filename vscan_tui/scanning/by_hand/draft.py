"""What the user is about to send: a text, and how it is to go out."""

from dataclasses import dataclass, replace
from enum import StrEnum

from vscan_tui.events import Endpoint, Protocol
from vscan_tui.probedb.payload_text import Form, Payloads, read_payloads, write_payloads
from vscan_tui.scanning.by_hand.requests import ANY_PROBE, Composition

MAX_PAYLOADS = 1_000
"""Of one composition; it is no load generator."""
WAIT_LIMITS_MS = (100, 300_000)
"""As for `totalwaitms`."""


class Over(StrEnum):
    """What carries the payloads."""

    TCP = "TCP"
    TLS = "TLS"
    UDP = "UDP"


class DraftError(ValueError):
    """A draft cannot be sent; the message says why, in a sentence."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Payloads as they are written, and how they are to be sent."""

    endpoint: Endpoint
    """The port; its protocol follows from `over`."""
    over: Over
    text: str = ""
    form: Form = Form.TEXT
    probe: str = ANY_PROBE
    """Answers are matched as those to this probe; empty: with the rules of all."""
    times: int = 1
    wait_ms: int = 5_000
    one_connection: bool = True

    @property
    def target(self) -> Endpoint:
        """Where it goes: over UDP a UDP port, else a TCP port."""
        protocol: Protocol = "udp" if self.over is Over.UDP else "tcp"
        return Endpoint(self.endpoint.address, protocol, self.endpoint.port)

    @property
    def payloads(self) -> Payloads:
        """What is written, read."""
        return read_payloads(self.text, self.form)

    def in_form(self, form: Form) -> "Draft":
        """Write the same payloads the other way; a text with a fault stays as it is."""
        read = self.payloads
        if read.fault is not None:
            return self
        return replace(self, text=write_payloads(read.payloads, form), form=form)

    def next_over(self) -> "Draft":
        """Send it over the next of TCP, TLS and UDP."""
        kinds = list(Over)
        return replace(self, over=kinds[(kinds.index(self.over) + 1) % len(kinds)])

    def composition(self) -> Composition:
        """Return what is to be sent.

        Raises:
            DraftError: it cannot be sent; the message says why.
        """
        read = self.payloads
        if read.fault is not None:
            raise DraftError(f"The payload cannot be read: {read.fault}.")
        if not 1 <= self.times * len(read.payloads) <= MAX_PAYLOADS:
            raise DraftError(f"At least one and at most {MAX_PAYLOADS:,} payloads can be sent.")
        low, high = WAIT_LIMITS_MS
        if not low <= self.wait_ms <= high:
            raise DraftError(f"An answer can be awaited for {low} to {high:,} ms.")
        return Composition(
            read.payloads * self.times,
            tunnel=self.over is Over.TLS,
            probe=self.probe,
            wait_ms=self.wait_ms,
            one_connection=self.one_connection,
        )


def over_of(endpoint: Endpoint, *, tunnel: bool) -> Over:
    """What a port, or an exchange with it, is spoken to over."""
    if endpoint.protocol == "udp":
        return Over.UDP
    return Over.TLS if tunnel else Over.TCP
