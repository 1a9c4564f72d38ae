"""How what is known is put into words, alike on the screen and in every report.

Text from the network is hostile: whatever leaves here is printable ASCII.
Source: nmap-behaviour.md, "What is printed".
"""

import math
import re
from collections.abc import Iterable

from vscan_tui.events import Fields, Method, Outcome, PortState
from vscan_tui.session.store import Host, Port

_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")

_UNKNOWN = "unknown"
"""What Nmap calls a service without a name; its port table calls some ports so too."""


def printable(text: str) -> str:
    """Show every character outside printable ASCII as a dot."""
    return _NOT_PRINTABLE.sub(".", text)


def readable(text: str) -> str:
    """Show every control, format and unpaired surrogate character as a dot.

    For what the user typed: paths and names in any script stay what they are,
    and the result can always be encoded and never steers a terminal.
    """
    return "".join(letter if letter.isprintable() else "." for letter in text)


def version_text(fields: Fields) -> str:
    """Return what stands in Nmap's VERSION column: product version (info)."""
    parts = [fields.product, fields.version]
    if fields.info:
        parts.append(f"({fields.info})")
    return printable(" ".join(part for part in parts if part))


def port_version_text(port: Port) -> str:
    """Return the VERSION column of a port, which for an excluded one says so."""
    if port.outcome is Outcome.EXCLUDED:
        return "Excluded from version scan"
    return version_text(port.service.fields)


def service_text(port: Port) -> str:
    """Return what stands in Nmap's SERVICE column, such as `ssl/http` or `ipp?`."""
    name = port.service.name or _UNKNOWN
    from_table = port.service.method is Method.TABLE and port.state is PortState.OPEN
    if from_table and name != _UNKNOWN:
        name += "?"
    prefix = "ssl/" if port.service.tunnel else ""
    return printable(prefix + name)


def port_text(port: Port) -> str:
    """Return what stands in Nmap's PORT column, such as `22/tcp`."""
    return f"{port.endpoint.port}/{port.endpoint.protocol}"


def latency_text(seconds: float) -> str:
    """Return a latency as Nmap writes it: seconds with two significant digits.

    `0.00026s`, `0.50s`, `1.2s`, `120s`; zero is `0.00s`.
    """
    if not math.isfinite(seconds):
        return "0.00s"
    magnitude = math.floor(math.log10(abs(seconds))) if seconds else -1
    decimals = 1 - magnitude
    if decimals < 0:
        return f"{round(seconds, decimals):.0f}s"
    return f"{seconds:.{min(decimals, 12)}f}s"


def service_info(host: Host) -> str:
    """Return Nmap's line `Service Info: ...` for a host, or nothing.

    It collects the distinct host names (other than the target's own two; those
    of certificates included), OS types, device types, and the h and o CPEs of
    all open ports.  Case counts, except in host names (measured on Nmap 7.93,
    which stops at five of each; here they are all told).
    """
    services = [port.service for port in host.sorted_ports() if port.state is PortState.OPEN]
    fields = [service.fields for service in services]
    own = {host.name.lower(), host.reverse_name.lower()}
    told = [field.hostname for field in fields]
    told += [name for service in services if service.tls for name in service.tls.names]
    named = {name.lower(): name for name in reversed(told) if name}
    hostnames = [
        named[lowered] for lowered in _distinct(map(str.lower, told)) if lowered not in own
    ]
    systems = _distinct(field.ostype for field in fields)
    devices = _distinct(field.devicetype for field in fields)
    cpes = _distinct(
        cpe for field in fields for cpe in field.cpes if cpe.startswith(("cpe:/h", "cpe:/o"))
    )
    parts = [
        f"{title if len(values) == 1 else titles}: {', '.join(values)}"
        for title, titles, values in (
            ("Host", "Hosts", hostnames),
            ("OS", "OSs", systems),
            ("Device", "Devices", devices),
            ("CPE", "CPE", cpes),
        )
        if values
    ]
    return printable(f"Service Info: {'; '.join(parts)}") if parts else ""


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))
