"""``vault:`` against a real OpenBao: which version of which key signs."""

from __future__ import annotations

import pytest

from kfp_provenance.codes import Code
from support.openbao import OpenBao
from support.vault_signer import check, open_key_signer, refused, sign

pytest_plugins = ["support.vault_fixtures"]
pytestmark = pytest.mark.interop


@pytest.fixture
def token(vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A token that may only sign with the key; it is in the environment."""
    token = vault.token(vault.allow_signing(key))
    monkeypatch.setenv("VAULT_TOKEN", token)
    return token


def test_it_signs_with_the_latest_version(vault: OpenBao, key: str, token: str) -> None:
    vault.rotate_key(key)
    signer = open_key_signer(f"vault:{key}")
    check(vault, signer, key, 2)
    assert repr(signer) == f"KeySigner('vault:{key}?version=2', hint={signer.hint!r})"


def test_versions_are_numbers(vault: OpenBao, key: str, token: str) -> None:
    for _ in range(11):
        vault.rotate_key(key)
    check(vault, open_key_signer(f"vault:{key}"), key, 12)
    check(vault, open_key_signer(f"vault:{key}?version=9"), key, 9)


def test_a_rotation_between_opening_and_signing_changes_nothing(
    vault: OpenBao, key: str, token: str
) -> None:
    signer = open_key_signer(f"vault:{key}")
    check(vault, signer, key, 1)
    vault.rotate_key(key)
    check(vault, signer, key, 1)


def test_a_version_that_never_was(vault: OpenBao, key: str, token: str) -> None:
    assert refused(open_key_signer, f"vault:{key}?version=2").code is Code.KEY_UNREADABLE


def test_a_retired_version_does_not_sign(vault: OpenBao, key: str, token: str) -> None:
    signer = open_key_signer(f"vault:{key}?version=1")
    vault.rotate_key(key)
    vault.call("POST", f"transit/keys/{key}/config", {"min_encryption_version": 2})
    for error in (refused(sign, signer), refused(open_key_signer, f"vault:{key}?version=1")):
        assert error.code is Code.KEY_UNREADABLE
        assert "min_encryption_version" in error.expected
    check(vault, open_key_signer(f"vault:{key}"), key, 2)


def test_an_archived_and_a_trimmed_version(vault: OpenBao, key: str, token: str) -> None:
    signer = open_key_signer(f"vault:{key}?version=1")
    for _ in range(2):
        vault.rotate_key(key)
    archived = {"min_encryption_version": 2, "min_decryption_version": 2}
    vault.call("POST", f"transit/keys/{key}/config", archived)
    assert refused(sign, signer).found == "1"
    vault.call("POST", f"transit/keys/{key}/trim", {"min_available_version": 2})
    for error in (refused(sign, signer), refused(open_key_signer, f"vault:{key}?version=1")):
        assert (error.code, error.expected) == (Code.KEY_UNREADABLE, "one of 2 to 3")


def test_a_deleted_key(vault: OpenBao, key: str, token: str) -> None:
    signer = open_key_signer(f"vault:{key}")
    vault.call("POST", f"transit/keys/{key}/config", {"deletion_allowed": True})
    vault.call("DELETE", f"transit/keys/{key}/soft-delete")
    assert refused(sign, signer).code is Code.KEY_UNREADABLE
    assert refused(open_key_signer, f"vault:{key}").code is Code.KEY_UNREADABLE
    vault.call("DELETE", f"transit/keys/{key}")
    for error in (refused(sign, signer), refused(open_key_signer, f"vault:{key}")):
        assert error.code is Code.KEY_UNREADABLE
        assert key in error.where


@pytest.mark.parametrize("kind", ["ecdsa-p384", "ed25519", "rsa-2048", "aes256-gcm96"])
def test_a_key_of_another_kind(
    vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    other = f"{key}-{kind}"
    vault.create_key(other, kind)
    monkeypatch.setenv("VAULT_TOKEN", vault.root)
    error = refused(open_key_signer, f"vault:{other}")
    assert (error.code, error.expected, error.found) == (Code.KEY_UNREADABLE, "ecdsa-p256", kind)


def test_a_key_in_another_mount_and_namespace(
    vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", vault.root)
    mount = f"keys/of/{key}"
    vault.call("POST", f"sys/mounts/{mount}", {"type": "transit"})
    vault.call("POST", f"{mount}/keys/{key}", {"type": "ecdsa-p256"})
    here = open_key_signer(f"vault:{key}")
    there = open_key_signer(f"vault:{key}?mount={mount}")
    vault.call("POST", f"sys/namespaces/{key}")
    vault.call("POST", f"{key}/sys/mounts/transit", {"type": "transit"})
    vault.call("POST", f"{key}/transit/keys/{key}", {"type": "ecdsa-p256"})
    monkeypatch.setenv("VAULT_NAMESPACE", key)
    elsewhere = open_key_signer(f"vault:{key}")
    assert len({here.hint, there.hint, elsewhere.hint}) == 3
    for signer in (here, there, elsewhere):
        assert sign(signer)
    assert refused(open_key_signer, f"vault:{key}?mount={mount}").code is Code.KEY_UNREADABLE


def test_an_answer_of_another_key_gets_into_no_bundle(vault: OpenBao, key: str, token: str) -> None:
    """The key is made anew under the same name and version while the signer is open."""
    signer = open_key_signer(f"vault:{key}")
    vault.call("POST", f"transit/keys/{key}/config", {"deletion_allowed": True})
    vault.call("DELETE", f"transit/keys/{key}")
    vault.create_key(key)
    assert refused(sign, signer).code is Code.SIGNATURE_INVALID
    check(vault, open_key_signer(f"vault:{key}"), key, 1)
