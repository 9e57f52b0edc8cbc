"""What KFP 2.17's own driver and launcher hand over, byte for byte but for host and paths.

``tests/support/executor_inputs`` was written by running compiled pipelines with the driver
and the launcher of kubeflow/pipelines 2.17.0 against an API server, a metadata server and an
S3 API; each file is the value of ``--executor_input`` that one task got.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kfp_provenance.facts import ArtifactKind
from kfp_provenance.hashing import hash_values
from kfp_provenance.runtime.artifacts import Announcement
from kfp_provenance.runtime.executor_input import ExecutorInput, parse_executor_input
from kfp_provenance.runtime.identity import identify

_FOLDER = Path(__file__).parents[2] / "support" / "executor_inputs"
_POD = {"KFP_POD_NAME": "run-x1-1", "POD_NAMESPACE": "kubeflow"}
_TASKS = {
    "first_task": ("try-backend", "make", 1),
    "artifacts_of_all_kinds": ("try-backend", "use", 1),
    "metrics_and_directory": ("try-backend", "check", 1),
    "imported_artifact": ("try-two", "several", 1),
    "collected_artifacts": ("try-two", "merge", 1),
    "parameters_and_nested_artifact": ("try-two", "eat", 1),
    "second_try": ("try-two", "flaky", 2),
    "own_locations": ("try-three", "eat", 1),
    "final_status": ("try-three", "final", 1),
    "ingest": ("tabular-training", "ingest", 1),
    "preprocess": ("tabular-training", "preprocess", 1),
    "train": ("tabular-training", "train", 1),
    "evaluate": ("tabular-training", "evaluate", 1),
    "sign": ("tabular-training", "sign", 1),
    "sign_after_cache_hits": ("tabular-training", "sign", 1),
    "publish": ("tabular-training", "publish", 1),
}


def _read(name: str) -> ExecutorInput:
    return parse_executor_input((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def test_every_file_is_tried() -> None:
    assert {file.stem for file in _FOLDER.glob("*.json")} == set(_TASKS)


@pytest.mark.parametrize("name", _TASKS)
def test_run_task_and_try_are_told_from_the_locations(name: str) -> None:
    identity = identify(_read(name), _POD)
    assert (identity.pipeline, identity.task, identity.attempt) == _TASKS[name]
    assert identity.in_cluster
    assert f"/{identity.run}/{identity.task}/" in _read(name).output_file


@pytest.mark.parametrize("name", _TASKS)
def test_the_log_of_the_launcher_is_no_output(name: str) -> None:
    given = _read(name)
    assert "executor-logs" not in given.outputs
    assert "executor-logs-" in given.logs_uri


def test_the_signing_step_is_told_its_run() -> None:
    for name in ("sign", "sign_after_cache_hits"):
        given = _read(name)
        assert given.parameters["run"] == identify(given, _POD).run


def test_a_cache_hit_hands_on_the_announcements_of_another_run() -> None:
    announced = {}
    for name in ("sign", "sign_after_cache_hits"):
        inputs = _read(name).inputs
        announced[name] = {key: Announcement.of(group[0], key) for key, group in inputs.items()}
    assert None not in announced["sign"].values()
    assert announced["sign"] == announced["sign_after_cache_hits"]


def test_the_type_of_an_input_is_only_in_its_announcement() -> None:
    given = _read("sign").inputs["model"][0]
    announced = Announcement.of(given, "model")
    assert given.schema_title == "system.Artifact"
    assert announced is not None
    assert announced.type == "system.Model"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("artifacts_of_all_kinds", "only_meta"),
        ("metrics_and_directory", "m"),  # doubles, one of them too small for MLMD
        ("metrics_and_directory", "cm"),  # a list of objects and an object
        ("sign", "evidence_1"),
    ],
)
def test_values_that_went_through_kfp_have_the_announced_digest(name: str, key: str) -> None:
    given = _read(name).inputs[key][0]
    announced = Announcement.of(given, key)
    content, _ = hash_values(given.metadata)  # type: ignore[arg-type]
    assert announced is not None
    assert (content.digest, content.kind) == (announced.digest, ArtifactKind.VALUES)


def test_an_output_that_was_not_written_arrives_without_announcement() -> None:
    given = _read("artifacts_of_all_kinds").inputs["nothing"][0]
    assert Announcement.of(given, "nothing") is None
    assert hash_values(given.metadata)[1] == "{}"  # type: ignore[arg-type]


def test_a_list_of_artifacts_keeps_its_order() -> None:
    parts = _read("collected_artifacts").inputs["parts"]
    announced = [Announcement.of(part, "parts") for part in parts]
    assert len({found.step for found in announced if found is not None}) == len(parts) == 3
