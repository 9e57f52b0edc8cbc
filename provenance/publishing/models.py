"""Publish a verified model under names made of its content."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kfp_provenance.bundle import read_bundle_file
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError, DataError
from kfp_provenance.hashing import Content, hash_path
from kfp_provenance.publishing.pointer import move_pointer
from kfp_provenance.storage import open_storage
from kfp_provenance.verify import Trust, load_trust, verify_bundle

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,127}")


@dataclass(frozen=True)
class Published:
    """Where a model went.

    Attributes:
        model_uri: Of the model's file or directory.
        bundle_uri: Of its bundle.
        pointer_uri: Of the pointer.
        text: The pointer's JSON.
    """

    model_uri: str
    bundle_uri: str
    pointer_uri: str
    text: str


def publish_model(
    model: Path, bundle: Path, *, destination: str, name: str, trust: Trust
) -> Published:
    """Verify, write once, point.

    Args:
        model: File or directory.
        bundle: Its ``.sigstore.jsonl``.
        destination: A path, ``file:`` or ``gs:``.
        name: Name of the model.
        trust: Who must have signed.

    Raises:
        BundleError: With the code of the first finding if the bundle does not hold.
        DataError: PARAMETER_INVALID for a name that is not one.
        StorageError: OBJECT_EXISTS if other bytes have the name already, and others.
    """
    if not _NAME.fullmatch(name):
        raise DataError(
            Code.PARAMETER_INVALID,
            "this cannot be the name of a model",
            where="name",
            expected="up to 128 letters, digits, -, _ and ., not starting with a sign",
            found=repr(name[:80]),
            remedy="choose another name",
        )
    content = hash_path(model)
    _verify(bundle, content, trust)
    base = f"{destination.rstrip('/')}/sha256-{content.digest.hex}"
    bundle_content = hash_path(bundle)
    model_uri = f"{base}/{model.name}"
    bundle_uri = f"{base}/sha256-{bundle_content.digest.hex}.sigstore.jsonl"
    open_storage(model_uri).put_once(model)
    open_storage(bundle_uri).put_once(bundle)
    pointer = {
        "name": name,
        "model": {"uri": model_uri, "digest": str(content.digest), "kind": str(content.kind)},
        "bundle": {"uri": bundle_uri, "digest": str(bundle_content.digest)},
    }
    text = json.dumps(pointer, indent=2, sort_keys=True) + "\n"
    pointer_uri = f"{destination.rstrip('/')}/{name}.json"
    move_pointer(pointer_uri, text.encode())
    return Published(model_uri, bundle_uri, pointer_uri, text)


def trust_in(public_key: str, policy: str) -> Trust:
    """Whom to believe: one key, or a trust policy.

    Args:
        public_key: PEM of a key; empty for a policy.
        policy: Path of a trust policy; empty for a key.

    Raises:
        DataError: PARAMETER_INVALID unless exactly one is given.
        TrustError: TRUST_INVALID if it cannot be used.
    """
    if bool(public_key) == bool(policy):
        raise DataError(
            Code.PARAMETER_INVALID,
            "say who must have signed, once",
            where="public_key, trust",
            expected="the PEM of a public key, or the path of a trust policy",
            found="both" if policy else "neither",
            remedy="pass one of the two parameters",
        )
    return load_trust(Path(policy)) if policy else Trust.for_key(public_key.encode())


def _verify(bundle: Path, content: Content, trust: Trust) -> None:
    verdict = verify_bundle(read_bundle_file(bundle), trust, content, now=datetime.now(UTC)).verdict
    if not verdict.passed:
        first = verdict.findings[0]
        raise BundleError(
            first.code,
            f"the model is not published, its chain does not hold: {first.message}",
            where=first.step or first.artifact,
            expected=first.expected,
            found=first.found,
            remedy=first.remedy,
        )
