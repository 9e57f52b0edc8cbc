"""What cannot be an artifact."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError
from kfp_provenance.facts import Digest
from kfp_provenance.hashing import Listing, ListingEntry, hash_file, hash_path, list_directory

D = Digest("0" * 64)


def refused(path: Path | str) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        hash_path(path)
    assert caught.value.remedy
    assert caught.value.where
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "artifact"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "data").write_bytes(b"data")
    return root


@pytest.mark.parametrize("target", ["sub/data", "sub", "nowhere"])
def test_a_link_anywhere_is_refused(folder, target):
    (folder / "link").symlink_to(folder / target)
    assert refused(folder).code is Code.ARTIFACT_SYMLINK


@pytest.mark.parametrize("ending", ["", "/", "///"])
@pytest.mark.parametrize("target", ["sub/data", "sub", "nowhere"])
def test_a_link_as_the_artifact_is_refused(folder, tmp_path, target, ending):
    link = tmp_path / "link"
    link.symlink_to(folder / target)
    assert refused(f"{link}{ending}").code is Code.ARTIFACT_SYMLINK


def test_list_directory_does_not_follow_a_link_either(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(ArtifactError) as caught:
        list_directory(tmp_path / "link")
    assert caught.value.code is Code.ARTIFACT_SYMLINK


def test_special_files_are_refused(folder, monkeypatch):
    os.mkfifo(folder / "pipe")
    error = refused(folder)
    assert (error.code, error.found) == (Code.ARTIFACT_SPECIAL_FILE, "named pipe")
    assert refused(folder / "pipe").code is Code.ARTIFACT_SPECIAL_FILE
    (folder / "pipe").unlink()
    monkeypatch.chdir(folder)  # the address of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert (refused(folder).found, refused("socket").found) == ("socket", "socket")
    assert refused("/dev/null").found == "character device"


@pytest.mark.parametrize("name", [b"line\nfeed", b"return\r", b"not-\xff-utf8", b"-"])
def test_names_that_no_listing_can_hold_are_refused(folder, name):
    with open(os.fsencode(folder) + b"/" + name, "wb"):  # noqa: PTH123 - a name of bytes
        pass
    error = refused(folder)
    assert error.code is Code.ARTIFACT_NAME_INVALID
    assert error.diagnostics().encode().isascii()  # nothing that a terminal would obey
    assert "\r" not in error.diagnostics()


@pytest.mark.parametrize("name", [b"line\nfeed", b"\xff"])
def test_names_of_folders_count_too(folder, name):
    path = os.fsencode(folder) + b"/" + name
    os.mkdir(path)  # noqa: PTH102 - a name of bytes
    with open(path + b"/file", "wb"):  # noqa: PTH123
        pass
    assert refused(folder).code is Code.ARTIFACT_NAME_INVALID


def test_a_dash_is_only_refused_where_sha256sum_would_read_its_input(folder):
    (folder / "sub" / "-").write_bytes(b"x")
    assert "sub/-" in list_directory(folder).text


def test_empty_directories_are_refused(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refused(empty).code is Code.ARTIFACT_EMPTY_DIRECTORY
    (empty / "below").mkdir()
    assert refused(empty).code is Code.ARTIFACT_EMPTY_DIRECTORY
    (folder / "sub" / "empty").mkdir()
    error = refused(folder)
    assert (error.code, error.where) == (Code.ARTIFACT_EMPTY_DIRECTORY, f"{folder}/sub/empty")


def test_empty_files_count(folder):
    before = hash_path(folder)
    (folder / "empty").touch()
    after = hash_path(folder)
    assert (after.files, after.size) == (before.files + 1, before.size)
    assert after.digest != before.digest


@pytest.mark.parametrize("path", ["nowhere", "sub/data/below", "", "nul\0"])
def test_what_is_not_there_is_missing(folder, monkeypatch, path):
    monkeypatch.chdir(folder)
    with pytest.raises(ArtifactError) as caught:
        hash_path(path)
    assert caught.value.code is Code.ARTIFACT_MISSING


@pytest.mark.parametrize("what", ["sub/data", "sub"])
def test_what_may_not_be_read_is_unreadable(folder, what):
    (folder / what).chmod(0)
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        assert refused(folder / what).code is Code.ARTIFACT_UNREADABLE
        assert refused(folder).code is Code.ARTIFACT_UNREADABLE
    finally:
        os.seteuid(was)
        (folder / what).chmod(0o700)


def test_a_directory_is_not_a_file(folder):
    with pytest.raises(ArtifactError) as caught:
        hash_file(folder)
    assert caught.value.code is Code.ARTIFACT_SPECIAL_FILE


def test_no_threads_cannot_hash(folder):
    with pytest.raises(ArtifactError) as caught:
        hash_path(folder, threads=0)
    assert caught.value.code is Code.USAGE


@pytest.mark.parametrize(
    "paths",
    [["a", "a"], ["a", "a/b"], ["a/b", "a/b/c/d", "a-b"], ["../a"], ["/a"], ["a//b"], ["a/."],
     ["a/"]],
)  # fmt: skip
def test_a_listing_is_of_a_directory_that_can_be(paths):
    with pytest.raises(ArtifactError) as caught:
        Listing(ListingEntry(path, D, 0) for path in paths)
    assert caught.value.code is Code.ARTIFACT_NAME_INVALID


def test_a_listing_sorts_by_bytes_of_utf8():
    names = ["a/b", "a-b", "a", "\U0001f600", "\uffff", "Z"]
    names.remove("a")
    listing = Listing(ListingEntry(name, D, 1) for name in names)
    # UTF-16 would put the emoji before U+FFFF
    assert [entry.path for entry in listing.entries] == ["Z", "a-b", "a/b", "\uffff", "\U0001f600"]
    assert listing.size == 5
