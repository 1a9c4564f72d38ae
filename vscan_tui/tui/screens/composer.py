"""Where payloads are written, looked at, and sent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.dom import DOMNode
from textual.events import Click
from textual.message import Message
from textual.widgets import Input, Static, TextArea
from textual.widgets.text_area import DocumentBase, Edit, EditResult, Location

from vscan_tui.probedb.combined import CombinedProbe, ProbeDatabases
from vscan_tui.probedb.escapes import escape
from vscan_tui.probedb.payload_text import MAX_PAYLOAD_BYTES, Form, write_payloads
from vscan_tui.scanning.by_hand.draft import Draft, DraftError
from vscan_tui.scanning.by_hand.requests import ANY_PROBE
from vscan_tui.session.wording import printable, readable
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.rendering.composer import (
    fault_line,
    how_line,
    preview_lines,
    preview_title,
    target_text,
)
from vscan_tui.tui.rendering.line import Line, Role, Run, column, heading
from vscan_tui.tui.rendering.probe import probe_line, probe_words
from vscan_tui.tui.screens.pick import Choice, PickScreen
from vscan_tui.tui.widgets.bar import Bar
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_input import AtOnce, LineInput, PromptInput
from vscan_tui.tui.widgets.line_view import LinesView, LineView

_PREVIEW = 512
"""Bytes of a payload that a list shows."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A payload that was sent in this session."""

    probe: str
    where: str
    """The port, in words."""
    payload: bytes


def probe_choices(probes: Sequence[CombinedProbe]) -> list[Choice[CombinedProbe]]:
    """Make a list to choose from of probes."""
    return [
        Choice(
            probe,
            lambda width, probe=probe: probe_line(probe, width),  # type: ignore[misc]
            probe_words(probe),
            escape(probe.payload[:_PREVIEW]),
        )
        for probe in probes
    ]


def _earlier_choices(history: Sequence[Earlier]) -> list[Choice[Earlier]]:
    def line(earlier: Earlier) -> Line:
        name = column(printable(earlier.probe), 20)
        where = column(printable(earlier.where), 24)
        size = f"{len(earlier.payload):>6} B  "
        return Line((Run(f"{name} ", Role.STRONG), Run(f"{where} "), Run(size, Role.DIM)))

    return [
        Choice(
            each,
            lambda _, each=each: line(each),  # type: ignore[misc]
            f"{each.probe} {each.where}".lower(),
            escape(each.payload[:_PREVIEW]),
        )
        for each in history
    ]


class PayloadText(AtOnce, TextArea):
    """Where payloads are written."""

    class BegunAnew(Message):
        """All that was written is replaced."""

    @property
    def is_selected(self) -> bool:
        """Whether all that is written is selected."""
        return _is_whole(self.document, *self.selection)

    def edit(self, edit: Edit) -> EditResult:
        """Make a change, and tell if it leaves nothing of what was there."""
        if _is_whole(self.document, edit.top, edit.bottom):
            self.post_message(self.BegunAnew())
        return super().edit(edit)


def _is_whole(document: DocumentBase, start: Location, end: Location) -> bool:
    return start != end and {start, end} == {document.start, document.end}


