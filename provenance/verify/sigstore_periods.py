"""Were the authority and the logs of a keyless line still in use when it was signed?

sigstore-python believes a log key also after its end, so that old evidence holds; a key that
was retired because it was stolen must not make new evidence. The root of trust says until
when each of them counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509

from kfp_provenance.attest.statement import timestamp
from kfp_provenance.signing.certificates import CertificateRefusedError

if TYPE_CHECKING:
    from sigstore_models.bundle.v1 import Bundle
    from sigstore_models.common.v1 import TimeRange
    from sigstore_models.trustroot.v1 import TransparencyLogInstance, TrustedRoot


def check_periods(root: TrustedRoot, bundle: Bundle, signed: datetime) -> None:
    """Check the periods of the certificate authority, of its log and of the signature log.

    Args:
        root: The root of trust that the bundle was verified with.
        bundle: A verified bundle with a certificate and one log entry.
        signed: When it was signed, as it was verified.

    Raises:
        CertificateRefusedError: If one of them was not in use at that time.
    """
    material = bundle.verification_material
    if material.certificate is None:
        raise CertificateRefusedError("there is no certificate")
    leaf = x509.load_der_x509_certificate(material.certificate.raw_bytes)
    authorities = [
        authority.valid_for
        for authority in root.certificate_authorities
        if _issued(leaf, authority.cert_chain.certificates[0].raw_bytes)
    ]
    _check("certificate authority", authorities, signed)
    for stamp in leaf.extensions.get_extension_for_class(
        x509.PrecertificateSignedCertificateTimestamps
    ).value:
        moment = stamp.timestamp.replace(tzinfo=UTC)
        _check("certificate log", _periods(root.ctlogs, stamp.log_id), moment)
    for entry in material.tlog_entries:
        _check("signature log", _periods(root.tlogs, entry.log_id.key_id), signed)


def _periods(logs: Iterable[TransparencyLogInstance], key_id: bytes) -> list[TimeRange | None]:
    return [log.public_key.valid_for for log in logs if log.log_id.key_id == key_id]


def _issued(leaf: x509.Certificate, authority: bytes) -> bool:
    try:
        leaf.verify_directly_issued_by(x509.load_der_x509_certificate(authority))
    except Exception:  # noqa: BLE001 - a name, a key or a signature of another: not by this one
        return False
    return True


def _check(what: str, periods: Iterable[TimeRange | None], moment: datetime) -> None:
    for period in periods:
        if period is None:
            return
        begins, ends = period.start, period.end
        if begins <= moment and (ends is None or moment <= ends):
            return
    raise CertificateRefusedError(f"the {what} was not in use at {timestamp(moment)}")
