"""The stock sigstore-python: signs with a token, and verifies for one exact identity."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from sigstore.dsse import Statement
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier
from sigstore.verify.policy import Identity

from support.sigstore_instance import Sigstore

PREDICATE = "https://slsa.dev/provenance/v1"
CONTENT = b"weights"
"""What the statement is about."""
DIGEST = hashlib.sha256(CONTENT).hexdigest()
STATEMENT = json.dumps(
    {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model", "digest": {"sha256": DIGEST}}],
        "predicateType": PREDICATE,
        "predicate": {"buildDefinition": {}, "runDetails": {}},
    }
).encode()


def sign(instance: Sigstore, token: str, statement: bytes) -> Bundle:
    """Sign a statement with the identity of the token."""
    config = ClientTrustConfig.from_json(instance.trust_config.read_text())
    with SigningContext.from_trust_config(config).signer(IdentityToken(token)) as signer:
        return signer.sign_dsse(Statement(statement))


def verify(root: Path, bundle: Bundle, identity: str, issuer: str) -> bytes:
    """The statement; ``sigstore.errors.VerificationError`` if it is another's or not genuine."""
    verifier = Verifier(trusted_root=TrustedRoot.from_file(str(root)))
    return verifier.verify_dsse(bundle, Identity(identity=identity, issuer=issuer))[1]
