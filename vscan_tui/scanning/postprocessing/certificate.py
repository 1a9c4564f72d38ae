"""What a certificate says, which is hostile input in a difficult format."""

from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from vscan_tui.events import TlsFindings


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
