"""What to log in with: read when it is needed, since tokens in files are replaced meanwhile."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError
from kfp_provenance.signing.secret_files import is_token, read_token
from kfp_provenance.signing.vault.uri import Login

ROLE_ID_VARIABLE = "KPROV_VAULT_ROLE_ID"
SECRET_ID_VARIABLE = "KPROV_VAULT_SECRET_ID"  # noqa: S105 - a name, not a secret
TOKEN_VARIABLE = "VAULT_TOKEN"  # noqa: S105 - likewise


@dataclass(frozen=True)
class Credential:
    """What a server is shown.

    Attributes:
        role: Role, or role id; empty for a token.
        secret: Token, secret id or service account's token.
    """

    role: str
    secret: str = field(repr=False)


def read_credential(login: Login, environ: Mapping[str, str] = os.environ) -> Credential:
    """Read what ``login`` needs from its file, or else from the environment.

    Raises:
        SigningError: KEY_UNREADABLE for a file that cannot be used.
        SettingsError: SETTING_INVALID if there is neither a file nor a variable.
    """
    if login.method == "kubernetes":
        return Credential(login.role, _from_file(login.file, "service account's token"))
    if login.method == "approle":
        role = login.role or environ.get(ROLE_ID_VARIABLE, "")
        if not is_token(role):
            raise _unset("the role id", f"role-id=ID in the URI, or {ROLE_ID_VARIABLE}")
        if login.file is not None:
            return Credential(role, _from_file(login.file, "secret id"))
        found, places = environ.get(SECRET_ID_VARIABLE, ""), f"or {SECRET_ID_VARIABLE}"
        return Credential(role, _checked(found, "the secret id", f"secret-id-file=FILE {places}"))
    return Credential("", _own_token(login.file, environ))


def _own_token(file: Path | None, environ: Mapping[str, str]) -> str:
    if file is not None:
        return _from_file(file, "token")
    found = environ.get(TOKEN_VARIABLE, "")
    if not found:
        # where `vault login` and `bao login` leave it
        kept = Path(environ.get("HOME", "") or "/nonexistent") / ".vault-token"
        if kept.exists():
            return _from_file(kept, "token")
    places = f"token-file=FILE, {TOKEN_VARIABLE}, or ~/.vault-token after `vault login`"
    return _checked(found, "the token", places)


def _from_file(file: Path | None, what: str) -> str:
    return read_token(file or Path(), what)


def _checked(secret: str, what: str, places: str) -> str:
    if not is_token(secret):
        raise _unset(what, places)
    return secret


def _unset(what: str, places: str) -> SettingsError:
    return SettingsError(
        Code.SETTING_INVALID,
        f"{what} to log in with is not set, or holds blanks",
        expected=places,
        remedy="set one of them; docs/reference/signers.md says which",
    )
