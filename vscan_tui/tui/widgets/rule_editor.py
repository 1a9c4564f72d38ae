"""Where a match line is written: one line, coloured as what it is, with completion."""

from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from vscan_tui.matching.colouring import Kind
from vscan_tui.matching.rule_syntax import Completion, Zone, completion, tokens
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.rendering.line import Layer, Role, Run
from vscan_tui.tui.rendering.pattern import ROLES
from vscan_tui.tui.themes import Palette, palette
from vscan_tui.tui.widgets.line_input import AtOnce

_ZONES = {
    Zone.DIRECTIVE: Role.LABEL,
    Zone.SERVICE: Role.STRONG,
    Zone.DELIMITER: Role.DIM,
    Zone.FLAGS: Role.REGEX_QUANTIFIER,
    Zone.FIELD: Role.LABEL,
    Zone.TEXT: Role.PLAIN,
    Zone.SUBSTITUTION: Role.REGEX_ESCAPE,
    Zone.STRAY: Role.DIM,
}
_THEME = "vscan"
_FAULT = "fault"


class RuleEditor(AtOnce, TextArea):
    """One line, which can be completed, and left."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.EDITOR)

    DEFAULT_CSS = """
    RuleEditor { border: none; padding: 0 1; background: $panel; height: 1fr; min-height: 2; }
    RuleEditor:focus { border: none; }
    """

    class Left(Message):
        """The user has typed enough."""

    class Completing(Message):
        """What may be typed next has changed."""

        def __init__(self, offered: Completion) -> None:
            """Tell what is offered."""
            super().__init__()
            self.offered = offered

    def __init__(self, text: str, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin with a text."""
        self.captured: tuple[str | None, ...] = ()
        self.services: frozenset[str] = frozenset()
        self.fault_column: int | None = None
        self._offered = Completion(0)
        super().__init__(
            text, id=id, soft_wrap=True, compact=True, highlight_cursor_line=False,
            placeholder=r"match SERVICE m|^regex| p/product/ v/$1/",
        )  # fmt: skip
        self.cursor_blink = False

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._colour())
        self._colour()

    def _colour(self) -> None:
        colours = palette(self.app.current_theme)
        self.register_theme(_theme(colours))
        self.theme = _THEME

    def show_fault(self, column: int | None) -> None:
        """Mark the place of a fault; columns count from 1."""
        if column != self.fault_column:
            self.fault_column = column
            self._build_highlight_map()
            self.refresh()

    def _build_highlight_map(self) -> None:
        self._line_cache.clear()
        self._highlights.clear()
        line = self.document.get_line(0)
        marks = self._highlights[0]
        for (start, end), kind in tokens(line):
            marks.append((_bytes(line, start), _bytes(line, end), kind))
        if self.fault_column is not None:
            place = min(max(0, self.fault_column - 1), max(0, len(line) - 1))
            marks.append((_bytes(line, place), _bytes(line, place + 1), _FAULT))

    def update_suggestion(self) -> None:
        """Offer what may come next."""
        row, column = self.cursor_location
        line = self.document.get_line(row) if row < self.document.line_count else ""
        offered = completion(line, column, captured=self.captured, services=self.services)
        if offered != self._offered:
            self._offered = offered
            self.post_message(self.Completing(offered))

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter" and "enter" not in self.screen.active_bindings:
            self._take(event)  # a rule is one line

    def action_leave(self) -> None:
        """Go to what the rule is tried on."""
        self.post_message(self.Left())

    def action_complete(self) -> None:
        """Go on with what fits; with nothing to go on with, leave."""
        if self._offered.options:
            self._complete()
        else:
            self.post_message(self.Left())

    async def _on_paste(self, event: events.Paste) -> None:
        self._take(event)
        text = " ".join(event.text.split("\n")).replace("\r", "")
        self.insert("".join(letter for letter in text if letter.isprintable()))

    def _take(self, event: events.Event) -> None:
        event.stop()
        event.prevent_default()

    def _complete(self) -> None:
        row, column = self.cursor_location
        option = self._offered.options[0]
        self.replace(option.text, (row, self._offered.begin), (row, column))
        self.move_cursor((row, self._offered.begin + len(option.text)))


def _bytes(line: str, column: int) -> int:
    return len(line[:column].encode("utf-8", "replace"))


def _theme(colours: Palette) -> TextAreaTheme:
    def style(role: Role) -> Style:
        return colours.style(Run("", role), background=colours.panel)

    styles = {str(zone): style(role) for zone, role in _ZONES.items()}
    styles |= {str(kind): style(ROLES[kind]) for kind in Kind}
    styles[_FAULT] = colours.style(Run("", layer=Layer.STOP))
    base = style(Role.PLAIN)
    return TextAreaTheme(
        _THEME,
        base_style=base,
        cursor_style=Style(reverse=True),
        selection_style=Style(bgcolor=colours.cursor_background(focused=True).rich_color),
        bracket_matching_style=Style(underline=True, bold=True),
        syntax_styles=styles,
    )
