from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_iris

from kfp_provenance.components._models import load_model
from kfp_provenance.components._tables import write_frame
from kfp_provenance.components.train.estimators import ALLOWED_ESTIMATORS, make_estimator
from kfp_provenance.components.train.fitting import fit_model
from kfp_provenance.errors import DataError

RIDGE = "sklearn.linear_model.Ridge"


def refused(code: str, *arguments: Any, **keywords: Any) -> DataError:
    with pytest.raises(DataError) as error:
        make_estimator(*arguments, **keywords)
    assert error.value.code == code
    return error.value


@pytest.mark.parametrize(
    "path",
    ["os.system", "subprocess.Popen", "", "Ridge", "sklearn.linear_model.ridge", "a/b", "x" * 5000],
)
def test_nothing_else_is_an_estimator(path: str) -> None:
    refused("ESTIMATOR_NOT_ALLOWED", path, {}, 0)


def test_nothing_is_imported_before_the_list_is_asked(tmp_path: Path) -> None:
    (tmp_path / "trap_module.py").write_text("raise SystemExit('imported')\n")
    sys.path.insert(0, str(tmp_path))
    try:
        refused("ESTIMATOR_NOT_ALLOWED", "trap_module.Model", {}, 0)
    finally:
        sys.path.remove(str(tmp_path))
    assert "trap_module" not in sys.modules


def test_the_caller_extends_the_list() -> None:
    path = "sklearn.linear_model.TweedieRegressor"
    refused("ESTIMATOR_NOT_ALLOWED", path, {}, 0)
    assert type(make_estimator(path, {}, 0, extra=[path])).__name__ == "TweedieRegressor"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("os.system", "ESTIMATOR_NOT_ALLOWED"),
        ("os.path.join", "ESTIMATOR_NOT_ALLOWED"),
        ("sklearn.preprocessing.StandardScaler", "ESTIMATOR_NOT_ALLOWED"),
        ("no_such_package.Model", "DEPENDENCY_MISSING"),
        ("sklearn.linear_model.NoSuch", "DEPENDENCY_MISSING"),
        ("not a path", "PARAMETER_INVALID"),
    ],
)
def test_an_extension_must_be_an_estimator_too(path: str, code: str) -> None:
    refused(code, path, {}, 0, extra=[path])


def test_seed_is_the_random_state() -> None:
    path = "sklearn.ensemble.RandomForestClassifier"
    assert make_estimator(path, {}, 7).random_state == 7
    refused("PARAMETER_INVALID", path, {"random_state": 3}, 7)


def test_unknown_hyperparameter_names_the_known_ones() -> None:
    error = refused("PARAMETER_INVALID", RIDGE, {"aplha": 1}, 0)
    assert "aplha" in error.message
    assert "alpha" in error.remedy


def test_allowed_estimators_exist() -> None:
    for path in sorted(ALLOWED_ESTIMATORS):
        make_estimator(path, {}, 0)


def fit(folder: Path, **changes: Any) -> Path:
    if not (folder / "data").exists():
        write_frame(load_iris(as_frame=True).frame, folder / "data")
    arguments: dict[str, Any] = {
        "label": "target",
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "hyperparameters": {"n_estimators": 5},
        "seed": 0,
    }
    fit_model(folder / "data", folder / "model", **(arguments | changes))
    return folder / "model"


def test_numbers_of_a_pipeline_are_integers_again(tmp_path: Path) -> None:
    model = load_model(fit(tmp_path, hyperparameters={"n_estimators": 5.0, "max_depth": 2.0}))
    assert len(model.estimators_) == 5
    assert model.max_depth == 2


def test_seed_changes_the_bytes(tmp_path: Path) -> None:
    bytes_of = [fit(tmp_path, seed=seed).read_bytes() for seed in (0, 0, 1)]
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]


def test_refusals_of_the_estimator_are_parameter_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        fit(tmp_path, hyperparameters={"n_estimators": -1})
    assert error.value.code == "PARAMETER_INVALID"
    assert "n_estimators" in error.value.message


def test_texts_are_no_features_and_do_not_reach_messages(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["Miller", "Smith"], "target": [0, 1]})
    write_frame(frame, tmp_path / "data")
    with pytest.raises(DataError) as error:
        fit(tmp_path)
    assert error.value.code == "DATA_SCHEMA_VIOLATED"
    assert "Miller" not in str(error.value)


@pytest.mark.parametrize(
    ("frame", "label", "code"),
    [
        ({"x": [1, 2], "y": [0, 1]}, "z", "DATA_SCHEMA_VIOLATED"),
        ({"x": [1, 2], "y": [0, 1]}, "", "PARAMETER_INVALID"),
        ({"x": [1, 2], "y": [0, None]}, "y", "DATA_SCHEMA_VIOLATED"),
        ({"y": [0, 1]}, "y", "DATA_SCHEMA_VIOLATED"),
    ],
)
def test_wrong_data(tmp_path: Path, frame: dict[str, Any], label: str, code: str) -> None:
    write_frame(pd.DataFrame(frame), tmp_path / "data")
    with pytest.raises(DataError) as error:
        fit(tmp_path, label=label)
    assert error.value.code == code
