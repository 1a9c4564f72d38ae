"""Feeds damaged input to whatever reads what others wrote, and counts what comes out.

    python -m tests.benchmarks.fuzz --inputs 1000000

Each input is a good one that was damaged a few times: bytes changed, cut out, doubled,
swapped, words of the format put in.  Only the documented errors may come out, and
nothing may take long.  A fault prints its input, and the exit status is 1.
"""

import argparse
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.session.test_journal import EVENTS
from vscan_tui.matching.pattern import check
from vscan_tui.probedb.parser import parse
from vscan_tui.scanning.postprocessing import rpc
from vscan_tui.scanning.postprocessing.certificate import certificate_findings
from vscan_tui.scanning.postprocessing.tls_hello import TLS_1_2, TLS_1_3, client_hello, read_flight
from vscan_tui.session.filter import compiled
from vscan_tui.session.filter_completion import completions
from vscan_tui.session.filter_syntax import FilterError
from vscan_tui.session.importers.model import ImportFileError
from vscan_tui.session.importers.pasted import decode_text, find_fingerprints
from vscan_tui.session.importers.recognise import read_ports, unpacked
from vscan_tui.session.importers.records import RecordError, read_record
from vscan_tui.session.journal import JournalError, encode, header_line, read_events
from vscan_tui.session.store import Store

SLOW_SECONDS = 2.0
LONGEST = 4096
MOST_DAMAGES = 6


@dataclass(frozen=True)
class Target:
    """A reader, good inputs, the words of its format, and the errors that it documents."""

    name: str
    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = ()


def _database(data: bytes) -> object:
    return parse(data, "fuzzed", check_pattern=check)


def _journal(data: bytes) -> object:
    path = _FOLDER / f"{os.getpid()}.jsonl"
    path.write_bytes(data)
    store = Store()
    for event in read_events(path, []):
        store.apply(event)
    return store


def _fingerprints(data: bytes) -> object:
    return list(find_fingerprints(decode_text(data)))


def _ports(data: bytes) -> object:
    return read_ports(unpacked(data, "fuzzed"))


def _filter(data: bytes) -> object:
    text = data.decode("utf-8", "replace")
    completions(text, len(text), lambda field: [(field, 1)])
    return compiled(text)


def _rpc(data: bytes) -> object:
    return list(rpc.replies(data, is_stream=True)), list(rpc.replies(data, is_stream=False))


