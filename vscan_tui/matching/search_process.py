"""The other side of `searching`: reads what to search for, writes what is found.

Run as `python -m vscan_tui.matching.search_process`; ends when its input does.
"""

import signal
import sys

import msgspec

from vscan_tui.matching.pattern import LimitError, Pattern
from vscan_tui.matching.searching import (
    HEADER_BYTES,
    Found,
    Responses,
    Search,
    frame,
    length_of,
)

_REQUESTS = msgspec.msgpack.Decoder(Responses | Search)


def main() -> None:
    """Answer requests, one at a time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is the user's word to the program
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    responses: list[bytes] = []
    while len(header := source.read(HEADER_BYTES)) == HEADER_BYTES:
        request = _REQUESTS.decode(source.read(length_of(header)))
        if isinstance(request, Responses):
            responses = request.responses
            found = Found()
        else:
            found = _searched(request, responses)
        sink.write(frame(msgspec.msgpack.encode(found)))
        sink.flush()


def _searched(request: Search, responses: list[bytes]) -> Found:
    found = Found()
    try:
        pattern = Pattern(request.pattern, request.flags)
    except ValueError as error:
        return Found(error=str(error))
    for place, response in enumerate(responses):
        try:
            spans = pattern.search(response)
        except LimitError:
            found.limits.append(place)
            continue
        if spans is not None:
            found.spans[place] = spans
    return found


if __name__ == "__main__":
    main()
