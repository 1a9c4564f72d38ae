"""Scripted servers that write down all they hear, so that two scanners can be compared.

A port finder's connection is the first one to each TCP port, and an empty
datagram to each UDP port; neither is answered, nor written down.
"""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE = 40.0
"""Seconds; no script waits longer for its client."""
READ_BYTES = 65536
BACKLOG = 128


@dataclass(frozen=True)
class Heard:
    """What one client said on one connection, or from one UDP socket."""

    data: bytes
    """Inside a tunnel, what came through it; for UDP all datagrams, one after the other."""
    datagrams: tuple[bytes, ...] = ()
    tls: str = ""
    """The version of the tunnel, `failed` after a handshake that came to nothing."""
    resumed: bool = field(default=False, compare=False)
    """Whether the tunnel went on with an earlier session."""
    server_name: str = ""
    """The name that the client wants to reach (SNI)."""


class ClientLeftError(Exception):
    """The client has gone."""


class Talk:
    """One connection as its server sees it; scripts are written with its methods."""

    def __init__(self, server: "TcpServer", handle: socket.socket, number: int) -> None:
        self.number = number
        """Counts from 0, without the port finder's connection."""
        self._server = server
        self._handle = handle
        self._data = b""
        self._tls = ""
        self._resumed = False
        self._server_name = ""
        self.said_probe_hello = False
        """Whether what `hear_hello` heard was the database's probe."""

    @property
    def heard(self) -> Heard:
        return Heard(
            self._data, tls=self._tls, resumed=self._resumed, server_name=self._server_name
        )

    def say(self, data: bytes) -> None:
        """Send all of it."""
        self._handle.sendall(data)

    def hear(self) -> bytes:
        """One read; raises `ClientLeftError` at its end."""
        data = self._handle.recv(READ_BYTES)
        if not data:
            raise ClientLeftError
        self._data += data
        return data

    def hear_all(self) -> None:
        """Read until the client leaves."""
        while True:
            self.hear()

    def pause(self, seconds: float) -> None:
        """Do nothing for a while."""
        time.sleep(seconds)

    def say_no_more(self) -> None:
        """Close our half of the connection."""
        self._handle.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End the connection rudely."""
        self._handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handle.close()
        raise ClientLeftError

    def refuse_connections(self) -> None:
        """From now on, who connects is refused."""
        self._server.stop_listening()

    def ignore_connections(self) -> None:
        """From now on, who connects gets no answer."""
        self._server.stop_answering()

    def begin_tls(self, context: ssl.SSLContext) -> None:
        """Do the handshake; what is no handshake is heard, and ends the connection."""
        beginning = self._handle.recv(READ_BYTES, socket.MSG_PEEK)
        if not beginning:
            raise ClientLeftError
        self._tls = "failed"
        self._data = self._server.told_apart(beginning)
        tunnel = context.wrap_socket(self._handle, server_side=True, do_handshake_on_connect=False)
        self._handle = tunnel
        tunnel.do_handshake()
        self._data = b""
        self._tls = tunnel.version() or ""
        self._resumed = bool(tunnel.session_reused)
        self._server_name = getattr(tunnel, "server_name_wanted", "")

    def hear_hello(self) -> None:
        """Hear what may be a client's hello, which differs from client to client."""
        data = self._handle.recv(READ_BYTES)
        if not data:
            raise ClientLeftError
        self.said_probe_hello = data == self._server.known_hello
        self._data += self._server.told_apart(data)

    def end_tls(self) -> None:
        """Say goodbye as TLS wants it; the client's goodbye is not awaited for long."""
        assert isinstance(self._handle, ssl.SSLSocket)
        self._handle.settimeout(0.2)
        with suppress(OSError):
            self._handle = self._handle.unwrap()

    def close(self) -> None:
        self._handle.close()