_FOLDER = Path(tempfile.gettempdir())
_JOURNAL = header_line() + b"".join(map(encode, EVENTS))
_DATABASE = rb"""Exclude T:9100-9107,U:1
Probe TCP NULL q||
totalwaitms 6000
match ssh m|^SSH-([\d.]+)|is p/x $1/ v/$SUBST(1,"_",".")/ i/$I(1,">")/ cpe:/a:b:c/
softmatch ftp m=^220 =
Probe UDP A q|\x00\0a|
ports 1,2-3
rarity 3
fallback NULL
"""
_XML = b"""<?xml version="1.0"?><nmaprun><host><address addr="10.0.0.1" addrtype="ipv4"/><ports>
<port protocol="tcp" portid="22"><state state="open"/><service name="ssh"/></port>
</ports></host></nmaprun>"""
_HELLO = b"\x16\x03\x03\x00\x2e\x02\x00\x00\x2a\x03\x03" + bytes(32) + b"\x00\xc0\x2f" + bytes(3)
_FINGERPRINT = b"""SF-Port22-TCP:V=7.93%I=7%D=1/1%Time=65000000%P=x86_64-pc-linux-gnu%r(NULL
SF:,15,"SSH-2\\.0-strange\\r\\n\\x00")%r(GetRequest,4,"\\0\\x01ab");
"""
TARGETS = (
    Target(
        "database parser",
        _database,
        (_DATABASE,),
        (b"match ", b"m|", b"Probe ", b"q|", b"$P(1)", b"(?", b"\\x", b"ports ", b"cpe:/", b"{9,}"),
    ),
    Target(
        "journal reader", _journal, (_JOURNAL,),
        (b'"event":"', b'"port":', b"null", b"1e999", b"-1", b"[]", b'"\\ud800"', b"\x1f\x8b"),
        (JournalError,),
    ),
    Target(
        "importers of ports", _ports,
        (
            _XML,
            b"Host: 10.0.0.1 ()\tPorts: 22/open/tcp//ssh//x/, 80/open/tcp//http///\n",
            b'[{"ip":"10.0.0.1","ports":[{"port":22,"proto":"tcp","status":"open"}]}]',
            b'{"ip":"10.0.0.1","port":22}\n{"host":"a","port":{"Port":1}}\n',
            b"open tcp 22 10.0.0.1 1\nbanner tcp 22 10.0.0.1 1 ssh x\n",
            b"10.0.0.1:22,80\n[2001:db8::1]:443/udp\nexample.org:1-5\n",
        ),
        (b"<!ENTITY a 'b'>", b"<!DOCTYPE x [", b"&a;", b"<host>", b"65536", b"/open/", b"[" * 50),
        (ImportFileError,),
    ),
    Target(
        "fingerprint decoder", _fingerprints, (_FINGERPRINT,),
        (b"SF:", b"SF-Port", b"%r(", b'")', b"\\x", b"&quot;", b"%T=SSL", b"\r\n", b"> ", b"\xff"),
    ),
    Target(
        "records of others", lambda data: list(read_record(data)),
        (b'{"probe":"NULL","response":"U1NI"}', b'{"ip":"1.2.3.4","data":{"ssh":{"result":{}}}}'),
        (b'"data":', b"null", b"[" * 50, b"1e999", b'"banner":"x"'),
        (RecordError,),
    ),
    Target(
        "RPC parser", _rpc,
        (b"\x80\x00\x00\x18\x00\x00\x00\x01\x00\x00\x00\x01" + bytes(16),
         rpc.call(1, 100000, is_stream=True)),
        (b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", bytes(4), b"\x7f\xff\xff\xff"),
    ),
    Target(
        "TLS parser", read_flight,
        (
            _HELLO,
            client_hello(TLS_1_2, protocols=("h2",)), client_hello(TLS_1_3),
        ),
        (b"\x16\x03\x03", b"\x0b\x00\x00\x03", b"\xff\xff", b"\x00\x2b\x00\x02\x03\x04", b"\x0e"),
    ),
    Target(
        "certificates", certificate_findings,
        (b"\x30\x82\x01\x00\x30\x81\xa0\xa0\x03\x02\x01\x02\x02\x01\x01" + bytes(60),),
        (b"\x30\x80", b"\x06\x03\x55\x04\x03", b"\x30\x84\xff\xff\xff\xff"),
    ),
    Target(
        "filter language", _filter,
        (b'state:open service:http version~1\\.2 !identified port:8000-9000 mark:todo "a b"',
         b"host:10.0.0.0/8 text~(a|b)+ probe:NULL"),
        (b":", b"~", b"!", b'"', b"port:", b"host:", b"(?", b"\\", b"[[:alpha:]]", b"-", b"/"),
        (FilterError,),
    ),
)  # fmt: skip


def damaged(dice: random.Random, target: Target) -> bytes:
    """A good input of a target, damaged."""
    data = bytearray(dice.choice(target.seeds))
    for _ in range(dice.randint(1, MOST_DAMAGES)):
        at = dice.randint(0, len(data))
        match dice.randrange(6):
            case 0:
                data[at : at + 1] = dice.randbytes(1)
            case 1:
                del data[at : at + dice.randint(1, 20)]
            case 2:
                data[at:at] = data[at : at + dice.randint(1, 60)] * dice.randint(1, 4)
            case 3:
                data[at:at] = dice.choice(target.words)
            case 4:
                data[at:at] = dice.choice(target.seeds)[: dice.randint(1, 200)]
            case _:
                data[at : at + 4] = dice.randbytes(dice.randint(0, 8))
    return bytes(data[:LONGEST])


def fault(target: Target, data: bytes) -> str:
    """What is wrong with how an input is read; empty if nothing is."""
    begun = time.process_time()
    try:
        target.read(data)
    except target.errors:
        pass
    except Exception:
        return f"{target.name}: {data!r}\n{traceback.format_exc()}"
    seconds = time.process_time() - begun
    return f"{target.name}: {data!r}\ntook {seconds:.1f} s" if seconds > SLOW_SECONDS else ""


def main() -> int:
    """Read as many inputs as asked, and print how many."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    faults = 0
    for target in TARGETS:
        dice = random.Random(f"{chosen.seed} {target.name}")
        count, begun, found = -(-chosen.inputs // len(TARGETS)), time.monotonic(), 0
        for _ in range(count):
            if text := fault(target, damaged(dice, target)):
                found += 1
                if found <= 3:
                    print(text)
        seconds = time.monotonic() - begun
        faults += found
        print(f"{target.name:20} {count:9,} inputs {seconds:7.1f} s {found:4} faults", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
