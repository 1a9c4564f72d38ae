"""The rule workbench: write a rule, see what it hits, save it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widgets import TextArea

from vscan_tui.events import Event, Match
from vscan_tui.matching.draft import draft
from vscan_tui.matching.explain import Fate
from vscan_tui.matching.investigation import Investigation
from vscan_tui.matching.matcher import MAX_RESPONSE_BYTES
from vscan_tui.matching.rule_syntax import Completion
from vscan_tui.matching.searching import MAX_RESPONSES, Searcher, SearchError, TooSlowError
from vscan_tui.matching.trial import (
    Finding,
    LineFault,
    SearchOutcome,
    Subject,
    applies,
    checked,
    findings,
)
from vscan_tui.probedb.model import Rule
from vscan_tui.probedb.overlay import OverlayError, ProbeHead, SavedRule, overlay_path, save_rule
from vscan_tui.probedb.writing import rule_line
from vscan_tui.session.new_rule import after_new_rule
from vscan_tui.session.store import Exchange, Port, Store
from vscan_tui.session.wording import port_text, printable, readable
from vscan_tui.tui.keymap import Scope, bindings
from vscan_tui.tui.rendering.debugger import Chosen, laid_over
from vscan_tui.tui.rendering.line import Line, Role, Run, cut, heading
from vscan_tui.tui.rendering.workbench import completion_line, saved_text, verdict_lines
from vscan_tui.tui.widgets.bar import Bar
from vscan_tui.tui.widgets.findings import FindingList
from vscan_tui.tui.widgets.hexdump import Hexdump
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_view import LineView
from vscan_tui.tui.widgets.rule_editor import RuleEditor

Submission = Callable[[Port, str, str], str]
"""Port, rule and name of the probe to a text for whoever keeps a probe database."""

_REST = 0.15
"""Seconds that the keys rest before a rule is tried."""
_OTHERS = 400
"""So many responses of other services are held against a draft."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the workbench is opened on."""

    port: Port | None = None
    exchange: Exchange | None = None
    rule: Match | Rule | None = None
    """The rule to begin with; None: one is drafted, if there is a response."""


