"""What comes of an attempt at a port: its state with the reason, in Nmap's words."""

import errno
from collections.abc import Mapping

import msgspec

from vscan_tui.events import PortState


class Verdict(msgspec.Struct, frozen=True, eq=False):
    """A state with its reason; compared by identity, because it is looked up for every port."""

    state: PortState
    reason: str


OPEN = Verdict(PortState.OPEN, "syn-ack")
ANSWERED = Verdict(PortState.OPEN, "udp-response")
REFUSED = Verdict(PortState.CLOSED, "conn-refused")
PORT_UNREACHABLE = Verdict(PortState.CLOSED, "port-unreach")
SILENT = Verdict(PortState.FILTERED, "no-response")
MAYBE_OPEN = Verdict(PortState.OPEN_OR_FILTERED, "no-response")

VERDICTS: Mapping[int, Verdict] = {
    0: OPEN,
    errno.EISCONN: OPEN,
    # The connection stood, and was reset before it was looked at.
    errno.ECONNRESET: OPEN,
    errno.EPIPE: OPEN,
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: SILENT,
    errno.EHOSTUNREACH: Verdict(PortState.FILTERED, "host-unreach"),
    errno.EHOSTDOWN: Verdict(PortState.FILTERED, "host-unreach"),
    errno.ENETUNREACH: Verdict(PortState.FILTERED, "net-unreach"),
    errno.ENETDOWN: Verdict(PortState.FILTERED, "net-unreach"),
    errno.ENOPROTOOPT: Verdict(PortState.FILTERED, "proto-unreach"),
    errno.EACCES: Verdict(PortState.FILTERED, "admin-prohibited"),
    errno.EPERM: Verdict(PortState.FILTERED, "admin-prohibited"),
    getattr(errno, "WSAEACCES", errno.EACCES): Verdict(PortState.FILTERED, "admin-prohibited"),
}
