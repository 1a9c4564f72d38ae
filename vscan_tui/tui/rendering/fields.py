"""The version fields of a rule that fired: what is written, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from vscan_tui.events import Span
from vscan_tui.probedb.templates import FIELD_NAMES, Piece, fill_cpe, piece_value, pieces
from vscan_tui.session.wording import printable
from vscan_tui.tui.rendering.line import Role, Run

_CPE = "cpe:/"
_TRAILING = " \t\n\v\f\r,"


@dataclass(frozen=True, slots=True)
class FieldText:
    """One version field: its name, the template, and the value, piece by piece."""

    name: str
    template: tuple[Run, ...]
    value: tuple[Run, ...]
    """Empty when the field is dropped."""


def captures(response: bytes, spans: Sequence[Span | None]) -> tuple[bytes | None, ...]:
    """Cut the whole match and each group out of a response."""
    return tuple(None if span is None else response[span[0] : span[1]] for span in spans)


def field_texts(
    templates: Sequence[tuple[str, str]], spans: Sequence[Span | None], response: bytes
) -> list[FieldText]:
    """Return every version field of a rule that matches, in the order in which it is written."""
    groups = captures(response, spans)
    return [_field(key, template, groups) for key, template in templates]


def _field(key: str, template: str, groups: Sequence[bytes | None]) -> FieldText:
    is_cpe = key == "cpe"
    found = pieces(template)
    delimiter = next((mark for mark in "/|%@=;" if mark not in template), "/")
    opening = f"cpe:{delimiter}" if is_cpe else f"{key}{delimiter}"
    written = (
        Run(opening, Role.DIM),
        *(Run(printable(piece.text), Role.PLAIN, piece.group) for piece in found),
        Run(delimiter, Role.DIM),
    )
    return FieldText(
        "cpe" if is_cpe else FIELD_NAMES.get(key, key),
        written,
        _value(found, groups, is_cpe=is_cpe),
    )


def _value(
    found: Sequence[Piece], groups: Sequence[bytes | None], *, is_cpe: bool
) -> tuple[Run, ...]:
    runs: list[Run] = [Run(_CPE)] if is_cpe else []
    for piece in found:
        value = piece_value(piece, groups)
        if value is None:
            return ()
        if is_cpe and piece.group:
            text = fill_cpe(piece.text, groups).removeprefix(_CPE)
        else:
            text = value.decode("latin-1")
        runs.append(Run(text, Role.PLAIN, piece.group))
    while runs and not runs[-1].text.rstrip(_TRAILING):
        runs.pop()
    if runs:
        last = runs[-1]
        runs[-1] = Run(last.text.rstrip(_TRAILING), last.role, last.group)
    return tuple(Run(printable(run.text), run.role, run.group) for run in runs if run.text)
