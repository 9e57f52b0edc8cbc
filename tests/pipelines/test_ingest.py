"""``ingest`` through KFP's local runner, on real files."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

from kfp_provenance.components import ingest
from kfp_provenance.components._tables import read_frame
from kfp_provenance.data.profile import DataProfile
from kfp_provenance.facts import InputOrigin
from support import components as local

SCHEMA = {
    "columns": [
        *({"name": name, "type": "number", "minimum": 0, "nullable": False} for name in "abcd"),
        {"name": "target", "type": "integer", "allowed": [0, 1, 2]},
    ]
}


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def iris() -> bytes:
    frame = load_iris(as_frame=True).frame
    frame.columns = [*"abcd", "target"]
    return frame.to_csv(index=False).encode()


def test_csv_and_gzip_give_the_same_outputs_and_their_own_roots(
    tmp_path: Path, iris: bytes
) -> None:
    packed = gzip.compress(iris, mtime=0)
    (tmp_path / "iris.csv").write_bytes(iris)
    (tmp_path / "iris.csv.gz").write_bytes(packed)

    def tasks() -> None:
        first = ingest(
            uri=str(tmp_path / "iris.csv"),
            schema=SCHEMA,
            label="target",
            expected_digest=sha256(iris),
        )
        first.set_caching_options(enable_caching=False)
        ingest(uri=f"file://{tmp_path}/iris.csv.gz", schema=SCHEMA, label="target")

    ran = local.run(tasks, tmp_path)
    for name in ("dataset", "profile"):
        assert ran.output("ingest", name).digest == ran.output("ingest-2", name).digest
    roots = [ran.step(task).inputs[0] for task in ("ingest", "ingest-2")]
    assert [str(root.artifact.digest) for root in roots] == [sha256(iris), sha256(packed)]
    assert [root.artifact.size for root in roots] == [len(iris), len(packed)]
    assert {(root.name, root.origin) for root in roots} == {("source", InputOrigin.SOURCE)}

    frame = read_frame(ran.path("ingest", "dataset"))
    assert frame.shape == (150, 5)
    profile = DataProfile.read(ran.path("ingest", "profile"))
    assert profile.rows == 150
    assert profile.label is not None
    assert [value.count for value in profile.label.distribution] == [50, 50, 50]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expected_digest": "sha256:" + "0" * 64}, "OBJECT_DIGEST_MISMATCH"),
        ({"schema": {"columns": [{"name": "a", "type": "integer"}]}}, "DATA_SCHEMA_VIOLATED"),
    ],
)
def test_what_is_not_as_declared_fails_the_step(
    tmp_path: Path, iris: bytes, changes: dict[str, object], code: str
) -> None:
    (tmp_path / "iris.csv").write_bytes(iris)

    def tasks() -> None:
        ingest(uri=str(tmp_path / "iris.csv"), **changes)

    step = local.run_failing(tasks, tmp_path)
    assert step.failure is not None
    assert code in step.failure.message
    assert not [output for output in step.outputs if output.name == "dataset"]
