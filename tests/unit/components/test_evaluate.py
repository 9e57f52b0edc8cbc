from __future__ import annotations

import math
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from kfp_provenance.components.evaluate.charts import Axis
from kfp_provenance.components.evaluate.page import Subject, render
from kfp_provenance.components.evaluate.scoring import Classification, Regression, score
from kfp_provenance.components.evaluate.thresholds import Limit, enforce, judge
from kfp_provenance.errors import DataError


def cancer() -> tuple[pd.DataFrame, pd.Series]:
    features, label = load_breast_cancer(return_X_y=True, as_frame=True)
    return features.iloc[:, :5], label


def classification() -> Classification:
    features, label = cancer()
    model = LogisticRegression(max_iter=5000).fit(features[::2], label[::2])
    result = score(model, features[1::2], label[1::2])
    assert isinstance(result, Classification)
    return result


def regression() -> Regression:
    features, label = load_diabetes(return_X_y=True, as_frame=True)
    result = score(Ridge().fit(features[::2], label[::2]), features[1::2], label[1::2])
    assert isinstance(result, Regression)
    return result


def test_classification_agrees_with_scikit_learn() -> None:
    features, label = cancer()
    model = LogisticRegression(max_iter=5000).fit(features[::2], label[::2])
    test, actual = features[1::2], label[1::2]
    result = classification()
    probability = model.predict_proba(test)
    assert result.metrics == pytest.approx(
        {
            "accuracy": sk.accuracy_score(actual, model.predict(test)),
            "precision": sk.precision_score(actual, model.predict(test)),
            "recall": sk.recall_score(actual, model.predict(test)),
            "f1": sk.f1_score(actual, model.predict(test)),
            "base_rate": actual.mean(),
            "roc_auc": sk.roc_auc_score(actual, probability[:, 1]),
            "log_loss": sk.log_loss(actual, probability),
        }
    )
    assert sum(map(sum, result.matrix)) == len(test)
    assert result.classes == ("0", "1")


def test_roc_is_thin_finite_and_keeps_its_area() -> None:
    result = classification()
    (curve,) = result.curves
    assert len(curve.fpr) == len(curve.tpr) == len(curve.threshold) <= 200
    assert all(map(math.isfinite, (*curve.fpr, *curve.tpr, *curve.threshold)))
    assert (curve.fpr[0], curve.tpr[0], curve.fpr[-1], curve.tpr[-1]) == (0, 0, 1, 1)
    assert list(curve.fpr) == sorted(curve.fpr)
    assert list(curve.threshold) == sorted(curve.threshold, reverse=True)
    area = float(np.trapezoid(curve.tpr, curve.fpr))
    assert area == pytest.approx(result.metrics["roc_auc"], abs=2e-3)


def test_more_classes() -> None:
    features, label = load_iris(return_X_y=True, as_frame=True)
    names = label.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    result = score(LogisticRegression(max_iter=500).fit(features, names), features, names)
    assert isinstance(result, Classification)
    assert result.classes == ("setosa", "versicolor", "virginica")
    assert [curve.name for curve in result.curves] == list(result.classes)
    assert result.calibration is None
    assert result.metrics["base_rate"] == pytest.approx(1 / 3)


def test_scores_that_are_no_probabilities() -> None:
    features, label = cancer()
    result = score(LinearSVC(random_state=0).fit(features, label), features, label)
    assert isinstance(result, Classification)
    assert "log_loss" not in result.metrics
    assert result.metrics["roc_auc"] > 0.9
    assert result.calibration is None


def test_one_class_in_the_test_has_no_area() -> None:
    features, label = cancer()
    model = LogisticRegression(max_iter=5000).fit(features, label)
    result = score(model, features[label == 1], label[label == 1])
    assert isinstance(result, Classification)
    assert "roc_auc" not in result.metrics
    assert result.curves == ()


def test_regression_agrees_with_scikit_learn() -> None:
    features, label = load_diabetes(return_X_y=True, as_frame=True)
    predicted = Ridge().fit(features[::2], label[::2]).predict(features[1::2])
    result = regression()
    assert result.metrics == pytest.approx(
        {
            "mae": sk.mean_absolute_error(label[1::2], predicted),
            "rmse": sk.root_mean_squared_error(label[1::2], predicted),
            "r2": sk.r2_score(label[1::2], predicted),
        }
    )
    assert sum(result.counts) == len(predicted)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x, y: (x.drop(columns="mean radius"), y), "lacks features"),
        (lambda x, y: (x, y.where(y == 0, 7)), "classes that the model was not trained on"),
    ],
)
def test_data_that_does_not_fit(change: Any, text: str) -> None:
    features, label = cancer()
    model = DummyClassifier().fit(features, label)
    with pytest.raises(DataError, match=text) as error:
        score(model, *change(features, label))
    assert error.value.code == "DATA_SCHEMA_VIOLATED"


