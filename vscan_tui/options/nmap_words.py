"""Nmap's ways to write options, made plain; what Nmap has and vscan has not is refused by name."""

import re
from collections.abc import Iterable, Iterator, Sequence

from vscan_tui.options.model import ReportFormat, UsageError

_CONNECT_ONLY = "vscan finds ports with a connect scan (-sT) or a UDP scan (-sU)"
_NO_RAW_PACKETS = "vscan sends no raw packets, only ordinary connections and datagrams"
_NO_PING = "vscan looks for hosts by connecting to ports 80 and 443; -Pn leaves that out"
_NO_SCRIPTS = "vscan runs no scripts"
_NO_OS = "vscan tells an operating system only where a service names it"
_REDIRECT = "each report is written anew; choose another file name"

_UNSUPPORTED: dict[str, tuple[str, str]] = {
    "-sS": ("SYN scan", _CONNECT_ONLY),
    "-sA": ("ACK scan", _CONNECT_ONLY),
    "-sW": ("window scan", _CONNECT_ONLY),
    "-sM": ("Maimon scan", _CONNECT_ONLY),
    "-sN": ("null scan", _CONNECT_ONLY),
    "-sF": ("FIN scan", _CONNECT_ONLY),
    "-sX": ("Xmas scan", _CONNECT_ONLY),
    "-sI": ("idle scan", _CONNECT_ONLY),
    "-sO": ("IP protocol scan", _CONNECT_ONLY),
    "-sY": ("SCTP INIT scan", _CONNECT_ONLY),
    "-sZ": ("SCTP COOKIE-ECHO scan", _CONNECT_ONLY),
    "-sL": ("list scan", "vscan always scans; nmap -sL -n lists targets"),
    "-sn": ("host discovery alone", "vscan always scans ports; -p 80 asks for a single one"),
    "-sP": ("host discovery alone", "vscan always scans ports; -p 80 asks for a single one"),
    "-sC": ("script scan", _NO_SCRIPTS),
    "-b": ("FTP bounce scan", _CONNECT_ONLY),
    "-PS": ("TCP SYN ping", _NO_PING),
    "-PA": ("TCP ACK ping", _NO_PING),
    "-PU": ("UDP ping", _NO_PING),
    "-PY": ("SCTP ping", _NO_PING),
    "-PE": ("ICMP echo ping", _NO_PING),
    "-PP": ("ICMP timestamp ping", _NO_PING),
    "-PM": ("ICMP netmask ping", _NO_PING),
    "-PO": ("IP protocol ping", _NO_PING),
    "-PR": ("ARP ping", _NO_PING),
    "-A": ("everything at once", "vscan detects versions by itself; leave it out"),
    "-O": ("OS detection", _NO_OS),
    "-f": ("fragmented packets", _NO_RAW_PACKETS),
    "-D": ("decoys", _NO_RAW_PACKETS),
    "-S": ("another source address", _NO_RAW_PACKETS),
    "-e": ("choice of the interface", "the system chooses the interface by the route"),
    "-g": ("choice of the source port", "the system chooses source ports"),
    "-M": ("parallel connects", "use --max-parallelism"),
    "-iR": ("random targets", "vscan scans only what it is told to scan"),
    "-oS": ("script kiddie output", "choose -oN, -oX, -oG, -oJ, -oC, -oD, -oH or -oA"),
    "-oM": ("the old name of -oG", "write -oG; -oD is Markdown"),
    "--scanflags": ("TCP flags of one's own", _NO_RAW_PACKETS),
    "--traceroute": ("route tracing", _NO_RAW_PACKETS),
    "--script": ("scripts", _NO_SCRIPTS),
    "--script-args": ("scripts", _NO_SCRIPTS),
    "--script-args-file": ("scripts", _NO_SCRIPTS),
    "--script-trace": ("scripts", _NO_SCRIPTS),
    "--script-updatedb": ("scripts", _NO_SCRIPTS),
    "--script-help": ("scripts", _NO_SCRIPTS),
    "--script-timeout": ("scripts", _NO_SCRIPTS),
    "--osscan-limit": ("OS detection", _NO_OS),
    "--osscan-guess": ("OS detection", _NO_OS),
    "--fuzzy": ("OS detection", _NO_OS),
    "--max-os-tries": ("OS detection", _NO_OS),
    "--mtu": ("fragmented packets", _NO_RAW_PACKETS),
    "--source-port": ("choice of the source port", "the system chooses source ports"),
    "--proxies": ("proxies", "vscan connects to targets directly"),
    "--proxy": ("proxies", "vscan connects to targets directly"),
    "--data": ("payloads in packets", _NO_RAW_PACKETS),
    "--data-string": ("payloads in packets", _NO_RAW_PACKETS),
    "--data-length": ("payloads in packets", _NO_RAW_PACKETS),
    "--ip-options": ("IP options", _NO_RAW_PACKETS),
    "--ttl": ("choice of the time to live", _NO_RAW_PACKETS),
    "--spoof-mac": ("another MAC address", _NO_RAW_PACKETS),
    "--badsum": ("wrong checksums", _NO_RAW_PACKETS),
    "--adler32": ("SCTP checksums", _NO_RAW_PACKETS),
    "--send-eth": ("raw Ethernet frames", _NO_RAW_PACKETS),
    "--send-ip": ("raw IP packets", _NO_RAW_PACKETS),
    "--privileged": ("raw packets", "vscan needs no privileges; leave it out"),
    "--packet-trace": ("packet trace", "--version-trace tells what is sent and received"),
    "--iflist": ("the list of interfaces", "the system has it: ip address, ifconfig or ipconfig"),
    "--route-dst": ("route look-up", "the system has it: ip route get"),
    "--dns-servers": ("DNS servers of one's own", "names are resolved by the system"),
    "--resolve-all": ("all addresses of a name", "give the addresses themselves as targets"),
    "--port-ratio": ("ports by their frequency", "use --top-ports N"),
    "--allow-ports": ("a second port list", "use -p"),
    "--max-scan-delay": ("bound of the pause between attempts", "use --scan-delay or --max-rate"),
    "--min-rate": (
        "least rate",
        "ports are looked for as fast as hosts bear; -T4 and -T5 are bolder",
    ),
    "--defeat-rst-ratelimit": ("raw packets", _NO_RAW_PACKETS),
    "--defeat-icmp-ratelimit": ("raw packets", _NO_RAW_PACKETS),
    "--nsock-engine": ("nsock", "vscan has an event loop of its own"),
    "--append-output": ("appending to reports", _REDIRECT),
    "--resume": ("resuming from a report", "vscan resume FILE goes on with a journal"),
    "--stylesheet": ("XML stylesheets", "name it to the program that shows the XML"),
    "--webxml": ("XML stylesheets", "name it to the program that shows the XML"),
    "--deprecated-xml-osclass": ("OS detection", _NO_OS),
    "--datadir": ("a folder of data files", "use --versiondb FILE, or set NMAPDIR"),
    "--servicedb": ("a services file", "set NMAPDIR to its folder"),
    "--interactive": ("interactive mode", "the screen is interactive"),
}

