"""``gs:`` against a real server and Google's own client."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.cloud import storage as google

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import ArtifactKind
from kfp_provenance.hashing import hash_path
from kfp_provenance.storage import open_storage
from kfp_provenance.storage import staging as staging_module
from support.trees import write

pytest_plugins = ["support.gcs"]
pytestmark = pytest.mark.interop

LARGE = 9 * 1024 * 1024
"""Above the size to which the client uploads in one request."""


@pytest.fixture
def bucket(gcs_bucket: str) -> google.Bucket:
    return google.Client.create_anonymous_client().bucket(gcs_bucket)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"model")
    return path


def uri(bucket: google.Bucket, name: str) -> str:
    return f"gs://{bucket.name}/{name}"


def code_of(call, *args, **kwargs) -> Code:
    with pytest.raises(ProvenanceError) as caught:
        call(*args, **kwargs)
    assert caught.value.remedy
    return caught.value.code


def objects(bucket: google.Bucket) -> dict[str, bytes]:
    return {blob.name: blob.download_as_bytes() for blob in bucket.list_blobs()}


@pytest.mark.parametrize("size", [0, 5, LARGE])
def test_written_once_then_read_in_every_way(bucket, tmp_path, size):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(size))
    stored = open_storage(uri(bucket, "models/a b?#é/1.skops"))
    written = stored.put_once(source)
    blob = bucket.get_blob("models/a b?#é/1.skops")
    assert blob.download_as_bytes() == source.read_bytes()
    assert (written.created, written.version) == (True, str(blob.generation))
    assert written.content == hash_path(source) == stored.hash()
    info = stored.stat()
    assert (info.uri, info.size, info.version) == (stored.uri, size, written.version)
    with stored.open() as file:
        assert file.read() == source.read_bytes()
    target = tmp_path / "new" / "target"
    assert stored.download(target, limit=size) == written.content
    assert target.read_bytes() == source.read_bytes()
    assert stored.read_bytes(size).data == source.read_bytes()


@pytest.mark.parametrize("size", [5, LARGE])
def test_equal_bytes_are_no_second_write_and_others_an_error(bucket, tmp_path, size):
    source = tmp_path / "source"
    source.write_bytes(bytes(size))
    stored = open_storage(uri(bucket, "model"))
    first = stored.put_once(source)
    second = stored.put_once(source)
    assert (second.created, second.version) == (False, first.version)
    source.write_bytes(b"x" * size)
    assert code_of(stored.put_once, source) is Code.OBJECT_EXISTS
    assert bucket.get_blob("model").download_as_bytes() == bytes(size)
    assert stored.stat().version == first.version


def test_of_many_writers_one_creates(bucket, tmp_path):
    def put(number: int) -> bool | Code:
        source = tmp_path / str(number)
        source.write_bytes(b"same" if number < 4 else b"other")
        try:
            return open_storage(uri(bucket, "model")).put_once(source).created
        except ProvenanceError as error:
            return error.code

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(put, range(8)))
    assert results.count(True) == 1
    winners = results[:4] if True in results[:4] else results[4:]
    losers = results[4:] if True in results[:4] else results[:4]
    assert set(winners) == {True, False}
    assert set(losers) == {Code.OBJECT_EXISTS}


@pytest.mark.parametrize("data", [b"model", b"other"])
def test_a_writer_between_look_and_upload_wins(bucket, source, monkeypatch, data):
    from kfp_provenance.storage import gs

    find = gs.find

    def find_then_lose(bucket: google.Bucket, name: str) -> object:
        found = find(bucket, name)
        if found is None:
            bucket.blob(name).upload_from_string(data)
        return found

    monkeypatch.setattr(gs, "find", find_then_lose)
    stored = open_storage(uri(bucket, "model"))
    if data == source.read_bytes():
        assert not stored.put_once(source).created
    else:
        assert code_of(stored.put_once, source) is Code.OBJECT_EXISTS
    assert objects(bucket) == {"model": data}


def test_a_directory_is_hashed_as_a_local_one(bucket, tmp_path):
    files = {"a": b"1", "sub/b": b"", "sub/c d": b"3", "sub.x": b"4", "ü": b"5"}
    local = write(tmp_path / "data", files)
    stored = open_storage(uri(bucket, "sets/1"))
    written = stored.put_once(local)
    assert written.created
    assert stored.hash() == written.content == hash_path(local)
    assert written.content.kind is ArtifactKind.DIRECTORY
    assert open_storage(f"{stored.uri}/").hash() == written.content
    assert (stored.stat().size, stored.stat().version) == (None, "")
    assert not stored.put_once(local).created
    assert objects(bucket) == {f"sets/1/{name}": data for name, data in files.items()}


def test_an_interrupted_directory_is_completed(bucket, tmp_path):
    local = write(tmp_path / "data", {"a": b"1", "sub/b": b"2"})
    bucket.blob("set/sub/b").upload_from_string(b"2")
    written = open_storage(uri(bucket, "set")).put_once(local)
    assert written.created
    assert objects(bucket) == {"set/a": b"1", "set/sub/b": b"2"}


@pytest.mark.parametrize(("name", "data"), [("set/a", b"other"), ("set/extra", b"")])
def test_a_directory_with_other_files_is_left_alone(bucket, tmp_path, name, data):
    local = write(tmp_path / "data", {"a": b"1", "b": b"2"})
    bucket.blob(name).upload_from_string(data)
    assert code_of(open_storage(uri(bucket, "set")).put_once, local) is Code.OBJECT_EXISTS
    assert objects(bucket) == {name: data}


def test_objects_that_stand_for_folders(bucket):
    for name in ("set/", "set/sub/", "set/sub/a"):
        bucket.blob(name).upload_from_string(b"" if name.endswith("/") else b"1")
    stored = open_storage(uri(bucket, "set"))
    assert stored.hash().files == 1
    bucket.blob("set/empty/").upload_from_string(b"")
    assert code_of(stored.hash) is Code.ARTIFACT_EMPTY_DIRECTORY
    bucket.blob("set/empty/").upload_from_string(b"hidden")
    assert code_of(stored.hash) is Code.ARTIFACT_NAME_INVALID
    bucket.delete_blob("set/empty/")
    bucket.blob("set/").upload_from_string(b"hidden")
    assert code_of(stored.hash) is Code.ARTIFACT_NAME_INVALID


@pytest.mark.parametrize("names", [["set", "set/a"], ["set/a", "set/a/b"], ["set/a", "set/b//c"]])
def test_objects_that_are_no_directory_are_refused(bucket, names):
    for name in names:
        bucket.blob(name).upload_from_string(b"1")
    assert code_of(open_storage(uri(bucket, "set")).hash) is Code.ARTIFACT_NAME_INVALID


def test_what_is_not_there(bucket, tmp_path, source):
    stored = open_storage(uri(bucket, "nothing"))
    for call in (stored.stat, stored.hash):
        assert code_of(call) is Code.OBJECT_MISSING
    assert code_of(stored.read_bytes, 1) is Code.OBJECT_MISSING
    assert code_of(stored.download, tmp_path / "t", limit=1) is Code.OBJECT_MISSING
    nowhere = open_storage("gs://no-such-bucket/object")
    assert code_of(nowhere.put_once, source) is Code.OBJECT_MISSING
    assert code_of(nowhere.hash) is Code.OBJECT_MISSING


def test_a_server_that_does_not_answer(source, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    from kfp_provenance.storage import gs_objects

    gs_objects.client_for.cache_clear()
    monkeypatch.setitem(gs_objects.CALL, "retry", None)
    stored = open_storage("gs://some-bucket/object")
    assert code_of(stored.hash) is Code.OBJECT_UNREACHABLE
    assert code_of(stored.put_once, source) is Code.OBJECT_UNREACHABLE


def test_more_bytes_than_accepted(bucket, tmp_path):
    bucket.blob("o").upload_from_string(b"12345")
    stored = open_storage(uri(bucket, "o"))
    target = tmp_path / "target"
    assert code_of(stored.download, target, limit=4) is Code.OBJECT_TOO_LARGE
    assert code_of(stored.read_bytes, 4) is Code.OBJECT_TOO_LARGE
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_is_overwritten_while_it_is_read(bucket, tmp_path, monkeypatch):
    """The writer comes between the look-up of the generation and the first byte."""
    bucket.blob("o").upload_from_string(b"old")
    stored = open_storage(uri(bucket, "o"))
    refuse_link = staging_module.refuse_link

    def overwrite(path: Path) -> None:
        refuse_link(path)
        bucket.blob("o").upload_from_string(b"new")

    monkeypatch.setattr("kfp_provenance.storage.gs.refuse_link", overwrite)
    target = tmp_path / "target"
    assert code_of(stored.download, target, limit=9) is Code.OBJECT_CHANGED
    assert not target.exists()


def test_a_small_object_is_only_replaced_by_who_read_it_last(bucket):
    stored = open_storage(uri(bucket, "pointer.json"))
    first = stored.replace_bytes(b"1", expected_version=None)
    assert stored.read_bytes(10).version == first
    assert code_of(stored.replace_bytes, b"x", expected_version=None) is Code.OBJECT_EXISTS
    second = stored.replace_bytes(b"2", expected_version=first)
    assert code_of(stored.replace_bytes, b"3", expected_version=first) is Code.OBJECT_CHANGED
    assert stored.read_bytes(10) == type(stored.read_bytes(10))(b"2", second)
    # the client may have tried again after a lost answer: the bytes are there, so it is done
    assert stored.replace_bytes(b"2", expected_version=first) == second


def test_names_in_a_folder(bucket):
    for name in ("models/b.json", "models/a/1", "models/a/2", "models/.hidden", "models2/x"):
        bucket.blob(name).upload_from_string(b"1")
    stored = open_storage(uri(bucket, "models"))
    assert stored.names(2) == ("a", "b.json")
    assert code_of(stored.names, 1) is Code.OBJECT_TOO_LARGE
    assert code_of(open_storage(uri(bucket, "model")).names, 9) is Code.OBJECT_MISSING
    assert code_of(open_storage(uri(bucket, "models/b.json")).names, 9) is Code.OBJECT_MISSING
    assert code_of(open_storage("gs://no-such-bucket/models").names, 9) is Code.OBJECT_MISSING


def test_names_over_several_pages(bucket, monkeypatch):
    from kfp_provenance.storage import gs_objects

    monkeypatch.setattr(gs_objects, "_PAGE", 2)
    expected = tuple(f"{number:02d}" for number in range(9))
    for number, name in enumerate(expected):
        bucket.blob(f"models/{name}" + "/file" * (number % 2)).upload_from_string(b"1")
    stored = open_storage(uri(bucket, "models"))
    assert stored.names(9) == expected
    assert code_of(stored.names, 8) is Code.OBJECT_TOO_LARGE
