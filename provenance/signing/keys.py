"""P-256 keys: made, written once, read."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

_PUBLIC_LIMIT = 16 * 1024


@dataclass(frozen=True)
class PublicKey:
    """A P-256 public key.

    Attributes:
        pem: PEM SubjectPublicKeyInfo.
        hint: base64 of the SHA-256 of its DER form: how bundles name it.
        verifier: The same key as securesystemslib verifies with.
    """

    pem: bytes
    hint: str
    verifier: SSlibKey = field(repr=False, compare=False)


def public_key_of(key: ec.EllipticCurvePublicKey) -> PublicKey:
    """Wrap a P-256 key of ``cryptography``."""
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]  # noqa: PLC0415

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    der = key.public_bytes(serialization.Encoding.DER, form)
    hint = base64.b64encode(hashlib.sha256(der).digest()).decode("ascii")
    pem = key.public_bytes(serialization.Encoding.PEM, form)
    return PublicKey(pem, hint, SSlibKey.from_crypto(key, keyid=hint))


def load_public_key(pem: bytes, where: str = "public key") -> PublicKey:
    """Read a PEM public key.

    Args:
        pem: One SubjectPublicKeyInfo in PEM.
        where: How errors name it, for example its path.

    Raises:
        SigningError: KEY_UNREADABLE if it is anything but a P-256 public key.
    """
    try:
        if len(pem) > _PUBLIC_LIMIT or pem.count(b"-----BEGIN") != 1:
            raise ValueError("not exactly one PEM block")
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _not_p256(where, "something else") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _not_p256(where, f"a {type(key).__name__.lstrip('_')} of another kind or curve")
    return public_key_of(key)


def new_key(
    private_path: Path,
    public_path: Path,
    passphrase: str | None,
    *,
    unencrypted: bool = False,
) -> PublicKey:
    """Make a key pair in two new files; nothing is ever overwritten.

    Args:
        private_path: PKCS#8 PEM, mode 0600.
        public_path: SubjectPublicKeyInfo PEM.
        passphrase: Encrypts the private key.
        unencrypted: Must be True, and ``passphrase`` None, for a key without passphrase.

    Raises:
        SigningError: KEY_EXISTS; KEY_UNREADABLE if a file cannot be written; USAGE for
            an empty passphrase, or none where ``unencrypted`` was not asked for.
    """
    if unencrypted == (passphrase is not None) or passphrase == "":
        raise SigningError(
            Code.USAGE,
            "a private key needs a passphrase, or an explicit wish to have none",
            where=str(private_path),
            remedy="give a passphrase by prompt, KPROV_KEY_PASSPHRASE or a file",
        )
    for path in (private_path, public_path):
        if path.exists() or path.is_symlink():
            raise _exists(path)
    private = ec.generate_private_key(ec.SECP256R1())
    encryption = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase.encode())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    public = public_key_of(private.public_key())
    _write_new(private_path, secret, 0o600)
    try:
        _write_new(public_path, public.pem, 0o644)
    except SigningError:
        private_path.unlink(missing_ok=True)  # half a pair is of no use, and ours
        raise
    return public


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise SigningError(
            Code.KEY_UNREADABLE,
            f"the key file cannot be written: {error.strerror}",
            where=str(path),
            remedy="choose a folder that exists and can be written",
        ) from error


def _exists(path: Path) -> SigningError:
    return SigningError(
        Code.KEY_EXISTS,
        "a key file is never overwritten",
        where=str(path),
        expected="no such file",
        found="a file",
        remedy="choose another name, or move the old key away",
    )


def _not_p256(where: str, found: str) -> SigningError:
    return SigningError(
        Code.KEY_UNREADABLE,
        "this is not a P-256 public key",
        where=where,
        expected="one PEM block BEGIN PUBLIC KEY of an ECDSA key on P-256",
        found=found,
        remedy="use the .pub file that `kprov key new` wrote",
    )
