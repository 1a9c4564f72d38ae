"""`vscan export FILE --port PORT`: an exchange as a hexdump that text2pcap makes a capture of."""

from pathlib import Path

from vscan_tui.commands.present import say
from vscan_tui.commands.standard_output import print_lines
from vscan_tui.commands.status import ExitStatus
from vscan_tui.commands.stored import session_store
from vscan_tui.events import Endpoint
from vscan_tui.options.model import STANDARD_STREAM, ExportOptions
from vscan_tui.reports.text2pcap import render
from vscan_tui.session.journal import JournalError
from vscan_tui.session.store import Exchange, Port

_TOLD = 10


def export(options: ExportOptions) -> ExitStatus:
    """Print one exchange of a session."""
    try:
        store = session_store(Path(options.file))
    except JournalError as error:
        say(f"vscan: {error}")
        return ExitStatus.FAILED
    exchanged = [port for port in store.ports.values() if port.exchanges]
    chosen = [port for port in exchanged if options.port in _names(port.endpoint)]
    if len(chosen) != 1:
        what = "several ports are" if chosen else "no port that was asked is"
        which = _listed(chosen or exchanged)
        say(f'vscan: {options.file}: {what} "{options.port}"; say which: {which}')
        return ExitStatus.FAILED
    port = chosen[0]
    exchange = _exchange(port, options.exchange)
    if exchange is None:
        say(f"vscan: {port.endpoint} has {len(port.exchanges)} exchanges; choose one of these:")
        for each in port.exchanges:
            say(f"{each.number:>4} {each.probe}: {len(each.response)} bytes came back")
        return ExitStatus.FAILED
    print_lines(render(port, exchange, STANDARD_STREAM))
    return ExitStatus.DONE


def _names(endpoint: Endpoint) -> frozenset[str]:
    """How a port may be named, as long as it is clear."""
    whole, short = str(endpoint), f"{endpoint.port}/{endpoint.protocol}"
    return frozenset({whole, whole.rpartition("/")[0], short, str(endpoint.port)})


def _listed(ports: list[Port]) -> str:
    names = [str(port.endpoint) for port in ports[:_TOLD]]
    return ", ".join([*names, "…"] if len(ports) > _TOLD else names) or "there is none"


def _exchange(port: Port, number: int | None) -> Exchange | None:
    if number is None:
        return port.deciding or port.exchanges[0]
    return port.exchange(number) if 1 <= number <= len(port.exchanges) else None
