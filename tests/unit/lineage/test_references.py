"""What people call an artifact, and what they call it by mistake."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, StoreError
from kfp_provenance.facts import Digest, Output
from kfp_provenance.hashing import hash_path
from kfp_provenance.lineage.references import find
from kfp_provenance.metadata import LineageIndex
from support.lineage_stories import Story, content, of
from support.other_user import passable_folder, without_privileges
from support.steps import artifact, digest

TWINS = tuple(Digest(f"{'0123abcd' * 2}{'e' * 47}{last}") for last in "01")
"""Digests that are equal up to the last digit."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bytes of some artifacts."""
    folder = tmp_path_factory.mktemp("here")
    (folder / "model").write_bytes(b"the model")
    (folder / "table").mkdir()
    (folder / "table" / "part-0").write_bytes(b"1,2,3")
    (folder / "unknown").write_bytes(b"nobody recorded this")
    (folder / "it's 50%_of it").write_bytes(b"the model")
    return folder


@pytest.fixture(scope="module")
def story(here: Path) -> Story:
    told = Story()
    parts = tuple(Output("parts", n, artifact(f"part-{n}")) for n in range(3))
    told.step("run-1", "split", outputs=parts)
    told.step("run-1", "loop-1/train", writes="model log")
    told.step("run-1", "loop-2/train", writes="model")
    told.step("run-1", "report", writes="page")
    told.step("run-1", "report", writes="page")  # a second attempt
    told.step("run-2", "overwrite", writes={"data": "old bytes"}, at="/fixed")
    told.step("run-3", "overwrite", writes={"data": "new bytes"}, at="/fixed")
    told.step("run-3", "copy", [content("new bytes")], {"data": "new bytes"})
    for number, twin in enumerate(TWINS):
        output = Output("twin", 0, artifact(f"twin-{number}", digest=twin))
        told.step("run-4", f"make-{number}", outputs=(output,))
    for name in ("model", "table"):
        what = replace(artifact(name), digest=hash_path(here / name).digest)
        told.step("run-5", f"make-{name}", outputs=(Output("out", 0, what),))
    odd = artifact("odd", uri='s3://bucket/it\'s 50%_of "it"; --')
    told.step("run-6", "odd", outputs=(Output("out", 0, odd),))
    return told


@pytest.fixture(scope="module")
def index(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageIndex]:
    with story.told(tmp_path_factory.mktemp("store")) as opened:
        yield opened


def found(index: LineageIndex, text: str) -> set[Digest | None]:
    """Contents of what is found."""
    return {row.digest for row in index.artifacts(find(index, text).rows)}


def refused(index: LineageIndex, text: str) -> StoreError:
    with pytest.raises(StoreError) as raised:
        find(index, text)
    assert raised.value.remedy
    assert len(str(raised.value)) < 3000
    return raised.value


def test_by_digest_all_rows_of_equal_bytes(index: LineageIndex) -> None:
    reference = find(index, str(digest("new bytes")))
    assert reference.text == str(digest("new bytes"))
    assert len(reference.rows) == 3
    assert found(index, reference.text) == {digest("new bytes")}


@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_by_the_beginning_of_a_digest(index: LineageIndex, prefix: str) -> None:
    whole = digest("new bytes")
    for length in (8, 12, 63, 64):
        assert found(index, f"{prefix}{whole.hex[:length]}") == {whole}


def test_a_beginning_of_several(index: LineageIndex) -> None:
    for length in (8, 16, 63):
        error = refused(index, TWINS[0].hex[:length])
        assert error.code is Code.REFERENCE_AMBIGUOUS
        assert all(str(twin) in error.found for twin in TWINS)
    for twin in TWINS:
        assert found(index, twin.hex) == {twin}


