"""Preprocess: leakage, determinism, splits, labels."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from kfp_provenance.components._models import load_model
from kfp_provenance.components._tables import read_frame, write_frame
from kfp_provenance.components.preprocess.preprocessing import Outputs, Summary, preprocess_table
from kfp_provenance.components.preprocess.splitting import SplitRule, split_rows
from kfp_provenance.components.preprocess.target import Target, label_rows
from kfp_provenance.components.preprocess.transforming import TransformRule
from kfp_provenance.errors import DataError


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def prepare(frame: pd.DataFrame, folder: Path, **changes: Any) -> tuple[Summary, Outputs]:
    folder.mkdir()
    write_frame(frame, folder / "data")
    outputs = Outputs(folder / "training", folder / "test", folder / "transformer")
    arguments: dict[str, Any] = {
        "label": "target",
        "target": {},
        "features": [],
        "drop": [],
        "split": SplitRule(),
        "transform": TransformRule(),
    }
    return preprocess_table(folder / "data", outputs, **(arguments | changes)), outputs


def mixed(rows: int = 400) -> pd.DataFrame:
    """Numbers, texts and gaps."""
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "row": np.arange(rows, dtype=float),
            "x": random.normal(size=rows),
            "city": random.choice(["Bonn", "Graz", "Lyon"], size=rows),
            "when": pd.date_range("2024-01-01", periods=rows, freq="h"),
            "target": random.integers(0, 2, size=rows),
        }
    )
    frame.loc[frame.index % 7 == 0, "x"] = np.nan
    frame.loc[frame.index % 11 == 0, "city"] = None
    return frame


def refused(frame: pd.DataFrame, folder: Path, code: str, **changes: Any) -> DataError:
    with pytest.raises(DataError) as error:
        prepare(frame, folder, **changes)
    assert error.value.code == code
    return error.value


@pytest.mark.parametrize("encode", ["onehot", "ordinal"])
def test_test_rows_do_not_leak_into_anything_fitted(tmp_path: Path, encode: str) -> None:
    frame = mixed()
    rules = {"drop": ["when"], "transform": TransformRule(encode=encode, scale=False)}
    _, before = prepare(frame, tmp_path / "a", **rules)
    in_test = frame["row"].isin(read_frame(before.test_data)["row"])
    assert 0 < in_test.sum() < len(frame)

    poisoned = frame.copy()
    poisoned.loc[in_test, "x"] = 1e6
    poisoned.loc[in_test, "city"] = "Oslo"
    _, after = prepare(poisoned, tmp_path / "b", **rules)

    assert digest(before.transformer) == digest(after.transformer)
    assert digest(before.training_data) == digest(after.training_data)
    assert digest(before.test_data) != digest(after.test_data)


def test_training_rows_do_change_what_is_fitted(tmp_path: Path) -> None:
    frame = mixed()
    rules = {"drop": ["when"], "transform": TransformRule(scale=False)}
    _, before = prepare(frame, tmp_path / "a", **rules)
    in_training = frame["row"].isin(read_frame(before.training_data)["row"])
    changed = frame.copy()
    changed.loc[in_training, "x"] = changed.loc[in_training, "x"] + 1
    _, after = prepare(changed, tmp_path / "b", **rules)
    assert digest(before.transformer) != digest(after.transformer)


def test_same_input_and_seed_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    frame = mixed()
    outputs = [
        prepare(frame, tmp_path / name, drop=["when"], split=SplitRule(seed=seed))[1]
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    first, second, other = ([digest(path) for path in vars(out).values()] for out in outputs)
    assert first == second
    assert not set(first) & set(other)


def test_no_gaps_no_texts_and_scaled(tmp_path: Path) -> None:
    summary, outputs = prepare(mixed(), tmp_path / "a", drop=["when"])
    training = read_frame(outputs.training_data)
    assert not training.isna().any().any()
    assert all(pd.api.types.is_numeric_dtype(training[name]) for name in training)
    assert training["x"].mean() == pytest.approx(0, abs=1e-9)
    assert training["x"].std(ddof=0) == pytest.approx(1)
    assert list(training.columns) == [*summary.features, "target"]
    assert {"city_Bonn", "city_Graz", "city_Lyon"} <= set(summary.features)


def test_transformer_loads_and_gives_the_same_test_rows(tmp_path: Path) -> None:
    frame = load_breast_cancer(as_frame=True).frame
    _, outputs = prepare(frame, tmp_path / "a", transform=TransformRule(scale=False))
    test = read_frame(outputs.test_data)
    features = test.drop(columns="target")
    again = load_model(outputs.transformer).transform(features)
    np.testing.assert_array_equal(again.to_numpy(), features.to_numpy())


def test_stratified_split_keeps_shares(tmp_path: Path) -> None:
    _, outputs = prepare(load_iris(as_frame=True).frame, tmp_path / "a")
    assert read_frame(outputs.test_data)["target"].value_counts().to_list() == [10, 10, 10]


def test_a_measured_label_is_split_without_strata(tmp_path: Path) -> None:
    summary, _ = prepare(load_diabetes(as_frame=True).frame, tmp_path / "a")
    assert (summary.training_rows, summary.test_rows) == (353, 89)


def test_split_by_time_tests_on_the_latest_rows(tmp_path: Path) -> None:
    frame = mixed().sample(frac=1, random_state=1)
    split = SplitRule("time", time_column="when")
    rules = {"split": split, "transform": TransformRule(scale=False)}
    summary, outputs = prepare(frame, tmp_path / "a", **rules)
    training, test = read_frame(outputs.training_data), read_frame(outputs.test_data)
    assert training["row"].max() < test["row"].min()
    assert "when" not in summary.features
    assert len(test) == 80


def test_one_moment_is_never_on_both_sides() -> None:
    table = pa.table({"t": [1, 2, 2, 2, 2, 2, 3, 4, 5, 6], "y": [0] * 10})
    train, test = split_rows(label_rows(table, "y", None), SplitRule("time", 0.5, time_column="t"))
    assert train.tolist() == [0]
    assert test.tolist() == list(range(1, 10))


@given(
    values=st.lists(st.integers(0, 8), min_size=2, max_size=60),
    fraction=st.floats(0.05, 0.95),
)
def test_any_split_by_time_is_a_cut(values: list[int], fraction: float) -> None:
    data = label_rows(pa.table({"t": values, "y": values}), "y", None)
    rule = SplitRule("time", fraction, time_column="t")
    if len(set(values)) == 1:
        with pytest.raises(DataError, match="cannot be split"):
            split_rows(data, rule)
        return
    try:
        train, test = split_rows(data, rule)
    except DataError:
        # everything from the cut on is the test; nothing earlier is left
        assert values.count(min(values)) > (1 - fraction) * len(values) - 1
        return
    assert sorted([*train, *test]) == list(range(len(values)))
    assert max(values[i] for i in train) < min(values[i] for i in test)


@given(st.integers(10, 200), st.floats(0.1, 0.9), st.integers(0, 5))
def test_any_random_split_is_a_partition(rows: int, fraction: float, seed: int) -> None:
    data = label_rows(pa.table({"y": [float(i) for i in range(rows)]}), "y", None)
    train, test = split_rows(data, SplitRule("random", fraction, seed))
    assert sorted([*train, *test]) == list(range(rows))
    assert len(test)
    assert len(train)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"above": 15}, [0, 0, 1, None]),
        ({"at_least": 15.0}, [0, 1, 1, None]),
        ({"below": 15}, [1, 0, 0, None]),
        ({"at_most": 15}, [1, 1, 0, None]),
        ({"equals": 15}, [0, 1, 0, None]),
    ],
)
def test_target_rules(rule: dict[str, float], expected: list[int | None]) -> None:
    column = pa.chunked_array([[14, 15, 16, None]])
    assert Target(column="delay", **rule).apply(column).to_pylist() == expected


def test_target_drops_and_counts_rows_without_label(tmp_path: Path) -> None:
    summary, outputs = prepare(
        mixed(), tmp_path / "a", drop=["when"], label="late", target={"column": "x", "above": 0}
    )
    assert summary.dropped_rows == 58
    assert summary.training_rows + summary.test_rows == 400 - 58
    training = read_frame(outputs.training_data)
    assert "x" not in training.columns
    assert set(training["late"]) == {0, 1}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"label": "nothing"}, "DATA_SCHEMA_VIOLATED"),
        ({"label": ""}, "PARAMETER_INVALID"),
        ({"label": "x", "target": {"column": "x", "above": 0}}, "PARAMETER_INVALID"),
        ({"label": "y", "target": {"column": "z", "above": 0}}, "DATA_SCHEMA_VIOLATED"),
        ({"label": "y", "target": {"column": "x"}}, "PARAMETER_INVALID"),
        ({"label": "y", "target": {"column": "x", "above": 1, "below": 2}}, "PARAMETER_INVALID"),
        ({"label": "y", "target": {"column": "city", "above": 1}}, "PARAMETER_INVALID"),
        (
            {"label": "y", "target": {"column": "x", "above": 1}, "features": ["x", "city"]},
            "PARAMETER_INVALID",
        ),
        ({"features": ["x", "target"]}, "PARAMETER_INVALID"),
        ({"features": ["nothing"]}, "PARAMETER_INVALID"),
        ({"drop": ["nothing"]}, "PARAMETER_INVALID"),
        ({}, "DATA_SCHEMA_VIOLATED"),  # `when` is no feature
        ({"drop": ["row", "x", "city", "when"]}, "PARAMETER_INVALID"),
    ],
)
def test_wrong_parameters(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    refused(mixed(), tmp_path / "a", code, **changes)


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "sorted"},
        {"test_fraction": 0.0},
        {"test_fraction": 1.0},
        {"kind": "time"},
        {"kind": "random", "time_column": "when"},
    ],
)
def test_wrong_split(rule: dict[str, Any]) -> None:
    with pytest.raises(DataError) as error:
        SplitRule(**rule)
    assert error.value.code == "PARAMETER_INVALID"


@pytest.mark.parametrize(
    "rule", [{"encode": "hash"}, {"numeric_impute": "mode"}, {"max_categories": 1}]
)
def test_wrong_transform(rule: dict[str, Any]) -> None:
    with pytest.raises(DataError) as error:
        TransformRule(**rule)
    assert error.value.code == "PARAMETER_INVALID"


def test_a_class_of_one_row_cannot_be_stratified(tmp_path: Path) -> None:
    frame = load_iris(as_frame=True).frame
    frame.loc[0, "target"] = 7
    refused(frame, tmp_path / "a", "DATA_SCHEMA_VIOLATED")
    prepare(frame, tmp_path / "b", split=SplitRule(stratify=False))


def test_an_empty_feature_is_not_dropped_silently(tmp_path: Path) -> None:
    frame = load_iris(as_frame=True).frame
    frame["gap"] = np.nan
    error = refused(frame, tmp_path / "a", "DATA_SCHEMA_VIOLATED")
    assert "gap" in error.message


def test_rare_categories_do_not_explode(tmp_path: Path) -> None:
    frame = mixed()
    frame["tail"] = [f"N{i % 300}" for i in range(len(frame))]
    rules = {"drop": ["when", "city"], "transform": TransformRule(max_categories=10)}
    summary, _ = prepare(frame, tmp_path / "a", **rules)
    assert sum(name.startswith("tail_") for name in summary.features) == 10
