"""A scan written by hand: the same events every time, with rules of our own."""

import asyncio
import re
from collections.abc import Iterable, Iterator

from vscan_tui.events import (
    BytesReceived,
    ConnectionClosed,
    ConnectionOpened,
    DatabaseIdentity,
    Decided,
    DiscoveryProgressed,
    Ending,
    Endpoint,
    Event,
    ExchangeEnded,
    ExchangeStarted,
    Fields,
    HostFound,
    HostState,
    InterrogationStarted,
    Match,
    Method,
    Outcome,
    PortFinished,
    PortFound,
    PortsScanned,
    PortState,
    RuleFired,
    ScanEnding,
    ScanFinished,
    ScanPaused,
    ScanPlanned,
    ScanResumed,
    ScanStarted,
    Service,
)
from vscan_tui.probedb.templates import fill_all
from vscan_tui.session.source import Emit

START = 1_700_000_000.0

SSH_BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"
NGINX_PAGE = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    b"Content-Type: text/html\r\nContent-Length: 615\r\nConnection: close\r\n\r\n"
    b"<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>\n</head>\n"
    b"<body>\n<h1>Welcome to nginx!</h1>\n</body>\n</html>\n"
)
APACHE_PAGE = (
    b"HTTP/1.1 403 Forbidden\r\nServer: Apache/2.4.57 (Debian)\r\nContent-Length: 199\r\n\r\n"
)
MARIADB_GREETING = (
    b"Y\x00\x00\x00\n5.5.5-10.11.6-MariaDB-0+deb12u1\x00\x1f\x00\x00\x00l:Wv+=H4\x00\xfe\xf7-\x02"
    b"\x00\xff\x81\x15\x00\x00\x00\x00\x00\x00\x1d\x00\x00\x00]q:SPDW/8#1K\x00mysql_native_password\x00"
)
HOSTILE = (
    b"\x1b[2J\x1b]0;owned\x07[bold red]markup[/]\x9b31m\xe2\x80\xae\xe2\x80\x8b\x00\x7fEND\r\n"
    b"\x1b]52;c;cm0=\x07[@click=app.bell]x[/]"
)
GET = b"GET / HTTP/1.0\r\n\r\n"


def rule(
    service: str,
    pattern: bytes,
    response: bytes,
    *templates: tuple[str, str],
    line: int,
    probe: str = "NULL",
    soft: bool = False,
    flags: str = "",
    tried: int = 312,
) -> Match:
    """A rule that fired on a response: its spans and fields are what it really captures."""
    compiled = re.compile(pattern, re.DOTALL if "s" in flags else 0)
    found = compiled.search(response)
    assert found is not None
    spans = tuple(
        None if found.start(group) < 0 else found.span(group)
        for group in range(compiled.groups + 1)
    )
    groups = tuple(found.group(group) for group in range(compiled.groups + 1))
    return Match(
        database="bundled",
        file="service-probes",
        line=line,
        probe=probe,
        service=service,
        soft=soft,
        pattern=pattern,
        flags=flags,
        templates=templates,
        spans=spans,
        tried=tried,
        fields=fill_all(templates, groups),
    )


