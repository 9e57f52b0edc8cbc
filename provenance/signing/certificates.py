"""Whom a certificate of Sigstore names."""

from __future__ import annotations

from kfp_provenance.attest.printable import printable

_ISSUER_OID = "1.3.6.1.4.1.57264.1.1"


class CertificateRefusedError(Exception):
    """A certificate, its log entry or its signature does not hold. The text says why."""


def certificate_identity(certificate: bytes) -> tuple[str, str]:
    """Name and issuer that a certificate claims; nothing of it is verified by this.

    Args:
        certificate: DER.

    Returns:
        Its one name and its issuer.

    Raises:
        CertificateRefusedError: If it cannot be read, or has not exactly one name.
    """
    from cryptography import x509  # noqa: PLC0415 - slow to import

    try:
        read = x509.load_der_x509_certificate(certificate)
        names = list(read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        extension = read.extensions.get_extension_for_oid(x509.ObjectIdentifier(_ISSUER_OID)).value
        issuer = extension.public_bytes().decode("utf-8")
    except Exception as error:
        raise CertificateRefusedError(reason_of(error)) from error
    named = names[0] if len(names) == 1 else None
    if not isinstance(named, x509.RFC822Name | x509.UniformResourceIdentifier):
        raise CertificateRefusedError("it has not exactly one name, an email address or a URI")
    return str(named.value), issuer


def reason_of(error: Exception) -> str:
    """What a library of others says, safe to be printed."""
    return printable(f"{type(error).__name__}: {error}", 500)
