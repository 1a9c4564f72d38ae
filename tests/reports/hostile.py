"""A scan of services that say whatever might harm a reader of reports."""

from tests.reports.scans import (
    ADDRESS,
    answered,
    begin,
    end,
    exchange,
    finished,
    found,
    named,
    store_of,
    up,
)
from vscan_tui.events import (
    Endpoint,
    Fields,
    Match,
    Method,
    Outcome,
    PortNoted,
    Service,
    Warned,
)
from vscan_tui.session.store import Store

PAYLOADS = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    " =1",
    '"><script>alert(1)</script>',
    "</td></table><img src=x onerror=alert(1)>",
    "`` ` ``` | a \\| b",
    "| x | y |\n\n# heading",
    "[link](javascript:alert(1)) http://evil.example @everyone",
    "\x1b]0;owned\x07\x1b[31m",
    "\u202egnp.exe",
    "]]>&lt;!--",
    "a,b;c\"d'e\r\nf",
    "".join(map(chr, range(256))),
)


def hostile_store() -> Store:
    """One port for each payload, identified by a rule, and one that no rule knows."""
    events = [begin("--evil", *PAYLOADS), up(name="h<b>|`"), named("=rev|`<i>")]
    for port, payload in enumerate(PAYLOADS, start=1):
        endpoint = Endpoint(ADDRESS, "tcp", port)
        fields = Fields(*(payload,) * 6, cpes=(f"cpe:/a:{payload}:x", "cpe:/o:linux:linux_kernel"))
        match = Match(
            "=db", "=rules|`<", 7, "NULL", payload, False, payload.encode("latin-1", "replace"),
            "s", (("p", "$1"),), ((0, 4), (1, 3), None, (-5, 10_000)), 3, fields,
        )  # fmt: skip
        response = payload.encode("utf-8", "replace")
        events += [
            found(port),
            *exchange(endpoint, 1, "NULL", response, match=match),
            finished(port, Outcome.HARD_MATCH, Service(payload, fields, "", Method.PROBED, 10)),
            PortNoted(time=1.0, endpoint=endpoint, note=payload),
            Warned(time=1.0, message=payload, endpoint=endpoint),
        ]
    events += answered(1000, ("NULL", "".join(PAYLOADS).encode()))
    return store_of(*events, end())
