"""What the rule on trial would do to each response of the session."""

from collections.abc import Hashable, Sequence

from vscan_tui.matching.trial import Finding
from vscan_tui.tui.rendering.line import Line, Run, heading
from vscan_tui.tui.rendering.workbench import finding_row, in_order, summary_runs
from vscan_tui.tui.widgets.line_view import LineView


class FindingList(LineView):
    """A line for each response; those that need a look come first."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self._findings: Sequence[Finding] = ()
        self._order: list[int] = []
        self.told = "The rule is tried on every response of this session."

    @property
    def line_count(self) -> int:
        """How many responses there are."""
        return len(self._order)

    @property
    def place(self) -> int | None:
        """The place, among all responses, of the one that the cursor is on."""
        return self._order[self.cursor] if self._order else None

    @property
    def findings(self) -> Sequence[Finding]:
        """What was found of all responses."""
        return self._findings

    def line_at(self, index: int) -> Line:
        """Draw what becomes of a response."""
        return finding_row(self._findings[self._order[index]], self.text_width)

    def line_key(self, index: int) -> Hashable:
        """Return what identifies a line."""
        return id(self._findings), index

    def heading(self) -> Line:
        """Count what the rule does."""
        right: tuple[Run, ...] = summary_runs(self._findings) if self._findings else ()
        title = "responses of this session"
        return heading(title, self.size.width, focused=self.has_focus, right=right)

    def hint(self) -> str:
        """Say why nothing is listed."""
        return self.told

    def show(self, findings: Sequence[Finding], place: int | None) -> None:
        """List what was found, the cursor on the response at a place."""
        self._findings = findings
        self._order = in_order(findings)
        self.cursor = self._order.index(place) if place in self._order else 0
        self.forget()
        self.fit()
        if self._order:
            self.reveal(self.cursor)
