"""The report formats, and how a report becomes a file.

A report appears under its name only when it is whole: it is written beside it
and then put in its place, so that a failure leaves an earlier report as it was.
"""

import contextlib
import errno
import importlib
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import cast

import msgspec

from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.session.store import Store

Render = Callable[[Store, ReportOptions], Iterator[str]]


class Format(msgspec.Struct, frozen=True):
    """One report format."""

    suffix: str
    """What `-oA` gives the file, without the dot."""
    letter: str
    """The option is `-o` and this letter."""
    title: str
    """What to call it in help and messages."""
    module: str
    """Of this package; imported when it is needed, because a scan needs one or two of them."""

    def render(self, store: Store, options: ReportOptions) -> Iterator[str]:
        """Yield the text of a report, in pieces."""
        module = importlib.import_module(f"vscan_tui.reports.{self.module}")
        return cast(Render, module.render)(store, options)


FORMATS = {
    report.suffix: report
    for report in (
        Format("nmap", "N", "Nmap's normal output", "normal"),
        Format("xml", "X", "Nmap's XML", "xml"),
        Format("gnmap", "G", "Nmap's grepable output", "grepable"),
        Format("jsonl", "J", "JSON lines", "jsonlines"),
        Format("csv", "C", "CSV", "csv"),
        Format("md", "D", "Markdown", "markdown"),
        Format("html", "H", "HTML", "html"),
    )
}
"""Every format by its suffix."""


def write_report(
    path: Path, suffix: str, store: Store, options: ReportOptions = DEFAULT_OPTIONS
) -> None:
    """Write one report, in UTF-8 with a bare line feed after each line.

    Raises:
        OSError: the file cannot be written; an earlier report of that name is unharmed.
        KeyError: there is no format of that suffix.
    """
    write_text(path, FORMATS[suffix].render(store, options))


def write_text(path: Path, lines: Iterable[str]) -> None:
    """Write text to a file that appears when it is whole.

    What is no regular file, such as `/dev/stdout` or a named pipe, is written to
    directly; a symbolic link is followed.

    Raises:
        OSError: the file cannot be written; an earlier one of that name is unharmed.
    """
    target = path.resolve()
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a directory; give the name of a file", str(path))
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(lines)
        return
    unfinished = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        with unfinished.open("x", encoding="utf-8", newline="\n") as stream:
            stream.writelines(lines)
        if target.exists():
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise
