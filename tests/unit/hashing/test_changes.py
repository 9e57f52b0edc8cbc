"""Bytes and names that change while they are read.

The writer is the progress callback: it runs between two reads, so nothing has to be timed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError
from kfp_provenance.hashing import hash_file, hash_path

SIZE = 3 * 1024 * 1024


class Writer:
    """A progress that does something once: at the start (files listed, none read) or later."""

    def __init__(self, act: Callable[[], object], *, at_start: bool = False) -> None:
        self.act: Callable[[], object] | None = act
        self.at_start = at_start
        self.stopped = False

    def start(self, total_bytes: int) -> None:  # noqa: ARG002
        if self.at_start:
            self._once()

    def advance(self, count: int) -> None:  # noqa: ARG002
        if not self.at_start:
            self._once()

    def stop(self) -> None:
        self.stopped = True

    def _once(self) -> None:
        act, self.act = self.act, None
        if act is not None:
            act()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "artifact"
    (folder / "sub").mkdir(parents=True)
    for name in ("big", "sub/one", "sub/two"):
        (folder / name).write_bytes(name.encode() * (SIZE // len(name)))
    return folder


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"!")


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"!")


def swap(path: Path, other: Path) -> None:
    shutil.copy2(path, other)
    other.replace(path)


def link(path: Path, other: Path) -> None:
    path.rename(other)
    path.symlink_to(other)


@pytest.mark.parametrize("at_start", [True, False])
@pytest.mark.parametrize(
    "act",
    [append, overwrite, lambda path: os.truncate(path, 300_000), lambda path: os.truncate(path, 0)],
    ids=["append", "overwrite", "truncate", "empty"],
)
@pytest.mark.parametrize("whole", [False, True], ids=["file", "directory"])
def test_a_file_that_is_written_to_is_refused(root, act, at_start, whole):
    writer = Writer(lambda: act(root / "big"), at_start=at_start)
    with pytest.raises(ArtifactError) as caught:
        hash_path(root if whole else root / "big", progress=writer, threads=2)
    assert caught.value.code is Code.ARTIFACT_CHANGED_WHILE_READ
    assert caught.value.where == f"{root}/big"
    assert writer.act is None
    assert writer.stopped


@pytest.mark.parametrize("at_start", [True, False])
def test_a_file_with_the_same_bytes_put_in_its_place_is_refused(root, tmp_path, at_start):
    writer = Writer(lambda: swap(root / "big", tmp_path / "copy"), at_start=at_start)
    with pytest.raises(ArtifactError) as caught:
        hash_path(root, progress=writer)
    assert caught.value.code is Code.ARTIFACT_CHANGED_WHILE_READ


@pytest.mark.parametrize(
    ("act", "what"),
    [
        (lambda root: (root / "new").write_bytes(b"x"), "added"),
        (lambda root: (root / "sub" / "new").touch(), "added"),
        (lambda root: (root / "sub" / "two").unlink(), "removed"),
        (lambda root: shutil.rmtree(root / "sub"), "removed"),
    ],
)
@pytest.mark.parametrize("at_start", [True, False])
def test_a_directory_that_gains_or_loses_a_file_is_refused(root, act, what, at_start):
    with pytest.raises(ArtifactError) as caught:
        hash_path(root, progress=Writer(lambda: act(root), at_start=at_start), threads=1)
    assert caught.value.code is Code.ARTIFACT_CHANGED_WHILE_READ
    assert what in caught.value.message


@pytest.mark.parametrize("name", ["big", "sub"])
@pytest.mark.parametrize("at_start", [True, False])
def test_a_link_put_in_place_of_the_very_same_bytes_is_refused(root, tmp_path, name, at_start):
    writer = Writer(lambda: link(root / name, tmp_path / "moved"), at_start=at_start)
    with pytest.raises(ArtifactError) as caught:
        hash_path(root, progress=writer)
    codes = {Code.ARTIFACT_SYMLINK} if at_start else {
        Code.ARTIFACT_SYMLINK, Code.ARTIFACT_CHANGED_WHILE_READ,
    }  # fmt: skip
    assert caught.value.code in codes


def test_a_pipe_put_in_place_of_a_file_does_not_block(root):
    def pipe() -> None:
        (root / "big").unlink()
        os.mkfifo(root / "big")

    with pytest.raises(ArtifactError) as caught:
        hash_path(root / "big", progress=Writer(pipe, at_start=True))
    assert caught.value.code is Code.ARTIFACT_CHANGED_WHILE_READ


def test_reading_alone_is_no_change(root):
    before = hash_path(root)
    writer = Writer((root / "big").read_bytes)
    assert hash_path(root, progress=writer) == before
    assert writer.act is None


def test_a_copy_is_of_the_hashed_bytes(root, tmp_path):
    with (tmp_path / "copy").open("wb") as copy:
        content = hash_file(root / "big", copy_to=copy)
    assert hash_file(tmp_path / "copy") == content
