"""Something that the author of a database should know."""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """Does not do what it is there for."""
    WARNING = "warning"
    """Works, and should be otherwise."""
    NOTE = "note"
    """Worth a look; may well be meant so."""


class Finding(msgspec.Struct, frozen=True):
    """One thing, at one place; lines count from 1."""

    severity: Severity
    kind: str
    """Of which check, such as `runaway`."""
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.message} [{self.kind}]"
