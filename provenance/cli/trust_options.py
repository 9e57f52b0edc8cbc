"""Whom to trust, as commands are told: a trust policy, or a shorthand for one signer."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.attest.identifiers import BUILDERS
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

if TYPE_CHECKING:
    from kfp_provenance.verify import Trust

KeyOption = Annotated[Path | None, typer.Option(help="PEM of the signer's public key.")]
TrustOption = Annotated[Path | None, typer.Option(help="Trust policy file: TOML or YAML.")]
IdentityOption = Annotated[
    str, typer.Option(help="Exact identity of a keyless signer, with --issuer.")
]
IssuerOption = Annotated[str, typer.Option(help="Exact OpenID Connect issuer of --identity.")]
RootOption = Annotated[
    str,
    typer.Option(
        help="Saved root of trust for --identity (else KPROV_TRUSTED_ROOT, kprov.toml).",
    ),
]


def trust_of(
    key: Path | None,
    trust: Path | None,
    identity: str = "",
    issuer: str = "",
    trusted_root: str = "",
    *,
    builders: Collection[str] = BUILDERS,
) -> Trust:
    """The trust policy that the options name; ``builders`` is what a shorthand grants.

    Raises:
        SettingsError: USAGE unless exactly one of key, trust and identity is given.
        TrustError: TRUST_INVALID if what they name cannot be used.
    """
    from kfp_provenance.verify import Trust, load_trust

    given = {"--key": key is not None, "--trust": trust is not None, "--identity": bool(identity)}
    if sum(given.values()) != 1 or bool(identity) != bool(issuer):
        found = [name for name, there in given.items() if there] + ["--issuer"] * bool(issuer)
        raise SettingsError(
            Code.USAGE,
            "say whom to trust, once",
            expected="--key PEM, or --trust FILE, or --identity TEXT with --issuer URL",
            found=" ".join(found) or "none of them",
            remedy="pass the public key or the identity of the signer, or a trust policy",
        )
    if key is not None:
        return Trust.for_key(_read_key(key), builders, name=str(key))
    if trust is not None:
        return load_trust(trust)
    return _trust_in_identity(identity, issuer, trusted_root, builders)


def _trust_in_identity(
    identity: str, issuer: str, trusted_root: str, builders: Collection[str]
) -> Trust:
    from kfp_provenance.settings import setting
    from kfp_provenance.verify import Trust, load_sigstore_root

    root = setting("trusted_root", trusted_root)
    if not root:
        raise SettingsError(
            Code.USAGE,
            "an identity is believed only by a saved root of trust",
            expected="--trusted-root FILE",
            found="nothing",
            remedy="save one: kprov trust fetch -o trusted_root.json",
        )
    return Trust.for_identity(identity, issuer, load_sigstore_root(Path(root)), builders)


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(64 * 1024)
    except OSError as error:
        raise SettingsError(
            Code.TRUST_INVALID,
            "the public key cannot be read",
            where=str(path),
            found=error.strerror or type(error).__name__,
            remedy="name the PEM file of the public key",
        ) from error
