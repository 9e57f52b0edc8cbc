"""Signers by URI, and P-256 keys in files.

A new signer is one module with an ``open_signer`` function and one line in ``_SCHEMES``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing.interface import AskPassphrase, Signer
from kfp_provenance.signing.key_signer import KeySigner
from kfp_provenance.signing.keys import PublicKey, load_public_key, new_key

__all__ = [
    "AskPassphrase",
    "KeySigner",
    "PublicKey",
    "Signer",
    "load_public_key",
    "new_key",
    "open_signer",
]

_SCHEMES = {
    "awskms": "kfp_provenance.signing.kms",
    "azurekms": "kfp_provenance.signing.kms",
    "file": "kfp_provenance.signing.file",
    "gcpkms": "kfp_provenance.signing.kms",
    "sigstore": "kfp_provenance.signing.keyless",
    "vault": "kfp_provenance.signing.vault",
}


class _Module(Protocol):
    def open_signer(self, uri: str, ask_passphrase: AskPassphrase | None) -> Signer: ...


def open_signer(uri: str, ask_passphrase: AskPassphrase | None = None) -> Signer:
    """Open the signer that a URI names.

    Args:
        uri: ``file:PATH``, ``vault:NAME``, ``sigstore:`` and others, each with its options as
            docs/reference/signers.md lists them; holds no secret.
        ask_passphrase: Asks a person for a passphrase, where nothing else gives one.

    Raises:
        SigningError: SIGNER_URI_INVALID, and what its kind of signer raises.
        SettingsError: DEPENDENCY_MISSING if the library of its kind is not installed.
    """
    scheme, colon, _ = uri.partition(":")
    module = _SCHEMES.get(scheme) if colon else None
    if module is None:
        # the rest of the URI may hold what must not be shown
        raise SigningError(
            Code.SIGNER_URI_INVALID,
            "no signer is known for this URI",
            expected=", ".join(f"{known}:..." for known in sorted(_SCHEMES)),
            found=f"{scheme[:40]}:..." if colon else "no scheme",
            remedy="name a key file, for example file:signer.key",
        )
    return cast("_Module", import_module(module)).open_signer(uri, ask_passphrase)
