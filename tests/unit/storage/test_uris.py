"""URIs: what is served, what is refused, and what may be written down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import StorageError
from kfp_provenance.storage import local_path, open_storage, supported_schemes, without_credentials
from kfp_provenance.storage.uris import file_path


@pytest.mark.parametrize("uri", ["s3://b/o", "minio://b/o", "ftp://h/o", "oci://h/o", "data:,x"])
def test_other_schemes_are_refused_by_name(uri):
    with pytest.raises(StorageError) as caught:
        open_storage(uri)
    assert caught.value.code is Code.URI_UNSUPPORTED
    assert supported_schemes() == ("file", "gs", "https")
    for scheme in supported_schemes():
        assert f"{scheme}:" in caught.value.expected


@pytest.mark.parametrize(
    ("uri", "kept"),
    [
        ("https://user:secret@host/a", "https://host/a"),
        ("https://token@host:8443/a/b", "https://host:8443/a/b"),
        ("https://a:b@c:d@host/x", "https://host/x"),
        ("https://host/a?X-Goog-Signature=abc&x=1#frag", "https://host/a"),
        ("https://host?sig=1", "https://host"),
        ("s3://key:secret@bucket/o?AWSAccessKeyId=1", "s3://bucket/o"),
        ("HTTPS://u:p@host/a", "HTTPS://host/a"),
        ("gs://bucket/what?#is", "gs://bucket/what?#is"),
        ("gs://u:p@bucket/o", "gs://bucket/o"),
        ("/data/a?b#c@d", "/data/a?b#c@d"),
        ("relative/path", "relative/path"),
        ("file:///a%20b", "file:///a%20b"),
        ("", ""),
        ("https://host/a\n?sig=1", "https://host/a\n"),
    ],
)
def test_what_may_be_written_down(uri, kept):
    assert without_credentials(uri) == kept
    assert without_credentials(kept) == kept


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b%20c", "/a/b c"),
        ("file:/a", "/a"),
        ("file://localhost/%C3%A9", "/é"),
        ("FILE:///a", "/a"),
        ("/a b?c", "/a b?c"),
        ("a/b", "a/b"),
        ("./a:b", "a:b"),
    ],
)
def test_paths_of_files(uri, path):
    assert file_path(uri) == Path(path)
    assert local_path(uri) == Path(path)


@pytest.mark.parametrize(
    "uri",
    ["file://host/a", "file:a", "file:", "file:///a?b", "file:///a#b", "file:///a%00b",
     "file:///%FF", "a\0b", "", "file://[/a"],
)  # fmt: skip
def test_what_names_no_file(uri):
    with pytest.raises(StorageError) as caught:
        open_storage(uri)
    assert caught.value.code is Code.URI_UNSUPPORTED


@pytest.mark.parametrize(
    "uri", ["gs://", "gs://bucket", "gs://bucket/", "gs://b/o", "gs://u:p@bucket/o", "gs:bucket/o",
            "gs://bucket//o", "gs://bucket/a\nb", "gs://bucket/" + "x" * 1025],
)  # fmt: skip
def test_what_names_no_object(uri):
    with pytest.raises(StorageError) as caught:
        open_storage(uri)
    assert caught.value.code is Code.URI_UNSUPPORTED
    assert "u:p" not in str(caught.value)


@pytest.fixture
def mounts(tmp_path: Path) -> dict[str, Path]:
    for scheme in ("gcs", "s3"):
        (tmp_path / scheme / "bucket" / "sub").mkdir(parents=True)
        (tmp_path / scheme / "bucket" / "sub" / "model").write_bytes(b"x")
    (tmp_path / "secret").write_bytes(b"x")
    return {"gs": tmp_path / "gcs", "s3": tmp_path / "s3"}


def test_mounted_objects_are_found(mounts):
    model = Path("bucket/sub/model")
    assert local_path("gs://bucket/sub/model", mounts) == mounts["gs"] / model
    assert local_path("s3://bucket/sub/model", mounts) == mounts["s3"] / model
    assert local_path("gs://bucket/sub/", mounts) == mounts["gs"] / "bucket/sub"
    for uri in ("gs://bucket/other", "minio://bucket/sub/model", "https://bucket/sub/model"):
        assert local_path(uri, mounts) is None


@pytest.mark.parametrize(
    "name", ["../secret", "bucket/../../secret", "./bucket", "bucket//sub", "/", ""]
)
def test_no_path_leaves_the_mount(mounts, name):
    with pytest.raises(StorageError) as caught:
        local_path(f"gs://{name}", mounts)
    assert caught.value.code is Code.URI_UNSUPPORTED


def test_no_link_leaves_the_mount(mounts, tmp_path):
    (mounts["gs"] / "bucket" / "out").symlink_to(tmp_path)
    with pytest.raises(StorageError) as caught:
        local_path("gs://bucket/out/secret", mounts)
    assert caught.value.code is Code.URI_UNSUPPORTED
    # a link as the artifact itself is shown, so that hashing refuses it
    assert local_path("gs://bucket/out", mounts) == mounts["gs"] / "bucket" / "out"


def test_no_client_library_is_loaded_before_it_is_used():
    code = (
        "import sys\n"
        "from kfp_provenance.storage import open_storage\n"
        "open_storage('/x')\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'google', 'requests', 'http', 'ssl', 'pydantic', 'rich'}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
