"""A signer with a P-256 key, wherever the key is kept.

The key's own signer is one of securesystemslib: it makes DSSE signatures here, and in-toto
links where those are wanted.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from kfp_provenance.attest.identifiers import BUNDLE_MEDIA_TYPE
from kfp_provenance.signing.keys import PublicKey

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Signer as KeyHolder  # type: ignore[attr-defined]


class KeySigner:
    """Signs with a key that another party holds; its representation shows no secret.

    Args:
        uri: URI of the signer, without options; holds no secret.
        holder: Signer of securesystemslib whose key id is the hint of ``public``.
        public: The key's public half, as it verifies.
    """

    def __init__(self, uri: str, holder: KeyHolder, public: PublicKey) -> None:
        self._uri = uri
        self.holder = holder
        self.public = public

    @property
    def name(self) -> str:
        """Hint of the key."""
        return self.public.hint

    @property
    def hint(self) -> str:
        """Names the public key: base64 of the SHA-256 of its DER SubjectPublicKeyInfo."""
        return self.public.hint

    @property
    def public_pem(self) -> bytes:
        """Public key, PEM SubjectPublicKeyInfo."""
        return self.public.pem

    def envelope(self, payload: bytes, payload_type: str) -> Envelope:
        """Sign in a DSSE envelope with one signature.

        Raises:
            SigningError: If whoever holds the key does not sign.
        """
        from securesystemslib.dsse import Envelope  # noqa: PLC0415 - slow to import

        envelope = Envelope(payload, payload_type, {})
        envelope.sign(self.holder)
        return envelope

    def sign(self, payload: bytes, payload_type: str) -> bytes:
        """One Sigstore bundle; see the protocol."""
        return write_line(self.envelope(payload, payload_type), self.hint)

    def __repr__(self) -> str:
        return f"KeySigner({self._uri!r}, hint={self.hint!r})"


def write_line(envelope: Envelope, hint: str) -> bytes:
    """One Sigstore bundle around an envelope that a key signed, without a newline."""
    from sigstore_models.bundle.v1 import Bundle, VerificationMaterial  # noqa: PLC0415
    from sigstore_models.common.v1 import PublicKeyIdentifier  # noqa: PLC0415
    from sigstore_models.intoto import Envelope as BundleEnvelope  # noqa: PLC0415
    from sigstore_models.intoto import Signature as BundleSignature  # noqa: PLC0415

    bundle = Bundle(
        media_type=BUNDLE_MEDIA_TYPE,
        verification_material=VerificationMaterial(
            public_key=PublicKeyIdentifier(hint=hint), tlog_entries=[]
        ),
        dsse_envelope=BundleEnvelope(
            payload=base64.b64encode(envelope.payload),
            payload_type=envelope.payload_type,
            signatures=[
                BundleSignature(sig=base64.b64encode(bytes.fromhex(signature.signature)))
                for signature in envelope.signatures.values()
            ],
        ),
    )
    return str(bundle.to_json()).encode("utf-8")
