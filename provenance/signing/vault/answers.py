"""What a transit engine answers, and what of it is good to sign with."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing.keys import PublicKey, load_public_key

_KIND = "ecdsa-p256"
_Version = Annotated[int, Field(ge=1)]


class KeyAnswer(BaseModel):
    """A key: its public halves by version. Those that are archived are not among them."""

    type: str
    keys: dict[_Version, object]
    min_encryption_version: int = 0
    soft_deleted: bool = False


class SignAnswer(BaseModel):
    """A signature, ``vault:vVERSION:BASE64``."""

    signature: Annotated[str, Field(max_length=1024)]


class LoginAnswer(BaseModel):
    """A token."""

    client_token: Annotated[str, Field(min_length=1, max_length=16 * 1024)]


class _Half(BaseModel):
    public_key: str


def pinned(answer: KeyAnswer, asked: int | None, where: str) -> tuple[int, PublicKey]:
    """The version to sign with, and its public key.

    Args:
        answer: The key as it is now.
        asked: The version that was asked for, or None for the latest.
        where: How errors name the key.

    Raises:
        SigningError: KEY_UNREADABLE if the key or this version cannot sign.
    """
    if answer.type != _KIND:
        raise _unusable("it is not a P-256 key", where, _KIND, printable(answer.type))
    if answer.soft_deleted or not answer.keys:
        raise _unusable("it is deleted", where, "a key in use", "a deleted one")
    version = asked or max(answer.keys)
    if version not in answer.keys:
        raise _unusable(
            "this version is archived, or was never made",
            where,
            f"one of {min(answer.keys)} to {max(answer.keys)}",
            str(version),
        )
    if version < answer.min_encryption_version:
        raise _unusable(
            "this version is retired: it may verify but not sign",
            where,
            f"{answer.min_encryption_version} or later (min_encryption_version)",
            str(version),
        )
    try:
        half = TypeAdapter(_Half).validate_python(answer.keys[version])
    except ValidationError:
        raise _unusable("it has no public key", where, "PEM", "something else") from None
    return version, load_public_key(half.public_key.encode(), f"{where}, version {version}")


def _unusable(reason: str, where: str, expected: str, found: str) -> SigningError:
    return SigningError(
        Code.KEY_UNREADABLE,
        f"the key cannot sign: {reason}",
        where=where,
        expected=expected,
        found=found,
        remedy="name another key or version; `vault read MOUNT/keys/NAME` shows what there is",
    )
