"""What came from outside and is handed to the signing step as evidence."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.components.sign.signing import SignedChain, sign_task_chain
from kfp_provenance.errors import ChainError
from kfp_provenance.facts import Artifact, Input, InputOrigin, Output
from kfp_provenance.metadata import open_recorder
from kfp_provenance.runtime.context import TaskContext, enter_task
from kfp_provenance.runtime.identity import TaskIdentity
from kfp_provenance.signing import new_key
from support.steps import ENVIRONMENT, artifact, step

RAW = artifact("raw", uri="minio://bucket/raw.csv")
MODEL = artifact("model", uri="minio://bucket/model", type="system.Model")


def _sign(folder: Path, mounted: Artifact, roots: list[str]) -> SignedChain:
    """Sign in a task that got the model and, as KFP mounted it, the imported raw data."""
    store = f"sqlite:{folder / 'metadata.db'}"
    with closing(open_recorder(store)) as recorder:
        trained = step(
            id="step-train",
            inputs=(Input("raw", 0, RAW, InputOrigin.IMPORTED),),
            outputs=(Output("model", 0, MODEL),),
        )
        recorder.record(trained, ENVIRONMENT)
    model = Input("model", 0, MODEL, InputOrigin.STEP, "step-train", "model", 0)
    evidence = Input("evidence_1", 0, mounted, InputOrigin.IMPORTED)
    identity = TaskIdentity("run-1", "churn", "sign", "kubeflow", 1, in_cluster=True)
    enter_task(TaskContext("step-sign", identity, "", store, (evidence, model)))
    key = folder / "signer.key"
    new_key(key, folder / "signer.pub", None, unencrypted=True)
    return sign_task_chain(f"file:{key}", roots=roots, require_all_bytes=True)


@pytest.mark.parametrize("root", [RAW.uri, str(RAW.digest)])
def test_a_declared_root_is_read_where_kfp_mounted_it(tmp_path: Path, root: str) -> None:
    signed = _sign(tmp_path, RAW, [root])
    assert (signed.steps, signed.subject) == (1, str(MODEL.digest))


def test_a_root_whose_bytes_changed_since_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(ChainError) as refused:
        _sign(tmp_path, artifact("other", uri=RAW.uri), [RAW.uri])
    assert refused.value.code is Code.STORED_BYTES_CHANGED


def test_an_undeclared_one_is_not_signed(tmp_path: Path) -> None:
    with pytest.raises(ChainError) as refused:
        _sign(tmp_path, RAW, [])
    assert refused.value.code is Code.SUBJECT_UNKNOWN
