"""What is known of the byte under the cursor, in one line, each layer in its own colours."""

from vscan_tui.session.conversation import Conversation, Direction
from vscan_tui.tui.found import Found
from vscan_tui.tui.rendering.dump import Place
from vscan_tui.tui.rendering.hexdump import duration_text, escaped
from vscan_tui.tui.rendering.layers import Layers
from vscan_tui.tui.rendering.line import Layer, Line, Role, Run, cut_line, superscript

_NAMES = {0x20: "space", 0x0A: "line feed", 0x0D: "return", 0x09: "tab", 0: "NUL", 0x7F: "DEL"}
_GAP = Run("  ")


def legend_line(
    conversation: Conversation, place: Place, layers: Layers, found: Found | None, width: int
) -> Line:
    """Tell of a byte: where it stands, what it is, who sent it when, and what lies over it.

    Args:
        conversation: that the byte is part of.
        place: of the byte.
        layers: over the bytes of its direction.
        found: what was searched for, if anything.
        width: in cells.
    """
    byte = conversation.data(place.direction)[place.offset]
    parts = [
        [Run(f"{place.offset:#06x} {place.offset:,}", Role.LABEL)],
        [Run(f"{byte:02x} {_name(byte)} {byte}", Role.PLAIN, 0, "", Layer.CURSOR)],
        *_layers(place, layers, found),
        [Run(_moment(conversation, place), Role.LABEL)],
    ]
    runs: list[Run] = []
    for part in parts:
        runs += [_GAP, *part] if runs else part
    return cut_line(Line(tuple(runs)), width)


def _name(byte: int) -> str:
    return _NAMES.get(byte) or (f"'{chr(byte)}'" if 0x20 < byte < 0x7F else escaped(bytes([byte])))


def _layers(place: Place, layers: Layers, found: Found | None) -> list[list[Run]]:
    parts: list[list[Run]] = []
    if layers.selection is not None:
        start, end = layers.selection
        text = f"selected {end - start:,} B"
        parts.append([Run(text, Role.PLAIN, 0, "", Layer.SELECTED)])
    if found is not None:
        parts.append([_hits(place, found)])
    group = layers.group_at(place.offset)
    if group:
        parts.append([Run(f"{superscript(group)}group", Role.PLAIN, group)])
    if layers.is_part(place.offset):
        parts.append([Run("met by the selected part", Role.PLAIN, 0, "", Layer.PART)])
    elif place.offset in layers.stops:
        parts.append([Run("✗ the rule stops here", Role.PLAIN, 0, "", Layer.STOP)])
    elif layers.is_met(place.offset):
        parts.append([Run("met by the rule", Role.PLAIN, 0, "", Layer.MET)])
    return parts


def _hits(place: Place, found: Found) -> Run:
    number = found.number_at(place)
    total = f"{found.count:,}{'+' if found.note else ''}"
    if found.fault:
        return Run(found.fault, Role.UNKNOWN)
    if found.is_searching:
        return Run("searching…", Role.BUSY)
    if number is None:
        return Run(f"{total} found" if found.count else "not found", Role.UNKNOWN)
    return Run(f"found {number + 1:,}/{total}", Role.PLAIN, 0, "", Layer.CURRENT_HIT)


def _moment(conversation: Conversation, place: Place) -> str:
    if place.direction is Direction.SENT:
        return "sent"
    read = conversation.read_at(place.offset)
    if read is None:
        return ""
    reads = len(conversation.turn_at(place.direction, place.offset).exchange.chunks)
    return f"read {read.number}/{reads} +{duration_text(read.seconds)}"
