"""Actions of an interrogation in a few words, for those who read along."""

from vscan_tui.scanning.interrogation import polite as machine


def describe(action: machine.Action) -> str:
    """An action in a few words, such as `send GetRequest`."""
    match action:
        case machine.Connect():
            return "connect inside TLS" if action.tunnel else "connect"
        case machine.Send():
            return f"send {action.probe.name}" if action.probe.payload else "send nothing"
        case machine.Listen():
            return f"listen up to {action.timeout_ms / 1000:g} s"
        case machine.MatchResponse():
            return f"match {len(action.response)} bytes"
        case machine.EndExchange():
            return f"end the exchange: {action.ending}"
        case machine.Disconnect():
            return "disconnect"
        case machine.Warn():
            return "warn"
        case machine.Finish():
            return f"finish: {action.outcome}"
