"""``awskms:`` with Amazon's own client, against moto."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.verify import Trust, verify_bundle
from support.aws import forget_credentials
from support.chains import NOW, content, signed, tabular_run
from support.processes import loopback
from support.vault_signer import open_key_signer, refused, sign, words

pytest_plugins = ["support.aws_fixtures"]
pytestmark = pytest.mark.interop


@pytest.fixture
def kms(aws: str) -> Any:
    import boto3

    return boto3.client("kms")


def new_key(kms: Any, kind: str = "ECC_NIST_P256", use: str = "SIGN_VERIFY") -> Any:
    return kms.create_key(KeySpec=kind, KeyUsage=use)["KeyMetadata"]


def test_a_chain_is_signed_and_verified_with_the_public_key(kms: Any) -> None:
    key = new_key(kms)
    kms.create_alias(AliasName="alias/kprov-signer", TargetKeyId=key["KeyId"])
    hints = set()
    for name in (key["KeyId"], key["Arn"], "alias/kprov-signer"):
        signer = open_key_signer(f"awskms:{name}")
        hints.add(signer.hint)
        bundle = signed(tabular_run().chain(), signer)
        trust = Trust.for_key(signer.public_pem)
        assert verify_bundle(bundle, trust, content(b"model"), now=NOW).verdict.passed
    assert len(hints) == 1


def test_an_alias_that_names_another_key_by_now_gets_into_no_bundle(kms: Any) -> None:
    first, second = (new_key(kms)["KeyId"] for _ in range(2))
    kms.create_alias(AliasName="alias/signer", TargetKeyId=first)
    signer = open_key_signer("awskms:alias/signer")
    kms.update_alias(AliasName="alias/signer", TargetKeyId=second)
    assert refused(sign, signer).code is Code.SIGNATURE_INVALID
    assert sign(open_key_signer("awskms:alias/signer"))


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("ECC_NIST_P384", "SIGN_VERIFY"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY"),
        ("RSA_2048", "SIGN_VERIFY"),
        ("RSA_2048", "ENCRYPT_DECRYPT"),
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
    ],
)
def test_a_key_of_another_kind(kms: Any, kind: str, use: str) -> None:
    error = refused(open_key_signer, f"awskms:{new_key(kms, kind, use)['KeyId']}")
    assert error.code is Code.KEY_UNREADABLE


def test_a_key_that_is_not_there(kms: Any) -> None:
    assert refused(open_key_signer, "awskms:alias/nothing").code is Code.KEY_UNREADABLE


def test_who_may_only_read_does_not_sign(
    kms: Any, aws: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import boto3

    caplog.set_level(logging.DEBUG, "securesystemslib")
    iam, key = boto3.client("iam"), new_key(kms)["KeyId"]
    iam.create_user(UserName="reader")
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    rule = {"Effect": "Allow", "Action": "kms:GetPublicKey", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [rule]})
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=policy)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", made["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", made["SecretAccessKey"])
    forget_credentials()
    with loopback() as session:
        session.post(f"{aws}/moto-api/reset-auth", data=b"0", timeout=30).raise_for_status()
        try:
            signer = open_key_signer(f"awskms:{key}")
            error = refused(sign, signer)
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2")
            forget_credentials()
            stranger = refused(open_key_signer, f"awskms:{key}")
        finally:
            session.post(f"{aws}/moto-api/reset-auth", data=b"inf", timeout=30).raise_for_status()
    assert error.code is Code.SIGNER_DENIED
    assert stranger.code is Code.SIGNER_DENIED
    told = [words(error), words(stranger), repr(signer), caplog.text]
    assert not [text for text in told if made["SecretAccessKey"] in text or "hunter2" in text]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_settings_that_are_missing(kms: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"awskms:{new_key(kms)['KeyId']}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert refused(open_key_signer, uri).code is Code.SIGNER_UNREACHABLE
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    assert refused(open_key_signer, uri).code is Code.SETTING_INVALID
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    forget_credentials()
    assert refused(open_key_signer, uri).code is Code.SIGNER_DENIED
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    forget_credentials()
    error = refused(open_key_signer, uri)
    assert error.code is Code.SETTING_INVALID
    assert "AWS_DEFAULT_REGION" in error.remedy
