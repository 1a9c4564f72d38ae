"""The composer's lines: how payloads go out, and their bytes."""

from vscan_tui.events import Endpoint
from vscan_tui.probedb.payload_text import Payloads
from vscan_tui.scanning.by_hand.draft import Draft
from vscan_tui.session.notation import hexdump_lines
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.exchange import count_text
from vscan_tui.tui.rendering.line import Line, Role, Run, cut_line

_PREVIEWED = 16 * 1024
"""Bytes of each payload that are shown; more would not be looked at."""


def target_text(endpoint: Endpoint) -> str:
    """Name a port with its host."""
    return printable(str(endpoint))


def how_line(draft: Draft, width: int) -> Line:
    """Draw how the payloads go out; a click on a part does what changes it."""
    rules = printable(draft.probe) if draft.probe else "all probes"
    connection = "one connection" if draft.one_connection else "a connection each"
    parts = (
        ("over ", str(draft.over), "over"),
        ("as ", str(draft.form), "form"),
        ("rules of ", rules, "rules"),
        ("on ", connection, "connection"),
    )
    runs = [Run(" ")]
    for label, value, action in parts:
        runs += [Run(label, Role.DIM), Run(value, Role.STRONG, view=action), Run("   ")]
    return cut_line(Line(tuple(runs)), width)


def preview_title(payloads: Payloads) -> str:
    """Count what would be sent."""
    size = sum(len(payload) for payload in payloads.payloads)
    if payloads.fault is not None:
        return f"read up to the fault  {count_text(size, 'byte')}"
    if len(payloads.payloads) == 1:
        return f"what is sent  {count_text(size, 'byte')}"
    return f"what is sent  {count_text(len(payloads.payloads), 'payload')}, {size:,} bytes"


def preview_lines(payloads: Payloads, width: int) -> list[Line]:
    """Draw the bytes that would be sent, each payload as a hexdump."""
    lines: list[Line] = []
    several = len(payloads.payloads) > 1
    for number, payload in enumerate(payloads.payloads, start=1):
        if several:
            lines.append(Line((Run(f"{number}. {count_text(len(payload), 'byte')}", Role.LABEL),)))
        lines += [
            cut_line(Line((Run(text),)), width) for text in hexdump_lines(payload[:_PREVIEWED])
        ]
        is_broken = payloads.fault is not None and number == len(payloads.payloads)
        if not payload and not is_broken:
            lines.append(Line((Run("nothing: it only listens", Role.DIM),)))
        elif len(payload) > _PREVIEWED:
            lines.append(Line((Run(f"… {len(payload) - _PREVIEWED:,} bytes more", Role.DIM),)))
    return lines


def fault_line(text: str, width: int) -> Line:
    """Draw what is wrong; nothing if nothing is."""
    return cut_line(Line((Run(f" ✗ {text}" if text else "", Role.ALERT),)), width)
