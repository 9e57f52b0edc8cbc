"""Models on disk: deterministic, loadable without code, bounds checked."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from kfp_provenance.components._models import load_model, save_model
from kfp_provenance.components.train.estimators import ALLOWED_ESTIMATORS, make_estimator
from kfp_provenance.errors import DataError

QUICK = {"n_estimators": 5, "max_iter": 60}


def fitted(path: str, seed: int = 0) -> tuple[Any, Any]:
    estimator = make_estimator(path, {}, seed)
    estimator.set_params(**{k: v for k, v in QUICK.items() if k in estimator.get_params()})
    classes = hasattr(estimator, "decision_function") or path.endswith(("Classifier", "NB"))
    load = load_breast_cancer if classes else load_diabetes
    features, label = load(return_X_y=True, as_frame=True)
    if "Gamma" in path or "Poisson" in path:
        features = features - features.min()
    return estimator.fit(features, label), features


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", sorted(ALLOWED_ESTIMATORS))
def test_every_allowed_estimator_saves_the_same_bytes_and_loads(path: str, tmp_path: Path) -> None:
    model, features = fitted(path)
    again, _ = fitted(path)
    save_model(model, tmp_path / "a")
    save_model(again, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    loaded = load_model(tmp_path / "a")
    np.testing.assert_array_equal(loaded.predict(features), model.predict(features))
    assert loaded.get_params() == model.get_params()


PROGRAM = """
import sys
from pathlib import Path
from sklearn.datasets import load_breast_cancer
from kfp_provenance.components._tables import write_frame
from kfp_provenance.components.train.fitting import fit_model
folder = Path(sys.argv[1])
write_frame(load_breast_cancer(as_frame=True).frame, folder / "data")
for name in sys.argv[2:]:
    fit_model(folder / "data", folder / name, label="target", estimator=name,
              hyperparameters={}, seed=5)
"""


@pytest.mark.slow
def test_another_process_hash_seed_and_number_of_cores_give_the_same_bytes(tmp_path: Path) -> None:
    names = [
        "sklearn.ensemble.HistGradientBoostingClassifier",
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.linear_model.LogisticRegression",
        "sklearn.neural_network.MLPClassifier",
    ]
    folders = []
    for seed, threads in (("1", "1"), ("77", "2")):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
        }
        arguments = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder), *names]
        subprocess.run(arguments, env=environment, check=True, timeout=300)
        folders.append(folder)
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


@settings(max_examples=40, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.text(max_size=4), inner, max_size=3),
            st.sets(st.text(max_size=4), max_size=4),
            st.binary(max_size=5),
        ),
        max_leaves=8,
    )
)
def test_any_value_survives_and_is_written_twice_alike(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    folder = tmp_path_factory.mktemp("values")
    holder = {"file": value, "__id__": value, "content": [value, {"file": "x", "__id__": 3}]}
    save_model(holder, folder / "a")
    save_model(pickle.loads(pickle.dumps(holder)), folder / "b")  # noqa: S301 - a deep copy
    loaded = skops.io.load(folder / "a")
    assert loaded == holder
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_archive_has_no_time_and_no_address(tmp_path: Path) -> None:
    model, _ = fitted("sklearn.linear_model.Ridge")
    save_model(model, tmp_path / "m")
    with zipfile.ZipFile(tmp_path / "m") as archive:
        members = archive.infolist()
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    numbered = [f"{number:06d}.npy" for number in range(1, len(members))]
    assert [member.filename for member in members] == ["schema.json", *numbered]


class Payload:
    """Not a type that anybody trusts."""


def test_untrusted_types_are_refused_until_named(tmp_path: Path) -> None:
    save_model({"x": Payload()}, tmp_path / "m")
    name = f"{Payload.__module__}.Payload"
    with pytest.raises(DataError) as error:
        load_model(tmp_path / "m")
    assert error.value.code == "MODEL_UNTRUSTED_TYPE"
    assert name in error.value.found


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04broken", pickle.dumps({"a": 1})])
def test_other_bytes_are_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(DataError) as error:
        load_model(tmp_path / "m")
    assert error.value.code == "MODEL_MALFORMED"


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_model_is_refused_and_never_crashes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    model, _ = fitted("sklearn.naive_bayes.GaussianNB")
    folder = tmp_path_factory.mktemp("damaged")
    save_model(model, folder / "m")
    content = bytearray((folder / "m").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    (folder / "m").write_bytes(bytes(content))
    with suppress(DataError):  # any other error is a crash
        load_model(folder / "m")


def test_an_unpacked_model_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, _ = fitted("sklearn.linear_model.Ridge")
    save_model(model, tmp_path / "m")
    monkeypatch.setattr("kfp_provenance.components._models.MAX_BYTES", 100)
    with pytest.raises(DataError, match="larger than a model may be"):
        load_model(tmp_path / "m")


def rewrite_nodes(path: Path, change: Callable[[Any], None]) -> None:
    """Change the nodes of the first tree of a saved model, as an attacker would."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, content in members.items():
        if name.endswith(".npy"):
            array = np.load(io.BytesIO(content))
            if array.dtype.names and {"left", "left_child"} & set(array.dtype.names):
                change(array)
                buffer = io.BytesIO()
                np.save(buffer, array)
                members[name] = buffer.getvalue()
                break
    else:
        pytest.fail("no tree in the model")
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def put(field: str, value: int) -> Callable[[Any], None]:
    def change(array: Any) -> None:
        array[field][0] = value

    return change


