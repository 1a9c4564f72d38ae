"""The help: all keys, and what symbols and colours mean."""

from collections.abc import Collection, Mapping, Sequence

from vscan_tui.tui.keymap import Need, Topic, found_commands, keys_text
from vscan_tui.tui.rendering.hexdump import READ_BORDER, layer_sample
from vscan_tui.tui.rendering.line import Layer, Line, Role, Run, superscript, wrapped_words
from vscan_tui.tui.rendering.standing import MARKS, NOTED, Standing

_KEYS_WIDTH = 22
_BY_NAME = "palette"
"""What stands for a command that has no key."""


def help_lines(
    words: Sequence[str], width: int, keymap: Mapping[str, str], met: Collection[Need]
) -> list[Line]:
    """Draw the commands in which every one of these lower-case words is found.

    A command that can do nothing now is dim, and says why.

    Args:
        words: of the filter; none: everything, the legend of symbols too.
        width: in cells.
        keymap: keys that the user chose, by the id of the command.
        met: the needs of commands that are met.
    """
    lines: list[Line] = []
    commands = found_commands(words, keymap)
    for topic in Topic:
        members = [command for command in commands if command.topic is topic]
        if not members:
            continue
        lines += _heading(topic.value, lines)
        for command in members:
            obstacle = command.obstacle(met)
            key = Run(keys_text(command, keymap) or _BY_NAME, Role.DIM if obstacle else Role.STRONG)
            text = f"{command.help} (not now: {obstacle})" if obstacle else command.help
            lines += _entry(key, text, width, Role.DIM if obstacle else Role.PLAIN)
    symbols = [(Run(standing.symbol, standing.role), standing.meaning) for standing in Standing]
    marks = [(symbol, meaning) for symbol, meaning in (*MARKS.values(), NOTED) if meaning]
    symbols += [(Run(symbol, Role.CHOSEN), meaning) for symbol, meaning in marks]
    legend = [
        (symbol, meaning)
        for symbol, meaning in symbols
        if all(word in meaning.lower() for word in words)
    ]
    if legend:
        lines += _heading("What the symbols mean", lines)
        for symbol, meaning in legend:
            lines += _entry(symbol, meaning, width)
    if not words:
        lines += _heading("What the colours mean", lines)
        sample = Run(f"{superscript(1)}group", group=1)
        text = (
            "what a group of the rule's regex captured: the same colour and number "
            "in the regex, in the response and in the version fields"
        )
        lines += _entry(sample, text, width)
        for layer in Layer:
            if layer is not Layer.NONE:
                shown = Run(layer_sample(layer), layer=layer)
                lines += _entry(shown, f"bytes: {layer.value}", width)
        lines += _entry(Run(READ_BORDER, Role.RULE), "where a read of the response began", width)
    return lines


def _heading(text: str, above: list[Line]) -> list[Line]:
    title = Line((Run(text, Role.FOCUSED_HEADING),))
    return [Line(), title] if above else [title]


def _entry(key: Run, text: str, width: int, role: Role = Role.PLAIN) -> list[Line]:
    first, *rest = wrapped_words(text, max(10, width - _KEYS_WIDTH - 2))
    blank = Run(" " * max(1, _KEYS_WIDTH - len(key.text)))
    indent = Run(" " * (_KEYS_WIDTH + 2))
    return [
        Line((Run("  "), key, blank, Run(first, role))),
        *(Line((indent, Run(text, role))) for text in rest),
    ]
