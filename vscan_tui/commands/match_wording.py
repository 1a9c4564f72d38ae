"""How `vscan match` shows text of anybody's."""


def one_line(text: str, *, limit: int = 2000) -> str:
    """Text of anybody's as one line that steers no terminal."""
    shown = "".join(letter if letter.isprintable() and letter.isascii() else "." for letter in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
