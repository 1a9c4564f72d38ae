r"""The fingerprint of a service that no rule knows: Nmap's `SF-Port` text.

    SF-Port24006-TCP:V=0.1.0%I=7%D=11/22%Time=6B03774D%P=x86_64-pc-linux-gnu%r(
    SF:NULL,E,"S\|soft\|x\|y\|z\r\n")%r(One,E,"S\|soft\|x\|y\|z\r\n");

Byte for byte what Nmap 7.93 prints for the same responses, apart from `V` and
`P`.  Source: nmap-behaviour.md, "The service fingerprint", and measurements.
"""

import math
import string
import sysconfig
from collections.abc import Iterator
from itertools import pairwise

from vscan_tui import __version__
from vscan_tui.events import Ending, Outcome
from vscan_tui.reports.dates import local, whole_seconds
from vscan_tui.session.store import Exchange, Port
from vscan_tui.session.wording import printable

LEAST_INTENSITY = 7
"""A scan that asks less does not know enough to call a service unknown."""
LINE_LENGTH = 74
CONTINUATION = "SF:"
RESPONSE_BYTES = 900
"""So much of each response is shown."""
ENOUGH_CHARACTERS = 2200
"""No response is added to a fingerprint that is longer, line ends included."""

_CUT_OFF = frozenset({Ending.RESET, Ending.FAILED})
"""A response that ended so is not noted, as by Nmap."""
_TOLD = frozenset({Outcome.SOFT_MATCH, Outcome.NO_MATCH, Outcome.INCOMPLETE})
_BACKSLASHED = r'\?"[]().*+$^|'
_NAMED = {0: r"\0", 9: r"\t", 10: r"\n", 13: r"\r"}
_DIGITS = frozenset(string.digits.encode())


def _escape_of(byte: int) -> str:
    if byte in _NAMED:
        return _NAMED[byte]
    character = chr(byte)
    if character in _BACKSLASHED:
        return f"\\{character}"
    if 0x21 <= byte <= 0x7E:
        return character
    return f"\\x{byte:02x}"


_ESCAPES = tuple(_escape_of(byte) for byte in range(256))


def build_platform() -> str:
    """Return what this system calls itself, such as `x86_64-pc-linux-gnu` or `win-amd64`."""
    return sysconfig.get_config_var("HOST_GNU_TYPE") or sysconfig.get_platform()


def fingerprint(
    port: Port,
    intensity: int,
    *,
    version: str = __version__,
    platform: str | None = None,
) -> str:
    """Return the fingerprint of a port in one line, or nothing if it has none.

    It has one if something answered, no rule matched hard, and the interrogation
    went to its end; after a soft match, or an end before its time, only if the
    scan asked hard enough (`LEAST_INTENSITY`).  Measured on Nmap 7.93.

    Args:
        port: what was sent and received.
        intensity: of the scan.
        version: of the program.
        platform: that the program runs on; by default, this one.
    """
    if port.outcome not in _TOLD:
        return ""
    if intensity < LEAST_INTENSITY and port.outcome is not Outcome.NO_MATCH:
        return ""
    answered = [
        exchange
        for exchange in _inside(port)
        if exchange.response and exchange.ending not in _CUT_OFF
    ]
    if not answered:
        return ""
    first = answered[0]
    begun = first.started if first.ended is None else first.ended
    today = local(begun)
    number, protocol = port.endpoint.port, port.endpoint.protocol.upper()
    text = (
        f"SF-Port{number}-{protocol}:V={printable(version)}"
        f"{'%T=SSL' if port.service.tunnel else ''}%I={intensity}"
        f"%D={today.tm_mon}/{today.tm_mday}%Time={whole_seconds(begun):X}"
        f"%P={printable(platform or build_platform())}"
    )
    for exchange in answered:
        if _wrapped_length(text) > ENOUGH_CHARACTERS:
            break
        shown = escaped(bytes(exchange.response[:RESPONSE_BYTES]))
        text += f'%r({printable(exchange.probe)},{len(exchange.response):X},"{shown}")'
    return f"{text};"


def wrapped(text: str) -> Iterator[str]:
    """Yield the lines of a fingerprint, without line ends, as Nmap prints them.

    The last semicolon never begins a line: it may be the 75th character of one.
    """
    body, end = (text[:-1], text[-1:]) if text.endswith(";") else (text, "")
    step = LINE_LENGTH - len(CONTINUATION)
    lines = [body[:LINE_LENGTH]]
    lines += (
        CONTINUATION + body[begin : begin + step] for begin in range(LINE_LENGTH, len(body), step)
    )
    lines[-1] += end
    yield from lines


def escaped(data: bytes) -> str:
    r"""Return bytes as they stand in a fingerprint, all printable ASCII without spaces.

    NUL is `\0`, but `\x00` where a digit follows, which would read as octal.
    """
    parts = [_ESCAPES[byte] for byte in data]
    for index, (byte, following) in enumerate(pairwise(data)):
        if byte == 0 and following in _DIGITS:
            parts[index] = r"\x00"
    return "".join(parts)


def _inside(port: Port) -> list[Exchange]:
    """What counts: once a port is inside a tunnel, all that was before is forgotten.

    So is what was before the port was asked anew, as when a scan is resumed.
    Payloads of the user's own are nobody's probes.
    """
    inside = bool(port.service.tunnel)
    begun = -math.inf if port.started is None else port.started
    return [
        exchange
        for exchange in port.exchanges
        if bool(exchange.tunnel) is inside and not exchange.by_hand and exchange.started >= begun
    ]


def _wrapped_length(text: str) -> int:
    """How long the text is with its line ends and continuations."""
    step = LINE_LENGTH - len(CONTINUATION)
    breaks = max(0, -(-(len(text) - LINE_LENGTH) // step))
    return len(text) + breaks * (len(CONTINUATION) + 1)
