"""Where a line is typed, in a bar or a window."""

from typing import TYPE_CHECKING

from textual import events
from textual.widgets import Input

from vscan_tui.tui.keymap import Scope, bindings

if TYPE_CHECKING:
    from textual.widget import Widget
else:
    Widget = object  # of two bases that are widgets, Textual takes styles from the first alone


class AtOnce(Widget):
    """Does what a key stands for at once, in the order typed.

    Textual takes letters in at once, and keys such as backspace and tab only after
    they have gone through all parents: typed fast, they would change places.
    """

    async def _on_key(self, event: events.Key) -> None:
        active = self.screen.active_bindings.get(event.key)
        if active is None or active.node is not self or event.is_printable:
            return
        event.stop()
        event.prevent_default()
        await self.run_action(active.binding.action)


class LineInput(AtOnce, Input):
    """One line to type in; its cursor stays still, as all that moves without a reason."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        id: str,  # noqa: A002 - Textual's name
        max_length: int = 0,
    ) -> None:
        """Begin with a text.

        Args:
            value: to begin with.
            placeholder: seen while nothing is typed.
            id: Textual's.
            max_length: in letters; 0: as many as one likes.
        """
        super().__init__(
            value,
            placeholder=placeholder,
            id=id,
            max_length=max_length,
            compact=True,
            select_on_focus=False,
        )
        self.cursor_blink = False


class PromptInput(LineInput):
    """The line of a window that asks for one."""

    BINDINGS = bindings(Scope.PROMPT)
