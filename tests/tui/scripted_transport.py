"""A network of one answer to each payload, with no socket and no time passing."""

import asyncio

from tests.scanning.playbook import databases
from vscan_tui.matching.matcher import Matcher
from vscan_tui.scanning.by_hand.requests import ByHand, Means
from vscan_tui.scanning.interrogation.matching_thread import MatchingThread
from vscan_tui.scanning.transport.sockets import ConnectionEndedError

RULES = r"""
Probe TCP NULL q||
totalwaitms 6000
match ssh m|^SSH-([\d.]+)-(\S+)| p/$2/ i/protocol $1/
softmatch ftp m|^220 |
Probe TCP GenericLines q|\r\n\r\n|
rarity 1
ports 7,9999
totalwaitms 500
match echo m|^\r\n\r\n$| p/Echo/
Probe TCP GetRequest q|GET / HTTP/1.0\r\n\r\n|
rarity 1
ports 80,8000-8010
sslports 443
match http m|^HTTP/1\.[01] .*Server: (\w+)|s p/$1/
Probe TCP Help q|HELP\r\n|
rarity 3
match trick m|^I speak (\w+) (\d+)| p/$1/ v/$2/
Probe TCP Rare q|\0\x01rare|
rarity 9
match rare m|^rare|
Probe UDP DnsStatus q|\0\0\x10\0|
rarity 2
ports 53
match domain m|^\0\0\x90| p/DNS/
"""


class ScriptedConnection:
    def __init__(self, answers, banner):
        self.tls = None
        self._answers = answers
        self._unread = [banner] if banner else []

    async def send(self, payload):
        answer = self._answers.get(payload)
        if answer is not None:
            self._unread.append(answer)

    async def receive(self, within):
        await asyncio.sleep(0)
        if not self._unread:
            raise TimeoutError
        return self._unread.pop(0)

    async def close(self):
        pass


class ScriptedTransport:
    """Answers each payload as written down; notes to whom a connection was opened."""

    def __init__(self, answers=None, *, banner=b"", refuses=False):
        self.answers = answers or {}
        self.banner = banner
        self.refuses = refuses
        self.connects = []

    async def connect(self, endpoint, *, tunnel, server_name, within):
        self.connects.append((endpoint, tunnel))
        if self.refuses:
            raise ConnectionEndedError(was_reset=True)
        return ScriptedConnection(self.answers, self.banner)

    async def turn(self):
        pass

    async def leave(self):
        pass


def hand(answers=None, **options):
    """A hand that asks a scripted network."""
    known = databases(RULES)
    transport = ScriptedTransport(answers, **options)
    made = ByHand(lambda: Means(known, transport, MatchingThread(Matcher(known)), 7))
    made.transport = transport
    return made
