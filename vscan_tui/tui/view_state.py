"""How the user has arranged the screen, kept from one run to the next.

Unlike the settings, nobody writes this file by hand: the screen writes it when it
is left.  A file that cannot be read is as good as none.
"""

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import platformdirs

_APP_NAME = "vscan"
_FILE_NAME = "screen.json"
_MAX_BYTES = 64 * 1024
_MAX_BREAKPOINTS = 200


class ViewState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that is as the user left it; the defaults are those of a first run."""

    columns: tuple[str, ...] = ()
    """Ids of columns of the port table; empty: the default."""
    sorted_by: str = "host"
    """Id of a column."""
    reverse: bool = False
    by_host: bool = False
    share: float | None = None
    """Of the ports beside the details, or above them; None: not chosen."""
    heights: Mapping[str, float] = msgspec.field(default_factory=dict)
    """Weights of the panes of the details, by their id."""
    theme: str = ""
    """Name of a theme; empty: not chosen."""
    breakpoints: tuple[str, ...] = ()
    """As one writes them; in the next run they are there, and disabled."""


FIRST_RUN = ViewState()


def view_state_path() -> Path:
    """Where the file is: in the user's state directory."""
    return Path(platformdirs.user_state_dir(_APP_NAME)) / _FILE_NAME


def load_view_state(path: Path) -> ViewState:
    """Read the file; without one that is right, everything is as in a first run."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MAX_BYTES), type=ViewState)
    except (OSError, msgspec.DecodeError, ValueError):
        return FIRST_RUN


def save_view_state(path: Path, state: ViewState) -> None:
    """Write the file, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    kept = msgspec.structs.replace(state, breakpoints=state.breakpoints[:_MAX_BREAKPOINTS])
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{_FILE_NAME}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(kept))
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise
