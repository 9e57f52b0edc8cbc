"""``evaluate`` through KFP's local runner, and the four components in a row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kfp import dsl
from sklearn.datasets import load_breast_cancer, load_diabetes

from kfp_provenance.components import evaluate, ingest, preprocess, train
from kfp_provenance.components._models import save_model
from kfp_provenance.components._tables import write_frame
from kfp_provenance.components.train.fitting import fit_model
from support import components as local


def test_from_csv_to_report(tmp_path: Path) -> None:
    load_breast_cancer(as_frame=True).frame.to_csv(tmp_path / "cancer.csv", index=False)

    def tasks() -> None:
        data = ingest(uri=str(tmp_path / "cancer.csv"), label="target")
        ready = preprocess(dataset=data.outputs["dataset"], label="target")
        model = train(
            training_data=ready.outputs["training_data"],
            label="target",
            estimator="sklearn.linear_model.LogisticRegression",
        )
        evaluate(
            model=model.outputs["model"],
            test_data=ready.outputs["test_data"],
            label="target",
            thresholds={"roc_auc": {"minimum": 0.9}, "log_loss": {"maximum": 0.5}},
        )

    first, second = (local.run(tasks, tmp_path) for _ in range(2))
    metrics = json.loads(first.output("evaluate", "metrics").metadata)
    assert metrics["accuracy"] > 0.9
    curves = json.loads(first.output("evaluate", "classification").metadata)
    assert len(curves["confidenceMetrics"]) <= 200
    assert [row["row"] for row in curves["confusionMatrix"]["rows"]]
    page = first.path("evaluate", "report").read_text(encoding="utf-8")
    assert "2 thresholds met" in page
    # every step of the second run is the same, to the byte
    for step in first.run.steps:
        outputs = {out.name: out.artifact.digest for out in step.outputs}
        again = {out.name: out.artifact.digest for out in second.step(step.task).outputs}
        assert outputs == again, step.task


@pytest.fixture
def regression(tmp_path: Path) -> Path:
    write_frame(load_diabetes(as_frame=True).frame, tmp_path / "data")
    fit_model(
        tmp_path / "data",
        tmp_path / "model",
        label="target",
        estimator="sklearn.linear_model.Ridge",
        hyperparameters={},
        seed=0,
    )
    return tmp_path


def test_a_missed_threshold_fails_after_the_outputs_are_written(regression: Path) -> None:
    def tasks() -> None:
        evaluate(
            model=local.imported(regression / "model", dsl.Model),
            test_data=local.imported(regression / "data"),
            label="target",
            thresholds={"r2": {"minimum": 0.99}},
        )

    step = local.run_failing(tasks, regression)
    assert step.failure is not None
    assert "METRIC_THRESHOLD_MISSED" in step.failure.message
    (page,) = regression.glob("runs/*/evaluate/report")
    assert "1 of 1 thresholds missed" in page.read_text(encoding="utf-8")


class Payload:
    """A type that the task does not trust."""


def test_an_untrusted_model_fails_the_step(regression: Path) -> None:
    save_model({"model": Payload()}, regression / "model")

    def tasks() -> None:
        evaluate(
            model=local.imported(regression / "model", dsl.Model),
            test_data=local.imported(regression / "data"),
            label="target",
        )

    step = local.run_failing(tasks, regression)
    assert step.failure is not None
    assert "MODEL_UNTRUSTED_TYPE" in step.failure.message
