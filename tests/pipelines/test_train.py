"""``train`` through KFP's local runner, on real bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.linear_model import Ridge

from kfp_provenance.components import train
from kfp_provenance.components._models import load_model
from kfp_provenance.components._tables import write_frame
from support import components as local


def test_two_runs_give_the_same_model(tmp_path: Path) -> None:
    write_frame(load_breast_cancer(as_frame=True).frame, tmp_path / "data")

    def tasks() -> None:
        train(training_data=local.imported(tmp_path / "data"), label="target", seed=3)

    first, second = (local.run(tasks, tmp_path) for _ in range(2))
    assert first.run.id != second.run.id
    assert first.output("train", "model").digest == second.output("train", "model").digest
    assert '"estimator"' in first.output("train", "model").metadata


def test_hyperparameters_reach_the_estimator(tmp_path: Path) -> None:
    frame = load_diabetes(as_frame=True).frame
    write_frame(frame, tmp_path / "data")

    def tasks() -> None:
        train(
            training_data=local.imported(tmp_path / "data"),
            label="target",
            estimator="sklearn.linear_model.Ridge",
            hyperparameters={"alpha": 2.5, "max_iter": 500},
        )

    model = load_model(local.run(tasks, tmp_path).path("train", "model"))
    features, label = frame.drop(columns="target"), frame["target"]
    expected = Ridge(alpha=2.5, max_iter=500).fit(features, label)
    np.testing.assert_allclose(model.predict(features), expected.predict(features))


def test_an_estimator_off_the_list_fails_the_step(tmp_path: Path) -> None:
    write_frame(load_diabetes(as_frame=True).frame, tmp_path / "data")

    def tasks() -> None:
        train(
            training_data=local.imported(tmp_path / "data"), label="target", estimator="os.system"
        )

    step = local.run_failing(tasks, tmp_path)
    assert step.failure is not None
    assert "ESTIMATOR_NOT_ALLOWED" in step.failure.message
