"""``file:PATH[?passphrase-file=FILE]``: a P-256 key in a PKCS#8 PEM file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing.interface import AskPassphrase
from kfp_provenance.signing.key_signer import KeySigner
from kfp_provenance.signing.keys import public_key_of
from kfp_provenance.signing.secret_files import read_private, unreadable

PASSPHRASE_VARIABLE = "KPROV_KEY_PASSPHRASE"  # noqa: S105 - a name, not a secret
_PASSPHRASE_FILE = "passphrase-file"  # noqa: S105 - likewise


@dataclass(frozen=True)
class _KeyFile:
    path: Path
    passphrase_file: Path | None


def open_signer(uri: str, ask_passphrase: AskPassphrase | None = None) -> KeySigner:
    """Read the key that ``uri`` names.

    The passphrase comes from the file that the URI names, else from
    ``KPROV_KEY_PASSPHRASE``, else from ``ask_passphrase``; never from the command line.

    Raises:
        SigningError: SIGNER_URI_INVALID, KEY_UNREADABLE or KEY_PASSPHRASE_WRONG.
    """
    from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # noqa: PLC0415

    file = _parse(uri)
    pem = read_private(file.path, "key")
    encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in pem
    if not encrypted and b"-----BEGIN PRIVATE KEY-----" not in pem:
        raise unreadable(file.path, "it is not a private key in PKCS#8 PEM", _PKCS8_REMEDY)
    passphrase = _passphrase(file, ask_passphrase) if encrypted else None
    try:
        key = serialization.load_pem_private_key(pem, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise _wrong_passphrase(file.path) from error
        raise unreadable(file.path, "its PEM is damaged", _PKCS8_REMEDY) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise unreadable(file.path, "it is not a P-256 key", "make one with `kprov key new`")
    public = public_key_of(key.public_key())
    return KeySigner(f"file:{file.path}", CryptoSigner(key, public.verifier), public)


_PKCS8_REMEDY = "make a key with `kprov key new`, or convert it: openssl pkcs8 -topk8"


def _parse(uri: str) -> _KeyFile:
    # the query is not shown in errors: somebody may have put a passphrase there
    try:
        parts = urlsplit(uri)
        query = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
    except ValueError as error:
        raise _invalid("it cannot be parsed") from error
    path, names = unquote(parts.path), [name for name, _ in query]
    if parts.scheme != "file" or parts.netloc or parts.fragment or not path or "\0" in path:
        raise _invalid("it names no local file")
    if names not in ([], [_PASSPHRASE_FILE]):
        raise _invalid(f"its only option is {_PASSPHRASE_FILE}, once")
    return _KeyFile(Path(path), Path(query[0][1]) if query else None)


def _passphrase(file: _KeyFile, ask: AskPassphrase | None) -> bytes:
    if file.passphrase_file is not None:
        text = read_private(file.passphrase_file, "passphrase").removesuffix(b"\n")
        passphrase = text.removesuffix(b"\r")
    elif os.environ.get(PASSPHRASE_VARIABLE):
        passphrase = os.environ[PASSPHRASE_VARIABLE].encode()
    else:
        passphrase = ask(str(file.path)).encode() if ask is not None else b""
    if not passphrase:
        raise SigningError(
            Code.KEY_PASSPHRASE_WRONG,
            "the key is encrypted and there is no passphrase",
            where=str(file.path),
            remedy=f"set {PASSPHRASE_VARIABLE}, or name a file: ?{_PASSPHRASE_FILE}=FILE",
        )
    return passphrase


def _invalid(reason: str) -> SigningError:
    return SigningError(
        Code.SIGNER_URI_INVALID,
        f"the signer's URI is not usable: {reason}",
        expected=f"file:PATH[?{_PASSPHRASE_FILE}=FILE]",
        remedy="the passphrase itself never belongs into the URI",
    )


def _wrong_passphrase(path: Path) -> SigningError:
    return SigningError(
        Code.KEY_PASSPHRASE_WRONG,
        "the passphrase does not open the key",
        where=str(path),
        remedy="give the passphrase that the key was made with",
    )
