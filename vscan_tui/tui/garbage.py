"""Keeps the garbage collector from stopping the screen.

With 65,535 ports, Python's full collection takes 170 ms, during which no key is
answered; it comes again and again while a scan grows.  What a scan has found
stays until the program ends, so it is set aside once it has been looked at.
"""

import gc

_YOUNG = 2000
"""Objects that are made before the young ones are looked at."""
_MIDDLE = 10
_NEVER = 1_000_000
_DUE = 2
"""So many times the middle generation was collected before what is left is set aside."""


class Garbage:
    """Collects little and often, from `begin` to `end`."""

    def __init__(self) -> None:
        self._thresholds: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """Set aside all that the start of the program has made."""
        self._thresholds = gc.get_threshold()
        gc.enable()
        gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)
        gc.freeze()

    def tick(self) -> None:
        """Collect what is new, if there is much of it, and set aside what is still in use."""
        if self._thresholds is not None and gc.get_count()[2] >= _DUE:
            gc.collect()
            gc.freeze()

    def end(self) -> None:
        """Leave everything as it was."""
        if self._thresholds is not None:
            gc.set_threshold(*self._thresholds)
            gc.unfreeze()
            self._thresholds = None
