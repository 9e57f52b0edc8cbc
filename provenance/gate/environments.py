"""The gate's policy: which environment a namespace is, and what that environment asks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property

from kfp_provenance.attest.printable import listed
from kfp_provenance.codes import Code
from kfp_provenance.errors import GateError
from kfp_provenance.facts import Digest
from kfp_provenance.verify import Trust


@dataclass(frozen=True)
class PromotionRule:
    """What an environment asks of promotions.

    Attributes:
        required: Whether a model needs a promotion to this environment.
        four_eyes: Whether its promoter must be another signer than those of the chain.
        withdrawals: URI of the signed list of withdrawn models; empty if there is none.
    """

    required: bool = False
    four_eyes: bool = False
    withdrawals: str = ""


@dataclass(frozen=True)
class RuleService:
    """Open Policy Agent.

    Attributes:
        url: Base URL of its API.
        timeout: Seconds for one question.
    """

    url: str
    timeout: float


@dataclass(frozen=True)
class Environment:
    """A place where models serve.

    Attributes:
        name: For example ``production``.
        namespaces: Its Kubernetes namespaces, exact.
        trust: Whose bundles and promotions are believed.
        sources: Prefixes of URIs that models may come from, each ending in ``/``.
        promotion: What is asked of promotions.
        hash_up_to: Bytes up to which a stored model is hashed at admission; 0 for never.
    """

    name: str
    namespaces: frozenset[str]
    trust: Trust
    sources: tuple[str, ...]
    promotion: PromotionRule = field(default_factory=PromotionRule)
    hash_up_to: int = 0

    def takes(self, uri: str) -> bool:
        """Whether a model may come from ``uri``."""
        return uri.startswith(self.sources) and not _leaves(uri)

    @cached_property
    def revocations(self) -> Digest:
        """Digest of what the trust policy revokes: changes when that does."""
        revoked = self.trust.revoked
        value = {
            "digests": sorted(map(str, revoked.digests)),
            "keys": sorted(revoked.keys),
            "identities": sorted(
                [who.identity.identity, who.identity.issuer, str(who.since or "")]
                for who in revoked.identities
            ),
        }
        return Digest.of(json.dumps(value, sort_keys=True).encode())


@dataclass(frozen=True)
class GatePolicy:
    """Everything that the gate goes by.

    Attributes:
        environments: No name and no namespace twice.
        revision: Digest of all files that it was read from.
        rules: Where the rules of the platform are asked; None if there are none.
        refresh: Seconds after which policy and withdrawals are read again.
        deadline: Seconds that one decision may take.
    """

    environments: tuple[Environment, ...]
    revision: Digest
    rules: RuleService | None = None
    refresh: float = 30.0
    deadline: float = 8.0

    def environment_of(self, namespace: str) -> Environment:
        """The environment that a namespace belongs to.

        Raises:
            GateError: NAMESPACE_UNKNOWN if to none.
        """
        for environment in self.environments:
            if namespace in environment.namespaces:
                return environment
        raise GateError(
            Code.NAMESPACE_UNKNOWN,
            "the gate's policy has no environment for this namespace",
            where=namespace or "no namespace",
            expected=listed(n for e in self.environments for n in e.namespaces),
            found=namespace,
            remedy="add the namespace to an environment of the gate's policy, or deploy elsewhere",
        )

    def environment(self, name: str) -> Environment:
        """The environment of that name.

        Raises:
            GateError: ENVIRONMENT_UNKNOWN if there is none.
        """
        for environment in self.environments:
            if environment.name == name:
                return environment
        raise GateError(
            Code.ENVIRONMENT_UNKNOWN,
            "the gate's policy has no such environment",
            where=name,
            expected=listed(e.name for e in self.environments),
            found=name,
            remedy="name one that the policy has",
        )


def _leaves(uri: str) -> bool:
    """A path that climbs, or a part that storages could read as another one."""
    return any(part in (".", "..") for part in uri.split("/")) or "%" in uri or "\\" in uri
