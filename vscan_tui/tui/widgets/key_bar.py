"""The footer: the most useful keys, as many as there is room for."""

from collections.abc import Callable, Collection

from textual import events
from textual.binding import Binding
from textual.dom import DOMNode
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from vscan_tui.tui.keymap import PLACES
from vscan_tui.tui.rendering.line import Line, Role, Run, merged
from vscan_tui.tui.themes import Palette, palette
from vscan_tui.tui.widgets.line_view import strip_of

KeyDisplay = Callable[[Binding], str]
_FIRST = (
    "step.step",
    "step.over",
    "step.run",
    "step.skip",
    "step.choose",
    "step.again",
    "step.stop",
    "compose.send",
    "compose.leave",
    "compose.help",
    "compose.over",
    "compose.form",
    "compose.probe",
    "compose.history",
    "compose.file",
    "compose.rules",
    "debugger.next_part",
    "debugger.rules",
    "debugger.next",
    "debugger.search",
    "editor.leave",
    "workbench.save",
    "workbench.close",
    "workbench.help",
    "workbench.draft",
    "workbench.export",
    "program.help",
    "program.quit",
    "find.filter",
    "response.find",
    "response.select",
    "response.sent",
    "scan.pause",
    "by_hand.step",
    "by_hand.compose",
    "find.next",
    "panes.zoom",
    "panes.copy",
)
"""The last to go when there is little room."""


class KeyBar(Widget):
    """One line of keys; a click does what the key does.

    Textual's own footer is made of one widget for each key, which are made
    anew each time the cursor goes to another pane.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyBar { height: 1; width: 1fr; }
    """

    def __init__(
        self,
        *,
        id: str,  # noqa: A002 - Textual's name
        left_out: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """Begin empty.

        Args:
            id: Textual's.
            left_out: returns the ids of commands that are not shown, because they can do nothing.
        """
        super().__init__(id=id)
        self._left_out = left_out
        self._colours: Palette | None = None
        self._line = Line()

    def on_mount(self) -> None:
        """Follow the keys that work, and the theme."""
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)

    def on_resize(self) -> None:
        """Show as many keys as fit."""
        self._update()

    def _bindings_updated(self, _: Screen[object]) -> None:
        self._update()

    def _theme_changed(self, _: object) -> None:
        self._colours = None
        self.refresh()

    def _update(self) -> None:
        line = key_line(self._shown(), self._display, self.size.width)
        if line != self._line:
            self._line = line
            self.refresh()

    def _display(self, binding: Binding) -> str:
        return self.app.get_key_display(binding)

    def _shown(self) -> list[Binding]:
        """Return the bindings to show, each action once; not those that would be typed."""
        found: dict[str, Binding] = {}
        nodes: list[DOMNode] = []
        order: dict[str, tuple[bool, int, int]] = {}
        left_out = self._left_out()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if active.node not in nodes:
                nodes.append(active.node)
            is_shown = binding.show and active.enabled and binding.id not in left_out
            if is_shown and binding.action not in found:
                found[binding.action] = binding
                # in the registry's order, whichever keys the user chose
                place = PLACES.get(binding.id or "", len(PLACES))
                is_general = active.node is self.app
                order[binding.action] = is_general, nodes.index(active.node), place
        return sorted(found.values(), key=lambda binding: order[binding.action])

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        if self._colours is None:
            self._colours = palette(self.app.current_theme)
        return strip_of(self._line if y == 0 else Line(), self._colours, self.size.width, bar=True)

    def on_click(self, event: events.Click) -> None:
        """Do what the key does that was clicked on."""
        key = event.style.meta.get("view")
        if key:
            self.app.simulate_key(str(key))


def key_line(bindings: list[Binding], display: KeyDisplay, width: int) -> Line:
    """Draw keys with what they do; without room, the less important are left out."""
    chosen = list(bindings)
    for binding in sorted(bindings, key=_importance, reverse=True):
        if _width(chosen, display, gap=1) <= width or len(chosen) == 1:
            break
        chosen.remove(binding)
    gap = 2 if _width(chosen, display, gap=2) <= width else 1
    runs: list[Run] = []
    for binding in chosen:
        runs.append(Run(f" {display(binding)} ", Role.CHOSEN, view=binding.key))
        runs.append(Run(binding.description, Role.DIM, view=binding.key))
        runs.append(Run(" " * (gap - 1)))
    return Line(merged(runs))


def _importance(binding: Binding) -> int:
    return _FIRST.index(binding.id) if binding.id in _FIRST else len(_FIRST)


def _width(bindings: list[Binding], display: KeyDisplay, *, gap: int) -> int:
    return sum(len(display(binding)) + len(binding.description) + 1 + gap for binding in bindings)
