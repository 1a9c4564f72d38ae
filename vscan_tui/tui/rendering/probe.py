"""A probe of the database as one line."""

from collections.abc import Iterable

from vscan_tui.events import Span
from vscan_tui.probedb.combined import CombinedProbe
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.line import Line, Role, Run, column, cut

_NAME = 24


def probe_line(probe: CombinedProbe, width: int) -> Line:
    """Draw name, rarity, size and ports."""
    ports = ports_text(probe)
    taken = _NAME + 1 + 10 + 9
    return Line(
        (
            Run(column(printable(probe.name), _NAME) + " ", Role.STRONG),
            Run(f"rarity {probe.rarity}  "),
            Run(f"{len(probe.payload):>5} B  ", Role.DIM),
            Run(cut(ports, max(0, width - taken)), Role.DIM),
        )
    )


def probe_words(probe: CombinedProbe) -> str:
    """Return what a filter looks for words in: name, rarity, ports and services."""
    services = " ".join(sorted(probe.services))
    return printable(f"{probe.name} rarity {probe.rarity} {ports_text(probe)} {services}").lower()


def ports_text(probe: CombinedProbe) -> str:
    """Write the ports that a probe lists, those inside TLS too."""
    plain = _ranges(span for member in probe.members for span in member.probe.ports)
    inside = _ranges(span for member in probe.members for span in member.probe.sslports)
    parts = [f"ports {plain}" if plain else "", f"sslports {inside}" if inside else ""]
    return "  ".join(part for part in parts if part)


def _ranges(spans: Iterable[Span]) -> str:
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    return ",".join(dict.fromkeys(texts))
