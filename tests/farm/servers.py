"""Real servers on loopback, for tests that scan for real.

A `Server` is a program, the ports it listens on and a function that writes its
configuration and returns its command line, which must stay in the foreground.
`Farm` starts those that are installed, in a folder that is removed afterwards,
waits until they listen, and ends them by their process groups.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

IPV4, IPV6 = "127.0.0.1", "::1"
FIRST_PORT, LAST_PORT = 29310, 29999
"""Below the ports that systems give to clients, and named by no probe of Nmap's database."""
START_SECONDS = 30.0
POLL_SECONDS = 0.05
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a server, by the name that its configuration and the tests know it by."""

    name: str
    protocol: Literal["tcp", "udp"] = "tcp"
    tls: bool = False
    address: str = IPV4


@dataclass(frozen=True, slots=True)
class Server:
    """A program and how to run it."""

    name: str
    program: str
    ports: tuple[Port, ...]
    command: Callable[["Site"], Sequence[object]]
    needs_root: bool = False

    def missing(self) -> str:
        """Why it cannot run here; empty if it can."""
        if find_program(self.program) is None:
            return f"{self.program} is not installed"
        if self.needs_root and not IS_ROOT:
            return f"{self.program} needs root"
        return ""


@dataclass(frozen=True, slots=True)
class Site:
    """What a server's configuration is written with."""

    folder: Path
    numbers: dict[str, int]
    """The number of each port that can be had, by name."""
    certificate: Path
    key: Path
    farm: "Farm"

    def address(self, name: str) -> str:
        """`address:number` of a port, as most configurations write it."""
        return f"{IPV4}:{self.numbers[name]}"

    def write(self, name: str, text: str) -> Path:
        """Write a file into the server's folder."""
        path = self.folder / name
        path.write_text(text)
        return path

    def subfolder(self, name: str) -> Path:
        """Make a folder in the server's folder."""
        path = self.folder / name
        path.mkdir()
        return path


@dataclass(slots=True)
class Running:
    """A server that was started."""

    server: Server
    numbers: dict[str, int]
    log: Path
    process: subprocess.Popen[bytes]

    def failure(self) -> str:
        """The end of what it said."""
        lines = self.log.read_text(errors="replace").splitlines()[-5:]
        return f"{self.server.name} did not start: {' | '.join(lines) or 'it said nothing'}"

    def listens(self) -> bool:
        """Whether every port of it can be reached."""
        return all(
            is_taken(port.protocol, port.address, self.numbers[port.name])
            for port in self.server.ports
            if port.name in self.numbers
        )

    def stop(self) -> None:
        """End it and all that it started."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(3.0)
        self._signal(signal.SIGKILL)  # its children may still be there
        self.process.wait()

    def _signal(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, what)


@dataclass(slots=True)
class Farm:
    """All servers that are installed on this machine, running."""

    folder: Path
    running: dict[str, Running] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Why a server is not there, by its name."""
    failed: dict[str, str] = field(default_factory=dict)
    """What went wrong with a server that is installed, by its name."""

    def port(self, server: str, port: str) -> int | None:
        """The number of a port; None where there is no such server, or no such address."""
        found = self.running.get(server)
        return None if found is None else found.numbers.get(port)

    def why_absent(self, server: str) -> str:
        """Why there is no such server, or not all of it."""
        return (
            self.absent.get(server)
            or self.failed.get(server)
            or f"{server}: this machine lacks IPv6 or the openssl program"
        )


def find_program(name: str) -> str | None:
    """Find a program, also where only root's PATH looks."""
    path = os.pathsep.join(
        [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/lib/postfix/sbin"]
    )
    return shutil.which(name, path=path)


def has_ipv6() -> bool:
    """Whether the loopback interface has an IPv6 address."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind((IPV6, 0))
    except OSError:
        return False
    return True


def is_taken(protocol: str, address: str, number: int) -> bool:
    """Whether somebody listens on a port: nobody else can then have it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as probe:
        if protocol == "tcp":
            probe.settimeout(1)
            return probe.connect_ex((address, number)) == 0
        try:
            probe.bind((address, number))
        except OSError:
            return True
    return False


def free_numbers() -> Iterator[int]:
    """Port numbers that nobody has, neither over TCP nor UDP, on any loopback address."""
    addresses = [IPV4, *([IPV6] if has_ipv6() else [])]
    for number in range(FIRST_PORT, LAST_PORT):
        try:
            for address in addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    with socket.socket(family, kind) as probe:
                        probe.bind((address, number))
        except OSError:
            continue
        yield number


def make_certificate(folder: Path) -> tuple[Path, Path] | None:
    """Make a self-signed certificate and its key; None without the openssl program."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if find_program("openssl") is None:
        return None
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650"
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        ["openssl", *words.split(), "-subj", "/CN=farm.example", *files],
        check=True,
        capture_output=True,
    )
    key.chmod(0o644)  # servers read it after they have given up root
    return certificate, key


@contextmanager
def running_farm() -> Iterator[Farm]:
    """Start all servers that are installed, and end them."""
    with tempfile.TemporaryDirectory(prefix="vscan-farm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # for servers that give up root
        farm = Farm(folder)
        try:
            _start_all(farm)
            yield farm
        finally:
            for running in reversed(farm.running.values()):
                running.stop()


def _start_all(farm: Farm) -> None:
    pair = make_certificate(farm.folder)
    numbers, ipv6 = free_numbers(), has_ipv6()
    for server in SERVERS:
        reason = server.missing()
        if reason:
            farm.absent[server.name] = reason
            continue
        folder = farm.folder / server.name
        folder.mkdir()
        taken = {
            port.name: next(numbers)
            for port in server.ports
            if (pair or not port.tls) and (ipv6 or port.address != IPV6)
        }
        none = Path(os.devnull)
        certificate, key = pair or (none, none)
        _share_numbers(server, taken)
        site = Site(folder, taken, certificate, key, farm)
        farm.running[server.name] = _start(server, site)
    deadline = time.monotonic() + START_SECONDS
    for name, running in list(farm.running.items()):
        while not running.listens():
            if running.process.poll() is not None or time.monotonic() > deadline:
                farm.failed[name] = running.failure()
                farm.running.pop(name).stop()
                break
            time.sleep(POLL_SECONDS)


def _share_numbers(server: Server, numbers: dict[str, int]) -> None:
    """Give ports of one name but for the `-udp`, `6` at its end the same number."""
    for port in server.ports:
        base = port.name.removesuffix("6").removesuffix("-udp")
        if port.name in numbers and base in numbers:
            numbers[port.name] = numbers[base]


def _start(server: Server, site: Site) -> Running:
    log = site.folder / "log"
    program, *arguments = (str(word) for word in server.command(site))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [find_program(program) or program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=site.folder,
            env={**os.environ, "LC_ALL": "C", "HOME": str(site.folder)}
            | {"SNMP_PERSISTENT_DIR": str(site.folder)},
            start_new_session=True,
        )
    return Running(server, site.numbers, log, process)


# The servers ---------------------------------------------------------------------------------


def _python_http(site: Site) -> list[object]:
    page = site.subfolder("pages") / "index.html"
    page.write_text("<title>A page</title>")
    where = ["--bind", IPV4, "--directory", page.parent, site.numbers["http"]]
    return [sys.executable, "-m", "http.server", *where]


def _nginx(site: Site) -> list[object]:
    tls = f"ssl_certificate {site.certificate}; ssl_certificate_key {site.key};"
    servers = ""
    for port in NGINX_PORTS:
        if port.name in site.numbers:
            host = f"[{port.address}]" if ":" in port.address else port.address
            listen = f"listen {host}:{site.numbers[port.name]}{' ssl' if port.tls else ''};"
            servers += f"server {{ {listen} {tls if port.tls else ''} }}\n"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {site.folder / kind};\n" for kind in kinds)
    site.write("index.html", "<title>Another page</title>")
    return [
        "nginx",
        "-e",
        "stderr",
        "-c",
        site.write(
            "nginx.conf",
            f"daemon off; pid {site.folder / 'pid'}; events {{}}\n"
            f"http {{ access_log off; root {site.folder};\n{folders}{servers} }}\n",
        ),
    ]


def _openssh(site: Site) -> list[object]:
    if IS_ROOT:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd gives up root
    key = site.folder / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    listen = f"ListenAddress {site.address('ssh')}\n"
    if "ssh6" in site.numbers:
        listen += f"ListenAddress [{IPV6}]:{site.numbers['ssh6']}\n"
    path = site.write("sshd_config", f"HostKey {key}\nPidFile none\nMaxStartups 100\n{listen}")
    return [find_program("sshd"), "-D", "-e", "-f", path]  # sshd wants its own absolute path


def _redis(site: Site) -> list[object]:
    command: list[object] = ["redis-server", "--bind", IPV4, "--port", site.numbers["redis"]]
    command += ["--dir", site.folder, "--save", ""]
    if "redis-tls" in site.numbers:
        command += ["--tls-port", site.numbers["redis-tls"], "--tls-auth-clients", "no"]
        command += ["--tls-cert-file", site.certificate, "--tls-key-file", site.key]
        command += ["--tls-ca-cert-file", site.certificate]
    return command


def _memcached(site: Site) -> list[object]:
    number = site.numbers["memcached"]
    user = ["-u", "root"] if IS_ROOT else []
    return ["memcached", "-l", IPV4, "-p", number, "-U", number, *user]


def _dnsmasq(site: Site) -> list[object]:
    places = [f"--listen-address={IPV4}"]
    if "dns6" in site.numbers:
        places.append(f"--listen-address={IPV6}")
    return [
        "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--log-facility=-",
        "--no-resolv", "--no-hosts", "--bind-interfaces", f"--port={site.numbers['dns']}",
        f"--pid-file={site.folder / 'pid'}", *places,
    ]  # fmt: skip


def _mosquitto(site: Site) -> list[object]:
    text = f"allow_anonymous true\nlog_dest stderr\nlistener {site.numbers['mqtt']} {IPV4}\n"
    if "mqtts" in site.numbers:
        text += f"listener {site.numbers['mqtts']} {IPV4}\n"
        text += f"certfile {site.certificate}\nkeyfile {site.key}\n"
    return ["mosquitto", "-c", site.write("mosquitto.conf", text)]


def _rsync(site: Site) -> list[object]:
    path = site.write("rsyncd.conf", f"use chroot = no\n[files]\npath = {site.folder}\n")
    where = [f"--address={IPV4}", f"--port={site.numbers['rsync']}"]
    return ["rsync", "--daemon", "--no-detach", f"--config={path}", *where]


def _ngircd(site: Site) -> list[object]:
    text = (
        "[Global]\nName = irc.farm.example\nInfo = A farm\nAdminInfo1 = A farm\n"
        f"Listen = {IPV4}\nPorts = {site.numbers['irc']}\n"
        "[Options]\nPAM = no\nIdent = no\nDNS = no\n"
    )
    return ["ngircd", "-n", "-f", site.write("ngircd.conf", text)]


def _stunnel(site: Site) -> list[object]:
    # it wraps a server that is always there
    text = (
        f"foreground = yes\npid =\n[https]\naccept = {site.address('https')}\n"
        f"connect = {IPV4}:{site.farm.port('python-http', 'http')}\n"
        f"cert = {site.certificate}\nkey = {site.key}\n"
    )
    return ["stunnel4", site.write("stunnel.conf", text)]


def _dovecot(site: Site) -> list[object]:
    def listener(name: str, kind: str) -> str:
        number = site.numbers.get(name, 0)  # 0 is how dovecot says "none"
        tls = "yes" if name.endswith("s") else "no"
        return f"inet_listener {kind} {{\naddress = {IPV4}\nport = {number}\nssl = {tls}\n}}\n"

    text = (
        f"protocols = imap pop3\nbase_dir = {site.subfolder('base')}\n"
        f"state_dir = {site.subfolder('state')}\nlog_path = /dev/stderr\n"
        + (
            f"ssl_cert = <{site.certificate}\nssl_key = <{site.key}\n"
            if "imaps" in site.numbers
            else "ssl = no\n"
        )
        + "passdb {\ndriver = static\nargs = nopassword=n\n}\nuserdb {\ndriver = passwd\n}\n"
        f"service imap-login {{\n{listener('imap', 'imap')}{listener('imaps', 'imaps')}}}\n"
        f"service pop3-login {{\n{listener('pop3', 'pop3')}{listener('pop3s', 'pop3s')}}}\n"
    )
    return ["dovecot", "-F", "-c", site.write("dovecot.conf", text)]


def _slapd(site: Site) -> list[object]:
    text = f"include /etc/ldap/schema/core.schema\npidfile {site.folder / 'pid'}\n"
    places = f"ldap://{site.address('ldap')}"
    if "ldaps" in site.numbers:
        text += f"TLSCertificateFile {site.certificate}\nTLSCertificateKeyFile {site.key}\n"
        places += f" ldaps://{site.address('ldaps')}"
    return ["slapd", "-d", "0", "-f", site.write("slapd.conf", text), "-h", places]


def _snmpd(site: Site) -> list[object]:
    path = site.write("snmpd.conf", "rocommunity public 127.0.0.0/8\nsysName farm\n")
    where = f"udp:{site.address('snmp')}"
    return ["snmpd", "-f", "-Lo", "-I", "-smux", "-C", "-c", path, where]


def _dictd(site: Site) -> list[object]:
    # the index holds offset and length of each entry as base-64 digits
    data = site.write("farm.dict", "farm\n  a place\n")
    index = site.write("farm.index", "farm\tA\tP\n")
    text = (
        f"global {{\nlisten_to {IPV4}\nport {site.numbers['dict']}\n}}\n"
        f'access {{ allow * }}\ndatabase farm {{ data "{data}" index "{index}" }}\n'
    )
    path = site.write("dictd.conf", text)
    return ["dictd", "-d", "nodetach", "-c", path, "--pid-file", site.folder / "pid"]


def _vsftpd(site: Site) -> list[object]:
    files = site.subfolder("files")
    files.chmod(0o555)
    text = (
        "listen=YES\nbackground=NO\nanonymous_enable=YES\nftp_username=nobody\n"
        f"listen_address={IPV4}\nlisten_port={site.numbers['ftp']}\nseccomp_sandbox=NO\n"
        f"anon_root={files}\nsecure_chroot_dir={site.subfolder('empty')}\n"
    )
    return ["vsftpd", site.write("vsftpd.conf", text)]


def _postfix(site: Site) -> list[object]:
    conf, data = site.subfolder("conf"), site.subfolder("data")
    shutil.chown(data, "postfix")
    (conf / "main.cf").write_text(
        "compatibility_level = 3.6\nmyhostname = farm.example\nmaillog_file = /dev/stdout\n"
        f"queue_directory = {site.subfolder('spool')}\ndata_directory = {data}\n"
        "inet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nalias_maps =\n"
        "default_transport = error\nrelay_transport = error\nlocal_transport = error\n"
    )
    (conf / "master.cf").write_text(
        f"{site.address('smtp')} inet n - n - - smtpd\n"
        "anvil unix - - n - 1 anvil\nrewrite unix - - n - - trivial-rewrite\n"
        "proxymap unix - - n - - proxymap\npostlog unix-dgram n - n - 1 postlogd\n"
        "cleanup unix n - n - 0 cleanup\nerror unix - - n - - error\n"
        "qmgr unix n - n 300 1 qmgr\nbounce unix - - n - 0 bounce\n"
    )
    subprocess.run(["postfix", "-c", str(conf), "check"], check=True, capture_output=True)
    return ["/usr/lib/postfix/sbin/master", "-c", conf, "-d"]


NGINX_PORTS = (
    Port("http"),
    Port("https", tls=True),
    Port("http6", address=IPV6),
    Port("https6", tls=True, address=IPV6),
)

SERVERS = (
    Server("python-http", sys.executable, (Port("http"),), _python_http),
    Server("nginx", "nginx", NGINX_PORTS, _nginx),
    Server("openssh", "sshd", (Port("ssh"), Port("ssh6", address=IPV6)), _openssh),
    Server("redis", "redis-server", (Port("redis"), Port("redis-tls", tls=True)), _redis),
    Server(
        "memcached", "memcached", (Port("memcached"), Port("memcached-udp", "udp")), _memcached
    ),
    Server(
        "dnsmasq",
        "dnsmasq",
        (Port("dns"), Port("dns-udp", "udp"), Port("dns6", address=IPV6),
         Port("dns-udp6", "udp", address=IPV6)),
        _dnsmasq,
    ),
    Server("mosquitto", "mosquitto", (Port("mqtt"), Port("mqtts", tls=True)), _mosquitto),
    Server("rsync", "rsync", (Port("rsync"),), _rsync),
    Server("ngircd", "ngircd", (Port("irc"),), _ngircd),
    Server("stunnel", "stunnel4", (Port("https", tls=True),), _stunnel),
    Server(
        "dovecot",
        "dovecot",
        (Port("imap"), Port("imaps", tls=True), Port("pop3"), Port("pop3s", tls=True)),
        _dovecot,
        needs_root=True,
    ),
    Server("slapd", "slapd", (Port("ldap"), Port("ldaps", tls=True)), _slapd),
    Server("snmpd", "snmpd", (Port("snmp", "udp"),), _snmpd),
    Server("dictd", "dictd", (Port("dict"),), _dictd),
    Server("vsftpd", "vsftpd", (Port("ftp"),), _vsftpd, needs_root=True),
    Server("postfix", "postfix", (Port("smtp"),), _postfix, needs_root=True),
)  # fmt: skip
