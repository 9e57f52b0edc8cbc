"""The trust policy is strict, and cannot say "any"."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kfp_provenance.codes import Code
from kfp_provenance.errors import TrustError
from kfp_provenance.verify import Trust, load_trust, parse_trust
from support.chains import key_pair

BUILDER = "https://kfp-provenance.dev/builders/in-run/v1"


@pytest.fixture
def public(tmp_path: Path) -> bytes:
    return key_pair(tmp_path)[1]


def no_key(name: str) -> bytes:
    raise AssertionError(name)


def refused(text: str) -> TrustError:
    with pytest.raises(TrustError) as caught:
        parse_trust(text.encode(), no_key)
    assert caught.value.code is Code.TRUST_INVALID
    return caught.value


def test_a_policy_names_key_files_beside_it(tmp_path: Path, public: bytes) -> None:
    policy = tmp_path / "trust.toml"
    policy.write_text(
        f'version = 1\nroots = ["sha256:{"0" * 64}", "gs://raw/a.csv"]\n'
        f'[[signer]]\nkey = "signer.pub"\nbuilders = ["{BUILDER}"]\n'
        'pipelines = ["tabular-training"]\nnamespaces = ["team-a", ""]\n'
    )
    trust = load_trust(policy)
    (signer,) = trust.signers
    assert signer.key.pem == public
    assert signer.builders == {BUILDER}
    assert signer.namespaces == {"team-a", ""}
    assert trust.roots == {"sha256:" + "0" * 64, "gs://raw/a.csv"}


def test_a_key_may_be_written_into_the_policy(public: bytes) -> None:
    text = f'version = 1\n[[signer]]\npem = """{public.decode()}"""\nbuilders = ["{BUILDER}"]\n'
    assert parse_trust(text.encode(), no_key).signers[0].key.pem == public


HEAD = "version = 1\n"
SIGNER = f'[[signer]]\nkey = "k"\nbuilders = ["{BUILDER}"]\n'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version = 1",
        "version = 2\n" + SIGNER,
        'version = "1"\n' + SIGNER,
        "version = true\n" + SIGNER,
        SIGNER,
        HEAD + "signer = []",
        HEAD + "unknown = 1\n" + SIGNER,
        HEAD + SIGNER + "unknown = 1\n",
        HEAD + f'[[signer]]\nbuilders = ["{BUILDER}"]\n',
        HEAD + SIGNER + 'pem = "x"\n',
        HEAD + '[[signer]]\nkey = "k"\n',
        HEAD + '[[signer]]\nkey = "k"\nbuilders = []\n',
        HEAD + '[[signer]]\nkey = "k"\nbuilders = ["*"]\n',
        HEAD + '[[signer]]\nkey = "k"\nbuilders = ["any"]\n',
        HEAD + '[[signer]]\nkey = "k"\nbuilders = ["https://kfp-provenance.dev/*"]\n',
        HEAD + '[[signer]]\nkey = "k"\nbuilders = "x:y"\n',
        HEAD + SIGNER + "pipelines = []\n",
        HEAD + SIGNER + 'pipelines = ["train-*"]\n',
        HEAD + SIGNER + "namespaces = []\n",
        HEAD + "roots = []\n" + SIGNER,
        HEAD + 'roots = ["raw.csv"]\n' + SIGNER,
        HEAD + 'roots = ["sha256:12"]\n' + SIGNER,
        HEAD + f'[[signer]]\nkey = "../k"\nbuilders = ["{BUILDER}"]\n',
        HEAD + f'[[signer]]\nkey = "/etc/k"\nbuilders = ["{BUILDER}"]\n',
        HEAD + f'[[signer]]\nkey = ""\nbuilders = ["{BUILDER}"]\n',
        "version = 1\nversion = 1\n",
        "not toml",
        "a = " + "[" * 5000,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    refused(text)


def test_the_error_names_the_field() -> None:
    assert "signer.0.unknown" in refused(HEAD + SIGNER + "unknown = 1\n").found


def test_a_policy_that_is_not_text_is_refused() -> None:
    with pytest.raises(TrustError):
        parse_trust(b"\xff\xfe", no_key)


def test_a_missing_policy_or_key_is_a_refusal(tmp_path: Path) -> None:
    policy = tmp_path / "trust.toml"
    for _ in range(2):
        with pytest.raises(TrustError) as caught:
            load_trust(policy)
        assert caught.value.code is Code.TRUST_INVALID
        policy.write_text(HEAD + SIGNER)


@pytest.mark.parametrize("pem", [b"", b"junk"])
def test_a_key_that_is_none_is_a_refusal(pem: bytes) -> None:
    with pytest.raises(TrustError) as caught:
        Trust.for_key(pem)
    assert caught.value.code is Code.TRUST_INVALID


def test_trust_in_nobody_or_in_one_key_twice_or_without_builders_is_refused(
    public: bytes,
) -> None:
    entry = Trust.for_key(public).signers[0]
    for make in (
        lambda: Trust(()),
        lambda: Trust((entry, entry)),
        lambda: Trust.for_key(public, builders=()),
    ):
        with pytest.raises(TrustError):
            make()


def test_the_documented_policy_is_one(public: bytes) -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "trust-policy.md"
    example = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    other = iter([public, key_of_alice()])
    trust = parse_trust(example.encode(), lambda _name: next(other))
    assert [signer.name for signer in trust.signers] == ["signer.pub", "operators/alice.pub"]


def key_of_alice() -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, form)
