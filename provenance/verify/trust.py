"""Whom a verifier believes: fixed pairs of a key and the builders it may speak for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from kfp_provenance.attest.identifiers import IN_RUN_BUILDER, OPERATOR_BUILDER
from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError, TrustError
from kfp_provenance.signing.keys import PublicKey, load_public_key

KEY_BUILDERS = (IN_RUN_BUILDER, OPERATOR_BUILDER)
"""Whoever is trusted by a key alone may sign in the run or from outside it."""


@dataclass(frozen=True)
class TrustedSigner:
    """One key and what it may sign. None of the limits can say "any" for builders.

    Attributes:
        name: How findings name it, for example its file.
        key: Its public key.
        builders: Values of ``builder.id`` and ``verifier.id`` that it may use.
        pipelines: Names of pipelines; None leaves them open.
        namespaces: Kubernetes namespaces (empty text: a local run); None leaves them open.
    """

    name: str
    key: PublicKey
    builders: frozenset[str]
    pipelines: frozenset[str] | None = None
    namespaces: frozenset[str] | None = None


@dataclass(frozen=True)
class Trust:
    """A trust policy.

    Attributes:
        signers: Trusted signers, at least one; no key twice.
        roots: Digests (``sha256:<hex>``) and exact URIs that a chain may start from;
            None leaves them open.
    """

    signers: tuple[TrustedSigner, ...]
    roots: frozenset[str] | None = None

    def __post_init__(self) -> None:
        hints = {signer.key.hint for signer in self.signers}
        if not self.signers or len(hints) != len(self.signers):
            raise TrustError(
                Code.TRUST_INVALID,
                "a trust policy needs at least one signer, and each key once",
                found=f"{len(self.signers)} signers with {len(hints)} keys",
                remedy="join the entries of the same key",
            )
        if not all(signer.builders for signer in self.signers):
            raise TrustError(
                Code.TRUST_INVALID,
                "a trusted signer names the builders that it may speak for",
                remedy=f'for example builders = ["{IN_RUN_BUILDER}"]',
            )

    @classmethod
    def for_key(
        cls, pem: bytes, builders: Collection[str] = KEY_BUILDERS, name: str = "public key"
    ) -> Self:
        """Trust one P-256 key.

        Args:
            pem: PEM SubjectPublicKeyInfo.
            builders: What it may speak for; both of this package if not said.
            name: How findings name it.

        Raises:
            TrustError: TRUST_INVALID if the key cannot be read.
        """
        return cls((TrustedSigner(name, trusted_key(pem, name), frozenset(builders)),))

    def signer_of(self, hint: str) -> TrustedSigner | None:
        """The trusted signer whose key a line claims, or None."""
        return next((s for s in self.signers if s.key.hint == hint), None)


def trusted_key(pem: bytes, where: str) -> PublicKey:
    """A key for a trust policy.

    Raises:
        TrustError: TRUST_INVALID if it is anything but a P-256 public key.
    """
    try:
        return load_public_key(pem, where)
    except SigningError as error:
        raise TrustError(
            Code.TRUST_INVALID,
            f"a trusted key cannot be used: {error.message}",
            where=error.where,
            expected=error.expected,
            found=error.found,
            remedy=error.remedy,
        ) from error