class PreviewLines(LinesView):
    """The bytes that would be sent."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name
        """Begin empty."""
        super().__init__(id=id)
        self._draft: Draft | None = None

    def heading(self) -> Line:
        """Count the bytes."""
        title = "what is sent" if self._draft is None else preview_title(self._draft.payloads)
        return heading(title, self.size.width, focused=self.has_focus)

    def hint(self) -> str:
        """Say what will be seen here."""
        return "The bytes that are sent are shown here."

    def show(self, draft: Draft) -> None:
        """Show the bytes of a draft."""
        self._draft = draft
        self.reflow()
        self.refresh_heading()

    def reflow(self) -> None:
        """Fit the lines to the width."""
        if self._draft is not None:
            self.show_lines(preview_lines(self._draft.payloads, self.text_width))


class _How(Bar):
    """How it goes out; a click changes it."""

    async def on_click(self, event: Click) -> None:
        """Do what changes the part that was clicked on."""
        action = event.style.meta.get("view")
        if action:
            await self.run_action(f"screen.{action}")


class ComposerScreen(Overlay[Draft | None]):
    """Payloads are written and changed here; returns the draft to send, or None."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.COMPOSER)
    DEFAULT_CSS = """
    ComposerScreen { layout: vertical; background: $background; }
    ComposerScreen TextArea { height: 5fr; min-height: 3; background: $surface; }
    #compose-times { height: 1; }
    #compose-times Static { width: auto; padding: 0 1; color: $foreground 70%; }
    #compose-times Input { width: 9; background: $panel; }
    #compose-hint { height: 1; width: 1fr; }
    #compose-preview { height: 6fr; }
    """

    def __init__(self, draft: Draft, databases: ProbeDatabases, history: Sequence[Earlier]) -> None:
        """Begin with a draft.

        Args:
            draft: what to begin with.
            databases: whose probes can be inserted, and matched with.
            history: payloads of this session, the newest first.
        """
        super().__init__()
        self.draft = draft
        self._begun_with = draft.text
        self._has_chosen_rules = False
        self._databases = databases
        self._history = history

    def command_places(self) -> Mapping[Scope, DOMNode]:
        """Where the commands of each scope that works on this screen are carried out."""
        return {Scope.COMPOSER: self}

    @property
    def unsent(self) -> bytes:
        """What was written, and differs from what it began with."""
        read = self.draft.payloads
        is_new = self.draft.text != self._begun_with and read.fault is None
        return b"".join(read.payloads) if is_new else b""

    def compose(self) -> ComposeResult:
        """Title, how it goes out, the text, its bytes, keys."""
        yield Bar(id="compose-title")
        yield _How(id="compose-how")
        with Horizontal(id="compose-times"):
            yield Static("times", markup=False)
            yield LineInput(str(self.draft.times), id="compose-count")
            yield Static("wait", markup=False)
            yield LineInput(str(self.draft.wait_ms), id="compose-wait")
            yield Static("ms", markup=False)
            yield Static(
                "--- alone on a line begins the next payload", markup=False, id="compose-hint"
            )
        yield PayloadText(self.draft.text, compact=True, id="compose-text")
        yield Bar(id="compose-fault")
        yield PreviewLines(id="compose-preview")
        yield KeyBar(id="compose-keys")

    def on_mount(self) -> None:
        """Begin with the cursor in the text."""
        text = self.query_one(TextArea)
        text.cursor_blink = False
        text.select_all()  # whoever types writes a payload of their own, whoever moves edits
        text.focus()
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Fit to the width."""
        self.call_after_refresh(self._show)

    def _show(self, complaint: str = "") -> None:
        width = self.size.width
        fault = self.draft.payloads.fault
        title = f"compose  for {target_text(self.draft.target)}"
        self.query_one("#compose-title", Bar).show(heading(title, width, focused=True))
        self.query_one("#compose-how", Bar).show(how_line(self.draft, width))
        text = complaint or (str(fault) if fault is not None else "")
        self.query_one("#compose-fault", Bar).show(fault_line(text, width))
        self.query_one(PreviewLines).show(self.draft)

    # What is typed

    @on(TextArea.Changed)
    def _text_changed(self, event: TextArea.Changed) -> None:
        self.draft = replace(self.draft, text=event.text_area.text)
        self._show()

    @on(PayloadText.BegunAnew)
    def _begun_anew(self) -> None:
        """It is no longer the payload of that probe."""
        if not self._has_chosen_rules:
            self.draft = replace(self.draft, probe=ANY_PROBE)

    @on(Input.Changed, "#compose-count")
    def _count_changed(self, event: Input.Changed) -> None:
        self.draft = replace(self.draft, times=_number(event.value))
        self._show()

    @on(Input.Changed, "#compose-wait")
    def _wait_changed(self, event: Input.Changed) -> None:
        self.draft = replace(self.draft, wait_ms=_number(event.value))
        self._show()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.query_one(TextArea).focus()

    @on(LineView.CursorMoved)
    def _stay(self, event: LineView.CursorMoved) -> None:
        event.stop()

    # Actions

    def action_leave(self) -> None:
        """Close without sending."""
        self.dismiss(None)

    def action_send(self) -> None:
        """Send it, if it can be sent."""
        try:
            self.draft.composition()
        except DraftError as error:
            self._show(str(error))
            return
        self.dismiss(self.draft)

    def action_over(self) -> None:
        """Send over the next of TCP, TLS and UDP."""
        self.draft = self.draft.next_over()
        self._show()

    def action_form(self) -> None:
        """Write the same bytes the other way."""
        other = Form.HEX if self.draft.form is Form.TEXT else Form.TEXT
        self.draft = self.draft.in_form(other)
        self.query_one(TextArea).text = self.draft.text
        fault = self.draft.payloads.fault
        self._show(f"{fault}; put it right first" if fault is not None else "")

    def action_connection(self) -> None:
        """Send all on one connection, or each payload on its own."""
        self.draft = replace(self.draft, one_connection=not self.draft.one_connection)
        self._show()

    def action_probe(self) -> None:
        """Insert the payload of a probe."""
        self.app.push_screen(
            PickScreen("insert a probe", probe_choices(self._databases.probes), _WORDS),
            self._insert_probe,
        )

    def _insert_probe(self, probe: CombinedProbe | None) -> None:
        if probe is not None:
            self._insert(probe.payload, probe.name)

    def action_history(self) -> None:
        """Insert a payload of this session."""
        choices = _earlier_choices(self._history)
        self.app.push_screen(
            PickScreen("insert an earlier payload", choices, _WORDS), self._insert_earlier
        )

    def _insert_earlier(self, earlier: Earlier | None) -> None:
        if earlier is not None:
            self._insert(earlier.payload, earlier.probe)

    def action_file(self) -> None:
        """Insert the bytes of a file."""
        self.app.push_screen(PathScreen(), self._read_file)

    def _read_file(self, path: str | None) -> None:
        if path:
            self.run_worker(self._insert_file(path), name="read a payload", exit_on_error=False)

    async def _insert_file(self, path: str) -> None:
        try:
            data = await asyncio.to_thread(_read, path)
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            self._show(readable(f"{path}: cannot read it: {reason}"))
            return
        if len(data) > MAX_PAYLOAD_BYTES:
            self._show(readable(f"{path}: larger than {MAX_PAYLOAD_BYTES:,} bytes, the most here"))
            return
        self._insert(data, "")

    def action_rules(self) -> None:
        """Choose whose rules the answers are matched with."""
        every: Choice[str] = Choice(
            ANY_PROBE,
            lambda _: Line((Run("all probes, in the order of the databases", Role.STRONG),)),
            "all probes",
            "",
        )
        named = [
            Choice(each.value.name, each.line, each.words, each.preview)
            for each in probe_choices(
                [
                    probe
                    for probe in self._databases.probes
                    if probe.protocol == self.draft.target.protocol
                ]
            )
        ]
        self.app.push_screen(
            PickScreen("match with the rules of", [every, *named], _WORDS), self._match_with
        )

    def _match_with(self, probe: str | None) -> None:
        if probe is not None:
            self._has_chosen_rules = True
            self.draft = replace(self.draft, probe=probe)
            self._show()

    def _insert(self, payload: bytes, probe: str) -> None:
        """Put bytes where the cursor is; in place of a text that nobody has touched.

        Then they bring their rules with them.
        """
        text = self.query_one(PayloadText)
        if text.is_selected or text.text in {"", self._begun_with}:
            text.text = ""
            self.draft = replace(self.draft, text="")
            known = self._databases.find(probe, self.draft.target.protocol)
            self.draft = replace(self.draft, probe=probe if known is not None else ANY_PROBE)
        text.replace(write_payloads([payload], self.draft.form), *text.selection)
        text.focus()


class PathScreen(Overlay[str | None]):
    """Asks for a file."""

    DEFAULT_CSS = """
    PathScreen { align: center middle; }
    #path-box {
        width: 72; max-width: 96%; height: auto; background: $background;
        border: round $accent; padding: 0 1;
    }
    #path-box Input { background: $panel; }
    """

    def compose(self) -> ComposeResult:
        """One line to type."""
        with Vertical(id="path-box"):
            yield Static("Insert the bytes of which file?", markup=False)
            yield PromptInput(placeholder="~/payload.bin", id="path")
            yield KeyBar(id="path-keys")

    def on_mount(self) -> None:
        """Be ready to type."""
        self.query_one(PromptInput).focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)


_WORDS = "words of its name, a port, a service"


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _read(path: str) -> bytes:
    with Path(path).expanduser().open("rb") as file:
        return file.read(MAX_PAYLOAD_BYTES + 1)