class WorkbenchScreen(Screen[None]):
    """Editor, verdict, responses, and the response under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.WORKBENCH)
    DEFAULT_CSS = """
    WorkbenchScreen { layout: vertical; background: $background; }
    #workbench-editor { height: 20%; min-height: 4; max-height: 7; }
    #workbench-verdict { height: 2; }
    #workbench-findings { height: 5fr; min-height: 4; }
    #workbench-response { height: 6fr; min-height: 4; }
    """
    ESCAPE_TO_MINIMIZE = False

    def __init__(
        self,
        store: Store,
        investigation: Investigation,
        origin: Origin,
        *,
        on_saved: Callable[[Sequence[Event]], None],
        submission: Submission | None = None,
    ) -> None:
        """Open on a response, on a rule, or on nothing.

        Args:
            store: the session.
            investigation: answers with the databases of the session.
            origin: what to begin with.
            on_saved: told what a rule that was saved makes of the session.
            submission: writes a rule as text for whoever keeps a database.
        """
        super().__init__()
        self._store = store
        self._investigation = investigation
        self._origin = origin
        self._on_saved = on_saved
        self._submission = submission
        self._places = _places(store, origin)
        self._subjects: list[Subject] = []
        self._place = _place_of(self._places, origin.exchange)
        self._heads: tuple[ProbeHead, ...] = ()
        self._head = ProbeHead("tcp", "NULL", b"")
        self._checked: Rule | LineFault | None = None
        self._trouble = ""
        self._tried_text = ""
        self._saved: dict[str, str] = {}
        """For each probe, the line that was saved last: saving again replaces it."""
        self._searcher = Searcher(())
        self._wanted = asyncio.Event()
        self._title = Bar(id="workbench-title")
        self._editor_title = Bar(id="workbench-heading")
        self._verdict = Bar(id="workbench-said")
        self._completion = Bar(id="workbench-completion")
        self._message = Bar(id="workbench-message")
        self.editor = RuleEditor("", id="workbench-rule")
        self.findings = FindingList(id="workbench-findings")
        self.response = Hexdump(id="workbench-response")

    def command_places(self) -> Mapping[Scope, DOMNode]:
        """Where the commands of each scope that works on this screen are carried out."""
        return {Scope.WORKBENCH: self}

    def compose(self) -> ComposeResult:
        """Title, editor, verdict, responses, response, keys."""
        yield self._title
        with Vertical(id="workbench-editor"):
            yield self._editor_title
            yield self.editor
        with Vertical(id="workbench-verdict"):
            yield self._verdict
            yield self._completion
        yield self.findings
        yield self.response
        yield self._message
        yield KeyBar(id="workbench-keys")

    def on_mount(self) -> None:
        """Begin to write; what takes time is begun meanwhile."""
        self._show_titles()
        self.editor.focus()
        self._show_response()
        self.findings.told = "Looking at the responses of this session …"
        self.run_worker(self._work(), group="workbench", exit_on_error=False)

    async def on_unmount(self) -> None:
        """End the process that searches."""
        await self._searcher.close()

    def on_resize(self) -> None:
        """Fit the bars."""
        self._show_titles()
        self._show_verdict()

    # Finding out

    async def _work(self) -> None:
        """Prepare, then try each text that is written, one after the other."""
        await self._prepare()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await asyncio.sleep(_REST)
            if not self._wanted.is_set():
                await self._try(self.editor.text)

    async def _prepare(self) -> None:
        self._subjects = [_subject(port, exchange) for port, exchange in self._places]
        self._heads = await asyncio.to_thread(_heads, self._investigation)
        self.editor.services = await asyncio.to_thread(_services, self._investigation)
        origin = self._origin
        self._head = self._head_for(origin)
        self._searcher = Searcher([subject.response for subject in self._subjects])
        text = ""
        if origin.rule is not None:
            text = rule_line(origin.rule)
            if Path(origin.rule.file).name == overlay_path().name:
                self._saved[self._head.name] = text
        elif origin.exchange is not None and origin.exchange.response:
            text = await asyncio.to_thread(self._drafted)
        if text and not self.editor.text:
            self._set_text(text)
        self._show_titles()
        self._wanted.set()

    def _head_for(self, origin: Origin) -> ProbeHead:
        """The probe whose responses the rule is for."""
        protocol = origin.port.endpoint.protocol if origin.port is not None else "tcp"
        names = [origin.exchange.probe] if origin.exchange is not None else []
        if isinstance(origin.rule, Match):
            names.insert(0, origin.rule.probe)
        names.append("NULL")
        return next(
            (
                head
                for name in names
                for head in self._heads
                if (head.protocol, head.name) == (protocol, name)
            ),
            ProbeHead(protocol, names[0], origin.exchange.payload if origin.exchange else b""),
        )

    def _drafted(self) -> str:
        subject = self._subjects[self._place] if self._place is not None else None
        if subject is None:
            return ""
        now = subject.match.service if subject.match is not None else ""
        others = [  # a response that no rule knows may well be of the same service
            other.response
            for other in self._subjects
            if other.match is not None and other.match.service != now
        ]
        return rule_line(draft(subject.response, others=others[:_OTHERS]).rule)

    async def _try(self, text: str) -> None:
        found = await asyncio.to_thread(checked, text)
        trouble = ""
        outcomes: dict[int, SearchOutcome] = {}
        if isinstance(found, Rule):
            try:
                searched = await self._searcher.search(found.pattern, found.flags)
            except TooSlowError:
                trouble = (
                    "This regex takes too long on the responses of this session: "
                    "make it less ambiguous. It cannot be saved."
                )
            except SearchError as error:
                trouble = f"It cannot be tried: {error}"
            else:
                outcomes |= searched.spans
                outcomes |= dict.fromkeys(searched.limits, "limit")
        if text != self.editor.text:
            return
        self._checked, self._trouble, self._tried_text = found, trouble, text
        self._show_found(outcomes)
        await self._show_how_far()

    async def _show_how_far(self) -> None:
        """Of a rule that misses the response that is looked at, show how far it goes."""
        rule, finding = self._checked, self._finding
        if not isinstance(rule, Rule) or self._trouble or finding is None or finding.spans:
            return
        place = self.findings.place
        found = await asyncio.to_thread(self._investigation.dissect, rule, finding.subject.response)
        if self._checked is rule and self.findings.place == place:
            chosen = Chosen(rule, Fate.FAILED, "", self._head.name, dissection=found)
            self.response.show_rule((), laid_over(chosen))

    def _show_found(self, outcomes: dict[int, SearchOutcome]) -> None:
        rule = self._checked
        shown: Sequence[Finding] = ()
        if isinstance(rule, Rule) and not self._trouble:
            shown = findings(rule, self._head, self._subjects[: self._searcher.count], outcomes)
        self.findings.told = (
            "No response has come in this session." if not self._subjects
            else "Nothing to try yet: the rule is not right."
        )  # fmt: skip
        self.findings.show(shown, self._place)
        self.editor.show_fault(rule.column if isinstance(rule, LineFault) else None)
        self._show_response()

    # Showing

    def _show_titles(self) -> None:
        width = self.app.size.width
        head = self._head
        text = f" rule workbench · for responses to {printable(head.name)} ({head.protocol})"
        origin = self._origin
        if origin.port is not None:
            text += f" · from {port_text(origin.port)} of {printable(origin.port.endpoint.address)}"
        self._title.show(Line((Run(cut(text, width), Role.STRONG),)))
        self._editor_title.show(heading("rule", width, focused=True))

    def _show_verdict(self) -> None:
        lines = verdict_lines(
            self._checked, self._trouble, self._finding, max(1, self.app.size.width - 1)
        )
        self._verdict.show(lines[0])

    @property
    def _finding(self) -> Finding | None:
        place = self.findings.place
        return None if place is None else self.findings.findings[place]

    def _show_response(self) -> None:
        finding = self._finding
        place = self.findings.place
        if place is None:
            place = self._place
        if place is None or place >= len(self._places):
            self.response.show(None, None)
        else:
            self.response.show(*self._places[place])
            if finding is not None or not isinstance(self._checked, Rule):
                self.response.show_rule(finding.spans if finding is not None else (), ())
        self.editor.captured = _captured(finding)
        self._show_verdict()

    def _say(self, text: str, role: Role = Role.PLAIN) -> None:
        self._message.show(Line((Run(cut(f" {readable(text)}", self.app.size.width), role),)))

    def _set_text(self, text: str) -> None:
        """Replace the whole line, so that undo brings the old one back."""
        editor = self.editor
        editor.history.checkpoint()
        editor.replace(text, (0, 0), editor.document.end)
        editor.history.checkpoint()
        editor.move_cursor(editor.document.end)

    # What happens

    @on(TextArea.Changed)
    def _text_changed(self) -> None:
        self._checked = None
        self._show_verdict()
        self._wanted.set()

    @on(RuleEditor.Left)
    def _editor_left(self) -> None:
        self.findings.focus()

    @on(RuleEditor.Completing)
    def _completing(self, event: RuleEditor.Completing) -> None:
        self._show_completion(event.offered)

    def _show_completion(self, offered: Completion) -> None:
        self._completion.show(completion_line(offered, self.app.size.width))

    @on(LineView.CursorMoved, "#workbench-findings")
    def _finding_chosen(self) -> None:
        self._place = self.findings.place
        self._show_response()
        self.run_worker(self._show_how_far(), group="how far", exclusive=True, exit_on_error=False)

    @on(LineView.GroupChosen)
    def _group_chosen(self, event: LineView.GroupChosen) -> None:
        self.response.emphasise(event.group)

    # Actions

    def action_next_pane(self) -> None:
        """Editor, responses, response, round and round."""
        panes = (self.editor, self.findings, self.response)
        here = next((n for n, pane in enumerate(panes) if pane.has_focus), 0)
        panes[(here + 1) % len(panes)].focus()

    def action_close(self) -> None:
        """Go back to the ports."""
        self.dismiss()

    def action_edit(self) -> None:
        """Go on writing."""
        self.editor.focus()

    def action_undo(self) -> None:
        """Take back the last change of the rule."""
        self.editor.undo()

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self.editor.redo()

    def action_view(self) -> None:
        """Show the response another way."""
        self.response.show_view(self.response.view.following())

    def action_copy(self) -> None:
        """Copy the rule."""
        self.app.copy_to_clipboard(self.editor.text)
        self._say("Copied the rule.")

    def action_draft(self) -> None:
        """Propose a rule for the response under the cursor."""
        if self._place is None or self._place >= len(self._subjects):
            self._say("There is no response to draft a rule from.", Role.UNKNOWN)
            return
        port, exchange = self._places[self._place]
        self._origin = Origin(port, exchange)
        self._head = self._head_for(self._origin)
        self._show_titles()
        self.run_worker(self._draft(), group="draft", exclusive=True, exit_on_error=False)

    async def _draft(self) -> None:
        self._set_text(await asyncio.to_thread(self._drafted))
        self._say("Drafted from this response; ctrl+z takes it back.")

    def action_probe(self) -> None:
        """Write the rule for the responses of another probe."""
        protocol = self._head.protocol
        seen = {exchange.probe for _, exchange in self._places} | {"NULL"}
        heads = [h for h in self._heads if h.protocol == protocol and h.name in seen]
        if not heads:
            return
        here = heads.index(self._head) if self._head in heads else -1
        self._head = heads[(here + 1) % len(heads)]
        self._show_titles()
        self._wanted.set()

    def action_save(self) -> None:
        """Save the rule among the user's own."""
        rule, text = self._checked, self.editor.text
        if not isinstance(rule, Rule) or self._trouble or text != self._tried_text:
            reason = self._trouble or "it has a fault, or is still being tried."
            self._say(f"Not saved: {reason}", Role.ALERT)
            return
        self.run_worker(
            self._save(text.rstrip()), group="save", exclusive=True, exit_on_error=False
        )

    async def _save(self, text: str) -> None:
        head = self._head
        origin = self._origin.port
        comment = time.strftime("%Y-%m-%d", time.localtime())
        if origin is not None:
            comment += f", from {printable(str(origin.endpoint))}"
        try:
            saved = await asyncio.to_thread(
                save_rule,
                overlay_path(),
                head,
                text,
                comment=comment,
                instead_of=self._saved.get(head.name, ""),
            )
        except OverlayError as error:
            self._say(str(error), Role.ALERT)
            return
        self._saved[head.name] = text
        self._say(f"Saved as line {saved.line} of {saved.path}; matching again …", Role.HARD)
        changed = await self._match_again(saved)
        self._say(saved_text(str(saved.path), saved.line, changed), Role.HARD)

    async def _match_again(self, saved: SavedRule) -> list[str]:
        """Match the responses that the rule hits with the databases as they are now."""
        await asyncio.to_thread(self._investigation.read_again)
        hits = [
            self._places[place]
            for place, finding in enumerate(self.findings.findings)
            if finding.spans and applies(self._head, finding.subject)
        ]
        again = await asyncio.to_thread(_matched_again, self._investigation, hits)
        reason = f"a rule was saved, line {saved.line} of {saved.path.name}"
        told, events = [], list[Event]()
        for port, matches in again:
            before = port.service.name or "unknown"
            made = after_new_rule(port, matches, time.time(), reason)
            if made:
                events += made
                told.append(f"{port_text(port)} {printable(before)} → ")
                told[-1] += printable(next(iter(matches.values())).service)
        self._on_saved(events)
        self._subjects = [_subject(port, exchange) for port, exchange in self._places]
        self._wanted.set()
        return told

    def action_export(self) -> None:
        """Write the rule and the fingerprint for whoever keeps a probe database."""
        if not isinstance(self._checked, Rule):
            self._say("Not exported: the rule has a fault.", Role.ALERT)
            return
        port = self._places[self._place][0] if self._place is not None else self._origin.port
        if port is None or self._submission is None:
            self._say("There is no port to take a fingerprint of.", Role.UNKNOWN)
            return
        text = self._submission(port, self.editor.text.rstrip(), self._head.name)
        self.app.copy_to_clipboard(text)
        name = f"vscan-rule-{port.endpoint.port}-{port.endpoint.protocol}"
        self.run_worker(self._export(text, name), group="export", exit_on_error=False)

    async def _export(self, text: str, name: str) -> None:
        try:
            path = await asyncio.to_thread(_write_new, Path.cwd(), name, text)
        except OSError as error:
            reason = error.strerror or str(error)
            self._say(f"Copied; no file could be written here: {reason}", Role.UNKNOWN)
        else:
            self._say(f"Copied, and written to {path}", Role.HARD)


