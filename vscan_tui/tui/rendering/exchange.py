"""One exchange in words: what was sent, what came back, and what it meant."""

from vscan_tui.events import COMPOSED, Ending
from vscan_tui.probedb.escapes import escape
from vscan_tui.session.store import Exchange, Port
from vscan_tui.session.wording import port_text, port_version_text, printable, service_text
from vscan_tui.tui.rendering.line import Line, Role, Run, column, cut, cut_line

BY_HAND = "✎"
"""Marks what the user asked by hand."""
_UNANSWERED = {
    Ending.TIMED_OUT: "no answer",
    Ending.CLOSED: "closed without an answer",
    Ending.RESET: "reset without an answer",
    Ending.FAILED: "failed",
    Ending.STOPPED: "stopped before an answer",
    Ending.FULL: "no answer",
    Ending.MATCHED: "no answer",
}


def seconds_text(seconds: float) -> str:
    """Write a duration with the unit that suits it."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s"


def size_text(size: int) -> str:
    """Write a number of bytes in at most eight letters."""
    return f"{size} B" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def clock_text(seconds: float) -> str:
    """Write a duration as minutes and seconds, from an hour on as hours too."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def count_text(count: int, noun: str) -> str:
    """Write a number of things; the plural adds an s."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def verdict(exchange: Exchange, width: int) -> Run:
    """Say in a few words what became of an exchange, in fewer where there is less room."""
    texts, role = _verdict(exchange)
    return Run(next((text for text in texts if len(text) <= width), cut(texts[-1], width)), role)


def _verdict(exchange: Exchange) -> tuple[tuple[str, ...], Role]:
    match = exchange.match
    if match is not None:
        kind, role = ("soft", Role.SOFT) if match.soft else ("hard", Role.HARD)
        return (f"{kind} match line {match.line}", f"{kind}, line {match.line}"), role
    if exchange.ending is None:
        return ("listening…",), Role.BUSY
    if exchange.chunks and not exchange.tried:  # a post-processor's question: no rule is asked
        return ("answered",), Role.DIM
    if exchange.chunks:
        tried = f"{exchange.tried:,} tried"
        return (f"no rule matched, {tried}", f"no match, {tried}", "no match"), Role.UNKNOWN
    return (_UNANSWERED[exchange.ending], "no answer"), Role.DIM


def unanswered_text(exchange: Exchange) -> str:
    """Say why a response is empty."""
    if exchange.ending is None:
        return "Nothing has come back yet."
    seconds = seconds_text(exchange.seconds or 0.0)
    match exchange.ending:
        case Ending.CLOSED:
            return f"The service closed the connection after {seconds} without an answer."
        case Ending.RESET:
            return f"The service reset the connection after {seconds} without an answer."
        case Ending.FAILED:
            return f"The exchange failed after {seconds}, before an answer came."
        case Ending.STOPPED:
            return f"The scan was stopped after {seconds}, before an answer came."
        case _:
            return f"No answer in {seconds}."


def exchange_line(exchange: Exchange, width: int, *, chosen: bool) -> Line:
    """Draw one row: probe, bytes, time to the first byte, and the verdict."""
    seconds = exchange.first_byte_seconds
    if seconds is None:
        seconds = exchange.seconds
    time = "" if seconds is None else seconds_text(seconds)
    name_width = 22 if width >= 76 else 15
    name = _name(exchange, name_width)
    runs = (
        Run("▸ " if chosen else "  ", Role.CHOSEN),
        Run(f"{name} ", Role.STRONG if chosen else Role.PLAIN),
        Run("tls " if exchange.tunnel else "    ", Role.DIM),
        Run(f"{size_text(len(exchange.response) - exchange.carried):>8} "),
        Run(f"{time:>8}  ", Role.DIM),
    )
    return cut_line(Line((*runs, verdict(exchange, width - Line(runs).width))), width)


def _name(exchange: Exchange, width: int) -> str:
    """Name the probe; a payload of one's own by its first bytes."""
    is_own = exchange.probe == COMPOSED and exchange.payload
    name = escape(exchange.payload[:width]) if is_own else printable(exchange.probe)
    if exchange.by_hand:
        name = f"{cut(name, width - len(BY_HAND) - 1)} {BY_HAND}"
    return column(name, width)


def port_title(port: Port) -> str:
    """Name a port with its service: the title of its exchanges."""
    parts = [port_text(port), service_text(port), port_version_text(port)]
    return "  ".join(part for part in parts if part)


def port_counts(port: Port) -> str:
    """Count the exchanges and connections of a port."""
    probes = count_text(len(port.exchanges), "probe")
    return f"{probes} · {count_text(len(port.connections), 'connection')}"
