"""What signs. Signers of every kind implement the same protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

AskPassphrase = Callable[[str], str]
"""Asks a person for the passphrase of the named key; the command line gives it."""


class Signer(Protocol):
    """Signs payloads; what it returns is complete evidence, one line of a bundle."""

    @property
    def name(self) -> str:
        """Who signs: the hint of a key, or an identity and its issuer."""

    def sign(self, payload: bytes, payload_type: str) -> bytes:
        """One Sigstore bundle v0.3 around a DSSE envelope with exactly one signature.

        Returns:
            JSON on one line, without a newline.

        Raises:
            SigningError: If it cannot sign; nothing is half signed.
        """
