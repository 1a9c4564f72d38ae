"""Several sessions as one: one after another, each exchange with a number of its own."""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from vscan_tui.events import (
    BytesReceived,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionOpened,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    RuleFired,
)


def merged(sessions: Iterable[Iterable[Event]]) -> Iterator[Event]:
    """Yield the events of all sessions, the earliest session first.

    Where two have the same port, both have their exchanges, and the verdict of
    the later one counts.
    """
    exchanges: Counter[Endpoint] = Counter()
    connections: Counter[Endpoint] = Counter()
    for session in sessions:
        before, before_connections = exchanges.copy(), connections.copy()
        for event in session:
            match event:
                case ExchangeStarted(endpoint=endpoint):
                    earlier = before[endpoint]
                    number = event.exchange + earlier
                    exchanges[endpoint] = max(exchanges[endpoint], number)
                    yield replace(
                        event,
                        exchange=number,
                        connection=event.connection + before_connections[endpoint],
                        continues=event.continues and event.continues + earlier,
                    )
                case BytesReceived() | RuleFired() | ExchangeEnded():
                    yield replace(event, exchange=event.exchange + before[event.endpoint])
                case ConnectionOpened() | ConnectionFailed() | ConnectionClosed():
                    number = event.connection + before_connections[event.endpoint]
                    connections[event.endpoint] = max(connections[event.endpoint], number)
                    yield replace(event, connection=number)
                case _:
                    yield event
