"""What the user has set: keys, colours and habits of the screen, in a TOML file.

A mistake in the file never keeps the program from starting: it is told with
its line, that setting is left at its default, and the rest holds.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

FILE_NAME = "config.toml"
MAX_BYTES = 1024 * 1024
_APP_NAME = "vscan"
_SETTINGS = ("theme", "mask", "leave_table")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings that hold; those that the file leaves out have their default."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys, separated by commas, by the id of their command; only those that differ."""
    theme: str = ""
    """Name of the theme; empty: the program's choice."""
    mask: bool = False
    """Addresses and names are hidden from the beginning."""
    leave_table: bool = False
    """The final port table stays in the terminal after quitting."""
    problems: tuple[str, ...] = ()
    """What is wrong in the file, a sentence each, with file and line."""
    places: Mapping[str, str] = field(default_factory=dict, compare=False)
    """File and line of each setting, by its name or the id of its command."""

    def told(self, faults: Iterable[tuple[str, str]]) -> list[str]:
        """Tell what is wrong, that with the settings' values too, in the order of the file.

        Args:
            faults: name of the setting, and what is wrong with it.
        """
        more = [f"{self.places.get(name, name)}: {text}" for name, text in faults]
        return sorted([*self.problems, *more], key=_line_number)


def _line_number(problem: str) -> int:
    found = re.match(r".*?:(\d+): ", problem)
    return int(found[1]) if found else 0


def configuration_path() -> Path:
    """Where the file is: in the user's configuration directory."""
    return Path(platformdirs.user_config_dir(_APP_NAME)) / FILE_NAME


def load_configuration(path: Path, commands: Collection[str]) -> Configuration:
    """Read the file; without one, everything is at its default.

    Args:
        path: of the file.
        commands: the ids of all commands that keys can be given to.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            return Configuration(problems=(f"{path}: larger than {MAX_BYTES} bytes; not read",))
        text = content.decode("utf-8-sig")
    except FileNotFoundError:
        return Configuration()
    except OSError as error:
        problem = f"{path}: cannot read it: {error.strerror or error}"
        return Configuration(problems=(problem,))
    except UnicodeDecodeError:
        return Configuration(problems=(f"{path}: not read, because it is not UTF-8",))
    return parse_configuration(text, str(path), commands)


def parse_configuration(text: str, name: str, commands: Collection[str]) -> Configuration:
    """Read the text of the file.

    Args:
        text: TOML.
        name: of the file, for the problems.
        commands: the ids of all commands.
    """
    import tomllib  # noqa: PLC0415 - few have such a file, and everybody waits for the screen

    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        problem = f"{name}: not read, because it is no TOML: {error}"
        return Configuration(problems=(problem,))
    return _Reader(text, name, commands).read(document)


class _Reader:
    """Collects settings and problems from one document."""

    def __init__(self, text: str, name: str, commands: Collection[str]) -> None:
        self._lines = text.splitlines()
        self._name = name
        self._commands = commands
        self._problems: list[str] = []

    def read(self, document: Mapping[str, object]) -> Configuration:
        screen = self._table(document, "screen")
        keys = self._keys(self._table(document, "keys"))
        for unknown in document.keys() - {"screen", "keys"}:
            self._problem(unknown, f"there is no section [{unknown}]; screen and keys are known")
        for unknown in screen.keys() - set(_SETTINGS):
            self._problem(
                unknown, f'there is no setting "{unknown}"{_did_you_mean(unknown, _SETTINGS)}'
            )
        theme = screen.get("theme", "")
        if not isinstance(theme, str):
            self._problem("theme", "theme is a name in quotes")
            theme = ""
        places = {name: f"{self._name}{self._line_of(name)}" for name in (*keys, *screen)}
        return Configuration(
            keys,
            theme,
            places=places,
            mask=self._switch(screen, "mask"),
            leave_table=self._switch(screen, "leave_table"),
            problems=tuple(self._problems),
        )

    def _table(self, document: Mapping[str, object], name: str) -> Mapping[str, object]:
        table = document.get(name, {})
        if isinstance(table, dict):
            return table
        self._problem(name, f"{name} is a section: write [{name}] on a line of its own")
        return {}

    def _switch(self, table: Mapping[str, object], name: str) -> bool:
        value = table.get(name, False)
        if isinstance(value, bool):
            return value
        self._problem(name, f"{name} is true or false, without quotes")
        return False

    def _keys(self, table: Mapping[str, object]) -> dict[str, str]:
        keys: dict[str, str] = {}
        for command, value in _flat(table):
            if command not in self._commands:
                near = _did_you_mean(command, self._commands)
                self._problem(command, f'there is no command "{command}"{near}')
            elif not isinstance(value, str) or not all(value.split(",")):
                self._problem(
                    command, f'the keys of {command} are names in quotes, such as "s" or "f2,s"'
                )
            else:
                keys[command] = ",".join(key.strip() for key in value.split(","))
        return keys

    def _problem(self, word: str, sentence: str) -> None:
        self._problems.append(f"{self._name}{self._line_of(word)}: {sentence}")

    def _line_of(self, word: str) -> str:
        """Find the line that a setting stands on: tomllib does not tell."""
        last = word.rpartition(".")[2]
        for shown in (word, last):
            pattern = re.compile(rf"[^#]*?(?<![\w-]){re.escape(shown)}(?![\w-])")
            for number, line in enumerate(self._lines, start=1):
                if pattern.match(line):
                    return f":{number}"
        return ""


def _flat(table: Mapping[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Take `move.first = "g"` as it reads, whichever way TOML nests it."""
    found: list[tuple[str, object]] = []
    for name, value in table.items():
        full = f"{prefix}{name}"
        found += _flat(value, f"{full}.") if isinstance(value, dict) else [(full, value)]
    return found


def _did_you_mean(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
