"""The triage screen: all ports, and why the selected one is what it is."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.geometry import Offset
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from vscan_tui.events import Endpoint, Event
from vscan_tui.session.store import Exchange, Port, Stage, Store
from vscan_tui.session.wording import printable
from vscan_tui.tui.feed import Changes
from vscan_tui.tui.keymap import COMMANDS, Need, Scope, bindings
from vscan_tui.tui.mask import Mask
from vscan_tui.tui.proportions import STEP
from vscan_tui.tui.rendering.hexdump import View
from vscan_tui.tui.rendering.line import Line, Role, cut
from vscan_tui.tui.rendering.notice import ending_text, waiting_text
from vscan_tui.tui.rendering.port_columns import DEFAULT
from vscan_tui.tui.rendering.port_list import Order
from vscan_tui.tui.rendering.standing import Standing
from vscan_tui.tui.rendering.status import (
    HostFacts,
    host_line,
    notice_line,
    sources_line,
    warnings_text,
)
from vscan_tui.tui.rendering.title import progress, title_line
from vscan_tui.tui.view_state import ViewState
from vscan_tui.tui.widgets.bar import Bar
from vscan_tui.tui.widgets.exchange_list import ExchangeList
from vscan_tui.tui.widgets.filter_bar import FilterBar, FilterInput
from vscan_tui.tui.widgets.hexdump import Hexdump
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_view import LineView
from vscan_tui.tui.widgets.match_debugger import MatchDebugger
from vscan_tui.tui.widgets.panes import Panes
from vscan_tui.tui.widgets.port_table import PortTable
from vscan_tui.tui.widgets.rule_search import RuleWords
from vscan_tui.tui.widgets.search_bar import SearchBar
from vscan_tui.tui.widgets.step_pane import StepPane

if TYPE_CHECKING:  # matching is imported when it is used
    from vscan_tui.matching.investigation import Investigation
    from vscan_tui.tui.screens.workbench import Submission

MIN_WIDTH, MIN_HEIGHT = 60, 15
_TICKS_PER_FRAME = 4
_REST = 0.003
"""Seconds between two ticks in which the next filter may be prepared."""


class TriageScreen(Screen[None]):
    """One pane owns the cursor; the others follow."""

    BINDINGS = bindings(Scope.TRIAGE)
    DEFAULT_CSS = """
    TriageScreen { layout: vertical; background: $background; }
    #note, #alert { display: none; }
    #note.-shown, #alert.-shown { display: block; }
    #too-small {
        display: none; width: 1fr; height: 1fr; padding: 0 2;
        content-align: center middle; text-align: center;
    }
    """
    ESCAPE_TO_MINIMIZE = False
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """As Textual has it, but that the panes that are concerned are drawn anew, not all of them."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], float],
        record: Callable[[Sequence[Event]], None],
        note: str,
        journal: str,
        is_recording: bool,
        investigation: "Investigation | None" = None,
    ) -> None:
        """Show a store.

        Args:
            store: what is known; changed by others, who then call `apply`.
            clock: seconds since the Unix epoch, for the time that a live scan has run.
            record: makes what the user does part of the session.
            note: a sentence that is always shown; may be empty.
            journal: the file that the session is written to or read from; may be empty.
            is_recording: whether what is shown happened earlier.
            investigation: answers what rules make of a response.
        """
        super().__init__()
        self.store = store
        self.ports = PortTable(id="ports", record=record, clock=clock)
        self.exchanges = ExchangeList(id="exchanges")
        self.response = Hexdump(id="response")
        self.debugger = MatchDebugger(investigation, id="debugger")
        self.search_bar = SearchBar(self.response, id="search")
        self.step_pane = StepPane(id="step")
        self._record = record
        self._investigation = investigation
        self.submission: Submission | None = None
        """Writes a rule as text for whoever keeps a probe database."""
        self.can_send = False
        """Whether there are servers that could be asked by hand."""
        self.filter_bar = FilterBar(self._leave_filter, self.ports.values, id="filter")
        self._title = Bar(id="title")
        self._note_bar = Bar(id="note")
        self._alert = Bar(id="alert")
        self._host = Bar(id="host")
        self._sources = Bar(id="sources")
        self._too_small = Static("", id="too-small", markup=False)
        self.body = Panes(
            self.ports,
            self.exchanges,
            self.response,
            self.debugger,
            search_bar=self.search_bar,
            id="body",
        )
        self.panes = self.body.all
        self.is_stopping = False
        self.has_run_out = False
        """Whether the scan, or the recording, has come to its end."""
        self.hold_requested = False
        """Whether the user has asked for a pause."""
        self._clock = clock
        self._note = note
        self._journal = journal
        self._is_recording = is_recording
        self._facts = HostFacts()
        self._failure = ""
        self._endpoint: Endpoint | None = None
        self._exchange_number = 0
        """The exchange that the user chose; 0: the one that decided."""
        self._shown_exchange: Exchange | None = None
        self._group = 0
        self._fraction = 0.0
        self._is_masked = False
        self._ticks = 0

    # Building and arranging

    def compose(self) -> ComposeResult:
        """Title, panes, filter, status, keys."""
        yield self._title
        yield self._note_bar
        yield self._alert
        yield self.body
        yield self.step_pane
        yield self.filter_bar
        yield self._host
        yield self._sources
        yield KeyBar(id="keys", left_out=self._not_offered)
        yield self._too_small

    def on_mount(self) -> None:
        """Begin with the cursor on the ports."""
        self.ports.focus()
        self._arrange()
        self._update_bars()

    def on_resize(self) -> None:
        """Choose the arrangement that fits."""
        self._arrange()
        self._update_bars()

    def _arrange(self) -> None:
        width, height = self.app.size
        is_tiny = width < MIN_WIDTH or height < MIN_HEIGHT
        self.body.divide(self.focused_pane)
        for widget in self.children:
            is_ours = not widget.has_class("-textual-system")  # such as the tooltip
            if is_ours and widget.id not in {"note", "alert", "filter", "step"}:
                widget.display = (widget.id == "too-small") is is_tiny
        self.filter_bar.display = self.filter_bar.is_open and not is_tiny
        self._show_step(is_tiny=is_tiny)
        for widget in (self._note_bar, self._alert):
            widget.set_class(is_tiny, "-hidden")
        if is_tiny:
            self._too_small.update(
                f"vscan needs a terminal of at least {MIN_WIDTH} columns and {MIN_HEIGHT} rows; "
                f"this one has {width} and {height}."
            )

    @property
    def focused_pane(self) -> LineView:
        """The pane that has the cursor; while words are typed, that which they are for."""
        if isinstance(self.focused, RuleWords):
            return self.debugger
        if self.search_bar.has_focus_within:
            return self.response
        return next((pane for pane in self.panes if pane is self.focused), self.ports)

    # What happens

    def apply(self, changes: Changes) -> None:
        """Show what a batch of events changed."""
        store = self.store
        known = [endpoint for endpoint in changes.endpoints if endpoint in store.ports]
        for endpoint in known:
            if store.ports[endpoint].stage is Stage.FINISHED:
                self._facts.learn(store.ports[endpoint])
        if changes.events:
            planned = store.planned.hosts if store.planned is not None else 0
            with_host = max(planned, len(store.hosts)) > 1
            self.body.set_class(with_host, "-hosts")
            self.ports.set_with_host(with_host=with_host)
            self._update_hint()
            self.ports.put(
                (store.ports[endpoint], store.hosts.get(endpoint.address)) for endpoint in known
            )
            self.body.fit_ports(len(store.ports) + (len(store.hosts) if with_host else 0))
            self._count_filtered()
        if self.ports.endpoint != self._endpoint:
            self._select_port()
        elif self._endpoint in changes.endpoints:
            self._show_details()
        self._update_bars()

    def tick(self) -> None:
        """Let time pass: the clock of a live scan, and what is animated."""
        self._ticks += 1
        is_animated = (
            self.app.animation_level != "none"
            and self._ticks % _TICKS_PER_FRAME == 0
            and self.store.stages[Stage.PROBING]
            and self.store.ended is None
            and not self.store.paused
        )
        if is_animated:
            self.ports.animate_probing()
        self._update_title()

    def rest(self) -> bool:
        """Use a moment in which nothing waits; True if there is nothing left to use one for."""
        return self.ports.rest(_REST)

    def show_failure(self, text: str) -> None:
        """Show why the scan is over."""
        self._failure = text
        self._update_hint()
        self._update_bars()

    def show_mask(self, mask: Mask | None) -> None:
        """Show that addresses and names are hidden, or no longer."""
        self._is_masked = mask is not None
        self.response.hide_with(None if mask is None else mask.hide_bytes)
        self._update_title()

    def show_stopping(self) -> None:
        """Show that the program is about to end."""
        self.is_stopping = True
        self._update_title()

    def _update_hint(self) -> None:
        hint = waiting_text(self.store, has_failed=bool(self._failure))
        if hint != self.ports.waiting_hint:
            self.ports.waiting_hint = hint
            if not self.ports.line_count:
                self.ports.refresh()

    def restore_view(self, view: ViewState) -> None:
        """Arrange ports and panes as the user left them."""
        self.ports.restore_view(view.columns, Order(view.sorted_by, view.reverse, view.by_host))
        self.body.restore(view.share, view.heights)

    @property
    def view_state(self) -> ViewState:
        """How ports and panes are arranged now."""
        order, proportions = self.ports.ports.order, self.body.proportions
        is_default = self.ports.columns == DEFAULT
        return ViewState(
            columns=() if is_default else tuple(sorted(self.ports.columns)),
            sorted_by=order.column,
            reverse=order.reverse,
            by_host=order.by_host,
            share=proportions.share,
            heights=dict(proportions.heights),
        )

    def command_places(self) -> Mapping[Scope, DOMNode]:
        """Where the commands of each scope that works on this screen are carried out."""
        places: dict[Scope, DOMNode] = {
            Scope.TRIAGE: self,
            Scope.RESPONSE: self.response,
            Scope.DEBUGGER: self.debugger,
        }
        if self.step_pane.is_on_screen:
            places[Scope.STEP] = self.step_pane
        return places

    def bring(self, pane: LineView) -> None:
        """Let a pane be seen and have the cursor."""
        self._go_to(pane)

    def _not_offered(self) -> frozenset[str]:
        """Commands that can do nothing as long as this session is shown."""
        if self.can_send:
            return frozenset()
        return frozenset(each.id for each in COMMANDS if Need.SENDING in each.needs)

    def met_needs(self) -> frozenset[Need]:
        """Which needs of commands are met now."""
        is_live = not self.has_run_out and self.store.ended is None and not self._failure
        exchange = self.exchange
        met = {
            Need.LIVE: is_live,
            Need.SENDING: self.can_send,
            Need.PORT: self.port is not None,
            Need.RESPONSE: exchange is not None and bool(exchange.response),
            Need.GROUPS: bool(self._captured()),
        }
        return frozenset(need for need, is_met in met.items() if is_met)

    # The selection

    @property
    def port(self) -> Port | None:
        """The selected port."""
        return None if self._endpoint is None else self.store.ports.get(self._endpoint)

    @property
    def exchange(self) -> Exchange | None:
        """The selected exchange: the user's choice, else the one that explains most."""
        port = self.port
        if port is None or not port.exchanges:
            return None
        if 1 <= self._exchange_number <= len(port.exchanges):
            return port.exchange(self._exchange_number)
        if port.is_stepped:
            return port.exchanges[-1]
        return port.deciding or port.exchanges[-1]

    @property
    def group(self) -> int:
        """The selected group; 0 for none."""
        return self._group

    def _select_port(self) -> None:
        self._endpoint = self.ports.endpoint
        self._exchange_number = 0
        self._show_details()
        self._update_host()

    def _show_details(self) -> None:
        port, exchange = self.port, self.exchange
        if exchange is not self._shown_exchange:
            self._shown_exchange = exchange
            self._select_group(0)
        self.exchanges.show(port, exchange)
        self.response.show(port, exchange)
        self.debugger.show(port, exchange)
        self._show_step(is_tiny=self._too_small.display)

    def _show_step(self, *, is_tiny: bool) -> None:
        """Show the next action of the port, if it is under the user's hand."""
        port = self.port
        is_stepped = port is not None and port.is_stepped
        if self.step_pane.has_focus and not is_stepped:
            self.set_focus(self.ports)
        self.step_pane.display = is_stepped and not is_tiny
        self.step_pane.show(port)

    def show_port(self, endpoint: Endpoint, exchange: int = 0) -> None:
        """Bring the user to a port, whatever the filter shows.

        Args:
            endpoint: the port.
            exchange: number of the exchange to show; 0 for the one that decided.
        """
        if self.ports.ports.index_of(endpoint) is None:
            self.filter_bar.close(clear=True)
        self.ports.bring(endpoint)
        self._select_port()
        self._exchange_number = exchange
        self._show_details()

    def _select_group(self, group: int) -> None:
        self._group = group
        self.response.emphasise(group)
        self.debugger.emphasise(group)

    def _captured(self) -> list[int]:
        spans = self.debugger.spans
        return [number for number, span in enumerate(spans) if number and span is not None]

    @on(LineView.CursorMoved)
    def _cursor_moved(self, event: LineView.CursorMoved) -> None:
        if event.view is self.ports:
            self._select_port()
        elif event.view is self.exchanges:
            self._exchange_number = event.index + 1
            self._show_details()

    @on(LineView.GroupChosen)
    def _group_chosen(self, event: LineView.GroupChosen) -> None:
        self._select_group(event.group if event.group in self._captured() else 0)

    @on(MatchDebugger.Explained)
    def _explained(self, event: MatchDebugger.Explained) -> None:
        if self._group not in self._captured():
            self._select_group(0)
        self.response.show_rule(event.spans, event.laid_over)

    @on(Hexdump.FindWanted)
    def _find_wanted(self) -> None:
        self.search_bar.open()

    @on(LineView.ViewChosen)
    def _view_chosen(self, event: LineView.ViewChosen) -> None:
        self.response.show_view(View(event.view))

    @on(LineView.Opened)
    def _line_opened(self) -> None:
        self.action_open()

    def on_descendant_focus(self) -> None:
        """Bring the pane into sight that has the cursor now."""
        self._arrange()

    # Title and status

    def _update_bars(self) -> None:
        self._update_title()
        self._update_host()
        width = self.app.size.width
        self._sources.show(sources_line(self.store, self._journal, width))
        _show_notice(self._note_bar, self._note, Role.DIM, width)
        alert = self._failure or ending_text(self.store) or warnings_text(self.store)
        is_warning = not self._failure and not ending_text(self.store)
        _show_notice(self._alert, alert, Role.UNKNOWN if is_warning else Role.ALERT, width)

    def _update_host(self) -> None:
        host = self.store.hosts.get(self._endpoint.address) if self._endpoint else None
        text = self._facts.text(host) if host is not None else ""
        if host is not None and len(self.store.hosts) > 1:
            text = f"{printable(host.label)}: {text}" if text else ""
        self._host.show(host_line(text, host, self.app.size.width))

    def _update_title(self) -> None:
        store = self.store
        self._fraction = max(self._fraction, progress(store).fraction)
        seconds = store.seconds
        is_live = not self._is_recording and store.ended is None and not self._failure
        if is_live and store.first_time is not None:
            seconds = max(seconds, self._clock() - store.first_time)
        self._title.show(
            title_line(
                store,
                unknown=self.ports.ports.standings[Standing.UNKNOWN],
                seconds=seconds,
                tags=self._tags(),
                fraction=self._fraction,
                width=self.app.size.width,
            )
        )

    def _tags(self) -> tuple[str, ...]:
        tags = []
        if self._is_recording:
            tags.append("RECORDING")
        if self._is_masked:
            tags.append("MASKED")
        if self.ports.following_tag:
            tags.append(self.ports.following_tag)
        if self.is_stopping:
            tags.append("STOPPING")
        elif self.store.paused:
            tags.append("PAUSED")
        elif self._failure:
            tags.append("FAILED")
        return tuple(tags)

    # The filter

    @on(FilterBar.Chosen)
    def _filter_chosen(self, event: FilterBar.Chosen) -> None:
        self.ports.set_filter(event.filter)

    @on(PortTable.Settled)
    def _ports_settled(self) -> None:
        self._count_filtered()
        if self.ports.endpoint != self._endpoint:
            self._select_port()

    def _count_filtered(self) -> None:
        if self.ports.ports.filter or isinstance(self.focused, FilterInput):
            ports = self.ports.ports
            self.filter_bar.show_count(ports.passing, ports.total, is_final=not ports.is_working)

    def _leave_filter(self, clear: bool) -> None:  # noqa: FBT001 - the shape of a callback
        self.filter_bar.close(clear=clear)
        self.set_focus(self.ports)

    # Actions

    def _go_to(self, pane: LineView) -> None:
        self.body.bring(pane)
        self.set_focus(pane)

    def action_open(self) -> None:
        """Go one pane deeper; on the heading of a host, fold or unfold its ports."""
        if self.focused_pane is self.ports and self.ports.toggle_group():
            return
        index = self.panes.index(self.focused_pane)
        if index + 1 < len(self.panes):
            self._go_to(self.panes[index + 1])

    def action_back(self) -> None:
        """Go one pane back."""
        index = self.panes.index(self.focused_pane)
        if index > 0:
            self._go_to(self.panes[index - 1])

    def action_next_pane(self) -> None:
        """Go to the next pane, round and round."""
        self._go_to(self.panes[(self.panes.index(self.focused_pane) + 1) % len(self.panes)])

    def action_previous_pane(self) -> None:
        """Go to the previous pane, round and round."""
        self._go_to(self.panes[self.panes.index(self.focused_pane) - 1])

    def action_zoom(self) -> None:
        """Give the whole screen to the pane that has the cursor, and back."""
        self.body.is_zoomed = not self.body.is_zoomed
        self._arrange()

    def action_widen(self, steps: int) -> None:
        """Give the ports more of the screen, or less."""
        self.body.widen(steps * STEP)

    def action_grow(self, steps: int) -> None:
        """Give the pane that has the cursor more height, or less."""
        self.body.grow(self.focused_pane, steps)

    @on(LineView.HeadingOpened)
    def _heading_opened(self, event: LineView.HeadingOpened) -> None:
        self._go_to(event.view)
        self.action_zoom()

    def action_jump(self) -> None:
        """Put a letter on every pane and line that is seen, and go where the user says."""
        from vscan_tui.tui.screens.jump import JumpScreen, JumpTarget  # noqa: PLC0415 - not for the start

        shown = [pane for pane in self.panes if pane.is_on_screen]
        targets = [JumpTarget(pane.region.offset, partial(self._go_to, pane)) for pane in shown]
        for pane in shown:
            targets += [
                JumpTarget(Offset(pane.region.x, row), partial(self._jump_to, pane, index))
                for index, row in pane.shown_lines()
            ]
        self.app.push_screen(JumpScreen(targets))

    def _jump_to(self, pane: LineView, index: int) -> None:
        self._go_to(pane)
        pane.go_to_line(index)

    def action_escape(self) -> None:
        """Leave one thing: the zoom, the selected group, the filter, the pane."""
        if self.body.is_zoomed:
            self.action_zoom()
        elif self._group:
            self._select_group(0)
        elif self.ports.ports.filter:
            self.filter_bar.close(clear=True)
        else:
            self._go_to(self.ports)

    def action_filter(self) -> None:
        """Type words that ports must have."""
        if self.focused_pane is not self.ports:
            self._go_to(self.ports)
        self.filter_bar.open()
        self._count_filtered()

    async def action_ports(self, action: str) -> None:
        """Do something with the ports, whichever pane has the cursor."""
        await self.ports.run_action(action)

    def action_workbench(self, draft: bool) -> None:  # noqa: FBT001 - an action has no keywords
        """Write a rule: from this response, or beginning with the rule that is looked at."""
        from vscan_tui.tui.screens.workbench import Origin, WorkbenchScreen  # noqa: PLC0415 - start

        if self._investigation is None:
            self._say("No probe database is at hand.")
            return
        if draft and (self.exchange is None or not self.exchange.response):
            self._say("There is no response to draft a rule from.")
            return
        chosen = None if draft else self.debugger.chosen
        rule = chosen.rule if chosen is not None else None
        self.app.push_screen(
            WorkbenchScreen(
                self.store,
                self._investigation,
                Origin(self.port, self.exchange, rule),
                on_saved=self._rule_saved,
                submission=self.submission,
            )
        )

    def _rule_saved(self, verdicts: Sequence[Event]) -> None:
        if verdicts:
            self._record(verdicts)
        self.debugger.look_again()

    def action_view(self) -> None:
        """Show the response another way."""
        self.response.show_view(self.response.view.following())

    def action_group(self, step: int) -> None:
        """Select the next or previous captured group."""
        groups = self._captured()
        if not groups:
            self._say("No group was captured here.")
        elif self._group in groups:
            self._select_group(groups[(groups.index(self._group) + step) % len(groups)])
        else:
            self._select_group(groups[0 if step > 0 else -1])

    def action_copy_as(self) -> None:
        """Ask in which notation to copy bytes of the response."""
        from vscan_tui.tui.screens.copy_as import CopyAsScreen  # noqa: PLC0415 - not for the start

        data, origin, name = self.response.copied_bytes()
        if data:
            self.app.push_screen(CopyAsScreen(data, origin, name))
        else:
            self._say("There is nothing to copy here.")

    def action_timeline(self) -> None:
        """Show where the seconds of the selected port went."""
        from vscan_tui.tui.screens.timeline import TimelineScreen  # noqa: PLC0415 - not for the start

        port = self.port
        if port is None:
            self._say("There is no port to show.")
        else:
            self.app.push_screen(TimelineScreen(port, lambda: self.store.last_time or 0.0))

    def action_export(self) -> None:
        """Ask where to write the selected exchange."""
        from vscan_tui.tui.screens.export import export_of  # noqa: PLC0415 - not for the start

        port, exchange = self.port, self.exchange
        if port is None or exchange is None:
            self._say("There is no exchange to export.")
        else:
            self.app.push_screen(export_of(port, exchange))

    def action_copy(self) -> None:
        """Copy what is selected in the pane that has the cursor."""
        text = self.focused_pane.copied_text()
        if not text:
            self._say("There is nothing to copy here.")
            return
        self.app.copy_to_clipboard(text)
        self._say(f"Copied: {cut(' '.join(text.split()), 60)}")

    def _say(self, text: str) -> None:
        self.notify(text, timeout=2.5, markup=False)


def _show_notice(bar: Bar, text: str, role: Role, width: int) -> None:
    bar.set_class(bool(text), "-shown")
    bar.show(notice_line(text, role, width) if text else Line())
