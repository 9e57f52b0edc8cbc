"""What the component ``train`` does, apart from KFP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from kfp_provenance.codes import Code
from kfp_provenance.components._models import save_model
from kfp_provenance.components._parameters import invalid, whole_numbers
from kfp_provenance.components._tables import label_column, read_frame
from kfp_provenance.components.train.estimators import make_estimator
from kfp_provenance.errors import DataError


@dataclass(frozen=True)
class Fitted:
    """What was trained: numbers of rows and features, and the versions it needs."""

    rows: int
    features: int
    framework_version: str


def fit_model(
    training_data: Path,
    model: Path,
    *,
    label: str,
    estimator: str,
    hyperparameters: dict[str, object],
    seed: int,
    allowed_estimators: Sequence[str] = (),
) -> Fitted:
    """Fit an estimator and save it; the same arguments give the same bytes.

    Linear algebra runs on one thread: on more, the order of its sums, and with it the
    last digits of the model, would depend on the number of cores.

    Args:
        training_data: Parquet file of numeric features and the label.
        model: skops file to write.
        label: Column to predict.
        estimator: Import path of an allowed estimator.
        hyperparameters: Keyword arguments of its constructor. A pipeline does not tell 1.0
            from 1: a whole number is given as an integer.
        seed: Its ``random_state``, if it has one.
        allowed_estimators: Import paths that are allowed beyond the built-in ones.

    Raises:
        DataError: ESTIMATOR_NOT_ALLOWED, PARAMETER_INVALID, DATA_UNREADABLE,
            DATA_SCHEMA_VIOLATED or DEPENDENCY_MISSING.
    """
    import sklearn  # noqa: PLC0415 - heavy

    arguments = {name: whole_numbers(value) for name, value in hyperparameters.items()}
    unfitted = make_estimator(estimator, arguments, seed, extra=allowed_estimators)
    frame = read_frame(training_data)
    values = label_column(frame, label)
    features = frame.drop(columns=[label])
    _check_numeric(features, values)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            fitted = unfitted.fit(features, values)
    except ValueError as error:
        # scikit-learn checks hyperparameters and data here, in words without cells
        raise invalid("hyperparameters", f"{estimator} cannot be fitted: {error}") from error
    _forget_machine(fitted)
    save_model(fitted, model)
    return Fitted(len(frame), features.shape[1], sklearn.__version__)


def _forget_machine(fitted: object) -> None:
    """Histogram boosting keeps the number of cores it was fitted with, and never reads it."""
    mapper = getattr(fitted, "_bin_mapper", None)
    if mapper is not None and hasattr(mapper, "n_threads"):
        mapper.n_threads = 1


def _check_numeric(features: pd.DataFrame, label: pd.Series) -> None:
    texts = [str(n) for n in features.columns if not pd.api.types.is_numeric_dtype(features[n])]
    if texts or not features.shape[1]:
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            "features must be numbers" + (": " + ", ".join(texts[:20]) if texts else ", and some"),
            where=f"column {texts[0]!r}" if texts else "columns",
            remedy="pass the output `training_data` of `preprocess`",
        )
    if label.isna().any():
        raise DataError(
            Code.DATA_SCHEMA_VIOLATED,
            f"{int(label.isna().sum())} rows have no label",
            where=f"column {label.name!r}",
            remedy="pass the output `training_data` of `preprocess`",
        )
