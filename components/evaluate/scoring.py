"""Metrics of a model on test data, and the curves that go with them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from kfp_provenance.codes import Code
from kfp_provenance.errors import DataError

MAX_CURVE_POINTS = 100
MAX_SCATTER_POINTS = 800
CALIBRATION_BINS = 10
HISTOGRAM_BINS = 30
MAX_CURVES = 8
MAX_MATRIX = 50

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RocCurve:
    """One class against the rest; at most :data:`MAX_CURVE_POINTS` points, all finite.

    Attributes:
        name: Name of the class.
        fpr: False positive rate of each point, ascending from 0 to 1.
        tpr: True positive rate of each point.
        threshold: Least score that counts as the class, descending.
    """

    name: str
    fpr: tuple[float, ...]
    tpr: tuple[float, ...]
    threshold: tuple[float, ...]


@dataclass(frozen=True)
class Calibration:
    """Bins of equally many rows: mean predicted probability, and share that came true."""

    predicted: tuple[float, ...]
    observed: tuple[float, ...]


@dataclass(frozen=True)
class Classification:
    """How a classifier did.

    Attributes:
        metrics: Value by name; precision, recall and f1 of the positive class of two, or
            the mean over more classes.
        classes: Names of the classes, in the order of the matrix.
        matrix: Rows are true classes, columns predicted ones.
        curves: ROC, one for two classes, else one a class; empty without scores.
        calibration: For two classes with probabilities.
    """

    metrics: dict[str, float]
    classes: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    curves: tuple[RocCurve, ...] = ()
    calibration: Calibration | None = None


@dataclass(frozen=True)
class Regression:
    """How a regressor did.

    Attributes:
        metrics: Value by name, in units of the label (``r2`` without unit).
        actual: Labels of a sample of the rows, evenly spaced over the data.
        predicted: Predictions for the same rows.
        edges: Edges of the histogram of residuals, one more than ``counts``.
        counts: Rows by residual (predicted less actual).
    """

    metrics: dict[str, float]
    actual: tuple[float, ...] = field(repr=False)
    predicted: tuple[float, ...] = field(repr=False)
    edges: tuple[float, ...] = field(repr=False)
    counts: tuple[int, ...] = field(repr=False)


def score(model: Any, features: pd.DataFrame, label: pd.Series) -> Classification | Regression:
    """Predict and compare.

    Args:
        model: A fitted scikit-learn estimator.
        features: Test rows in the columns that the model was fitted on.
        label: Their labels.

    Raises:
        DataError: DATA_SCHEMA_VIOLATED if the data does not fit the model,
            MODEL_MALFORMED if it is neither a classifier nor a regressor.
    """
    from sklearn.base import is_classifier, is_regressor  # noqa: PLC0415 - heavy

    chosen = _columns(model, features)
    with threadpool_limits(limits=1, user_api="blas"):
        if is_classifier(model):
            return _classification(model, chosen, label.to_numpy())
        if is_regressor(model):
            return _regression(model, chosen, label.to_numpy())
    raise DataError(
        Code.MODEL_MALFORMED,
        "the model is neither a classifier nor a regressor",
        found=type(model).__name__,
        remedy="pass the output `model` of `train`",
    )


def _columns(model: Any, features: pd.DataFrame) -> pd.DataFrame:
    names = [str(name) for name in getattr(model, "feature_names_in_", features.columns)]
    missing = [name for name in names if name not in features.columns]
    if missing:
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            "the test data lacks features of the model: " + ", ".join(missing[:20]),
            where=f"column {missing[0]!r}",
            remedy="pass the test data of the same `preprocess` as the training data",
        )
    return features[names]


def _classification(model: Any, features: pd.DataFrame, actual: npt.NDArray[Any]) -> Classification:
    from sklearn import metrics as sk  # noqa: PLC0415 - heavy

    classes = list(model.classes_)
    if not set(actual) <= set(classes):
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            "the test data has classes that the model was not trained on",
            where="label",
            found=f"{len(set(actual) - set(classes))} unknown classes",
            remedy="split the data so that every class is in the training data",
        )
    predicted = model.predict(features)
    two = len(classes) == 2  # noqa: PLR2004
    kind = {"average": "binary", "pos_label": classes[1]} if two else {"average": "macro"}
    kind = {**kind, "zero_division": 0.0}
    frequencies = [float(np.mean(actual == name)) for name in classes]
    values = {
        "accuracy": sk.accuracy_score(actual, predicted),
        "precision": sk.precision_score(actual, predicted, **kind),
        "recall": sk.recall_score(actual, predicted, **kind),
        "f1": sk.f1_score(actual, predicted, **kind),
        "base_rate": frequencies[1] if two else max(frequencies),
    }
    scores, probable = _scores(model, features)
    curves: tuple[RocCurve, ...] = ()
    if scores is not None and all(0 < share < 1 for share in frequencies):
        values["roc_auc"] = _roc_auc(actual, scores, classes)
        curves = _curves(actual, scores, classes, probable=probable)
    if probable and scores is not None:
        values["log_loss"] = sk.log_loss(actual, scores, labels=classes)
    matrix = sk.confusion_matrix(actual, predicted, labels=classes)
    return Classification(
        metrics=_finite(values),
        classes=tuple(str(name) for name in classes),
        matrix=tuple(tuple(int(count) for count in row) for row in matrix),
        curves=curves,
        calibration=_calibration(actual == classes[1], scores[:, 1])
        if two and probable and scores is not None
        else None,
    )


def _scores(model: Any, features: pd.DataFrame) -> tuple[Floats | None, bool]:
    """A score for each row and class, and whether it is a probability."""
    if hasattr(model, "predict_proba"):
        return np.asarray(model.predict_proba(features), dtype=np.float64), True
    if not hasattr(model, "decision_function"):
        return None, False
    scores = np.asarray(model.decision_function(features), dtype=np.float64)
    return (np.column_stack([-scores, scores]) if scores.ndim == 1 else scores), False


def _roc_auc(actual: npt.NDArray[Any], scores: Floats, classes: list[Any]) -> float:
    """Area under the curve; of more than two classes the mean of one against the rest."""
    from sklearn.metrics import roc_auc_score  # noqa: PLC0415 - heavy

    chosen = [1] if len(classes) == 2 else range(len(classes))  # noqa: PLR2004
    areas = [roc_auc_score(actual == classes[index], scores[:, index]) for index in chosen]
    return float(np.mean(areas))


def _curves(
    actual: npt.NDArray[Any], scores: Floats, classes: list[Any], *, probable: bool
) -> tuple[RocCurve, ...]:
    from sklearn.metrics import roc_curve  # noqa: PLC0415 - heavy

    two = len(classes) == 2  # noqa: PLR2004
    chosen = [1] if two else range(min(len(classes), MAX_CURVES))
    curves = []
    for index in chosen:
        fpr, tpr, threshold = roc_curve(actual == classes[index], scores[:, index])
        # the first one is infinite: above every score
        threshold[0] = 1.0 if probable else scores[:, index].max() + 1.0
        keep = _along(fpr, tpr)
        points = (tuple(float(f"{v:.6g}") for v in part[keep]) for part in (fpr, tpr, threshold))
        curves.append(RocCurve(str(classes[index]), *points))
    return tuple(curves)


def _along(x: Floats, y: Floats) -> npt.NDArray[np.int64]:
    """Positions of points at even distances along the curve, with both ends."""
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    stops = np.linspace(0.0, length[-1], MAX_CURVE_POINTS - 2)
    inner = np.searchsorted(length, stops).clip(0, len(x) - 1)
    return np.unique(np.concatenate([[0], inner, [len(x) - 1]]))


def _calibration(positive: npt.NDArray[np.bool_], probability: Floats) -> Calibration:
    order = np.argsort(probability, kind="stable")
    bins = [part for part in np.array_split(order, CALIBRATION_BINS) if len(part)]
    return Calibration(
        predicted=tuple(float(probability[part].mean()) for part in bins),
        observed=tuple(float(positive[part].mean()) for part in bins),
    )


def _regression(model: Any, features: pd.DataFrame, label: npt.NDArray[Any]) -> Regression:
    from sklearn import metrics as sk  # noqa: PLC0415 - heavy

    actual = np.asarray(label, dtype=np.float64)
    predicted = np.asarray(model.predict(features), dtype=np.float64)
    values = {
        "mae": sk.mean_absolute_error(actual, predicted),
        "rmse": math.sqrt(sk.mean_squared_error(actual, predicted)),
    }
    if len(actual) > 1:
        values["r2"] = sk.r2_score(actual, predicted)
    keep = np.unique(np.linspace(0, len(actual) - 1, MAX_SCATTER_POINTS).round().astype(int))
    counts, edges = np.histogram(predicted - actual, bins=HISTOGRAM_BINS)
    return Regression(
        metrics=_finite(values),
        actual=tuple(float(value) for value in actual[keep]),
        predicted=tuple(float(value) for value in predicted[keep]),
        edges=tuple(float(edge) for edge in edges),
        counts=tuple(int(count) for count in counts),
    )


def _finite(values: dict[str, float]) -> dict[str, float]:
    """Only numbers that JSON can carry; a metric that is not defined is left out."""
    return {name: float(value) for name, value in values.items() if math.isfinite(value)}