def note_server_name(tunnel: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    """For `SSLContext.sni_callback`: keep the name for `Talk.begin_tls`."""
    tunnel.server_name_wanted = name or ""


Script = Callable[[Talk], None]


class Datagrams:
    """What one client's UDP socket says, as the server sees it."""

    def __init__(self, server: "UdpServer", number: int, address: tuple[object, ...]) -> None:
        self.number = number
        """Counts from 0."""
        self.said: list[bytes] = []
        self._server = server
        self._address = address

    @property
    def heard(self) -> Heard:
        return Heard(b"".join(self.said), tuple(self.said))

    def say(self, data: bytes) -> None:
        """Send a datagram."""
        self._server.handle.sendto(data, self._address)

    def say_to_first(self, data: bytes) -> None:
        """Send a datagram to the socket that was heard first."""
        self._server.handle.sendto(data, self._server.first_address())

    def go_away(self) -> None:
        """Close the port, so that the system tells further clients."""
        self._server.handle.close()
        raise ClientLeftError


DatagramScript = Callable[[Datagrams, bytes], None]


class TcpServer:
    """Plays a script on each connection, each in a thread of its own."""

    def __init__(
        self,
        script: Script,
        address: str,
        port: int,
        *,
        known_hello: bytes,
        refuses_all: bool = False,
    ) -> None:
        self.known_hello = known_hello
        self._script = script
        self._refuses_all = refuses_all
        self._answers = True
        self._knocking: list[socket.socket] = []
        self._talks: list[Talk] = []
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(BACKLOG)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def told_apart(self, data: bytes) -> bytes:
        """The probe's hello as it is; a TLS library's, which is never the same, by name."""
        is_hello = data.startswith(b"\x16\x03") and data != self.known_hello
        return b"<hello>" if is_hello else data

    def stop_listening(self) -> None:
        with suppress(OSError):  # closing alone does not wake a thread that waits in accept()
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def stop_answering(self) -> None:
        """Leave the queue of those who connect as full as can be, and accept no more."""
        self._answers = False
        self._listener.listen(0)
        self._knock()
        self._accepting.join(PATIENCE)  # the first one wakes it up, so that it ends
        for _ in range(3):  # more than fit into the queue
            self._knock()

    def _knock(self) -> None:
        knocking = socket.socket(self._listener.family, socket.SOCK_STREAM)
        knocking.setblocking(False)
        knocking.connect_ex(self._listener.getsockname())
        self._knocking.append(knocking)

    def stop(self) -> list[Heard]:
        """End it once all clients have left, and tell what they said."""
        self.stop_listening()
        for knocking in self._knocking:
            knocking.close()
        self._accepting.join(PATIENCE)
        for thread in self._threads:
            thread.join(PATIENCE)
        return [talk.heard for talk in self._talks]

    def _accept(self) -> None:
        for number in range(1000):
            try:
                handle, _ = self._listener.accept()
            except OSError:
                return
            if not self._answers:
                self._knocking.append(handle)
                return
            handle.settimeout(PATIENCE)
            if number == 0:
                if self._refuses_all:
                    self.stop_listening()
                thread = threading.Thread(target=_be_found, args=(handle,), daemon=True)
            else:
                talk = Talk(self, handle, number - 1)
                self._talks.append(talk)
                thread = threading.Thread(target=self._play, args=(talk,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _play(self, talk: Talk) -> None:
        with suppress(ClientLeftError, OSError):  # the client may leave at any time
            self._script(talk)
        talk.close()


def _be_found(handle: socket.socket) -> None:
    with suppress(OSError), handle:
        handle.recv(1)


class UdpServer:
    """Plays a script on each datagram."""

    def __init__(
        self, script: DatagramScript, address: str, port: int, *, answers_finder: bool
    ) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.handle = socket.socket(family, socket.SOCK_DGRAM)
        self.handle.bind((address, port))
        self.handle.settimeout(0.1)
        self._script = script
        self._answers_finder = answers_finder
        self._clients: dict[tuple[object, ...], Datagrams] = {}
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def first_address(self) -> tuple[object, ...]:
        return next(iter(self._clients))

    def stop(self) -> list[Heard]:
        """End it, and tell what clients said."""
        self._is_done.set()
        self._thread.join(PATIENCE)
        self.handle.close()
        return [client.heard for client in self._clients.values()]

    def _serve(self) -> None:
        while not self._is_done.is_set():
            try:
                data, address = self.handle.recvfrom(READ_BYTES)
            except TimeoutError:
                continue
            except OSError:
                return
            if not data:
                if self._answers_finder:
                    self.handle.sendto(b"\0found", address)
                continue
            client = self._clients.get(address)
            if client is None:
                client = Datagrams(self, len(self._clients), address)
                self._clients[address] = client
            client.said.append(data)
            with suppress(ClientLeftError, OSError):
                self._script(client, data)


@dataclass
class Site:
    """Servers that run, by name, and afterwards what they heard."""

    heard: dict[str, list[Heard]] = field(default_factory=dict)


@contextmanager
def running(servers: Mapping[str, Callable[[], TcpServer | UdpServer]]) -> Iterator[Site]:
    """Start servers; what they heard is known after the end."""
    site = Site()
    with ExitStack() as ending:
        for name, start in servers.items():
            server = start()

            def stop(name: str = name, server: TcpServer | UdpServer = server) -> None:
                site.heard[name] = server.stop()

            ending.callback(stop)
        yield site