def test_by_the_output_of_a_run(index: LineageIndex, story: Story) -> None:
    for number in range(3):
        assert found(index, f"run-1/parts#{number}") == {digest(f"part-{number}")}
        assert found(index, f"run-1/split/parts#{number}") == {digest(f"part-{number}")}
    assert found(index, "run-1/parts") == {digest("part-0")}
    assert found(index, "run-1/loop-2/train/model") == {digest("run-1/loop-2/train/model")}
    assert found(index, "run-1/log") == {digest("run-1/loop-1/train/log")}
    (row,) = find(index, "run-3/overwrite/data").rows  # that row and not all of equal bytes
    assert index.artifacts([row])[0].uri == "/fixed/data"


def test_of_several_attempts_the_last_one(index: LineageIndex, story: Story) -> None:
    (row,) = find(index, "run-1/report/page").rows
    assert index.artifacts([row])[0].uri == story.steps[4].outputs[0].artifact.uri


def test_an_output_of_several_tasks(index: LineageIndex) -> None:
    error = refused(index, "run-1/model")
    assert error.code is Code.REFERENCE_AMBIGUOUS
    assert "run-1/loop-1/train/model" in error.found
    assert "run-1/loop-2/train/model" in error.found


def test_a_place_stands_for_its_newest_bytes(index: LineageIndex, story: Story) -> None:
    assert found(index, "/fixed/data") == {digest("new bytes")}
    assert found(index, of(story.steps[5], "data")) == {digest("old bytes")}
    assert len(find(index, "/fixed/data").rows) == 3
    assert found(index, 's3://bucket/it\'s 50%_of "it"; --') == {digest("odd")}


def test_a_path_here_is_hashed(
    index: LineageIndex, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here)
    for name in ("model", "table"):
        for text in (name, f"./{name}", str(here / name)):
            assert found(index, text) == {hash_path(here / name).digest}
    assert found(index, "it's 50%_of it") == {hash_path(here / "model").digest}
    assert refused(index, "unknown").code is Code.REFERENCE_UNKNOWN


def test_a_path_that_cannot_be_hashed(index: LineageIndex, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path)
    for name, code in (
        ("empty", Code.ARTIFACT_EMPTY_DIRECTORY),
        ("pipe", Code.ARTIFACT_SPECIAL_FILE),
        ("link", Code.ARTIFACT_SYMLINK),
    ):
        with pytest.raises(ArtifactError) as raised:
            find(index, str(tmp_path / name))
        assert raised.value.code is code


def test_a_path_in_a_folder_that_is_closed(index: LineageIndex) -> None:
    with passable_folder() as folder:
        (folder / "closed").mkdir(mode=0o000)
        with without_privileges(), pytest.raises(ArtifactError) as raised:
            find(index, str(folder / "closed" / "model"))
        (folder / "closed").chmod(0o700)
    assert raised.value.code is Code.ARTIFACT_UNREADABLE


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\0", "a\0b", "a\nb", "\x1b[2J", "\udcff", "%", "_", "%%", "____", "*", "'", '"',
        "' OR '1'='1", "x' OR '1'='1' --", '"; DROP TABLE Artifact; --', "\\", "run-1", "run-1/",
        "run-1//model", "run-1/parts#3", "run-1/parts#-1", "run-1/parts#x",
        "run-1/parts#0000000001", "run-1/parts#99999999999999999999", "RUN-1/parts", "run-1 /parts",
        "run-1/Parts", "run%/parts", "run-_/parts", "run-1/sp%/parts", "/fixed/dat_", "/FIXED/data",
        "/fixed/data ", "0123abc", "sha256:", "sha256:0123abc", "sha256:" + "0" * 64, "0" * 64,
        "sha256:" + "0" * 65, "SHA256:" + TWINS[0].hex, "sha256:" + TWINS[0].hex.upper(),
        "sha512:" + "0" * 64, "x" * 300, "x/" * 2000, "x" * 10_240, "é" * 8192, "/" + "x" * 5000,
        "run-1/" + "x" * 8000,
    ],
    ids=lambda text: ascii(text[:24]),
)  # fmt: skip
def test_wrong_references(
    index: LineageIndex, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    error = refused(index, text)
    assert error.code is Code.REFERENCE_UNKNOWN
    assert error.where == index.where
    assert error.found.isprintable()
