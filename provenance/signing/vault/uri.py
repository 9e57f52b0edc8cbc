"""What a ``vault:`` URI says: which key, which of its versions, and how to log in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError

SERVICE_ACCOUNT_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

_COMMON = frozenset({"version", "mount", "auth"})
_OPTIONS = {
    "token": _COMMON | {"token-file"},
    "approle": _COMMON | {"auth-mount", "role-id", "secret-id-file"},
    "kubernetes": _COMMON | {"auth-mount", "role", "token-file"},
}
_NAME = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]+")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Login:
    """How to log in; holds no secret.

    Attributes:
        method: ``token``, ``approle`` or ``kubernetes``.
        mount: Where the method is mounted in the server, below ``auth/``.
        role: Role of ``kubernetes``, or role id of ``approle``; empty if the URI has none.
        file: File of the token, the secret id or the service account's token.
    """

    method: str
    mount: str
    role: str
    file: Path | None


@dataclass(frozen=True)
class TransitKey:
    """A key of a transit engine.

    Attributes:
        name: Name of the key.
        mount: Where the engine is mounted.
        version: The version that was asked for, or None for the latest.
        login: How to log in.
    """

    name: str
    mount: str
    version: int | None
    login: Login


def parse(uri: str) -> TransitKey:
    """Read a URI ``vault:NAME[?OPTION=VALUE&...]``.

    Raises:
        SigningError: SIGNER_URI_INVALID; what was written is not repeated, since somebody
            may have put a secret there.
    """
    if not uri.isprintable():  # urlsplit would leave line breaks out
        raise _invalid("it has characters that cannot be seen")
    try:
        parts = urlsplit(uri)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise _invalid("it cannot be parsed") from None
    name, options = unquote(parts.path), dict(query)
    if parts.scheme != "vault" or parts.netloc or parts.fragment or not _NAME.fullmatch(name):
        raise _invalid("it names no key; a name has letters, digits, '.', '_' and '-'")
    if len(options) != len(query) or not all(options.values()):
        raise _invalid("an option is there twice, or has no value")
    login = _login(options)
    version = options.get("version")
    if version is not None and not _VERSION.fullmatch(version):
        raise _invalid("version is not a number from 1 on")
    mount = _mount(options.get("mount", "transit"), "mount")
    return TransitKey(name, mount, int(version) if version else None, login)


def _login(options: Mapping[str, str]) -> Login:
    method = options.get("auth", "token")
    known = _OPTIONS.get(method)
    if known is None:
        raise _invalid(f"auth is none of {', '.join(_OPTIONS)}")
    if not known.issuperset(options):
        raise _invalid(f"with auth={method} its options are {', '.join(sorted(known))}")
    mount = _mount(options.get("auth-mount", method), "auth-mount")
    role = options.get("role", "")
    if method == "kubernetes" and not _NAME.fullmatch(role):
        raise _invalid("auth=kubernetes needs a role")
    file = options.get("token-file") or options.get("secret-id-file")
    path = Path(file) if file else None
    if method == "kubernetes" and path is None:
        path = SERVICE_ACCOUNT_TOKEN
    return Login(method, mount, role or options.get("role-id", ""), path)


def _mount(path: str, option: str) -> str:
    if not all(_NAME.fullmatch(part) for part in path.split("/")):
        raise _invalid(f"{option} is no path of names, without a slash at its ends")
    return path


def _invalid(reason: str) -> SigningError:
    return SigningError(
        Code.SIGNER_URI_INVALID,
        f"the signer's URI is not usable: {reason}",
        expected="vault:NAME[?version=N&mount=PATH&auth=token|approle|kubernetes&...]",
        remedy="docs/reference/signers.md lists the options; a secret is never one of them",
    )
