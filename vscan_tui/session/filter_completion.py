"""What may come next in a filter that is being typed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vscan_tui.session.filter import CONDITIONS, FIELDS
from vscan_tui.session.filter_syntax import FilterError, Term, parse

Values = Callable[[str], Iterable[tuple[str, int]]]
"""The name of a field to the values that ports have there, each with how many have it."""

MAX_COMPLETIONS = 50
_FREE = ("service", "host", "probe", "product", "os", "device")
"""Fields that may have any value, of which those that occur are offered."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One way to go on: replace text[start:end] by something."""

    replacement: str
    start: int
    end: int
    help: str = ""

    def applied(self, text: str) -> tuple[str, int]:
        """Return the text with this completion, and where the cursor is then."""
        return (
            text[: self.start] + self.replacement + text[self.end :],
            self.start + len(self.replacement),
        )


def completions(text: str, cursor: int, values: Values) -> list[Completion]:
    """Return the ways to go on at the cursor, the likeliest first.

    Args:
        text: what has been typed.
        cursor: where, in characters from the beginning.
        values: what the ports have in a field; asked only for fields with free values.
    """
    before = text[:cursor]
    try:
        terms = parse(before)
    except FilterError:
        return []
    last = terms[-1] if terms and terms[-1].end == len(before) else None
    if last is not None and last.items[-1].quoted:
        return []
    if last is not None and last.field:
        return _values(last, values)[:MAX_COMPLETIONS]
    typed, start = (last.items[0].text, last.items[0].start) if last else ("", len(before))
    return _names(typed.lower(), start, len(before))


def _names(typed: str, start: int, end: int) -> list[Completion]:
    fields = [(f"{field.name}:", field.help) for field in FIELDS]
    conditions = [(condition.name, condition.help) for condition in CONDITIONS]
    return [
        Completion(name, start, end, help_)
        for name, help_ in [*fields, *conditions]
        if name.startswith(typed) and name != typed
    ]


def _values(term: Term, values: Values) -> list[Completion]:
    item = term.items[-1]
    typed = item.text.lower()
    field = next((field for field in FIELDS if field.name == term.field), None)
    if field is None or term.operator == "~":
        return []
    if field.choices:
        helps = {condition.name: condition.help for condition in CONDITIONS}
        found = [(choice, helps.get(choice, "")) for choice in field.choices]
    elif field.name in _FREE:
        ranked = sorted(values(field.name), key=lambda pair: (-pair[1], pair[0]))
        found = [(_quoted(value), f"{count:,}") for value, count in ranked if value]
    else:
        return []
    return [
        Completion(value, item.start, item.end, help_)
        for value, help_ in found
        if value.strip('"').lower().startswith(typed) and value.lower() != typed
    ]


def _quoted(value: str) -> str:
    if any(letter.isspace() or letter in ',"' for letter in value):
        escaped = value.replace('"', '\\"')
        return f'"{escaped}"'
    return value
