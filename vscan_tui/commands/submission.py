"""A rule with the fingerprint of what it is for, as text for whoever keeps a probe database."""

import msgspec

from vscan_tui import __version__
from vscan_tui.events import Outcome
from vscan_tui.reports.fingerprint import LEAST_INTENSITY, fingerprint, wrapped
from vscan_tui.session.store import Port


def submission(port: Port, rule: str, probe: str) -> str:
    """Write the text.

    Args:
        port: whose responses the rule was written for; its fingerprint is that
            of a service that no rule knows, whatever fires on it by now.
        rule: the match line.
        probe: the name of the probe whose responses the rule is for.
    """
    protocol = port.endpoint.protocol.upper()
    unknown = msgspec.structs.replace(port, outcome=Outcome.NO_MATCH)
    text = fingerprint(unknown, LEAST_INTENSITY)
    lines = [
        f"# A rule for responses to probe {probe} ({protocol}), by vscan {__version__}.",
        rule,
        "",
        "# The fingerprint of the service that it was written for:",
        *(wrapped(text) if text else ["# none: nothing in it that counts"]),
    ]
    return "\n".join(lines) + "\n"
