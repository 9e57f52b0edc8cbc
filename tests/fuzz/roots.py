"""Roots of trust: refused, or the very keys and certificates that they held before."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fuzz.bundles import check_findings
from fuzz.kinds import Kind, Result, need
from fuzz.mutate import byte_level, json_level, wrapper_level
from fuzz.mutate.json_tree import parse, write
from fuzz.originals import CORPUS, keyless
from kfp_provenance.errors import TrustError
from kfp_provenance.signing.certificates import CertificateRefusedError
from kfp_provenance.verify import SigstoreRoot, Trust, verify_bundle

ROOT = (CORPUS / "trusted_root.json").read_bytes()


def mutate(random: Random) -> tuple[str, bytes]:
    """Another document."""
    while True:
        kind = random.random()
        if kind < 0.3:
            level, data = "bytes of the root", byte_level.mutate(random, ROOT)
        elif kind < 0.7:
            level, data = "JSON of the root", json_level.mutate(random, parse(ROOT))
        else:
            tree = parse(ROOT)
            wrapper_level.base64_anywhere(random, tree, ())
            level, data = "base64 of the root", write(tree)
        if data != ROOT:
            return level, data


def judge(data: bytes) -> Result:
    """A keyless bundle passes by it only with the same authority and the same logs."""
    original = keyless()[1]
    root = SigstoreRoot(data)
    try:
        root.check()
    except TrustError as error:
        need(error.found.isprintable() and error.remedy, "an error says nothing, or too much")
        return Result(error.code)
    trust = Trust(original.trust.signers, sigstore=root)
    try:
        result = verify_bundle(original.material.bundle, trust, original.subject, now=original.now)
    except (TrustError, CertificateRefusedError) as error:
        need(False, f"a root that was checked fails later: {error}")
        raise
    check_findings(result.verdict)
    if not result.verdict.passed:
        return Result(f"read, then {result.verdict.findings[0].code}")
    need(_keys(json.loads(ROOT)) <= _keys(json.loads(data)), "it passes by other keys")
    return Result("genuine: a root with the same keys", accepted=True)


def _keys(value: Any) -> set[bytes]:
    """Every key of a document, wherever it stands; of a certificate, the key and the name."""
    if isinstance(value, dict):
        texts = [value[name] for name in ("rawBytes", "raw_bytes") if name in value]
        own = {_key(base64.b64decode(text)) for text in texts if isinstance(text, str)}
        return own.union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def _key(der: bytes) -> bytes:
    """The signature that an authority put on its own certificate is nobody's evidence."""
    try:
        read = x509.load_der_x509_certificate(der)
    except ValueError:
        return der
    form = PublicFormat.SubjectPublicKeyInfo
    return read.public_key().public_bytes(Encoding.DER, form) + read.subject.public_bytes()


def kinds() -> Iterator[Kind]:
    """One."""
    yield Kind("trusted_root.json", 4.0, ROOT, mutate, judge)
