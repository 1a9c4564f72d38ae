"""Which databases there are: the user's overlays, the project's own, the user's Nmap copy.

A parsed database is kept in the user's cache directory under the hash of its
content, so that a second start does not parse and check 12,000 rules again.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import platformdirs

from vscan_tui import __version__
from vscan_tui.bundled import bundled
from vscan_tui.events import DatabaseIdentity
from vscan_tui.installed_nmap import nmap_file
from vscan_tui.probedb.model import Exclusions, Fault, Probe, ProbeDatabase
from vscan_tui.probedb.parser import ParsedText, PatternCheck, parse

APP_NAME = "vscan"
DATABASE_FILE = "nmap-service-probes"
BUNDLED_NAME = "vscan"
OWN_NAME = "own"
NMAP_NAME = "nmap"
BUNDLED_FOLDER = "service-probes"
FILES_OF_A_FOLDER = "*.probes"
MAX_DATABASE_BYTES = 64 * 1024 * 1024
_CACHE_FORMAT = f"{__version__}/2"


class DatabaseError(Exception):
    """A database cannot be used at all; the message says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class DatabaseSource:
    """A file, or a folder whose files are joined, and the name it goes by."""

    name: str
    path: Path


def chosen_sources(
    version_databases: Sequence[Path], *, with_overlays: bool = False
) -> list[DatabaseSource]:
    """Which databases to use, in order of precedence.

    Those of `--versiondb` and no others, if any; else the user's overlays, the
    project's own, and the user's Nmap copy where one is installed.

    Args:
        version_databases: those of `--versiondb`.
        with_overlays: whether the user's overlays come before those too.
    """
    overlays = overlay_folder()
    sources = []
    if (with_overlays or not version_databases) and any(overlays.glob(FILES_OF_A_FOLDER)):
        sources.append(DatabaseSource(OWN_NAME, overlays))
    if version_databases:
        return [*sources, *map(_named, version_databases)]
    sources.append(DatabaseSource(BUNDLED_NAME, bundled(BUNDLED_FOLDER)))
    installed = nmap_file(DATABASE_FILE)
    if installed is not None:
        sources.append(DatabaseSource(NMAP_NAME, installed))
    return sources


def _named(path: Path) -> DatabaseSource:
    if path.is_dir() and path.resolve() == bundled(BUNDLED_FOLDER).resolve():
        return DatabaseSource(BUNDLED_NAME, path)
    # Rules are told apart by these names, as the user's own: no other database has one of them.
    is_taken = path.name in {OWN_NAME, BUNDLED_NAME, NMAP_NAME}
    return DatabaseSource(str(path.absolute()) if is_taken else path.name, path)


def overlay_folder() -> Path:
    """Where the user's own rules are: `*.probes` files in the configuration directory."""
    return Path(platformdirs.user_config_dir(APP_NAME)) / "service-probes"


def load(source: DatabaseSource, *, check_pattern: PatternCheck | None = None) -> ProbeDatabase:
    """Read a database, from the cache if it was parsed before.

    Raises:
        DatabaseError: it cannot be read, or holds no probe.
    """
    files = _read(source)
    digest = _digest(files)
    cached = _cached(source, digest)
    if cached is not None:
        return cached
    parsed = _parse_all(files, check_pattern)
    probes = joined(probe for text in parsed for probe in text.probes)
    faults = tuple(fault for text in parsed for fault in text.faults)
    if not probes:
        reason = f" ({faults[0]})" if faults else ""
        raise DatabaseError(
            f"{source.path}: no probe in it, so it is no nmap-service-probes file{reason}"
        )
    database = ProbeDatabase(
        identity=DatabaseIdentity(
            name=source.name,
            path=str(source.path),
            rules=sum(len(probe.rules) for probe in probes),
            probes=len(probes),
            sha256=digest,
        ),
        probes=probes,
        exclusions=Exclusions(
            tuple(span for text in parsed for span in text.exclusions.tcp),
            tuple(span for text in parsed for span in text.exclusions.udp),
        ),
        faults=faults,
    )
    _store(database, digest)
    return database


