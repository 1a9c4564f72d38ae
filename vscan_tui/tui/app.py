"""The program on the screen."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace
from rich.text import Text
from textual import on
from textual.app import App, SystemCommand
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from vscan_tui.configuration import Configuration
from vscan_tui.events import Event
from vscan_tui.session.recorder import Recorder
from vscan_tui.session.source import EventSource
from vscan_tui.session.store import Store
from vscan_tui.session.wording import printable
from vscan_tui.tui.feed import Feed
from vscan_tui.tui.garbage import Garbage
from vscan_tui.tui.keymap import COMMANDS, Scope, bindings, faults, keys_text, usable
from vscan_tui.tui.mask import Mask, secrets
from vscan_tui.tui.rendering.notice import failure_text
from vscan_tui.tui.screens.triage import TriageScreen
from vscan_tui.tui.themes import THEMES
from vscan_tui.tui.view_state import FIRST_RUN, ViewState
from vscan_tui.tui.widgets.line_view import LineView
from vscan_tui.tui.widgets.step_pane import StepPane

if TYPE_CHECKING:  # what is not needed for the first picture is imported when it is used
    from vscan_tui.matching.investigation import Investigation
    from vscan_tui.scanning.by_hand.requests import ByHand
    from vscan_tui.tui.by_hand import Hands

_TICK = 1 / 30
_BUDGET = 0.010
"""Seconds that events may take at a time until they are in the store and on the screen."""
_LEAST_BUDGET = 0.001
_BREATH = 0.005
"""Seconds for keys and pictures when more events wait."""
_SWITCH = 0.0005
"""Seconds that a thread that is busy with Python keeps the event loop waiting, each time."""
_PATIENCE = 5.0
"""Seconds that a scan gets to end itself before the program ends without it."""
_SCAN = "scan"
_PROBLEMS = 4
"""So many problems of the settings are told on the screen."""
_DEFAULTS = Configuration()
_INTERRUPTED = 130
"""The program's return code when a signal ended it, as without a screen."""
_TERMINAL_LOST = 129
"""As the shell has it for a program that SIGHUP ended."""


