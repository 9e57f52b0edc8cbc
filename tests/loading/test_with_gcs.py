"""``gs:`` through our own storage, published there by the project's publisher."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud import storage as google

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError
from support.loading import LONG, MODEL, LoadingDesk, is_clean, listed

pytestmark = pytest.mark.interop

FILES = {
    "config.json": b"{}",
    "weights/part-0.bin": b"0" * 3_000_000,
    "empty": b"",
    ".hidden": b"kept",
    "\u00fc b?#.txt": b"name",
}


@pytest.fixture(params=["model", LONG], ids=["beside", "inside"])
def target(request: pytest.FixtureRequest, desk: LoadingDesk) -> Path:
    return desk.target(request.param)


def test_a_published_file(desk, gcs_bucket, target):
    published = desk.publish(desk.file("m", MODEL * 200), destination=f"gs://{gcs_bucket}/models")
    (loaded,) = desk.load(published.model_uri, target, sources=(f"gs://{gcs_bucket}/",))
    assert listed(target) == {"m": MODEL * 200}
    assert loaded.vouched.bundle == published.bundle_uri


def test_a_published_directory(desk, gcs_bucket, target):
    published = desk.publish(desk.directory(FILES), destination=f"gs://{gcs_bucket}/models")
    desk.load(published.model_uri, target)
    assert listed(target) == FILES
    assert is_clean(desk.volume)


@pytest.mark.parametrize("crime", ["swapped", "added", "removed", "a climber", "bundle gone"])
def test_tampering_in_the_bucket(desk, gcs_bucket, target, crime):
    published = desk.publish(desk.directory(FILES), destination=f"gs://{gcs_bucket}/models")
    bucket = google.Client.create_anonymous_client().bucket(gcs_bucket)
    name = published.model_uri.removeprefix(f"gs://{gcs_bucket}/")
    expected = Code.OBJECT_DIGEST_MISMATCH
    match crime:
        case "swapped":
            bucket.blob(f"{name}/config.json").upload_from_string(b"[]")
        case "added":
            bucket.blob(f"{name}/evil.py").upload_from_string(b"import os")
        case "removed":
            bucket.blob(f"{name}/config.json").delete()
        case "a climber":
            bucket.blob(f"{name}/a/../../../evil").upload_from_string(b"evil")
            expected = Code.ARTIFACT_NAME_INVALID
        case "bundle gone":
            bucket.blob(published.bundle_uri.removeprefix(f"gs://{gcs_bucket}/")).delete()
            expected = Code.BUNDLE_MISSING
    with pytest.raises(ProvenanceError) as error:
        desk.load(published.model_uri, target)
    assert error.value.code is expected
    assert listed(target) == {}
    assert is_clean(desk.volume)