_OTHER_WORDS: dict[str, str] = {
    **dict.fromkeys(("-P0", "-PN", "-PD"), "-Pn"),
    "--noninteractive": "--headless",
    "--verbose": "-v",
    "--debug": "-d",
    # What these ask for is always so.
    **dict.fromkeys(("-4", "-sR", "--unprivileged", "--unique", "--system-dns"), ""),
    **dict.fromkeys(("--disable-arp-ping", "--discovery-ignore-rst"), ""),
    **dict.fromkeys(("--no-stylesheet", "--log-errors", "--release-memory"), ""),
}
"""Options that are accepted for what they stand for here; nothing where it is always so."""

_SHORT_WITHOUT_SUPPORT = frozenset(name[1] for name in _UNSUPPORTED if len(name) == 2)
REPORT_OPTIONS: dict[str, tuple[ReportFormat, ...]] = {
    "-oN": (ReportFormat.NORMAL,),
    "-oX": (ReportFormat.XML,),
    "-oG": (ReportFormat.GREPABLE,),
    "-oJ": (ReportFormat.JSON_LINES,),
    "-oC": (ReportFormat.CSV,),
    "-oD": (ReportFormat.MARKDOWN,),
    "-oH": (ReportFormat.HTML,),
    "-oA": (
        ReportFormat.NORMAL,
        ReportFormat.XML,
        ReportFormat.GREPABLE,
        ReportFormat.JSON_LINES,
    ),
}
_INCOMPLETE = {
    "-s": "write -sT, -sU or -sV",
    "-P": "write -Pn",
    "-i": "write -iL FILE",
    "-o": "choose -oN, -oX, -oG, -oJ, -oC, -oD, -oH or -oA",
}
_REPEATED = re.compile(r"-([vd])(\d{1,2})", re.ASCII)