FOREST = "sklearn.ensemble.RandomForestClassifier"
HISTOGRAM = "sklearn.ensemble.HistGradientBoostingClassifier"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (FOREST, put("left_child", 10**9)),
        (FOREST, put("right_child", -5)),
        (FOREST, put("left_child", 0)),  # a walk without end
        (FOREST, put("feature", 30)),
        (FOREST, put("feature", -3)),
        (HISTOGRAM, put("left", 10**9)),
        (HISTOGRAM, put("right", 0)),
        (HISTOGRAM, put("feature_idx", 30)),
        (HISTOGRAM, put("feature_idx", -1)),
    ],
)
def test_a_tree_that_points_outside_is_refused(
    tmp_path: Path, path: str, change: Callable[[Any], None]
) -> None:
    model, _ = fitted(path)
    save_model(model, tmp_path / "m")
    load_model(tmp_path / "m")
    rewrite_nodes(tmp_path / "m", change)
    with pytest.raises(DataError) as error:
        load_model(tmp_path / "m")
    assert error.value.code == "MODEL_MALFORMED"


@pytest.mark.parametrize("path", [FOREST, HISTOGRAM])
def test_a_model_cannot_widen_its_own_trees(tmp_path: Path, path: str) -> None:
    """Feature 30 of 30, with a nested estimator that claims more features."""
    model, _ = fitted(path)
    for tree in getattr(model, "estimators_", []):
        tree.n_features_in_ = 10**6
    save_model(model, tmp_path / "m")
    name = "feature" if path == FOREST else "feature_idx"
    rewrite_nodes(tmp_path / "m", put(name, 30))
    with pytest.raises(DataError) as error:
        load_model(tmp_path / "m")
    assert error.value.code == "MODEL_MALFORMED"


def test_categorical_splits_are_checked(tmp_path: Path) -> None:
    features, label = load_iris(return_X_y=True)
    features = (features * 2).round()
    estimator = make_estimator(HISTOGRAM, {"categorical_features": [0, 1, 2, 3], "max_iter": 5}, 0)
    save_model(estimator.fit(features, label), tmp_path / "m")
    load_model(tmp_path / "m")

    def change(array: Any) -> None:
        assert array["is_categorical"][0]
        array["bitset_idx"][0] = 10**6

    rewrite_nodes(tmp_path / "m", change)
    with pytest.raises(DataError) as error:
        load_model(tmp_path / "m")
    assert error.value.code == "MODEL_MALFORMED"


def test_schema_names_no_memory(tmp_path: Path) -> None:
    save_model({"a": [1, 2], "b": np.arange(3)}, tmp_path / "m")
    with zipfile.ZipFile(tmp_path / "m") as archive:
        text = archive.read("schema.json").decode()
    found: list[int] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            found.extend(v for k, v in node.items() if k == "__id__" and isinstance(v, int))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json.loads(text))
    assert found
    assert max(found) <= len(found)
