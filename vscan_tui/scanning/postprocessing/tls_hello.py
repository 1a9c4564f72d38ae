"""TLS messages in plain sight: a client's hello, and what the server answers to it.

Only the first flight is spoken, no handshake is finished.
Sources: RFC 8446 (TLS 1.3), sections 4.1 and 4.2; RFC 5246 (TLS 1.2); RFC 7301 (ALPN).
"""

import struct
from collections.abc import Iterator

import msgspec

VERSIONS = {0x0301: "TLSv1", 0x0302: "TLSv1.1", 0x0303: "TLSv1.2", 0x0304: "TLSv1.3"}
"""What may be offered, by its number on the wire."""
TLS_1_2, TLS_1_3 = 0x0303, 0x0304

_HANDSHAKE = 22
_CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE, _SERVER_HELLO_DONE = 1, 2, 11, 14
_SERVER_NAME, _GROUPS, _POINTS, _SIGNATURES = 0, 10, 11, 13
_ALPN, _SUPPORTED_VERSIONS, _KEY_SHARE = 16, 43, 51
_X25519 = 0x001D
_RANDOM = b"vscan looks at your TLS versions"
_SUITES = (
    *(0x1301, 0x1302, 0x1303),
    *(0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0x009E, 0x009F),
    *(0xC009, 0xC013, 0xC00A, 0xC014, 0x0033, 0x0039, 0x009C, 0x009D),
    *(0x002F, 0x0035, 0x000A, 0x0005, 0x00FF),
)
_RECORD = struct.Struct(">BHH")


class ServerHello(msgspec.Struct, frozen=True):
    """What a server chose."""

    version: int
    alpn: str = ""


class Flight(msgspec.Struct, frozen=True):
    """A server's answer to a ClientHello, as far as it came."""

    hello: ServerHello | None
    certificate: bytes = b""
    """The server's own, DER; empty in TLS 1.3, where it is encrypted."""
    is_whole: bool = False
    """Whether nothing more need be waited for."""


def client_hello(version: int, *, server_name: str = "", protocols: tuple[str, ...] = ()) -> bytes:
    """A ClientHello, as a record, that offers just one version (or older ones, below 1.3)."""
    extensions = [
        _extension(_GROUPS, _vector(struct.pack(">4H", _X25519, 23, 24, 25), 2)),
        _extension(_POINTS, _vector(b"\0", 1)),
        _extension(
            _SIGNATURES,
            _vector(
                struct.pack(
                    ">9H", 0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201
                ),
                2,
            ),
        ),
    ]
    if server_name:
        name = b"\0" + _vector(server_name.encode("idna"), 2)
        extensions.append(_extension(_SERVER_NAME, _vector(name, 2)))
    if protocols:
        names = b"".join(_vector(protocol.encode("ascii"), 1) for protocol in protocols)
        extensions.append(_extension(_ALPN, _vector(names, 2)))
    if version == TLS_1_3:
        extensions.append(_extension(_SUPPORTED_VERSIONS, _vector(struct.pack(">H", TLS_1_3), 1)))
        share = struct.pack(">H", _X25519) + _vector(bytes([9]) + bytes(31), 2)
        extensions.append(_extension(_KEY_SHARE, _vector(share, 2)))
    body = (
        struct.pack(">H", min(version, TLS_1_2))
        + _RANDOM
        + _vector(b"", 1)
        + _vector(struct.pack(f">{len(_SUITES)}H", *_SUITES), 2)
        + _vector(b"\0", 1)
        + _vector(b"".join(extensions), 2)
    )
    message = bytes([_CLIENT_HELLO]) + _vector(body, 3)
    return _RECORD.pack(_HANDSHAKE, 0x0301, len(message)) + message


def read_flight(data: bytes) -> Flight:
    """Read what a server answered to a ClientHello, as far as it goes; never raises."""
    handshake, is_broken_off = _handshake_bytes(data)
    hello: ServerHello | None = None
    try:
        for kind, body in _messages(handshake):
            if kind == _SERVER_HELLO:
                hello = _server_hello(body)
                if hello.version == TLS_1_3:  # all that follows is encrypted
                    return Flight(hello, is_whole=True)
            elif kind == _CERTIFICATE:
                chain, _ = _read_vector(body, 0, 3)
                return Flight(hello, _read_vector(chain, 0, 3)[0], is_whole=True)
            elif kind == _SERVER_HELLO_DONE:
                return Flight(hello, is_whole=True)
    except (struct.error, IndexError, UnicodeDecodeError):
        return Flight(hello, is_whole=True)
    return Flight(hello, is_whole=is_broken_off)


def is_whole_flight(data: bytes) -> bool:
    """Whether nothing more need be waited for."""
    return read_flight(data).is_whole


def _handshake_bytes(data: bytes) -> tuple[bytes, bool]:
    """Return the content of the handshake records, and whether something else follows them."""
    out = bytearray()
    offset = 0
    while offset < len(data):
        if data[offset] != _HANDSHAKE:
            return bytes(out), True
        if offset + _RECORD.size > len(data):
            break
        _, _, length = _RECORD.unpack_from(data, offset)
        offset += _RECORD.size
        out += data[offset : offset + length]
        offset += length
    return bytes(out), False


def _messages(handshake: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the whole messages: (type, body)."""
    offset = 0
    while offset + 4 <= len(handshake):
        end = offset + 4 + int.from_bytes(handshake[offset + 1 : offset + 4])
        if end > len(handshake):
            return
        yield handshake[offset], handshake[offset + 4 : end]
        offset = end


def _server_hello(body: bytes) -> ServerHello:
    (version,) = struct.unpack_from(">H", body)
    offset = 2 + len(_RANDOM)
    _, offset = _read_vector(body, offset, 1)
    offset += 3  # cipher suite and compression
    alpn = ""
    if offset < len(body):
        extensions, _ = _read_vector(body, offset, 2)
        position = 0
        while position < len(extensions):
            (code,) = struct.unpack_from(">H", extensions, position)
            content, position = _read_vector(extensions, position + 2, 2)
            if code == _SUPPORTED_VERSIONS:
                (version,) = struct.unpack_from(">H", content)
            elif code == _ALPN:
                names, _ = _read_vector(content, 0, 2)
                alpn = _read_vector(names, 0, 1)[0].decode("ascii")
    return ServerHello(version, alpn)


def _vector(content: bytes, width: int) -> bytes:
    """Content behind its length, as TLS writes variable-length fields."""
    return len(content).to_bytes(width) + content


def _read_vector(data: bytes, offset: int, width: int) -> tuple[bytes, int]:
    """Return a field's content and the offset after it.

    Raises:
        IndexError: it is cut off.
    """
    begin = offset + width
    end = begin + int.from_bytes(data[offset:begin])
    if begin > len(data) or end > len(data):
        raise IndexError
    return data[begin:end], end


def _extension(code: int, content: bytes) -> bytes:
    return struct.pack(">H", code) + _vector(content, 2)