class VscanApp(App[int], inherit_bindings=False):
    """Shows a stream of events while it comes in, and stays for study."""

    TITLE = "vscan"
    BINDINGS = bindings(Scope.PROGRAM)
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS = """
    #note.-hidden, #alert.-hidden, #filter.-hidden { display: none; }
    Toast { max-width: 70; }
    """

    def __init__(
        self,
        source: EventSource,
        *,
        note: str = "",
        journal: str = "",
        recorder: Recorder | None = None,
        configuration: Configuration = _DEFAULTS,
        investigation: "Investigation | None" = None,
        by_hand: "Callable[[], ByHand] | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Show a source.

        Args:
            source: where the events come from; it is run when the screen is ready.
            note: a sentence that is always shown.
            journal: the file that the session is written to or read from, to be named.
            recorder: takes note of what the user does; run by whoever runs the app.
                None: it is kept in memory only, which the user is told.
            configuration: what the user has set; without a theme in it, that of
                `TEXTUAL_THEME`, or the dark one.
            investigation: answers what rules make of a response.
            by_hand: makes what steps ports and sends payloads, when it is first needed;
                None where nothing can be sent.
            clock: seconds since the Unix epoch.
        """
        super().__init__()
        for own in THEMES:
            self.register_theme(own)
        for foreign in ("ansi-dark", "ansi-light"):
            self.unregister_theme(foreign)  # groups need colours that can be blended
        self.source = source
        self.store = Store()
        self.feed = Feed(self.store, time.monotonic, self._wake)
        self._ticker: Timer | None = None
        self.is_resting = False
        """Whether nothing is under way, and no time has to pass."""
        self.triage = TriageScreen(
            self.store,
            clock=clock,
            record=self.record,
            note=printable(note),
            journal=journal,
            is_recording=source.is_recording,
            investigation=investigation,
        )
        self.triage.can_send = by_hand is not None
        self._make_by_hand = by_hand
        self._by_hand: ByHand | None = None
        self._hands: Hands | None = None
        self._budget = _BUDGET / 2
        self._goes_on = False
        self._garbage = Garbage()
        self._switch_interval = sys.getswitchinterval()
        self._recorder = recorder
        self._has_told_unrecorded = False
        self.configuration = configuration
        self._view = FIRST_RUN
        self._theme_name = ""
        self._mask = Mask(()) if configuration.mask else None
        self._scan: Worker[None] | None = None
        self._scan_ended = asyncio.Event()
        self._is_leaving = False
        self.leaves_table = configuration.leave_table
        """Whether whoever ran the app should print the final port table."""
        self._leaving_code = 0

    def restore_view(self, view: ViewState) -> None:
        """Begin as the user left the screen the last time; before the app is run."""
        self._view = view
        self.triage.restore_view(view)

    def get_default_screen(self) -> Screen[None]:
        """Begin with the triage screen."""
        return self.triage

    def on_mount(self) -> None:
        """Choose the colours and the keys; tell what is wrong in the user's settings."""
        kept = self._view.theme if self._view.theme in self.available_themes else THEMES[0].name
        self._theme_name = self.configuration.theme or os.environ.get("TEXTUAL_THEME", "") or kept
        known = self._theme_name in self.available_themes
        self.theme = self._theme_name if known else THEMES[0].name
        self.set_keymap(usable(self.configuration.keys))
        wrong = faults(self.configuration.keys)
        if self.configuration.theme and not known:
            wrong.append(("theme", f'there is no theme "{self.configuration.theme}"'))
        problems = self.configuration.told(wrong)
        if self._mask is not None:
            self.triage.show_mask(self._mask)
        if problems:
            text = "\n".join([*problems[:_PROBLEMS], "`vscan config` tells more."])
            self.notify(text, title="Settings", severity="warning", timeout=15, markup=False)

    def on_ready(self) -> None:
        """Begin the scan, now that there is a screen to show it."""
        if not self.source.is_recording:
            self._begin_by_hand()
        self._garbage.begin()
        sys.setswitchinterval(_SWITCH)
        self._scan = self.run_worker(self._run_source(), name=_SCAN, exit_on_error=False)
        self._ticker = self.set_interval(_TICK, self._tick)
        self._leave_when_told_to()

    def _leave_when_told_to(self) -> None:
        """Take a signal to end for the user's wish to quit, so that the terminal is left clean."""
        loop = asyncio.get_running_loop()
        for name, react in (
            ("SIGTERM", self._told_to_leave),
            ("SIGINT", self._told_to_leave),
            ("SIGHUP", self._terminal_lost),
        ):
            # Windows lacks some, and has no such handlers; nor has a thread besides the main one.
            with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(getattr(signal, name), react)

    def _terminal_lost(self) -> None:
        """End without the terminal, which is gone: what is written to it would never return."""
        # Whatever happens to the event loop meanwhile, the program does not outlive its terminal.
        last_resort = threading.Timer(_PATIENCE + 1, os._exit, (_TERMINAL_LOST,))
        last_resort.daemon = True
        last_resort.start()
        self.run_worker(self._end_unseen(), name="end unseen", exit_on_error=False)

    async def _end_unseen(self) -> None:
        with self.batch_update():  # paints nothing
            await self._end_scan()
            if self._recorder is not None:
                await self._recorder.close()
        os._exit(_TERMINAL_LOST)

    def _told_to_leave(self) -> None:
        self._leaving_code = _INTERRUPTED
        self.run_worker(self.action_quit(), name="quit", exit_on_error=False)

    async def _run_source(self) -> None:
        try:
            await self.source.run(
                self._emit_watched if self.source.is_recording else self.feed.emit
            )
        finally:
            self._scan_ended.set()
            self.triage.has_run_out = True

    def _emit_watched(self, event: Event) -> None:
        self.feed.emit(event)
        if self._hands is not None:
            self._hands.watch(event)

    def queue(self, event: Event) -> None:
        """Make what happens by hand part of the session, after what happened before it."""
        if self._recorder is not None:
            self._recorder.note(event)
        self.feed.emit(event)

    def tell(self, text: str) -> None:
        """Show a sentence for a moment."""
        self.notify(text, timeout=5, markup=False)

    async def ask(self, screen: Screen[bool]) -> bool | None:
        """Show a screen, and return what it was left with."""
        return await self.push_screen_wait(screen)

    def record(self, events: Sequence[Event]) -> None:
        """Make what the user does part of the session: seen at once, and in the journal.

        It works before, during and after the scan, live or recorded; the events
        become part of the store before those that still wait to be folded in.
        """
        if self._recorder is not None:
            for event in events:
                self._recorder.note(event)
        elif not self._has_told_unrecorded:
            self._has_told_unrecorded = True
            self.notify(
                "This session has no journal: what you do is kept until you quit.", markup=False
            )
        self.triage.apply(self.feed.fold(*events))
        self._wake()

    def _tick(self) -> None:
        if len(self.feed):
            self._take_in()
        is_idle = not len(self.feed) and self.triage.rest()
        self._garbage.tick()
        self.triage.tick()
        if is_idle and self.triage.has_run_out and self._ticker is not None:
            self.is_resting = True
            self._ticker.pause()

    def _wake(self) -> None:
        """Let time pass again; the next tick comes at once."""
        if self.is_resting and self._ticker is not None:
            self.is_resting = False
            self._ticker.resume()

    def _take_in(self) -> None:
        """Fold events into the store for a moment; the rest after keys have had their turn."""
        began = time.perf_counter()
        changes = self.feed.drain(self._budget)
        self.triage.apply(changes)
        self._keep_masked()
        if self._hands is not None:
            self._hands.notice(changes.endpoints)
        spent = max(time.perf_counter() - began, _LEAST_BUDGET)
        # To show what has changed takes about as long as to take it in.
        self._budget = max(_LEAST_BUDGET, min(_BUDGET, self._budget * _BUDGET / spent))
        if len(self.feed) and not self._goes_on:
            self._goes_on = True
            self.set_timer(_BREATH, self._go_on)

    def _go_on(self) -> None:
        self._goes_on = False
        if len(self.feed):
            self._take_in()

    def on_unmount(self) -> None:
        """Leave the interpreter as it was to whoever runs the app."""
        self._garbage.end()
        sys.setswitchinterval(self._switch_interval)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Say in one sentence why a scan failed."""
        if event.worker.name == _SCAN and event.state is WorkerState.ERROR:
            error = event.worker.error
            self.triage.show_failure(failure_text(error or RuntimeError("unknown")))

    def action_pause(self) -> None:
        """Pause or resume the scan."""
        triage = self.triage
        if self._scan_ended.is_set() or self.store.ended is not None:
            self.notify("The scan has ended; there is nothing to pause.", markup=False)
        elif triage.hold_requested:
            triage.hold_requested = False
            self.source.resume()
        else:
            triage.hold_requested = True
            self.source.pause()

    @property
    def hands(self) -> "Hands":
        """What the user does by hand; made when it is first needed."""
        if self._hands is None:
            from vscan_tui.tui.by_hand import Hands  # noqa: PLC0415 - not for the first picture

            self._hands = Hands(self, self._begin_by_hand())
            self._hands.breakpoints.remember(self._view.breakpoints)
        return self._hands

    @property
    def view_state(self) -> ViewState:
        """How the screen is arranged now, for the next run."""
        breakpoints = self._view.breakpoints
        if self._hands is not None:
            breakpoints = tuple(str(each) for each in self._hands.breakpoints.all())
        chosen = self.theme if self.theme != self._theme_name else self._view.theme
        return replace(self.triage.view_state, theme=chosen, breakpoints=breakpoints)

    def _begin_by_hand(self) -> "ByHand | None":
        if self._by_hand is None and self._make_by_hand is not None:
            self._by_hand = self._make_by_hand()
            self._by_hand.open(self.queue)
        return self._by_hand

    def action_by_hand(self, name: str) -> None:
        """Step a port, write to it, or see the breakpoints."""
        self.run_worker(self.hands.act(name), name="by hand", exit_on_error=False)

    @on(StepPane.Said)
    def _said(self, event: StepPane.Said) -> None:
        self.run_worker(self.hands.say(event.word), name="by hand", exit_on_error=False)

    def action_mask(self) -> None:
        """Hide addresses and names, or show them again."""
        self._set_mask(Mask(secrets(self.store)) if self._mask is None else None)

    def _keep_masked(self) -> None:
        """Hide the hosts too that came up meanwhile."""
        if self._mask is not None:
            names = secrets(self.store)
            if names != self._mask.names:
                self._set_mask(Mask(names))

    def _set_mask(self, mask: Mask | None) -> None:
        self._mask = mask
        self.triage.show_mask(mask)
        for screen in self.screen_stack:
            for widget in (screen, *screen.walk_children()):
                widget.refresh()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let the mask see every line last."""
        filters = super().get_line_filters()
        return filters if self._mask is None else [*filters, self._mask]

    def action_help(self) -> None:
        """Show all keys."""
        from vscan_tui.tui.screens.help import HelpScreen  # noqa: PLC0415 - not for the start

        active = {each.binding.id for each in self.screen.active_bindings.values()}
        here = {command.scope for command in COMMANDS if command.id in active}
        keys = usable(self.configuration.keys)
        self.push_screen(HelpScreen(keys, self.triage.met_needs(), here))

    async def action_quit_with_table(self) -> None:
        """Quit as ever, and leave the port table in the terminal."""
        self.leaves_table = True
        await self.action_quit()

    async def action_quit(self) -> None:
        """End the scan, so that its journal is closed, and then the program."""
        if self._is_leaving:
            self.exit(self._leaving_code, self._leaving_code)
            return
        self._is_leaving = True
        self.triage.show_stopping()
        self.run_worker(self._leave(), name="leave", exit_on_error=False)

    async def _end_scan(self) -> None:
        if self._scan is not None and not self._scan.is_finished:
            self._scan.cancel()
            # after its time is up, the terminal belongs to the user again
            with suppress(TimeoutError):
                await asyncio.wait_for(self._scan_ended.wait(), _PATIENCE)
        with suppress(TimeoutError):
            if self._by_hand is not None:
                await asyncio.wait_for(self._by_hand.close(), _PATIENCE)

    async def _leave(self) -> None:
        await self._end_scan()
        self.feed.drain()
        self.exit(self._leaving_code, self._leaving_code)

    def get_system_commands(
        self,
        screen: Screen[object],
    ) -> Iterable[SystemCommand]:
        """Offer in the palette those of our own commands that can do something now."""
        met = self.triage.met_needs()
        places = {Scope.PROGRAM: self, **getattr(screen, "command_places", dict)()}
        for command in COMMANDS:
            place = places.get(command.scope)
            if place is not None and command.in_palette and not command.obstacle(met):
                run = partial(self._run_command, command.action, place)
                keys = keys_text(command, usable(self.configuration.keys))
                text = f"{command.details}; {keys}" if command.details else keys
                yield SystemCommand(command.title, text, run)

    async def _run_command(self, action: str, place: DOMNode) -> None:
        if isinstance(place, LineView) and not place.has_focus:
            self.triage.bring(place)
        await self.run_action(action, default_namespace=place)

    def _fatal_error(self) -> None:
        """End with a sentence where Textual would print a traceback."""
        if self.debug:
            super()._fatal_error()
            return
        error = self._exception
        reason = printable(f"{type(error).__name__}: {error}")
        self._exit_renderables.append(
            Text(
                f"vscan had to stop because of a mistake in itself ({reason}). "
                "Please report it; TEXTUAL=debug in the environment shows more."
            )
        )
        self._close_messages_no_wait()
