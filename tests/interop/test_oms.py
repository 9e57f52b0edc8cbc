"""OMS signatures of every kind of signer, verified by the stock ``model_signing`` program."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kfp_provenance.signing import KeySigner, open_signer
from kfp_provenance.signing.oms import sign_model
from support.chains import key_pair
from support.oms import (
    add,
    by_key,
    change,
    drop,
    file,
    fill,
    folder,
    rename,
    signature_of,
    signer,
    stock,
    swap,
)
from support.openbao import OpenBao
from support.sigstore_instance import Sigstore, certificate_identity
from support.vault_fixtures import clean_environment, key, vault
from support.vault_signer import private

__all__ = ["clean_environment", "file", "folder", "key", "signer", "vault"]

pytestmark = pytest.mark.interop

IDENTITY = "team-a/pipeline-runner"


def test_a_file_is_accepted_under_any_name(file: Path, signer: KeySigner) -> None:
    signature = signature_of(file, signer)
    assert by_key(file, signature) == ""
    assert by_key(file.rename(file.with_name("other")), signature) == ""


def test_a_directory_is_accepted(folder: Path, signer: KeySigner) -> None:
    signature = signature_of(folder, signer)
    assert by_key(folder, signature) == ""
    assert signature.read_bytes().count(b"\n") == 0


def test_the_hint_is_the_one_that_model_signing_gives_its_own(
    file: Path, signer: KeySigner, tmp_path: Path
) -> None:
    own = tmp_path / "own.json"
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", "sign", "key", file, "--signature", own,
         "--private_key", tmp_path / "signer.key"],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert "succeeded" in done.stdout
    theirs = json.loads(own.read_bytes())
    ours = json.loads(signature_of(file, signer).read_bytes())
    assert ours["verificationMaterial"] == theirs["verificationMaterial"]
    assert ours["dsseEnvelope"].keys() == theirs["dsseEnvelope"].keys()


@pytest.mark.parametrize("attack", [change, rename, swap, add, drop, fill])
def test_a_changed_directory_is_refused(
    folder: Path, signer: KeySigner, attack: Callable[[Path], None]
) -> None:
    signature = signature_of(folder, signer)
    attack(folder)
    assert "Signature mismatch" in by_key(folder, signature)


def test_a_changed_file_is_refused(file: Path, signer: KeySigner) -> None:
    signature = signature_of(file, signer)
    change(file)
    assert "Signature mismatch" in by_key(file, signature)


def test_another_key_is_refused(folder: Path, signer: KeySigner) -> None:
    signature = signature_of(folder, signer)
    other, pem = key_pair(folder.parent, "other")
    (folder.parent / "public.pem").write_bytes(pem)
    assert "Key mismatch" in by_key(folder, signature)
    # the hint alone does not make it the other's
    bundle = json.loads(signature.read_bytes())
    theirs = json.loads(sign_model(folder, other))
    bundle["verificationMaterial"] = theirs["verificationMaterial"]
    signature.write_text(json.dumps(bundle))
    assert by_key(folder, signature)


def test_a_changed_signature_is_refused(folder: Path, signer: KeySigner) -> None:
    signature = signature_of(folder, signer)
    change(folder)
    bundle = json.loads(signature.read_bytes())
    theirs = json.loads(sign_model(folder, signer))
    bundle["dsseEnvelope"]["payload"] = theirs["dsseEnvelope"]["payload"]
    signature.write_text(json.dumps(bundle))
    assert by_key(folder, signature)


def test_files_of_git_are_signed_too(folder: Path, signer: KeySigner) -> None:
    (folder / ".gitattributes").write_bytes(b"*.bin filter=lfs\n")
    signature = signature_of(folder, signer)
    strict = "--no-ignore-git-paths"
    assert by_key(folder, signature, strict) == ""
    # without that option the program looks away, and misses what was signed
    assert ".gitattributes" in by_key(folder, signature)
    (folder / ".gitattributes").write_bytes(b"*.bin filter=evil\n")
    assert "Signature mismatch" in by_key(folder, signature, strict)


# --- other signers


def test_a_key_that_openbao_keeps(
    folder: Path, vault: OpenBao, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", vault.token(vault.allow_signing(key)))
    opened = open_signer(f"vault:{key}")
    assert isinstance(opened, KeySigner)
    signature = signature_of(folder, opened)
    assert by_key(folder, signature) == ""
    change(folder)
    assert by_key(folder, signature)


def test_without_a_key(folder: Path, sigstore_instance: Sigstore) -> None:
    token = private(folder.parent / "token", sigstore_instance.token(IDENTITY))
    opened = open_signer(
        f"sigstore:?token-file={token}&trust-config={sigstore_instance.trust_config}"
    )
    signature = folder.parent / "model.oms.json"
    signature.write_bytes(sign_model(folder, opened, target=signature))

    def judged(identity: str) -> str:
        return stock(
            "sigstore", folder, signature, "--trust_config", sigstore_instance.trust_config,
            "--identity", identity, "--identity_provider", sigstore_instance.issuer.of(IDENTITY),
        )  # fmt: skip

    assert judged(certificate_identity(IDENTITY)) == ""
    assert judged(certificate_identity("team-b/pipeline-runner"))
    swap(folder)
    assert "Signature mismatch" in judged(certificate_identity(IDENTITY))
