r"""Which part of a regex is what, by its signs alone, for showing it in colours.

Reads a regex that is still being typed as well as a finished one: nothing has
to be balanced, and everything has a kind.
"""

import re
from enum import StrEnum
from functools import lru_cache

from vscan_tui.events import Span


class Kind(StrEnum):
    """What a piece of a regex is."""

    LITERAL = "literal"
    ESCAPE = "escape"
    CLASS = "class"
    GROUP = "group"
    QUANTIFIER = "quantifier"
    ANCHOR = "anchor"
    REFERENCE = "reference"


_PIECE = re.compile(
    rb"""
      (?P<quoted> \\Q .*? (?: \\E | \Z ) )
    | (?P<reference> \\[1-9]\d? | \\[gk] (?: \{[^}]*\} | <[^>]*> | [+-]?\d+ )? )
    | (?P<class> \\[dDwWsShHvVNCRX] | \\[pP](?:\{[^}]*\}|\w) | \.
               | \[ \^? \]? (?: \[:\^?[a-z]+:\] | \\. | [^\]\\] )* \]? )
    | (?P<anchor> \\[bBAzZG] | [\^$] )
    | (?P<escape> \\x\{[0-9A-Fa-f]*\} | \\x[0-9A-Fa-f]{0,2} | \\[0-7]{1,3} | \\. | \\\Z )
    | (?P<group> \( (?: \?\#[^)]*\)? | \? (?: [:>=!|] | <[=!] | P?<\w*>? | '\w*'?
                      | [a-zA-Z-]*[:)] )
                    | \*[A-Z_:=\d]*\)? )?
               | \) | \| )
    | (?P<quantifier> (?: [*+?] | \{\ *\d*\ *(?:,\ *\d*\ *)?\} ) [+?]? )
    | (?P<literal> . )
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=512)
def coloured(pattern: bytes) -> tuple[tuple[Span, Kind], ...]:
    """Say of every byte of a regex what it is part of: (place, kind), in order, without gaps."""
    found: list[tuple[Span, Kind]] = []
    for piece in _PIECE.finditer(pattern):
        name = piece.lastgroup or "literal"
        kind = Kind.LITERAL if name == "quoted" else Kind(name)
        span = piece.span()
        if kind is Kind.LITERAL and found and found[-1][1] is Kind.LITERAL:
            span = found.pop()[0][0], span[1]
        found.append((span, kind))
    return tuple(found)
