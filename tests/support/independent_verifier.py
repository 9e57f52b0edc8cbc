"""Verify a provenance bundle without any code of this project.

Written from docs/reference/bundle.md and kfp-step-v1.md alone: ECDSA from
``cryptography``, DSSE's pre-authentication encoding, JSON. Run it by hand:

    python independent_verifier.py model.sigstore.jsonl signer.pub model.skops
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

CHAIN = "https://kfp-provenance.dev/chain/v1"
BUILDER = "https://kfp-provenance.dev/builders/in-run/v1"


class RefusedError(Exception):
    """The bundle does not prove what it should."""


def need(condition: object, message: str) -> None:
    if not condition:
        raise RefusedError(message)


def pae(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def open_line(line: bytes, key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    """Statement of one line, if the key signed it; InvalidSignature otherwise."""
    bundle = json.loads(line)
    need(
        bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json",
        "media type of the bundle",
    )
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    hint = base64.b64encode(hashlib.sha256(der).digest()).decode()
    need(bundle["verificationMaterial"]["publicKey"]["hint"] == hint, "key hint")
    envelope = bundle["dsseEnvelope"]
    need(envelope["payloadType"] == "application/vnd.in-toto+json", "payload type")
    (signature,) = envelope["signatures"]
    payload = base64.b64decode(envelope["payload"], validate=True)
    key.verify(
        base64.b64decode(signature["sig"], validate=True),
        pae(envelope["payloadType"], payload),
        ec.ECDSA(SHA256()),
    )
    return dict(json.loads(payload))


def walk(bundle: bytes, public_pem: bytes, model_sha256: str) -> list[str]:
    """From the model to the raw bytes.

    Returns:
        The SHA-256 of every root that was reached, sorted.

    Raises:
        RefusedError, InvalidSignature, KeyError, ValueError: It does not hold.
    """
    key = load_pem_public_key(public_pem)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    lines = bundle.removesuffix(b"\n").split(b"\n")
    statements = [open_line(line, key) for line in lines]
    *steps, summary = statements
    need(summary["predicateType"] == "https://slsa.dev/verification_summary/v1", "no summary")
    verdict = summary["predicate"]
    need(verdict["verificationResult"] == "PASSED", "summary did not pass")
    need(verdict["verifier"]["id"] == BUILDER, "verifier")
    need(
        [a["digest"]["sha256"] for a in verdict["inputAttestations"]]
        == [hashlib.sha256(line).hexdigest() for line in lines[:-1]],
        "the summary is over other lines",
    )
    need(summary["subject"][0]["digest"]["sha256"] == model_sha256, "another model")
    producers: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        need(step["predicateType"] == "https://slsa.dev/provenance/v1", "not provenance")
        need(step["predicate"]["runDetails"]["builder"]["id"] == BUILDER, "builder")
        for subject in step["subject"]:
            producers.setdefault(subject["digest"]["sha256"], []).append(step)
    declared = {root["digest"].removeprefix("sha256:") for root in verdict[CHAIN]["roots"]}
    roots: set[str] = set()
    seen: set[str] = set()
    todo = [subject["digest"]["sha256"] for subject in summary["subject"]]
    while todo:
        digest = todo.pop()
        if digest in seen:
            continue
        seen.add(digest)
        if digest in declared:
            roots.add(digest)
        need(digest in producers or digest in declared, f"nobody made {digest}")
        for step in producers.get(digest, []):
            todo += [
                dependency["digest"]["sha256"]
                for dependency in step["predicate"]["buildDefinition"]["resolvedDependencies"]
                if dependency["annotations"]["role"] == "input"
            ]
    need(roots == declared, "a declared root was not reached")
    return sorted(roots)


def main() -> None:
    bundle, public, model = (Path(argument).read_bytes() for argument in sys.argv[1:4])
    for root in walk(bundle, public, hashlib.sha256(model).hexdigest()):
        print("root sha256:" + root)


if __name__ == "__main__":
    main()
