"""Files as objects."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.hashing import hash_path
from kfp_provenance.storage import open_storage
from support.trees import write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"model")
    return path


def code_of(call, *args, **kwargs) -> Code:
    with pytest.raises(ProvenanceError) as caught:
        call(*args, **kwargs)
    assert caught.value.remedy
    return caught.value.code


@pytest.mark.parametrize("as_uri", [True, False])
@pytest.mark.parametrize("size", [0, 5, 700_000])
def test_written_once_then_read_in_every_way(tmp_path, as_uri, size):
    source, place = tmp_path / "source", tmp_path / "new folder" / "model"
    source.write_bytes(os.urandom(size))
    stored = open_storage(place.as_uri() if as_uri else str(place))
    written = stored.put_once(source)
    assert place.read_bytes() == source.read_bytes()
    assert (written.created, written.content) == (True, hash_path(source))
    assert stored.hash() == written.content
    assert stored.stat().size == size
    with stored.open() as file:
        assert file.read() == source.read_bytes()
    assert stored.download(tmp_path / "target", limit=size) == written.content
    assert (tmp_path / "target").read_bytes() == source.read_bytes()
    assert stored.read_bytes(size).data == source.read_bytes()
    assert [path.name for path in place.parent.iterdir()] == ["model"]


def test_equal_bytes_are_no_second_write_and_others_an_error(tmp_path, source):
    place = tmp_path / "model"
    stored = open_storage(str(place))
    assert stored.put_once(source).created
    before = place.stat()
    assert not stored.put_once(source).created
    source.write_bytes(b"other")
    assert code_of(stored.put_once, source) is Code.OBJECT_EXISTS
    assert place.read_bytes() == b"model"
    assert place.stat() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "source"]


def put(place: str, source: str, ready, results) -> None:
    ready.wait()
    try:
        results.put(open_storage(place).put_once(Path(source)).created)
    except ProvenanceError as error:
        results.put(error.code)


def test_of_many_writers_one_creates(tmp_path, source):
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(4), context.Queue()
    (tmp_path / "other").write_bytes(b"other")
    processes = [
        context.Process(target=put, args=(str(tmp_path / "model"), str(path), ready, results))
        for path in (source, source, tmp_path / "other", tmp_path / "other")
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    assert sorted(map(str, found)) == ["False", "OBJECT_EXISTS", "OBJECT_EXISTS", "True"]


def test_directories(tmp_path):
    local = write(tmp_path / "data", {"a": b"1", "sub/b": b"", "sub/c:d": b"3"})
    place = tmp_path / "stored"
    stored = open_storage(str(place))
    assert stored.put_once(local).created
    assert stored.hash() == hash_path(local) == hash_path(place)
    assert not stored.put_once(local).created
    assert (stored.stat().size, stored.stat().version) == (None, "")
    (place / "sub" / "b").unlink()  # as after an interruption
    assert stored.put_once(local).created
    assert hash_path(place) == hash_path(local)


@pytest.mark.parametrize(
    "there", [{"a": b"other"}, {"extra": b""}, {"a/below": b"1"}], ids=["bytes", "more", "folder"]
)
def test_a_directory_with_other_files_is_left_alone(tmp_path, there):
    local = write(tmp_path / "data", {"a": b"1", "b": b"2"})
    place = write(tmp_path / "stored", there)
    before = hash_path(place)
    assert code_of(open_storage(str(place)).put_once, local) is Code.OBJECT_EXISTS
    assert hash_path(place) == before


def test_a_file_and_a_directory_do_not_replace_each_other(tmp_path, source):
    local = write(tmp_path / "data", {"a": b"1"})
    assert code_of(open_storage(str(source)).put_once, local) is Code.OBJECT_EXISTS
    assert code_of(open_storage(str(local)).put_once, source) is Code.OBJECT_EXISTS


def test_links_are_neither_followed_nor_replaced(tmp_path, source):
    link = tmp_path / "link"
    for goal in (source, tmp_path / "nowhere", tmp_path):
        link.unlink(missing_ok=True)
        link.symlink_to(goal)
        stored = open_storage(str(link))
        assert code_of(stored.stat) is Code.ARTIFACT_SYMLINK
        assert code_of(stored.hash) is Code.ARTIFACT_SYMLINK
        assert code_of(stored.read_bytes, 10) is Code.ARTIFACT_SYMLINK
        assert code_of(stored.download, tmp_path / "t", limit=10) is Code.ARTIFACT_SYMLINK
        assert code_of(stored.put_once, source) is Code.ARTIFACT_SYMLINK
        assert code_of(stored.replace_bytes, b"", expected_version=None) is Code.ARTIFACT_SYMLINK
        onto = open_storage(str(source))
        assert code_of(onto.download, link, limit=10) is Code.ARTIFACT_SYMLINK
        assert link.readlink() == goal
    assert source.read_bytes() == b"model"


def test_what_is_not_there(tmp_path, source):
    for place in (tmp_path / "nothing", source / "below"):
        stored = open_storage(str(place))
        for call in (stored.stat, stored.hash):
            assert code_of(call) is Code.OBJECT_MISSING
        assert code_of(stored.read_bytes, 1) is Code.OBJECT_MISSING
        assert code_of(stored.download, tmp_path / "t", limit=1) is Code.OBJECT_MISSING
    assert code_of(stored.put_once, tmp_path / "nothing") is Code.OBJECT_MISSING


def test_more_bytes_than_accepted(tmp_path, source):
    stored = open_storage(str(source))
    assert code_of(stored.download, tmp_path / "t", limit=4) is Code.OBJECT_TOO_LARGE
    assert code_of(stored.read_bytes, 4) is Code.OBJECT_TOO_LARGE
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_refused_download_leaves_the_old_file(tmp_path, source):
    target = tmp_path / "target"
    target.write_bytes(b"old")
    assert code_of(open_storage(str(source)).download, target, limit=1) is Code.OBJECT_TOO_LARGE
    assert target.read_bytes() == b"old"
    open_storage(str(source)).download(target, limit=5)
    assert target.read_bytes() == b"model"


def test_special_files_are_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    stored = open_storage(str(tmp_path / "pipe"))
    assert code_of(stored.read_bytes, 1) is Code.URI_UNSUPPORTED
    assert code_of(stored.hash) is Code.ARTIFACT_SPECIAL_FILE


def test_a_small_object_is_only_replaced_by_who_read_it_last(tmp_path):
    stored = open_storage(str(tmp_path / "new" / "pointer.json"))
    assert code_of(stored.replace_bytes, b"1", expected_version="sha256:0") is Code.OBJECT_CHANGED
    first = stored.replace_bytes(b"1", expected_version=None)
    assert (stored.read_bytes(9).data, stored.read_bytes(9).version) == (b"1", first)
    assert first == str(stored.hash().digest)
    assert code_of(stored.replace_bytes, b"2", expected_version=None) is Code.OBJECT_EXISTS
    second = stored.replace_bytes(b"2", expected_version=first)
    assert code_of(stored.replace_bytes, b"3", expected_version=first) is Code.OBJECT_CHANGED
    assert stored.read_bytes(9).data == b"2"
    assert stored.replace_bytes(b"2", expected_version=second) == second


def count_up(place: str, times: int) -> None:
    stored = open_storage(place)
    done = 0
    while done < times:
        found = stored.read_bytes(20)
        try:
            stored.replace_bytes(b"%d" % (int(found.data) + 1), expected_version=found.version)
            done += 1
        except ProvenanceError as error:
            assert error.code is Code.OBJECT_CHANGED  # noqa: PT017 - in a process of its own


def test_no_update_of_two_processes_is_lost(tmp_path):
    place = str(tmp_path / "counter")
    open_storage(place).replace_bytes(b"0", expected_version=None)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=count_up, args=(place, 25)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert open_storage(place).read_bytes(9).data == b"50"


def test_names_in_a_folder_are_sorted_and_hidden_ones_left_out(tmp_path):
    folder = write(tmp_path / "models", {"b.json": b"1", "a/file": b"2", ".b.json.lock": b""})
    (folder / "link").symlink_to(tmp_path)
    stored = open_storage(str(folder))
    assert stored.names(3) == ("a", "b.json", "link")
    assert code_of(stored.names, 2) is Code.OBJECT_TOO_LARGE
    (tmp_path / "empty").mkdir()
    assert open_storage((tmp_path / "empty").as_uri()).names(0) == ()


def test_names_need_a_folder_that_is_no_link(tmp_path, source):
    (tmp_path / "link").symlink_to(tmp_path)
    assert code_of(open_storage(str(tmp_path / "nothing")).names, 9) is Code.OBJECT_MISSING
    assert code_of(open_storage(str(source)).names, 9) is Code.OBJECT_MISSING
    assert code_of(open_storage(str(tmp_path / "link")).names, 9) is Code.ARTIFACT_SYMLINK


def test_a_directory_is_not_opened_as_a_file(tmp_path):
    with pytest.raises(ProvenanceError) as error, open_storage(str(tmp_path)).open():
        pass
    assert error.value.code is Code.URI_UNSUPPORTED


def test_what_is_there_is_copied_file_by_file(tmp_path):
    root = tmp_path / "model"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b").write_bytes(b"x" * 3_000_000)
    (root / ".c").write_bytes(b"")
    stored = open_storage(str(root))
    assert {file.path: file.size for file in stored.files(2)} == {"a/b": 3_000_000, ".c": 0}
    with pytest.raises(ProvenanceError) as error:
        stored.files(1)
    assert error.value.code is Code.OBJECT_TOO_LARGE
    (single,) = open_storage(str(root / "a" / "b")).files(1)
    with (tmp_path / "copy").open("w+b") as copy:
        content = single.copy_to(copy, single.size or 0)
    assert single.path == ""
    assert (tmp_path / "copy").read_bytes() == (root / "a" / "b").read_bytes()
    assert content == hash_path(tmp_path / "copy")
