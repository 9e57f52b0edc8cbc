"""``gcpkms:``, ``awskms:`` and ``azurekms:``: P-256 keys in the key services of clouds.

securesystemslib signs; here its errors become ours, and its signatures are checked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing.extras import require
from kfp_provenance.signing.interface import AskPassphrase
from kfp_provenance.signing.key_signer import KeySigner
from kfp_provenance.signing.keys import PublicKey
from kfp_provenance.signing.remote import RemoteKey

Sign = Callable[[bytes], str]
"""Signs a payload; the signature is DER in hexadecimal digits."""


class Service(Protocol):
    """A module for one cloud."""

    def open_key(self, key: str, where: str) -> tuple[Sign, PublicKey]:
        """What signs with the key, and its public half."""

    def translated(self, where: str) -> AbstractContextManager[None]:
        """Within it, what the cloud's library raises becomes an error of ours."""


@dataclass(frozen=True)
class _Scheme:
    key: re.Pattern[str]
    expected: str
    libraries: tuple[str, ...]
    module: str


_ARN = "arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:"
_PART = "[A-Za-z0-9_-]+"
_SCHEMES = {
    "awskms": _Scheme(
        re.compile(f"{_ARN}key/[a-z0-9-]+|({_ARN})?alias/[A-Za-z0-9/_-]+|[a-z0-9-]+"),
        "awskms:KEY, where KEY is a key's id or ARN, or alias/NAME or its ARN",
        ("boto3",),
        "kfp_provenance.signing.kms.aws",
    ),
    "azurekms": _Scheme(
        re.compile(r"//[a-z0-9-]{3,24}\.vault\.azure\.net/keys/[A-Za-z0-9-]{1,127}/[0-9a-f]{32}"),
        "azurekms://VAULT.vault.azure.net/keys/NAME/VERSION",
        ("azure.identity", "azure.keyvault.keys"),
        "kfp_provenance.signing.kms.azure",
    ),
    "gcpkms": _Scheme(
        re.compile(
            f"projects/[A-Za-z0-9_.:-]+/locations/{_PART}/keyRings/{_PART}/cryptoKeys/{_PART}"
            "/cryptoKeyVersions/[1-9][0-9]*"
        ),
        "gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/N",
        ("google.cloud.kms",),
        "kfp_provenance.signing.kms.gcp",
    ),
}


def open_signer(uri: str, ask_passphrase: AskPassphrase | None = None) -> KeySigner:  # noqa: ARG001
    """Read the public key that ``uri`` names; credentials are those of the cloud's library.

    Args:
        uri: As docs/reference/signers.md lists them.
        ask_passphrase: Not used.

    Raises:
        SigningError: SIGNER_URI_INVALID, SIGNER_UNREACHABLE, SIGNER_DENIED or KEY_UNREADABLE.
        SettingsError: DEPENDENCY_MISSING, or SETTING_INVALID for settings of the cloud.
    """
    scheme, _, key = uri.partition(":")
    kind = _SCHEMES[scheme]
    if not kind.key.fullmatch(key):
        # what was written is not repeated: somebody may have put a secret there
        raise SigningError(
            Code.SIGNER_URI_INVALID,
            "the signer's URI names no key of this service",
            expected=kind.expected,
            remedy="credentials are never part of it; docs/reference/signers.md has examples",
        )
    for library in kind.libraries:
        require(library, scheme)
    service = cast("Service", import_module(kind.module))
    with service.translated(uri):
        sign, public = service.open_key(key, uri)
    return KeySigner(uri, _CloudKey(sign, public, service, uri), public)


class _CloudKey(RemoteKey):
    """A key that securesystemslib signs with."""

    def __init__(self, sign: Sign, public: PublicKey, service: Service, where: str) -> None:
        super().__init__(public, where)
        self._sign = sign
        self._service = service

    def ask(self, payload: bytes) -> bytes:
        with self._service.translated(self._where):
            return bytes.fromhex(self._sign(payload))
