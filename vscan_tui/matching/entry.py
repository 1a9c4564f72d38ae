"""How a rule is filed, so that it is looked at only for responses that it may match."""

import msgspec

from vscan_tui.matching.start import Start


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One alternative of one rule.  All literals are in lower case."""

    rule: int
    key: bytes
    """The literal that it is filed under; empty when it is filed by its start."""
    prefix: bytes
    runs: tuple[bytes, ...]
    start: Start
