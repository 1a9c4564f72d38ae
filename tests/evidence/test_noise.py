"""The bundled rules say nothing about what is no protocol."""

import random
from collections.abc import Iterator

import pytest

from tests.evidence.test_evidence import matcher

TEXT = (
    "the quick server ready login error http html body title version 1.0 not found please "
    "welcome 220 user name password ok failed hello unknown command 500 400 200"
)
WORDS = TEXT.split()
LINE_ENDS = ("", "\n", "\r\n")
RESPONSES = 400
"""Of each kind: few enough to stay quick with some eighty probes for each."""


def random_bytes(source: random.Random) -> bytes:
    """Anything but four bytes: those may well be a time (RFC 868), or epmd's own port."""
    return source.randbytes(source.choice((1, 2, 3, 5, 6, 7, 8, 9, 12, 16, 32, 48, 100, 700)))


def little_numbers(source: random.Random) -> bytes:
    """Begins as binary protocols do: with lengths and types."""
    head = bytes(source.randrange(5) for _ in range(source.randrange(1, 6)))
    return head + source.randbytes(source.randrange(5, 40))


def web_page(source: random.Random) -> bytes:
    title, text = (" ".join(source.choices(WORDS, k=k)) for k in (4, 40))
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><p>{text}</p></body>"
    return page.encode()


def line_of_words(source: random.Random) -> bytes:
    text = " ".join(source.choices(WORDS, k=source.randrange(1, 12)))
    return f"~ {text}{source.choice(LINE_ENDS)}".encode()


def json_object(source: random.Random) -> bytes:
    return f'{{"{source.choice(WORDS)}":"{" ".join(source.choices(WORDS, k=3))}"}}\n'.encode()


def of_kind(kind) -> Iterator[bytes]:
    source = random.Random(kind.__name__)
    return (kind(source) for _ in range(RESPONSES))


@pytest.mark.parametrize(
    "kind", [random_bytes, little_numbers, web_page, line_of_words, json_object]
)
def test_no_rule_fires_on_noise(kind):
    match, databases = matcher()

    fired = [
        (probe.name, response, found.file, found.line)
        for response in of_kind(kind)
        for probe in databases.probes
        if (found := match.match(probe, response).match) is not None
    ]

    assert fired == []
