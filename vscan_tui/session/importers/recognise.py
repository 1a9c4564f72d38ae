"""Tells by its content what a file is, and reads it."""

import gzip
import re
import zlib
from io import BytesIO
from pathlib import Path

from vscan_tui.session.importers.model import Imported, ImportFileError
from vscan_tui.session.importers.nmap_xml import read_nmap_xml
from vscan_tui.session.importers.pasted import decode_text
from vscan_tui.session.importers.port_lists import (
    read_endpoints,
    read_grepable,
    read_json,
    read_masscan_list,
)

MAX_BYTES = 512 * 1024 * 1024
_GZIP = b"\x1f\x8b"
_LOOK = 65536

_BRACKETED = re.compile(r"\[[0-9A-Fa-f:.]+(?:%\w+)?\]:\d")
"""Not JSON, but an IPv6 address and its port: `[2001:db8::1]:22`."""
_GREPABLE = re.compile(r"^(?:Timestamp:\s*\d+\s+)?Host:\s", re.MULTILINE)
_NMAP_COMMENT = re.compile(r"\A\s*# (?:Nmap|Masscan|vscan) [\w.]+ scan initiated", re.IGNORECASE)
_MASSCAN_LIST = re.compile(r"^(?:open|closed|banner)\s+(?:tcp|udp|sctp|icmp)\s+\d", re.MULTILINE)


def read_bytes(path: Path) -> bytes:
    """Return what a file holds, unpacked if it is packed with gzip.

    Raises:
        ImportFileError: it cannot be read, or is too long.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImportFileError(f"{path}: cannot read it: {error.strerror or error}") from error
    return unpacked(data, str(path))


def unpacked(data: bytes, name: str) -> bytes:
    """Return data without gzip's packing, if it has that; see `read_bytes`."""
    if data.startswith(_GZIP):
        try:
            with gzip.GzipFile(fileobj=BytesIO(data)) as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ImportFileError(f"{name}: it is packed with gzip and damaged: {error}") from error
    if len(data) > MAX_BYTES:
        raise ImportFileError(f"{name}: it is longer than {MAX_BYTES >> 20} MiB; split it")
    return data


def read_ports(data: bytes) -> Imported:
    """Read a file of ports of whatever kind; never fails, faults are in the result."""
    if is_xml(data):
        return read_nmap_xml(data)
    text = decode_text(data)
    beginning = text[:_LOOK].lstrip()
    if beginning.startswith(("[", "{")) and not _BRACKETED.match(beginning):
        return read_json(text)
    if _NMAP_COMMENT.match(beginning) or _GREPABLE.search(beginning):
        return read_grepable(text)
    if beginning.startswith("#masscan") or _MASSCAN_LIST.search(beginning):
        return read_masscan_list(text)
    return read_endpoints(text)


def is_xml(data: bytes) -> bool:
    """Whether a file looks like XML, in any encoding that XML may have."""
    beginning = data[:200].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n").replace(b"\x00", b"")
    return beginning.startswith(b"<")