def _read(source: DatabaseSource) -> list[tuple[str, bytes]]:
    """Return (name for messages, content) of each file."""
    paths = sorted(source.path.glob(FILES_OF_A_FOLDER)) if source.path.is_dir() else [source.path]
    if not paths:
        raise DatabaseError(f"{source.path}: no {FILES_OF_A_FOLDER} file in this folder")
    files = []
    for path in paths:
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_DATABASE_BYTES + 1)
        except OSError as error:
            raise DatabaseError(f"{path}: cannot read it: {error.strerror or error}") from error
        if len(content) > MAX_DATABASE_BYTES:
            raise DatabaseError(f"{path}: larger than {MAX_DATABASE_BYTES >> 20} MiB")
        files.append((str(path) if path == source.path else path.name, content))
    return files


def _parse_all(
    files: Sequence[tuple[str, bytes]], check_pattern: PatternCheck | None
) -> list[ParsedText]:
    if len(files) == 1:
        return [parse(files[0][1], files[0][0], check_pattern=check_pattern)]
    # A fallback may name a probe of another file: the names are gathered first.
    names = frozenset(probe.name for file, data in files for probe in parse(data, file).probes)
    return [
        parse(data, file, check_pattern=check_pattern, known_probes=names) for file, data in files
    ]


def joined(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """Join probes that are declared in several files: rules in order, the first's properties."""
    found: dict[tuple[str, str, bytes], Probe] = {}
    for probe in probes:
        # There is one NULL probe, whatever it is called.
        key = (probe.protocol, "" if probe.is_null else probe.name, probe.payload)
        first = found.get(key)
        if first is None:
            found[key] = probe
            continue
        found[key] = msgspec.structs.replace(
            first,
            ports=first.ports + probe.ports,
            sslports=first.sslports + probe.sslports,
            fallback=tuple(dict.fromkeys(first.fallback + probe.fallback)),
            rules=first.rules + probe.rules,
            **{
                name: getattr(probe, name)
                for name, default in _PROPERTY_DEFAULTS.items()
                if getattr(first, name) == default
            },
        )
    return tuple(found.values())


_PROPERTY_DEFAULTS = {
    name: getattr(Probe("tcp", "", b"", "", 0), name)
    for name in ("totalwaitms", "tcpwrappedms", "rarity", "no_payload")
}


def _digest(files: Sequence[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in files:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where parsed databases are kept."""
    return Path(platformdirs.user_cache_dir(APP_NAME)) / "probedb"


def _cache_path(digest: str) -> Path:
    key = hashlib.sha256(f"{_CACHE_FORMAT}\0{digest}".encode()).hexdigest()
    return cache_folder() / f"{key[:32]}.msgpack"


def _cached(source: DatabaseSource, digest: str) -> ProbeDatabase | None:
    try:
        content = _cache_path(digest).read_bytes()
        database = msgspec.msgpack.decode(content, type=ProbeDatabase)
    except (OSError, msgspec.MsgspecError):
        return None
    identity = msgspec.structs.replace(database.identity, name=source.name, path=str(source.path))
    return msgspec.structs.replace(database, identity=identity)


def _store(database: ProbeDatabase, digest: str) -> None:
    """Keep a parsed database; a cache that cannot be written is no fault."""
    path = _cache_path(digest)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        written = path.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
        written.write_bytes(msgspec.msgpack.encode(database))
        written.replace(path)


def fault_lines(faults: Sequence[Fault], *, limit: int = 20) -> list[str]:
    """Faults as lines for a person; those beyond `limit` are counted only."""
    lines = [str(fault) for fault in faults[:limit]]
    if len(faults) > limit:
        lines.append(f"… and {len(faults) - limit} more faults")
    return lines
