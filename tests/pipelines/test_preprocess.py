"""``preprocess`` through KFP's local runner, on real bytes."""

from __future__ import annotations

from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_iris

from kfp_provenance.components import preprocess
from kfp_provenance.components._models import load_model
from kfp_provenance.components._tables import read_frame, write_frame
from support import components as local


def test_equal_tasks_give_equal_bytes_and_the_seed_decides(tmp_path: Path) -> None:
    write_frame(load_breast_cancer(as_frame=True).frame, tmp_path / "data")

    def tasks() -> None:
        data = local.imported(tmp_path / "data")
        for seed in (0, 0, 1):
            preprocess(dataset=data, label="target", seed=seed)

    ran = local.run(tasks, tmp_path)
    names = ("training_data", "test_data", "transformer")
    first, second, other = (
        [ran.output(task, name).digest for name in names]
        for task in ("preprocess", "preprocess-2", "preprocess-3")
    )
    assert first == second
    assert not set(first) & set(other)
    assert len(read_frame(ran.path("preprocess", "training_data"))) == 455
    assert len(read_frame(ran.path("preprocess", "test_data"))) == 114
    assert load_model(ran.path("preprocess", "transformer")).n_features_in_ == 30


def test_label_rule_and_features(tmp_path: Path) -> None:
    write_frame(load_iris(as_frame=True).frame, tmp_path / "data")

    def tasks() -> None:
        preprocess(
            dataset=local.imported(tmp_path / "data"),
            label="long",
            target={"column": "petal length (cm)", "above": 4},
            features=["sepal length (cm)", "sepal width (cm)"],
            max_categories=5,
            test_fraction=0.5,
        )

    ran = local.run(tasks, tmp_path)
    frame = read_frame(ran.path("preprocess", "training_data"))
    assert list(frame.columns) == ["sepal length (cm)", "sepal width (cm)", "long"]
    assert frame["long"].value_counts().to_dict() == {1: 42, 0: 33}


def test_a_feature_that_gives_the_label_away_fails_the_step(tmp_path: Path) -> None:
    write_frame(load_iris(as_frame=True).frame, tmp_path / "data")

    def tasks() -> None:
        preprocess(
            dataset=local.imported(tmp_path / "data"),
            label="long",
            target={"column": "petal length (cm)", "above": 4},
            features=["petal length (cm)"],
        )

    step = local.run_failing(tasks, tmp_path)
    assert step.failure is not None
    assert "PARAMETER_INVALID" in step.failure.message
