"""Stored bytes are hashed again; what could not be read is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, SettingsError, StorageError
from kfp_provenance.facts import ArtifactKind
from kfp_provenance.hashing import hash_file
from kfp_provenance.lineage import Root, rehash_stored
from support.chains import Content, artifact, digest


def hash_uri(uri: str, kind: ArtifactKind) -> Content:
    path = Path(uri.removeprefix("file:"))
    if not path.exists():
        raise StorageError(Code.OBJECT_MISSING, "gone")
    found = hash_file(path)
    return Content(found.digest, found.kind)


def test_equal_bytes_hold_and_other_bytes_are_found(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(b"good")
    bad.write_bytes(b"changed")
    recorded = [
        artifact(b"good", f"file:{good}"),
        artifact(b"bad", f"file:{bad}"),
        artifact(b"lost", f"file:{tmp_path / 'lost'}"),
        artifact(b"{}", "", ArtifactKind.VALUES),
    ]
    result = rehash_stored(recorded, hash_uri)
    assert [stored.digest for stored in result.stored.rehashed] == [digest(b"good")]
    assert [unread.digest for unread in result.stored.unread] == [digest(b"lost")]
    assert "OBJECT_MISSING" in result.stored.unread[0].reason
    (finding,) = result.findings
    assert finding.code is Code.STORED_BYTES_CHANGED
    assert str(digest(b"changed")) in finding.found


def test_bytes_that_cannot_be_an_artifact_count_as_changed() -> None:
    def refuse(uri: str, kind: ArtifactKind) -> Content:
        raise ArtifactError(Code.ARTIFACT_SYMLINK, "a link")

    (finding,) = rehash_stored([artifact(b"x")], refuse).findings
    assert finding.code is Code.STORED_BYTES_CHANGED


def test_the_kind_counts() -> None:
    as_directory = artifact(b"x", kind=ArtifactKind.DIRECTORY)
    result = rehash_stored([as_directory], lambda _uri, _kind: Content(digest(b"x")))
    assert [finding.code for finding in result.findings] == [Code.STORED_BYTES_CHANGED]


def test_each_place_is_read_once() -> None:
    seen: list[str] = []

    def count(uri: str, kind: ArtifactKind) -> Content:
        seen.append(uri)
        return Content(digest(b"x"))

    rehash_stored([artifact(b"x", "gs://a"), artifact(b"x", "gs://a")], count)
    assert seen == ["gs://a"]


@pytest.mark.parametrize("text", ["", "raw.csv", "sha512:abc", "gs://a b", " gs://a"])
def test_a_root_that_is_neither_digest_nor_uri_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Root.parse(text)
    assert caught.value.code is Code.SETTING_INVALID


def test_a_damaged_digest_is_not_taken_for_a_uri() -> None:
    with pytest.raises(ArtifactError) as caught:
        Root.parse("sha256:123")
    assert caught.value.code is Code.DIGEST_INVALID
