"""OpenSSF Model Signing (OMS): a signature beside the model, which ``model_signing`` verifies.

It says nothing about the chain; it is for those who know no other format. The package
``model-signing`` makes the manifest, and any of our signers signs it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from kfp_provenance.attest.identifiers import PAYLOAD_TYPE
from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, DataError, SettingsError, SigningError
from kfp_provenance.facts import ArtifactKind, Digest
from kfp_provenance.hashing import Content, Listing, ListingEntry, hash_path
from kfp_provenance.signing.extras import require
from kfp_provenance.signing.interface import Signer
from kfp_provenance.signing.key_signer import KeySigner, write_line

if TYPE_CHECKING:
    from model_signing.manifest import Manifest


class Identified(Protocol):
    """An artifact, or what was hashed of one."""

    @property
    def digest(self) -> Digest:
        """Digest of the bytes."""

    @property
    def kind(self) -> ArtifactKind:
        """What it was taken of."""


def sign_model(
    path: Path, signer: Signer, *, signed: Identified | None = None, target: Path | None = None
) -> bytes:
    """An OMS signature of a model: a Sigstore bundle v0.3, JSON on one line.

    Args:
        path: The model: a file, or a directory without empty ones.
        signer: Any signer, with a key or without one.
        signed: What the chain has signed; another model is refused.
        target: Where the signature will be written; not into the model.

    Raises:
        SettingsError: DEPENDENCY_MISSING, or USAGE for a target inside the model.
        ArtifactError: If the model is not one artifact, or changed meanwhile.
        DataError: MODEL_MALFORMED if it has no bytes.
        SigningError: SUBJECT_MISMATCH if it is not what the chain has signed, and what the
            signer raises.
    """
    if target is not None:
        _check_outside(path, target)
    require("model_signing.hashing", "oms")
    content = hash_path(path)
    if content.size == 0:
        raise _empty(path)
    if signed is not None and (signed.digest, signed.kind) != (content.digest, content.kind):
        raise _another(path, signed, content)
    manifest = _manifest(path)
    if _identity(manifest, content.kind) != content.digest:
        raise _changed(path)
    return _sign(_statement(manifest), signer)


def _manifest(path: Path) -> Manifest:
    """A digest for every file, also those that git has beside a model."""
    from model_signing.hashing import Config  # noqa: PLC0415 - slow to import

    config = Config().use_file_serialization(hashing_algorithm="sha256", allow_symlinks=False)
    try:
        return config.set_ignored_paths(paths=[], ignore_git_paths=False).hash(path)
    except (ValueError, OSError) as error:  # a link or a special file that was not there before
        raise _changed(path) from error


def _identity(manifest: Manifest, kind: ArtifactKind) -> Digest | None:
    """Our digest of what the manifest describes; its own root digest binds no names."""
    files = {item.identifier: item.digest.digest_hex for item in manifest.resource_descriptors()}
    if kind is not ArtifactKind.DIRECTORY:
        return Digest(files["."]) if list(files) == ["."] else None
    entries = [ListingEntry(name, Digest(value), 0) for name, value in files.items()]
    return Listing(entries).digest if entries else None


def _statement(manifest: Manifest) -> bytes:
    from google.protobuf.json_format import MessageToJson  # noqa: PLC0415 - slow to import
    from model_signing._signing.signing import Payload  # noqa: PLC0415 - slow to import

    return str(MessageToJson(Payload(manifest).statement.pb)).encode("utf-8")


def _sign(statement: bytes, signer: Signer) -> bytes:
    if not isinstance(signer, KeySigner):
        return signer.sign(statement, PAYLOAD_TYPE)
    # model_signing compares the hint, and has its own: of the PEM and in hexadecimal
    hint = hashlib.sha256(signer.public_pem).hexdigest()
    return write_line(signer.envelope(statement, PAYLOAD_TYPE), hint)


def _check_outside(path: Path, target: Path) -> None:
    if target.resolve() == path.resolve() or path.resolve() in target.resolve().parents:
        raise SettingsError(
            Code.USAGE,
            "a signature inside the model would change the model",
            where=str(target),
            expected=f"a file outside of {path}",
            remedy="write it beside the model",
        )


def _empty(path: Path) -> DataError:
    return DataError(
        Code.MODEL_MALFORMED,
        "the model is empty, and a signature would say nothing",
        where=str(path),
        expected="at least one byte",
        remedy="find out why the step that makes it wrote nothing",
    )


def _another(path: Path, signed: Identified, content: Content) -> SigningError:
    return SigningError(
        Code.SUBJECT_MISMATCH,
        "the model is not what the chain has signed",
        where=str(path),
        expected=f"{signed.kind} {signed.digest}",
        found=f"{content.kind} {content.digest}",
        remedy="name the model of this run",
    )


def _changed(path: Path) -> ArtifactError:
    return ArtifactError(
        Code.ARTIFACT_CHANGED_WHILE_READ,
        "the model changed while it was hashed for its signature",
        where=str(path),
        remedy="find out who writes to it, and sign again",
    )
