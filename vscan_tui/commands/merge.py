"""`vscan merge A B -o FILE`: several sessions as one journal."""

import os
from pathlib import Path

from vscan_tui.commands.present import say
from vscan_tui.commands.status import ExitStatus
from vscan_tui.commands.stored import session_events
from vscan_tui.events import Event
from vscan_tui.options.model import MergeOptions
from vscan_tui.session.journal import JournalError, encode, header_line
from vscan_tui.session.merging import merged
from vscan_tui.session.packing import Packer, is_packed_name


def merge(options: MergeOptions) -> ExitStatus:
    """Write a new journal with all that is in some others."""
    target = Path(options.output)
    try:
        paths = sorted(map(Path, options.files), key=_beginning)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except JournalError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    except FileExistsError:
        say(f"vscan: {target}: is there already; choose another name, or remove it first")
        return ExitStatus.FAILED
    except OSError as error:
        say(f"vscan: {target}: cannot write it: {error.strerror or error}")
        return ExitStatus.FAILED
    packer = Packer() if is_packed_name(target) else None
    count = 0
    try:
        with os.fdopen(descriptor, "wb") as file:

            def write(data: bytes) -> None:
                file.write(data if packer is None else packer.compressed(data))

            write(header_line())
            for event in merged(map(session_events, paths)):
                write(encode(event))
                count += 1
            if packer is not None:
                file.write(packer.end())
    except (JournalError, OSError) as error:
        target.unlink(missing_ok=True)
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    say(f"{count} events of {len(paths)} sessions written to {target}")
    return ExitStatus.DONE


def _beginning(path: Path) -> float:
    """When a session began, in seconds since the epoch."""
    first: Event | None = next(session_events(path), None)
    return 0.0 if first is None else first.time
