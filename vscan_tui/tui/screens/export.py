"""Export an exchange: where to, and what became of it."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from vscan_tui.session.store import Exchange, Port
from vscan_tui.session.wording import readable
from vscan_tui.tui.overlay import Overlay
from vscan_tui.tui.widgets.key_bar import KeyBar
from vscan_tui.tui.widgets.line_input import PromptInput

_NEEDS = "text2pcap, of Wireshark, makes a capture of it:"
Lines = Callable[[str], Iterable[str]]
"""The name of a file to what is written to it."""


def free_name(stem: str, suffix: str, folder: Path | None = None) -> str:
    """Return a file name that is not taken: the stem, or with a number behind it.

    What cannot stand in a file name on every system becomes a dash.
    """
    stem = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in stem)
    folder = folder or Path()
    names = (f"{stem}{'' if number == 1 else f'-{number}'}{suffix}" for number in range(1, 1000))
    return next((name for name in names if not (folder / name).exists()), f"{stem}{suffix}")


def write_new(path: Path, lines: Iterable[str]) -> None:
    """Write a file that is not there yet.

    Args:
        path: of the file; `~` is the user's home.
        lines: with line ends.

    Raises:
        OSError: it is there already, or cannot be written.
        RuntimeError: there is no such home.
    """
    with path.expanduser().open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)


class ExportScreen(Overlay[None]):
    """Asks for a file name, and writes the file."""

    DEFAULT_CSS = """
    ExportScreen { align: center middle; }
    #export-box {
        width: 84; max-width: 96%; height: auto; background: $background;
        border: round $accent; padding: 0 1;
    }
    #export-box Input { background: $panel; margin: 1 0; }
    #export-trouble { color: $warning; height: auto; }
    """

    def __init__(self, what: str, name: str, lines: Lines, use: Callable[[str], str]) -> None:
        """Offer to write a file.

        Args:
            what: is written, for the first line of the question.
            name: of the file, unless the user says otherwise.
            lines: tells what to write.
            use: tells what to do with a file of some name, for the user.
        """
        super().__init__()
        self._what, self._suggested, self._lines, self._use = what, name, lines, use
        self._is_writing = False

    def compose(self) -> ComposeResult:
        """What is written, its name, and what went wrong."""
        with Vertical(id="export-box"):
            yield Static(self._what, markup=False)
            yield PromptInput(self._suggested, id="export-name")
            yield Static("", id="export-trouble", markup=False)
            yield KeyBar(id="export-keys")

    def on_mount(self) -> None:
        """Be ready to type."""
        self.query_one(PromptInput).focus()

    @on(Input.Submitted)
    async def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        if not name:
            self._tell("Type the name of a file.")
        elif not self._is_writing:
            self._is_writing = True
            self.run_worker(self._write(name), name="export", exit_on_error=False)

    async def _write(self, name: str) -> None:
        path = Path(name)
        try:
            await asyncio.to_thread(write_new, path, self._lines(path.name))
        except FileExistsError:
            self._tell("This file exists already; type another name.")
        except (OSError, ValueError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self._tell(f"It cannot be written: {readable(reason)}.")
        else:
            text = f"Written to {readable(name)}. {self._use(path.name)}"
            self.notify(text, timeout=12, markup=False)
            self.dismiss()
        finally:
            self._is_writing = False

    def _tell(self, trouble: str) -> None:
        self.query_one("#export-trouble", Static).update(trouble)


def export_of(port: Port, exchange: Exchange) -> ExportScreen:
    """Offer to write an exchange of a port as a hexdump that text2pcap reads."""
    from vscan_tui.reports.text2pcap import command, render  # noqa: PLC0415 - not at start

    at = port.endpoint
    stem = f"vscan-{at.address}-{at.protocol}{at.port}-exchange{exchange.number}"
    return ExportScreen(
        f"Exchange {exchange.number} of {at} is written as a hexdump with times and directions.",
        free_name(stem, ".txt"),
        lambda name: render(port, exchange, name),
        lambda name: f"{_NEEDS} {command(port, name)}",
    )
