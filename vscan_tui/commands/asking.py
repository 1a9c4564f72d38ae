"""What it takes to ask the ports of a recording once more."""

from vscan_tui.commands.databases import load_quietly
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.model import DEFAULT_INTENSITY
from vscan_tui.scanning.by_hand.requests import ByHand, Means
from vscan_tui.scanning.interrogation.matching_thread import MatchingThread
from vscan_tui.scanning.transport.sockets import AsyncioTransport


def by_hand() -> ByHand:
    """Make what carries out the user's steps and payloads; databases are loaded on first use."""
    return ByHand(_means)


def _means() -> Means:
    databases = load_quietly()
    matching = MatchingThread(Matcher(databases))
    return Means(databases, AsyncioTransport(), matching, DEFAULT_INTENSITY)
