"""Jump labels: a letter on every pane and line, to go there with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Offset
from textual.widgets import Static

from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.overlay import Overlay

_LETTERS = "asdfghjklqwertyuiopzxcvbnm"


@dataclass(frozen=True, slots=True)
class JumpTarget:
    """A place on the screen."""

    offset: Offset
    """Of the label, in cells from the top left corner of the screen."""
    go: Callable[[], None]
    """Goes there."""


def labels(count: int) -> list[str]:
    """Make labels of which none begins another: of one letter each, if there are enough."""
    if count <= len(_LETTERS):
        return list(_LETTERS[:count])
    return ["".join(pair) for pair in product(_LETTERS, repeat=2)][:count]


class JumpScreen(Overlay[None]):
    """Shows the labels, and takes the letters."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.JUMP)
    DEFAULT_CSS = """
    JumpScreen { background: $background 35%; }
    JumpScreen Static {
        position: absolute; width: auto; height: 1; padding: 0;
        background: $accent; color: $background; text-style: bold;
    }
    """

    def __init__(self, targets: Sequence[JumpTarget]) -> None:
        """Offer these; more than there are labels for are left out."""
        super().__init__()
        self._targets = dict(zip(labels(len(targets)), targets, strict=False))
        self._typed = ""

    def compose(self) -> ComposeResult:
        """A label on each target."""
        for label, target in self._targets.items():
            widget = Static(label, markup=False)
            widget.styles.offset = target.offset
            yield widget

    def on_key(self, event: events.Key) -> None:
        """Take a letter of a label; whatever fits none closes the labels."""
        if not event.is_printable or event.key in self.active_bindings:
            return
        event.stop()
        self._typed += (event.character or "").lower()
        target = self._targets.get(self._typed)
        if target is not None:
            self.dismiss()
            target.go()
        elif not any(label.startswith(self._typed) for label in self._targets):
            self.dismiss()