def _write_new(folder: Path, name: str, text: str) -> Path:
    """Write a file of a name that is not taken."""
    for number in range(1, 1000):
        path = folder / (f"{name}.txt" if number == 1 else f"{name}-{number}.txt")
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            continue
        return path
    raise OSError(0, f"too many files named {name}")


def _places(store: Store, origin: Origin) -> list[tuple[Port, Exchange]]:
    """All responses of the session; of very many, first those of the port that is looked at."""
    found = [
        (port, exchange)
        for port in store.ports.values()
        for exchange in port.exchanges
        if exchange.response
    ]
    found.sort(key=lambda pair: pair[0] is not origin.port)
    return found[:MAX_RESPONSES]


def _place_of(places: Sequence[tuple[Port, Exchange]], exchange: Exchange | None) -> int | None:
    return next(
        (number for number, (_, other) in enumerate(places) if other is exchange),
        0 if places else None,
    )


def _subject(port: Port, exchange: Exchange) -> Subject:
    name = f"{port.endpoint.address} {port_text(port)} {exchange.probe}"
    response = bytes(exchange.response[:MAX_RESPONSE_BYTES])  # rules see no more
    return Subject(name, exchange.probe, port.endpoint.protocol, response, exchange.match)


def _heads(investigation: Investigation) -> tuple[ProbeHead, ...]:
    return tuple(
        ProbeHead(
            probe.protocol,
            member.probe.name,
            probe.payload,
            probe.rarity,
            probe.totalwaitms,
            probe.tcpwrappedms,
        )
        for probe in investigation.databases().probes
        for member in probe.members[:1]
    )


def _services(investigation: Investigation) -> frozenset[str]:
    return frozenset(
        service for probe in investigation.databases().probes for service in probe.services
    )


def _matched_again(
    investigation: Investigation, hits: Sequence[tuple[Port, Exchange]]
) -> list[tuple[Port, dict[int, Match]]]:
    found: dict[int, tuple[Port, dict[int, Match]]] = {}
    for port, exchange in hits:
        match = investigation.match(
            exchange.probe, port.endpoint.protocol, bytes(exchange.response)
        )
        if match is not None:
            found.setdefault(id(port), (port, {}))[1][exchange.number] = match
    return list(found.values())


def _captured(finding: Finding | None) -> tuple[str | None, ...]:
    if finding is None:
        return ()
    response = finding.subject.response
    return tuple(
        None if span is None else printable(response[slice(*span)].decode("latin-1"))
        for span in finding.spans[1:]
    )
