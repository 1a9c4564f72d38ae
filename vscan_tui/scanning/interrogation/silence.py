"""Notices that a host that did answer no longer does."""

from vscan_tui.events import ConnectionFailed, ConnectionOpened, Event, PortFound, PortState

ENOUGH_PORTS = 3
"""So many ports in a row, and nothing heard in between: one alone may be what it is."""


class Silence:
    """Looks at the events of a scan, and tells once of each host that went away."""

    def __init__(self) -> None:
        """Begin with no host heard of."""
        self._unanswered: dict[str, set[int]] = {}
        """Of each host that was heard: the ports that have not answered since."""
        self._told: set[str] = set()

    def observe(self, event: Event) -> str:
        """Return a sentence if it is now clear that a host went away, else nothing."""
        match event:
            case ConnectionOpened(endpoint=endpoint) if endpoint.protocol == "tcp":
                self._unanswered[endpoint.address] = set()
            case PortFound(endpoint=endpoint, state=PortState.OPEN, latency=float()):
                self._unanswered.setdefault(endpoint.address, set())
            case ConnectionFailed(endpoint=endpoint, unanswered=True):
                return self._missed(endpoint.address, endpoint.port)
            case _:
                pass
        return ""

    def _missed(self, address: str, port: int) -> str:
        unanswered = self._unanswered.get(address)
        if unanswered is None:
            return ""
        unanswered.add(port)
        if len(unanswered) < ENOUGH_PORTS or address in self._told:
            return ""
        self._told.add(address)
        return (
            f"{address} no longer answers; what was found until then is kept, "
            "so the result is partial"
        )
