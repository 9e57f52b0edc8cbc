"""Key files: made once, readable by their owner alone, opened without leaks."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from securesystemslib.signer import Signature

from kfp_provenance.codes import Code
from kfp_provenance.errors import SigningError
from kfp_provenance.signing import load_public_key, new_key
from kfp_provenance.signing.file import open_signer

PASSPHRASE = "correct horse"


@pytest.fixture(autouse=True)
def _no_passphrase_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KPROV_KEY_PASSPHRASE", raising=False)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "signer.key"
    new_key(path, tmp_path / "signer.pub", PASSPHRASE)
    return path


def refused(uri: str) -> SigningError:
    with pytest.raises(SigningError) as caught:
        open_signer(uri)
    return caught.value


def test_a_new_pair_is_private_and_encrypted(key: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert (tmp_path / "signer.pub").read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")


def test_a_key_is_never_overwritten(key: Path, tmp_path: Path) -> None:
    before = key.read_bytes()
    for private, public in (
        (key, tmp_path / "b.pub"),
        (tmp_path / "b.key", tmp_path / "signer.pub"),
    ):
        with pytest.raises(SigningError) as caught:
            new_key(private, public, PASSPHRASE)
        assert caught.value.code is Code.KEY_EXISTS
    assert key.read_bytes() == before
    assert not (tmp_path / "b.key").exists()


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "link.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SigningError) as caught:
        new_key(tmp_path / "link.key", tmp_path / "b.pub", PASSPHRASE)
    assert caught.value.code is Code.KEY_EXISTS
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SigningError) as caught:
        new_key(tmp_path / "no" / "a.key", tmp_path / "a.pub", PASSPHRASE)
    assert caught.value.code is Code.KEY_UNREADABLE


@pytest.mark.parametrize(("passphrase", "unencrypted"), [("", False), (None, False), ("x", True)])
def test_no_passphrase_by_accident(
    tmp_path: Path, passphrase: str | None, unencrypted: bool
) -> None:
    with pytest.raises(SigningError) as caught:
        new_key(tmp_path / "a", tmp_path / "b", passphrase, unencrypted=unencrypted)
    assert caught.value.code is Code.USAGE
    assert list(tmp_path.iterdir()) == []


def test_it_signs_one_dsse_signature_that_the_public_key_verifies(
    key: Path, tmp_path: Path
) -> None:
    signer = open_signer(f"file:{key}", lambda _key: PASSPHRASE)
    envelope = signer.envelope(b"payload", "application/x")
    ((_, signature),) = envelope.signatures.items()
    public = load_public_key((tmp_path / "signer.pub").read_bytes())
    assert public.hint == signer.hint
    public.verifier.verify_signature(Signature(public.hint, signature.signature), envelope.pae())
    plain = serialization.load_pem_public_key(public.pem)
    assert isinstance(plain, ec.EllipticCurvePublicKey)
    der = plain.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert signer.hint == base64.b64encode(hashlib.sha256(der).digest()).decode()


def test_the_passphrase_comes_from_the_file_then_the_environment_then_a_person(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = tmp_path / "pass phrase"
    right.write_text(PASSPHRASE + "\n")
    right.chmod(0o600)
    quoted = str(right).replace(" ", "%20")
    assert open_signer(f"file:{key}", lambda _key: PASSPHRASE)
    monkeypatch.setenv("KPROV_KEY_PASSPHRASE", "wrong")
    assert open_signer(f"file:{key}?passphrase-file={quoted}")
    assert refused(f"file:{key}").code is Code.KEY_PASSPHRASE_WRONG
    monkeypatch.setenv("KPROV_KEY_PASSPHRASE", PASSPHRASE)
    assert open_signer(f"file:{key}", lambda _key: "wrong")


def test_without_a_passphrase_nothing_is_guessed(key: Path) -> None:
    error = refused(f"file:{key}")
    assert error.code is Code.KEY_PASSPHRASE_WRONG
    assert "KPROV_KEY_PASSPHRASE" in error.remedy


def test_a_wrong_passphrase_is_not_shown(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPROV_KEY_PASSPHRASE", "hunter2-and-more")
    error = refused(f"file:{key}")
    assert error.code is Code.KEY_PASSPHRASE_WRONG
    assert "hunter2" not in error.diagnostics()


def test_an_unencrypted_key_works_where_it_was_asked_for(tmp_path: Path) -> None:
    new_key(tmp_path / "a.key", tmp_path / "a.pub", None, unencrypted=True)
    assert open_signer(f"file:{tmp_path / 'a.key'}").public_pem == (tmp_path / "a.pub").read_bytes()


def test_the_representation_shows_no_secret(key: Path) -> None:
    signer = open_signer(f"file:{key}", lambda _key: PASSPHRASE)
    assert repr(signer) == f"KeySigner({f'file:{key}'!r}, hint={signer.hint!r})"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(key: Path, mode: int) -> None:
    key.chmod(mode)
    error = refused(f"file:{key}")
    assert error.code is Code.KEY_UNREADABLE
    assert error.remedy == f"chmod 600 {key}"


def test_a_passphrase_file_that_others_may_read_is_refused(key: Path, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PASSPHRASE)
    (tmp_path / "p").chmod(0o644)
    assert refused(f"file:{key}?passphrase-file={tmp_path / 'p'}").code is Code.KEY_UNREADABLE


def test_a_secret_volume_of_kubernetes_is_read_as_it_is_mounted(key: Path, tmp_path: Path) -> None:
    dated = tmp_path / "volume" / "..2026_03_01_12_00_00.123456789"
    dated.mkdir(parents=True)
    (dated / "key").write_bytes(key.read_bytes())
    (dated / "key").chmod(0o644)
    (tmp_path / "volume" / "..data").symlink_to(dated.name)
    (tmp_path / "volume" / "key").symlink_to("..data/key")
    assert open_signer(f"file:{tmp_path / 'volume' / 'key'}", lambda _key: PASSPHRASE)


def write_private(path: Path, private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o600)


def test_other_kinds_of_keys_are_refused(tmp_path: Path) -> None:
    for private in (
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP384R1()),
    ):
        write_private(tmp_path / "k", private)
        assert refused(f"file:{tmp_path / 'k'}").code is Code.KEY_UNREADABLE
        with pytest.raises(SigningError) as caught:
            load_public_key(
                private.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
        assert caught.value.code is Code.KEY_UNREADABLE


def test_files_that_are_no_keys_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "k"
    for data in (
        b"",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"x" * 70_000,
    ):
        path.write_bytes(data)
        path.chmod(0o600)
        assert refused(f"file:{path}").code is Code.KEY_UNREADABLE
    os.mkfifo(tmp_path / "pipe", 0o600)
    for other in (tmp_path / "missing", tmp_path, tmp_path / "pipe"):
        assert refused(f"file:{other}").code is Code.KEY_UNREADABLE


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "signer.key",
        "vault:key",
        "file:",
        "file://host/key",
        "file:k?passphrase=hunter2",
        "file:k?passphrase-file=a&passphrase-file=b",
        "file:k?passphrase-file=a&hunter2=b",
        "file:k#hunter2",
        "hunter2://x",
    ],
)
def test_a_uri_that_is_not_understood_is_refused_and_not_repeated(uri: str) -> None:
    error = refused(uri)
    assert error.code is Code.SIGNER_URI_INVALID
    assert "=hunter2" not in error.diagnostics()


@pytest.mark.parametrize("pem", [b"", b"junk", b"x" * 20_000])
def test_a_public_key_that_is_none_is_refused(pem: bytes) -> None:
    with pytest.raises(SigningError) as caught:
        load_public_key(pem, "signer.pub")
    assert (caught.value.code, caught.value.where) == (Code.KEY_UNREADABLE, "signer.pub")


def test_two_keys_in_one_file_are_ambiguous(key: Path, tmp_path: Path) -> None:
    pem = (tmp_path / "signer.pub").read_bytes()
    with pytest.raises(SigningError):
        load_public_key(pem + pem)
