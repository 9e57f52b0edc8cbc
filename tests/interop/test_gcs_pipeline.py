"""The whole pipeline with its data and its models in a bucket of a real server."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from google.cloud import storage as google

from kfp_provenance.metadata import open_reader
from support.signed_run import judged, kprov, make_signed_run

pytest_plugins = ["support.gcs"]
pytestmark = pytest.mark.interop


@pytest.fixture
def bucket(gcs_bucket: str) -> google.Bucket:
    return google.Client.create_anonymous_client().bucket(gcs_bucket)


def test_from_a_bucket_to_a_bucket(bucket: google.Bucket, tmp_path: Path) -> None:
    raw = f"gs://{bucket.name}/raw/tumours.csv"
    signed = make_signed_run(
        tmp_path / "run",
        upload=lambda path: bucket.blob("raw/tumours.csv").upload_from_filename(path),
        source=raw,
        destination=f"gs://{bucket.name}/models",
    )
    generation = str(bucket.get_blob("raw/tumours.csv").generation)
    steps = {step.task: step for step in open_reader(signed.store).run(signed.run).steps}
    (source,) = steps["ingest"].inputs
    assert (source.artifact.uri, source.artifact.version) == (raw, generation)

    whole = signed.verify("--store", signed.store)
    assert (whole.exit_code, whole.output["notes"]) == (0, [])  # the bucket was read again

    pointer = json.loads(bucket.blob("models/tumour.json").download_as_bytes())
    name = pointer["model"]["uri"].removeprefix(f"gs://{bucket.name}/")
    model = tmp_path / "model"
    bucket.blob(name).download_to_filename(model)
    assert signed.verify(path=model).exit_code == 0

    bucket.blob("raw/tumours.csv").upload_from_string("changed")
    assert signed.verify("--store", signed.store).codes == {"STORED_BYTES_CHANGED"}
    again = signed.kprov(
        "sign", signed.run, "--signer", f"file:{signed.folder / 'signer.key'}",
        "--subject", "train/model", "--store", signed.store, "-o", tmp_path / "again", "--json",
    )  # fmt: skip
    assert judged(again).codes == {"STORED_BYTES_CHANGED"}


IMPORTING = """
import kfp_provenance
from kfp import dsl
from kfp.dsl import Dataset, Input


@kfp_provenance.component(base_image="python:3.11", install_kfp_package=False)
def look(data: Input[Dataset]) -> str:
    return data.uri


@dsl.pipeline(name="importing")
def importing(uri: str):
    look(data=dsl.importer(artifact_uri=uri, artifact_class=Dataset).output)
"""


def test_an_imported_object_is_hashed_where_it_is(bucket: google.Bucket, tmp_path: Path) -> None:
    bucket.blob("raw/table.csv").upload_from_string(b"a,b\n1,2\n")
    (tmp_path / "importing.py").write_text(IMPORTING)
    uri, store = f"gs://{bucket.name}/raw/table.csv", f"sqlite:{tmp_path}/metadata.db"
    done = kprov(
        "run", "importing.py:importing", "-p", f"uri={uri}", "--store", store, "--json",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (step,) = open_reader(store).run(json.loads(done.stdout)["run"]).steps
    (given,) = step.inputs
    assert given.artifact.digest.hex == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert (given.artifact.uri, str(given.origin)) == (uri, "imported")
    assert given.artifact.version == str(bucket.get_blob("raw/table.csv").generation)