SSH_RULE = rule(
    "ssh",
    rb"^SSH-([\d.]+)-OpenSSH_([\w.]+) (Debian)-(\S+)\r?\n",
    SSH_BANNER,
    ("p", "OpenSSH"),
    ("v", "$2 $3 $4"),
    ("i", "protocol $1"),
    ("o", "Linux"),
    ("cpe", "a:openbsd:openssh:$2"),
    ("cpe", "o:linux:linux_kernel"),
    line=2041,
)
NGINX_RULE = rule(
    "http",
    rb"^HTTP/1\.[01] \d\d\d (?:[^\r\n]*\r\n(?!\r\n))*?Server: nginx/([\d.]+)\r\n",
    NGINX_PAGE,
    ("p", "nginx"),
    ("v", "$1"),
    ("cpe", "a:igor_sysoev:nginx:$1"),
    line=8871,
    probe="GetRequest",
    flags="s",
)
APACHE_RULE = rule(
    "http",
    rb"^HTTP/1\.[01] \d\d\d .*\r\nServer: Apache/([\d.]+) \(([^)]+)\)\r\n",
    APACHE_PAGE,
    ("p", "Apache httpd"),
    ("v", "$1"),
    ("i", "($2)"),
    ("cpe", "a:apache:http_server:$1"),
    line=8123,
    probe="GetRequest",
    flags="s",
    tried=1204,
)
SSL_RULE = rule(
    "ssl", rb"^\x16\x03[\x00-\x03]..\x02", b"\x16\x03\x03\x00\x5a\x02\x00", line=11902,
    probe="SSLSessionReq", flags="s", tried=41,
)  # fmt: skip
MARIADB_RULE = rule(
    "mysql",
    rb"^.\0\0\0\x0a(5\.[-_~.+:\w]+?-)?([\d.]+)-MariaDB(-[-+.\w]+)?\0",
    MARIADB_GREETING,
    ("p", "MariaDB"),
    ("v", "$2"),
    ("cpe", "a:mariadb:mariadb:$2"),
    line=4410,
    flags="s",
    tried=97,
)
POSTGRES_ERROR = (
    b"E\x00\x00\x00\x85SFATAL\x00VFATAL\x00C0A000\x00Munsupported frontend protocol\x00"
)
POSTGRES_RULE = rule(
    "postgresql", rb"^E\0\0\0.S[^\0]+\0VFATAL\0C0A000\0", POSTGRES_ERROR, line=9320,
    probe="SMBProgNeg", soft=True, flags="s", tried=58,
)  # fmt: skip
REDIS_REPLY = b"-ERR unknown command 'GET'\r\n"
REDIS_RULE = rule(
    "redis", rb"^-ERR unknown command '(GET|HELP)'", REDIS_REPLY, ("p", "Redis key-value store"),
    line=9977, probe="GetRequest", tried=640,
)  # fmt: skip


