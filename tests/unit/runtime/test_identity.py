"""Run, task and attempt from the locations that KFP's drivers lay out."""

from __future__ import annotations

import json

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.runtime.executor_input import ExecutorInput, parse_executor_input
from kfp_provenance.runtime.identity import identify

RUN = "8e6e31ba-26f4-4d9e-9e0e-6e9a0f6f3e0b"
SALT = "0a4d4f0e-9c1b-4a53-8f2b-4f0f6a0c7b11"
ROOT = f"minio://mlpipeline/v2/artifacts/tabular-training/{RUN}/train/{SALT}"
POD = {"KFP_POD_NAME": "tabular-training-x-1", "POD_NAMESPACE": "team-a"}


def cluster_input(**outputs: object) -> ExecutorInput:
    content = {
        "inputs": {},
        "outputs": {
            "artifacts": {
                "model": {"artifacts": [{"name": "model", "uri": f"{ROOT}/model"}]},
                "executor-logs": {"artifacts": [{"uri": f"{ROOT}/executor-logs-2"}]},
            },
            "outputFile": "/tmp/kfp_outputs/output_metadata.json",  # noqa: S108 - KFP's path
            **outputs,
        },
    }
    return parse_executor_input(json.dumps(content))


def local_input(path: str) -> ExecutorInput:
    return parse_executor_input(json.dumps({"outputs": {"outputFile": path}}))


def test_cluster_layout_names_run_pipeline_and_task() -> None:
    identity = identify(cluster_input(), POD)
    assert (identity.run, identity.pipeline, identity.task) == (RUN, "tabular-training", "train")
    assert (identity.namespace, identity.in_cluster) == ("team-a", True)


def test_attempt_is_the_retry_index_plus_one() -> None:
    assert identify(cluster_input(), POD).attempt == 3  # from executor-logs-2
    assert identify(cluster_input(), {**POD, "KFP_RETRY_INDEX": "4"}).attempt == 5


def test_logs_are_not_an_output_of_the_step() -> None:
    assert list(cluster_input().outputs) == ["model"]


def test_task_without_artifacts_is_found_by_its_output_file() -> None:
    given = cluster_input(artifacts={}, outputFile=f"/{ROOT.replace(':/', '')}/output.json")
    assert identify(given, POD).run == RUN


@pytest.mark.parametrize(
    ("path", "run", "task"),
    [
        ("/r/a-b-2026-11-23-10-11-12-123456/train/executor_output.json", "a-b", "train"),
        (
            "/r/p-2026-11-23-10-11-12-123456/for-loop-1-iteration-0/train/executor_output.json",
            "p",
            "for-loop-1-iteration-0/train",
        ),
    ],
)
def test_local_layout(path: str, run: str, task: str) -> None:
    identity = identify(local_input(path), {})
    assert identity.pipeline == run
    assert identity.run == f"{run}-2026-11-23-10-11-12-123456"
    assert (identity.task, identity.attempt, identity.in_cluster) == (task, 0, False)


@pytest.mark.parametrize(
    ("given", "cluster"),
    [
        (local_input("/r/p-2026-11-23-10-11-12-123456/train/executor_output.json"), False),
        (cluster_input(), True),
    ],
)
def test_a_notebook_pod_is_no_task_of_the_cluster(given: ExecutorInput, cluster: bool) -> None:
    # Kubernetes sets this in every pod, KFP's own variable only in its tasks
    assert identify(given, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}).in_cluster is cluster


def test_unknown_layout_is_refused_with_a_remedy() -> None:
    with pytest.raises(TaskError) as caught:
        identify(local_input("/somewhere/else/output.json"), {})
    assert caught.value.code is Code.RUN_UNKNOWN
    assert "KPROV_RUN" in caught.value.remedy


def test_environment_overrides_another_layout() -> None:
    given = local_input("/somewhere/else/output.json")
    named = {"KPROV_RUN": "r1", "KPROV_PIPELINE_NAME": "p", "KPROV_TASK": "t"}
    assert identify(given, named).run == "r1"


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"inputs": []}', '{"outputs": {"outputFile": 3}}', "{}"]
)
def test_damaged_executor_input_is_one_clear_error(text: str) -> None:
    with pytest.raises(TaskError) as caught:
        parse_executor_input(text)
    assert caught.value.code is Code.EXECUTOR_INPUT_INVALID
