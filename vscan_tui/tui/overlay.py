"""A screen over another one, which is seen dimmed behind it."""

from functools import lru_cache
from typing import TypeVar

from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.css.styles import RulesMap
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.style import Style as TextualStyle
from textual.visual import RenderOptions, Visual

T = TypeVar("T")


class Overlay(ModalScreen[T]):
    """The base of all that is shown over the panes.

    Textual draws what is behind through Rich, cell by cell, each time that anything
    there changes, which takes longer than all else that a key does.
    """

    def render(self) -> RenderableType:
        """Draw what is behind."""
        behind = super().render()
        if isinstance(behind, BackgroundScreen):
            return _Backdrop(behind)  # type: ignore[return-value]  # as any widget may
        return behind


class _Backdrop(Visual):
    """The lines of a screen, each colour of them tinted once."""

    def __init__(self, behind: BackgroundScreen) -> None:
        self._screen, self._colour = behind.screen, behind.color

    def render_strips(
        self,
        width: int,
        height: int | None,
        style: TextualStyle,  # noqa: ARG002 - as Textual has it, here and below
        options: RenderOptions,  # noqa: ARG002
    ) -> list[Strip]:
        tint = self._colour
        strips = self._screen._compositor.render_strips()  # noqa: SLF001 - as Textual does
        lines = [
            Strip(
                [Segment(text, _tinted(style, tint), control) for text, style, control in strip],
                strip.cell_length,
            ).adjust_cell_length(width)
            for strip in strips[:height]
        ]
        lines += [Strip.blank(width)] * ((height or 0) - len(lines))
        return lines

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:  # noqa: ARG002
        return container_width

    def get_height(self, rules: RulesMap, width: int) -> int:  # noqa: ARG002
        return self._screen.size.height


@lru_cache(maxsize=4096)
def _tinted(style: Style | None, tint: Color) -> Style | None:
    ((_, tinted, _),) = BackgroundScreen.process_segments([Segment("", style)], tint)
    return tinted
