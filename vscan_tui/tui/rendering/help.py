"""The help: all keys, and what symbols and colours mean."""

from collections.abc import Collection, Mapping

from vscan_tui.tui.keymap import Command, Need, Scope, Topic, found_commands, keys_text
from vscan_tui.tui.rendering.hexdump import READ_BORDER, layer_sample
from vscan_tui.tui.rendering.line import Layer, Line, Role, Run, superscript, wrapped_words
from vscan_tui.tui.rendering.standing import MARKS, NEW_RULE, NOTED, Standing

_KEYS_WIDTH = 22
_BY_NAME = "palette"
"""What stands for a command that has no key."""


_GENERAL = frozenset({Scope.PROGRAM, Scope.TRIAGE, Scope.PANE})


def help_lines(
    words: str,
    width: int,
    keymap: Mapping[str, str],
    met: Collection[Need],
    here: Collection[Scope],
) -> list[Line]:
    """Draw the commands of a key, or in which every word is found.

    First come those of the place that the user is at. A command that can do
    nothing now, or not here, is dim, and says why.

    Args:
        words: of the filter; none: everything, the legend of symbols too.
        width: in cells.
        keymap: keys that the user chose, by the id of the command.
        met: the needs of commands that are met.
        here: the scopes whose commands work where the user is.
    """
    lines: list[Line] = []
    commands = found_commands(words, keymap)
    sections = [
        (f"Here, {scope.value}", [command for command in commands if command.scope is scope])
        for scope in Scope
        if scope in here and scope not in _GENERAL
    ]
    told = {command.id for _, members in sections for command in members}
    sections += [
        (topic.value, [each for each in commands if each.topic is topic and each.id not in told])
        for topic in Topic
    ]
    for title, members in sections:
        if not members:
            continue
        lines += _heading(title, lines)
        for command in members:
            why = _why_not(command, met, here)
            key = Run(keys_text(command, keymap) or _BY_NAME, Role.DIM if why else Role.STRONG)
            text = f"{command.help} ({why})" if why else command.help
            lines += _entry(key, text, width, Role.DIM if why else Role.PLAIN)
    symbols = [(Run(standing.symbol, standing.role), standing.meaning) for standing in Standing]
    marks = [(symbol, meaning) for symbol, meaning in (*MARKS.values(), NOTED, NEW_RULE) if meaning]
    symbols += [(Run(symbol, Role.CHOSEN), meaning) for symbol, meaning in marks]
    legend = [
        (symbol, meaning)
        for symbol, meaning in symbols
        if all(word in meaning.lower() for word in words.lower().split())
    ]
    if legend:
        lines += _heading("What the symbols mean", lines)
        for symbol, meaning in legend:
            lines += _entry(symbol, meaning, width)
    if not words.strip():
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


def _why_not(command: Command, met: Collection[Need], here: Collection[Scope]) -> str:
    if command.scope not in here:
        return f"only {command.scope.value}"
    obstacle = command.obstacle(met)
    return f"not now: {obstacle}" if obstacle else ""


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
