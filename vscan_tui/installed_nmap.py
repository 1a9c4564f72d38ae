"""Where the user's own copy of Nmap keeps its data files, on each system."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_UNIX_FOLDERS = (
    "/usr/local/share/nmap",
    "/usr/share/nmap",
    "/opt/homebrew/share/nmap",
    "/home/linuxbrew/.linuxbrew/share/nmap",
    "/opt/local/share/nmap",
)


def nmap_file(name: str) -> Path | None:
    """The user's copy of a data file, such as `nmap-services`; None where there is none."""
    candidates = nmap_file_paths(name, os.environ, sys.platform, _home())
    return next((path for path in candidates if path.is_file()), None)


def nmap_file_paths(
    name: str, environment: Mapping[str, str], platform: str, home: Path | None
) -> Iterator[Path]:
    """Where a data file may be, in the order in which Nmap looks for it."""
    if environment.get("NMAPDIR"):
        yield Path(environment["NMAPDIR"]) / name
    if platform == "win32":
        if environment.get("APPDATA"):
            yield Path(environment["APPDATA"]) / "nmap" / name
        for variable in ("ProgramFiles(x86)", "ProgramFiles"):
            if environment.get(variable):
                yield Path(environment[variable]) / "Nmap" / name
        return
    if home is not None:
        yield home / ".nmap" / name
    for folder in _UNIX_FOLDERS:
        yield Path(folder) / name


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:  # no home directory is known
        return None
