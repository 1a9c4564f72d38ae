"""What a file of another program tells of ports."""

import ipaddress
import re
from dataclasses import dataclass, field

from vscan_tui.events import PortState, Protocol, Service

MOST_FAULTS = 1000
LAST_PORT = 65535

_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
                   r"(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?")  # fmt: skip


class ImportFileError(Exception):
    """A file cannot be read at all; the message is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class ImportedPort:
    """One port of one host."""

    host: str
    """An address, or a name that must be looked up."""
    protocol: Protocol
    port: int
    state: PortState = PortState.OPEN
    reason: str = ""
    name: str = ""
    """A name of the host, if it has one besides its address."""
    service: Service = field(default_factory=Service)
    """As the other program has it."""
    fingerprint: str = ""
    """Nmap's SF text."""
    line: int = 0

    @property
    def may_be_open(self) -> bool:
        """Whether it is worth asking what listens there."""
        return self.state in (PortState.OPEN, PortState.OPEN_OR_FILTERED)


@dataclass(frozen=True, slots=True)
class ImportFault:
    """Something that could not be read, with its line, counted from 1."""

    line: int
    message: str


@dataclass(slots=True)
class Imported:
    """All that a file tells."""

    kind: str = ""
    """What the file was taken for, in words."""
    program: str = ""
    arguments: str = ""
    began: float = 0.0
    ended: float = 0.0
    ports: list[ImportedPort] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    """All hosts that were looked at, if the file says so: address to name."""
    faults: list[ImportFault] = field(default_factory=list)
    faults_left_out: int = 0

    def fault(self, line: int, message: str) -> None:
        """Note that something cannot be read; of very many only the first are kept."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(ImportFault(line, message))
        else:
            self.faults_left_out += 1


class BadValueError(ValueError):
    """A value of a file means nothing; the message is a part of a sentence."""


def host_of(text: str) -> str:
    """Return an address in its usual form, or a name that may be one.

    Raises:
        BadValueError: it is neither.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    # What looks like an address and is none is not looked up as a name.
    if not _NAME.fullmatch(text) or re.fullmatch(r"[\d.]+", text):
        raise BadValueError(f"{shown(text)} is no address and no host name")
    return text


def port_of(text: str | int) -> int:
    """Return a port number.

    Raises:
        BadValueError: it is none.
    """
    written = str(text)
    if not re.fullmatch(r"\d{1,5}", written, re.ASCII) or int(written) > LAST_PORT:
        raise BadValueError(f"{shown(written)} is no port; ports go from 0 to {LAST_PORT}")
    return int(written)


def protocol_of(text: str) -> Protocol:
    """Return a protocol.

    Raises:
        BadValueError: it is not one that can be asked.
    """
    match text.lower():
        case "tcp":
            return "tcp"
        case "udp":
            return "udp"
        case _:
            raise BadValueError(f"protocol {shown(text)} is neither tcp nor udp")


def state_of(text: str) -> PortState:
    """Return the state of a port; what is unknown counts as not open."""
    try:
        return PortState(text.lower())
    except ValueError:
        return PortState.CLOSED if text.lower() in {"close", "unfiltered"} else PortState.FILTERED


def shown(text: str) -> str:
    """Quote what a file says, short and harmless."""
    plain = "".join(letter if letter.isprintable() else "." for letter in text[:60])
    return f'"{plain}{"…" if len(text) > 60 else ""}"'
