"""Publishing: verified first, written once, the pointer moved by one writer at a time."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.publishing import Published, publish_model, trust_in
from support.chains import key_pair, signed, tabular_run

NAME = "churn"


class Desk:
    """A signer, and models with their bundles."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._signer, pem = key_pair(folder)
        self.public_key = pem.decode()
        self.destination = folder / "published"

    def model(self, data: bytes) -> tuple[Path, Path]:
        """A model and its bundle, in files named as KFP names them."""
        folder = self._folder / data.decode()
        folder.mkdir(exist_ok=True)
        (folder / "model").write_bytes(data)
        chain = tabular_run(f"run-{data.decode()}", data).chain()
        (folder / "bundle").write_bytes(signed(chain, self._signer))
        return folder / "model", folder / "bundle"

    def publish(self, model: Path, bundle: Path, name: str = NAME) -> Published:
        return publish_model(
            model,
            bundle,
            destination=str(self.destination),
            name=name,
            trust=trust_in(self.public_key, ""),
        )

    def files(self) -> dict[str, bytes]:
        found = sorted(path for path in self.destination.rglob("*") if path.is_file())
        return {str(path.relative_to(self.destination)): path.read_bytes() for path in found}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_names_are_made_of_the_content(desk: Desk) -> None:
    written = desk.publish(*desk.model(b"one"))
    pointer = json.loads(Path(written.pointer_uri).read_text())
    for part in ("model", "bundle"):
        assert pointer[part]["digest"].removeprefix("sha256:") in pointer[part]["uri"]
        assert Path(pointer[part]["uri"]).is_file()
    assert Path(written.model_uri).read_bytes() == b"one"


def test_again_changes_nothing(desk: Desk) -> None:
    model, bundle = desk.model(b"one")
    first = desk.publish(model, bundle)
    before = desk.files()
    assert desk.publish(model, bundle) == first
    assert desk.files() == before


def test_a_model_signed_twice_keeps_both_bundles(desk: Desk) -> None:
    first = desk.publish(*desk.model(b"one"))
    second = desk.publish(*desk.model(b"one"))
    assert (first.model_uri, first.bundle_uri != second.bundle_uri) == (second.model_uri, True)
    assert Path(first.bundle_uri).is_file()


def test_another_model_moves_the_pointer_and_keeps_the_old_one(desk: Desk) -> None:
    old = desk.publish(*desk.model(b"one"))
    new = desk.publish(*desk.model(b"two"))
    assert old.pointer_uri == new.pointer_uri
    assert json.loads(Path(new.pointer_uri).read_text())["model"]["uri"] == new.model_uri
    assert Path(old.model_uri).read_bytes() == b"one"


def test_other_bytes_under_the_name_are_never_overwritten(desk: Desk) -> None:
    written = desk.publish(*desk.model(b"one"))
    Path(written.model_uri).write_bytes(b"planted")
    with pytest.raises(ProvenanceError) as refused:
        desk.publish(*desk.model(b"one"))
    assert refused.value.code is Code.OBJECT_EXISTS
    assert Path(written.model_uri).read_bytes() == b"planted"


def test_what_does_not_verify_is_not_published(desk: Desk) -> None:
    model, _ = desk.model(b"one")
    _, bundle_of_another = desk.model(b"two")
    with pytest.raises(ProvenanceError) as refused:
        desk.publish(model, bundle_of_another)
    assert refused.value.code is Code.SUBJECT_MISMATCH
    assert desk.files() == {}


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 200, "a\nb"])
def test_a_name_never_leads_out_of_the_destination(desk: Desk, name: str) -> None:
    with pytest.raises(ProvenanceError) as refused:
        desk.publish(*desk.model(b"one"), name=name)
    assert refused.value.code is Code.PARAMETER_INVALID
    assert desk.files() == {}


def test_writers_at_the_same_moment_leave_a_whole_pointer(desk: Desk) -> None:
    models = [desk.model(f"model{number}".encode()) for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda pair: desk.publish(*pair), models))
    pointer = json.loads((desk.destination / f"{NAME}.json").read_text())
    assert pointer["model"]["uri"] in {one.model_uri for one in written}
