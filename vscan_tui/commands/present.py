"""Shows a source of events, on the screen or without one, and writes the reports."""

import asyncio
import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vscan_tui.commands.standard_output import print_lines
from vscan_tui.commands.status import ExitStatus
from vscan_tui.events import ScanEnding
from vscan_tui.options.model import STANDARD_STREAM, OutputOptions, ReportFile
from vscan_tui.session.source import EventSource
from vscan_tui.session.store import Port, Store
from vscan_tui.session.wording import readable

WITHOUT_DASK = "--engine dask needs dask's distributed; install vscan_tui[dask]"

if TYPE_CHECKING:
    from vscan_tui.matching.investigation import Investigation
    from vscan_tui.reports.options import ReportOptions
    from vscan_tui.scanning.by_hand.requests import ByHand
    from vscan_tui.session.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Presentation:
    """How to show a source."""

    output: OutputOptions
    note: str = ""
    """A line for the screen that says what is shown, when it is no live scan."""
    recorder: "Recorder | None" = None
    """Where the session is being recorded."""
    trace: bool = False
    investigation: "Investigation | None" = None
    """Answers on the screen what rules make of a response."""
    by_hand: "Callable[[], ByHand] | None" = None
    """Makes what lets the user step ports and send payloads; None where nothing can be sent."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    store: Store
    is_interrupted: bool
    prints_table: bool
    unwritten: tuple[ReportFile, ...]
    """The reports that have still to be written."""
    status: ExitStatus = ExitStatus.DONE


def present(source: EventSource, presentation: Presentation) -> ExitStatus:
    """Run a source to its end and report it; returns what the exit status should be."""
    if wants_screen(presentation.output):
        outcome = _on_screen(source, presentation)
    else:
        outcome = _without_screen(source, presentation)
    store = outcome.store
    status = _write_reports(outcome, presentation.output)
    recorder = presentation.recorder
    if recorder is not None and recorder.written:
        only = f", but only the beginning: {recorder.error}" if recorder.error else ""
        say(f"Recorded in {recorder.path}{only}")
    if outcome.is_interrupted:
        return ExitStatus.INTERRUPTED
    if store.ended is not None and store.ended.ending is ScanEnding.FAILED:
        say(f"vscan: the scan failed: {store.ended.reason}")
        return ExitStatus.FAILED
    is_partial = any(warning.partial for warning in store.warnings)
    return ExitStatus.FAILED if is_partial else status


def say(text: str) -> None:
    """Tell the user, on standard error; what came from files and names is made harmless."""
    print(readable(text), file=sys.stderr)  # noqa: T201


def wants_screen(output: OutputOptions) -> bool:
    """Whether to show the screen: standard output is a terminal that no report needs."""
    return (
        not output.headless
        and output.on_standard_output is None
        and sys.stdout.isatty()
        and sys.stdin.isatty()
    )


def _on_screen(source: EventSource, presentation: Presentation) -> _Outcome:
    gc.disable()  # until the screen is there: what a start makes is there to stay
    # Half a second that others need not pay.
    from vscan_tui.configuration import configuration_path, load_configuration  # noqa: PLC0415
    from vscan_tui.tui.app import VscanApp  # noqa: PLC0415
    from vscan_tui.tui.keymap import COMMAND_IDS  # noqa: PLC0415
    from vscan_tui.tui.view_state import (  # noqa: PLC0415
        load_view_state,
        save_view_state,
        view_state_path,
    )

    recorder = presentation.recorder
    app = VscanApp(
        source,
        note=presentation.note,
        journal=str(recorder.path) if recorder is not None else "",
        recorder=recorder,
        configuration=load_configuration(configuration_path(), COMMAND_IDS),
        investigation=presentation.investigation,
        by_hand=presentation.by_hand,
    )
    app.restore_view(load_view_state(view_state_path()))
    app.triage.submission = _submission
    # What is there now stays: rules and modules.  The garbage collector held the screen up for a
    # tenth of a second each time it went through all of it.
    gc.freeze()

    async def run() -> None:
        if recorder is None:
            await app.run_async()
            return
        async with recorder.running(app.feed.emit):
            await app.run_async()

    asyncio.run(run())
    app.feed.drain()  # the journal's last words, if it has had any
    with suppress(OSError):  # the arrangement of the screen is not worth a word
        save_view_state(view_state_path(), app.view_state)
    if app.return_code == ExitStatus.FAILED:
        raise SystemExit(ExitStatus.FAILED)  # the screen has said why
    interrupted = app.return_code == ExitStatus.INTERRUPTED
    return _Outcome(app.store, interrupted, app.leaves_table, presentation.output.reports)


def _submission(port: Port, rule: str, probe: str) -> str:
    from vscan_tui.commands.submission import submission  # noqa: PLC0415 - not for the start

    return submission(port, rule, probe)


def _without_screen(source: EventSource, presentation: Presentation) -> _Outcome:
    from vscan_tui.commands.headless import HeadlessRun  # noqa: PLC0415 - not for the screen

    run = HeadlessRun(
        source,
        presentation.output,
        _report_options(presentation.output),
        recorder=presentation.recorder,
        trace=presentation.trace,
    )
    run.run()
    status = ExitStatus.FAILED if run.has_failed else ExitStatus.DONE
    return _Outcome(run.store, run.interrupted, run.prints_table, run.unwritten, status)


def _report_options(output: OutputOptions) -> "ReportOptions":
    # Not needed before the screen is there.
    from vscan_tui.reports.options import ReportOptions  # noqa: PLC0415
    from vscan_tui.scanning.targets.port_table import load_port_table  # noqa: PLC0415

    return ReportOptions(
        reasons=output.show_reasons,
        open_only=output.only_open,
        verbosity=max(output.verbosity, output.debugging),
        debugging=output.debugging,
        table_name=load_port_table().name,
    )


def _write_reports(outcome: _Outcome, output: OutputOptions) -> ExitStatus:
    """Write the reports that have still to be written; returns what the exit status should be."""
    if not outcome.prints_table and not outcome.unwritten:
        return outcome.status
    # The screen needs them only when it is left.
    from vscan_tui.reports import files, normal  # noqa: PLC0415

    store, options, status = outcome.store, _report_options(output), outcome.status
    if outcome.prints_table:
        print_lines(normal.render_for_terminal(store, options))
    for report in outcome.unwritten:
        text = files.FORMATS[report.format].render(store, options)
        if report.path == STANDARD_STREAM:
            print_lines(text)
            continue
        try:
            files.write_text(Path(report.path), text)
        except OSError as error:
            say(f"vscan: {report.path}: cannot write the report: {error.strerror or error}")
            status = ExitStatus.FAILED
    return status
