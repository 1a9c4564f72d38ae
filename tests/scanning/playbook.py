"""Plays a script against an interrogation, with no socket and no time passing."""

from dataclasses import dataclass, field

from vscan_tui.events import DatabaseIdentity, Ending, Outcome, Service
from vscan_tui.matching.matcher import Matcher
from vscan_tui.probedb.combined import ProbeDatabases
from vscan_tui.probedb.model import ProbeDatabase
from vscan_tui.probedb.parser import parse
from vscan_tui.scanning.interrogation.polite import (
    Closed,
    Connect,
    Connected,
    ConnectFailed,
    Disconnect,
    EndExchange,
    Failed,
    Finish,
    Happening,
    Interrogation,
    Listen,
    Matched,
    MatchResponse,
    Received,
    Send,
    TimedOut,
    Warn,
)


def database(text: str, name: str = "test") -> ProbeDatabase:
    """A database from its text."""
    parsed = parse(text.encode("latin-1"), name)
    assert not parsed.faults, parsed.faults
    rules = sum(len(probe.rules) for probe in parsed.probes)
    identity = DatabaseIdentity(name, name, rules, len(parsed.probes), "")
    return ProbeDatabase(identity, parsed.probes, parsed.exclusions)


def databases(*texts: str) -> ProbeDatabases:
    """Databases in order of precedence."""
    return ProbeDatabases(tuple(database(text, f"test{n}") for n, text in enumerate(texts)))


@dataclass
class Playbook:
    """An interrogation with real matching; `log` tells what it did, in short words."""

    databases: ProbeDatabases
    port: int = 4000
    protocol: str = "tcp"
    intensity: int = 7
    table_name: str = ""
    probe_excluded: bool = False
    log: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    finish: Finish | None = None

    def __post_init__(self) -> None:
        self._matcher = Matcher(self.databases)
        self._machine = Interrogation(
            self.databases,
            self.protocol,
            self.port,
            intensity=self.intensity,
            table_name=self.table_name,
            probe_excluded=self.probe_excluded,
        )
        self._play(self._machine.begin())

    def __call__(self, *happenings: Happening) -> "Playbook":
        for happening in happenings:
            self._play(self._machine.handle(happening))
        return self

    def stop(self, reason: str) -> "Playbook":
        self._play(self._machine.stop(Outcome.STOPPED, reason))
        return self

    def skip(self) -> "Playbook":
        self._play(self._machine.skip(was_sent=False))
        return self

    @property
    def sent(self) -> list[str]:
        """The names of the probes that were sent."""
        return [line.split()[1] for line in self.log if line.startswith("send")]

    @property
    def service(self) -> Service:
        assert self.finish is not None, self.log
        return self.finish.service

    @property
    def outcome(self) -> Outcome:
        assert self.finish is not None, self.log
        return self.finish.outcome

    def _play(self, actions) -> None:
        for action in actions:
            match action:
                case Connect(tunnel, timeout_ms):
                    self.log.append(f"connect {'tls' if tunnel else 'plain'} {timeout_ms}")
                case Send(probe, _, continues):
                    self.log.append(f"send {probe.name}{' again' if continues else ''}")
                case Listen(timeout_ms):
                    self.log.append(f"listen {timeout_ms}")
                case MatchResponse(probe, response):
                    result = self._matcher.match(probe, response)
                    self._play(self._machine.handle(Matched(result.match)))
                case EndExchange(ending):
                    self.log.append(f"end {ending}")
                case Disconnect():
                    self.log.append("disconnect")
                case Warn(reason):
                    self.warnings.append(reason)
                case Finish():
                    self.finish = action
                    self.log.append(f"finish {action.outcome}")


__all__ = [
    "Closed",
    "ConnectFailed",
    "Connected",
    "Ending",
    "Failed",
    "Outcome",
    "Playbook",
    "Received",
    "TimedOut",
    "database",
    "databases",
]
