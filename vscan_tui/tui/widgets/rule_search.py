"""Where words are typed that a rule must have."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.widgets.line_input import LineInput


class RuleWords(LineInput):
    """An input that belongs to the match debugger."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RULE_SEARCH)

    def __init__(self, rules: Widget) -> None:
        """Begin empty."""
        super().__init__(placeholder="words of a rule, such as: http nginx", id="rule-words")
        self._rules = rules

    def action_leave(self, clear: bool) -> None:  # noqa: FBT001 - an action has no keywords
        """Go back to the rules; without words, to all of them."""
        if clear:
            self.value = ""
        if not self.value.strip() and isinstance(self.parent, RuleSearch):
            self.parent.display = False
        self.screen.set_focus(self._rules)


class RuleSearch(Horizontal):
    """A line under the match debugger, seen while it is used."""

    DEFAULT_CSS = """
    RuleSearch { height: 1; display: none; background: $panel; }
    RuleSearch > Static { width: auto; color: $accent; text-style: bold; padding: 0 1; }
    RuleSearch > RuleWords { width: 1fr; background: $panel; }
    """

    def __init__(self, rules: Widget, search_for: Callable[[tuple[bytes, ...]], None]) -> None:
        """Begin out of sight.

        Args:
            rules: lists the rules; has the focus again when the words are typed.
            search_for: told the words, in lower case, at every key stroke.
        """
        super().__init__()
        self._rules, self._search_for = rules, search_for

    def compose(self) -> ComposeResult:
        """Label and words."""
        yield Static("rules", markup=False)
        yield RuleWords(self._rules)

    def open(self) -> None:
        """Show the line, ready to type."""
        self.display = True
        self.screen.set_focus(self.query_one(RuleWords))

    @on(Input.Changed)
    def _words_changed(self, event: Input.Changed) -> None:
        event.stop()
        words = event.value.lower().encode("latin-1", "replace").split()
        self._search_for(tuple(words))
