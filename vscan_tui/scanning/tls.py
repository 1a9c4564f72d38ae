"""What a TLS service tells of itself: its certificate, the versions it speaks, ALPN."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from vscan_tui.events import TlsFindings
from vscan_tui.scanning.postprocessing import Known, Question, Talk
from vscan_tui.scanning.tls_hello import (
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
        if flight.hello is not None and flight.hello.version == version:
            versions.append(name)
            certificate = certificate or flight.certificate
            if version == TLS_1_2:  # in 1.3 the answer is encrypted
                alpn = flight.hello.alpn
    findings = msgspec.structs.replace(
        certificate_findings(certificate), versions=tuple(versions), alpn=alpn
    )
    return msgspec.structs.replace(known.service, tls=findings)


def certificate_findings(certificate: bytes) -> TlsFindings:
    """What a certificate (DER) says; nothing where it cannot be read."""
    try:
        parsed = x509.load_der_x509_certificate(certificate)
        return TlsFindings(
            names=tuple(
                dict.fromkeys([*_alternative_names(parsed), *_common_names(parsed.subject)])
            ),
            subject=parsed.subject.rfc4514_string(),
            issuer=parsed.issuer.rfc4514_string(),
            not_before=_timestamp(parsed.not_valid_before_utc),
            not_after=_timestamp(parsed.not_valid_after_utc),
        )
    except Exception:  # noqa: BLE001 - a hostile certificate may raise anything, even a Rust panic's
        return TlsFindings()


def _alternative_names(certificate: x509.Certificate) -> Iterable[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return extension.value.get_values_for_type(x509.DNSName)


def _common_names(subject: x509.Name) -> Iterable[str]:
    for attribute in subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        value = attribute.value
        if isinstance(value, str) and "." in value and " " not in value:
            yield value


def _timestamp(when: datetime) -> str:
    return when.astimezone(UTC).isoformat()
