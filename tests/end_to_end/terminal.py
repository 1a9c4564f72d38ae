"""A real terminal for tests: a tmux window with a shell in it."""

import io
import itertools
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.text import Text

PATIENCE = 20.0
POLL_SECONDS = 0.05
PROMPT = "prompt> "
CONFIGURATION = """
set -g status off
set -g default-terminal xterm-256color
set -sg escape-time 0
set -g set-clipboard off
set -g remain-on-exit on
"""


class Terminal:
    """What a person has in front of them."""

    def __init__(self, socket: Path) -> None:
        """Speak to the tmux server on a socket."""
        self._socket = socket
        self._markers = itertools.count(1)

    def tmux(self, *words: str) -> str:
        """Give a command to tmux, and return what it says."""
        done = subprocess.run(
            ["tmux", "-u", "-S", str(self._socket), *words],
            capture_output=True, encoding="utf-8", timeout=PATIENCE, check=True,
        )  # fmt: skip
        return done.stdout

    def value(self, name: str) -> str:
        """Return what tmux knows of the window, such as `alternate_on` or `pane_title`."""
        return self.tmux("display-message", "-p", f"#{{{name}}}").rstrip("\n")

    def lines(self) -> list[str]:
        """Return the lines that are seen."""
        return self.tmux("capture-pane", "-p").split("\n")[:-1]

    def text(self) -> str:
        """Return all that is seen."""
        return "\n".join(self.lines())

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, such as `Down` or `C-p`."""
        self.tmux("send-keys", *keys)

    def write(self, text: str) -> None:
        """Type text as it is."""
        self.tmux("send-keys", "-l", text)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def run(self, *words: object) -> None:
        """Type a command into the shell."""
        self.write(shlex.join(map(str, words)))
        self.press("Enter")

    def ask(self, command: str) -> str:
        """Run a short command in the shell, and return what it prints.

        In `$status` it has the exit status of what ran before.
        """
        number = next(self._markers)
        self.tmux("send-keys", "-l", f"status=$?; clear; {command}; echo end=$(({number}+0))=")
        self.press("Enter")
        self.wait_for(f"end={number}=")
        return self.text().partition(f"end={number}=")[0]

    def wait_for(self, *texts: str, without: Sequence[str] = ()) -> str:
        """Wait until all of these are seen, and none of those; returns all that is seen."""

        def is_seen(screen: str) -> bool:
            return all(text in screen for text in texts) and not any(
                text in screen for text in without
            )

        return self.wait_until(is_seen, f"{texts} without {without}")

    def wait_until(self, is_there: Callable[[str], bool], what: str = "what was expected") -> str:
        """Wait until the screen is as it should be; returns all that is seen."""
        deadline = time.monotonic() + PATIENCE
        screen = self.text()
        while not is_there(screen):
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} was not seen within {PATIENCE:.0f} s:\n{screen}")
            time.sleep(POLL_SECONDS)
            screen = self.text()
        return screen

    def picture(self, name: str) -> None:
        """Keep what is seen as a picture, in the folder that VSCAN_PICTURES names, if it does."""
        folder = os.environ.get("VSCAN_PICTURES")
        if not folder:
            return
        console = Console(record=True, width=int(self.value("window_width")), file=io.StringIO())
        console.print(
            Text.from_ansi(self.tmux("capture-pane", "-e", "-N", "-p")), soft_wrap=True, end=""
        )
        svg = console.export_svg(title="vscan", unique_id=f"vscan-{name}")
        Path(folder, f"{name}.svg").write_text(svg, encoding="utf-8")

    def child(self) -> int:
        """Return the process id of what the shell is running."""
        shell = self.value("pane_pid")
        done = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", shell],
            capture_output=True, encoding="utf-8", timeout=PATIENCE, check=True,
        )  # fmt: skip
        return int(done.stdout.split()[0])


@contextmanager
def terminal(
    environment: dict[str, str], *, width: int = 120, height: int = 36
) -> Iterator[Terminal]:
    """Open a terminal with a shell that waits for commands."""
    # the path of a socket has to be short
    with tempfile.TemporaryDirectory(prefix="vscan-tmux-", ignore_cleanup_errors=True) as name:
        socket, configuration = Path(name) / "socket", Path(name) / "tmux.conf"
        configuration.write_text(CONFIGURATION)
        start = Path(name) / "start.sh"  # where a shell for root would choose its own prompt
        start.write_text(f"PS1='{PROMPT}'\n")
        shell = {
            "ENV": str(start),
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LC_ALL": "C.UTF-8",
        }
        inherited = {key: text for key, text in os.environ.items() if not key.startswith("TMUX")}
        subprocess.run(
            ["tmux", "-u", "-S", str(socket), "-f", str(configuration), "new-session", "-d"]
            + ["-x", str(width), "-y", str(height), "sh", "-i"],
            env={**inherited, **environment, **shell},
            check=True, timeout=PATIENCE,
        )  # fmt: skip
        opened = Terminal(socket)
        try:
            opened.wait_for(PROMPT.strip())
            yield opened
        finally:
            subprocess.run(
                ["tmux", "-S", str(socket), "kill-server"], capture_output=True, check=False
            )
