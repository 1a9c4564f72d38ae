"""What another program reported, as a recording: verdicts, and fingerprints as responses."""

from collections.abc import Callable, Iterable

from vscan_tui.events import DatabaseIdentity, Endpoint, Match, Method, Outcome, Protocol
from vscan_tui.session.importers.fingerprint_text import ServiceFingerprint
from vscan_tui.session.importers.model import Imported, ImportedPort
from vscan_tui.session.importers.pasted import find_fingerprints
from vscan_tui.session.importers.recording import (
    RecordedAnswer,
    RecordedHost,
    RecordedPort,
    Recording,
)

MatchResponse = Callable[[str, Protocol, bytes], Match | None]
"""Tells which rule fires on the response to a probe of that name."""
_TCPWRAPPED = "tcpwrapped"


def recording_of(
    imported: Imported, match: MatchResponse, databases: Iterable[DatabaseIdentity]
) -> Recording:
    """Make a recording of a report.

    Args:
        imported: the report.
        match: matches what its fingerprints hold, to show beside its own verdicts.
        databases: those that `match` uses.
    """
    hosts: dict[str, dict[Endpoint, RecordedPort]] = {host: {} for host in imported.hosts}
    names = dict(imported.hosts)
    for port in imported.ports:
        ports = hosts.setdefault(port.host, {})
        recorded = _recorded_port(port, match)
        ports.setdefault(recorded.endpoint, recorded)
        names.setdefault(port.host, port.name)
    return Recording(
        program=imported.program or imported.kind,
        arguments=tuple(imported.arguments.split()[1:]),
        hosts=tuple(
            RecordedHost(address, names[address], reason="recorded", ports=tuple(ports.values()))
            for address, ports in hosts.items()
        ),
        databases=tuple(databases),
        began=imported.began,
        ended=imported.ended or imported.began,
    )


def _recorded_port(port: ImportedPort, match: MatchResponse) -> RecordedPort:
    found = next(find_fingerprints(port.fingerprint), None) if port.fingerprint else None
    endpoint = Endpoint(port.host, port.protocol, port.port)
    return RecordedPort(
        endpoint,
        port.state,
        port.reason or "recorded",
        port.service,
        _outcome(port),
        tuple(_answers(found, port.protocol, match)) if found is not None else (),
        found.problems if found is not None else (),
    )


def _outcome(port: ImportedPort) -> Outcome | None:
    is_probed = port.service.method is Method.PROBED
    if is_probed and port.service.name == _TCPWRAPPED:
        return Outcome.TCPWRAPPED
    if port.fingerprint:
        return Outcome.SOFT_MATCH if is_probed else Outcome.NO_MATCH
    return Outcome.HARD_MATCH if is_probed else None


def _answers(
    found: ServiceFingerprint, protocol: Protocol, match: MatchResponse
) -> Iterable[RecordedAnswer]:
    for response in found.responses:
        yield RecordedAnswer(
            response.probe or "unknown",
            b"",
            response.data,
            match(response.probe, protocol, response.data),
            max(0, (response.length or 0) - len(response.data)),
        )
