"""What a TLS service tells of itself: its certificate, the versions it speaks, ALPN."""

import msgspec

from vscan_tui.scanning.postprocessing.protocol import Known, Question, Talk
from vscan_tui.scanning.postprocessing.tls_hello import (
    TLS_1_2,
    VERSIONS,
    client_hello,
    is_whole_flight,
    read_flight,
)

PROTOCOLS = ("h2", "http/1.1")
"""What is offered by ALPN."""


class TlsInspector:
    """Looks at the TLS of a service that was found inside a tunnel: a `PostProcessor`."""

    name = "TLS inspector"

    def talk(self, known: Known) -> Talk | None:
        """See `PostProcessor.talk`."""
        return _inspect(known) if known.service.tunnel else None


def _inspect(known: Known) -> Talk:
    # Reading certificates takes long to load, and most services have none.
    from vscan_tui.scanning.postprocessing.certificate import certificate_findings  # noqa: PLC0415

    certificate = known.tls.certificate if known.tls else b""
    versions = []
    alpn = ""
    for version, name in VERSIONS.items():
        answer = yield Question(
            name=f"{name} hello",
            payloads=(client_hello(version, protocols=PROTOCOLS),),
            reason=f"is {name} spoken?",
            is_complete=is_whole_flight,
            tunnel=False,
            fresh=True,
        )
        flight = read_flight(answer)
        if known.tls is None and answer and not flight.is_whole:
            break  # no handshake came to its end so far; it would stall at each of the others
        if flight.hello is not None and flight.hello.version == version:
            versions.append(name)
            certificate = certificate or flight.certificate
            if version == TLS_1_2:  # in 1.3 the answer is encrypted
                alpn = flight.hello.alpn
    findings = msgspec.structs.replace(
        certificate_findings(certificate), versions=tuple(versions), alpn=alpn
    )
    return msgspec.structs.replace(known.service, tls=findings)
