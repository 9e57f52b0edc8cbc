"""Keyless lines: certificates of Sigstore, checked offline by sigstore-python.

A line is believed with the saved root of trust alone, also years later: its certificate is
judged at the time that the transparency log (or a timestamp authority) signed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from kfp_provenance.attest.strict_json import loads
from kfp_provenance.codes import Code
from kfp_provenance.errors import TrustError
from kfp_provenance.facts import Digest
from kfp_provenance.signing.certificates import CertificateRefusedError, reason_of

if TYPE_CHECKING:
    from sigstore.models import Bundle, TrustedRoot
    from sigstore.verify import Verifier
    from sigstore_models.trustroot.v1 import TrustedRoot as Model

MAX_ROOT = 4 * 1024 * 1024
MAX_VALUES = 16384
"""JSON values; the models take kilobytes for each bad one."""


@dataclass(frozen=True)
class SigstoreRoot:
    """A root of trust: certificate authorities, logs and timestamp authorities.

    Attributes:
        data: JSON of a Sigstore trusted root, as it was saved.
        where: How errors name it.
    """

    data: bytes
    where: str = "trusted root"

    @property
    def digest(self) -> Digest:
        """Of the saved bytes."""
        return Digest.of(self.data)

    def check(self) -> None:
        """Read it now rather than at the first line.

        Raises:
            TrustError: TRUST_INVALID if it is not a trusted root.
        """
        _ = self._verifier

    @cached_property
    def model(self) -> Model:
        """The document.

        Raises:
            TrustError: TRUST_INVALID if it is not a trusted root.
        """
        from sigstore_models.trustroot.v1 import TrustedRoot as Model  # noqa: PLC0415

        try:
            if len(self.data) > MAX_ROOT:
                raise ValueError(f"larger than {MAX_ROOT} bytes")
            if self.data.count(b",") >= MAX_VALUES:
                raise ValueError(f"more than {MAX_VALUES} values")
            loads(self.data)  # with exactly one meaning
            return Model.from_json(self.data)
        except Exception as error:
            raise self._invalid(error) from error

    @cached_property
    def trusted_root(self) -> TrustedRoot:
        """As sigstore-python reads it.

        Raises:
            TrustError: TRUST_INVALID if it is not a trusted root.
        """
        from sigstore.models import TrustedRoot  # noqa: PLC0415 - slow to import

        try:
            return TrustedRoot(self.model)
        except Exception as error:
            raise self._invalid(error) from error

    @cached_property
    def _verifier(self) -> Verifier:
        from sigstore.verify import Verifier  # noqa: PLC0415 - slow to import

        root = self.trusted_root
        try:
            return Verifier(trusted_root=root)
        except Exception as error:
            raise self._invalid(error) from error

    def verify(
        self, line: bytes, identity: str, issuer: str, payload: tuple[str, bytes]
    ) -> datetime:
        """Check one line: chain, SCT, identity, log entry, inclusion, time and signature.

        Args:
            line: A Sigstore bundle with a certificate.
            identity: The name that its certificate must have.
            issuer: The issuer that its certificate must name.
            payload: Type and bytes of the payload as they were read from the line.

        Returns:
            When it was signed: the time that the log or the timestamp authority vouches for.

        Raises:
            CertificateRefusedError: If anything of it does not hold.
            TrustError: TRUST_INVALID if this is not a trusted root.
        """
        from sigstore.models import Bundle  # noqa: PLC0415 - slow to import
        from sigstore.verify.policy import Identity  # noqa: PLC0415

        from kfp_provenance.verify.sigstore_periods import check_periods  # noqa: PLC0415

        verifier = self._verifier
        try:
            bundle = Bundle.from_json(line)
            found = verifier.verify_dsse(bundle, Identity(identity=identity, issuer=issuer))
            signed = _signing_time(bundle)
            check_periods(self.model, bundle._inner, signed)  # noqa: SLF001 - likewise
        except CertificateRefusedError:
            raise
        except Exception as error:
            raise CertificateRefusedError(reason_of(error)) from error
        if found != payload:
            raise CertificateRefusedError("the payload was read in two ways")
        return signed

    def _invalid(self, error: Exception) -> TrustError:
        return TrustError(
            Code.TRUST_INVALID,
            "the root of trust cannot be used",
            where=self.where,
            expected="JSON of a Sigstore trusted root",
            found=reason_of(error),
            remedy="save it again with `kprov trust fetch`",
        )


def _signing_time(bundle: Bundle) -> datetime:
    """The time that was verified: of the log if it promised inclusion, else of an authority."""
    entry = bundle.log_entry._inner  # noqa: SLF001 - sigstore-python shows it nowhere else
    if entry.inclusion_promise and entry.integrated_time:
        return datetime.fromtimestamp(entry.integrated_time, UTC)
    stamps = bundle.verification_material.timestamp_verification_data
    # of several, one may be of an unknown authority; of one, that one was verified
    if stamps is None or len(stamps.rfc3161_timestamps) != 1:
        raise CertificateRefusedError("there is not exactly one trusted time of its signature")
    moment = stamps.rfc3161_timestamps[0].tst_info.gen_time
    return moment.astimezone(UTC)
