"""Secrets do not reach a record, and what is no secret stays readable."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.runtime.redaction import Redactor, looks_like_credential

KEY = b"0123456789abcdef"
CREDENTIALS = [
    "-----BEGIN " + "PRIVATE KEY-----\nabc",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + "a" * 36,
    "xoxb-" + "1234567890-abc",
    "AIza" + "b" * 35,
    "hvs." + "c" * 24,
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0.c2ln",
    "postgresql://user:" + "hunter2@db/x",
    "https://b.example/o?X-Goog-Signature=" + "ab" * 20,
    "Server=db;Password=" + "hunter2;",
]
PLAIN = [
    "gs://bucket/raw.csv",
    "sha256:" + "a" * 64,
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "file:/keys/signer.key",
    "the password is checked elsewhere",
    base64.b64encode(b"just text, no secret").decode(),
]


@pytest.mark.parametrize("value", CREDENTIALS)
def test_credentials_are_recorded_as_a_keyed_digest(value: str) -> None:
    redactor = Redactor(frozenset(), KEY)
    for given_value in (value, [value], {"inner": [value]}):
        found = redactor.parameter("harmless_name", given_value)
        assert found.value == ""
        assert found.keyed_digest.startswith("hmac-sha256:")


@pytest.mark.parametrize("value", PLAIN)
def test_plain_values_stay_readable(value: str) -> None:
    assert not looks_like_credential(value)
    assert Redactor(frozenset(), KEY).parameter("name", value).keyed_digest == ""


@pytest.mark.parametrize("name", ["password", "db_password", "api_key", "apiKey", "hf-token"])
def test_a_secret_name_is_enough(name: str) -> None:
    assert Redactor(frozenset(), KEY).parameter(name, "plain words").value == ""


def test_numbers_are_not_credentials_unless_marked() -> None:
    assert Redactor(frozenset(), KEY).parameter("token", 512).value == "512"
    assert Redactor(frozenset({"token"}), KEY).parameter("token", 512).value == ""


def test_marked_parameter_is_redacted_whatever_its_name() -> None:
    assert Redactor(frozenset({"pin"}), KEY).parameter("pin", "x").value == ""


def test_equal_secrets_agree_under_one_key_and_under_no_other() -> None:
    one, same = (Redactor(frozenset({"s"}), KEY).parameter("s", "v") for _ in range(2))
    other = Redactor(frozenset({"s"}), KEY[::-1]).parameter("s", "v")
    assert one == same
    assert one.keyed_digest != other.keyed_digest


def test_without_a_configured_key_digests_cannot_be_compared() -> None:
    first, second = (Redactor.from_environment(["s"], {}).parameter("s", "v") for _ in range(2))
    assert first.keyed_digest != second.keyed_digest


def test_a_short_key_is_not_used() -> None:
    short = {"KPROV_REDACTION_KEY": "short"}
    assert Redactor.from_environment([], short).key != b"short"


@given(secret=st.text(min_size=4), around=st.text())
def test_messages_lose_the_values_of_secret_parameters(secret: str, around: str) -> None:
    redactor = Redactor(frozenset({"s"}), KEY)
    message = redactor.text(f"{around} {secret!s} {around}", {"s": secret})
    assert secret not in message or secret in "[redacted]" or secret in around


def test_representation_has_no_key() -> None:
    assert "0123456789abcdef" not in repr(Redactor(frozenset(), KEY))
