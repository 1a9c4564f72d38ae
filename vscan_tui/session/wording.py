"""How what is known is put into words, alike on the screen and in every report.

Text from the network is hostile: whatever leaves here is printable ASCII.
Source: nmap-behaviour.md, "What is printed".
"""

import re
from collections.abc import Iterable

from vscan_tui.events import Fields, Method, Outcome, PortState
from vscan_tui.session.store import Host, Port

_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]")


def printable(text: str) -> str:
    """Show every character outside printable ASCII as a dot."""
    return _NOT_PRINTABLE.sub(".", text)


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
    name = port.service.name or "unknown"
    if (
        port.service.method is Method.TABLE
        and port.service.name
        and port.outcome is not Outcome.EXCLUDED
        and port.state is PortState.OPEN
    ):
        name += "?"
    prefix = "ssl/" if port.service.tunnel else ""
    return printable(prefix + name)


def port_text(port: Port) -> str:
    """Return what stands in Nmap's PORT column, such as `22/tcp`."""
    return f"{port.endpoint.port}/{port.endpoint.protocol}"


def service_info(host: Host) -> str:
    """Return Nmap's line `Service Info: ...` for a host, or nothing.

    It collects the distinct host names (other than the target's own), OS
    types, device types, and the h and o CPEs of all open ports.
    """
    fields = [port.service.fields for port in host.sorted_ports() if port.state is PortState.OPEN]
    hostnames = _distinct(field.hostname for field in fields)
    hostnames = [name for name in hostnames if name.lower() != host.name.lower()]
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
