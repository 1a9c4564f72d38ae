"""How the screen is divided among its panes, once the user has changed that."""

from collections.abc import Mapping
from dataclasses import dataclass, field

SMALLEST_SHARE, LARGEST_SHARE = 0.15, 0.85
STEP = 0.05
"""Of the whole: what one key press gives or takes."""
LARGEST = 10_000.0
"""Weights are cells at first, and no terminal has as many."""
_GROWTH = 1.25
_SMALLEST_HEIGHT = 2.0
"""Cells: a heading, and a line."""


@dataclass(frozen=True, slots=True)
class Proportions:
    """What the user has chosen; all else is as the stylesheet has it."""

    share: float | None = None
    """Of the ports beside the details, or above them; None: not chosen."""
    heights: Mapping[str, float] = field(default_factory=dict)
    """Weights of the panes of the details by their id; empty: not chosen."""

    def with_share(self, share: float) -> "Proportions":
        """Give the ports a share, within bounds."""
        bounded = min(LARGEST_SHARE, max(SMALLEST_SHARE, share))
        return Proportions(bounded, self.heights)

    def grown(self, pane: str, heights: Mapping[str, float], steps: int) -> "Proportions":
        """Give a pane more of the height, or less.

        Args:
            pane: its id.
            heights: weights of all panes in the column, as they are now.
            steps: how often; negative for less.
        """
        whole = sum(heights.values())
        others = whole - heights[pane]
        room = whole - _SMALLEST_HEIGHT * (len(heights) - 1)
        height = max(_SMALLEST_HEIGHT, min(room, heights[pane] * _GROWTH**steps))
        scale = (whole - height) / others if others else 1.0
        weights = {id_: weight * scale for id_, weight in heights.items()}
        return Proportions(self.share, {**self.heights, **weights, pane: height})

    def dragged(
        self, above: str, below: str, heights: Mapping[str, float], rows: int
    ) -> "Proportions":
        """Move the border between two panes of the details.

        Args:
            above: id of the pane above the border.
            below: id of the pane below it.
            heights: cells of all panes in the column, as they are now.
            rows: how far down; negative for up.
        """
        room = heights[above] + heights[below]
        smallest = min(_SMALLEST_HEIGHT, room / 2)
        taken = min(room - smallest, max(smallest, heights[above] + rows))
        weights = {**heights, above: taken, below: room - taken}
        return Proportions(self.share, {**self.heights, **weights})
