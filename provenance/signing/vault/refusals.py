"""What hvac raises, in our words and without anything secret."""

from __future__ import annotations

from collections.abc import Iterable

from hvac.exceptions import (
    Forbidden,
    InternalServerError,
    InvalidPath,
    InvalidRequest,
    Unauthorized,
    VaultError,
)
from requests.exceptions import SSLError

from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing.vault.uri import Login, TransitKey


class DeniedError(SigningError):
    """The server does not let us; a new login may help."""


class RejectedError(SigningError):
    """The server answered and did not do it; the state of the key may say why."""


def key_refusal(
    error: VaultError | OSError, key: TransitKey, where: str, secrets: Iterable[str]
) -> SigningError:
    """When the key was asked about, or asked to sign."""
    found = _said(error, secrets)
    match error:
        case Forbidden() | Unauthorized():
            return DeniedError(
                Code.SIGNER_DENIED,
                "the server does not allow this key, or the token has expired",
                where=where,
                found=found,
                remedy=f"log in anew, with a policy that allows `read` of"
                f" {key.mount}/keys/{key.name} and `update` of {key.mount}/sign/{key.name}",
            )
        case InvalidPath() | InvalidRequest():
            return RejectedError(
                Code.KEY_UNREADABLE,
                "the server has no such key, or cannot sign with it",
                where=where,
                found=found,
                remedy="check the name of the key, ?mount= and VAULT_NAMESPACE",
            )
        case InternalServerError():  # also for versions that may not sign
            return RejectedError(
                Code.SIGNER_UNREACHABLE,
                "the server failed",
                where=where,
                found=found,
                remedy="its log says why; try again",
            )
    return _unreachable(error, where, found)


def login_refusal(
    error: VaultError | OSError, login: Login, where: str, secrets: Iterable[str]
) -> SigningError:
    """When we logged in."""
    found = _said(error, secrets)
    if isinstance(error, Forbidden | Unauthorized | InvalidPath | InvalidRequest):
        return SigningError(
            Code.SIGNER_DENIED,
            f"the server refuses the login with {login.method}",
            where=f"auth/{login.mount} for {where}",
            found=found,
            remedy="check the role, what it is bound to, ?auth-mount= and VAULT_NAMESPACE",
        )
    return _unreachable(error, where, found)


def odd_answer(where: str, found: str) -> SigningError:
    """When there was an answer, but none of a transit engine."""
    return SigningError(
        Code.SIGNER_UNREACHABLE,
        "this does not answer as Vault or OpenBao do",
        where=where,
        expected="JSON with the data that was asked for, and no redirect",
        found=found,
        remedy="set VAULT_ADDR to the active server itself",
    )


def _unreachable(error: VaultError | OSError, where: str, found: str) -> SigningError:
    if isinstance(error, SSLError):
        return SigningError(
            Code.SIGNER_UNREACHABLE,
            "the server's certificate is not one that VAULT_CACERT vouches for",
            where=where,
            found=found,
            remedy="set VAULT_CACERT to the PEM file of the server's own authority",
        )
    return SigningError(
        Code.SIGNER_UNREACHABLE,
        "the server of the key does not answer, is sealed or too busy",
        where=where,
        found=found,
        remedy="check VAULT_ADDR and the server (`vault status`), then try again",
    )


def _said(error: VaultError | OSError, secrets: Iterable[str]) -> str:
    """What the server said, without what we showed to it."""
    if not isinstance(error, VaultError):
        return type(error).__name__  # the text of requests has addresses in it
    lines = error.errors if isinstance(error.errors, list) else [type(error).__name__]
    text = " ".join(" ".join(map(str, lines)).split())
    for secret in secrets:
        text = text.replace(secret, "...")
    return printable(text or type(error).__name__)