def test_what_neither_classifies_nor_measures() -> None:
    from sklearn.cluster import KMeans

    features, label = cancer()
    with pytest.raises(DataError) as error:
        score(KMeans(2, n_init=1).fit(features), features, label)
    assert error.value.code == "MODEL_MALFORMED"


def test_columns_are_taken_by_name() -> None:
    features, label = cancer()
    model = LogisticRegression(max_iter=5000).fit(features, label)
    turned = features[features.columns[::-1]]
    assert score(model, turned, label) == score(model, features, label)


METRICS = {"roc_auc": 0.8, "log_loss": 0.4}


@pytest.mark.parametrize(
    ("limits", "missed"),
    [
        ({}, None),
        ({"roc_auc": {"minimum": 0.8}, "log_loss": {"maximum": 0.4}}, None),
        ({"roc_auc": {"minimum": 0.81}}, "roc_auc"),
        ({"roc_auc": {"minimum": 0.7, "maximum": 0.75}}, "roc_auc"),
        ({"log_loss": {"maximum": 0.3}, "roc_auc": {"minimum": 1}}, "roc_auc, log_loss"),
    ],
)
def test_thresholds(limits: dict[str, Any], missed: str | None) -> None:
    judged = judge(METRICS, limits)
    if missed is None:
        enforce(judged)
        return
    with pytest.raises(DataError) as error:
        enforce(judged)
    assert error.value.code == "METRIC_THRESHOLD_MISSED"
    assert error.value.message.endswith(missed)


@pytest.mark.parametrize(
    "limits",
    [
        {"auc": {"minimum": 0.7}},
        {"roc_auc": {}},
        {"roc_auc": 0.7},
        {"roc_auc": {"min": 0.7}},
        {"roc_auc": {"minimum": float("nan")}},
        {"roc_auc": {"minimum": "high"}},
    ],
)
def test_wrong_thresholds_never_pass(limits: dict[str, Any]) -> None:
    with pytest.raises(DataError) as error:
        judge(METRICS, limits)
    assert error.value.code == "PARAMETER_INVALID"


@given(st.floats(allow_nan=False), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_limit_is_a_closed_interval(value: float, minimum: float, maximum: float) -> None:
    assert Limit(minimum=minimum, maximum=maximum).holds(value) == (minimum <= value <= maximum)


class _Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "style")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader


def page_of(result: Classification | Regression, label: str = "y", limits: Any = None) -> str:
    judged = judge(result.metrics, limits or {})
    return render(Subject("Estimator", label, 100, 5), result, judged)


def test_page_is_the_same_and_holds_everything() -> None:
    limits = {"roc_auc": {"minimum": 0.5}, "log_loss": {"maximum": 0.0}}
    page = page_of(classification(), limits=limits)
    assert page == page_of(classification(), limits=limits)
    reader = read(page)
    assert reader.tags.count("svg") == 2
    assert "script" not in reader.tags
    assert not [
        link for link in reader.links if "url" in link or ":" in link.split("background:")[0]
    ]
    text = " ".join(reader.text)
    for part in (
        "roc_auc",
        "1 of 2 thresholds missed",
        "Confusion matrix",
        "Calibration",
        "at most 0",
    ):
        assert part in text


def test_page_of_a_regression() -> None:
    text = " ".join(read(page_of(regression())).text)
    for part in ("rmse", "Residuals", "no thresholds set"):
        assert part in text


def test_names_from_data_are_escaped() -> None:
    evil = "</svg><script>alert(1)</script>"
    features, label = load_iris(return_X_y=True, as_frame=True)
    names = label.map({0: evil, 1: "b", 2: "c"})
    result = score(LogisticRegression(max_iter=500).fit(features, names), features, names)
    page = page_of(result, label=evil)
    assert "<script" not in page
    assert read(page).text.count(evil) >= 3
    assert "script" not in read(page_of(regression(), label=evil)).tags


@settings(max_examples=200)
@given(st.lists(st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=20))
def test_axis_holds_every_value(values: list[float]) -> None:
    axis = Axis.over("x", values)
    span = axis.high - axis.low
    assert span > 0
    assert all(-1e-6 <= axis.share(value) <= 1 + 1e-6 for value in values)
    assert 2 <= len(axis.ticks) <= 13
