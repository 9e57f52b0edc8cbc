"""The trust policy is strict, and cannot say "any"."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kfp_provenance.codes import Code
from kfp_provenance.errors import TrustError
from kfp_provenance.verify import Identity, SigstoreRoot, Trust, load_trust, parse_trust
from support.chains import key_pair
from support.sigstore_trust import InstanceKeys, trusted_root

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
    files = {
        "signer.pub": public,
        "operators/alice.pub": key_of_alice(),
        "trusted_root.json": sigstore_root(),
        "revoked.toml": f'version = 1\ndigests = ["sha256:{"1" * 64}"]\n'.encode(),
    }
    trust = parse_trust(example.encode(), files.__getitem__)
    service_account = "https://kubernetes.io/namespaces/team-b/serviceaccounts/signer"
    issuer = "https://kubernetes.default.svc"
    assert [signer.name for signer in trust.signers] == [
        "signer.pub",
        f"{service_account} of {issuer}",
        "operators/alice.pub",
    ]
    assert trust.signer_with(Identity(service_account, issuer)) is trust.signers[1]
    assert trust.signers[0].not_after == datetime(2027, 6, 30, tzinfo=UTC)
    assert trust.requirements.maximum_age == timedelta(days=180)
    assert [c.source_digest is None for c in trust.requirements.components] == [True, False]
    assert len(trust.revoked.digests) == 2
    assert len(trust.revoked.keys) == len(trust.revoked.identities) == 1


def test_yaml_says_the_same_as_toml(public: bytes) -> None:
    as_toml = (
        f'version = 1\nroots = ["gs://raw/a.csv"]\n[[signer]]\nkey = "k"\n'
        f'builders = ["{BUILDER}"]\nnot_after = 2027-06-30T00:00:00Z\n[require]\nlevel = 1\n'
    )
    as_yaml = (
        "version: 1\nroots: [gs://raw/a.csv]\nsigner:\n- key: k\n"
        f"  builders: ['{BUILDER}']\n  not_after: 2027-06-30T00:00:00Z\nrequire: {{level: 1}}\n"
    )
    one, other = (
        parse_trust(text.encode(), lambda _: public, where=name)
        for text, name in ((as_toml, "a.toml"), (as_yaml, "a.yaml"))
    )
    assert replace(one, revision=None) == replace(other, revision=None)


YAML_SIGNER = f"signer: [{{key: k, builders: ['{BUILDER}']}}]\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 1",
        YAML_SIGNER,
        "version: 1\nversion: 1\n" + YAML_SIGNER,
        "version: yes\n" + YAML_SIGNER,
        "version: 1.0\n" + YAML_SIGNER,
        "version: '1'\n" + YAML_SIGNER,
        "version: 1\nunknown: 1\n" + YAML_SIGNER,
        "version: &a 1\nrequire: {level: *a}\n" + YAML_SIGNER,
        "version: 1\nrequire: {<<: {level: 1}}\n" + YAML_SIGNER,
        "version: !!python/object/apply:os.system [id]\n" + YAML_SIGNER,
        "version: 1\n" + YAML_SIGNER + "---\nversion: 1\n",
        "a: " + "[" * 5000,
        "a: [" * 40 + "]" * 40,
        "? [a]\n: b\n",
        "a: {b: 1, b: 2}",
        "\t",
    ],
)
def test_yaml_with_another_meaning_is_refused(text: str, public: bytes) -> None:
    with pytest.raises(TrustError) as caught:
        parse_trust(text.encode(), lambda _: public, where="policy.yaml")
    assert caught.value.code is Code.TRUST_INVALID


IDENTITY = '[[signer]]\nidentity = "a@b.example"\nissuer = "https://i.example"\n'


@pytest.mark.parametrize(
    "text",
    [
        HEAD + IDENTITY + f'builders = ["{BUILDER}"]\n',  # without a root of trust
        'version = 1\ntrusted_root = "t"\n[[signer]]\nidentity = "a@b.example"\n'
        f'builders = ["{BUILDER}"]\n',
        'version = 1\ntrusted_root = "t"\n[[signer]]\nissuer = "https://i.example"\n'
        f'builders = ["{BUILDER}"]\n',
        f'version = 1\ntrusted_root = "t"\n{IDENTITY}key = "k"\nbuilders = ["{BUILDER}"]\n',
        f'version = 1\ntrusted_root = "t"\n{IDENTITY}',
        'version = 1\ntrusted_root = "t"\n'
        + IDENTITY.replace("a@b", "*@b")
        + f'builders = ["{BUILDER}"]\n',
        HEAD + 'trusted_root = "broken"\n' + SIGNER,
        HEAD + 'revocations = "broken"\n' + SIGNER,
        HEAD + 'revocations = "../revoked.toml"\n' + SIGNER,
        HEAD + SIGNER + "not_after = 2027-06-30T00:00:00\n",
        HEAD + SIGNER + "not_after = 2027-06-30\n",
        HEAD + SIGNER + 'not_after = "2027-06-30T00:00:00Z"\n',
        HEAD + SIGNER + "not_before = 2027-06-30T00:00:00Z\nnot_after = 2026-06-30T00:00:00Z\n",
        HEAD + SIGNER + "[require]\nlevel = 0\n",
        HEAD + SIGNER + "[require]\nlevel = 4\n",
        HEAD + SIGNER + "[require]\nlevel = true\n",
        HEAD + SIGNER + "[require]\nmaximum_age_days = 0\n",
        HEAD + SIGNER + "[require]\nsteps = []\n",
        HEAD + SIGNER + '[require]\nsteps = ["train*"]\n',
        HEAD + SIGNER + '[require]\ncomponents = ["name"]\n',
        HEAD + SIGNER + '[require]\ncomponents = [{ name = "n", source_digest = "12" }]\n',
        HEAD + SIGNER + '[revoked]\ndigests = ["12"]\n',
        HEAD + SIGNER + '[revoked]\nkeys = ["short"]\n',
        HEAD + SIGNER + '[revoked]\nidentities = [{ identity = "a" }]\n',
        HEAD + SIGNER + '[revoked]\nidentity = "a"\n',
    ],
)
def test_limits_that_cannot_be_meant_are_refused(text: str, public: bytes) -> None:
    files = {"k": public, "t": sigstore_root(), "broken": b"{}"}
    with pytest.raises(TrustError) as caught:
        parse_trust(text.encode(), files.__getitem__)
    assert caught.value.code is Code.TRUST_INVALID


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"junk", b"\xff", b'{"mediaType": 1}'])
def test_a_root_of_trust_that_is_none_is_a_refusal(data: bytes) -> None:
    with pytest.raises(TrustError) as caught:
        SigstoreRoot(data).check()
    assert caught.value.code is Code.TRUST_INVALID


def test_the_revision_changes_with_the_policy_and_with_every_file_it_names(public: bytes) -> None:
    def revision(policy: str, revoked: bytes) -> object:
        files = {"k": public, "r": b"version = 1\n" + revoked}
        return parse_trust(policy.encode(), files.__getitem__).revision

    policy = HEAD + 'revocations = "r"\n' + SIGNER
    again = f'digests = ["sha256:{"1" * 64}"]\n'.encode()
    seen = {revision(policy, b""), revision(policy + "\n", b""), revision(policy, again)}
    assert len(seen) == 3
    assert revision(policy, b"") in seen


def sigstore_root() -> bytes:
    keys = InstanceKeys(since=datetime.now(UTC) - timedelta(days=1))
    address = "https://sigstore.example"
    return json.dumps(trusted_root(keys, keys.certificate(), address, address, address)).encode()


def key_of_alice() -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, form)
