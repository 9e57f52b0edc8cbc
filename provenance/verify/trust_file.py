"""The trust policy file: TOML or YAML, strict, as docs/reference/trust-policy.md specifies it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import TrustError
from kfp_provenance.facts import Digest
from kfp_provenance.verify import trust_model as models
from kfp_provenance.verify.sigstore_root import MAX_ROOT, SigstoreRoot
from kfp_provenance.verify.strict_file import PolicyUnreadableError, read_policy_file, validated
from kfp_provenance.verify.trust import (
    Identity,
    RequiredComponent,
    Requirements,
    Revocations,
    RevokedIdentity,
    Trust,
    TrustedSigner,
    trusted_key,
)

_LIMIT = 4 * 1024 * 1024
_Model = TypeVar("_Model", bound=BaseModel)
ReadFile = Callable[[str], bytes]
"""Reads a file named relative to the trust policy: a key, a trusted root, revocations."""


def load_trust(path: Path) -> Trust:
    """Read a trust policy and the files that it names.

    Args:
        path: TOML, or YAML if its name ends in ``.yaml`` or ``.yml``.

    Raises:
        TrustError: TRUST_INVALID; a policy that cannot be read is never an empty one.
    """

    def read_file(name: str) -> bytes:
        return _read(path.parent / name)

    return parse_trust(_read(path), read_file, where=str(path))


def load_sigstore_root(path: Path) -> SigstoreRoot:
    """Read a saved root of trust.

    Raises:
        TrustError: TRUST_INVALID if it cannot be read or is none.
    """
    root = SigstoreRoot(_read(path), str(path))
    root.check()
    return root


def parse_trust(text: bytes, read_file: ReadFile, where: str = "trust policy") -> Trust:
    """Read the text of a trust policy.

    Args:
        text: TOML, or YAML if ``where`` ends so, in UTF-8.
        read_file: Reads what the policy names; the name has no ``..`` and is not absolute.
        where: How errors name the policy.

    Raises:
        TrustError: TRUST_INVALID for an unknown field, a wrong type, a pattern, ...
    """
    seen = hashlib.sha256(hashlib.sha256(text).digest())

    def read(name: str) -> bytes:
        data = read_file(name)
        seen.update(hashlib.sha256(data).digest())
        return data

    policy = _validated(models.PolicyModel, text, where)
    signers = tuple(_signer(signer, read, where) for signer in policy.signer)
    root = None
    if policy.trusted_root is not None:
        root = SigstoreRoot(read(policy.trusted_root), policy.trusted_root)
        root.check()
    lists: list[models.RevokedModel] = [policy.revoked] if policy.revoked is not None else []
    if policy.revocations is not None:
        file = read(policy.revocations)
        lists.append(_validated(models.RevocationFileModel, file, policy.revocations))
    return Trust(
        signers,
        _set(policy.roots),
        sigstore=root,
        requirements=_requirements(policy.require or models.RequireModel()),
        revoked=_revocations(lists, where),
        revision=Digest(seen.hexdigest()),
    )


def _validated(model: type[_Model], text: bytes, where: str) -> _Model:
    try:
        return validated(model, text, where)
    except PolicyUnreadableError as error:
        raise _invalid(where, str(error)) from error


def _signer(model: models.SignerModel, read: ReadFile, where: str) -> TrustedSigner:
    key, identity, name = None, None, model.key or f"{where} (pem)"
    if model.identity is not None and model.issuer is not None:
        identity = Identity(model.identity, model.issuer)
        name = str(identity)
    else:
        pem = read(model.key) if model.key is not None else (model.pem or "").encode()
        key = trusted_key(pem, name)
    return TrustedSigner(
        name=name,
        key=key,
        builders=frozenset(model.builders),
        pipelines=_set(model.pipelines),
        namespaces=_set(model.namespaces),
        identity=identity,
        not_before=_in_utc(model.not_before, where),
        not_after=_in_utc(model.not_after, where),
    )


def _requirements(model: models.RequireModel) -> Requirements:
    days = model.maximum_age_days
    return Requirements(
        steps=frozenset(model.steps or ()),
        components=tuple(
            RequiredComponent(c.name, Digest.parse(c.source_digest) if c.source_digest else None)
            for c in model.components or ()
        ),
        level=model.level,
        maximum_age=None if days is None else timedelta(days=days),
    )


def _in_utc(moment: datetime | None, where: str) -> datetime | None:
    """As it is compared and shown; its zone may put it outside the calendar."""
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise _invalid(where, f"{moment} is no time in UTC") from error


def _revocations(found: Iterable[models.RevokedModel], where: str) -> Revocations:
    digests: set[Digest] = set()
    keys: set[str] = set()
    identities: list[RevokedIdentity] = []
    for model in found:
        digests.update(map(Digest.parse, model.digests or ()))
        keys.update(model.keys or ())
        identities += [
            RevokedIdentity(Identity(who.identity, who.issuer), _in_utc(who.since, where))
            for who in model.identities or ()
        ]
    return Revocations(frozenset(digests), frozenset(keys), tuple(identities))


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _read(path: Path) -> bytes:
    try:
        return read_policy_file(path, max(_LIMIT, MAX_ROOT))
    except PolicyUnreadableError as error:
        raise _invalid(str(path), str(error)) from error


def _invalid(where: str, reason: str) -> TrustError:
    return TrustError(
        Code.TRUST_INVALID,
        "the trust policy cannot be used",
        where=where,
        expected="a policy as docs/reference/trust-policy.md specifies it",
        found=printable(reason, 500),
        remedy="mend the policy; without one nothing is trusted",
    )
