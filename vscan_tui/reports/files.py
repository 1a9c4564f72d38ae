"""The report formats, and how a report becomes a file.

A report of what is known already appears under its name only when it is whole: it
is written beside it and then put in its place, so that a failure leaves an earlier
report as it was.  A report of a scan that goes on grows under its name, as Nmap's do.
"""

import contextlib
import errno
import importlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TextIO, cast

import msgspec

from vscan_tui.reports.options import DEFAULT_OPTIONS, ReportOptions
from vscan_tui.reports.parts import Parts, Render
from vscan_tui.session.store import Store


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
    grows: bool = True
    """Whether it can be written host by host; else all must be known before."""

    def render(self, store: Store, options: ReportOptions) -> Iterator[str]:
        """Yield the text of a report, in pieces."""
        return cast(Render, self._imported().render)(store, options)

    @property
    def parts(self) -> Parts:
        """How it is written host by host, if it can be."""
        return cast(Parts, self._imported().PARTS)

    def _imported(self) -> ModuleType:
        return importlib.import_module(f"vscan_tui.reports.{self.module}")


FORMATS = {
    report.suffix: report
    for report in (
        Format("nmap", "N", "Nmap's normal output", "normal"),
        Format("xml", "X", "Nmap's XML", "xml"),
        Format("gnmap", "G", "Nmap's grepable output", "grepable"),
        Format("jsonl", "J", "JSON lines", "jsonlines"),
        Format("csv", "C", "CSV", "csv"),
        Format("md", "D", "Markdown", "markdown", grows=False),
        Format("html", "H", "HTML", "html", grows=False),
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
    target = _target(path)
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


class GrowingFile:
    """A file that is written bit by bit: a `vscan_tui.reports.growing.Sink`.

    What is in a file of that name stays there until something is written.
    """

    def __init__(self, path: Path) -> None:
        """Touch nothing yet."""
        self._path = path
        self._stream: TextIO | None = None
        self._is_begun = False

    def open(self) -> None:
        """Open the file, or make it; raises OSError."""
        self._stream = _target(self._path).open("a", encoding="utf-8", newline="\n")

    def write(self, lines: Iterable[str]) -> None:
        """Write lines and flush them.

        Raises:
            OSError: they cannot be written, or the file has been deleted.
        """
        stream = self._stream
        if stream is None:
            raise OSError(errno.EBADF, "the file is not open")
        is_regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
        if is_regular and not self._is_begun:
            stream.truncate(0)
        self._is_begun = True
        stream.writelines(lines)
        stream.flush()
        if is_regular and os.fstat(stream.fileno()).st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, "the file has been deleted")

    def close(self) -> None:
        """Close the file; raises OSError."""
        if self._stream is not None:
            self._stream.close()


def _target(path: Path) -> Path:
    """The file that a path means; raises IsADirectoryError."""
    target = path.resolve()
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a directory; give the name of a file", str(path))
    return target
