"""Whether an answer is cut off, by the rules of the protocol that it seems to be."""

import re

_REPLY = re.compile(rb"[1-5]\d\d[ -]")
_LAST_OF_REPLY = re.compile(rb"\d\d\d(?: |\r?\Z)")


def is_unfinished(response: bytes) -> bool:
    """Whether the other side has more to say, and only takes its time.

    Known of the greetings and replies of FTP and mail servers, which are whole lines, of which
    all but the last have a hyphen after the code (RFC 959, 4.2; RFC 5321, 4.2.1); of SSH's first
    line (RFC 4253, 4.2); and of the head of an HTTP response (RFC 9112, 2.1).
    """
    if response.startswith(b"HTTP/"):
        return b"\r\n\r\n" not in response and b"\n\n" not in response
    if response.startswith(b"SSH-"):
        return b"\n" not in response
    if _REPLY.match(response) is None:
        return False
    if not response.endswith(b"\n"):
        return True
    last = response[:-1].rpartition(b"\n")[2]
    return response[3:4] == b"-" and _LAST_OF_REPLY.match(last) is None
