"""Keys and signatures as in-toto's own programs derive them.

A bundle names a key by the digest of its DER form; in-toto wants the hexadecimal id that
securesystemslib derives from a PEM file. The signature is the same, only its label differs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError
from kfp_provenance.signing import KeySigner, PublicKey

if TYPE_CHECKING:
    from in_toto.models.common import Signable
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]


def check_library() -> None:
    """Say what is missing before anything else is done.

    Raises:
        SettingsError: DEPENDENCY_MISSING if in-toto is not installed.
    """
    try:
        import in_toto.models.metadata  # noqa: F401, PLC0415 - slow to import, seldom needed
    except ImportError as error:
        raise SettingsError(
            Code.DEPENDENCY_MISSING,
            "in-toto is not installed",
            found=str(error),
            remedy="pip install 'kfp-provenance[in-toto]'",
        ) from error


def key_id(public: PublicKey) -> str:
    """Id of a key, as in-toto derives it from its PEM file."""
    return str(_key(public).keyid)


def key_entry(public: PublicKey) -> dict[str, Any]:
    """The key as a layout holds it."""
    key = _key(public)
    return {**key.to_dict(), "keyid": key.keyid}


def seal(signable: Signable, signer: KeySigner) -> bytes:
    """A layout or link in a DSSE envelope with one signature.

    Raises:
        SigningError: If whoever holds the key does not sign.
    """
    from in_toto.models.metadata import Envelope  # noqa: PLC0415 - slow to import
    from securesystemslib.signer import Signature  # type: ignore[attr-defined]  # noqa: PLC0415

    unsigned = Envelope.from_signable(signable)
    (signed,) = signer.envelope(unsigned.payload, unsigned.payload_type).signatures.values()
    name = key_id(signer.public)
    sealed = Envelope(
        unsigned.payload, unsigned.payload_type, {name: Signature(name, signed.signature)}
    )
    return json.dumps(sealed.to_dict(), sort_keys=True).encode() + b"\n"


def _key(public: PublicKey) -> SSlibKey:
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # noqa: PLC0415

    return SSlibKey.from_crypto(load_pem_public_key(public.pem))
