"""The audit trail in a bucket of a real server: write-once objects, several gates, verified."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.cloud import storage as google

from kfp_provenance.audit import AuditTrail, find_decisions, read_records, verify_trail
from kfp_provenance.audit.sinks import BucketSink
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError, ProvenanceError, StorageError
from support.audit import Gate, altered, gate, record

pytest_plugins = ["support.gcs"]
pytestmark = pytest.mark.interop


@pytest.fixture
def bucket(gcs_bucket: str) -> google.Bucket:
    return google.Client.create_anonymous_client().bucket(gcs_bucket)


@pytest.fixture
def made(tmp_path: Path) -> Gate:
    return gate(tmp_path)


def _open(made: Gate, bucket: google.Bucket, replica: str = "gate-0") -> AuditTrail:
    return AuditTrail.open(
        f"gs://{bucket.name}/trail", replica=replica, signer=made.signer, checkpoint_records=50
    )


def _codes(made: Gate, bucket: google.Bucket) -> set[Code]:
    report = verify_trail(f"gs://{bucket.name}/trail", made.trust)
    return {finding.code for finding in report.verdict.findings}


def _records(bucket: google.Bucket) -> list[google.Blob]:
    return sorted(
        (blob for blob in bucket.list_blobs() if "/records-" in blob.name), key=lambda b: b.name
    )


def test_many_callers_share_few_objects(made: Gate, bucket: google.Bucket) -> None:
    with _open(made, bucket) as trail:

        async def tasks() -> None:
            await asyncio.gather(*(trail.append_async(record(n)) for n in range(300)))

        with ThreadPoolExecutor(8) as pool:
            other = pool.submit(asyncio.run, tasks())
            list(pool.map(trail.append, map(record, range(100))))
            other.result()
    report = verify_trail(f"gs://{bucket.name}/trail", made.trust)
    assert report.verdict.passed, report.verdict.findings
    assert (report.decisions, report.not_covered) == (400, 0)
    assert len(_records(bucket)) < 300
    found = find_decisions(f"gs://{bucket.name}/trail", namespace="ml", name="model-7")
    assert len(found) == 2


def test_two_gates_and_a_restart(made: Gate, bucket: google.Bucket) -> None:
    with (
        _open(made, bucket, "gate-0") as one,
        _open(made, bucket, "gate-1") as two,
        ThreadPoolExecutor(4) as pool,
    ):
        ones = pool.map(one.append, map(record, range(20)))
        twos = pool.map(two.append, map(record, range(20)))
        assert len([*ones, *twos]) == 40
    with _open(made, bucket, "gate-0") as three:
        three.append(record())
    report = verify_trail(f"gs://{bucket.name}/trail", made.trust)
    assert report.verdict.passed, report.verdict.findings
    assert (report.decisions, report.not_covered, len(report.chains)) == (41, 0, 3)


def test_what_is_done_to_objects_is_found(made: Gate, bucket: google.Bucket) -> None:
    with _open(made, bucket) as trail:
        for number in range(6):
            trail.append(record(number))
    assert _codes(made, bucket) == set()
    blob = _records(bucket)[3]
    data = blob.download_as_bytes()
    blob.delete()
    assert Code.AUDIT_RECORD_DROPPED in _codes(made, bucket)
    bucket.blob(blob.name).upload_from_string(altered(data))
    assert Code.AUDIT_RECORD_CHANGED in _codes(made, bucket)
    bucket.blob(blob.name).upload_from_string(data)
    assert _codes(made, bucket) == set()
    last = _records(bucket)[-1]
    last.delete()
    assert Code.AUDIT_CHAIN_TRUNCATED in _codes(made, bucket)


def test_an_object_is_never_replaced(made: Gate, bucket: google.Bucket) -> None:
    """Whoever took the name first has it; the gate goes on in a chain of its own."""
    trail = _open(made, bucket)
    first = trail.append(record(0))
    taken = BucketSink(f"gs://{bucket.name}/trail", first.chain)
    for sequence in range(first.sequence + 1, first.sequence + 4):
        taken.write("records", sequence, b"taken\n")
    with pytest.raises(StorageError) as exists:
        taken.write("records", first.sequence + 1, b"other\n")
    assert exists.value.code is Code.OBJECT_EXISTS
    with pytest.raises(AuditError) as caught:
        trail.append(record(1))
    assert caught.value.code is Code.AUDIT_NOT_RECORDED
    assert "OBJECT_EXISTS" in caught.value.found


def test_no_receipt_while_the_bucket_is_away(
    made: Gate, bucket: google.Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kfp_provenance.audit.trail._PAUSE", 0.0)
    trail = _open(made, bucket)
    trail.append(record(0))
    for blob in bucket.list_blobs():
        blob.delete()
    bucket.delete()
    with pytest.raises(AuditError) as caught:
        trail.append(record(1))
    assert caught.value.code is Code.AUDIT_NOT_RECORDED
    google.Client.create_anonymous_client().create_bucket(bucket.name, project="test")
    tip = trail.append(record(2))
    trail.close()
    found = [decision.id for decision in read_records(f"gs://{bucket.name}/trail")]
    assert found == [tip.id]


def test_a_bucket_that_is_not_there(made: Gate, gcs_server: str, bucket: google.Bucket) -> None:
    with pytest.raises(ProvenanceError) as caught:
        AuditTrail.open("gs://no-such-bucket-here/trail", replica="gate-0", signer=made.signer)
    assert caught.value.code is Code.OBJECT_MISSING
