"""Which Vault or OpenBao server is asked; from the environment, as Vault's own client does."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

_PRINTABLE = re.compile(r"[!-~]+")
_ADDRESS = "https://HOST[:PORT]; http: for this machine only, since a token is sent there"
_PATH = re.compile(r"(/[A-Za-z0-9._-]+)*/?")
_NAMESPACE = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*/?")


@dataclass(frozen=True)
class Server:
    """A server and how to know it.

    Attributes:
        address: ``https://HOST[:PORT][/PATH]``; ``http:`` for this machine only.
        namespace: Namespace of the key and the login, or empty.
        authorities: PEM file of the authorities that may vouch for it; None for the usual.
    """

    address: str
    namespace: str = ""
    authorities: Path | None = None


def server_from_environment(environ: Mapping[str, str] = os.environ) -> Server:
    """Read ``VAULT_ADDR``, ``VAULT_NAMESPACE`` and ``VAULT_CACERT``.

    Raises:
        SettingsError: SETTING_INVALID.
    """
    namespace = environ.get("VAULT_NAMESPACE", "")
    if namespace and not _NAMESPACE.fullmatch(namespace):
        raise _invalid("VAULT_NAMESPACE", "a path of names", namespace)
    file = environ.get("VAULT_CACERT", "")
    if file and not (Path(file).is_file() and os.access(file, os.R_OK)):
        raise _invalid("VAULT_CACERT", "a PEM file that can be read", file)
    address = _address(environ.get("VAULT_ADDR", ""))
    return Server(address, namespace, Path(file) if file else None)


def _address(text: str) -> str:
    # of what was written, little is shown: somebody may have put a secret there
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise _invalid("VAULT_ADDR", _ADDRESS, "something that cannot be parsed") from None
    plain = (parts.username, parts.password, parts.query, parts.fragment) == (None, None, "", "")
    if not (host and plain and _PRINTABLE.fullmatch(text) and _PATH.fullmatch(parts.path)):
        raise _invalid("VAULT_ADDR", _ADDRESS, "something else" if text else "nothing")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise _invalid("VAULT_ADDR", _ADDRESS, f"{parts.scheme}://{host}")
    return text.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _invalid(name: str, expected: str, found: str) -> SettingsError:
    return SettingsError(
        Code.SETTING_INVALID,
        "the server of the signing key is not usable",
        where=name,
        expected=expected,
        found=printable(found),
        remedy=f"set {name} in the environment of whoever signs",
    )
