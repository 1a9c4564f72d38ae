"""Responses from other programs' corpora: a JSON object a line.

Either `probe` and `response` (base64), as `vscan match --jsonl` takes them, or
the records of zgrab2, one object for each host with what several protocols got.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from vscan_tui.events import Protocol

_NULL, _GET = "NULL", "GetRequest"
_BANNER_KEYS = ("banner", "server_id", "initial_response", "greeting", "raw_banner")
_MOST_HEADERS = 1000


class RecordError(ValueError):
    """A line holds no record; the message is a part of a sentence."""


@dataclass(frozen=True, slots=True)
class Record:
    """One response."""

    where: str
    """Whose: an address, a name, or an id; empty if the record does not say."""
    probe: str
    protocol: Protocol
    response: bytes


def read_record(line: bytes) -> Iterator[Record]:
    """Yield the responses of one line.

    Raises:
        RecordError: it holds none.
    """
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise RecordError("no JSON object")
    if "probe" in value or "response" in value:
        yield _record(value)
    elif isinstance(value.get("data"), dict):
        yield from _of_zgrab2(value)
    else:
        raise RecordError("neither probe and response, nor data as zgrab2 writes it")


def _record(value: dict[str, object]) -> Record:
    probe, response = value.get("probe"), value.get("response")
    if not isinstance(probe, str) or not isinstance(response, str):
        raise RecordError("probe and response must be text")
    try:
        data = base64.b64decode(response, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordError(f"response is no base64: {error}") from error
    protocol = value.get("proto", value.get("protocol", "tcp"))
    if protocol not in ("tcp", "udp"):
        raise RecordError("proto is neither tcp nor udp")
    return Record(_where(value), probe, "udp" if protocol == "udp" else "tcp", data)


def _where(value: dict[str, object]) -> str:
    host = next((value[key] for key in ("ip", "address", "host", "domain") if value.get(key)), "")
    port = value.get("port", "")
    if host:
        return f"{host}:{port}" if isinstance(port, int) else str(host)
    name = value.get("id", "")
    return str(name) if isinstance(name, str | int | float) else ""


def _of_zgrab2(value: dict[str, object]) -> Iterator[Record]:
    data = value["data"]
    if not isinstance(data, dict):
        return
    found = False
    for scan in data.values():
        result = scan.get("result") if isinstance(scan, dict) else None
        if not isinstance(result, dict):
            continue  # the connection failed, which is no fault of the record
        where = _where({**value, "port": scan.get("port", value.get("port"))})
        http = result.get("response")
        if isinstance(http, dict):
            found = True
            yield Record(where, _GET, "tcp", _http_response(http))
            continue
        banner = _banner(result)
        if banner:
            found = True
            yield Record(where, _NULL, "tcp", banner)
    if not found and not any(isinstance(scan, dict) and "status" in scan for scan in data.values()):
        raise RecordError("data holds no result of zgrab2")


def _banner(result: dict[str, object]) -> bytes:
    for key in _BANNER_KEYS:
        told = result.get(key)
        if isinstance(told, dict):  # ssh: the line without its end
            raw = told.get("raw")
            if isinstance(raw, str) and raw:
                return raw.encode("latin-1", "replace") + b"\r\n"
        if isinstance(told, str) and told:
            return told.encode("latin-1", "replace")
    return b""


def _http_response(http: dict[str, object]) -> bytes:
    """Put a response together again; zgrab2 keeps no order and changes the names of headers."""
    protocol = http.get("protocol")
    version = protocol.get("name") if isinstance(protocol, dict) else None
    status = http.get("status_line") or http.get("status_code") or ""
    lines = [f"{version or 'HTTP/1.1'} {status}".strip()]
    headers = http.get("headers")
    if isinstance(headers, dict):
        for name, values in list(headers.items())[:_MOST_HEADERS]:
            written = "-".join(part.capitalize() for part in str(name).split("_"))
            listed = values if isinstance(values, list) else [values]
            lines += [f"{written}: {text}" for text in listed if isinstance(text, str)]
    body = http.get("body")
    text = "\r\n".join(lines) + "\r\n\r\n" + (body if isinstance(body, str) else "")
    return text.encode("utf-8", "replace")
