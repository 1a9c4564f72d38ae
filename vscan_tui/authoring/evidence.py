"""Evidence: responses with what a database must say of them.

One JSON object a line: the `probe` that was sent, over which `protocol` and
inside which `tunnel`; the `response` in base64; its `origin` and `source`; and
what to `expect` of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from vscan_tui.authoring.finding import Finding, Severity
from vscan_tui.events import Fields, Match, Protocol

MAX_LINE_BYTES = 16 * 1024 * 1024
SUFFIX = "*.jsonl"


class Expected(Fields, frozen=True, omit_defaults=True, forbid_unknown_fields=True, kw_only=True):
    """What the rule that fires must say; nothing of what is left out."""

    service: str
    soft: bool = False


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line."""

    probe: str
    protocol: Protocol
    response: bytes
    source: str
    """The server with its version and how it was started, or the document and section."""
    expect: Expected
    origin: Literal["recorded", "specified"]
    tunnel: Literal["", "ssl"] = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence, and where it stands."""

    file: str
    line: int
    evidence: Evidence


_decoder = msgspec.json.Decoder(Evidence)


def read_evidence(paths: Iterable[Path]) -> tuple[list[Piece], list[Finding]]:
    """Read files and folders of evidence; what cannot be read becomes a finding."""
    pieces: list[Piece] = []
    findings: list[Finding] = []
    for path in paths:
        for file in sorted(path.glob(SUFFIX)) if path.is_dir() else [path]:
            try:
                _read_file(file, pieces, findings)
            except OSError as error:
                message = f"cannot be read: {error.strerror or error}"
                findings.append(_unreadable(file.name, 0, message))
    return pieces, findings


def _read_file(file: Path, pieces: list[Piece], findings: list[Finding]) -> None:
    with file.open("rb") as stream:
        number = 0
        while line := stream.readline(MAX_LINE_BYTES):
            number += 1
            if not line.strip():
                continue
            try:
                pieces.append(Piece(file.name, number, _decoder.decode(line)))
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                findings.append(_unreadable(file.name, number, f"no evidence: {error}"))


def _unreadable(file: str, line: int, message: str) -> Finding:
    return Finding(Severity.ERROR, "evidence", file, line, message)


def said(match: Match) -> Expected:
    """What a match says, in the words of the evidence."""
    return Expected(service=match.service, soft=match.soft, **msgspec.structs.asdict(match.fields))


def difference(expected: Expected, found: Expected | None) -> str:
    """Name what differs, in one sentence; empty if nothing does."""
    if found is None:
        return f"no rule fires; {expected.service} is expected"
    parts = [
        f"{name} is {_shown(getattr(found, name))}, expected {_shown(getattr(expected, name))}"
        for name in Expected.__struct_fields__
        if getattr(found, name) != getattr(expected, name)
    ]
    return "; ".join(parts)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "nothing"
    return f'"{value}"' if value != "" else "nothing"
