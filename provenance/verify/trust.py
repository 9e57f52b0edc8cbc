"""Whom a verifier believes, and what it asks of a chain beyond that.

A signer is a key or an identity, compared exactly, with the builders it may speak for. No
field can say "any".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from kfp_provenance.attest.identifiers import BUILDERS, IN_RUN_BUILDER
from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError, TrustError
from kfp_provenance.facts import Digest
from kfp_provenance.signing.keys import PublicKey, load_public_key
from kfp_provenance.verify.sigstore_root import SigstoreRoot


@dataclass(frozen=True, order=True)
class Identity:
    """Who a certificate of Sigstore was given to; both are compared exactly.

    Attributes:
        identity: The certificate's one name: an email address or a URI.
        issuer: OpenID Connect issuer that vouched for it.
    """

    identity: str
    issuer: str

    def __str__(self) -> str:
        return f"{self.identity} of {self.issuer}"


@dataclass(frozen=True)
class TrustedSigner:
    """One key or one identity, and what it may sign.

    Attributes:
        name: How findings name it, for example its file.
        key: Its public key; None for an identity.
        builders: Values of ``builder.id`` and ``verifier.id`` that it may use.
        pipelines: Names of pipelines; None leaves them open.
        namespaces: Kubernetes namespaces (empty text: a local run); None leaves them open.
        identity: Its identity; None for a key.
        not_before: Signatures before that time are refused.
        not_after: Signatures after that time are refused.
    """

    name: str
    key: PublicKey | None
    builders: frozenset[str]
    pipelines: frozenset[str] | None = None
    namespaces: frozenset[str] | None = None
    identity: Identity | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None

    @property
    def label(self) -> str:
        """The hint of its key, or its identity: unique in a policy."""
        return self.key.hint if self.key is not None else str(self.identity)


@dataclass(frozen=True)
class RequiredComponent:
    """A component that a chain must have run: its name and, if given, its very source."""

    name: str
    source_digest: Digest | None = None


@dataclass(frozen=True)
class Requirements:
    """What every chain must have.

    Attributes:
        steps: Paths of tasks.
        components: Components.
        level: Lowest SLSA Build level of the summary.
        maximum_age: How long ago the chain may have been signed; None for no limit.
    """

    steps: frozenset[str] = frozenset()
    components: tuple[RequiredComponent, ...] = ()
    level: int = 1
    maximum_age: timedelta | None = None


@dataclass(frozen=True)
class RevokedIdentity:
    """An identity whose signatures no longer count, or do not from a time on."""

    identity: Identity
    since: datetime | None = None


@dataclass(frozen=True)
class Revocations:
    """What is no longer believed, whoever signed it.

    Attributes:
        digests: Of artifacts, bundle files, their lines, or signed statements.
        keys: Hints of public keys.
        identities: Identities of Sigstore.
    """

    digests: frozenset[Digest] = frozenset()
    keys: frozenset[str] = frozenset()
    identities: tuple[RevokedIdentity, ...] = ()


@dataclass(frozen=True)
class Trust:
    """A trust policy.

    Attributes:
        signers: Trusted signers, at least one; no key and no identity twice.
        roots: Digests (``sha256:<hex>``) and exact URIs that a chain may start from;
            None leaves them open.
        sigstore: Root of trust of the Sigstore instance that identities come from.
        requirements: What every chain must have.
        revoked: What is no longer believed.
        revision: Digest of everything that the policy was read from; None if it was not
            read from files.
    """

    signers: tuple[TrustedSigner, ...]
    roots: frozenset[str] | None = None
    sigstore: SigstoreRoot | None = None
    requirements: Requirements = field(default_factory=Requirements)
    revoked: Revocations = field(default_factory=Revocations)
    revision: Digest | None = None

    def __post_init__(self) -> None:
        labels = {signer.label for signer in self.signers}
        if not self.signers or len(labels) != len(self.signers):
            raise _invalid(
                "a trust policy needs at least one signer, and each key and identity once",
                found=f"{len(self.signers)} signers with {len(labels)} keys and identities",
                remedy="join the entries of the same key or identity",
            )
        for signer in self.signers:
            if not signer.builders:
                raise _invalid(
                    "a trusted signer names the builders that it may speak for",
                    remedy=f'for example builders = ["{IN_RUN_BUILDER}"]',
                )
            if (signer.key is None) == (signer.identity is None):
                raise _invalid(
                    "a trusted signer is a key or an identity",
                    found=signer.name,
                    remedy="name one of them",
                )
            if signer.identity is not None and self.sigstore is None:
                raise _invalid(
                    "an identity is believed only by the root of trust of a Sigstore instance",
                    found=str(signer.identity),
                    remedy="save one with `kprov trust fetch` and name it as trusted_root",
                )

    @classmethod
    def for_key(
        cls, pem: bytes, builders: Collection[str] = BUILDERS, name: str = "public key"
    ) -> Self:
        """Trust one P-256 key.

        Args:
            pem: PEM SubjectPublicKeyInfo.
            builders: What it may speak for; all of this package if not said.
            name: How findings name it.

        Raises:
            TrustError: TRUST_INVALID if the key cannot be read.
        """
        return cls((TrustedSigner(name, trusted_key(pem, name), frozenset(builders)),))

    @classmethod
    def for_identity(
        cls, identity: str, issuer: str, root: SigstoreRoot, builders: Collection[str] = BUILDERS
    ) -> Self:
        """Trust one identity of a Sigstore instance; both texts are compared exactly.

        Raises:
            TrustError: TRUST_INVALID if there are no builders.
        """
        who = Identity(identity, issuer)
        signer = TrustedSigner(str(who), None, frozenset(builders), identity=who)
        return cls((signer,), sigstore=root)

    def signer_of(self, hint: str) -> TrustedSigner | None:
        """The trusted signer whose key a line claims, or None."""
        return next((s for s in self.signers if s.key is not None and s.key.hint == hint), None)

    def signer_with(self, identity: Identity) -> TrustedSigner | None:
        """The trusted signer whose identity a line claims, or None."""
        return next((s for s in self.signers if s.identity == identity), None)


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


def _invalid(message: str, *, found: str = "", remedy: str) -> TrustError:
    return TrustError(Code.TRUST_INVALID, message, found=found, remedy=remedy)
