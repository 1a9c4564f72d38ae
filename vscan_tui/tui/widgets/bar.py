"""A line across the screen that is told what to show: title, notice, status."""

from textual.strip import Strip
from textual.widget import Widget

from vscan_tui.tui.rendering.line import Line
from vscan_tui.tui.themes import Palette, palette
from vscan_tui.tui.widgets.line_view import strip_of


class Bar(Widget):
    """One line; drawn anew only when it differs."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Bar { height: 1; width: 1fr; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self._line = Line()
        self._colours: Palette | None = None

    @property
    def text(self) -> str:
        """What is shown."""
        return self._line.text

    def show(self, line: Line) -> None:
        """Show a line."""
        if line != self._line:
            self._line = line
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw the line."""
        if self._colours is None:
            self._colours = palette(self.app.current_theme)
        shown = self._line if y == 0 else Line()
        return strip_of(shown, self._colours, self.size.width, bar=True)

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)

    def _theme_changed(self, _: object) -> None:
        self._colours = None
        self.refresh()
