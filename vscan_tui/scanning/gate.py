"""What is awaited before something new is begun."""

from collections.abc import Awaitable, Callable

Gate = Callable[[], Awaitable[object]]
"""Returns when it may be begun."""


async def open_gate() -> None:
    """Hold nobody up."""
