"""A pane that is drawn line by line, with a cursor.

Textual's Line API asks for the lines that are seen, and for nothing else, so
that a pane costs the same whether it has ten lines or 65,535.
"""

import re
from collections.abc import Callable, Hashable, Sequence

from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual import events
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.content import Content
from textual.css.styles import StylesBase
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Offset, Region, Size, Spacing
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style as TextualStyle

from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.rendering.line import FILLER, Line, Role, Run, cut_line, wrapped_words
from vscan_tui.tui.themes import Palette, palette

_Title = tuple[Content, Color, Color, TextualStyle]
"""Of a border, with its colours and style."""
# Whoever makes lines makes them printable; this is the last gate before the terminal.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\uffff]"
)


def strip_of(
    line: Line,
    colours: Palette,
    width: int,
    *,
    emphasis: int = 0,
    cursor: str = "",
    bar: bool = False,
) -> Strip:
    """Turn a line into cells of a terminal.

    Args:
        line: what to draw.
        colours: of the theme.
        width: to which the line is filled or cut.
        emphasis: the selected group; 0 for none.
        cursor: "" when the cursor is elsewhere, else "focused" or "resting".
        bar: whether it is a bar across the screen, on the background of one.
    """
    background = colours.panel if bar else colours.background
    if cursor:
        background = colours.cursor_background(focused=cursor == "focused")
    segments = []
    used = 0
    for run in cut_line(line, width).runs:
        text = run.text
        if not (text.isascii() and text.isprintable()):
            text = _UNPRINTABLE.sub(".", text)
        style = colours.style(run, background=background, emphasis=emphasis)
        if run.view:
            style += Style.from_meta({"view": run.view})
        segments.append(Segment(text.replace(FILLER, ""), style))
        used += len(text)
    if used < width:
        blank = colours.style(Run(""), background=background)
        segments.append(Segment(" " * (width - used), blank))
    return Strip(segments, width)


_COUNT_DIGITS = 6


