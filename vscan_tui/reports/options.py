"""What the user may choose about a report."""

from collections.abc import Callable
from dataclasses import dataclass

from vscan_tui.events import Protocol


def _no_name(_protocol: Protocol, _port: int) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Choices that hold for every report; a report ignores what it has no use for."""

    reasons: bool = False
    """Say why each port is said to be in its state (`--reason`)."""
    open_only: bool = False
    """Leave out what is not, or not possibly, open (`--open`)."""
    verbosity: int = 0
    """How often the user asked for more (`-v`)."""
    debugging: int = 0
    """How often the user asked for everything (`-d`)."""
    table_name: Callable[[Protocol, int], str] = _no_name
    """The name that the port table has for a port, or nothing.

    Needed for closed and filtered ports only: events name the others.
    """

    @property
    def is_detailed(self) -> bool:
        """Whether to say what `-vv` and `-d` add, as with Nmap: reasons and times."""
        return self.verbosity > 1 or self.debugging > 0

    @property
    def tells_reasons(self) -> bool:
        """Whether to say why each host and port is in its state."""
        return self.reasons or self.is_detailed


DEFAULT_OPTIONS = ReportOptions()
