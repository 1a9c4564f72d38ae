"""Sentences for the user: how a scan ended, and what went wrong."""

from vscan_tui.events import ScanEnding
from vscan_tui.session.store import Store
from vscan_tui.session.wording import printable


def failure_text(error: BaseException) -> str:
    """Put an error into one sentence."""
    reason = printable(" ".join(str(error).split())).rstrip(".") or type(error).__name__
    return f"The scan ended because of an error: {reason}."


def ending_text(store: Store) -> str:
    """Say how a scan ended, if not as it should."""
    if store.ended is None or store.ended.ending is ScanEnding.DONE:
        return ""
    reason = printable(store.ended.reason).rstrip(".")
    what = "The scan failed" if store.ended.ending is ScanEnding.FAILED else "The scan was stopped"
    return f"{what}: {reason}." if reason else f"{what} before its end."


def waiting_text(store: Store, *, has_failed: bool) -> str:
    """Say why there is no port yet, or none at all."""
    if has_failed:
        return "The scan ended before a port was found."
    if store.ended is not None:
        return "No open port was found."
    if store.to_discover:
        return (
            f"Waiting for the first open port… {store.discovered:,} of "
            f"{store.to_discover:,} looked for."
        )
    return "Waiting for the first open port…"
