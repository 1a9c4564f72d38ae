"""A scan without a screen: progress and warnings on standard error, nothing on standard output."""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from vscan_tui.commands.standard_output import StandardOutput
from vscan_tui.events import Decided, Event, PortFound, Warned
from vscan_tui.options.model import STANDARD_STREAM, OutputOptions, ReportFormat
from vscan_tui.reports import files, normal
from vscan_tui.reports.growing import GrowingReport, ReportWriter
from vscan_tui.reports.options import ReportOptions
from vscan_tui.session.recorder import Recorder, recording
from vscan_tui.session.source import EventSource
from vscan_tui.session.store import Stage, Store
from vscan_tui.session.wording import (
    port_text,
    port_version_text,
    printable,
    readable,
    service_text,
)

_REFRESHES_PER_SECOND = 5
_WITH_EXCHANGES = frozenset(
    {ReportFormat.JSON_LINES, ReportFormat.CSV, ReportFormat.MARKDOWN, ReportFormat.HTML}
)
"""Reports that tell what was sent and received, not the verdicts alone."""


class HeadlessRun:
    """Runs a source to its end, folds its events into a store, and writes reports meanwhile.

    Of a scan, what a report can tell host by host is written so; a host that is in
    all reports leaves the store.
    """

    def __init__(
        self,
        source: EventSource,
        output: OutputOptions,
        options: ReportOptions,
        *,
        recorder: Recorder | None = None,
        trace: bool = False,
    ) -> None:
        """Be ready to run once.

        Args:
            source: where events come from.
            output: how much to say, and what reports there are to be.
            options: what the reports tell.
            recorder: writes while the source runs.
            trace: say every decision in a line.
        """
        self.store = Store(
            keeps_exchanges=any(report.format in _WITH_EXCHANGES for report in output.reports)
        )
        self.interrupted = False
        self.has_failed = False
        """Whether a report could not be written."""
        self.prints_table = output.on_standard_output is None
        """Whether what is known has still to be printed."""
        self.unwritten = output.reports
        """The reports that have still to be written."""
        self._standard_output = StandardOutput()
        self._writer: ReportWriter | None = None
        if not source.is_recording:
            self._writer = self._write_meanwhile(options)
        self._source = source
        self._output = output
        self._recorder = recorder
        self._trace = trace
        self._print: Callable[[str], None] = _print_plainly

    def _write_meanwhile(self, options: ReportOptions) -> ReportWriter:
        """Write what can be told host by host while the source runs."""
        reports, unwritten = [], []
        if self.prints_table:
            self.prints_table = False
            report = GrowingReport("standard output", normal.TERMINAL_PARTS, self._standard_output)
            reports.append(report)
        for file in self.unwritten:
            format_ = files.FORMATS[file.format]
            if not format_.grows:
                unwritten.append(file)
            elif file.path == STANDARD_STREAM:
                report = GrowingReport("standard output", format_.parts, self._standard_output)
                reports.append(report)
            else:
                sink = files.GrowingFile(Path(file.path))
                reports.append(GrowingReport(file.path, format_.parts, sink))
        self.unwritten = tuple(unwritten)
        return ReportWriter(
            self.store, reports, options, tell=self._tell_of_failure, lets_go=not unwritten
        )

    def run(self) -> None:
        """Run to the end, or until the user interrupts; either way the store has what was found."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        writing = self._writer.running() if self._writer is not None else nullcontext()
        async with writing, recording(self._recorder, self._take):
            await self._run_source()

    async def _run_source(self) -> None:
        with self._progress() as refresh:
            running = asyncio.create_task(self._source.run(self._take))
            with _stopping_on_signals(running), self._stats():
                while not running.done():
                    await asyncio.wait([running], timeout=1 / _REFRESHES_PER_SECOND)
                    refresh()
            try:
                await running
            except asyncio.CancelledError:
                self.interrupted = True

    def _take(self, event: Event) -> None:
        self.store.apply(event)
        if self._writer is not None:
            self._writer.observe(event)
        match event:
            case Warned() if not self._source.is_recording:
                where = f"{event.endpoint}: " if event.endpoint else ""
                self._say(f"vscan: warning: {where}{event.message}")
            case PortFound() if self._output.verbosity:
                endpoint = event.endpoint
                self._say(
                    f"Discovered {event.state} port {endpoint.port}/{endpoint.protocol} "
                    f"on {endpoint.address}"
                )
            case Decided() if self._trace:
                self._say(f"{event.endpoint}: {event.action} ({event.reason})")
            case _:
                self._say_verdict(event)

    def _say_verdict(self, event: Event) -> None:
        if self._output.verbosity < 2 and not self._trace:
            return
        endpoint = getattr(event, "endpoint", None)
        port = self.store.ports.get(endpoint) if endpoint is not None else None
        if port is not None and port.stage is Stage.FINISHED and port.finished == event.time:
            verdict = f"{service_text(port)} {port_version_text(port)}".strip()
            self._say(f"{port.endpoint.address}: {port_text(port)}: {port.outcome}: {verdict}")

    def _tell_of_failure(self, report: GrowingReport) -> None:
        self.has_failed = True
        self._print(readable(f"vscan: {report.name}: cannot write the report: {report.error}"))

    def _say(self, text: str) -> None:
        self._print(printable(text))

    @contextmanager
    def _stats(self) -> Iterator[None]:
        """Say every so often how far the scan is, if that is wanted (--stats-every)."""
        every = self._output.stats_every
        if every is None:
            yield
            return
        began = time.monotonic()

        async def say_so() -> None:
            while True:
                await asyncio.sleep(max(every, 1 / _REFRESHES_PER_SECOND))
                store = self.store
                self._say(
                    f"vscan: {time.monotonic() - began:.0f} s: {store.discovered} of "
                    f"{store.to_discover} ports looked for, {store.stages[Stage.FINISHED]} of "
                    f"{sum(store.stages.values())} services asked"
                )

        saying = asyncio.create_task(say_so())
        try:
            yield
        finally:
            saying.cancel()

    @contextmanager
    def _progress(self) -> Iterator[Callable[[], None]]:
        """A progress bar where standard error is a terminal, else nothing."""
        if not sys.stderr.isatty() or self._source.is_recording:
            yield lambda: None
            return
        from vscan_tui.commands.progress import progress_bar  # noqa: PLC0415 - brings rich

        with progress_bar(self.store) as bar:
            self._print = bar.say
            if sys.stdout.isatty():
                self._standard_output.aside = bar.aside
            try:
                yield bar.refresh
            finally:
                self._print, self._standard_output.aside = _print_plainly, nullcontext


def _print_plainly(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201


@contextmanager
def _stopping_on_signals(task: asyncio.Task[None]) -> Iterator[None]:
    """Cancel a task when the user interrupts or ends the program; once, so that it can report."""
    loop = asyncio.get_running_loop()
    names = [signal.SIGINT, *([signal.SIGTERM] if sys.platform != "win32" else [])]
    installed = []
    for name in names:
        with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows has no such handlers
            loop.add_signal_handler(name, task.cancel)
            installed.append(name)
    try:
        yield
    except asyncio.CancelledError:  # where the handlers are missing, SIGINT cancels us
        task.cancel()
    finally:
        for name in installed:
            loop.remove_signal_handler(name)
