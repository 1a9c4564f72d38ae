r"""A model to text in the `nmap-service-probes` format: the parser's other direction.

What is written is printable ASCII, so that it survives any editor: other bytes
of a regex become `\xHH`, which PCRE2 reads as the same byte.
"""

import re
import string
from collections.abc import Iterable
from typing import Protocol

DELIMITERS = "|/%=@#!~;&\"',`?" + string.digits + "\xa7"
"""Tried in this order; the first that is not in the text is taken.  What is written is ASCII, so
the last always serves."""
_PAYLOAD_ESCAPES = {0x00: r"\0", 0x0A: r"\n", 0x0D: r"\r", 0x09: r"\t", 0x5C: r"\\"}
_NOT_PLAIN = re.compile(rb"\\.|[^\x20-\x7e]", re.DOTALL)


class WrittenRule(Protocol):
    """What a rule and a match have in common."""

    @property
    def service(self) -> str:
        """The service's name."""

    @property
    def soft(self) -> bool:
        """Whether it is a softmatch line."""

    @property
    def pattern(self) -> bytes:
        """The regex."""

    @property
    def flags(self) -> str:
        """Any of "i" and "s"."""

    @property
    def templates(self) -> tuple[tuple[str, str], ...]:
        """The version fields as written."""


def rule_line(rule: WrittenRule) -> str:
    """Write a rule as a match or softmatch line, without a line end."""
    pattern = pattern_text(rule.pattern)
    delimiter = delimiter_for(pattern)
    words = [
        "softmatch" if rule.soft else "match",
        rule.service,
        f"m{delimiter}{pattern}{delimiter}{rule.flags}",
        *(field_text(key, template) for key, template in rule.templates),
    ]
    return " ".join(words)


def field_text(key: str, template: str) -> str:
    """Write one version field, such as `p/nginx/` or `cpe:/a:f5:nginx:$1/`."""
    shown = "".join(letter if " " <= letter <= "~" else "." for letter in template)
    delimiter = delimiter_for(shown, "/" + DELIMITERS)
    opening = "cpe:" if key == "cpe" else key
    return f"{opening}{delimiter}{shown}{delimiter}"


def pattern_text(pattern: bytes) -> str:
    r"""Write a regex in printable ASCII; other bytes as `\xHH`, which means the same."""

    def shown(found: re.Match[bytes]) -> bytes:
        text = found.group()
        if len(text) == 1:
            return b"\\x%02x" % text[0]
        if 0x20 <= text[1] <= 0x7E:
            return text
        return b"\\x%02x" % text[1]  # a backslash before such a byte means nothing

    return _NOT_PLAIN.sub(shown, pattern).decode("ascii")


def delimiter_for(text: str, choices: Iterable[str] = DELIMITERS) -> str:
    """Choose a delimiter that is not in a text; the first if all are."""
    choices = tuple(choices)
    return next((mark for mark in choices if mark not in text), choices[0])


def payload_text(payload: bytes) -> str:
    r"""Write a payload with its delimiters, such as `q|GET / HTTP/1.0\r\n\r\n|`."""
    text = "".join(
        _PAYLOAD_ESCAPES.get(byte) or (chr(byte) if 0x20 <= byte <= 0x7E else f"\\x{byte:02x}")
        for byte in payload
    )
    delimiter = delimiter_for(text)
    return f"q{delimiter}{text}{delimiter}"