def plain_words(arguments: Sequence[str], known: Iterable[str]) -> list[str]:
    """Rewrite Nmap's ways to write options into plain ones; refuse those not supported.

    Nmap reads `-sTU` as two scan types, `-exclude` as `--exclude`,
    `--version_light` as `--version-light`, and what follows `-p` as its value
    even if that begins with a dash.

    Raises:
        UsageError: a sentence in a line of its own for each option that is not supported.
    """
    plain, refused = [], []
    for word in _spelt_plainly(arguments, frozenset(known)):
        if word in _UNSUPPORTED:
            what, instead = _UNSUPPORTED[word]
            refused.append(f"{word} ({what}) is not supported: {instead}.")
        elif word not in _OTHER_WORDS:
            plain.append(word)
        elif _OTHER_WORDS[word]:
            plain.append(_OTHER_WORDS[word])
    if refused:
        raise UsageError("\n".join(dict.fromkeys(refused)))
    return plain


def _spelt_plainly(arguments: Sequence[str], own: frozenset[str]) -> Iterator[str]:
    """Yield options as their tables here name them, and all else as it is."""
    long_names = {name for name in (*own, *_UNSUPPORTED, *_OTHER_WORDS) if name.startswith("--")}
    words = iter(arguments)
    for word in words:
        if word == "--":
            yield word
            yield from words
            return
        if len(word) < 2 or word[0] != "-":
            yield word
            continue
        name, equals, value = word.partition("=")
        name = "--" + name.lstrip("-").replace("_", "-")
        if name in long_names and (len(name) > 3 or word.startswith("--")):
            yield name if name in _UNSUPPORTED else name + equals + value
        elif word == "-p":
            following = next(words, None)
            yield word if following is None else word + following
        elif word.startswith("--") or (word in _INCOMPLETE and word in own):
            yield word
        else:
            yield from _plain_short_word(word)


def _plain_short_word(word: str) -> Iterator[str]:
    repeated = _REPEATED.fullmatch(word)
    if repeated:
        yield from (f"-{repeated[1]}" for _ in range(int(repeated[2])))
    elif word[1] in "sP" and len(word) > 2:
        # -sTU holds several scan types; -PS80 one ping type with its ports.
        for letter in word[2:] if word[1] == "s" else word[2]:
            yield f"-{word[1]}{letter}"
    elif word[:3] in _UNSUPPORTED:
        yield word[:3]
    elif word[1] in _SHORT_WITHOUT_SUPPORT:
        yield word[:2]
    elif word in _INCOMPLETE:
        raise UsageError(f"{word} is incomplete: {_INCOMPLETE[word]}.")
    elif word[1] == "o":
        if word[:3] not in REPORT_OPTIONS:
            raise UsageError(
                f'"{word}" is no report format: choose -oN, -oX, -oG, -oJ, -oC, -oD, -oH or -oA.'
            )
        if len(word) > 3:
            raise UsageError(f'"{word}" needs a space before the file name: {word[:3]} {word[3:]}')
        yield word
    else:
        yield word
