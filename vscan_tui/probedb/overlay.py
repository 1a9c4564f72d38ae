"""The user's own rules: a file in the configuration directory that every scan reads first.

It is a text like any probe database, and stays the user's: comments, order and
whatever else stands in it are kept when a rule is added.
"""

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vscan_tui.events import Protocol
from vscan_tui.probedb.model import DEFAULT_RARITY, DEFAULT_TCPWRAPPED_MS, DEFAULT_WAIT_MS
from vscan_tui.probedb.sources import MAX_DATABASE_BYTES, overlay_folder
from vscan_tui.probedb.writing import payload_text

OVERLAY_FILE = "own.probes"
_BEGINNING = (
    "# Your own rules, in the format of nmap-service-probes.\n"
    "#\n"
    "# vscan reads the *.probes files of this folder before any other database, so\n"
    "# that what is here wins. The rule workbench writes to this file; you may too.\n"
)
_PROBE = re.compile(r"Probe[ \t]+(TCP|UDP)[ \t]+(\S+)[ \t]")
_RULE = re.compile(r"(?:soft)?match[ \t]")


@dataclass(frozen=True, slots=True)
class ProbeHead:
    """What has to stand above a rule: the probe whose responses it is for."""

    protocol: Protocol
    name: str
    payload: bytes
    rarity: int = DEFAULT_RARITY
    totalwaitms: int = DEFAULT_WAIT_MS
    tcpwrappedms: int = DEFAULT_TCPWRAPPED_MS

    def lines(self) -> list[str]:
        """The directives, so that the probe is sent no more often and no less than before."""
        found = [f"Probe {self.protocol.upper()} {self.name} {payload_text(self.payload)}"]
        if self.rarity != DEFAULT_RARITY:
            found.append(f"rarity {self.rarity}")
        if self.totalwaitms != DEFAULT_WAIT_MS:
            found.append(f"totalwaitms {self.totalwaitms}")
        if self.tcpwrappedms != DEFAULT_TCPWRAPPED_MS:
            found.append(f"tcpwrappedms {self.tcpwrappedms}")
        return found


@dataclass(frozen=True, slots=True)
class SavedRule:
    """Where a rule was written to."""

    path: Path
    line: int
    """Counts from 1."""
    replaced: bool
    """Whether another stood there before."""


class OverlayError(Exception):
    """The rule could not be saved; the message says why, and what to do."""


def overlay_path() -> Path:
    """The file that rules are saved to."""
    return overlay_folder() / OVERLAY_FILE


def with_rule(
    text: str, head: ProbeHead, line: str, *, comment: str = "", instead_of: str = ""
) -> tuple[str, int, bool]:
    """Put a rule into a text.

    A hard match goes before the other rules of its probe, so that the newest
    wins; a soft match goes behind them, so that it hides none of them.

    Args:
        text: of the file so far; may be empty.
        head: the probe; it is added to the text if it is not there.
        line: the rule.
        comment: a line to put above it, without the number sign.
        instead_of: a rule that this one replaces; if it is no longer there, the
            rule is added.

    Returns:
        The new text, the line that the rule is on (from 1), and whether it
        replaced another.
    """
    lines = text.split("\n") if text else _BEGINNING.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if instead_of in lines and instead_of:
        place = lines.index(instead_of)
        lines[place] = line
        return "\n".join(lines) + "\n", place + 1, True
    added = [f"# {comment}", line] if comment else [line]
    begin = _section(lines, head)
    if begin is None:
        lines += ["", *head.lines(), *added]
        return "\n".join(lines) + "\n", len(lines), False
    end = next(
        (place for place in range(begin + 1, len(lines)) if lines[place].startswith("Probe")),
        len(lines),
    )
    rules = [place for place in range(begin, end) if _RULE.match(lines[place])]
    if not rules:
        place = max(place for place in range(begin, end) if lines[place].strip()) + 1
    elif line.startswith("softmatch"):
        place = rules[-1] + 1
    else:
        place = rules[0]
        while lines[place - 1].startswith("#") and place - 1 > begin:
            place -= 1  # a comment belongs to the rule below it
    lines[place:place] = added
    return "\n".join(lines) + "\n", place + len(added), False


def _section(lines: list[str], head: ProbeHead) -> int | None:
    """Where the rules of a probe begin."""
    for place, line in enumerate(lines):
        found = _PROBE.match(line)
        if found and (found[1].lower(), found[2]) == (head.protocol, head.name):
            return place
    return None


def save_rule(
    path: Path, head: ProbeHead, line: str, *, comment: str = "", instead_of: str = ""
) -> SavedRule:
    """Put a rule into a file, all of it or nothing; see `with_rule`.

    Raises:
        OverlayError: the file cannot be read or written.
    """
    try:
        text = _read(path)
        new, number, replaced = with_rule(text, head, line, comment=comment, instead_of=instead_of)
        _write(path, new.encode("latin-1", "replace"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise OverlayError(f"{path}: the rule cannot be saved: {reason}") from error
    return SavedRule(path, number, replaced)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DATABASE_BYTES + 1)
    except FileNotFoundError:
        return ""
    if len(data) > MAX_DATABASE_BYTES:
        raise OSError(0, f"larger than {MAX_DATABASE_BYTES >> 20} MiB")
    return data.decode("latin-1")


def _write(path: Path, data: bytes) -> None:
    target = path.resolve()  # a link to a file elsewhere stays a link
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".own-", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            Path(name).chmod(target.stat().st_mode & 0o777)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