class Script:
    """Events of one scan, each a fixed time after the one before."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.time = START
        self._exchanges: dict[Endpoint, int] = {}

    def add(self, event_type: type, after: float = 0.001, **fields: object) -> None:
        self.time += after
        self.events.append(event_type(time=round(self.time, 6), **fields))

    def found(self, endpoint: Endpoint, name: str = "") -> None:
        self.add(
            PortFound, endpoint=endpoint, state=PortState.OPEN, reason="syn-ack", table_name=name
        )

    def begin(self, endpoint: Endpoint) -> None:
        self._exchanges[endpoint] = 0
        self.add(InterrogationStarted, endpoint=endpoint)
        self.connect(endpoint, 1)

    def connect(self, endpoint: Endpoint, connection: int) -> None:
        self.add(Decided, endpoint=endpoint, action="connect", reason="a fresh connection")
        self.add(ConnectionOpened, endpoint=endpoint, connection=connection, seconds=0.0004)

    def exchange(
        self,
        endpoint: Endpoint,
        probe: str,
        payload: bytes,
        response: bytes,
        ending: Ending,
        *,
        reason: str,
        seconds: float = 0.0012,
        match: Match | None = None,
        tunnel: str = "",
        tried: int = 1873,
        connection: int = 1,
    ) -> None:
        number = self._exchanges[endpoint] = self._exchanges[endpoint] + 1
        action = f"send {probe}" if payload else f"listen ({probe})"
        self.add(Decided, endpoint=endpoint, action=action, reason=reason)
        self.add(
            ExchangeStarted,
            0.0001,
            endpoint=endpoint,
            exchange=number,
            connection=connection,
            probe=probe,
            payload=payload,
            reason=reason,
            tunnel=tunnel,
        )
        if response:
            self.add(BytesReceived, seconds, endpoint=endpoint, exchange=number, data=response)
        if match is not None:
            self.add(
                RuleFired, endpoint=endpoint, exchange=number, match=match, length=len(response)
            )
        waited = 0.0005 if match is not None or ending is not Ending.TIMED_OUT else 6.0
        self.add(
            ExchangeEnded, waited, endpoint=endpoint, exchange=number, ending=ending, tried=tried
        )

    def finish(self, endpoint: Endpoint, outcome: Outcome, service: Service) -> None:
        self.add(
            ConnectionClosed, endpoint=endpoint, connection=1, reason="finished with this port"
        )
        self.add(PortFinished, endpoint=endpoint, outcome=outcome, service=service)


def probed(match: Match, tunnel: str = "") -> Service:
    return Service(match.service, match.fields, tunnel, Method.PROBED, 10)


NULL_REASON = "every TCP port is listened to first"
LISTS = "lists this port"
RARITY = "rarity 1 <= intensity 7"


def script(*addresses: str, ended: bool = True) -> list[Event]:
    """The events of a scan of these hosts."""
    made = Script()
    made.add(
        ScanStarted,
        0.0,
        program="vscan 0.1.0",
        arguments=("vscan", *addresses),
        pace="polite",
        intensity=7,
        databases=(DatabaseIdentity("bundled", "service-probes", 2310, 87, "ab" * 32),),
    )
    made.add(ScanPlanned, hosts=len(addresses), ports=1000)
    for address in addresses:
        made.add(
            HostFound, address=address, state=HostState.UP, reason="localhost-response",
            latency=0.0001,
        )  # fmt: skip
    made.add(DiscoveryProgressed, done=1000 * len(addresses), total=1000 * len(addresses))
    for address in addresses:
        _host(made, address, ended=ended)
    if ended:
        made.add(ScanFinished, ending=ScanEnding.DONE)
    return made.events


NAMES = {
    22: "ssh", 80: "http", 443: "https", 3306: "mysql", 5432: "postgresql", 6379: "redis",
    7: "echo", 8009: "ajp13", 9999: "abyss", 9100: "jetdirect", 8443: "https-alt",
}  # fmt: skip


def _host(made: Script, address: str, *, ended: bool) -> None:
    def port(number: int) -> Endpoint:
        return Endpoint(address, "tcp", number)

    for number in sorted(NAMES):
        made.found(port(number), NAMES[number])
    made.add(
        PortsScanned, address=address, protocol="tcp", state=PortState.CLOSED,
        reason="conn-refused", ports=((1, 6), (8, 21)),
    )  # fmt: skip

    made.begin(port(22))
    made.exchange(
        port(22), "NULL", b"", SSH_BANNER, Ending.MATCHED, reason=NULL_REASON, match=SSH_RULE
    )
    made.finish(port(22), Outcome.HARD_MATCH, probed(SSH_RULE))

    made.begin(port(80))
    made.exchange(port(80), "NULL", b"", b"", Ending.TIMED_OUT, reason=NULL_REASON)
    made.exchange(
        port(80), "GetRequest", GET, NGINX_PAGE, Ending.MATCHED, reason=LISTS, match=NGINX_RULE
    )
    made.finish(port(80), Outcome.HARD_MATCH, probed(NGINX_RULE))

    made.begin(port(443))
    made.exchange(port(443), "NULL", b"", b"", Ending.TIMED_OUT, reason=NULL_REASON)
    made.exchange(
        port(443), "SSLSessionReq", b"\x16\x03\x00\x00S\x01\x00\x00O\x03\x00",
        b"\x16\x03\x03\x00\x5a\x02\x00", Ending.MATCHED, reason=LISTS, match=SSL_RULE,
    )  # fmt: skip
    made.connect(port(443), 2)
    made.exchange(
        port(443), "GetRequest", GET, APACHE_PAGE, Ending.MATCHED, connection=2, tunnel="ssl",
        reason="lists this port inside TLS", match=APACHE_RULE,
    )  # fmt: skip
    made.finish(port(443), Outcome.HARD_MATCH, probed(APACHE_RULE, "ssl"))

    made.begin(port(3306))
    made.exchange(
        port(3306), "NULL", b"", MARIADB_GREETING, Ending.MATCHED, reason=NULL_REASON,
        match=MARIADB_RULE,
    )  # fmt: skip
    made.finish(port(3306), Outcome.HARD_MATCH, probed(MARIADB_RULE))

    made.begin(port(5432))
    made.exchange(port(5432), "NULL", b"", b"", Ending.TIMED_OUT, reason=NULL_REASON)
    made.exchange(
        port(5432), "SMBProgNeg", b"\x00\x00\x00\xa4\xffSMBr", POSTGRES_ERROR, Ending.MATCHED,
        reason="rarity 4 <= intensity 7", match=POSTGRES_RULE,
    )  # fmt: skip
    made.finish(port(5432), Outcome.SOFT_MATCH, probed(POSTGRES_RULE))

    made.begin(port(9999))
    made.exchange(port(9999), "NULL", b"", HOSTILE, Ending.TIMED_OUT, reason=NULL_REASON, tried=412)
    made.connect(port(9999), 2)
    made.exchange(
        port(9999), "GetRequest", GET, b"ERR 17\r\n", Ending.CLOSED, connection=2, reason=RARITY
    )
    made.finish(port(9999), Outcome.NO_MATCH, Service("abyss"))

    made.begin(port(7))
    made.exchange(port(7), "NULL", b"", b"", Ending.TIMED_OUT, reason=NULL_REASON)
    made.exchange(port(7), "GenericLines", b"\r\n\r\n", b"", Ending.TIMED_OUT, reason=RARITY)
    made.finish(port(7), Outcome.NO_MATCH, Service("echo"))

    made.begin(port(8009))
    made.exchange(port(8009), "NULL", b"", b"", Ending.CLOSED, reason=NULL_REASON)
    made.finish(
        port(8009), Outcome.TCPWRAPPED, Service("tcpwrapped", Fields(), "", Method.PROBED, 8)
    )

    made.add(
        PortFinished, endpoint=port(9100), outcome=Outcome.EXCLUDED, service=Service("jetdirect")
    )

    made.begin(port(6379))
    made.exchange(port(6379), "NULL", b"", b"", Ending.TIMED_OUT, reason=NULL_REASON)
    made.exchange(
        port(6379), "GetRequest", GET, REDIS_REPLY, Ending.MATCHED, reason=RARITY, match=REDIS_RULE
    )
    made.finish(port(6379), Outcome.HARD_MATCH, probed(REDIS_RULE))

    made.begin(port(8443))
    number = 1
    made.add(Decided, endpoint=port(8443), action="listen (NULL)", reason=NULL_REASON)
    made.add(
        ExchangeStarted, endpoint=port(8443), exchange=number, connection=1, probe="NULL",
        payload=b"", reason=NULL_REASON,
    )  # fmt: skip
    if ended:
        made.add(ExchangeEnded, 0.2, endpoint=port(8443), exchange=1, ending=Ending.RESET, tried=0)
        made.finish(port(8443), Outcome.INCOMPLETE, Service("https-alt"))


class ScriptedSource:
    """A source that plays a list of events, and notes what is asked of it."""

    def __init__(
        self, events: Iterable[Event], *, is_recording: bool = True, stays_open: bool = False
    ) -> None:
        self.is_recording = is_recording
        self.calls: list[str] = []
        self._events = events
        self._stays_open = stays_open
        self._emit: Emit | None = None
        self._last = START

    async def run(self, emit: Emit) -> None:
        self._emit = emit
        self.calls.append("run")
        try:
            for event in self._chunked():
                self._last = event.time
                emit(event)
                if event.time == START:
                    await asyncio.sleep(0)
            if self._stays_open:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.calls.append("cancelled")
            emit(ScanFinished(time=self._last, ending=ScanEnding.INTERRUPTED))
            raise
        finally:
            self.calls.append("ended")

    def _chunked(self) -> Iterator[Event]:
        return iter(self._events)

    def pause(self) -> None:
        self.calls.append("pause")
        if self._emit:
            self._emit(ScanPaused(time=self._last))

    def resume(self) -> None:
        self.calls.append("resume")
        if self._emit:
            self._emit(ScanResumed(time=self._last))
