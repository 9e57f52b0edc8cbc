"""OMS signatures of every kind of signer, verified by the stock ``model_signing`` program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.hashing import Content, hash_path
from kfp_provenance.signing import KeySigner, open_signer
from kfp_provenance.signing import oms as oms_module
from kfp_provenance.signing.oms import sign_model
from support.chains import key_pair
from support.openbao import OpenBao
from support.sigstore_instance import Sigstore, certificate_identity
from support.vault_fixtures import clean_environment, key, vault

__all__ = ["clean_environment", "key", "vault"]

pytestmark = pytest.mark.interop

IDENTITY = "team-a/pipeline-runner"


@pytest.fixture
def signer(tmp_path: Path) -> KeySigner:
    return key_pair(tmp_path)[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.skops"
    path.write_bytes(os.urandom(70_000))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with all that is easily left out: git's files, an empty one, other letters."""
    path = tmp_path / "model"
    for name, data in {
        "config.json": b"{}",
        "weights/0.bin": b"w0",
        "weights/1.bin": b"w1",
        "weights/empty.bin": b"",
        "tokenizer \u00e9.txt": b"t",
    }.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def stock(method: str, model: Path, signature: Path, *options: object) -> str:
    """What the program finds wrong; empty if nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "model_signing", "verify", method, model, "--signature", signature,
         *map(str, options)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1), done.stderr
    if done.returncode == 0:
        assert "Verification succeeded" in done.stdout
        return ""
    return done.stderr or "refused"


def signature_of(model: Path, signer: KeySigner) -> Path:
    """Signature and public key beside the model."""
    target = model.parent / "model.oms.json"
    target.write_bytes(sign_model(model, signer, target=target))
    public = model.parent / "public.pem"
    public.write_bytes(signer.public_pem)
    return target


def by_key(model: Path, signature: Path, *options: object) -> str:
    return stock("key", model, signature, "--public_key", model.parent / "public.pem", *options)


def code_of(model: Path, signer: KeySigner, **options: object) -> Code:
    with pytest.raises(ProvenanceError) as caught:
        sign_model(model, signer, **options)  # type: ignore[arg-type]
    assert caught.value.remedy
    return caught.value.code


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


def _change(path: Path) -> None:
    file = path / "weights" / "0.bin" if path.is_dir() else path
    file.write_bytes(b"x" + file.read_bytes()[1:])


def _rename(path: Path) -> None:
    (path / "weights" / "0.bin").rename(path / "weights" / "2.bin")


def _swap(path: Path) -> None:
    one, other, spare = (path / "weights" / name for name in ("0.bin", "1.bin", "spare"))
    one.rename(spare)
    other.rename(one)
    spare.rename(other)


def _add(path: Path) -> None:
    (path / "weights" / "3.bin").write_bytes(b"")


def _drop(path: Path) -> None:
    (path / "weights" / "empty.bin").unlink()


def _fill(path: Path) -> None:
    (path / "weights" / "empty.bin").write_bytes(b"x")


@pytest.mark.parametrize("change", [_change, _rename, _swap, _add, _drop, _fill])
def test_a_changed_directory_is_refused(
    folder: Path, signer: KeySigner, change: Callable[[Path], None]
) -> None:
    signature = signature_of(folder, signer)
    change(folder)
    assert "Signature mismatch" in by_key(folder, signature)


def test_a_changed_file_is_refused(file: Path, signer: KeySigner) -> None:
    signature = signature_of(file, signer)
    _change(file)
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
    _change(folder)
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
    _change(folder)
    assert by_key(folder, signature)


def test_without_a_key(folder: Path, sigstore_instance: Sigstore) -> None:
    token = sigstore_instance.token_file(IDENTITY)
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
    _swap(folder)
    assert "Signature mismatch" in judged(certificate_identity(IDENTITY))


# --- what is not signed


def test_only_the_model_of_the_chain_is_signed(file: Path, folder: Path, signer: KeySigner) -> None:
    for model in (file, folder):
        found = hash_path(model)
        sign_model(model, signer, signed=found)
        _change(model)
        assert code_of(model, signer, signed=found) is Code.SUBJECT_MISMATCH


def test_the_file_of_a_listing_is_not_the_directory(folder: Path, signer: KeySigner) -> None:
    from kfp_provenance.hashing import list_directory

    listing = folder.parent / "listing"
    listing.write_text(list_directory(folder).text)
    found = hash_path(folder)
    assert hash_path(listing).digest == found.digest
    assert code_of(listing, signer, signed=found) is Code.SUBJECT_MISMATCH


def test_empty_models_are_refused(tmp_path: Path, signer: KeySigner, folder: Path) -> None:
    (tmp_path / "nothing").mkdir()
    assert code_of(tmp_path / "nothing", signer) is Code.ARTIFACT_EMPTY_DIRECTORY
    (tmp_path / "empty").touch()
    assert code_of(tmp_path / "empty", signer) is Code.MODEL_MALFORMED
    (folder / "weights" / "hollow").mkdir()
    assert code_of(folder, signer) is Code.ARTIFACT_EMPTY_DIRECTORY
    assert code_of(tmp_path / "missing", signer) is Code.ARTIFACT_MISSING


def test_links_are_refused(folder: Path, signer: KeySigner) -> None:
    (folder / "link").symlink_to(folder / "config.json")
    assert code_of(folder, signer) is Code.ARTIFACT_SYMLINK


def test_a_signature_inside_the_model_is_refused(
    file: Path, folder: Path, signer: KeySigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = [folder / "model.sig", folder / "weights" / "x.sig", folder]
    monkeypatch.chdir(folder)
    for target in [*inside, Path("model.sig"), folder / ".." / "model" / "x"]:
        assert code_of(folder, signer, target=target) is Code.USAGE
    assert code_of(file, signer, target=file) is Code.USAGE
    sign_model(folder, signer, target=folder.with_name("model.sig"))


def test_a_model_that_changes_between_the_two_readings_is_refused(
    file: Path, folder: Path, signer: KeySigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then_change(path: Path) -> Content:
        found = hash_path(path)
        changes.pop()(path)
        return found

    monkeypatch.setattr(oms_module, "hash_path", then_change)
    changes = [_change]
    assert code_of(file, signer) is Code.ARTIFACT_CHANGED_WHILE_READ

    def link(path: Path) -> None:
        (path / "link").symlink_to("config.json")

    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    for change in (_change, _rename, _swap, _add, _drop, link, shutil.rmtree):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)
        changes.append(change)
        assert code_of(folder, signer) is Code.ARTIFACT_CHANGED_WHILE_READ, change


def test_without_the_library_the_remedy_says_what_to_install(
    file: Path, signer: KeySigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing.hashing", None)
    with pytest.raises(ProvenanceError) as caught:
        sign_model(file, signer)
    assert caught.value.code is Code.DEPENDENCY_MISSING
    assert caught.value.remedy == "pip install 'kfp-provenance[oms]'"
