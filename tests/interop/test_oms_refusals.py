"""Which models get no OMS signature, and why."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.hashing import Content, hash_path
from kfp_provenance.signing import KeySigner
from kfp_provenance.signing import oms as oms_module
from kfp_provenance.signing.oms import sign_model
from support.oms import add, change, drop, file, folder, rename, signer, swap

__all__ = ["file", "folder", "signer"]

pytestmark = pytest.mark.interop


def code_of(model: Path, signer: KeySigner, **options: object) -> Code:
    with pytest.raises(ProvenanceError) as caught:
        sign_model(model, signer, **options)  # type: ignore[arg-type]
    assert caught.value.remedy
    return caught.value.code


def test_only_the_model_of_the_chain_is_signed(file: Path, folder: Path, signer: KeySigner) -> None:
    for model in (file, folder):
        found = hash_path(model)
        sign_model(model, signer, signed=found)
        change(model)
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
    changes = [change]
    assert code_of(file, signer) is Code.ARTIFACT_CHANGED_WHILE_READ

    def link(path: Path) -> None:
        (path / "link").symlink_to("config.json")

    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    for attack in (change, rename, swap, add, drop, link, shutil.rmtree):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder)
        changes.append(attack)
        assert code_of(folder, signer) is Code.ARTIFACT_CHANGED_WHILE_READ, attack


def test_without_the_library_the_remedy_says_what_to_install(
    file: Path, signer: KeySigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "model_signing.hashing", None)
    with pytest.raises(ProvenanceError) as caught:
        sign_model(file, signer)
    assert caught.value.code is Code.DEPENDENCY_MISSING
    assert caught.value.remedy == "pip install 'kfp-provenance[oms]'"