class _WholeLines(StylesCache):
    """Takes the lines of a widget without border and padding as they are.

    Textual looks at a dozen styles for each line, which takes longer than drawing it.
    """

    def render_line(  # noqa: PLR0913, PLR0917 - as Textual has it
        self,
        styles: StylesBase,
        y: int,
        size: Size,
        content_size: Size,
        padding: Spacing,
        base_background: Color,
        background: Color,
        render_content_line: Callable[[int], Strip],
        border_title: _Title | None,
        border_subtitle: _Title | None,
        opacity: float,
        ansi_theme: TerminalTheme,
        native_ansi: bool,  # noqa: FBT001
    ) -> Strip:
        """Draw one line."""
        if size == content_size:
            return render_content_line(y)
        return super().render_line(
            styles, y, size, content_size, padding, base_background, background,
            render_content_line, border_title, border_subtitle, opacity, ansi_theme, native_ansi,
        )  # fmt: skip


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """The base of all panes: lines, a heading that does not scroll, a cursor, a hint."""

    ALLOW_SELECT = False
    BINDINGS = bindings(Scope.PANE)
    DEFAULT_CSS = """
    LineView {
        background: $background;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-gutter: stable;
        scrollbar-size: 1 1;
        scrollbar-background: $background;
        scrollbar-background-hover: $background;
        scrollbar-background-active: $background;
        scrollbar-color: $foreground 30%;
        scrollbar-color-hover: $foreground 45%;
        scrollbar-color-active: $accent;
        scrollbar-corner-color: $background;
    }
    """

    class CursorMoved(Message):
        """The user moved the cursor."""

        def __init__(self, view: "LineView", index: int) -> None:
            """Name the pane and the line."""
            super().__init__()
            self.view = view
            self.index = index

        @property
        def control(self) -> "LineView":
            """The pane."""
            return self.view

    class GroupChosen(Message):
        """The user clicked on what a group captured."""

        def __init__(self, group: int) -> None:
            """Name the group."""
            super().__init__()
            self.group = group

    class ViewChosen(Message):
        """The user clicked on the name of a view."""

        def __init__(self, view: str) -> None:
            """Name the view."""
            super().__init__()
            self.view = view

    class Opened(Message):
        """The user clicked on the line that the cursor was on already."""

    class HeadingDragged(Message):
        """The user dragged the heading of a pane."""

        def __init__(self, view: "LineView", rows: int) -> None:
            """Name the pane, and how many rows down the heading is to go."""
            super().__init__()
            self.view = view
            self.rows = rows

    class HeadingOpened(Message):
        """The user clicked twice on the heading of a pane."""

        def __init__(self, view: "LineView") -> None:
            """Name the pane."""
            super().__init__()
            self.view = view

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self._styles_cache = _WholeLines()
        self.cursor = 0
        self.emphasis = 0
        self._is_dragged = False
        self._count = ""
        self._strips: dict[Hashable, Strip] = {}
        self._palette: Palette | None = None
        self._drawn_size: Size | None = None

    # What a pane says of itself

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def line_at(self, index: int) -> Line:
        """Draw a line, for the present width."""
        raise NotImplementedError

    def heading(self) -> Line:
        """Draw the line that stays on top."""
        raise NotImplementedError

    def foot(self) -> Line | None:
        """Draw the line that stays at the bottom; None for none."""
        return None

    def hint(self) -> str:
        """Say what to do, or what to wait for, when there are no lines."""
        raise NotImplementedError

    def line_key(self, index: int) -> Hashable:
        """Return what identifies the content of a line, for the cache of strips."""
        return index

    def reflow(self) -> None:
        """Fit the content to a new width."""

    # What the program does with a pane

    @property
    def colours(self) -> Palette:
        """The colours of the theme."""
        if self._palette is None:
            self._palette = palette(self.app.current_theme)
        return self._palette

    @property
    def text_width(self) -> int:
        """How many cells a line has."""
        return max(1, self.scrollable_content_region.width)

    @property
    def has_foot(self) -> bool:
        """Whether a line stays at the bottom."""
        return False

    @property
    def page(self) -> int:
        """How many lines are seen at once."""
        return max(1, self.size.height - 1 - self.has_foot)

    @property
    def top(self) -> int:
        """The first line that is seen."""
        return int(self.scroll_offset.y)

    def forget(self) -> None:
        """Draw everything anew."""
        self._strips.clear()
        self.refresh()

    def fit(self) -> None:
        """Tell Textual how many lines there are now."""
        size = Size(0, self.line_count + 1 + self.has_foot)
        if size != self.virtual_size:
            # Setting it in the usual way lays out and repaints the whole screen, for each
            # new port; the scrollbar has its place reserved, so only it can change.
            self.set_reactive(LineView.virtual_size, size)
            self._scroll_update(size)
        self.cursor = max(0, min(self.cursor, self.line_count - 1))

    def refresh_index(self, index: int) -> None:
        """Draw one line anew, if it is seen."""
        row = index - self.top + 1
        if 1 <= row <= self.page:
            self.refresh(Region(0, row, self.size.width, 1))

    def refresh_heading(self) -> None:
        """Draw the heading anew."""
        self.refresh(Region(0, 0, self.size.width, 1))

    def refresh_foot(self) -> None:
        """Draw the line at the bottom anew."""
        self.refresh(Region(0, self.size.height - 1, self.size.width, 1))

    def place_cursor(self, index: int) -> None:
        """Put the cursor on a line, and show that line."""
        index = max(0, min(index, self.line_count - 1))
        old, self.cursor = self.cursor, index
        if old != index:
            self.refresh_index(old)
            self.refresh_index(index)
        self.reveal(index)

    def shown_lines(self) -> list[tuple[int, int]]:
        """Return the lines that are seen, each with its row on the terminal."""
        last = min(self.line_count, self.top + self.page)
        first_row = self.region.y + 1
        return [(index, first_row + index - self.top) for index in range(self.top, last)]

    def go_to_line(self, index: int) -> None:
        """Move the cursor as the user does."""
        self._move_to(index)

    def reveal(self, index: int) -> None:
        """Scroll no further than is needed to see a line."""
        if index < self.top:
            self.jump_to(index)
        elif index >= self.top + self.page:
            self.jump_to(index - self.page + 1)

    def jump_to(self, index: int) -> None:
        """Make a line the first that is seen."""
        if self.size.height:
            self.scroll_to(y=max(0, index), animate=False, force=True)

    def emphasise(self, group: int) -> None:
        """Light up a group; 0 for none."""
        if group != self.emphasis:
            self.emphasis = group
            self.refresh()

    def copied_text(self) -> str:
        """Return what the copy key puts on the clipboard."""
        if not self.line_count:
            return ""
        line = self.line_at(self.cursor)
        return line.copied or line.text.strip()

    # Textual's side

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Leave out the filter that replaces a terminal's own colours: there are none here."""
        filters = super().get_line_filters()
        return [found for found in filters if not isinstance(found, ANSIToTruecolor)]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines; where the pane is on the screen is looked up once for all of them."""
        self._drawn_size = self.size
        try:
            return super().render_lines(crop)
        finally:
            self._drawn_size = None

    def render_line(self, y: int) -> Strip:
        """Draw one line of the pane; the first is the heading."""
        width, height = self._drawn_size or self.size
        if y == 0:
            return strip_of(self.heading(), self.colours, width)
        foot = self.foot() if y == height - 1 and self.has_foot else None
        if foot is not None:
            return strip_of(foot, self.colours, width)
        count = self.line_count
        if count == 0:
            return self._hint_strip(y - 1, width)
        index = self.top + y - 1
        if index >= count:
            return strip_of(Line(), self.colours, width)
        cursor = ""
        if index == self.cursor:
            cursor = "focused" if self.has_focus else "resting"
        key = (self.line_key(index), width, cursor, self.emphasis)
        strip = self._strips.get(key)
        if strip is None:
            if len(self._strips) > 1000:
                self._strips.clear()
            line = self.line_at(index)
            strip = strip_of(line, self.colours, width, emphasis=self.emphasis, cursor=cursor)
            self._strips[key] = strip
        return strip

    def _hint_strip(self, row: int, width: int) -> Strip:
        lines = wrapped_words(self.hint(), width - 2)
        if 1 <= row <= len(lines):
            return strip_of(Line((Run("  "), Run(lines[row - 1], Role.DIM))), self.colours, width)
        return strip_of(Line(), self.colours, width)

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)

    def _theme_changed(self, _: object) -> None:
        self._palette = None
        self.forget()

    def on_resize(self) -> None:
        """Keep the cursor in sight when the pane changes its size."""
        self.reflow()
        self.forget()
        self.fit()
        if self.line_count:
            self.reveal(self.cursor)

    def on_focus(self) -> None:
        """Show where the cursor is."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that the cursor has gone."""
        self._count = ""
        self.refresh()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to drag the heading."""
        self._is_dragged = event.screen_y == self.region.y
        if self._is_dragged:
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag the heading."""
        rows = event.screen_y - self.region.y
        if self._is_dragged and rows:
            self.post_message(self.HeadingDragged(self, rows))

    def on_mouse_up(self) -> None:
        """Let the heading go."""
        if self._is_dragged:
            self._is_dragged = False
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """Select what was clicked on."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        meta = event.style.meta
        if "view" in meta:
            self.post_message(self.ViewChosen(str(meta["view"])))
            return
        if "group" in meta:
            self.post_message(self.GroupChosen(int(meta["group"])))
        if offset.y == 0 and event.chain > 1:
            self.post_message(self.HeadingOpened(self))
        self._clicked(event, offset)

    def _clicked(self, event: events.Click, offset: Offset) -> None:
        index = self.top + offset.y - 1
        if 0 < offset.y <= self.page and index < self.line_count:
            if event.chain > 1:
                self.post_message(self.Opened())
            self._move_to(index)

    def _move_to(self, index: int) -> None:
        if not self.line_count:
            return
        index = max(0, min(index, self.line_count - 1))
        self.place_cursor(index)
        self.post_message(self.CursorMoved(self, index))

    def on_key(self, event: events.Key) -> None:
        """Collect the digits of a count, such as that of `5 j`."""
        character = event.character or " "
        if character in "123456789" or (character == "0" and self._count):
            self._count = (self._count + character)[-_COUNT_DIGITS:]
            event.stop()

    def _taken_count(self, default: int = 1) -> int:
        """Return the count that was typed, and begin a new one."""
        count, self._count = int(self._count or default), ""
        return count

    def action_cursor_up(self) -> None:
        """One line up."""
        self._move_to(self.cursor - self._taken_count())

    def action_cursor_down(self) -> None:
        """One line down."""
        self._move_to(self.cursor + self._taken_count())

    def action_page_up(self) -> None:
        """One page up."""
        self._move_to(self.cursor - self._taken_count() * self.page)

    def action_page_down(self) -> None:
        """One page down."""
        self._move_to(self.cursor + self._taken_count() * self.page)

    def action_half_up(self) -> None:
        """Half a page up."""
        self._move_to(self.cursor - self._taken_count() * max(1, self.page // 2))

    def action_half_down(self) -> None:
        """Half a page down."""
        self._move_to(self.cursor + self._taken_count() * max(1, self.page // 2))

    def action_first(self) -> None:
        """To the first line; with a count, to that line."""
        self._move_to(self._taken_count() - 1)

    def action_last(self) -> None:
        """To the last line; with a count, to that line."""
        self._move_to(self._taken_count(self.line_count) - 1)


class LinesView(LineView):
    """A pane whose few lines are all made beforehand."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self._lines: Sequence[Line] = ()

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def line_at(self, index: int) -> Line:
        """Return a line."""
        return self._lines[index]

    def line_key(self, index: int) -> Hashable:
        """Return the line itself: equal lines look alike."""
        return self._lines[index]

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Replace the lines; only those that differ are drawn anew."""
        old, self._lines = self._lines, lines
        if len(old) != len(lines):
            self.fit()
            self.refresh()
            return
        for index, (before, after) in enumerate(zip(old, lines, strict=True)):
            if before != after:
                self.refresh_index(index)
