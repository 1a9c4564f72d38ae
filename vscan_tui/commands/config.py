"""`vscan config`: tells what the user has set, and writes a file to begin with."""

import os
import textwrap
from pathlib import Path

from textual.theme import BUILTIN_THEMES

from vscan_tui.commands.present import say
from vscan_tui.commands.status import ExitStatus
from vscan_tui.configuration import Configuration, configuration_path, load_configuration
from vscan_tui.options.model import ConfigOptions
from vscan_tui.session.wording import readable
from vscan_tui.tui.keymap import COMMAND_IDS, COMMANDS, Topic, faults
from vscan_tui.tui.themes import THEMES

_HEAD = f"""\
# Settings of vscan.  A line that begins with # is a comment, here the default;
# take the # away and change the value.  `vscan config` tells what is wrong.

[screen]
# One of {", ".join(theme.name for theme in THEMES)}, or another theme of Textual.
# theme = "{THEMES[0].name}"

# Hide addresses and host names from the beginning, for screenshots.
# mask = false

# Leave the final port table in the terminal after quitting.
# leave_table = false

# Keys by command.  Several are separated by commas: "s,f2".  Names such as
# "ctrl+s", "f2", "enter", "space", "pageup" are those of Textual.
[keys]
"""


def config(options: ConfigOptions) -> ExitStatus:
    """Tell the settings, or write the default file."""
    path = configuration_path()
    if options.init:
        return _write(path)
    settings = load_configuration(path, COMMAND_IDS)
    print(readable(str(path)) if path.exists() else f"{readable(str(path))} (not there yet)")  # noqa: T201
    for line in _told(settings):
        print(readable(line))  # noqa: T201
    wrong = faults(settings.keys)
    names = {theme.name for theme in THEMES} | BUILTIN_THEMES.keys()
    if settings.theme and settings.theme not in names:
        wrong.append(("theme", f'there is no theme "{settings.theme}"'))
    problems = settings.told(wrong)
    for problem in problems:
        say(f"vscan: {problem}")
    if not path.exists():
        say("vscan config --init writes one with all defaults, to be changed.")
    return ExitStatus.FAILED if problems else ExitStatus.DONE


def _told(settings: Configuration) -> list[str]:
    told = [f"theme = {settings.theme}"] if settings.theme else []
    told += [name for name in ("mask", "leave_table") if getattr(settings, name)]
    return told + [f"{command} = {keys}" for command, keys in settings.keys.items()]


def commented_default() -> str:
    """Return the text of a file in which every setting stands as a comment, with its default."""
    parts = [_HEAD]
    for topic in Topic:
        members = [command for command in COMMANDS if command.topic is topic and command.keys]
        if members:
            parts.append(f"\n# {topic.value}\n")
        for command in members:
            help_lines = textwrap.wrap(f"{command.help}.", 76)
            parts += [f"# {line}\n" for line in help_lines]
            parts.append(f"# {command.id} = {_quoted(command.keys)}\n")
    return "".join(parts)


def _quoted(keys: str) -> str:
    escaped = keys.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write(path: Path) -> ExitStatus:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # never over a file that somebody has written
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
            file.write(commented_default())
    except FileExistsError:
        say(f"vscan: {path} is there already; move it away to have a new one written.")
        return ExitStatus.FAILED
    except OSError as error:
        say(f"vscan: {path}: cannot write it: {error.strerror or error}")
        return ExitStatus.FAILED
    print(readable(str(path)))  # noqa: T201
    return ExitStatus.DONE
