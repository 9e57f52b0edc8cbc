"""The local Sigstore is a real one: stock clients sign with it, and verify each other."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sigstore.errors import VerificationError
from sigstore.models import Bundle

from support.cosign import Cosign, Trust, by_identity
from support.keyless import CONTENT, DIGEST, PREDICATE, STATEMENT, sign, verify
from support.oidc_issuer import new_key
from support.sigstore_instance import Sigstore, certificate_identity, running_sigstore

pytestmark = pytest.mark.interop

IDENTITIES = ("team-a/pipeline-runner", "somebody@provenance.example")


def who(instance: Sigstore, identity: str) -> tuple[str, str]:
    """The identity in the certificate, and its issuer."""
    return certificate_identity(identity), instance.issuer.of(identity)


@pytest.mark.parametrize("identity", IDENTITIES)
def test_sigstore_python_signs_and_both_verify(
    sigstore_instance: Sigstore, cosign: Cosign, tmp_path: Path, identity: str
) -> None:
    root = sigstore_instance.trusted_root
    bundle = sign(sigstore_instance, sigstore_instance.token(identity), STATEMENT)
    file, model = tmp_path / "bundle.json", tmp_path / "model"
    file.write_text(bundle.to_json())
    model.write_bytes(CONTENT)
    name, issuer = who(sigstore_instance, identity)

    assert verify(root, bundle, name, issuer) == STATEMENT
    for subject in (model, DIGEST):
        answer = cosign.verify(file, PREDICATE, subject, by_identity(name, issuer, root))
        assert answer.accepted, answer.words

    (other,) = set(IDENTITIES) - {identity}
    other_name, other_issuer = who(sigstore_instance, other)
    for wrong in ((other_name, issuer), (name, other_issuer)):
        with pytest.raises(VerificationError):
            verify(root, bundle, *wrong)
        answer = cosign.verify(file, PREDICATE, model, by_identity(*wrong, root))
        assert not answer.accepted


def test_cosign_refuses_what_the_statement_does_not_say(
    sigstore_instance: Sigstore, cosign: Cosign, tmp_path: Path
) -> None:
    name, issuer = who(sigstore_instance, IDENTITIES[0])
    bundle = sign(sigstore_instance, sigstore_instance.token(IDENTITIES[0]), STATEMENT)
    file = tmp_path / "bundle.json"
    file.write_text(bundle.to_json())
    trust = by_identity(name, issuer, sigstore_instance.trusted_root)
    assert cosign.verify(file, PREDICATE, DIGEST, trust).accepted
    assert not cosign.verify(file, PREDICATE, hashlib.sha256(b"other").hexdigest(), trust).accepted
    assert not cosign.verify(file, "https://slsa.dev/provenance/v0.2", DIGEST, trust).accepted
    assert not cosign.verify(file, PREDICATE, DIGEST, Trust(())).accepted


@pytest.mark.parametrize("identity", IDENTITIES)
def test_cosign_signs_and_sigstore_python_verifies(
    sigstore_instance: Sigstore, cosign: Cosign, tmp_path: Path, identity: str
) -> None:
    statement, file = tmp_path / "statement.json", tmp_path / "bundle.json"
    statement.write_bytes(STATEMENT)
    token = sigstore_instance.token_file(identity)
    answer = cosign.attest(statement, file, token, sigstore_instance)
    assert answer.accepted, answer.words
    bundle = Bundle.from_json(file.read_bytes())
    signed = verify(sigstore_instance.trusted_root, bundle, *who(sigstore_instance, identity))
    assert json.loads(signed) == json.loads(STATEMENT)


def test_fulcio_refuses_tokens_that_its_issuers_did_not_give(
    sigstore_instance: Sigstore, cosign: Cosign, tmp_path: Path
) -> None:
    statement, file, token = (tmp_path / name for name in ("statement.json", "bundle", "token"))
    statement.write_bytes(STATEMENT)
    issuer, identity = sigstore_instance.issuer, IDENTITIES[0]
    for refused in (
        issuer.token(identity, key=new_key()),
        issuer.token(identity, iss="https://issuer.example"),
        issuer.token(identity, audience="somebody-else"),
        issuer.token(identity, lifetime=-60),
    ):
        token.write_text(refused)
        answer = cosign.attest(statement, file, token, sigstore_instance)
        assert not answer.accepted
        assert "Fulcio returned 400" in answer.words
        assert not file.exists()


def test_an_old_bundle_after_every_key_was_rotated(
    cosign: Cosign, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    identity, file = IDENTITIES[0], tmp_path / "bundle.json"
    with running_sigstore(tmp_path_factory.mktemp("old")) as old:
        before = sign(old, old.token(identity), STATEMENT)
    with running_sigstore(tmp_path_factory.mktemp("new")) as new:
        root = old.rotated_root(new)
        after = sign(new, new.token(identity), STATEMENT)

    def accepted(instance: Sigstore, bundle: Bundle, root: Path) -> bool:
        file.write_text(bundle.to_json())
        trust = by_identity(*who(instance, identity), root)
        return cosign.verify(file, PREDICATE, DIGEST, trust).accepted

    for instance, bundle in ((old, before), (new, after)):
        assert verify(root, bundle, *who(instance, identity)) == STATEMENT
        assert accepted(instance, bundle, root)
    with pytest.raises(VerificationError):
        verify(new.trusted_root, before, *who(old, identity))
    assert not accepted(old, before, new.trusted_root)
    # signed when its keys were no longer valid
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert not accepted(old, before, old.rotated_root(new, an_hour_ago))
