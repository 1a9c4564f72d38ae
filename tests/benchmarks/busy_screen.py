"""The screen with as much as it must bear: 65,535 ports, and 1,000 events a second.

    python -m tests.benchmarks.busy_screen

shows it, to be tried by hand; `tests.benchmarks.screen` measures it.  Nothing is sent.
"""

import asyncio
import random
import time

from vscan_tui.bundled import bundled
from vscan_tui.commands.databases import load_quietly
from vscan_tui.events import (
    BytesReceived,
    Ending,
    Endpoint,
    ExchangeEnded,
    ExchangeStarted,
    Fields,
    HostFound,
    HostState,
    InterrogationStarted,
    Method,
    Outcome,
    PortFinished,
    PortFound,
    PortState,
    ScanStarted,
    Service,
)
from vscan_tui.matching.investigation import Investigation
from vscan_tui.tui.app import VscanApp

ADDRESS = "127.0.0.1"
PORTS = 65535
RATE = 1000
BUSY_FROM = 50_000
"""Only ports from here on change, so that what a key changed can be told from what an event did."""
UNKNOWN_EACH = 97
"""So many ports further there is one that nothing matched."""
_TURNS = 50
"""A second."""
_SERVICES = (
    Service("http", Fields("nginx", "1.22.1"), method=Method.PROBED, confidence=10),
    Service("ssh", Fields("OpenSSH", "9.2p1", "protocol 2.0"), method=Method.PROBED, confidence=10),
    Service("mysql", Fields("MariaDB", "10.11.6"), method=Method.PROBED, confidence=10),
)


class BusySource:
    """Asks ports again and again."""

    is_recording = False

    def pause(self):
        pass

    def resume(self):
        pass

    async def run(self, emit):
        chance = random.Random(0)
        rounds = dict.fromkeys(range(BUSY_FROM, PORTS + 1), 1)
        left = 0
        while True:
            began = time.perf_counter()
            while left < RATE // _TURNS:
                number = chance.randrange(BUSY_FROM, PORTS + 1)
                rounds[number] += 1
                events = _asked(Endpoint(ADDRESS, "tcp", number), rounds[number])
                for event in events:
                    emit(event)
                left += len(events)
            left -= RATE // _TURNS
            await asyncio.sleep(max(0.0, 1 / _TURNS - (time.perf_counter() - began)))


class BusyApp(VscanApp):
    """Has all ports before the first event."""

    def on_ready(self):
        for event in _all_ports():
            self.feed.emit(event)
        self.triage.apply(self.feed.drain())
        super().on_ready()


def _all_ports():
    now = time.time()
    yield ScanStarted(
        time=now, program="vscan busy", arguments=(), pace="eager", intensity=7, databases=()
    )
    yield HostFound(time=now, address=ADDRESS, state=HostState.UP, reason="busy")
    for number in range(1, PORTS + 1):
        endpoint = Endpoint(ADDRESS, "tcp", number)
        yield PortFound(time=now, endpoint=endpoint, state=PortState.OPEN, reason="syn-ack")
        yield from _asked(endpoint, 1)


def _asked(endpoint, exchange):
    now = time.time()
    is_unknown = endpoint.port < BUSY_FROM and endpoint.port % UNKNOWN_EACH == 0
    service = _SERVICES[(endpoint.port + exchange) % len(_SERVICES)]
    outcome, ending = Outcome.HARD_MATCH, Ending.MATCHED
    if is_unknown:
        service, outcome, ending = Service(), Outcome.NO_MATCH, Ending.TIMED_OUT
    return [
        InterrogationStarted(time=now, endpoint=endpoint),
        ExchangeStarted(
            time=now, endpoint=endpoint, exchange=exchange, connection=exchange, probe="NULL",
            payload=b"", reason="busy",
        ),
        BytesReceived(time=now, endpoint=endpoint, exchange=exchange, data=b"hello\r\n"),
        ExchangeEnded(time=now, endpoint=endpoint, exchange=exchange, ending=ending),
        PortFinished(time=now, endpoint=endpoint, outcome=outcome, service=service),
    ]  # fmt: skip


if __name__ == "__main__":
    bundled_databases = str(bundled("service-probes"))
    BusyApp(
        BusySource(), investigation=Investigation(lambda: load_quietly([bundled_databases]))
    ).run()
