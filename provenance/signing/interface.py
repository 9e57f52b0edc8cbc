"""What signs. Signers of other kinds (Vault, keyless) implement the same protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from securesystemslib.dsse import Envelope

AskPassphrase = Callable[[str], str]
"""Asks a person for the passphrase of the named key; the command line gives it."""


class Signer(Protocol):
    """Signs payloads in DSSE envelopes."""

    @property
    def hint(self) -> str:
        """Names the public key: base64 of the SHA-256 of its DER SubjectPublicKeyInfo."""

    @property
    def public_pem(self) -> bytes:
        """Public key, PEM SubjectPublicKeyInfo."""

    def sign(self, payload: bytes, payload_type: str) -> Envelope:
        """An envelope with exactly one signature.

        Raises:
            SigningError: If the key cannot be used.
        """
