"""A chain signed keyless by our own signer, and the options that verify it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kfp_provenance.signing import open_signer
from support.chains import signed, tabular_run
from support.sigstore_instance import Sigstore, certificate_identity

SERVICE_ACCOUNT = "team-a/signer"
EMAIL = "dev@provenance.example"


@dataclass(frozen=True)
class Who:
    """An identity as certificates and verifiers write it, and the root that it is believed by."""

    identity: str
    issuer: str
    root: Path

    @property
    def options(self) -> tuple[str, ...]:
        """Those of ``kprov verify``."""
        return (
            f"--identity={self.identity}",
            f"--issuer={self.issuer}",
            f"--trusted-root={self.root}",
        )


def who(instance: Sigstore, identity: str) -> Who:
    """``identity`` is ``namespace/serviceaccount`` or an address of mail."""
    return Who(certificate_identity(identity), instance.issuer.of(identity), instance.trusted_root)


def signer_uri(instance: Sigstore, identity: str) -> str:
    """The signer with a new token of this identity."""
    token = instance.token_file(identity)
    token.chmod(0o600)
    return f"sigstore:?token-file={token}&trust-config={instance.trust_config}"


def keyless(instance: Sigstore, identity: str = SERVICE_ACCOUNT, run: str = "run-1") -> bytes:
    """The bundle of a chain, signed now with the project's own signer."""
    signer = open_signer(signer_uri(instance, identity))
    return signed(tabular_run(run).chain(), signer, now=datetime.now(UTC))
